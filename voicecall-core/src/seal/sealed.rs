//! What stores hold of personal data: ciphertext, the row it belongs to, and the hash by which it is found.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::{SessionId, TenantId};

/// Encrypted bytes: a format byte, the 8 byte [`KeyId`], a 24 byte nonce, the ciphertext with its tag
/// (XChaCha20-Poly1305).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(Vec<u8>);

/// Which key sealed something. Derived from the key, so that configuration needs no numbering; it tells nothing of the key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; 8]);

/// The parts of sealed bytes.
pub(super) struct Parts<'a> {
    pub(super) key: KeyId,
    pub(super) nonce: [u8; 24],
    pub(super) ciphertext: &'a [u8],
}

/// The first byte of everything that is sealed for its row. What was sealed before began with one byte of the key's id.
const FORMAT: u8 = 2;

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

    pub(super) fn of(parts: &Parts<'_>) -> Self {
        let mut bytes = Vec::with_capacity(1 + 8 + 24 + parts.ciphertext.len());
        bytes.push(FORMAT);
        bytes.extend_from_slice(&parts.key.0);
        bytes.extend_from_slice(&parts.nonce);
        bytes.extend_from_slice(parts.ciphertext);
        Self(bytes)
    }

    /// The parts, if these are sealed bytes of this format.
    pub(super) fn parts(&self) -> Option<Parts<'_>> {
        let (format, rest) = self.0.split_first()?;
        let (key, rest) = rest.split_first_chunk::<8>()?;
        let (nonce, ciphertext) = rest.split_first_chunk::<24>()?;
        (*format == FORMAT).then_some(Parts { key: KeyId(*key), nonce: *nonce, ciphertext })
    }

    /// Nonce and ciphertext of what was sealed before it was bound to its row: a byte that need not name its key, the nonce, the
    /// ciphertext. Sealing anew ([`rekey`](crate::store::rekey)) leaves none.
    pub(super) fn unbound_parts(&self) -> Option<([u8; 24], &[u8])> {
        let (nonce, ciphertext) = self.0.get(1..)?.split_first_chunk::<24>()?;
        Some((*nonce, ciphertext))
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

impl KeyId {
    pub(super) const fn new(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// The row that a value is sealed for: copied to another row, or to another tenant's, it does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SealedRow {
    /// Whose row.
    pub tenant: TenantId,
    /// What kind of row, such as `session`.
    pub kind: &'static str,
    /// The row's id.
    pub id: Uuid,
}

impl SealedRow {
    /// The row of a session: its [`remote`](crate::store::Session::remote).
    #[must_use]
    pub const fn session(tenant: TenantId, id: SessionId) -> Self {
        Self { tenant, kind: "session", id: *id.as_uuid() }
    }

    /// What the ciphertext is bound to.
    pub(super) fn context(&self) -> String {
        format!("{self}/address")
    }
}

impl fmt::Display for SealedRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.tenant, self.kind, self.id)
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
    /// The address, encrypted for its row.
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
