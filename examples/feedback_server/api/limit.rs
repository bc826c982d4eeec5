//! How many requests a token may make, and how many calls a business may start, in a time.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use governor::clock::{Clock, DefaultClock};
use governor::{Quota, RateLimiter};
use voicecall::TenantId;

use super::ApiError;

/// As many keys are remembered before those that have rested are forgotten.
const MOST_KEYS: usize = 10_000;

/// The rates.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rates {
    /// Requests of one token in a second.
    pub(crate) per_token: NonZeroU32,
    /// Requests of one token at once.
    pub(crate) burst: NonZeroU32,
    /// Calls of one business in a minute.
    pub(crate) calls: NonZeroU32,
    /// Requests of one token that are worked on at the same time.
    pub(crate) at_once: NonZeroU32,
}

impl Default for Rates {
    /// 20 requests a second, 40 at once, 60 calls a minute, 16 worked on at the same time.
    fn default() -> Self {
        let number = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        Self { per_token: number(20), burst: number(40), calls: number(60), at_once: number(16) }
    }
}

/// A token by its digest: the token itself is kept nowhere.
pub(super) type TokenKey = [u8; 32];

/// Counts. Only what has a valid token is counted, so nobody else can fill the memory.
#[derive(Clone)]
pub(super) struct Limits(Arc<Counters>);

struct Counters {
    tokens: Limiter<TokenKey>,
    calls: Limiter<TenantId>,
    most_requests: usize,
    requests: AtOnce,
    streams: AtOnce,
}

/// Streams of events that one token reads at the same time.
const MOST_STREAMS: usize = 10;

/// When whoever has too many may try again.
const SOON: Duration = Duration::from_secs(1);

/// How many of something each token has at the moment.
#[derive(Default)]
struct AtOnce(Mutex<HashMap<TokenKey, usize>>);

/// One of a token's places, until it is dropped.
pub(super) struct Turn {
    counters: Arc<Counters>,
    of: fn(&Counters) -> &AtOnce,
    key: TokenKey,
}

impl AtOnce {
    fn lock(&self) -> MutexGuard<'_, HashMap<TokenKey, usize>> {
        // A count is changed in one step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut counts = (self.of)(&self.counters).lock();
        if let Some(count) = counts.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

type Limiter<K> = governor::DefaultKeyedRateLimiter<K>;

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Limits")
    }
}

impl Limits {
    pub(super) fn new(rates: Rates) -> Self {
        Self(Arc::new(Counters {
            tokens: RateLimiter::keyed(Quota::per_second(rates.per_token).allow_burst(rates.burst)),
            calls: RateLimiter::keyed(Quota::per_minute(rates.calls)),
            most_requests: rates.at_once.get() as usize,
            requests: AtOnce::default(),
            streams: AtOnce::default(),
        }))
    }

    /// Counts a request.
    ///
    /// # Errors
    /// 429 saying when the next one may come.
    pub(super) fn request(&self, token: &TokenKey) -> Result<(), ApiError> {
        check(&self.0.tokens, token, "authorization")
    }

    /// A place among the requests that are worked on.
    ///
    /// # Errors
    /// 429 if the token has all of its own.
    pub(super) fn at_once(&self, token: &TokenKey) -> Result<Turn, ApiError> {
        self.take(|counters| &counters.requests, self.0.most_requests, token)
    }

    /// A place among the streams that are read.
    ///
    /// # Errors
    /// As [`Limits::at_once`].
    pub(super) fn stream(&self, token: &TokenKey) -> Result<Turn, ApiError> {
        self.take(|counters| &counters.streams, MOST_STREAMS, token)
    }

    fn take(&self, of: fn(&Counters) -> &AtOnce, most: usize, token: &TokenKey) -> Result<Turn, ApiError> {
        let mut counts = of(&self.0).lock();
        let count = counts.entry(*token).or_default();
        if *count >= most {
            let message = format!("authorization: {most} at the same time are the most");
            let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message);
            return Err(error.with_field("authorization").with_retry_after(SOON));
        }
        *count += 1;
        Ok(Turn { counters: Arc::clone(&self.0), of, key: *token })
    }

    /// Counts a call.
    ///
    /// # Errors
    /// As [`Limits::request`].
    pub(super) fn call(&self, business: TenantId) -> Result<(), ApiError> {
        check(&self.0.calls, &business, "businessId")
    }
}

fn check<K: Hash + Eq + Clone>(limiter: &Limiter<K>, key: &K, field: &str) -> Result<(), ApiError> {
    if limiter.len() > MOST_KEYS {
        limiter.retain_recent();
    }
    limiter.check_key(key).map_err(|refused| {
        let wait = refused.wait_time_from(DefaultClock::default().now());
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", format!("{field}: too many requests"))
            .with_field(field)
            .with_retry_after(wait)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_own_burst() {
        let one = NonZeroU32::MIN;
        let limits =
            Limits::new(Rates { per_token: one, burst: NonZeroU32::new(3).unwrap(), calls: one, at_once: one });
        for _ in 0..3 {
            limits.request(&[1; 32]).unwrap();
        }
        assert_eq!(limits.request(&[1; 32]).unwrap_err().status(), StatusCode::TOO_MANY_REQUESTS);
        limits.request(&[2; 32]).unwrap();
        let (ours, theirs) = (TenantId::new(), TenantId::new());
        limits.call(ours).unwrap();
        assert_eq!(limits.call(ours).unwrap_err().field(), Some("businessId"));
        limits.call(theirs).unwrap();
    }

    #[test]
    fn a_place_is_free_again_once_it_is_left() {
        let limits = Limits::new(Rates::default());
        let taken: Vec<_> = (0..16).map(|_| limits.at_once(&[1; 32]).unwrap()).collect();
        assert_eq!(limits.at_once(&[1; 32]).err().unwrap().status(), StatusCode::TOO_MANY_REQUESTS);
        limits.at_once(&[2; 32]).map(drop).unwrap();
        limits.stream(&[1; 32]).map(drop).unwrap();
        drop(taken);
        limits.at_once(&[1; 32]).map(drop).unwrap();
        assert!(limits.0.requests.lock().is_empty() && limits.0.streams.lock().is_empty(), "nothing is left behind");
    }

    #[test]
    fn what_has_rested_is_forgotten() {
        // So fast that every key has rested when the next one comes.
        let limiter: Limiter<u32> = RateLimiter::keyed(Quota::per_second(NonZeroU32::MAX));
        for key in 0..3 * MOST_KEYS as u32 {
            check(&limiter, &key, "key").unwrap();
        }
        assert!(limiter.len() <= MOST_KEYS + 1, "{}", limiter.len());
    }
}
