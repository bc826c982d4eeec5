//! The store: a pool of connections for each role.

use std::sync::Arc;

use deadpool_postgres::Pool;
use tokio::runtime::Handle;
use voicecall_core::store::Extension;
use voicecall_core::{Error, ErrorKind, Result, TenantId};

use crate::connection::{Begin, Db};
use crate::fault::{Fault, Outcome};
use crate::options::PostgresOptions;
use crate::pool;
use crate::roles::Role;
use crate::transaction::Transaction;

/// A store in PostgreSQL, which any number of processes may share.
///
/// What is done for a tenant is done by a role that sees that tenant's rows and no others, whatever the statement; what
/// works across tenants is done by roles of its own. A write that was begun is carried out, whether or not somebody still
/// waits for it.
#[derive(Debug)]
pub struct PostgresStore {
    pools: Pools,
    begin: Begin,
    extensions: Arc<Extensions>,
}

/// What is kept beside sessions, in the store's own transactions.
pub(crate) type Extensions = [Arc<dyn Extension<Transaction>>];

/// The connections of each role.
pub(crate) struct Pools {
    pub(crate) tenant: Pool,
    pub(crate) queue: Pool,
    pub(crate) routing: Pool,
    pub(crate) maintenance: Pool,
}

impl std::fmt::Debug for Pools {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the address, which has a password.
        f.debug_map().entries(Role::ALL.map(|role| (role, self.of(role).status()))).finish()
    }
}

impl Pools {
    pub(crate) const fn of(&self, role: Role) -> &Pool {
        match role {
            Role::Tenant => &self.tenant,
            Role::Queue => &self.queue,
            Role::Routing => &self.routing,
            Role::Maintenance => &self.maintenance,
        }
    }
}

impl PostgresStore {
    /// Connects with the default options to a database that is [migrated](crate::Migrations::run).
    ///
    /// # Errors
    /// As [`PostgresOptions::connect`].
    pub async fn connect(url: &str) -> Result<Self> {
        PostgresOptions::new().connect(url).await
    }

    pub(crate) fn new(pools: Pools, begin: Begin, extensions: Vec<Arc<dyn Extension<Transaction>>>) -> Self {
        Self { pools, begin, extensions: extensions.into() }
    }

    /// Takes no more calls, and closes each connection when what is done on it is over.
    pub fn close(&self) {
        Role::ALL.iter().for_each(|role| self.pools.of(*role).close());
    }

    /// Carries out `work` in a transaction that sees the tenant's rows.
    pub(crate) async fn write<T, F>(
        &self,
        operation: &'static str,
        tenant: TenantId,
        work: impl FnOnce(Db) -> F + Send + 'static,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Outcome<T>> + Send + 'static,
    {
        self.transact(Role::Tenant, Begin { tenant: Some(tenant), reads: false, ..self.begin.clone() }, operation, work)
            .await
    }

    /// Carries out `work` on one snapshot of the tenant's rows.
    pub(crate) async fn read<T, F>(
        &self,
        operation: &'static str,
        tenant: TenantId,
        work: impl FnOnce(Db) -> F + Send + 'static,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Outcome<T>> + Send + 'static,
    {
        self.transact(Role::Tenant, Begin { tenant: Some(tenant), ..self.begin.clone() }, operation, work).await
    }

    /// Carries out `work` in a transaction of a role that sees every tenant's rows.
    pub(crate) async fn write_as<T, F>(
        &self,
        role: Role,
        operation: &'static str,
        work: impl FnOnce(Db) -> F + Send + 'static,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Outcome<T>> + Send + 'static,
    {
        self.transact(role, Begin { reads: false, ..self.begin.clone() }, operation, work).await
    }

    /// Carries out `work` on one snapshot of every tenant's rows.
    pub(crate) async fn read_as<T, F>(
        &self,
        role: Role,
        operation: &'static str,
        work: impl FnOnce(Db) -> F + Send + 'static,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Outcome<T>> + Send + 'static,
    {
        self.transact(role, self.begin.clone(), operation, work).await
    }

    async fn transact<T, F>(
        &self,
        role: Role,
        begin: Begin,
        operation: &'static str,
        work: impl FnOnce(Db) -> F + Send + 'static,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Outcome<T>> + Send + 'static,
    {
        // Whoever goes away while waiting for a connection has begun nothing.
        let object = pool::take(self.pools.of(role), operation).await?;
        pool::transact(object, begin, operation, work).await
    }

    pub(crate) fn extensions(&self) -> Arc<Extensions> {
        Arc::clone(&self.extensions)
    }
}

/// Lets extensions do their part of a transaction, on a thread that may block.
pub(crate) async fn extend<T: Send + 'static>(
    db: &Db,
    extensions: &Arc<Extensions>,
    mut work: impl FnMut(&dyn Extension<Transaction>, &mut Transaction) -> Result<T> + Send + 'static,
) -> Outcome<Vec<(&'static str, T)>> {
    if extensions.is_empty() {
        return Ok(Vec::new());
    }
    let extensions = Arc::clone(extensions);
    let mut transaction = Transaction::new(db.clone(), Handle::current());
    let all = move || -> Result<Vec<_>> {
        extensions.iter().map(|extension| Ok((extension.name(), work(&**extension, &mut transaction)?))).collect()
    };
    match tokio::task::spawn_blocking(all).await {
        Ok(outcome) => outcome.map_err(Fault::Refused),
        Err(error) => Err(Error::new(ErrorKind::Internal, "extension").with_source(error).into()),
    }
}
