//! How to connect a store.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use voicecall_core::store::Extension;
use voicecall_core::{ContentSeal, Result};

use crate::connection::Begin;
use crate::migrations::Migrations;
use crate::pool::{self, pool};
use crate::roles::{self, Role};
use crate::store::{Pools, PostgresStore};
use crate::transaction::Transaction;

const OPERATION: &str = "open store";

/// How to connect a store.
///
/// ```no_run
/// use std::time::Duration;
/// use voicecall_store_postgres::PostgresOptions;
/// # async fn open() -> voicecall_core::Result<()> {
/// let options = PostgresOptions::new().statement_timeout(Duration::from_secs(2));
/// let store = options.connect("postgres://voicecall:secret@db.example.com/calls").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct PostgresOptions {
    max_connections: usize,
    wait: Duration,
    statement_timeout: Duration,
    lock_timeout: Duration,
    migrations: Migrations,
    seal: ContentSeal,
    extensions: Vec<Arc<dyn Extension<Transaction>>>,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl PostgresOptions {
    /// The defaults, each named at its method.
    pub fn new() -> Self {
        Self {
            max_connections: 20,
            wait: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(10),
            lock_timeout: Duration::from_secs(5),
            migrations: Migrations::new(),
            seal: ContentSeal::Off,
            extensions: Vec::new(),
        }
    }

    /// How many connections there may be at once, over all roles; 20 unless told, 4 at least. A fifth of them is for who
    /// runs what, a tenth each for routing and maintenance, and the others for what is done for tenants.
    pub fn max_connections(mut self, connections: NonZeroUsize) -> Self {
        self.max_connections = connections.get().max(Role::ALL.len());
        self
    }

    /// How long a call waits for a connection before it fails with `RateLimited`; 2 s unless told.
    pub fn connection_wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// How long one statement may take before it fails with `Timeout`; 10 s unless told.
    pub fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.statement_timeout = timeout;
        self
    }

    /// How long a statement waits for a row that somebody else keeps locked; 5 s unless told.
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout;
        self
    }

    /// Which tables must be there; those of this crate unless told.
    pub fn migrations(mut self, migrations: Migrations) -> Self {
        self.migrations = migrations;
        self
    }

    /// Whether content is sealed before it is written; it is not unless told. The vault must be the one that
    /// [`check_keys`](voicecall_core::store::check_keys) checked.
    pub fn seal(mut self, seal: ContentSeal) -> Self {
        self.seal = seal;
        self
    }

    /// Keeps rows beside sessions, in the store's own transactions.
    pub fn extension(mut self, extension: impl Extension<Transaction>) -> Self {
        self.extensions.push(Arc::new(extension));
        self
    }

    /// Connects to a database that is [migrated](Migrations::run). The address's user is what the names of the four roles
    /// begin with that the store [logs in as](crate::roles_sql), `voicecall` if it names none; all of them have its password.
    /// A server on another machine must speak TLS, unless the address says `sslmode=disable`.
    ///
    /// # Errors
    /// `Config` naming `url` for an address that does not read, a database that is not migrated to what this program knows,
    /// and a role that owns tables, is stronger than row-level security, or is another than it should be; `Unavailable` if
    /// the server cannot be reached.
    pub async fn connect(&self, url: &str) -> Result<PostgresStore> {
        let config = pool::read_url(url)?;
        let of_ten = self.max_connections / 10;
        let (routing, maintenance) = (of_ten.max(1), of_ten.max(1));
        let queue = (self.max_connections / 5).max(1);
        let tenant = self.max_connections - queue - routing - maintenance;
        let pools = Pools {
            tenant: pool(&config, Role::Tenant, tenant, self.wait)?,
            queue: pool(&config, Role::Queue, queue, self.wait)?,
            routing: pool(&config, Role::Routing, routing, self.wait)?,
            maintenance: pool(&config, Role::Maintenance, maintenance, self.wait)?,
        };
        let begin = Begin {
            tenant: None,
            reads: true,
            statement_timeout: self.statement_timeout,
            lock_timeout: self.lock_timeout,
            seal: self.seal.clone(),
        };
        for role in Role::ALL {
            let migrations = self.migrations.clone();
            let object = pool::take(pools.of(role), OPERATION).await?;
            pool::transact(object, begin.clone(), OPERATION, move |db| async move {
                roles::check(&db, role).await?;
                migrations.check(&db).await
            })
            .await?;
        }
        Ok(PostgresStore::new(pools, begin, self.extensions.clone()))
    }
}
