//! What the time of a call-back means: words, what they say of a day and a clock, and the instants between which that lies.

mod calendar;
mod spoken;
#[cfg(test)]
mod tests;
mod vocabulary;

use jiff::{Timestamp, Zoned};

use super::super::language::Language;

/// Between which instants somebody wants to be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::interview) struct Window {
    /// The earliest; `None` if nothing was said of it.
    pub(in crate::interview) not_before: Option<Timestamp>,
    /// The latest; `None` if any is right from then on.
    pub(in crate::interview) not_after: Option<Timestamp>,
}

/// Reads the words of a time as they were said at `now`, on the clock and calendar of whoever said them.
///
/// A clock that is set forward skips times: those are taken as so much later. One that is set back has times twice: a window
/// begins with the first and ends with the second. Of an hour that may be morning or evening, the one is meant in which people
/// call each other: one to seven is the afternoon, eight to twelve the morning, unless that has passed today.
pub(super) fn window(said: &[String], language: Language, now: &Zoned) -> Window {
    spoken::read(said, vocabulary::of(language)).resolve(now)
}
