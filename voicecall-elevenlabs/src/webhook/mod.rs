//! Webhooks: whether one really comes from ElevenLabs, and what it tells.
//!
//! The header `ElevenLabs-Signature` holds `t=<seconds since 1970>` and one or more `v0=<hex>`, each the HMAC-SHA256 of
//! `<t>.<body as it came>` under the webhook's secret.
//! (ElevenLabs, "Webhooks"; the check follows what its official libraries accept.)
//!
//! ```
//! use std::time::SystemTime;
//!
//! use voicecall_core::ErrorKind;
//! use voicecall_elevenlabs::WebhookVerifier;
//!
//! let verifier = WebhookVerifier::new("wsec_made_up")?;
//! let error = verifier.verify("t=1,v0=00", b"{}", SystemTime::now()).unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::Unauthenticated);
//! # Ok::<(), voicecall_core::Error>(())
//! ```

mod event;

use std::time::{Duration, SystemTime};

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use voicecall_core::{Error, ErrorKind, Result};

pub use self::event::{EventKind, TranscriptTurn, WebhookEvent};
use crate::PROVIDER;

/// The header that carries the signature.
pub const SIGNATURE_HEADER: &str = "ElevenLabs-Signature";

const OPERATION: &str = "verify webhook";

/// How far a webhook's time may lie from ours unless told otherwise: as far as the official libraries allow.
const TOLERANCE: Duration = Duration::from_secs(30 * 60);

/// The most bytes a webhook may have unless told otherwise: the whole audio of a conversation comes in one.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// The most signatures of one webhook that are looked at.
const MAX_SIGNATURES: usize = 8;

/// Checks webhooks with their secret.
///
/// A webhook that comes again within the tolerance has a right signature again: whoever must not take it twice keeps
/// what it was about, such as the id of the conversation.
#[derive(Debug, Clone)]
pub struct WebhookVerifier {
    secret: SecretString,
    tolerance: Duration,
    max_body: usize,
}

impl WebhookVerifier {
    /// Checks with the secret that ElevenLabs showed when the webhook was made.
    ///
    /// # Errors
    /// `Config` naming `secret` if it is empty.
    pub fn new(secret: impl Into<SecretString>) -> Result<Self> {
        let secret = secret.into();
        if secret.expose_secret().trim().is_empty() {
            return Err(Error::config("secret", "the secret of the webhook"));
        }
        Ok(Self { secret, tolerance: TOLERANCE, max_body: MAX_BODY })
    }

    /// Replaces how far a webhook's time may lie from ours, before or after; 30 minutes at first.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Replaces the most bytes a webhook may have; 64 MiB at first.
    #[must_use]
    pub fn with_max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Checks a webhook by its header [`SIGNATURE_HEADER`] and its body as it came, and reads it.
    ///
    /// # Errors
    /// `Invalid` naming `body` if it is too long; `Unauthenticated` naming the header if there is no signature, none that is
    /// right, or its time is too far from `now`; `Protocol` if what was rightly signed is no event.
    pub fn verify(&self, header: &str, body: &[u8], now: SystemTime) -> Result<WebhookEvent> {
        if body.len() > self.max_body {
            return Err(Error::invalid("body", "a shorter webhook").with_provider(PROVIDER));
        }
        let (time, signatures) = read(header)?;
        self.check_time(time, now)?;
        let mac = Hmac::<Sha256>::new_from_slice(self.secret.expose_secret().as_bytes())
            .map_err(|error| Error::new(ErrorKind::Internal, OPERATION).with_source(error))?;
        let mac = mac.chain_update(time).chain_update(b".").chain_update(body);
        // Takes the same time whatever differs.
        let is_right = |signature: &Vec<u8>| mac.clone().verify_slice(signature).is_ok();
        if signatures.iter().any(is_right) { event::read(body) } else { Err(wrong("no signature is right")) }
    }

    fn check_time(&self, time: &str, now: SystemTime) -> Result<()> {
        let seconds: u64 = time.parse().map_err(|_| wrong("its time is no number of seconds"))?;
        let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
        let at = at.ok_or_else(|| wrong("its time is no time"))?;
        let apart = now.duration_since(at).or_else(|_| at.duration_since(now)).unwrap_or(Duration::MAX);
        if apart > self.tolerance { Err(wrong("its time is too far from now")) } else { Ok(()) }
    }
}

/// The time and the signatures of a header.
fn read(header: &str) -> Result<(&str, Vec<Vec<u8>>)> {
    let (mut time, mut signatures) = (None, Vec::new());
    for part in header.split(',').map(str::trim) {
        if let Some(value) = part.strip_prefix("t=") {
            if time.replace(value).is_some() {
                return Err(wrong("it has more than one time"));
            }
        } else if let Some(value) = part.strip_prefix("v0=").filter(|_| signatures.len() < MAX_SIGNATURES) {
            signatures.extend(from_hex(value));
        }
    }
    let time = time.ok_or_else(|| wrong("it has no time"))?;
    if signatures.is_empty() { Err(wrong("it has no signature of version 0")) } else { Ok((time, signatures)) }
}

/// The bytes of a signature; `None` if it is none.
fn from_hex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

fn wrong(message: &'static str) -> Error {
    let error = Error::new(ErrorKind::Unauthenticated, OPERATION).with_provider(PROVIDER);
    error.with_field(SIGNATURE_HEADER).with_message(message)
}

#[cfg(test)]
mod tests;
