//! Signatures of webhooks that are ours: `X-Voicecall-Signature: t=<unix seconds>,v1=<hex>`, where the second part is
//! HMAC-SHA-256 of `<t>.<raw body>` with the shared secret. At most five minutes old.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// The header that carries a signature.
pub(crate) const SIGNATURE: &str = "x-voicecall-signature";

/// How far a signature's time may be from ours, in seconds.
const WINDOW: i64 = 300;

/// The secret shared with those who send webhooks. Without one every signature is wrong.
#[derive(Clone, Default)]
pub(crate) struct WebhookSecret(Option<Hmac<Sha256>>);

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret")
    }
}

impl WebhookSecret {
    pub(crate) fn new(secret: &SecretString) -> Self {
        // HMAC takes a key of any length, so there always is one.
        Self(Hmac::new_from_slice(secret.expose_secret().as_bytes()).ok())
    }

    /// Whether `header` signs `body`, and did so about `now`. A header may hold several `v1`, as it does while a secret
    /// is being changed; one that is right is enough.
    pub(super) fn is_signed(&self, header: &str, body: &[u8], now: Timestamp) -> bool {
        let Some((time, signatures)) = parts(header) else { return false };
        let Some(secret) = &self.0 else { return false };
        let Ok(seconds) = time.parse::<i64>() else { return false };
        if now.as_second().abs_diff(seconds) > WINDOW.unsigned_abs() {
            return false;
        }
        let mut mac = secret.clone();
        // As it was written, because that is what was signed.
        mac.update(time.as_bytes());
        mac.update(b".");
        mac.update(body);
        // In constant time.
        signatures.iter().any(|signature| mac.clone().verify_slice(signature).is_ok())
    }
}

/// The time as written, and every signature that can be one.
fn parts(header: &str) -> Option<(&str, Vec<[u8; 32]>)> {
    let (mut time, mut signatures) = (None, Vec::new());
    for part in header.split(',') {
        match part.trim().split_once('=')? {
            ("t", value) if time.is_none() => time = Some(value),
            ("t", _) => return None,
            ("v1", value) => signatures.extend(digest(value)),
            // A later version beside ours.
            _ => {}
        }
    }
    Some((time?, signatures))
}

fn digest(hex: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(hex.as_bytes().chunks(2)) {
        let digit = |at: usize| char::from(*digits.get(at)?).to_digit(16);
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // Made by `printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac 'a secret of at least 32 characters'`.
    const SECRET: &str = "a secret of at least 32 characters";
    const BODY: &[u8] = br#"{"a":1}"#;
    const AT: i64 = 1_700_000_000;
    const GOOD: &str = "040ca1a3f238a26ab11ad49ce05ea1c648628ea40cdc0bddfd5d3521343f764d";

    fn secret() -> WebhookSecret {
        WebhookSecret::new(&SECRET.to_owned().into())
    }

    fn is_signed(header: &str, body: &[u8], at: i64) -> bool {
        secret().is_signed(header, body, Timestamp::from_second(at).unwrap())
    }

    #[test]
    fn what_openssl_signs_is_signed_for_five_minutes() {
        let header = format!("t={AT},v1={GOOD}");
        for at in [AT, AT - 300, AT + 300] {
            assert!(is_signed(&header, BODY, at), "{at}");
        }
        for at in [AT - 301, AT + 301, 0] {
            assert!(!is_signed(&header, BODY, at), "{at}");
        }
        assert!(is_signed(&format!("t={AT}, v1={}, v1={GOOD}, v2=x", "0".repeat(64)), BODY, AT), "one of several");
        assert!(is_signed(&format!("t={AT},v1={}", GOOD.to_uppercase()), BODY, AT));
    }

    #[test]
    fn nothing_else_is() {
        let header = format!("t={AT},v1={GOOD}");
        assert!(!is_signed(&header, br#"{"a":2}"#, AT));
        for wrong in [
            String::new(),
            "t=".to_owned(),
            format!("v1={GOOD}"),
            format!("t={AT}"),
            format!("t={},v1={GOOD}", AT + 1),
            format!("t=0{AT},v1={GOOD}"),
            format!("t={AT},t={AT},v1={GOOD}"),
            format!("t={AT},v1={}", &GOOD[..62]),
            format!("t={AT},v1={}å", &GOOD[..62]),
            format!("t={AT},v2={GOOD}"),
            format!("t={AT},{GOOD}"),
        ] {
            assert!(!is_signed(&wrong, BODY, AT), "{wrong}");
        }
        let now = Timestamp::from_second(AT).unwrap();
        assert!(!WebhookSecret::default().is_signed(&header, BODY, now), "without a secret nobody can sign");
        assert!(!WebhookSecret::new(&"another".to_owned().into()).is_signed(&header, BODY, now));
    }

    proptest! {
        #[test]
        fn reading_never_panics_and_nothing_guessed_is_right(header in "(t=1700000000,v1=)?[a-f0-9=,å]{0,70}") {
            prop_assume!(!header.contains(GOOD));
            prop_assert!(!is_signed(&header, BODY, AT));
        }
    }
}
