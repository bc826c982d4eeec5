//! The way between carrier and application: late, uneven, stalling now and then, but in order, as TCP is.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::fmt::serde::unsigned_duration::friendly::compact::required;
use serde::{Deserialize, Serialize};
use voicecall_core::CallTime;

use crate::fault::Rng;

/// How messages travel in one direction. The default delivers at once.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    /// Every message takes at least this long.
    #[serde(with = "required")]
    pub delay: Duration,
    /// Chance adds up to this to each message; none overtakes another.
    #[serde(with = "required")]
    pub jitter: Duration,
    /// How likely a message stalls, 0 to 1.
    pub stall_probability: f64,
    /// How long a stall holds this message and all behind it.
    #[serde(with = "required")]
    pub stall: Duration,
}

/// Messages on their way in one direction.
#[derive(Debug)]
pub struct Path<T> {
    network: Network,
    rng: Rng,
    held_until: CallTime,
    travelling: VecDeque<(CallTime, T)>,
}

impl<T> Path<T> {
    /// An empty path.
    #[must_use]
    pub const fn new(network: Network, rng: Rng) -> Self {
        Self { network, rng, held_until: CallTime::ZERO, travelling: VecDeque::new() }
    }

    /// Sends a message.
    pub fn send(&mut self, now: CallTime, message: T) {
        let mut at = now + self.network.delay + self.rng.below(self.network.jitter);
        if self.rng.chance(self.network.stall_probability) {
            at = at + self.network.stall;
        }
        self.held_until = self.held_until.max(at);
        self.travelling.push_back((self.held_until, message));
    }

    /// Stops the path until `until`, as a lost link does; messages wait and arrive together afterwards.
    pub fn hold(&mut self, until: CallTime) {
        self.held_until = self.held_until.max(until);
        for (at, _) in &mut self.travelling {
            *at = (*at).max(until);
        }
    }

    /// The next message that has arrived by `now`, with the time of its arrival.
    pub fn arrived(&mut self, now: CallTime) -> Option<(CallTime, T)> {
        self.travelling.pop_front_if(|(at, _)| *at <= now)
    }

    /// When the next message arrives, if one is on its way.
    #[must_use]
    pub fn next_arrival(&self) -> Option<CallTime> {
        self.travelling.front().map(|&(at, _)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn a_perfect_network_delivers_at_once() {
        let mut path = Path::new(Network::default(), Rng::new(1));
        path.send(CallTime::from_millis(5), 'a');
        assert_eq!(path.arrived(CallTime::from_millis(5)), Some((CallTime::from_millis(5), 'a')));
    }

    #[test]
    fn a_stall_holds_everything_behind_it() {
        let mut path = Path::new(Network { delay: MS(10), ..Network::default() }, Rng::new(1));
        path.send(CallTime::ZERO, 'a');
        path.hold(CallTime::from_millis(350));
        path.send(CallTime::from_millis(100), 'b');
        assert_eq!(path.arrived(CallTime::from_millis(349)), None);
        assert_eq!(path.arrived(CallTime::from_millis(350)), Some((CallTime::from_millis(350), 'a')));
        assert_eq!(path.arrived(CallTime::from_millis(350)), Some((CallTime::from_millis(350), 'b')));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_overtaken_or_early(seed: u64, gaps in proptest::collection::vec(0u64..60, 1..80)) {
            let network = Network { delay: MS(40), jitter: MS(80), stall_probability: 0.05, stall: MS(300) };
            let mut path = Path::new(network, Rng::new(seed));
            let mut sent = Vec::new();
            let mut now = CallTime::ZERO;
            for (number, gap) in gaps.iter().enumerate() {
                now = now + MS(*gap);
                path.send(now, number);
                sent.push(now);
            }
            let mut last = CallTime::ZERO;
            for (number, &sent) in sent.iter().enumerate() {
                let (at, message) = path.arrived(CallTime::from_millis(1_000_000)).unwrap();
                prop_assert_eq!(message, number);
                prop_assert!(at >= last && at >= sent + MS(40));
                last = at;
            }
        }
    }
}
