//! A carrier that fails is left alone until it is healthy again: orders to it would all have unknown outcomes.

use std::time::Duration;

use tokio::time::Instant;

use voicecall_core::{Error, ErrorKind};

/// So many orders in a row must fail before the carrier counts as failing.
const MOST_FAILURES: u32 = 5;

/// How often a failing carrier is asked whether it is healthy again.
pub(super) const ASK_EVERY: Duration = Duration::from_secs(15);

/// Follows what becomes of orders to one account of a carrier.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Breaker {
    failures: u32,
    state: State,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// Orders are given.
    #[default]
    Closed,
    /// Nobody is called; the carrier is asked from this instant on whether it is healthy.
    Open(Instant),
    /// It says that it is healthy: one order shows whether that is so.
    HalfOpen { ordered: bool },
}

/// Whether a carrier may be given orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// It may.
    Orders,
    /// It is to be asked first whether it is healthy.
    Ask,
    /// It may not.
    Nothing,
}

impl Breaker {
    /// Notes that an order is being given.
    pub(super) fn ordered(&mut self) {
        if let State::HalfOpen { ordered } = &mut self.state {
            *ordered = true;
        }
    }

    /// Takes in that an order was not given after all.
    pub(super) fn withdraw(&mut self) {
        if let State::HalfOpen { ordered } = &mut self.state {
            *ordered = false;
        }
    }

    /// Takes in what became of an order.
    pub(super) fn record(&mut self, outcome: Result<(), &Error>, now: Instant) {
        match outcome.map_err(Error::kind) {
            Err(ErrorKind::UnknownOutcome | ErrorKind::Unavailable | ErrorKind::Timeout) => {
                self.failures = self.failures.saturating_add(1);
                if self.failures >= MOST_FAILURES {
                    self.state = State::Open(now + ASK_EVERY);
                }
            }
            // Too fast, which says nothing about its health.
            Err(ErrorKind::RateLimited) => self.withdraw(),
            // Whoever refuses an order has understood it; an order from before it failed says nothing about now.
            Ok(()) | Err(_) => {
                if !matches!(self.state, State::Open(_)) {
                    *self = Self::default();
                }
            }
        }
    }

    /// Takes in that a carrier which failed still does.
    pub(super) fn record_unhealthy(&mut self, now: Instant) {
        self.state = State::Open(now + ASK_EVERY);
    }

    /// Takes in that a carrier which failed says that it is healthy: the next order shows whether that is so.
    pub(super) fn is_healthy(&mut self) {
        self.failures = MOST_FAILURES - 1;
        self.state = State::HalfOpen { ordered: false };
    }

    /// What may be done at `now`.
    pub(super) fn trust(&self, now: Instant) -> Trust {
        match self.state {
            State::Closed | State::HalfOpen { ordered: false } => Trust::Orders,
            State::Open(at) if now >= at => Trust::Ask,
            State::Open(_) | State::HalfOpen { ordered: true } => Trust::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(kind: ErrorKind) -> Error {
        Error::new(kind, "place call")
    }

    #[test]
    fn a_carrier_that_fails_is_left_alone_until_it_is_healthy() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        for _ in 1..MOST_FAILURES {
            breaker.record(Err(&failed(ErrorKind::UnknownOutcome)), now);
            assert_eq!(breaker.trust(now), Trust::Orders);
        }
        breaker.record(Err(&failed(ErrorKind::Timeout)), now);
        assert_eq!(breaker.trust(now), Trust::Nothing);
        let later = now + ASK_EVERY;
        assert_eq!(breaker.trust(later), Trust::Ask);
        breaker.record_unhealthy(later);
        assert_eq!(breaker.trust(later), Trust::Nothing, "asked again later");
        breaker.is_healthy();
        assert_eq!(breaker.trust(later), Trust::Orders);
        breaker.record(Err(&failed(ErrorKind::UnknownOutcome)), later);
        assert_eq!(breaker.trust(later), Trust::Nothing, "it only said so");
        breaker.is_healthy();
        breaker.record(Ok(()), later);
        breaker.record(Err(&failed(ErrorKind::UnknownOutcome)), later);
        assert_eq!(breaker.trust(later), Trust::Orders, "one failure is none");
    }

    #[test]
    fn what_is_refused_or_too_fast_is_no_failure() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..100 {
            breaker.record(Err(&failed(ErrorKind::RateLimited)), now);
            breaker.record(Err(&failed(ErrorKind::Rejected)), now);
        }
        assert_eq!(breaker.trust(now), Trust::Orders);
    }
}
