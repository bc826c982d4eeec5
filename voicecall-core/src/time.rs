//! Time inside a call: an instant counted from the call's first media, which machines take as an argument.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// An instant of a call, in microseconds since its media stream started.
///
/// State machines never read a clock: they are told the time, so that a call can run faster than life, or again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallTime(u64);

impl CallTime {
    /// The start of the media stream.
    pub const ZERO: Self = Self(0);

    /// The instant `micros` microseconds after the start.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// The instant `millis` milliseconds after the start.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis * 1000)
    }

    /// The instant at which sample number `samples` at 8 kHz is due (125 µs each).
    #[must_use]
    pub const fn from_samples(samples: u64) -> Self {
        Self(samples * 125)
    }

    /// Microseconds since the start.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since the start.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0 / 1000
    }

    /// Whole samples at 8 kHz since the start.
    #[must_use]
    pub const fn as_samples(self) -> u64 {
        self.0 / 125
    }

    /// How long after `earlier` this is; zero if it is not after.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// The instant `duration` before, but not before the start.
    #[must_use]
    pub const fn back(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration.as_micros() as u64))
    }
}

impl Add<Duration> for CallTime {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_micros() as u64))
    }
}

impl Sub for CallTime {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

impl fmt::Display for CallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03} s", self.0 / 1_000_000, self.0 / 1000 % 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_and_time_agree() {
        let second = CallTime::from_samples(8000);
        assert_eq!(second, CallTime::from_millis(1000));
        assert_eq!(second.as_samples(), 8000);
        assert_eq!(CallTime::from_millis(1234).to_string(), "1.234 s");
    }

    #[test]
    fn differences_do_not_wrap() {
        assert_eq!(CallTime::ZERO - CallTime::from_millis(5), Duration::ZERO);
        assert_eq!(CallTime::from_millis(5).back(Duration::from_secs(1)), CallTime::ZERO);
    }
}
