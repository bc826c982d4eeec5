//! The body of a `dtmf` message: a key the caller pressed.

use std::borrow::Cow;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(crate) struct StreamDtmf<'a> {
    #[serde(borrow)]
    digit: Cow<'a, str>,
}

impl StreamDtmf<'_> {
    /// The key, if it is one a telephone has.
    pub(crate) fn key(&self) -> Option<char> {
        let mut keys = self.digit.chars();
        match (keys.next(), keys.next()) {
            (Some(key @ ('0'..='9' | '*' | '#' | 'A'..='D')), None) => Some(key),
            _ => None,
        }
    }
}
