//! One sealing key, and what is derived from keys.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::sealed::{KeyId, Parts, Sealed};
use crate::error::{Error, ErrorKind, Result};

/// A key that seals and opens, with what is derived from the same secret.
pub(super) struct Key {
    pub(super) id: KeyId,
    cipher: XChaCha20Poly1305,
    mac: [u8; 32],
}

impl Key {
    pub(super) fn new(secret: &[u8; 32]) -> Self {
        let mut id = [0; 8];
        id.copy_from_slice(&derive(secret, b"voicecall key id")[..8]);
        let mac = derive(secret, b"voicecall authentication");
        Self { id: KeyId::new(id), cipher: XChaCha20Poly1305::new(secret.into()), mac }
    }

    /// # Errors
    /// `Internal` if there are no random bytes or `plain` is longer than the cipher takes (256 GiB).
    pub(super) fn seal(&self, context: &str, plain: &[u8]) -> Result<Sealed> {
        self.seal_with(random_bytes()?, context, plain)
    }

    /// The same for the same: the nonce follows from all that is encrypted (a synthetic initialisation vector, RFC 5297).
    ///
    /// # Errors
    /// As [`seal`](Self::seal).
    pub(super) fn seal_alike(&self, context: &str, plain: &[u8]) -> Result<Sealed> {
        let mut nonce = [0; 24];
        nonce.copy_from_slice(&self.code(&format!("nonce/{context}"), plain)[..24]);
        self.seal_with(nonce, context, plain)
    }

    fn seal_with(&self, nonce: [u8; 24], context: &str, plain: &[u8]) -> Result<Sealed> {
        let payload = Payload { msg: plain, aad: context.as_bytes() };
        let ciphertext = self.cipher.encrypt(&XNonce::from(nonce), payload);
        let ciphertext = ciphertext.map_err(|_| Error::new(ErrorKind::Internal, "seal"))?;
        Ok(Sealed::of(&Parts { key: self.id, nonce, ciphertext: &ciphertext }))
    }

    pub(super) fn open(&self, context: &str, nonce: [u8; 24], ciphertext: &[u8]) -> Option<Vec<u8>> {
        let payload = Payload { msg: ciphertext, aad: context.as_bytes() };
        self.cipher.decrypt(&XNonce::from(nonce), payload).ok()
    }

    /// # Errors
    /// `Internal` if it was sealed by another key or for another context, or a byte was changed.
    pub(super) fn open_sealed(&self, context: &str, sealed: &Sealed) -> Result<Vec<u8>> {
        let parts = sealed.parts().filter(|parts| parts.key == self.id);
        let opened = parts.and_then(|parts| self.open(context, parts.nonce, parts.ciphertext));
        opened.ok_or_else(|| Error::new(ErrorKind::Internal, "open sealed data"))
    }

    pub(super) fn code(&self, context: &str, message: &[u8]) -> [u8; 32] {
        // The context's length keeps it apart from the message.
        let mut whole = (context.len() as u64).to_be_bytes().to_vec();
        whole.extend_from_slice(context.as_bytes());
        whole.extend_from_slice(message);
        derive(&self.mac, &whole)
    }
}

/// A secret of 32 bytes as base64.
///
/// # Errors
/// `Config` naming `field`.
pub(super) fn decode(field: &'static str, secret: &SecretString) -> Result<[u8; 32]> {
    let bytes = STANDARD.decode(secret.expose_secret()).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| Error::config(field, "32 bytes as base64"))
}

/// A fresh secret in the form that [`decode`] takes.
pub(super) fn generate() -> Result<SecretString> {
    Ok(STANDARD.encode(random_bytes::<32>()?).into())
}

/// HMAC-SHA-256.
pub(super) fn derive(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    // HMAC takes a key of any length, so the constructor cannot fail.
    let Ok(mut mac) = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key) else { return [0; 32] };
    mac.update(message);
    mac.finalize().into_bytes().into()
}

pub(super) fn random_bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::new(ErrorKind::Internal, "draw random bytes").with_source(error))?;
    Ok(bytes)
}
