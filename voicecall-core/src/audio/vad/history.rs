//! The levels of the last frames, and how low they go.

/// The lowest level that is told apart, in dB: an RMS of 20 samples, about two steps of mu-law around zero. Keeps the
/// crackle of a silent line from being loud.
const LOWEST: f32 = 26.0;

/// Levels are counted in steps of half a dB.
const STEPS_PER_DB: f32 = 2.0;
const STEPS: usize = 140;

/// The share of frames below which a level is low: three in ten.
const LOW: usize = 30;

/// The last `N` levels, at most 255. Kept as a ring, and counted by level, so that the lowest ones are found without sorting.
#[derive(Debug, Clone)]
pub(super) struct LevelHistory<const N: usize> {
    steps: [u8; N],
    counts: [u8; STEPS],
    next: usize,
    full: bool,
}

impl<const N: usize> LevelHistory<N> {
    pub(super) const fn new() -> Self {
        const { assert!(N <= u8::MAX as usize, "a count must hold them all") };
        Self { steps: [0; N], counts: [0; STEPS], next: 0, full: false }
    }

    /// Takes a level in dB in, and the oldest out.
    pub(super) fn push(&mut self, level: f32) {
        let step = (((level - LOWEST) * STEPS_PER_DB).max(0.0) as usize).min(STEPS - 1);
        if self.full {
            self.counts[usize::from(self.steps[self.next])] -= 1;
        }
        self.steps[self.next] = step as u8;
        self.counts[step] += 1;
        self.next = (self.next + 1) % N;
        self.full |= self.next == 0;
    }

    /// Whether it holds as many levels as it can.
    pub(super) const fn is_full(&self) -> bool {
        self.full
    }

    /// The lowest level, in dB.
    pub(super) fn lowest(&self) -> f32 {
        self.below(0)
    }

    /// The level below which three in ten are, in dB.
    pub(super) fn low(&self) -> f32 {
        let taken = if self.full { N } else { self.next };
        self.below(taken * LOW / 100)
    }

    /// The lowest level that has more than `rank` at or below it.
    fn below(&self, rank: usize) -> f32 {
        let mut seen = 0;
        let step = self.counts.iter().position(|&count| {
            seen += usize::from(count);
            seen > rank
        });
        LOWEST + step.unwrap_or(0) as f32 / STEPS_PER_DB
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_levels_of_the_last_frames_are_known() {
        let mut history = LevelHistory::<10>::new();
        (30..40).for_each(|level| history.push(level as f32));
        assert!(history.is_full());
        assert_eq!((history.lowest(), history.low()), (30.0, 33.0));
        (0..5).for_each(|_| history.push(60.0));
        assert_eq!((history.lowest(), history.low()), (35.0, 38.0), "the oldest are forgotten");
    }

    #[test]
    fn before_it_is_full_it_tells_of_what_there_is() {
        let mut history = LevelHistory::<10>::new();
        assert_eq!(history.lowest(), LOWEST);
        history.push(50.25);
        history.push(40.0);
        assert!(!history.is_full());
        assert_eq!((history.lowest(), history.low()), (40.0, 40.0));
    }

    #[test]
    fn silence_and_full_scale_are_within_its_range() {
        let mut history = LevelHistory::<2>::new();
        history.push(0.0);
        history.push(96.0);
        assert_eq!(history.lowest(), LOWEST);
        history.push(96.0);
        assert!(history.lowest() > 90.0);
    }
}
