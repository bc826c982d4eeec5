//! A store in memory: for tests, demonstrations and services that may forget.

mod across_tenants;
mod contacts;
mod dialing;
mod do_not_call;
mod journal;
mod keys;
mod maintenance;
mod messages;
mod person;
mod rows;
mod sessions;
mod workflows;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use contacts::Contacts;
use dialing::Attempts;
use do_not_call::DoNotCall;
use messages::Messages;
use rows::Rows;
use sessions::{Sessions, Timeline};
use workflows::Workflows;

use super::{Extension, RetentionRun, Signal};
use crate::error::{Error, ErrorKind, Result};
use crate::id::SessionId;
use crate::seal::Canary;

/// A store in memory, with the semantics of every other store. What it holds ends with the process.
///
/// One mutex guards everything, so that each call is a transaction; it is never held over an await.
///
/// ```
/// use voicecall_core::store::{MemoryStore, NewSession, SessionStatus, SessionStore};
/// use voicecall_core::{TenantId, Vault};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> voicecall_core::Result<()> {
/// let store = MemoryStore::new();
/// let (vault, tenant) = (Vault::generate()?, TenantId::new());
/// let call = NewSession::outbound_to(&vault, tenant, &"+46701234567".parse()?, jiff::Timestamp::now())?;
/// let session = store.create_session(&call).await?;
/// assert_eq!(session.status, SessionStatus::Initiated);
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
pub struct MemoryStore {
    tables: Mutex<MemoryTables>,
    extensions: Vec<Arc<dyn Extension<MemoryTables>>>,
}

/// What a [`MemoryStore`] holds, within one of its transactions.
#[derive(Default)]
pub struct MemoryTables {
    sessions: Sessions,
    attempts: Attempts,
    do_not_call: DoNotCall,
    contacts: Contacts,
    messages: Messages,
    workflows: Workflows,
    signals: Vec<(SessionId, Signal)>,
    retention_runs: Vec<RetentionRun>,
    canaries: Vec<Canary>,
    rows: Rows,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same store with an extension, whose rows are written in its transactions.
    #[must_use]
    pub fn with_extension(mut self, extension: impl Extension<MemoryTables>) -> Self {
        self.extensions.push(Arc::new(extension));
        self
    }

    /// Carries out `work` in a transaction, for an extension's own methods.
    ///
    /// Nobody sees anything in between. `work` checks first and writes then: what it wrote before an error stays.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn transaction<R>(&self, work: impl FnOnce(&mut MemoryTables) -> Result<R>) -> Result<R> {
        work(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, MemoryTables> {
        // Every method checks first and writes then, so that even a panic leaves whole records behind.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryStore").field("extensions", &self.extensions).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for MemoryTables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryTables").finish_non_exhaustive()
    }
}

fn not_found(operation: &'static str) -> Error {
    Error::new(ErrorKind::NotFound, operation)
}

fn conflict(operation: &'static str, message: &'static str) -> Error {
    Error::new(ErrorKind::Conflict, operation).with_message(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::EngineStore;
    use crate::testing::store::run_all;

    #[tokio::test]
    async fn keeps_every_rule_of_a_store() {
        let make = |probe| async move { Arc::new(MemoryStore::new().with_extension(probe)) as Arc<dyn EngineStore> };
        run_all(make).await;
    }

    #[tokio::test]
    async fn a_shared_store_keeps_every_rule_too() {
        run_all(|probe| async move {
            let store: Arc<dyn EngineStore> = Arc::new(MemoryStore::new().with_extension(probe));
            Arc::new(store) as Arc<dyn EngineStore>
        })
        .await;
    }
}
