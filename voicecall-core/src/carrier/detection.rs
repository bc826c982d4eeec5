//! Who, or what, answered a call.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The verdict of a machine detection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Detection {
    /// Who, or what.
    pub answered_by: AnsweredBy,
    /// How long it took from the answer.
    pub took: Option<Duration>,
}

impl Detection {
    /// A verdict.
    #[must_use]
    pub const fn new(answered_by: AnsweredBy, took: Option<Duration>) -> Self {
        Self { answered_by, took }
    }
}

/// Who, or what, answered a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AnsweredBy {
    /// A person.
    Human,
    /// A machine, whose greeting may go on.
    MachineStart,
    /// A machine, whose greeting has ended: a message can be left now.
    MachineEnd(GreetingEnd),
    /// A fax.
    Fax,
    /// It was not found out in time.
    Unknown,
}

impl AnsweredBy {
    /// Whether nobody listens.
    #[must_use]
    pub const fn is_machine(self) -> bool {
        matches!(self, Self::MachineStart | Self::MachineEnd(_) | Self::Fax)
    }
}

/// How a machine's greeting ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GreetingEnd {
    /// With a beep.
    Beep,
    /// With silence.
    Silence,
    /// Otherwise.
    Other,
}
