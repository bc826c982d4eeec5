//! What a breaker knows of its service; the time is an argument.

use std::time::Duration;

use tokio::time::Instant;

use super::CONNECTION_LOST;
use crate::error::{Error, ErrorKind};

/// So many requests in a row must fail before the service counts as failing.
const MOST_FAILURES: u32 = 5;
/// The same for connections that broke or could not be made.
const MOST_LOST: u32 = 2;
/// The first and the longest time for which a failing service is asked nothing.
const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
pub(super) struct State {
    /// In a row.
    failures: u32,
    lost: u32,
    mode: Mode,
    /// How long it stays open the next time.
    wait: Option<Duration>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Closed,
    Open {
        until: Instant,
    },
    /// One request shows whether the service answers again; the others wait.
    HalfOpen,
}

/// Whether a service is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trust {
    /// It is.
    Trusted,
    /// It failed, and one request shows whether it answers again.
    Tried,
    /// It failed, and nothing is asked of it.
    Failing,
}

impl State {
    /// Whether a request may be made now, as the one that shows whether the service answers; or when to come again.
    pub(super) fn admit(&mut self, now: Instant) -> Result<bool, Duration> {
        match self.mode {
            Mode::Closed => Ok(false),
            Mode::Open { until } if now >= until => {
                self.mode = Mode::HalfOpen;
                Ok(true)
            }
            Mode::Open { until } => Err(until - now),
            Mode::HalfOpen => Err(FIRST_WAIT),
        }
    }

    /// A request is being answered. `is_trial` is whether it was the one that shows it.
    pub(super) fn answers(&mut self, is_trial: bool) {
        if is_trial && self.mode == Mode::HalfOpen {
            *self = Self::default();
        }
    }

    /// A request was answered to its end.
    pub(super) fn succeeded(&mut self, is_trial: bool) {
        self.answers(is_trial);
        // An answer from before it failed says nothing about now.
        if self.mode == Mode::Closed {
            *self = Self::default();
        }
    }

    /// The request that was to show whether the service answers was given up: the next one does.
    pub(super) fn given_up(&mut self, is_trial: bool, now: Instant) {
        if is_trial && self.mode == Mode::HalfOpen {
            self.mode = Mode::Open { until: now };
        }
    }

    pub(super) fn failed(&mut self, error: &Error, is_trial: bool, now: Instant) {
        match error.kind() {
            ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Protocol | ErrorKind::UnknownOutcome => {}
            // Too fast, which says nothing about its health.
            ErrorKind::RateLimited => return self.given_up(is_trial, now),
            // Who refuses a request has understood it.
            _ => return self.succeeded(is_trial),
        }
        self.failures = self.failures.saturating_add(1);
        self.lost = if error.code() == Some(CONNECTION_LOST) { self.lost.saturating_add(1) } else { 0 };
        let is_down = self.failures >= MOST_FAILURES || self.lost >= MOST_LOST;
        if (self.mode == Mode::Closed && is_down) || (self.mode == Mode::HalfOpen && is_trial) {
            let wait = self.wait.unwrap_or(FIRST_WAIT);
            self.wait = Some((wait * 2).min(LONGEST_WAIT));
            self.mode = Mode::Open { until: now + wait };
        }
    }

    pub(super) const fn trust(&self) -> Trust {
        match self.mode {
            Mode::Closed => Trust::Trusted,
            Mode::HalfOpen => Trust::Tried,
            Mode::Open { .. } => Trust::Failing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: ErrorKind) -> Error {
        Error::new(kind, "chat")
    }

    fn down(now: Instant) -> State {
        let mut state = State::default();
        (0..MOST_FAILURES).for_each(|_| state.failed(&error(ErrorKind::Unavailable), false, now));
        state
    }

    #[test]
    fn a_service_that_fails_is_asked_by_one_at_a_time_and_ever_later() {
        let start = Instant::now();
        let mut state = State::default();
        for _ in 1..MOST_FAILURES {
            state.failed(&error(ErrorKind::Timeout), false, start);
            assert_eq!(state.admit(start), Ok(false));
        }
        state.failed(&error(ErrorKind::Protocol), false, start);
        let mut now = start;
        for seconds in [2, 4, 8, 16, 30, 30] {
            let wait = Duration::from_secs(seconds);
            assert_eq!((state.admit(now), state.trust()), (Err(wait), Trust::Failing));
            now += wait;
            assert_eq!(state.admit(now), Ok(true));
            for _ in 0..100 {
                assert!(state.admit(now).is_err(), "one shows it");
            }
            assert_eq!(state.trust(), Trust::Tried);
            state.failed(&error(ErrorKind::Unavailable), true, now);
        }
        now += Duration::from_secs(30);
        assert_eq!(state.admit(now), Ok(true));
        state.answers(true);
        assert_eq!((state.admit(now), state.trust()), (Ok(false), Trust::Trusted));
        state.failed(&error(ErrorKind::Unavailable), false, now);
        assert_eq!(state.admit(now), Ok(false), "one failure is none");
    }

    #[test]
    fn lost_connections_open_it_sooner_and_what_is_refused_never() {
        let now = Instant::now();
        let lost = error(ErrorKind::Unavailable).with_code(CONNECTION_LOST);
        let mut state = State::default();
        state.failed(&lost, false, now);
        assert_eq!(state.trust(), Trust::Trusted, "a server may close a connection");
        state.failed(&lost, false, now);
        assert_eq!(state.trust(), Trust::Failing);

        let mut state = State::default();
        for kind in [ErrorKind::RateLimited, ErrorKind::Rejected, ErrorKind::Invalid].repeat(100) {
            state.failed(&error(kind), false, now);
        }
        assert_eq!(state.trust(), Trust::Trusted);
        for _ in 0..100 {
            state.failed(&lost, false, now);
            state.succeeded(false);
        }
        assert_eq!(state.trust(), Trust::Trusted, "not in a row");
    }

    #[test]
    fn a_trial_that_is_given_up_leaves_it_to_the_next_and_old_answers_show_nothing() {
        let now = Instant::now();
        let mut state = down(now);
        state.succeeded(false);
        assert_eq!(state.trust(), Trust::Failing, "an answer from before");
        let later = now + FIRST_WAIT;
        assert_eq!(state.admit(later), Ok(true));
        state.given_up(false, later);
        assert!(state.admit(later).is_err());
        state.given_up(true, later);
        assert_eq!(state.admit(later), Ok(true));
        state.failed(&error(ErrorKind::RateLimited), true, later);
        assert_eq!(state.admit(later), Ok(true), "too fast is no answer");
        state.failed(&error(ErrorKind::Rejected), true, later);
        assert_eq!(state.trust(), Trust::Trusted, "who refuses has understood");
    }
}
