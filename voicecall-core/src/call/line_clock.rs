//! The time of the caller's audio: where in the call a frame was spoken, which is not always when it arrived.

use std::time::Duration;

use crate::audio::FRAME_DURATION;
use crate::time::CallTime;

/// How far the carrier's time may run ahead of ours. Beyond it, audio would come from the future: it is not believed.
const TRUST: Duration = Duration::from_millis(100);

/// Audio that stays behind for this long is not late: what should be before it was never sent.
const PATIENCE: Duration = Duration::from_secs(1);

/// The same at the beginning of a stream, when nobody has said anything yet.
const FIRST_PATIENCE: Duration = Duration::from_millis(100);

/// Staying behind by less is the network, not a loss.
const NOTICEABLE: Duration = Duration::from_millis(40);

/// Where a frame belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// When its last sample was spoken.
    pub(super) until: CallTime,
    /// How many frames before it never came.
    pub(super) missing: u32,
    /// There was no time for it between the frame before and now: it is older than the clock can tell, and time does
    /// not pass with it.
    pub(super) squeezed: bool,
}

/// Follows the caller's audio from the beginning of its stream.
///
/// Time is counted in samples, so that a network that stalls and then hurries distorts nothing. What never came is
/// counted as well: told by the carrier's own timestamps as far as they can be true, and otherwise by what stays behind.
/// The clock is never more than a frame ahead of now.
#[derive(Debug)]
pub(super) struct LineClock {
    until: CallTime,
    /// The carrier's time at which the next frame begins.
    expected: Option<Duration>,
    /// There while it is open how far behind the audio is.
    doubt: Option<Doubt>,
}

#[derive(Debug)]
struct Doubt {
    /// The arrival of the first frame that was looked at.
    since: Option<CallTime>,
    /// How far behind the most punctual frame was.
    least: Duration,
    patience: Duration,
}

impl Doubt {
    const fn new(patience: Duration) -> Self {
        Self { since: None, least: Duration::MAX, patience }
    }
}

impl LineClock {
    /// The clock of a stream that begins at `begins`. Its audio may have waited since.
    pub(super) const fn new(begins: CallTime) -> Self {
        Self { until: begins, expected: None, doubt: Some(Doubt::new(FIRST_PATIENCE)) }
    }

    /// When the last frame ended.
    pub(super) const fn until(&self) -> CallTime {
        self.until
    }

    /// Takes in a frame that arrived at `now`, and whose first sample has this time in the carrier's stream.
    pub(super) fn frame(&mut self, now: CallTime, timestamp: Option<Duration>) -> Place {
        let end = self.until + FRAME_DURATION;
        let behind = now.since(end);
        let squeezed = end.since(now) >= FRAME_DURATION;
        let mut missing = self.told_missing(timestamp, behind);
        missing += self.found_missing(now, behind.saturating_sub(FRAME_DURATION * missing), timestamp.is_some());
        if !squeezed {
            self.until = end + FRAME_DURATION * missing;
        }
        Place { until: self.until, missing, squeezed }
    }

    /// How many frames the carrier has left out by its own time.
    fn told_missing(&mut self, timestamp: Option<Duration>, behind: Duration) -> u32 {
        let Some(timestamp) = timestamp else {
            self.expected = None;
            return 0;
        };
        let expected = self.expected.unwrap_or(timestamp);
        let gap = timestamp.saturating_sub(expected);
        if gap > behind.saturating_add(TRUST) || expected.saturating_sub(timestamp) >= FRAME_DURATION {
            // It started over, came twice or is wrong: from here on it may be right again.
            self.expected = Some(timestamp.saturating_add(FRAME_DURATION));
            self.doubt = Some(Doubt::new(PATIENCE));
            return 0;
        }
        // To the nearest frame, because timestamps are rounded; more than fits before now is counted later.
        let missing = frames(gap + FRAME_DURATION / 2).min(frames(behind));
        self.expected = Some(expected.saturating_add(FRAME_DURATION * (missing + 1)));
        missing
    }

    /// How many frames must have been left out, because even the most punctual one is behind.
    fn found_missing(&mut self, now: CallTime, behind: Duration, told: bool) -> u32 {
        if self.doubt.is_none() && !told {
            self.doubt = Some(Doubt::new(PATIENCE));
        }
        let Some(doubt) = &mut self.doubt else { return 0 };
        doubt.least = doubt.least.min(behind);
        let (least, since) = (doubt.least, *doubt.since.get_or_insert(now));
        if now.since(since) < doubt.patience {
            return 0;
        }
        self.doubt = None;
        if least < NOTICEABLE { 0 } else { frames(least) }
    }
}

/// Whole frames in this time.
fn frames(time: Duration) -> u32 {
    u32::try_from(time.as_micros() / FRAME_DURATION.as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> CallTime {
        CallTime::from_millis(millis)
    }

    /// A stream of 20 ms frames, by number: those of `held` arrive all at its end, those of `lost` never.
    struct Stream {
        clock: LineClock,
        timestamps: bool,
        /// What the carrier adds to its timestamp of a frame.
        error: fn(u64) -> u64,
    }

    impl Stream {
        fn new(timestamps: bool) -> Self {
            Self { clock: LineClock::new(CallTime::ZERO), timestamps, error: |_| 0 }
        }

        fn arrive(&mut self, number: u64, at: u64) -> Place {
            let millis = (number * 20).wrapping_add((self.error)(number));
            self.clock.frame(ms(at), self.timestamps.then(|| Duration::from_millis(millis)))
        }

        /// Runs frames `numbers`; returns how many were counted, and by how much the last one is misplaced.
        fn run(
            &mut self,
            numbers: std::ops::Range<u64>,
            held: std::ops::Range<u64>,
            lost: std::ops::Range<u64>,
        ) -> (u64, u64) {
            let (mut counted, mut last) = (0, CallTime::ZERO);
            let end = numbers.end;
            for number in numbers.filter(|number| !lost.contains(number)) {
                let slot = if held.contains(&number) { held.end } else { number };
                let place = self.arrive(number, 20 * (slot + 1));
                counted += u64::from(place.missing) + 1;
                last = place.until;
            }
            (counted, last.as_millis().abs_diff(20 * end))
        }
    }

    #[test]
    fn audio_that_comes_late_in_one_piece_is_counted_once() {
        for timestamps in [false, true] {
            for late in [10, 50, 51, 60, 98, 200] {
                let counted = Stream::new(timestamps).run(0..500, 100..100 + late, 0..0);
                assert_eq!(counted, (500, 0), "{late} frames, timestamps {timestamps}");
            }
        }
    }

    #[test]
    fn audio_that_never_came_leaves_its_gap() {
        for timestamps in [false, true] {
            for lost in [2, 5, 20, 49, 55, 75, 150] {
                let counted = Stream::new(timestamps).run(0..500, 0..0, 100..100 + lost);
                assert_eq!(counted, (500, 0), "{lost} frames, timestamps {timestamps}");
            }
        }
    }

    #[test]
    fn a_timestamp_tells_at_once_what_was_lost_in_a_burst() {
        let mut stream = Stream::new(true);
        stream.run(0..100, 0..0, 0..0);
        // Two hundred frames late, and in the middle fifty were lost.
        assert_eq!(stream.arrive(100, 6000), Place { until: ms(2020), missing: 0, squeezed: false });
        assert_eq!(stream.arrive(151, 6000), Place { until: ms(3040), missing: 50, squeezed: false });
        assert_eq!(stream.arrive(152, 6000).until, ms(3060));
    }

    #[test]
    fn timestamps_that_cannot_be_true_move_nothing() {
        let errors: [fn(u64) -> u64; 6] = [
            |number| if number >= 200 { 3_600_000 } else { 0 },
            |number| if number == 200 { u64::MAX - 4000 } else { 0 },
            // It starts over, wraps or stands still.
            |number| if number >= 200 { (200_u64 * 20).wrapping_neg() } else { 0 },
            |number| if number >= 200 { u64::MAX - 4100 } else { 0 },
            |number| (number * 20).wrapping_neg(),
            |number| number * 7919 % 100_000,
        ];
        for (case, error) in errors.into_iter().enumerate() {
            let mut stream = Stream { error, ..Stream::new(true) };
            assert_eq!(stream.run(0..500, 300..370, 0..0), (500, 0), "case {case}");
        }
    }

    #[test]
    fn rounded_timestamps_count_nothing_twice() {
        let mut stream = Stream { error: |number| number * 13 % 10, ..Stream::new(true) };
        assert_eq!(stream.run(0..500, 100..160, 200..210), (500, 0));
    }

    #[test]
    fn audio_that_waited_before_the_call_was_taken_up_lies_before_it() {
        for timestamps in [false, true] {
            for waited in [0, 10, 20, 100] {
                let mut stream = Stream::new(timestamps);
                stream.clock = LineClock::new(CallTime::ZERO);
                let counted = stream.run(0..500, 0..waited, 0..0);
                assert_eq!(counted, (500, 0), "{waited} frames");
            }
        }
    }

    #[test]
    fn a_stream_that_begins_late_is_placed_by_its_arrival() {
        let mut clock = LineClock::new(CallTime::ZERO);
        let places: Vec<_> = (0..50).map(|number| clock.frame(ms(320 + 20 * number), None)).collect();
        assert_eq!(places.iter().map(|place| place.missing).sum::<u32>(), 15);
        assert_eq!(places.last().unwrap().until, ms(320 + 20 * 49));
    }

    #[test]
    fn the_clock_is_never_more_than_a_frame_ahead_of_now() {
        let mut clock = LineClock::new(ms(60_000));
        for _ in 0..20 {
            assert_eq!(clock.frame(ms(60_000), None), Place { until: ms(60_000), missing: 0, squeezed: true });
        }
        assert_eq!(clock.frame(ms(60_020), None), Place { until: ms(60_020), missing: 0, squeezed: false });
    }
}
