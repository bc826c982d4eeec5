//! A thread that owns a connection and carries out work in the order it was accepted.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, TransactionBehavior, ffi};
use tokio::sync::{mpsc, oneshot};
use voicecall_core::{Error, ErrorKind, Result};

use crate::fault::{Fault, Outcome};

/// How many writes may share one transaction, and so one wait for the disk.
const LARGEST_GROUP: usize = 128;

/// How many calls may wait, and how long one waits for a place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Queue {
    pub(crate) capacity: usize,
    pub(crate) wait: Duration,
}

/// What a worker does with its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// A thread with a connection, and the queue of work for it.
pub(crate) struct ConnectionWorker {
    queue: Option<mpsc::Sender<Box<dyn Job>>>,
    wait: Duration,
    finished: Option<oneshot::Receiver<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ConnectionWorker {
    /// Starts a thread that connects and then works until the worker is dropped.
    pub(crate) async fn start(
        name: &str,
        access: Access,
        queue: Queue,
        connect: impl FnOnce() -> Result<Connection> + Send + 'static,
    ) -> Result<Self> {
        let (sender, receiver) = mpsc::channel(queue.capacity);
        let (connected, connection) = oneshot::channel();
        let (finish, finished) = oneshot::channel();
        let work = move || {
            match connect() {
                Ok(db) => {
                    // Without a listener the store is not wanted any more.
                    if connected.send(Ok(())).is_ok() {
                        work_through(db, access, receiver);
                    }
                }
                Err(error) => {
                    connected.send(Err(error)).ok();
                }
            }
            drop(finish);
        };
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(work)
            .map_err(|error| Error::new(ErrorKind::Internal, "open store").with_source(error))?;
        let worker = Self { queue: Some(sender), wait: queue.wait, finished: Some(finished), thread: Some(thread) };
        connection.await.map_err(|_| stopped("open store"))??;
        Ok(worker)
    }

    /// Carries out `work` in a transaction. Once it is in the queue it is carried out, also if this future is dropped.
    pub(crate) async fn run<T, W>(&self, operation: &'static str, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnMut(&Connection) -> Outcome<T> + Send + 'static,
    {
        let queue = self.queue.as_ref().ok_or_else(|| stopped(operation))?;
        let place = tokio::time::timeout(self.wait, queue.reserve())
            .await
            .map_err(|_| overloaded(operation, self.wait))?
            .map_err(|_| stopped(operation))?;
        let (reply, answer) = oneshot::channel();
        place.send(Box::new(Task { operation, work, outcome: None, reply }));
        answer.await.map_err(|_| stopped(operation))?
    }

    /// Takes no more work and waits until the accepted work is done.
    pub(crate) async fn finish(mut self) {
        self.queue = None;
        if let Some(finished) = self.finished.take() {
            // The thread never sends: it drops its end when it is done.
            finished.await.ok();
        }
    }
}

impl Drop for ConnectionWorker {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // Panics of jobs are caught, so there is nothing to learn from the result.
            thread.join().ok();
        }
    }
}

impl fmt::Debug for ConnectionWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionWorker").field("wait", &self.wait).finish_non_exhaustive()
    }
}

fn overloaded(operation: &'static str, wait: Duration) -> Error {
    Error::new(ErrorKind::RateLimited, operation).with_provider("sqlite").with_retry_after(wait)
}

fn stopped(operation: &'static str) -> Error {
    Error::new(ErrorKind::Closed, operation).with_provider("sqlite")
}

/// A piece of work whose types the thread does not know.
trait Job: Send {
    /// Does the work and keeps its outcome; true if it may be committed.
    fn run(&mut self, db: &Connection) -> bool;
    /// Replaces the outcome: the transaction failed around it.
    fn fail(&mut self, error: rusqlite::Error);
    /// Tells the outcome to whoever still waits.
    fn reply(self: Box<Self>);
}

struct Task<T, W> {
    operation: &'static str,
    work: W,
    outcome: Option<Outcome<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T, W> Job for Task<T, W>
where
    T: Send,
    W: FnMut(&Connection) -> Outcome<T> + Send,
{
    fn run(&mut self, db: &Connection) -> bool {
        // A panic is a fault of one job; it must not take the store from all calls.
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.work)(db)))
            .unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, self.operation).into()));
        self.outcome.insert(outcome).is_ok()
    }

    fn fail(&mut self, error: rusqlite::Error) {
        self.outcome = Some(Err(Fault::Sqlite(error)));
    }

    fn reply(self: Box<Self>) {
        let operation = self.operation;
        let outcome = self.outcome.unwrap_or_else(|| Err(Error::new(ErrorKind::Internal, operation).into()));
        let outcome = outcome.map_err(|fault| fault.into_error(operation));
        if let Err(error) = &outcome
            && matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Internal | ErrorKind::Config)
        {
            tracing::warn!(%error, "the store failed");
        }
        // Nobody waits any more: what was accepted is done all the same.
        self.reply.send(outcome).ok();
    }
}

fn work_through(mut db: Connection, access: Access, mut queue: mpsc::Receiver<Box<dyn Job>>) {
    while let Some(first) = queue.blocking_recv() {
        let mut group = vec![first];
        // Sharing spares writers a wait for the disk; readers have nothing to share.
        while access == Access::Write
            && group.len() < LARGEST_GROUP
            && let Ok(next) = queue.try_recv()
        {
            group.push(next);
        }
        carry_out(&mut db, access, group);
    }
}

fn carry_out(db: &mut Connection, access: Access, mut group: Vec<Box<dyn Job>>) {
    let mut shared = group.len() > 1;
    if shared && let Err(error) = together(db, &mut group) {
        match error.sqlite_error().copied() {
            // Each would wait as long again for the lock, and the queue behind them.
            Some(failure) if failure.code == ErrorCode::DatabaseBusy => {
                for job in &mut group {
                    job.fail(rusqlite::Error::SqliteFailure(failure, None));
                }
            }
            // One of them spoilt it for all: each gets its own transaction and its own outcome.
            _ => shared = false,
        }
    }
    for mut job in group {
        if !shared && let Err(error) = alone(db, access, job.as_mut()) {
            job.fail(error);
        }
        job.reply();
    }
}

/// All jobs in one transaction, each undone by itself if it fails. An error means that nothing was written.
fn together(db: &mut Connection, group: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
    let mut shared = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for job in group {
        let part = shared.savepoint()?;
        if job.run(&part) {
            part.commit()?;
        } else {
            drop(part);
            // Some failures, a full disk among them, undo the whole transaction.
            if shared.is_autocommit() {
                return Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_ABORT), None));
            }
        }
    }
    shared.commit()
}

fn alone(db: &mut Connection, access: Access, job: &mut dyn Job) -> rusqlite::Result<()> {
    let behavior = match access {
        Access::Read => TransactionBehavior::Deferred,
        Access::Write => TransactionBehavior::Immediate,
    };
    let transaction = db.transaction_with_behavior(behavior)?;
    // Dropping the transaction undoes it.
    if job.run(&transaction) { transaction.commit() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc as blocking;

    use super::*;

    async fn worker(capacity: usize) -> ConnectionWorker {
        let queue = Queue { capacity, wait: Duration::from_secs(2) };
        let connect = || {
            let db = Connection::open_in_memory().unwrap();
            db.execute_batch("CREATE TABLE notes (note TEXT UNIQUE)").unwrap();
            Ok(db)
        };
        ConnectionWorker::start("test", Access::Write, queue, connect).await.unwrap()
    }

    fn note(text: &'static str) -> impl FnMut(&Connection) -> Outcome<()> + Send + 'static {
        move |db| Ok(db.execute("INSERT INTO notes VALUES (?)", [text]).map(drop)?)
    }

    async fn notes(worker: &ConnectionWorker) -> Vec<String> {
        worker
            .run("read", |db| {
                let mut query = db.prepare("SELECT note FROM notes ORDER BY rowid")?;
                Ok(query.query_map((), |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
            })
            .await
            .unwrap()
    }

    /// Polls once, so that the work is in the queue, and gives the future back.
    async fn accepted<F: Future + Unpin>(mut future: F) -> F {
        tokio::select! {
            biased;
            _ = &mut future => panic!("the writer was to be held"),
            () = std::future::ready(()) => future,
        }
    }

    /// Holds the thread in a job until told to go on; returns once it is held.
    async fn hold(worker: &ConnectionWorker) -> (blocking::Sender<()>, impl Future<Output = Result<()>> + Unpin) {
        let (release, released) = blocking::channel::<()>();
        let (entered, inside) = oneshot::channel();
        let mut entered = Some(entered);
        let held = Box::pin(worker.run("hold", move |_| {
            entered.take().map(|entered| entered.send(()));
            released.recv().ok();
            Ok(())
        }));
        let held = accepted(held).await;
        inside.await.unwrap();
        (release, held)
    }

    #[tokio::test]
    async fn accepted_work_is_done_though_nobody_waits() {
        let worker = worker(8).await;
        let (release, held) = hold(&worker).await;
        drop(accepted(Box::pin(worker.run("write", note("kept")))).await);
        release.send(()).unwrap();
        held.await.unwrap();
        assert_eq!(notes(&worker).await, ["kept"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_refuses_after_the_wait() {
        let worker = worker(1).await;
        let (release, held) = hold(&worker).await;
        let first = accepted(Box::pin(worker.run("write", note("first")))).await;
        let error = worker.run("write", note("second")).await.unwrap_err();
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimited, Some(Duration::from_secs(2))));
        release.send(()).unwrap();
        held.await.unwrap();
        first.await.unwrap();
        assert_eq!(notes(&worker).await, ["first"]);
    }

    #[tokio::test]
    async fn a_failure_in_a_group_is_its_own() {
        let worker = worker(8).await;
        let (release, held) = hold(&worker).await;
        let one = accepted(Box::pin(worker.run("write", note("one")))).await;
        let again = accepted(Box::pin(worker.run("write", move |db| {
            note("half")(db)?;
            note("one")(db)
        })))
        .await;
        let two = accepted(Box::pin(worker.run("write", note("two")))).await;
        release.send(()).unwrap();
        held.await.unwrap();
        one.await.unwrap();
        assert_eq!(again.await.unwrap_err().kind(), ErrorKind::Conflict);
        two.await.unwrap();
        assert_eq!(notes(&worker).await, ["one", "two"]);
    }

    #[tokio::test]
    async fn a_group_undone_as_a_whole_is_repeated_one_by_one() {
        let worker = worker(8).await;
        let (release, held) = hold(&worker).await;
        let one = accepted(Box::pin(worker.run("write", note("one")))).await;
        // As SQLite itself does when the disk is full.
        let spoilt = accepted(Box::pin(worker.run("write", |db| {
            db.execute_batch("ROLLBACK")?;
            Err::<(), _>(Error::new(ErrorKind::Unavailable, "write").into())
        })))
        .await;
        let two = accepted(Box::pin(worker.run("write", note("two")))).await;
        release.send(()).unwrap();
        held.await.unwrap();
        one.await.unwrap();
        assert_eq!(spoilt.await.unwrap_err().kind(), ErrorKind::Unavailable);
        two.await.unwrap();
        assert_eq!(notes(&worker).await, ["one", "two"]);
    }

    #[tokio::test]
    async fn a_panic_undoes_one_job_and_spares_the_next() {
        let worker = worker(8).await;
        let panicking = worker.run("write", |db| -> Outcome<()> {
            note("half")(db)?;
            panic!("a fault in a job");
        });
        assert_eq!(panicking.await.unwrap_err().kind(), ErrorKind::Internal);
        worker.run("write", note("next")).await.unwrap();
        assert_eq!(notes(&worker).await, ["next"]);
    }
}
