//! A warning that is given once, however often its reason returns.

use std::sync::atomic::{AtomicBool, Ordering};

/// Runs what it is given the first time only.
#[derive(Debug, Default)]
pub(crate) struct WarnOnce(AtomicBool);

impl WarnOnce {
    pub(crate) fn run(&self, warn: impl FnOnce()) {
        if !self.0.swap(true, Ordering::Relaxed) {
            warn();
        }
    }
}
