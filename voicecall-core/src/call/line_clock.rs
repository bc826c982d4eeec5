//! The time of the caller's audio: counted in samples, so that a network that stalls and then hurries does not distort it.

use std::time::Duration;

use crate::audio::FRAME_DURATION;
use crate::time::CallTime;

/// A gap longer than this is not a stall but audio that was never sent.
const GAP: Duration = Duration::from_secs(1);

/// Follows the caller's audio.
#[derive(Debug, Default)]
pub(super) struct LineClock {
    until: Option<CallTime>,
}

impl LineClock {
    /// Takes in a frame that arrived at `now`. Returns where it ends, and how many frames are missing before it.
    pub(super) fn frame(&mut self, now: CallTime) -> (CallTime, u32) {
        let Some(until) = self.until else {
            let end = now.max(CallTime::ZERO + FRAME_DURATION);
            self.until = Some(end);
            return (end, 0);
        };
        let end = until + FRAME_DURATION;
        let behind = now.since(end);
        let missing = if behind > GAP { (behind.as_micros() / FRAME_DURATION.as_micros()) as u32 } else { 0 };
        let end = end + FRAME_DURATION * missing;
        self.until = Some(end);
        (end, missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> CallTime {
        CallTime::from_millis(millis)
    }

    #[test]
    fn a_stall_and_a_burst_leave_the_audio_where_it_was() {
        let mut clock = LineClock::default();
        assert_eq!(clock.frame(ms(20)), (ms(20), 0));
        let burst: Vec<_> = (0..10).map(|_| clock.frame(ms(500))).collect();
        assert_eq!(burst.last(), Some(&(ms(220), 0)));
    }

    #[test]
    fn audio_that_was_never_sent_is_missing() {
        let mut clock = LineClock::default();
        clock.frame(ms(20));
        assert_eq!(clock.frame(ms(2040)), (ms(2040), 100));
    }
}
