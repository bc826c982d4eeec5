//! Sealing of personal data: encrypted once, here, before any store sees it, and found again by a keyed hash.

mod content;
mod file;
mod key;
mod sealed;
#[cfg(test)]
mod tests;

use std::fmt;

use secrecy::SecretString;
use subtle::ConstantTimeEq;

use crate::address::Address;
use crate::error::{Error, ErrorKind, Result};
use crate::id::TenantId;
pub use content::{ContentSeal, FactRow};
pub use file::{SealedFile, SealedReader};
use key::{Key, decode, derive};
pub use sealed::{KeyId, LookupHash, PersonKey, Sealed, SealedAddress, SealedRow};

/// Holds the keys and seals and opens personal data.
///
/// The first data key seals; every data key opens, so that keys can be rotated: put the new one first,
/// [seal anew](crate::store::rekey) what the old one sealed, and drop the old one. The index key makes the hashes by which
/// people are found and stays for as long as the data does: some of them, such as the wish not to be called any more, outlive
/// the numbers from which they could be made anew.
///
/// ```
/// use voicecall_core::{Address, SealedRow, SessionId, TenantId, Vault};
/// let vault = Vault::generate()?;
/// let row = SealedRow::session(TenantId::new(), SessionId::new());
/// let address: Address = "+46701234567".parse()?;
/// let sealed = vault.seal_address(row, &address)?;
/// assert_eq!(vault.open_address(row, &sealed)?, address);
/// assert_eq!(vault.lookup(row.tenant, &address), sealed.lookup);
/// let another = SealedRow::session(row.tenant, SessionId::new());
/// assert!(vault.open_address(another, &sealed).is_err());
/// # Ok::<(), voicecall_core::Error>(())
/// ```
pub struct Vault {
    first: Key,
    /// Keys that only open.
    others: Vec<Key>,
    index_key: [u8; 32],
}

/// What a store keeps to know a key again without having it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canary {
    /// Which key: `index`, or the [`KeyId`] of a data key.
    pub key: String,
    /// Something only who has the key can make.
    pub code: [u8; 32],
}

/// The name of the index key among canaries.
const INDEX: &str = "index";

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({} data keys)", 1 + self.others.len())
    }
}

impl Vault {
    /// A vault whose first data key seals and whose further ones only open, with the key of its hashes. Each is 32 bytes as
    /// base64.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] naming `data keys` if there is none or one is not 32 bytes of base64, or `index key`.
    pub fn new(data_keys: &[SecretString], index_key: &SecretString) -> Result<Self> {
        const FIELD: &str = "data keys";
        let (first, others) = data_keys.split_first().ok_or_else(|| Error::config(FIELD, "at least one key"))?;
        let key = |secret| Ok(Key::new(&decode(FIELD, secret)?));
        Ok(Self {
            first: key(first)?,
            others: others.iter().map(key).collect::<Result<_>>()?,
            index_key: derive(&decode("index key", index_key)?, b"voicecall lookup"),
        })
    }

    /// A vault with fresh random keys that are kept nowhere: for tests and demonstrations.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if the operating system gives no random bytes.
    pub fn generate() -> Result<Self> {
        Self::new(&[Self::generate_key()?], &Self::generate_key()?)
    }

    /// A fresh random key in the form [`Vault::new`] takes.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if the operating system gives no random bytes.
    pub fn generate_key() -> Result<SecretString> {
        key::generate()
    }

    /// Encrypts `plain`, bound to `context` (tenant, table, row): moved to another place it does not open.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if there are no random bytes or `plain` is longer than the cipher takes (256 GiB).
    pub fn seal(&self, context: &str, plain: &[u8]) -> Result<Sealed> {
        self.first.seal(context, plain)
    }

    /// Encrypts `plain` so that the same for the same `context` always comes to the same: who compares learns that two are
    /// equal, and nothing else.
    ///
    /// # Errors
    /// As [`Vault::seal`].
    pub(crate) fn seal_alike(&self, context: &str, plain: &[u8]) -> Result<Sealed> {
        self.first.seal_alike(context, plain)
    }

    /// Whether the first of the data keys sealed it.
    pub(crate) fn is_of_first_key(&self, sealed: &Sealed) -> bool {
        sealed.parts().is_some_and(|parts| parts.key == self.first.id)
    }

    /// Decrypts what was sealed for the same `context`.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] with the code `unknown_key` if none of the data keys sealed it; without a code if the context
    /// differs or a byte was changed.
    pub fn open(&self, context: &str, sealed: &Sealed) -> Result<Vec<u8>> {
        let refused = || Error::new(ErrorKind::Internal, "open sealed data");
        let parts = sealed.parts().ok_or_else(refused)?;
        let mut known = self.keys().filter(|key| key.id == parts.key).peekable();
        if known.peek().is_none() {
            return Err(refused().with_code("unknown_key").with_message("none of the data keys sealed it"));
        }
        known.find_map(|key| key.open(context, parts.nonce, parts.ciphertext)).ok_or_else(refused)
    }

    /// Seals an address for the row it will stand in.
    ///
    /// # Errors
    /// As [`Vault::seal`].
    pub fn seal_address(&self, row: SealedRow, address: &Address) -> Result<SealedAddress> {
        Ok(SealedAddress {
            sealed: self.seal(&row.context(), address.canonical().as_bytes())?,
            lookup: self.lookup(row.tenant, address),
        })
    }

    /// Opens the address of a row.
    ///
    /// # Errors
    /// As [`Vault::open`]; also when the address was sealed for another row.
    pub fn open_address(&self, row: SealedRow, address: &SealedAddress) -> Result<Address> {
        let opened = self.open(&row.context(), &address.sealed);
        let bytes = opened.or_else(|error| self.open_unbound(row.tenant, &address.sealed).ok_or(error))?;
        let text = String::from_utf8(bytes).map_err(|_| Error::new(ErrorKind::Internal, "open sealed data"))?;
        text.parse()
    }

    /// The same address sealed by the first key, if something else sealed it; `None` if nothing is to be done.
    ///
    /// # Errors
    /// As [`Vault::open_address`].
    pub fn reseal_address(&self, row: SealedRow, address: &SealedAddress) -> Result<Option<Sealed>> {
        let plain = self.open_address(row, address)?;
        if self.is_of_first_key(&address.sealed) && self.open(&row.context(), &address.sealed).is_ok() {
            return Ok(None);
        }
        Ok(Some(self.seal(&row.context(), plain.canonical().as_bytes())?))
    }

    /// What was sealed before it was bound to its row; every key is tried, because a byte does not tell them apart.
    fn open_unbound(&self, tenant: TenantId, sealed: &Sealed) -> Option<Vec<u8>> {
        let (nonce, ciphertext) = sealed.unbound_parts()?;
        self.keys().find_map(|key| key.open(&format!("{tenant}/phone"), nonce, ciphertext))
    }

    /// A code by which whoever has this vault, or one with the same key, knows that `message` is ours and meant for
    /// `context` (HMAC-SHA-256).
    #[must_use]
    pub fn authenticate(&self, context: &str, message: &[u8]) -> [u8; 32] {
        self.first.code(context, message)
    }

    /// Whether `code` is that of `message` for `context`, under any of the keys. Takes the same time whatever differs.
    #[must_use]
    pub fn is_authentic(&self, context: &str, message: &[u8], code: &[u8]) -> bool {
        self.keys().any(|key| key.code(context, message).ct_eq(code).into())
    }

    /// The keyed hash by which an address of `tenant` is found (HMAC-SHA-256, the first 128 bits).
    #[must_use]
    pub fn lookup(&self, tenant: TenantId, address: &Address) -> LookupHash {
        let mut message = tenant.as_uuid().as_bytes().to_vec();
        message.extend_from_slice(address.canonical().as_bytes());
        let mut hash = [0; 16];
        hash.copy_from_slice(&derive(&self.index_key, &message)[..16]);
        LookupHash::from_bytes(hash)
    }

    /// Who somebody at this address is to `tenant`, over whichever channel: an SMS and a WhatsApp message from one number are
    /// from one person.
    #[must_use]
    pub fn person(&self, tenant: TenantId, address: &Address) -> PersonKey {
        self.lookup(tenant, &address.of_person()).into()
    }

    /// A keyed hash of `message` for `context` under the index key (HMAC-SHA-256, the first 128 bits): it stays the same when
    /// data keys are changed, so that what it leads to is found again.
    #[must_use]
    pub fn index(&self, context: &str, message: &[u8]) -> [u8; 16] {
        // Neither a tenant's id nor a canary begins so, and the context's length keeps it apart from the message.
        let mut whole = b"index/".to_vec();
        whole.extend_from_slice(&(context.len() as u64).to_be_bytes());
        whole.extend_from_slice(context.as_bytes());
        whole.extend_from_slice(message);
        let mut hash = [0; 16];
        hash.copy_from_slice(&derive(&self.index_key, &whole)[..16]);
        hash
    }

    /// What a store keeps to know the index key and the first data key again, in this order.
    #[must_use]
    pub fn canaries(&self) -> [Canary; 2] {
        [self.index_canary(), canary_of(&self.first)]
    }

    /// Whether the key of a canary is one of this vault's.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] naming `index key` or `data keys`, and the id of the data key that is missing.
    pub fn recognise(&self, canary: &Canary) -> Result<()> {
        if canary.key == INDEX {
            let own = self.index_canary();
            let known: bool = own.code.ct_eq(&canary.code).into();
            let why = "another one than what the store holds was indexed with";
            return if known { Ok(()) } else { Err(Error::config("index key", why)) };
        }
        if self.keys().map(canary_of).any(|own| own.key == canary.key && own.code.ct_eq(&canary.code).into()) {
            return Ok(());
        }
        let why = format!("the store holds what key {} sealed, which is not among them", canary.key);
        Err(Error::config("data keys", why))
    }

    fn index_canary(&self) -> Canary {
        Canary { key: INDEX.to_owned(), code: derive(&self.index_key, b"canary") }
    }

    fn keys(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

fn canary_of(key: &Key) -> Canary {
    Canary { key: key.id.to_string(), code: key.code("canary", b"") }
}
