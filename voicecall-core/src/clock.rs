//! The time of day that services go by.

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// What time it is: the system's clock, or one that runs with the runtime's, which tests pause and advance.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock(Option<(Timestamp, Instant)>);

impl Clock {
    /// The system's clock, which may jump.
    #[must_use]
    pub const fn system() -> Self {
        Self(None)
    }

    /// A clock that shows `at` now and runs with the runtime's time from here on.
    #[must_use]
    pub fn from(at: Timestamp) -> Self {
        Self(Some((at, Instant::now())))
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self.0 {
            None => Timestamp::now(),
            Some((at, since)) => at
                .saturating_add(SignedDuration::try_from(since.elapsed()).unwrap_or(SignedDuration::MAX))
                .unwrap_or(Timestamp::MAX),
        }
    }
}
