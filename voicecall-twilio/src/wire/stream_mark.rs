//! The body of a `mark` message: a mark that came back.

use std::borrow::Cow;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(crate) struct StreamMark<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

impl StreamMark<'_> {
    /// The number of a mark of ours: decimal, as we wrote it. Other names are somebody else's marks.
    pub(crate) fn number(&self) -> Option<u64> {
        let canonical =
            self.name.bytes().all(|byte| byte.is_ascii_digit()) && (self.name == "0" || !self.name.starts_with('0'));
        if canonical { self.name.parse().ok() } else { None }
    }
}
