//! Sealing of personal data: encrypted once, here, before any store sees it, and found again by a keyed hash.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::address::Address;
use crate::error::{Error, ErrorKind, Result};
use crate::id::TenantId;

/// Encrypted bytes: one key-id byte, a 24 byte nonce, the ciphertext with its tag (XChaCha20-Poly1305).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// Takes bytes back from a store.
    #[must_use]
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

/// A keyed hash of an address: equal for equal addresses of one tenant, useless without the key.
///
/// Keyed and not plain, because there are few enough phone numbers to try them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LookupHash([u8; 16]);

impl LookupHash {
    /// Takes the hash back from a store.
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

/// An address as stores hold it: sealed, with the hash by which it is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedAddress {
    /// The address, encrypted.
    pub sealed: Sealed,
    /// The address's keyed hash.
    pub lookup: LookupHash,
}

/// Who somebody is to a tenant, without saying who: what belongs to one person is found, exported and erased by it.
///
/// It is the hash of the address by which the tenant knows the person; somebody known by several keeps the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PersonKey(LookupHash);

impl PersonKey {
    /// The hash it is made of.
    #[must_use]
    pub const fn lookup(self) -> LookupHash {
        self.0
    }
}

impl From<LookupHash> for PersonKey {
    fn from(lookup: LookupHash) -> Self {
        Self(lookup)
    }
}

/// Holds the keys and seals and opens personal data.
///
/// The first key seals; every key opens, so that keys can be rotated without rewriting rows.
///
/// ```
/// use voicecall_core::{Address, TenantId, Vault};
/// let vault = Vault::generate()?;
/// let tenant = TenantId::new();
/// let address: Address = "+46701234567".parse()?;
/// let sealed = vault.seal_address(tenant, &address)?;
/// assert_eq!(vault.open_address(tenant, &sealed)?, address);
/// assert_eq!(vault.lookup(tenant, &address), sealed.lookup);
/// # Ok::<(), voicecall_core::Error>(())
/// ```
pub struct Vault {
    keys: Vec<Key>,
    index_key: [u8; 32],
}

struct Key {
    id: u8,
    cipher: XChaCha20Poly1305,
    mac: [u8; 32],
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({} keys)", self.keys.len())
    }
}

impl Vault {
    /// A vault whose first secret seals and whose further secrets only open. Each is 32 bytes as base64.
    ///
    /// The lookup hashes depend on the *last* secret, the oldest, so that rotation does not lose rows.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] naming `data key` if there is none or one is not 32 bytes of base64.
    pub fn new(secrets: &[SecretString]) -> Result<Self> {
        let decoded = secrets.iter().map(decode_key).collect::<Result<Vec<_>>>()?;
        let oldest = decoded.last().ok_or_else(|| Error::config("data key", "at least one key"))?;
        let index_key = derive(oldest, b"voicecall lookup");
        Ok(Self { keys: decoded.iter().map(Key::new).collect(), index_key })
    }

    /// A vault with a fresh random key that is kept nowhere: for tests and demonstrations.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if the operating system gives no random bytes.
    pub fn generate() -> Result<Self> {
        Self::new(&[Self::generate_key()?])
    }

    /// A fresh random key in the form [`Vault::new`] takes.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if the operating system gives no random bytes.
    pub fn generate_key() -> Result<SecretString> {
        Ok(STANDARD.encode(random_bytes::<32>()?).into())
    }

    /// Encrypts `plain`, bound to `context` (tenant, table, row): moved to another place it does not open.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if there are no random bytes or `plain` is longer than the cipher takes (256 GiB).
    pub fn seal(&self, context: &str, plain: &[u8]) -> Result<Sealed> {
        // A vault always holds at least one key: both constructors make one.
        let Some(key) = self.keys.first() else { return Err(Error::new(ErrorKind::Internal, "seal")) };
        let nonce = random_bytes::<24>()?;
        let payload = Payload { msg: plain, aad: context.as_bytes() };
        let ciphertext =
            key.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| Error::new(ErrorKind::Internal, "seal"))?;
        let mut bytes = Vec::with_capacity(25 + ciphertext.len());
        bytes.push(key.id);
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&ciphertext);
        Ok(Sealed(bytes))
    }

    /// Decrypts what was sealed for the same `context`.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if no key fits, the context differs or a byte was changed.
    pub fn open(&self, context: &str, sealed: &Sealed) -> Result<Vec<u8>> {
        let refused = || Error::new(ErrorKind::Internal, "open sealed data");
        let (id, rest) = sealed.0.split_first().ok_or_else(refused)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<24>().ok_or_else(refused)?;
        let key = self.keys.iter().find(|key| key.id == *id).ok_or_else(refused)?;
        let payload = Payload { msg: ciphertext, aad: context.as_bytes() };
        key.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| refused())
    }

    /// Seals an address that `tenant` knows.
    ///
    /// # Errors
    /// As [`Vault::seal`].
    pub fn seal_address(&self, tenant: TenantId, address: &Address) -> Result<SealedAddress> {
        Ok(SealedAddress {
            sealed: self.seal(&address_context(tenant), address.canonical().as_bytes())?,
            lookup: self.lookup(tenant, address),
        })
    }

    /// Opens an address that `tenant` knows.
    ///
    /// # Errors
    /// As [`Vault::open`]; also when the row belongs to another tenant.
    pub fn open_address(&self, tenant: TenantId, address: &SealedAddress) -> Result<Address> {
        let bytes = self.open(&address_context(tenant), &address.sealed)?;
        let text = String::from_utf8(bytes).map_err(|_| Error::new(ErrorKind::Internal, "open sealed data"))?;
        text.parse()
    }

    /// A code by which whoever has this vault, or one with the same key, knows that `message` is ours and meant for
    /// `context` (HMAC-SHA-256).
    #[must_use]
    pub fn authenticate(&self, context: &str, message: &[u8]) -> [u8; 32] {
        self.keys.first().map_or([0; 32], |key| key.code(context, message))
    }

    /// Whether `code` is that of `message` for `context`, under any of the keys. Takes the same time whatever differs.
    #[must_use]
    pub fn is_authentic(&self, context: &str, message: &[u8], code: &[u8]) -> bool {
        self.keys.iter().any(|key| key.code(context, message).ct_eq(code).into())
    }

    /// The keyed hash by which an address of `tenant` is found (HMAC-SHA-256, the first 128 bits).
    #[must_use]
    pub fn lookup(&self, tenant: TenantId, address: &Address) -> LookupHash {
        let mut message = tenant.as_uuid().as_bytes().to_vec();
        message.extend_from_slice(address.canonical().as_bytes());
        let digest = derive(&self.index_key, &message);
        let mut hash = [0; 16];
        hash.copy_from_slice(&digest[..16]);
        LookupHash(hash)
    }
}

impl Key {
    fn new(secret: &[u8; 32]) -> Self {
        // The id only tells keys apart; it is derived so that configuration needs no numbering.
        let (id, mac) = (derive(secret, b"voicecall key id")[0], derive(secret, b"voicecall authentication"));
        Self { id, cipher: XChaCha20Poly1305::new(secret.into()), mac }
    }

    fn code(&self, context: &str, message: &[u8]) -> [u8; 32] {
        // The context's length keeps it apart from the message.
        let mut whole = (context.len() as u64).to_be_bytes().to_vec();
        whole.extend_from_slice(context.as_bytes());
        whole.extend_from_slice(message);
        derive(&self.mac, &whole)
    }
}

fn address_context(tenant: TenantId) -> String {
    // The word is part of every sealed row, and older than addresses of other kinds.
    format!("{tenant}/phone")
}

fn decode_key(secret: &SecretString) -> Result<[u8; 32]> {
    STANDARD
        .decode(secret.expose_secret())
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| Error::config("data key", "32 bytes as base64"))
}

fn derive(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    // HMAC takes a key of any length, so the constructor cannot fail.
    let Ok(mut mac) = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key) else { return [0; 32] };
    mac.update(message);
    mac.finalize().into_bytes().into()
}

fn random_bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::new(ErrorKind::Internal, "draw random bytes").with_source(error))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number() -> Address {
        "+46701234567".parse().unwrap()
    }

    #[test]
    fn another_tenants_row_does_not_open() {
        let vault = Vault::generate().unwrap();
        let sealed = vault.seal_address(TenantId::new(), &number()).unwrap();
        assert_eq!(vault.open_address(TenantId::new(), &sealed).unwrap_err().kind(), ErrorKind::Internal);
    }

    #[test]
    fn a_code_is_of_one_message_for_one_purpose_and_outlives_a_rotation() {
        let (old, new) = (Vault::generate_key().unwrap(), Vault::generate_key().unwrap());
        let before = Vault::new(std::slice::from_ref(&old)).unwrap();
        let code = before.authenticate("ticket", b"call 1");
        let after = Vault::new(&[new, old]).unwrap();
        assert!(before.is_authentic("ticket", b"call 1", &code) && after.is_authentic("ticket", b"call 1", &code));
        assert_ne!(after.authenticate("ticket", b"call 1"), code);
        for (context, message) in [("ticket", "call 2"), ("ticketc", "all 1"), ("", "ticketcall 1")] {
            assert!(!before.is_authentic(context, message.as_bytes(), &code), "{context} {message}");
        }
        assert!(!Vault::generate().unwrap().is_authentic("ticket", b"call 1", &code));
        assert!(
            !before.is_authentic("ticket", b"call 1", &code[..31]) && !before.is_authentic("ticket", b"call 1", &[])
        );
    }

    #[test]
    fn every_changed_byte_is_refused() {
        let vault = Vault::generate().unwrap();
        let sealed = vault.seal("row 1", b"secret").unwrap();
        for at in 0..sealed.0.len() {
            let mut changed = sealed.clone();
            changed.0[at] ^= 1;
            assert!(vault.open("row 1", &changed).is_err(), "byte {at}");
        }
    }

    #[test]
    fn rotation_opens_old_rows_and_keeps_the_lookup() {
        let (old, new) = (Vault::generate_key().unwrap(), Vault::generate_key().unwrap());
        let tenant = TenantId::new();
        let before = Vault::new(std::slice::from_ref(&old)).unwrap();
        let sealed = before.seal_address(tenant, &number()).unwrap();
        let after = Vault::new(&[new, old]).unwrap();
        assert_eq!(after.open_address(tenant, &sealed).unwrap(), number());
        assert_eq!(after.lookup(tenant, &number()), sealed.lookup);
    }

    #[test]
    fn the_same_number_is_not_recognisable_across_tenants_or_rows() {
        let vault = Vault::generate().unwrap();
        let (one, two) = (TenantId::new(), TenantId::new());
        assert_ne!(vault.lookup(one, &number()), vault.lookup(two, &number()));
        assert_ne!(
            vault.seal_address(one, &number()).unwrap().sealed,
            vault.seal_address(one, &number()).unwrap().sealed
        );
    }

    #[test]
    fn a_wrong_key_names_its_setting() {
        assert_eq!(Vault::new(&["short".to_owned().into()]).unwrap_err().field(), Some("data key"));
        assert_eq!(Vault::new(&[]).unwrap_err().kind(), ErrorKind::Config);
    }
}
