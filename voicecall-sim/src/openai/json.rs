//! Reads the members of a JSON request body one by one, so that each mistake is refused by its name.

use serde_json::{Map, Value};

use super::ApiError;

/// The members of a request body.
pub(super) struct Members(Map<String, Value>);

impl Members {
    /// Reads a body that is a JSON object whose members are all `known`.
    pub(super) fn read(body: &[u8], known: &[&str]) -> Result<Self, ApiError> {
        let value: Value = serde_json::from_slice(body)
            .map_err(|_| ApiError::malformed("We could not parse the JSON body of your request."))?;
        let Value::Object(members) = value else {
            return Err(ApiError::malformed("The body of the request is not a JSON object."));
        };
        match members.keys().find(|key| !known.contains(&key.as_str())) {
            Some(unknown) => Err(ApiError::unknown_parameter(unknown)),
            None => Ok(Self(members)),
        }
    }

    /// A member that is neither absent nor null.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A text that is not empty.
    pub(super) fn text(&self, name: &'static str) -> Result<&str, ApiError> {
        let value = self.get(name).ok_or_else(|| ApiError::missing(name))?;
        value.as_str().filter(|text| !text.is_empty()).ok_or_else(|| wrong_type(name, "a non-empty string"))
    }

    /// A flag that is `false` if absent.
    pub(super) fn flag(&self, name: &'static str) -> Result<bool, ApiError> {
        let Some(value) = self.get(name) else { return Ok(false) };
        value.as_bool().ok_or_else(|| wrong_type(name, "a boolean"))
    }

    /// A whole number from 1.
    pub(super) fn count(&self, name: &'static str) -> Result<Option<usize>, ApiError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let count = value.as_u64().filter(|&count| count > 0).ok_or_else(|| wrong_type(name, "a positive integer"))?;
        Ok(Some(usize::try_from(count).unwrap_or(usize::MAX)))
    }

    /// The model's id: printable and without white space.
    pub(super) fn model(&self) -> Result<&str, ApiError> {
        check_model(self.text("model")?)
    }
}

/// Any model's id is accepted that could be one.
pub(super) fn check_model(id: &str) -> Result<&str, ApiError> {
    let is_printable = |id: &str| !id.is_empty() && id.chars().all(|char| char.is_ascii_graphic());
    if is_printable(id) { Ok(id) } else { Err(ApiError::invalid("model", "invalid model ID")) }
}

/// Whether a schema or a tool may have this name.
pub(super) fn is_name(name: &str) -> bool {
    let is_allowed = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-');
    (1..=64).contains(&name.len()) && name.chars().all(is_allowed)
}

pub(super) fn wrong_type(name: &str, expected: &str) -> ApiError {
    ApiError::invalid(name, format!("Invalid type for '{name}': expected {expected}."))
}
