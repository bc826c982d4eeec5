//! Call time on tokio's clock, paused or not.

use tokio::time::Instant;
use voicecall_core::CallTime;

/// The time since it was started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(self) -> CallTime {
        CallTime::ZERO + self.0.elapsed()
    }

    pub(crate) fn instant(self, at: CallTime) -> Instant {
        self.0 + at.since(CallTime::ZERO)
    }
}
