//! What follows from a journal entry in every store: the events of a session are a view of its journal.

use super::event::{EventKind, EventSource, SessionEvent};
use crate::id::RecordId;
use crate::journal::{Fact, JournalEntry};

/// The event that follows from an entry, if one does.
///
/// What else follows is written by the store's [`Extension`](super::Extension)s, in the same transaction.
#[must_use]
pub fn event_of(entry: &JournalEntry) -> Option<SessionEvent> {
    let kind = match entry.fact {
        Fact::Connected => EventKind::AiConnected,
        Fact::Warned => EventKind::WarningSent,
        _ => return None,
    };
    Some(entry.event(kind, EventSource::System))
}

impl JournalEntry {
    /// An event that follows from the entry, at its instant. Its id is [derived](Self::derived_id).
    #[must_use]
    pub fn event(&self, kind: EventKind, source: EventSource) -> SessionEvent {
        SessionEvent { id: self.derived_id(), ..SessionEvent::new(self.session, kind, source, self.at) }
    }

    /// An id for a row that follows from the entry: always the same, so that a repeated append adds nothing.
    #[must_use]
    pub fn derived_id(&self) -> RecordId {
        // The session's id with the number mixed into its random part.
        let mut bytes = *self.session.as_uuid().as_bytes();
        for (byte, seq) in bytes[8..].iter_mut().zip(self.seq.to_be_bytes()) {
            *byte ^= seq;
        }
        RecordId::from_uuid(uuid::Builder::from_bytes(bytes).with_version(uuid::Version::Custom).into_uuid())
    }
}
