//! What an extension is handed.

use tokio::runtime::Handle;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};
use voicecall_core::{ContentSeal, Result};

use crate::connection::Db;
use crate::fault::Outcome;

/// The running transaction, for an [`Extension`](voicecall_core::store::Extension) with tables of its own.
///
/// It sees what the tenant's role may see of the tenant's rows. Its methods block: the store calls extensions on a thread
/// that may. A statement that fails undoes the whole transaction, whatever the extension makes of the error.
///
/// ```
/// use voicecall_core::journal::{Fact, JournalEntry};
/// use voicecall_core::store::Extension;
/// use voicecall_core::{Result, TenantId};
/// use voicecall_store_postgres::Transaction;
/// use voicecall_store_postgres::tokio_postgres::types::Type;
///
/// /// Keeps what callers ordered: `CREATE TABLE shop.orders (tenant_id uuid, session_id uuid, what text)`.
/// #[derive(Debug)]
/// struct Orders;
///
/// impl Extension<Transaction> for Orders {
///     fn name(&self) -> &'static str {
///         "orders"
///     }
///
///     fn project(&self, transaction: &mut Transaction, tenant: TenantId, entry: &JournalEntry) -> Result<()> {
///         let Fact::Custom { kind, data, .. } = &entry.fact else { return Ok(()) };
///         if kind == "shop.ordered" {
///             let insert = "INSERT INTO shop.orders VALUES ($1, $2, $3)";
///             let (session, what) = (entry.session.as_uuid(), data["what"].as_str());
///             transaction.execute(insert, &[(tenant.as_uuid(), Type::UUID), (session, Type::UUID), (&what, Type::TEXT)])?;
///         }
///         Ok(())
///     }
/// }
/// ```
pub struct Transaction {
    db: Db,
    runtime: Handle,
}

impl std::fmt::Debug for Transaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transaction").finish_non_exhaustive()
    }
}

impl Transaction {
    pub(crate) const fn new(db: Db, runtime: Handle) -> Self {
        Self { db, runtime }
    }

    /// The rows that a statement returns. Parameters, `$1` first, come with the types of their columns.
    ///
    /// # Errors
    /// What the server refuses.
    pub fn query(&self, statement: &str, params: &[(&(dyn ToSql + Sync), Type)]) -> Result<Vec<Row>> {
        self.wait("query of an extension", self.db.raw_query(statement, params))
    }

    /// How many rows a statement changed.
    ///
    /// # Errors
    /// What the server refuses.
    pub fn execute(&self, statement: &str, params: &[(&(dyn ToSql + Sync), Type)]) -> Result<u64> {
        self.wait("statement of an extension", self.db.raw_execute(statement, params))
    }

    /// Whether content is sealed before it is written, and by what it is opened.
    #[must_use]
    pub fn seal(&self) -> &ContentSeal {
        self.db.seal()
    }

    /// Waits for something done on [`db`](Self::db).
    pub(crate) fn wait<T>(&self, operation: &'static str, work: impl Future<Output = Outcome<T>>) -> Result<T> {
        self.runtime.block_on(work).map_err(|fault| fault.into_error(operation))
    }

    #[cfg(feature = "survey")]
    pub(crate) const fn db(&self) -> &Db {
        &self.db
    }
}
