//! The samples of the last while, in bounded memory: sixty slots, each with sums instead of samples.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// Slots of a window. The oldest leaves as a whole, so the window is exact to a sixtieth.
const SLOTS: u32 = 60;

/// The distribution knows values from here, in buckets that grow by 2 %.
const SMALLEST: f64 = 0.001;
const GROWTH: f64 = 1.02;

/// The last bucket: 0.001 * 1.02^800 is about two hours.
const LAST_BUCKET: u16 = 800;

/// A sliding window.
#[derive(Debug)]
pub(super) struct Window {
    opened: Instant,
    slot: Duration,
    distribution: bool,
    /// By number, rising; slots without samples are not there.
    slots: VecDeque<(u64, Tally)>,
}

/// What is known of a number of samples.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    count: u64,
    sum: f64,
    max: f64,
    /// How many samples are in which bucket; at most [`LAST_BUCKET`] + 1 entries, none if nobody asks.
    buckets: BTreeMap<u16, u64>,
}

impl Window {
    pub(super) fn new(length: Duration, distribution: bool, now: Instant) -> Self {
        Self { opened: now, slot: length / SLOTS, distribution, slots: VecDeque::new() }
    }

    /// Adds a sample. One that is late counts as of the latest slot.
    pub(super) fn add(&mut self, value: f64, now: Instant) {
        self.slide(now);
        let number = self.number(now);
        let distribution = self.distribution;
        match self.slots.back_mut() {
            Some((last, tally)) if *last >= number => tally.add(value, distribution),
            _ => {
                let mut tally = Tally::default();
                tally.add(value, distribution);
                self.slots.push_back((number, tally));
            }
        }
    }

    /// All samples of the window that ends now.
    pub(super) fn tally(&mut self, now: Instant) -> Tally {
        self.slide(now);
        let mut all = Tally::default();
        for (_, tally) in &self.slots {
            all.merge(tally);
        }
        all
    }

    fn slide(&mut self, now: Instant) {
        let number = self.number(now);
        while self.slots.front().is_some_and(|(oldest, _)| oldest + u64::from(SLOTS) <= number) {
            self.slots.pop_front();
        }
    }

    /// The slot of a moment, counted from the opening.
    fn number(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.opened).as_nanos();
        u64::try_from(passed / self.slot.as_nanos().max(1)).unwrap_or(u64::MAX)
    }
}

impl Tally {
    fn add(&mut self, value: f64, distribution: bool) {
        self.max = if self.count == 0 { value } else { self.max.max(value) };
        self.count += 1;
        self.sum += value;
        if distribution {
            *self.buckets.entry(bucket(value)).or_default() += 1;
        }
    }

    fn merge(&mut self, other: &Self) {
        self.max = if self.count == 0 { other.max } else { self.max.max(other.max) };
        self.count += other.count;
        self.sum += other.sum;
        for (&bucket, &count) in &other.buckets {
            *self.buckets.entry(bucket).or_default() += count;
        }
    }

    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    pub(super) const fn sum(&self) -> f64 {
        self.sum
    }

    pub(super) fn max(&self) -> Option<f64> {
        (self.count > 0).then_some(self.max)
    }

    #[allow(clippy::cast_precision_loss, reason = "no window has that many samples")]
    pub(super) fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }

    /// The value that this many in a hundred samples do not exceed, by nearest rank, rounded down to its bucket.
    pub(super) fn percentile(&self, percent: u64) -> Option<f64> {
        let rank = (self.count * percent).div_ceil(100);
        let mut below = 0;
        for (&bucket, &count) in &self.buckets {
            below += count;
            if below >= rank {
                return Some(lower_bound(bucket));
            }
        }
        None
    }
}

fn bucket(value: f64) -> u16 {
    let bucket = ((value / SMALLEST).ln() / GROWTH.ln()).floor();
    // Below the first bucket, and for what is not a number, the first; above the last, the last.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of a float saturates")]
    let bucket = bucket as u16;
    bucket.min(LAST_BUCKET)
}

fn lower_bound(bucket: u16) -> f64 {
    SMALLEST * GROWTH.powi(i32::from(bucket))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn samples_leave_with_their_slot() {
        let start = Instant::now();
        let mut window = Window::new(MINUTE, false, start);
        window.add(1.0, start);
        window.add(3.0, start + Duration::from_secs(30));
        assert_eq!(window.tally(start + Duration::from_secs(59)).mean(), Some(2.0));
        assert_eq!(window.tally(start + Duration::from_secs(61)).mean(), Some(3.0));
        assert_eq!(window.tally(start + Duration::from_secs(300)).max(), None);
    }

    #[test]
    fn a_late_sample_counts_as_of_the_latest_slot() {
        let start = Instant::now();
        let mut window = Window::new(MINUTE, false, start);
        window.add(1.0, start + Duration::from_secs(50));
        window.add(1.0, start + Duration::from_secs(10));
        assert_eq!(window.tally(start + Duration::from_secs(80)).count(), 2);
    }

    #[test]
    fn memory_is_bounded_by_slots_and_buckets() {
        let start = Instant::now();
        let mut window = Window::new(MINUTE, true, start);
        for second in 0..1000 {
            for value in [0.0, f64::NAN, f64::INFINITY, -1.0, 1e300, 0.5] {
                window.add(value, start + Duration::from_secs(second));
            }
        }
        assert!(window.slots.len() <= SLOTS as usize);
        assert!(window.slots.iter().all(|(_, tally)| tally.buckets.len() <= 3));
    }

    proptest! {
        #[test]
        fn a_percentile_is_at_most_two_percent_too_low(mut values in prop::collection::vec(0.01..100.0, 1..300)) {
            let start = Instant::now();
            let mut window = Window::new(MINUTE, true, start);
            for &value in &values {
                window.add(value, start);
            }
            values.sort_by(f64::total_cmp);
            let exact = values[(values.len() * 95).div_ceil(100) - 1];
            let found = window.tally(start).percentile(95).unwrap();
            prop_assert!(found <= exact * 1.000_001 && found > exact / 1.0201, "{} for {}", found, exact);
        }
    }
}
