//! Which sessions to list.

use jiff::Timestamp;

use super::{Direction, EndReason, Session, SessionStatus};
use crate::seal::PersonKey;

/// Which sessions of a tenant to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionFilter {
    /// Those with one of these statuses; all of them if empty.
    pub statuses: Vec<SessionStatus>,
    /// Those that ended for this reason.
    pub end_reason: Option<EndReason>,
    /// Those that this side began.
    pub direction: Option<Direction>,
    /// Those asked for at or after this instant.
    pub from: Option<Timestamp>,
    /// Those asked for before this instant.
    pub until: Option<Timestamp>,
    /// Those with this person, by whichever of the two keys.
    pub person: Option<PersonKey>,
}

impl SessionFilter {
    /// Whether a session is one of them.
    #[must_use]
    pub fn matches(&self, session: &Session) -> bool {
        (self.statuses.is_empty() || self.statuses.contains(&session.status))
            && (self.end_reason.is_none() || session.end_reason == self.end_reason)
            && self.direction.is_none_or(|direction| session.direction == direction)
            && self.from.is_none_or(|from| from <= session.started_at)
            && self.until.is_none_or(|until| session.started_at < until)
            && self.person.is_none_or(|person| session.is_with(person))
    }
}
