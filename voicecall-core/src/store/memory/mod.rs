//! A store in memory: for tests, demonstrations and services that may forget.

mod dialing;
mod directory;
mod journal;
mod provider_log;
mod questions;
mod report;
mod retention;
mod sessions;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use dialing::Attempts;
use sessions::{Sessions, Timeline};

use super::{BusinessContext, CustomerVerification, QuestionConfiguration, RetentionRun, SelectionLog};
use crate::error::{Error, ErrorKind};
use crate::id::{TenantId, VerificationId};

/// A store in memory, with the semantics of every other store. What it holds ends with the process.
///
/// One mutex guards everything, so that each call is a transaction; it is never held over an await.
///
/// ```
/// use voicecall_core::TenantId;
/// use voicecall_core::store::{MemoryStore, QuestionStore};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> voicecall_core::Result<()> {
/// let store = MemoryStore::new();
/// let shop = TenantId::new();
/// assert_eq!(store.count_customer(shop).await?, 1);
/// assert_eq!(store.count_customer(shop).await?, 2);
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
pub struct MemoryStore {
    data: Mutex<Data>,
}

#[derive(Default)]
struct Data {
    sessions: Sessions,
    attempts: Attempts,
    questions: Vec<QuestionConfiguration>,
    customer_counts: HashMap<TenantId, u64>,
    selection_logs: Vec<SelectionLog>,
    businesses: HashMap<TenantId, BusinessContext>,
    verifications: HashMap<VerificationId, CustomerVerification>,
    retention_runs: Vec<RetentionRun>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Data> {
        // Every method checks first and writes then, so that even a panic leaves whole records behind.
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
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
    use std::sync::Arc;

    use super::*;
    use crate::store::Store;
    use crate::testing::store::run_all;

    #[tokio::test]
    async fn keeps_every_rule_of_a_store() {
        run_all(|| async { Arc::new(MemoryStore::new()) as Arc<dyn Store> }).await;
    }
}
