//! Twilio's names for things: two letters and 32 hexadecimal digits, drawn from the exchange's seed.

use crate::fault::Rng;

/// The next name of a kind such as `CA`.
pub(super) fn sid(prefix: &str, rng: &mut Rng) -> String {
    format!("{prefix}{:016x}{:016x}", rng.next(), rng.next())
}
