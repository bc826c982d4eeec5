//! Who runs a session: one owner at a time, for as long as its lease runs.

use jiff::Timestamp;

use crate::id::{Epoch, SessionId, TenantId};

/// How a session changes hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcquireLease {
    /// Until when the new owner's lease runs, unless it is renewed.
    pub until: Timestamp,
    /// Only if nobody's lease runs beyond this instant; `None` takes the session from whoever has it.
    pub free_at: Option<Timestamp>,
    /// Only from this owner: of several who want it from the same one, the first gets it. `None` takes it from anybody.
    pub from: Option<Epoch>,
}

impl AcquireLease {
    /// From whoever has it.
    #[must_use]
    pub const fn from_anybody(until: Timestamp) -> Self {
        Self { until, free_at: None, from: None }
    }

    /// From this owner and nobody else.
    #[must_use]
    pub const fn from_owner(owner: Epoch, until: Timestamp) -> Self {
        Self { from: Some(owner), ..Self::from_anybody(until) }
    }
}

/// A session that somebody owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    /// Whose session.
    pub tenant: TenantId,
    /// Which.
    pub session: SessionId,
    /// The owner.
    pub epoch: Epoch,
}
