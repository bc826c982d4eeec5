//! A question's history in three numbers, carried from one selection to the next.

use serde::{Deserialize, Serialize};

/// How often a question's turn came and how often it was asked.
///
/// Counted by the selector itself: the [`Standing`] after one selection stands in its
/// [`Considered`](super::Considered) and is given to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Standing {
    /// The customers whose number its frequency divided.
    pub demanded: u64,
    /// The customers it was chosen for.
    pub granted: u64,
    /// The part of its latest turns that were not lost, in millionths; a moving average over about 32 turns. A turn is
    /// lost when the next one comes before the question was asked.
    pub kept: u32,
}

const WHOLE: u32 = 1_000_000;

/// The weight of one turn in the average is one part in this many. Long enough to even out the pattern of
/// frequencies, short enough that what happened months ago starves nobody.
const TURNS: u32 = 32;

impl Default for Standing {
    /// A question that was never due and has lost nothing.
    fn default() -> Self {
        Self { demanded: 0, granted: 0, kept: WHOLE }
    }
}

impl Standing {
    /// The part of its latest turns that were not lost; from 0.000001 to 1.
    #[must_use]
    pub fn kept_share(self) -> f64 {
        f64::from(self.kept.clamp(1, WHOLE)) / f64::from(WHOLE)
    }

    /// Its turn has come. If it was still waiting, the earlier turn is lost.
    pub(super) const fn demand(&mut self, was_waiting: bool) {
        self.demanded = self.demanded.saturating_add(1);
        if was_waiting {
            self.kept -= self.kept.div_ceil(TURNS);
        }
    }

    /// It is asked.
    pub(super) const fn grant(&mut self) {
        self.granted = self.granted.saturating_add(1);
        self.kept += WHOLE.saturating_sub(self.kept).div_ceil(TURNS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_follows_what_was_kept_and_stays_in_range() {
        let mut standing = Standing::default();
        for turn in 0..200 {
            standing.demand(turn % 2 == 1);
            if turn % 2 == 1 {
                standing.grant();
            }
        }
        assert_eq!((standing.demanded, standing.granted), (200, 100));
        assert!((0.45..=0.55).contains(&standing.kept_share()), "{standing:?}");
        (0..1000).for_each(|_| standing.grant());
        assert_eq!(standing.kept, WHOLE);
        (0..1000).for_each(|_| standing.demand(true));
        assert!(standing.kept_share() > 0.0);
    }
}
