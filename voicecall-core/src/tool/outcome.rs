//! What came of a tool, as the dialogue is told and as the model reads it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What came of a call of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ToolOutcome {
    /// It did what it should and returned this.
    Returned(Value),
    /// It did not, for this reason. Also a call that fits no tool, and one that took too long or panicked.
    Failed(String),
    /// It was given up before it had finished.
    Cancelled,
    /// Nobody knows whether it ran, and running it again might do its work twice: the process ended in between, or the
    /// handler has lost touch with what does the work.
    Unknown,
}

impl ToolOutcome {
    /// The result as the model reads it: JSON. What a tool returned is data, never instructions.
    #[must_use]
    pub fn for_model(&self) -> String {
        match self {
            Self::Returned(value) => value.to_string(),
            Self::Failed(reason) => json!({ "error": reason }).to_string(),
            Self::Cancelled => json!({ "error": "cancelled because the caller spoke" }).to_string(),
            Self::Unknown => {
                json!({ "error": "nobody knows whether this was done; do not try again, tell the caller" }).to_string()
            }
        }
    }

    /// Its name in a journal that holds no content.
    #[must_use]
    pub const fn state(&self) -> ToolState {
        match self {
            Self::Returned(_) => ToolState::Returned,
            Self::Failed(_) => ToolState::Failed,
            Self::Cancelled => ToolState::Cancelled,
            Self::Unknown => ToolState::Unknown,
        }
    }
}

/// An outcome without what was returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ToolState {
    /// It did what it should.
    Returned,
    /// It did not.
    Failed,
    /// It was given up.
    Cancelled,
    /// Nobody knows.
    Unknown,
}
