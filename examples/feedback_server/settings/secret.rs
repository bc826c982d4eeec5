//! Whether a secret can be found by trying.

use secrecy::{ExposeSecret, SecretString};
use voicecall::{Error, Result};

/// The least a secret must hold, in bits. 32 random hexadecimal digits hold some 110.
const LEAST_BITS: f64 = 96.0;

/// The fewest characters of a secret.
const SHORTEST: usize = 32;

/// Refuses a secret that is short, or that is little repeated.
///
/// # Errors
/// `Config` naming the variable.
pub(super) fn strong(name: &'static str, secret: SecretString) -> Result<SecretString> {
    let bytes = secret.expose_secret().as_bytes();
    if bytes.len() < SHORTEST || bits(bytes) < LEAST_BITS {
        return Err(Error::config(name, "at least 32 random characters, such as `openssl rand -hex 32` makes"));
    }
    Ok(secret)
}

/// The same for the bytes of a key.
pub(super) fn is_strong_key(bytes: &[u8]) -> bool {
    bits(bytes) >= LEAST_BITS
}

/// How much a secret can hold at most: its shortest repeated part, by how unevenly its bytes occur.
fn bits(secret: &[u8]) -> f64 {
    let repeats = |length: &usize| secret.iter().zip(&secret[*length..]).all(|(one, other)| one == other);
    let length = (1..secret.len()).find(repeats).unwrap_or(secret.len());
    let part = &secret[..length];
    let mut counts = [0_u32; 256];
    part.iter().for_each(|&byte| counts[usize::from(byte)] += 1);
    let share = |count: &u32| f64::from(*count) / part.len() as f64;
    let per_byte: f64 = counts.iter().filter(|count| **count > 0).map(share).map(|share| -share * share.log2()).sum();
    per_byte * part.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_guessed_is_refused_by_its_name_and_what_is_random_is_not() {
        let weak = [
            "short",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "abcabcabcabcabcabcabcabcabcabcabcabc",
            "0123456789abcdef0123456789abcdef",
        ];
        for weak in weak {
            let error = strong("JWT_SECRET", weak.to_owned().into()).unwrap_err();
            assert_eq!(error.field(), Some("JWT_SECRET"), "{weak}");
            assert!(!error.to_string().contains(weak));
        }
        for good in ["9f86d081884c7d659a2feaa0c55ad015", "a made-up secret of sufficient length"] {
            assert!(strong("JWT_SECRET", good.to_owned().into()).is_ok(), "{good}");
        }
        assert!(!is_strong_key(&[0; 32]) && !is_strong_key(&[7; 32]));
        for _ in 0..1000 {
            let key = voicecall::Vault::generate_key().unwrap();
            assert!(strong("DATA_KEYS", key).is_ok());
        }
    }
}
