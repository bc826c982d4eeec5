//! What was said with a person before a session began, for a dialogue to know.

use jiff::Timestamp;

use crate::journal::Speaker;
use crate::store::Channel;

/// What was said with a person before a session began, in calls and messages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Past {
    /// What was said longest ago, summed up.
    pub summary: Option<String>,
    /// What was said since, oldest first.
    pub lines: Vec<PastLine>,
}

/// Something that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastLine {
    /// By whom.
    pub speaker: Speaker,
    /// Over what.
    pub channel: Channel,
    /// When.
    pub at: Timestamp,
    /// The words, as far as they were heard.
    pub text: String,
}

impl Past {
    /// Whether nothing was said.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.summary.is_none() && self.lines.is_empty()
    }
}
