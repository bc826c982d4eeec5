//! What a caller keyed in or said, as the carrier understood it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What was gathered. It is what the caller said: `Debug` does not show it.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Gathered {
    /// The keys, without the one that ended the input.
    pub digits: Option<String>,
    /// The words.
    pub speech: Option<String>,
    /// How sure the carrier is of the words, 0 to 1.
    pub confidence: Option<f32>,
}

impl Gathered {
    /// Keys.
    #[must_use]
    pub fn digits(digits: impl Into<String>) -> Self {
        Self { digits: Some(digits.into()), ..Self::default() }
    }

    /// Words.
    #[must_use]
    pub fn speech(words: impl Into<String>, confidence: Option<f32>) -> Self {
        Self { digits: None, speech: Some(words.into()), confidence }
    }

    /// Whether there was no input.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.digits.is_none() && self.speech.is_none()
    }
}

impl fmt::Debug for Gathered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = |text: &Option<String>| text.as_ref().map(|text| text.chars().count());
        f.debug_struct("Gathered")
            .field("digits", &length(&self.digits))
            .field("speech", &length(&self.speech))
            .field("confidence", &self.confidence)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carrier::CarrierEventKind;

    #[test]
    fn what_was_said_is_neither_printed_nor_logged() {
        let gathered = Gathered { digits: Some("4711".to_owned()), ..Gathered::speech("kanariefågel", Some(0.5)) };
        let kind = CarrierEventKind::Gathered(gathered);
        let logged = serde_json::to_string(&kind.without_personal_data()).unwrap();
        for text in [format!("{kind:?}"), logged] {
            assert!(!text.contains("4711") && !text.contains("kanarie"), "{text}");
        }
    }
}
