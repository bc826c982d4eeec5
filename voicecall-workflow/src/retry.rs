//! How often something is tried, and after which pauses.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use voicecall_core::{Error, Result};

/// How often a step is tried, and after which pauses: each twice as long as the one before, up to the longest. A pause is cut
/// short by up to half, differently for each run, so that what failed together is not tried together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    attempts: u32,
    first: Duration,
    longest: Duration,
}

impl Default for Retry {
    /// Three times.
    fn default() -> Self {
        Self::times(3)
    }
}

impl Retry {
    /// So many times in all, at least once; with a first pause of one second, and five minutes at most.
    #[must_use]
    pub const fn times(attempts: u32) -> Self {
        Self { attempts, first: Duration::from_secs(1), longest: Duration::from_secs(300) }
    }

    /// Once and never again.
    #[must_use]
    pub const fn never() -> Self {
        Self::times(1)
    }

    /// The first pause.
    #[must_use]
    pub const fn first(mut self, pause: Duration) -> Self {
        self.first = pause;
        self
    }

    /// The longest pause.
    #[must_use]
    pub const fn longest(mut self, pause: Duration) -> Self {
        self.longest = pause;
        self
    }

    /// How often it is tried in all.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    pub(crate) fn validate(&self, field: &'static str) -> Result<()> {
        if self.attempts == 0 {
            return Err(Error::config(field, "at least one attempt"));
        }
        Ok(())
    }

    /// The pause after so many attempts, the same for the same `key`; `None` once it is not tried again. Whoever asks for a
    /// longer pause gets it, up to the longest.
    pub(crate) fn pause(&self, attempts: u32, key: &str, asked: Option<Duration>) -> Option<Duration> {
        if attempts >= self.attempts {
            return None;
        }
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1)));
        let whole = doubled.min(self.longest);
        let mut hasher = DefaultHasher::new();
        (key, attempts).hash(&mut hasher);
        let share = (hasher.finish() % 1000) as u32;
        let pause = whole / 2 + whole / 2 * share / 1000;
        Some(pause.max(asked.unwrap_or_default().min(self.longest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_differ_between_runs() {
        let retry = Retry::times(8).first(Duration::from_secs(4)).longest(Duration::from_secs(60));
        for (attempts, whole) in [(1, 4), (2, 8), (3, 16), (4, 32), (5, 60), (7, 60)] {
            let pauses: Vec<_> =
                (0..20).map(|run| retry.pause(attempts, &format!("run {run}"), None).unwrap()).collect();
            let (half, whole) = (Duration::from_secs(whole) / 2, Duration::from_secs(whole));
            assert!(pauses.iter().all(|pause| (half..=whole).contains(pause)), "{attempts}: {pauses:?}");
            assert!(pauses.iter().any(|pause| *pause != pauses[0]), "{attempts}");
        }
        assert_eq!(retry.pause(8, "run", None), None);
        assert_eq!(retry.pause(1, "run", None), retry.pause(1, "run", None));
        assert_eq!(retry.pause(1, "run", Some(Duration::from_secs(30))), Some(Duration::from_secs(30)));
        assert_eq!(retry.pause(1, "run", Some(Duration::MAX)), Some(Duration::from_secs(60)));
        assert!(Retry::times(u32::MAX).pause(u32::MAX - 1, "run", None).is_some());
    }
}
