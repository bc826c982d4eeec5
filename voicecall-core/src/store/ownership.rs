//! Who runs a session: one owner at a time, for as long as it says so.

use jiff::Timestamp;

use crate::id::{Epoch, SessionId, TenantId};

/// How a session changes hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakeOver {
    /// Until when the new owner holds it, unless it goes on holding it.
    pub hold: Timestamp,
    /// Only if nobody holds it beyond this instant; `None` takes it from whoever has it.
    pub free_at: Option<Timestamp>,
}

impl TakeOver {
    /// From whoever has it.
    #[must_use]
    pub const fn from_anybody(hold: Timestamp) -> Self {
        Self { hold, free_at: None }
    }
}

/// A session that somebody owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HeldSession {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub session: SessionId,
    /// The owner.
    pub epoch: Epoch,
}
