//! The languages an interview can be held in.

use serde::{Deserialize, Serialize};

/// The language of an interview: its sentences, what is understood without a model, and what the model is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Language {
    /// Swedish.
    #[default]
    Swedish,
    /// English.
    English,
}

impl Language {
    /// Its English name, for prompts.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Swedish => "Swedish",
            Self::English => "English",
        }
    }
}
