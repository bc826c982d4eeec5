//! What a test sees of the sockets: how many there are, what came in, and what stands in their conversations.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::session::Session;

/// How many events of a client are kept for each socket. The oldest go first.
const KEPT_EVENTS: usize = 10_000;

/// How many sockets are kept, closed ones included. The oldest go first.
const KEPT_SOCKETS: usize = 256;

/// All sockets of a server.
#[derive(Debug)]
pub struct Sockets {
    list: watch::Sender<List>,
    /// The tasks that serve them; none any more once the server has stopped.
    tasks: Mutex<Option<JoinSet<()>>>,
}

#[derive(Debug, Default)]
struct List {
    kept: VecDeque<Socket>,
    opened: u64,
    refused: u64,
}

/// One socket, open or not any more.
#[derive(Debug, Clone)]
pub struct Socket {
    session: Arc<Mutex<Session>>,
    record: Arc<watch::Sender<Record>>,
}

#[derive(Debug, Default)]
struct Record {
    events: VecDeque<Value>,
    is_closed: bool,
}

impl Sockets {
    pub(in super::super) fn new() -> Self {
        Self { list: watch::Sender::new(List::default()), tasks: Mutex::new(Some(JoinSet::new())) }
    }

    /// How many were opened so far, refused ones not counted.
    #[must_use]
    pub fn opened(&self) -> u64 {
        self.list.borrow().opened
    }

    /// How many requests for one were refused, but for those with a wrong key.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.list.borrow().refused
    }

    /// How many are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.list.borrow().kept.iter().filter(|socket| socket.is_open()).count()
    }

    /// The sockets in the order in which they were opened; the last 256 of them.
    #[must_use]
    pub fn all(&self) -> Vec<Socket> {
        self.list.borrow().kept.iter().cloned().collect()
    }

    /// The last of the first `count` sockets, once they are open. One that is not kept any more is never found.
    pub async fn wait_for_socket(&self, count: u64) -> Socket {
        let mut list = self.list.subscribe();
        loop {
            let found = list.borrow_and_update().find(count);
            if let Some(socket) = found {
                return socket;
            }
            // The sender is `self`: it is there.
            let _ = list.changed().await;
        }
    }

    pub(super) fn refuse(&self) {
        self.list.send_modify(|list| list.refused += 1);
    }

    /// Enters a socket that was opened.
    pub(super) fn enter(&self, session: Session) -> Socket {
        let socket = Socket { session: Arc::new(Mutex::new(session)), record: Arc::default() };
        self.list.send_modify(|list| {
            list.opened += 1;
            list.kept.push_back(socket.clone());
            if list.kept.len() > KEPT_SOCKETS {
                list.kept.pop_front();
            }
        });
        socket
    }

    /// Serves a socket until it ends or the server does.
    pub(super) fn spawn(&self, serving: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tasks) = tasks.as_mut() {
            while tasks.try_join_next().is_some() {}
            tasks.spawn(serving);
        }
    }

    /// Ends all sockets, and lets none be opened any more. The tasks end when what is returned is dropped or awaited.
    pub(in super::super) fn close(&self) -> Option<JoinSet<()>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl List {
    fn find(&self, count: u64) -> Option<Socket> {
        let gone = self.opened - self.kept.len() as u64;
        let at = count.checked_sub(gone + 1)?;
        self.kept.get(usize::try_from(at).ok()?).cloned()
    }
}

impl Socket {
    /// The client's events, oldest first, as they came; the last 10,000 of them. A message that is no JSON is a string.
    #[must_use]
    pub fn received(&self) -> Vec<Value> {
        self.record.borrow().events.iter().cloned().collect()
    }

    /// The items of the conversation in their order, as `conversation.item.retrieved` tells them, with audio.
    #[must_use]
    pub fn items(&self) -> Vec<Value> {
        self.session().items()
    }

    /// The session as `session.updated` tells it.
    #[must_use]
    pub fn settings(&self) -> Value {
        self.session().settings()
    }

    /// Whether it is still open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.record.borrow().is_closed
    }

    /// The client's first event of this type, once it is there; `None` if the socket closes without one.
    pub async fn wait_for(&self, kind: &str) -> Option<Value> {
        self.wait_for_nth(kind, 1).await
    }

    /// The client's `nth` event of this type, counted from 1, once it is there; `None` if the socket closes without it.
    pub async fn wait_for_nth(&self, kind: &str, nth: usize) -> Option<Value> {
        let find = |record: &Record| {
            let mut of_kind = record.events.iter().filter(|event| event["type"] == kind);
            of_kind.nth(nth.saturating_sub(1)).cloned()
        };
        let mut record = self.record.subscribe();
        let ended = record.wait_for(|record| record.is_closed || find(record).is_some()).await;
        ended.ok().and_then(|record| find(&record))
    }

    /// Returns when it is closed.
    pub async fn closed(&self) {
        // The sender is `self`: it is there.
        let _ = self.record.subscribe().wait_for(|record| record.is_closed).await;
    }

    /// A panic while the lock was held is a bug that its test has seen; what is read after it is as good as before.
    pub(super) fn session(&self) -> std::sync::MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn record(&self, event: Value) {
        self.record.send_modify(|record| {
            record.events.push_back(event);
            if record.events.len() > KEPT_EVENTS {
                record.events.pop_front();
            }
        });
    }

    pub(super) fn close(&self) {
        self.record.send_modify(|record| record.is_closed = true);
    }
}
