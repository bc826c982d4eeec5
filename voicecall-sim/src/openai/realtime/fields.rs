//! Reads the members of events one by one, so that each mistake is refused by its place.

use serde_json::{Map, Value};

use super::error::EventError;

/// The members of an object, and where in the event it stands.
#[derive(Debug, Clone)]
pub(super) struct Fields<'a> {
    path: String,
    members: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    /// The members of an object, which are all `known`. The path of a whole event is empty.
    pub(super) fn of(path: impl Into<String>, value: &'a Value, known: &[&str]) -> Result<Self, EventError> {
        let path = path.into();
        let members = value.as_object().ok_or_else(|| EventError::wrong_type(&path, "an object"))?;
        let fields = Self { path, members };
        match members.keys().find(|key| !known.contains(&key.as_str())) {
            Some(unknown) => Err(EventError::unknown(&fields.path(unknown))),
            None => Ok(fields),
        }
    }

    /// Where a member stands.
    pub(super) fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// A member that is there, be it null.
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name)
    }

    /// A member that is neither absent nor null.
    pub(super) fn some(&self, name: &str) -> Option<&'a Value> {
        self.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn required(&self, name: &str) -> Result<&'a Value, EventError> {
        self.some(name).ok_or_else(|| EventError::missing(&self.path(name)))
    }

    /// An object whose members are all `known`.
    pub(super) fn object(&self, name: &str, known: &[&str]) -> Result<Option<Self>, EventError> {
        self.get(name).map(|value| Fields::of(self.path(name), value, known)).transpose()
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, EventError> {
        let read = |value: &'a Value| value.as_str().ok_or_else(|| self.wrong_type(name, "a string"));
        self.get(name).map(read).transpose()
    }

    pub(super) fn required_text(&self, name: &str) -> Result<&'a str, EventError> {
        self.required(name)?.as_str().ok_or_else(|| self.wrong_type(name, "a string"))
    }

    pub(super) fn required_count(&self, name: &str) -> Result<u64, EventError> {
        self.required(name)?.as_u64().ok_or_else(|| self.wrong_type(name, "a non-negative integer"))
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, EventError> {
        let read = |value: &Value| value.as_bool().ok_or_else(|| self.wrong_type(name, "a boolean"));
        self.get(name).map(read).transpose()
    }

    /// A list, its elements with their places.
    pub(super) fn list(&self, name: &str) -> Result<Option<Vec<(String, &'a Value)>>, EventError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let values = value.as_array().ok_or_else(|| self.wrong_type(name, "an array"))?;
        let path = self.path(name);
        Ok(Some(values.iter().enumerate().map(|(at, value)| (format!("{path}[{at}]"), value)).collect()))
    }

    /// One of a few words.
    pub(super) fn one_of(&self, name: &str, words: &[&'static str]) -> Result<Option<&'static str>, EventError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let found = words.iter().find(|word| **word == text);
        found.map(|word| Some(*word)).ok_or_else(|| self.not_among(name, text, words))
    }

    pub(super) fn wrong_type(&self, name: &str, expected: &str) -> EventError {
        EventError::wrong_type(&self.path(name), expected)
    }

    pub(super) fn invalid(&self, name: &str, message: impl Into<String>) -> EventError {
        EventError::invalid(self.path(name), message)
    }

    pub(super) fn not_simulated(&self, name: &str, what: &str) -> EventError {
        EventError::not_simulated(self.path(name), what)
    }

    pub(super) fn not_among(&self, name: &str, value: &str, words: &[&str]) -> EventError {
        let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
        self.invalid(name, format!("Invalid value: '{value}'. Supported values are: {}.", words.join(", ")))
    }
}
