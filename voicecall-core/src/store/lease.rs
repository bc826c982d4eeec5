//! Who runs a session: one owner at a time, for as long as its lease runs.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::id::{Epoch, SessionId, TenantId};

/// For how long a lease runs, from now on.
///
/// What counts is the clock of a store that several hosts share, if it has one: whoever's own clock is wrong neither keeps a
/// session for longer than others do nor takes one too early. Other stores take the time that they are handed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseTerm {
    /// What time it is, to a store without a clock of its own.
    pub now: Timestamp,
    /// How long the lease runs, unless it is renewed.
    pub length: Duration,
}

impl LeaseTerm {
    /// Until when the lease runs.
    #[must_use]
    pub fn until(self) -> Timestamp {
        let length = SignedDuration::try_from(self.length).unwrap_or(SignedDuration::MAX);
        self.now.saturating_add(length).unwrap_or(Timestamp::MAX)
    }
}

/// How a session changes hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcquireLease {
    /// For how long the new owner's lease runs.
    pub term: LeaseTerm,
    /// Only if nobody's lease runs now; otherwise the session is taken from whoever has it.
    pub only_if_free: bool,
    /// Only from this owner: of several who want it from the same one, the first gets it. `None` takes it from anybody.
    pub from: Option<Epoch>,
}

impl AcquireLease {
    /// From whoever has it.
    #[must_use]
    pub const fn from_anybody(term: LeaseTerm) -> Self {
        Self { term, only_if_free: false, from: None }
    }

    /// From this owner and nobody else.
    #[must_use]
    pub const fn from_owner(owner: Epoch, term: LeaseTerm) -> Self {
        Self { from: Some(owner), ..Self::from_anybody(term) }
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
