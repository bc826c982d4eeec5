//! What a configuration says of accounts, key by key, so that whatever is wrong is named by its key and its line. Values
//! are never quoted: they may be secrets.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use secrecy::SecretString;
use serde::de::{DeserializeOwned, IntoDeserializer as _};
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use url::Url;

use voicecall_core::{Error, PhoneNumber, Result};

/// A TOML text and what is needed to read it.
pub(super) struct Source<'a> {
    pub(super) text: &'a str,
    pub(super) file: Option<&'a str>,
    pub(super) public_url: &'a Url,
    /// The environment.
    pub(super) variable: &'a dyn Fn(&str) -> Option<String>,
}

impl Source<'_> {
    fn wrong(&self, key: String, expected: impl fmt::Display, at: Option<Range<usize>>) -> Error {
        let before = at.map_or("", |at| self.text.get(..at.start).unwrap_or(self.text));
        let line = before.matches('\n').count() + 1;
        let place = self.file.map_or_else(|| format!("line {line}"), |file| format!("{file}:{line}"));
        Error::config(key, format!("{expected} ({place})"))
    }
}

/// The accounts of a text, in its order.
pub(super) fn accounts_of<'a>(source: &'a Source<'a>) -> Result<Vec<AccountSettings<'a>>> {
    let parsed = DeTable::parse(source.text);
    // The parser's own error quotes the line.
    let parsed = parsed.map_err(|error| source.wrong("toml".to_owned(), error.message(), error.span()))?;
    let mut accounts = Vec::new();
    for (key, value) in parsed.into_inner() {
        if key.get_ref() != "account" {
            let expected = "no such key; there is: account";
            return Err(source.wrong(key.get_ref().to_string(), expected, Some(key.span())));
        }
        let span = value.span();
        let wrong = || source.wrong("account".to_owned(), "a list: [[account]]", Some(span.clone()));
        let DeValue::Array(list) = value.into_inner() else { return Err(wrong()) };
        for (index, account) in list.into_iter().enumerate() {
            let span = account.span();
            let DeValue::Table(table) = account.into_inner() else { return Err(wrong()) };
            accounts.push(AccountSettings { source, index, span, table, asked: BTreeSet::new() });
        }
    }
    if accounts.is_empty() {
        return Err(source.wrong("account".to_owned(), "at least one [[account]]", None));
    }
    Ok(accounts)
}

/// What a configuration says of one account: what a carrier's factory reads its own keys from.
pub struct AccountSettings<'a> {
    source: &'a Source<'a>,
    index: usize,
    span: Range<usize>,
    table: DeTable<'a>,
    /// The keys that somebody asked for.
    asked: BTreeSet<&'static str>,
}

impl fmt::Debug for AccountSettings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.table.keys().map(|key| key.get_ref().as_ref()).collect();
        f.debug_struct("AccountSettings").field("index", &self.index).field("keys", &keys).finish_non_exhaustive()
    }
}

impl<'a> AccountSettings<'a> {
    /// Where carriers reach this server.
    #[must_use]
    pub const fn public_url(&self) -> &Url {
        self.source.public_url
    }

    /// A text, or the environment variable that stands in its place as `{ env = "NAME" }`; `None` if there is no such key.
    ///
    /// # Errors
    /// `Config` naming the key if it is no text, or a variable that is not set.
    pub fn text(&mut self, key: &'static str) -> Result<Option<String>> {
        match self.value(key) {
            None => Ok(None),
            Some(DeValue::String(text)) => Ok(Some(text.to_string())),
            Some(value) => self.variable(key, value, "a text, or { env = \"NAME\" }").map(Some),
        }
    }

    /// A text that is never printed, as [`text`](Self::text).
    ///
    /// # Errors
    /// As [`text`](Self::text).
    pub fn secret(&mut self, key: &'static str) -> Result<Option<SecretString>> {
        Ok(self.text(key)?.map(SecretString::from))
    }

    /// A number; `None` if there is no such key.
    ///
    /// # Errors
    /// `Config` naming the key if it is none.
    pub fn number(&mut self, key: &'static str) -> Result<Option<f64>> {
        let number = match self.value(key) {
            None => return Ok(None),
            Some(DeValue::Integer(whole)) if whole.radix() == 10 => whole.as_str().parse().ok(),
            Some(DeValue::Float(number)) => number.as_str().parse().ok(),
            Some(_) => None,
        };
        number.map(Some).ok_or_else(|| self.wrong(key, "a number"))
    }

    /// `true` or `false`; `None` if there is no such key.
    ///
    /// # Errors
    /// `Config` naming the key if it is neither.
    pub fn flag(&mut self, key: &'static str) -> Result<Option<bool>> {
        match self.value(key) {
            None => Ok(None),
            Some(DeValue::Boolean(flag)) => Ok(Some(flag)),
            Some(_) => Err(self.wrong(key, "true or false")),
        }
    }

    /// An error about a key of this account, which may be one below it such as `prices."+46"`. It names the line; `expected`
    /// must not quote a secret.
    #[must_use]
    pub fn wrong(&self, key: &str, expected: impl Into<Cow<'static, str>>) -> Error {
        let at = self.table.get_key_value(key.split(['.', '[']).next().unwrap_or(key));
        let at = at.map_or_else(|| self.span.clone(), |(key, _)| key.span());
        self.source.wrong(format!("account[{}].{key}", self.index), expected.into(), Some(at))
    }

    pub(super) fn numbers(&mut self) -> Result<Vec<PhoneNumber>> {
        let key = "numbers";
        let texts: Vec<String> = match self.value(key) {
            None => return Ok(Vec::new()),
            Some(DeValue::Array(list)) => {
                let texts = list.iter().map(|text| text.get_ref().as_str().map(str::to_owned));
                texts.collect::<Option<_>>().ok_or_else(|| self.wrong(key, "a list of texts"))?
            }
            Some(value) => {
                let text = self.variable(key, value, "a list, or { env = \"NAME\" }")?;
                text.split(',').map(|number| number.trim().to_owned()).collect()
            }
        };
        let numbers = texts.iter().enumerate().map(|(place, text)| {
            text.parse().map_err(|_| self.wrong(&format!("{key}[{place}]"), "a number in E.164 form"))
        });
        numbers.collect()
    }

    /// A table of what `T` has; `None` if there is no such key.
    pub(super) fn table<T: DeserializeOwned>(&mut self, key: &'static str) -> Result<Option<T>> {
        self.asked.insert(key);
        let Some(value) = self.table.get(key).cloned() else { return Ok(None) };
        T::deserialize(value.into_deserializer()).map(Some).map_err(|error| {
            let expected = without_value(error.message().lines().next().unwrap_or_default());
            match error.span() {
                Some(at) => self.source.wrong(format!("account[{}].{key}", self.index), expected, Some(at)),
                None => self.wrong(key, expected),
            }
        })
    }

    /// Refuses keys that nobody asked for.
    pub(super) fn finish(&self) -> Result<()> {
        match self.table.keys().find(|key| !self.asked.contains(key.get_ref().as_ref())) {
            Some(key) => {
                let there_are: Vec<_> = self.asked.iter().copied().collect();
                Err(self.wrong(key.get_ref(), format!("no such key; there are: {}", there_are.join(", "))))
            }
            None => Ok(()),
        }
    }

    fn value(&mut self, key: &'static str) -> Option<DeValue<'a>> {
        self.asked.insert(key);
        self.table.get(key).map(|value| value.get_ref().clone())
    }

    fn variable(&self, key: &str, value: DeValue<'_>, expected: &'static str) -> Result<String> {
        let table = value.as_table().filter(|table| table.len() == 1);
        let name = table.and_then(|table| table.get("env")).map(Spanned::get_ref).and_then(DeValue::as_str);
        let name = name.ok_or_else(|| self.wrong(key, expected))?;
        let value = (self.source.variable)(name).filter(|value| !value.is_empty());
        value.ok_or_else(|| self.wrong(key, format!("the environment variable {name} is not set")))
    }
}

/// What a deserializer says is wrong, without the value that is: of names of fields it says which there are.
fn without_value(message: &str) -> String {
    let quotes_value =
        ["invalid type", "invalid value", "unknown variant"].iter().any(|begin| message.starts_with(begin));
    match message.split_once(", expected ").filter(|_| quotes_value) {
        Some((_, expected)) => format!("expected {expected}"),
        None => message.to_owned(),
    }
}
