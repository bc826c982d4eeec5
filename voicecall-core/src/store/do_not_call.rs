//! The wish not to be called any more: a list of keys, and what follows from standing on it.

use jiff::Timestamp;

use super::event::EventSource;
use super::session::{Session, SessionChange};
use super::status::EndReason;
use crate::error::{Error, ErrorKind};
use crate::seal::PersonKey;

/// The [code](Error::code) of the refusal to call somebody who asked not to be called any more.
pub const DO_NOT_CALL: &str = "do_not_call";

impl Session {
    /// The keys by which its person is known: none if the address is withheld, two if the person is known by another
    /// address than this one.
    pub fn people(&self) -> impl Iterator<Item = PersonKey> + use<> {
        let remote = self.remote.as_ref().map(|remote| PersonKey::from(remote.lookup));
        self.person.into_iter().chain(remote.filter(|remote| self.person != Some(*remote)))
    }

    /// How it ends once its person must not be called any more; `None` if it does not wait to call.
    #[must_use]
    pub fn end_uncalled(&self, at: Timestamp) -> Option<SessionChange> {
        self.due_at?;
        Some(SessionChange::Ended { reason: EndReason::DoNotCall, source: EventSource::System, at })
    }
}

/// What every store answers to `operation`, if that would call somebody who asked not to be called any more.
#[must_use]
pub fn refuse_to_call(operation: &'static str) -> Error {
    Error::new(ErrorKind::Conflict, operation)
        .with_code(DO_NOT_CALL)
        .with_field("remote")
        .with_message("the person asked not to be called any more")
}
