//! How a fault ends, or holds up, a call's audio.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use voicecall_core::audio::FRAME_DURATION;

use super::phone::PhoneEnd;
use crate::fault::Fault;

/// The fault of one media socket, as it strikes frame by frame.
#[derive(Debug)]
pub(super) struct BreakOff {
    fault: Option<Fault>,
    begun: Instant,
    has_stalled: bool,
}

impl BreakOff {
    /// The socket opens now.
    pub(super) fn new(fault: Option<Fault>) -> Self {
        Self { fault, begun: Instant::now(), has_stalled: false }
    }

    /// Lets the fault strike if it is its time: waits while the socket stalls, and tells how it ended if it did.
    pub(super) async fn strike(&mut self, now: Instant) -> Option<PhoneEnd> {
        let frames = (now - self.begun).as_millis().div_euclid(FRAME_DURATION.as_millis()) as u64;
        match self.fault {
            Some(Fault::Close { at_frame }) if frames >= at_frame => return Some(PhoneEnd::BrokeOff),
            Some(Fault::Reset { at_frame }) if frames >= at_frame => return Some(PhoneEnd::Reset),
            Some(Fault::HalfOpenSocket { at_frame }) if frames >= at_frame => return Some(PhoneEnd::FellSilent),
            Some(Fault::Stall { length, at_frame }) if frames >= at_frame => self.stall(length).await,
            _ => {}
        }
        None
    }

    async fn stall(&mut self, length: Duration) {
        if !std::mem::replace(&mut self.has_stalled, true) {
            sleep(length).await;
        }
    }
}
