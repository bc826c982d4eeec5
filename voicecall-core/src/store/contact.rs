//! How often people are called: counted in the whole store, by a keyed hash of the number that outlives the person's rows.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::LeaseTerm;
use crate::error::{Error, ErrorKind};
use crate::phone::PhoneNumber;
use crate::seal::Vault;

/// The [code](Error::code) of the refusal to call a number that is being called, by whichever tenant.
pub const NUMBER_IN_CALL: &str = "number_in_call";

/// The [code](Error::code) of the refusal to call a number, or for a tenant, more often than is allowed.
pub const CONTACT_LIMIT: &str = "contact_limit";

/// When to ask again for a number that is being called.
const WHILE_IN_CALL: Duration = Duration::from_secs(60);

/// A keyed hash of a telephone number: equal for equal numbers of all tenants, useless without the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NumberKey([u8; 16]);

impl NumberKey {
    /// The key of a number.
    #[must_use]
    pub fn of(vault: &Vault, number: &PhoneNumber) -> Self {
        Self(vault.index("called number", number.reveal().as_bytes()))
    }

    /// Takes the key back from a store.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// At most so many calls within a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallsWithin {
    /// How many.
    pub calls: u32,
    /// Within how long, up to [`ContactLimits::LONGEST`].
    pub within: Duration,
}

/// How often calls may be ordered. Orders that the carrier refused do not count, and neither do calls that come in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ContactLimits {
    /// To one number, by all tenants together.
    pub per_number: Vec<CallsWithin>,
    /// By one tenant, to all numbers together.
    pub per_tenant: Vec<CallsWithin>,
}

impl ContactLimits {
    /// For how long stores remember that a number was called.
    pub const LONGEST: Duration = Duration::from_secs(31 * 24 * 3600);

    /// How long a call must wait that is to be ordered `at` a time, by these limits; `None` if it need not. `newest(n)` is
    /// when the nth newest call was ordered that counts, from 1.
    ///
    /// # Errors
    /// What `newest` reports.
    pub fn wait<E>(
        limits: &[CallsWithin],
        at: Timestamp,
        mut newest: impl FnMut(u32) -> Result<Option<Timestamp>, E>,
    ) -> Result<Option<Duration>, E> {
        let mut longest = None;
        for limit in limits {
            // A limit of no calls lets the first one wait for as long as the limit looks back.
            let counted = if limit.calls == 0 { Some(at) } else { newest(limit.calls)? };
            let within = SignedDuration::try_from(limit.within).unwrap_or(SignedDuration::MAX);
            let free_at = counted.map(|counted| counted.saturating_add(within).unwrap_or(Timestamp::MAX));
            let wait = free_at.and_then(|free_at| Duration::try_from(free_at.duration_since(at)).ok());
            longest = longest.max(wait.filter(|wait| !wait.is_zero()));
        }
        Ok(longest)
    }
}

/// How a waiting session's turn is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// When.
    pub at: Timestamp,
    /// How long the new owner's lease runs, unless it is renewed.
    pub lease: Duration,
    /// The number that is going to be called. Without one nothing is counted, and nobody is kept from being called.
    pub number: Option<NumberKey>,
    /// How often it may be.
    pub limits: ContactLimits,
}

impl Claim {
    /// A turn for whatever the session calls, as often as anybody likes.
    #[must_use]
    pub fn new(at: Timestamp, lease: Duration) -> Self {
        Self { at, lease, number: None, limits: ContactLimits::default() }
    }

    /// The term of the new owner's lease.
    #[must_use]
    pub const fn term(&self) -> LeaseTerm {
        LeaseTerm { now: self.at, length: self.lease }
    }
}

/// What every store answers to a claim of a session whose number is being called for another one.
#[must_use]
pub fn refuse_second_call() -> Error {
    Error::new(ErrorKind::RateLimited, "claim session")
        .with_code(NUMBER_IN_CALL)
        .with_field("remote")
        .with_retry_after(WHILE_IN_CALL)
        .with_message("the number is being called")
}

/// What every store answers to a claim beyond the limits, which may succeed after `wait`.
#[must_use]
pub fn refuse_by_limit(wait: Duration) -> Error {
    Error::new(ErrorKind::RateLimited, "claim session")
        .with_code(CONTACT_LIMIT)
        .with_field("remote")
        .with_retry_after(wait)
        .with_message("called too often")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_the_same_after_a_change_of_data_keys_and_another_with_another_index_key() {
        let key = || Vault::generate_key().unwrap();
        let (old, new, index) = (key(), key(), key());
        let number = |vault: &Vault| NumberKey::of(vault, &"+46701234567".parse().unwrap());
        let before = Vault::new(std::slice::from_ref(&old), &index).unwrap();
        let after = Vault::new(&[new, old], &index).unwrap();
        assert_eq!(number(&before), number(&after));
        assert_ne!(number(&before), NumberKey::of(&before, &"+46701234568".parse().unwrap()));
        assert_ne!(number(&before), number(&Vault::generate().unwrap()));
    }

    #[test]
    fn the_longest_wait_of_all_limits_counts() {
        let at = Timestamp::from_second(1_000_000).unwrap();
        let ordered = [10_i64, 20, 3_000].map(|ago| at - SignedDuration::from_secs(ago));
        let newest = |n: u32| Ok::<_, ()>(ordered.get(n as usize - 1).copied());
        let limit = |calls, seconds| CallsWithin { calls, within: Duration::from_secs(seconds) };
        let wait = |limits: &[CallsWithin]| ContactLimits::wait(limits, at, newest).unwrap().map(|wait| wait.as_secs());
        assert_eq!(wait(&[]), None);
        assert_eq!(wait(&[limit(4, 9_999)]), None, "three were called");
        assert_eq!(wait(&[limit(2, 60)]), Some(40), "until the second newest is a minute old");
        assert_eq!(wait(&[limit(2, 20)]), None, "this very instant is late enough");
        assert_eq!(wait(&[limit(2, 60), limit(3, 3_600), limit(1, 30)]), Some(600));
        assert_eq!(wait(&[limit(0, 60)]), Some(60));
    }
}
