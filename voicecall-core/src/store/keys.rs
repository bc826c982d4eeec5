//! Which keys a store's data was sealed with: checked at the start, and changed without losing a row.

use async_trait::async_trait;
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};
use crate::id::SessionId;
use crate::seal::{Canary, Sealed, SealedAddress, SealedRow, Vault};

/// Rows that hold sealed addresses, and content that may be sealed, of all tenants.
#[async_trait]
pub trait SealedRows: Send + Sync {
    /// Rows with their addresses in the order of their ids, from the one behind `after` on; at most `limit`.
    ///
    /// # Errors
    /// As every store call.
    async fn sealed_addresses(&self, after: Option<Uuid>, limit: u32) -> Result<Vec<(SealedRow, SealedAddress)>>;

    /// Puts other ciphertext in the place of what stands in these rows, all in one transaction. A row in which something
    /// else stands by now, or that is gone, is left alone. Returns how many were changed.
    ///
    /// # Errors
    /// As every store call.
    async fn reseal(&self, rows: &[Resealed]) -> Result<u64>;

    /// Brings content into the form in which it would be written now, as the store's [`ContentSeal`](crate::ContentSeal) says,
    /// of the next `sessions` in the order of their ids, from the one behind `after` on; all in one transaction. What changed
    /// meanwhile is left alone.
    ///
    /// # Errors
    /// As every store call.
    async fn renew_content(&self, after: Option<SessionId>, sessions: u32) -> Result<RenewedContent>;
}

/// What bringing content into today's form did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RenewedContent {
    /// The last session that was looked at; `None` if there was none.
    pub last: Option<SessionId>,
    /// Values that were written anew.
    pub renewed: u64,
    /// Values that were changed by somebody else at the same moment, and are to be looked at again.
    pub missed: u64,
    /// Sessions with a value that no key opens. It stays as it is.
    pub unreadable: Vec<SealedRow>,
}

impl RenewedContent {
    /// Notes what became of a value: whether it was changed, if there was something to change.
    pub fn note(&mut self, changed: Option<bool>) {
        self.renewed += u64::from(changed == Some(true));
        self.missed += u64::from(changed == Some(false));
    }

    /// Notes a value that does not open.
    pub fn note_unreadable(&mut self, row: SealedRow) {
        if self.unreadable.last() != Some(&row) {
            self.unreadable.push(row);
        }
    }
}

/// Other ciphertext for a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resealed {
    /// The row.
    pub row: SealedRow,
    /// What must stand there.
    pub before: Sealed,
    /// What shall stand there.
    pub after: Sealed,
}

/// What tells a store's keys from others.
#[async_trait]
pub trait KeyStore: SealedRows {
    /// The canaries of the keys that something in the store was sealed or indexed with.
    ///
    /// # Errors
    /// As every store call.
    async fn canaries(&self) -> Result<Vec<Canary>>;

    /// Keeps a key's canary, unless the key has one.
    ///
    /// # Errors
    /// As every store call.
    async fn keep_canary(&self, canary: &Canary) -> Result<()>;

    /// Forgets a key's canary: nothing is sealed with the key any more.
    ///
    /// # Errors
    /// As every store call.
    async fn forget_canary(&self, key: &str) -> Result<()>;
}

/// Checks that `vault` has every key that `store` was written with, and notes the one it seals with. To be called before
/// anything is read or written: with a wrong key nobody is found, nobody is erased, and who must not be called is.
///
/// # Errors
/// [`ErrorKind::Config`] naming `data keys` or `index key`; what the store reports.
pub async fn check_keys<S: KeyStore + ?Sized>(store: &S, vault: &Vault) -> Result<()> {
    let known = store.canaries().await?;
    if known.is_empty() {
        check_first_row(store, vault).await?;
    }
    known.iter().try_for_each(|canary| vault.recognise(canary))?;
    for canary in vault.canaries() {
        if !known.contains(&canary) {
            store.keep_canary(&canary).await?;
            // Another process may have been quicker, with another key.
            store.canaries().await?.iter().try_for_each(|canary| vault.recognise(canary))?;
        }
    }
    Ok(())
}

/// A store from before there were canaries shows its keys by its rows.
async fn check_first_row<S: KeyStore + ?Sized>(store: &S, vault: &Vault) -> Result<()> {
    let Some((row, address)) = store.sealed_addresses(None, 1).await?.pop() else { return Ok(()) };
    let wrong = |key, why| Err(Error::config(key, why));
    match vault.open_address(row, &address) {
        Err(_) => wrong("data keys", "none of them opens what the store holds"),
        Ok(opened) if vault.lookup(row.tenant, &opened) != address.lookup => {
            wrong("index key", "another one than what the store holds was indexed with")
        }
        Ok(_) => Ok(()),
    }
}

/// What sealing anew did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rekeyed {
    /// Rows that were sealed anew.
    pub resealed: u64,
    /// Rows that the first key had sealed already.
    pub unchanged: u64,
    /// Pieces of content that were written anew: sealed, or sealed with the first key; or not sealed any more.
    pub content: u64,
    /// Rows that were changed by somebody else at the same moment, and are to be looked at again.
    pub missed: u64,
    /// Rows that no key opens. They stay as they are.
    pub unreadable: Vec<SealedRow>,
}

impl Rekeyed {
    /// Whether everything is sealed with the first key now.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.missed == 0 && self.unreadable.is_empty()
    }
}

/// Rows changed in one transaction: calls go on between two of them.
const BATCH: u32 = 200;

/// Sessions whose content is changed in one transaction.
const SESSIONS: u32 = 20;

/// Seals everything anew that the vault's first key did not seal, in `store` and in `others`, such as the rows of modules, and
/// brings content into the form that the store's [`ContentSeal`](crate::ContentSeal), over the same vault, gives it. If that is
/// everything, the other keys are not needed any more by the store, which forgets their canaries. What is sealed outside of the
/// store, such as recordings, is to be sealed anew before.
///
/// Every process over the store must seal with the new key before: what is sealed with an old one meanwhile is missed.
///
/// # Errors
/// As [`check_keys`]; what the store reports. What was sealed anew stays so, and it can be repeated.
pub async fn rekey<S: KeyStore>(store: &S, others: &[&dyn SealedRows], vault: &Vault) -> Result<Rekeyed> {
    check_keys(store, vault).await?;
    let mut done = Rekeyed::default();
    for rows in std::iter::once(store as &dyn SealedRows).chain(others.iter().copied()) {
        rekey_rows(rows, vault, &mut done).await?;
        renew_content(rows, &mut done).await?;
    }
    if done.is_complete() {
        let kept = vault.canaries();
        for canary in store.canaries().await? {
            if !kept.contains(&canary) {
                store.forget_canary(&canary.key).await?;
            }
        }
    }
    Ok(done)
}

async fn rekey_rows(rows: &dyn SealedRows, vault: &Vault, done: &mut Rekeyed) -> Result<()> {
    let mut after = None;
    loop {
        let batch = rows.sealed_addresses(after, BATCH).await?;
        let Some((last, _)) = batch.last() else { return Ok(()) };
        after = Some(last.id);
        let mut resealed = Vec::new();
        for (row, address) in batch {
            match vault.reseal_address(row, &address) {
                Ok(Some(sealed)) => resealed.push(Resealed { row, before: address.sealed, after: sealed }),
                Ok(None) => done.unchanged += 1,
                Err(error) if error.kind() == ErrorKind::Internal => done.unreadable.push(row),
                Err(error) => return Err(error),
            }
        }
        let changed = rows.reseal(&resealed).await?;
        done.resealed += changed;
        done.missed += resealed.len() as u64 - changed;
    }
}

async fn renew_content(rows: &dyn SealedRows, done: &mut Rekeyed) -> Result<()> {
    let mut after = None;
    loop {
        let batch = rows.renew_content(after, SESSIONS).await?;
        done.content += batch.renewed;
        done.missed += batch.missed;
        done.unreadable.extend(batch.unreadable);
        let Some(last) = batch.last else { return Ok(()) };
        after = Some(last);
    }
}
