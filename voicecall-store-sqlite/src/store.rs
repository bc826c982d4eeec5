//! The store: a writing thread, and threads that read beside it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rusqlite::Connection;
use voicecall_core::store::Extension;
use voicecall_core::{ContentSeal, Result};

use crate::fault::Outcome;
use crate::options::SqliteOptions;
use crate::transaction::Transaction;
use crate::worker::ConnectionWorker;

/// The embedded store: one SQLite file, or none for a store that ends with the process.
///
/// One thread writes, as SQLite allows no more; others read, since in a write-ahead log readers neither wait for the
/// disk nor for the writer. A read that starts after a write was acknowledged sees it.
///
/// Dropping the store blocks until what was accepted is written; [`close`](Self::close) waits without blocking.
#[derive(Debug)]
pub struct SqliteStore {
    writer: ConnectionWorker,
    readers: Vec<ConnectionWorker>,
    next_reader: AtomicUsize,
    path: Option<PathBuf>,
    seal: ContentSeal,
    /// Whether a task is emptying the log.
    is_emptying: Arc<AtomicBool>,
    pub(crate) extensions: Arc<Extensions>,
}

/// What is kept beside sessions, in the store's own transactions.
pub(crate) type Extensions = [Arc<dyn for<'a> Extension<Transaction<'a>>>];

/// How long moving the log into the file waits for whoever reads.
const LOG_PATIENCE: Duration = Duration::from_secs(2);

/// How long it waits before it is tried again, beside everything else.
const LOG_PAUSE: Duration = Duration::from_secs(1);

impl SqliteStore {
    /// Opens the file with the default options and brings it to this version's tables. It is created if missing.
    ///
    /// # Errors
    /// As [`SqliteOptions::open`].
    pub async fn open(path: impl AsRef<Path>) -> Result<Self> {
        SqliteOptions::new().open(path).await
    }

    /// A store without a file, which ends with the process.
    ///
    /// # Errors
    /// `Internal` if the operating system gives no thread.
    pub async fn open_in_memory() -> Result<Self> {
        SqliteOptions::new().open_in_memory().await
    }

    pub(crate) fn new(
        writer: ConnectionWorker,
        readers: Vec<ConnectionWorker>,
        path: Option<PathBuf>,
        seal: ContentSeal,
        extensions: &[Arc<dyn for<'a> Extension<Transaction<'a>>>],
    ) -> Self {
        Self {
            writer,
            readers,
            next_reader: AtomicUsize::new(0),
            path,
            seal,
            is_emptying: Arc::default(),
            extensions: extensions.into(),
        }
    }

    /// Empties the write-ahead log, in which what was deleted from the file would still stand.
    ///
    /// Whoever reads for longer than this waits keeps the log: it is then emptied as soon as nobody reads, or when the file
    /// is opened the next time. What was deleted is deleted in any case, so that this is nobody's failure.
    pub(crate) async fn forget_traces(&self) {
        let Some(path) = self.path.clone() else { return };
        // One task is enough for all that is deleted until it has done it.
        if empty_log(path.clone()).await || self.is_emptying.swap(true, Ordering::AcqRel) {
            return;
        }
        let is_emptying = Arc::downgrade(&self.is_emptying);
        tokio::spawn(async move {
            // Once the store is closed the last connection has emptied the log.
            while let Some(is_emptying) = is_emptying.upgrade() {
                if empty_log(path.clone()).await {
                    is_emptying.store(false, Ordering::Release);
                    return;
                }
                drop(is_emptying);
                tokio::time::sleep(LOG_PAUSE).await;
            }
        });
    }

    /// Waits until everything accepted is written, and closes the file.
    pub async fn close(self) {
        for reader in self.readers {
            reader.finish().await;
        }
        // The last connection to close moves the write-ahead log into the file.
        self.writer.finish().await;
    }

    /// Carries out `work` in a transaction of the writing thread. It may run twice, the first time without effect.
    pub(crate) async fn write<T, W>(&self, operation: &'static str, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnMut(&Transaction<'_>) -> Outcome<T> + Send + 'static,
    {
        self.writer.run(operation, self.with_seal(work)).await
    }

    /// Carries out `work` on one snapshot of the store.
    pub(crate) async fn read<T, W>(&self, operation: &'static str, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnMut(&Transaction<'_>) -> Outcome<T> + Send + 'static,
    {
        let turn = self.next_reader.fetch_add(1, Ordering::Relaxed);
        let worker = turn.checked_rem(self.readers.len()).and_then(|index| self.readers.get(index));
        worker.unwrap_or(&self.writer).run(operation, self.with_seal(work)).await
    }

    /// `work` as a worker does it, which knows nothing of content.
    fn with_seal<T, W>(&self, mut work: W) -> impl FnMut(&Connection) -> Outcome<T> + Send + 'static
    where
        W: FnMut(&Transaction<'_>) -> Outcome<T> + Send + 'static,
    {
        let seal = self.seal.clone();
        move |db| work(&Transaction::new(db, &seal))
    }
}

/// Returns whether the log is empty: nobody read for too long.
async fn empty_log(path: PathBuf) -> bool {
    let empty = move || -> rusqlite::Result<bool> {
        // A connection of its own: within a transaction the log cannot be emptied.
        let db = Connection::open(path)?;
        db.busy_timeout(LOG_PATIENCE)?;
        db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get(0))
    };
    match tokio::task::spawn_blocking(empty).await {
        Ok(Ok(is_busy)) => {
            if is_busy {
                tracing::warn!("the log keeps what was deleted until whoever reads the file is done");
            }
            !is_busy
        }
        Ok(Err(error)) => {
            tracing::warn!(%error, "the log could not be emptied");
            false
        }
        Err(error) => {
            tracing::warn!(%error, "the log could not be emptied");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_commit_waits_for_the_disk() {
        let folder = std::env::temp_dir().join(format!("voicecall-{}", voicecall_core::RecordId::new()));
        std::fs::create_dir_all(&folder).unwrap();
        let store = SqliteStore::open(folder.join("calls.db")).await.unwrap();
        let settings = store.write("read settings", |db| {
            let journal: String = db.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
            let synchronous: u32 = db.pragma_query_value(None, "synchronous", |row| row.get(0))?;
            let foreign_keys: bool = db.pragma_query_value(None, "foreign_keys", |row| row.get(0))?;
            Ok((journal, synchronous, foreign_keys))
        });
        // 2 is FULL.
        assert_eq!(settings.await.unwrap(), ("wal".to_owned(), 2, true));
        store.close().await;
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test]
    async fn readers_cannot_write() {
        let folder = std::env::temp_dir().join(format!("voicecall-{}", voicecall_core::RecordId::new()));
        std::fs::create_dir_all(&folder).unwrap();
        let store = SqliteStore::open(folder.join("calls.db")).await.unwrap();
        let write = store.read("write", |db| Ok(db.execute_batch("DELETE FROM session_events")?));
        assert_eq!(write.await.unwrap_err().code(), Some("SQLITE_READONLY"));
        store.close().await;
        std::fs::remove_dir_all(folder).unwrap();
    }
}
