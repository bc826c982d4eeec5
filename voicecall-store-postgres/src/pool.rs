//! Connections of one role.

use std::time::Duration;

use deadpool_postgres::{
    Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime, TimeoutType, Timeouts,
};
use tokio_postgres::config::SslMode;
use voicecall_core::{Error, ErrorKind, Result};

use crate::connection::{Begin, Db};
use crate::fault::{Fault, Outcome};
use crate::roles::Role;
use crate::tls;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Reads the address of a database. Whoever reads an error of it must not read its password.
pub(crate) fn read_url(url: &str) -> Result<tokio_postgres::Config> {
    let mut config: tokio_postgres::Config = url.parse().map_err(|_| {
        Error::config("url", "postgres://USER:PASSWORD@HOST:PORT/DATABASE, with sslmode=disable, prefer or require")
    })?;
    if config.get_hosts().is_empty() {
        return Err(Error::config("url", "the host of a database"));
    }
    // "Prefer" would speak in plain text with whoever says that there is no TLS.
    if config.get_ssl_mode() == SslMode::Prefer {
        config.ssl_mode(if tls::is_local(&config) { SslMode::Disable } else { SslMode::Require });
    }
    if config.get_application_name().is_none() {
        config.application_name("voicecall");
    }
    config.connect_timeout(CONNECT_TIMEOUT);
    Ok(config)
}

/// A bounded number of connections of one role.
pub(crate) fn pool(config: &tokio_postgres::Config, role: Role, size: usize, wait: Duration) -> Result<Pool> {
    let mut config = config.clone();
    config.user(format!("{}_{role}", config.get_user().unwrap_or("voicecall")));
    // What a transaction leaves is known by ourselves: one that was not ended does not come back.
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = Manager::from_config(config.clone(), tls::tls(&config)?, recycling);
    let timeouts = Timeouts { wait: Some(wait), create: Some(CONNECT_TIMEOUT), recycle: None };
    let pool = Pool::builder(manager).max_size(size).timeouts(timeouts).runtime(Runtime::Tokio1).build();
    pool.map_err(|error| Error::new(ErrorKind::Internal, "open store").with_source(error))
}

/// A connection, for which is waited no longer than the pool allows.
pub(crate) async fn take(pool: &Pool, operation: &'static str) -> Result<Object> {
    pool.get().await.map_err(|error| match error {
        PoolError::Backend(error) => Fault::from(error).into_error(operation),
        PoolError::Timeout(TimeoutType::Wait) => Error::new(ErrorKind::RateLimited, operation)
            .with_provider("postgres")
            .with_message("all connections are taken"),
        PoolError::Timeout(_) => Error::new(ErrorKind::Unavailable, operation)
            .with_provider("postgres")
            .with_message("connecting took too long"),
        _ => Error::new(ErrorKind::Closed, operation).with_provider("postgres").with_message("the store is closed"),
    })
}

/// Carries out `work` in a transaction on this connection, in a task of its own: whoever waits for it may go away, and it
/// is carried out all the same.
pub(crate) async fn transact<T, F>(
    object: Object,
    begin: Begin,
    operation: &'static str,
    work: impl FnOnce(Db) -> F + Send + 'static,
) -> Result<T>
where
    T: Send + 'static,
    F: Future<Output = Outcome<T>> + Send + 'static,
{
    let transaction = async move {
        let db = Db::begin(object, begin).await?;
        let outcome = work(db.clone()).await;
        db.end(outcome).await
    };
    match tokio::spawn(transaction).await {
        Ok(outcome) => outcome.map_err(|fault| fault.into_error(operation)),
        Err(error) => Err(Error::new(ErrorKind::Internal, operation).with_source(error)),
    }
}
