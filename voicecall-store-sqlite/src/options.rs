//! How to open a store.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use voicecall_core::store::Extension;
use voicecall_core::{ContentSeal, Error, Result};

use crate::fault::{Fault, Outcome};
use crate::schema;
use crate::store::SqliteStore;
use crate::transaction::Transaction;
use crate::worker::{Access, ConnectionWorker, Queue};

const OPERATION: &str = "open store";

/// How to open a store.
///
/// ```
/// use std::time::Duration;
/// use voicecall_store_sqlite::SqliteOptions;
/// # async fn open() -> voicecall_core::Result<()> {
/// let store = SqliteOptions::new().busy_timeout(Duration::from_secs(1)).open("calls.db").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct SqliteOptions {
    queue: Queue,
    readers: usize,
    busy_timeout: Duration,
    max_size: Option<u64>,
    seal: ContentSeal,
    extensions: Vec<Arc<dyn for<'a> Extension<Transaction<'a>>>>,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl SqliteOptions {
    /// The defaults, each named at its method.
    pub const fn new() -> Self {
        Self {
            queue: Queue { capacity: 1024, wait: Duration::from_secs(2) },
            readers: 2,
            busy_timeout: Duration::from_secs(5),
            max_size: None,
            seal: ContentSeal::Off,
            extensions: Vec::new(),
        }
    }

    /// How many calls may wait for a thread; 1,024 unless told. When as many wait, the next one waits for a place.
    pub fn queue_capacity(mut self, capacity: NonZeroUsize) -> Self {
        self.queue.capacity = capacity.get();
        self
    }

    /// How long a call waits for a place in the queue before it fails with `RateLimited`; 2 s unless told.
    pub fn queue_wait(mut self, wait: Duration) -> Self {
        self.queue.wait = wait;
        self
    }

    /// How many threads read beside the writing one; 2 unless told. With none, reads wait behind writes.
    pub fn readers(mut self, readers: usize) -> Self {
        self.readers = readers;
        self
    }

    /// How long a write waits for another process to release the file; 5 s unless told.
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// The size the file may grow to, in bytes; no limit unless told. The write-ahead log beside it comes on top.
    pub fn max_size(mut self, bytes: u64) -> Self {
        self.max_size = Some(bytes);
        self
    }

    /// Whether content is sealed before it is written; it is not unless told. The vault must be the one that
    /// [`check_keys`](voicecall_core::store::check_keys) checked.
    pub fn seal(mut self, seal: ContentSeal) -> Self {
        self.seal = seal;
        self
    }

    /// Keeps rows beside sessions, in the store's own transactions.
    pub fn extension(mut self, extension: impl for<'a> Extension<Transaction<'a>>) -> Self {
        self.extensions.push(Arc::new(extension));
        self
    }

    /// Opens the file and brings it to this version's tables. It is created if missing.
    ///
    /// # Errors
    /// `Config` naming `path` if it cannot be opened, is damaged, belongs to another program or to a newer version of
    /// this one; `Unavailable` if another process keeps it locked.
    pub async fn open(&self, path: impl AsRef<Path>) -> Result<SqliteStore> {
        let path = path.as_ref().to_owned();
        if path.as_os_str().is_empty() || path.as_os_str() == ":memory:" {
            return Err(Error::config("path", "the path of a file"));
        }
        let writer = self.worker("voicecall-store", Access::Write, Some(path.clone())).await?;
        let mut readers = Vec::with_capacity(self.readers);
        for _ in 0..self.readers {
            readers.push(self.worker("voicecall-reads", Access::Read, Some(path.clone())).await?);
        }
        Ok(SqliteStore::new(writer, readers, Some(path), self.seal.clone(), &self.extensions))
    }

    /// A store without a file, which ends with the process. Reads and writes share one thread.
    ///
    /// # Errors
    /// `Internal` if the operating system gives no thread.
    pub async fn open_in_memory(&self) -> Result<SqliteStore> {
        Ok(SqliteStore::new(
            self.worker("voicecall-store", Access::Write, None).await?,
            Vec::new(),
            None,
            self.seal.clone(),
            &self.extensions,
        ))
    }

    async fn worker(&self, name: &'static str, access: Access, path: Option<PathBuf>) -> Result<ConnectionWorker> {
        let options = self.clone();
        let connect = move || options.connect(access, path.as_deref()).map_err(|fault| fault.into_error(OPERATION));
        ConnectionWorker::start(name, access, self.queue, connect).await
    }

    fn connect(&self, access: Access, path: Option<&Path>) -> Outcome<Connection> {
        let mut db = match path {
            Some(path) => {
                create_private(path)?;
                Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?
            }
            None => Connection::open_in_memory()?,
        };
        db.busy_timeout(self.busy_timeout)?;
        db.pragma_update(None, "foreign_keys", true)?;
        db.pragma_update(None, "trusted_schema", false)?;
        match access {
            Access::Write => {
                // Before anything is changed: the file may be another program's.
                schema::check(&db)?;
                db.pragma_update(None, "journal_mode", "wal")?;
                // In a write-ahead log only FULL syncs at each commit; NORMAL would lose acknowledged writes with power.
                db.pragma_update(None, "synchronous", "full")?;
                // What is deleted is overwritten, so that it cannot be read from the file any more.
                db.pragma_update(None, "secure_delete", true)?;
                schema::migrate(&mut db, schema::MIGRATIONS)?;
                if let Some(bytes) = self.max_size {
                    let page: u64 = db.pragma_query_value(None, "page_size", |row| row.get::<_, u32>(0))?.into();
                    db.pragma_update(None, "max_page_count", i64::try_from(bytes / page).unwrap_or(i64::MAX))?;
                }
                // What was deleted by a process that was killed before it could empty the log. Whoever reads may keep it.
                let _is_busy: bool = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get(0))?;
            }
            Access::Read => db.pragma_update(None, "query_only", true)?,
        }
        Ok(db)
    }
}

/// Creates a missing file so that only its owner may read it; SQLite gives its other files the same mode.
fn create_private(path: &Path) -> Outcome<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop).map_err(|error| {
        Fault::Refused(Error::config("path", format!("a file that can be written: {error}")).with_source(error))
    })
}
