//! The wish to be called again, and what follows from it for a session.

use super::channel::Direction;
use super::session::Session;
use super::status::SessionStatus;
use crate::journal::{Fact, JournalEntry};

impl Session {
    /// Takes in what an entry of its journal means for its own row, as every store does in the transaction that appends the
    /// entry. Returns whether the session changed.
    ///
    /// The caller of a call that came in is not called back.
    #[must_use = "a session that changed is to be stored"]
    pub fn take_in(&mut self, entry: &JournalEntry) -> bool {
        let wish = match entry.fact {
            Fact::CallBack { not_before, .. } => Some(not_before.unwrap_or(entry.at)),
            Fact::DoNotCall => None,
            _ => return false,
        };
        if self.direction == Direction::Inbound || !self.is_open_call() || self.call_back_at == wish {
            return false;
        }
        self.call_back_at = wish;
        self.updated_at = self.updated_at.max(entry.at);
        true
    }

    /// Whether it may wait to be called: nobody was reached yet, or the person who was asked to be called again.
    #[must_use]
    pub(super) fn may_wait(&self) -> bool {
        match self.status {
            SessionStatus::Initiated | SessionStatus::Connecting => true,
            SessionStatus::InProgress => self.call_back_at.is_some(),
            _ => false,
        }
    }
}
