//! How many requests a token may make, and how many calls a business may start, in a time.

use std::fmt;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::Arc;

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
}

impl Default for Rates {
    /// 20 requests a second, 40 at once, 60 calls a minute.
    fn default() -> Self {
        let number = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        Self { per_token: number(20), burst: number(40), calls: number(60) }
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
        }))
    }

    /// Counts a request.
    ///
    /// # Errors
    /// 429 saying when the next one may come.
    pub(super) fn request(&self, token: &TokenKey) -> Result<(), ApiError> {
        check(&self.0.tokens, token, "authorization")
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
        let limits = Limits::new(Rates { per_token: one, burst: NonZeroU32::new(3).unwrap(), calls: one });
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
    fn what_has_rested_is_forgotten() {
        // So fast that every key has rested when the next one comes.
        let limiter: Limiter<u32> = RateLimiter::keyed(Quota::per_second(NonZeroU32::MAX));
        for key in 0..3 * MOST_KEYS as u32 {
            check(&limiter, &key, "key").unwrap();
        }
        assert!(limiter.len() <= MOST_KEYS + 1, "{}", limiter.len());
    }
}
