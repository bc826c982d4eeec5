//! Which connections are open, and which one gives way when there is no slot for a new one.
//!
//! A stranger can only take a slot by making the server wait: for headers, a body, another request, or for its response to
//! be read. Of the connections that are waited for the oldest gives way, first among those of a client that has too many,
//! then among all. A connection whose request is being handled, or that has proved who it is, never does: so a flood of
//! strangers leaves slots to the carrier. Requests make no connection younger, or strangers who go on asking would push out
//! whoever has just come.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::client::Client;

/// The slots of one server.
#[derive(Debug)]
pub(super) struct Slots {
    max: usize,
    max_per_client: usize,
    state: Mutex<State>,
    /// Told when a slot is free again.
    freed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// How many there have ever been: each has its number, and the oldest the lowest.
    opened: u64,
    open: HashMap<u64, Open>,
    /// How many of them have given way and are still to close.
    leaving: usize,
    /// Connections that are waited for.
    waiting: BTreeSet<u64>,
    /// The same, by client.
    clients: HashMap<Client, BTreeSet<u64>>,
}

#[derive(Debug)]
struct Open {
    client: Option<Client>,
    standing: Standing,
    gives_way: CancellationToken,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// The server waits for the client.
    Waiting,
    /// A request is being handled.
    Busy,
    /// Somebody has proved who it is.
    Authenticated,
    /// Told to give way.
    Leaving,
}

/// Whether opening or waiting pushed somebody out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pressure {
    None,
    GaveWay,
}

impl Slots {
    /// As many slots, and as many of them for connections of one client that are waited for at once; both at least 1.
    pub(super) fn new(max: usize, max_per_client: usize) -> Arc<Self> {
        Arc::new(Self { max, max_per_client, state: Mutex::default(), freed: Notify::new() })
    }

    /// A slot for a connection of this client; without a client it counts among all only. `None` if nobody can give way.
    ///
    /// Whoever gives way still holds its slot until its [`Slot`] is dropped.
    pub(super) fn open(self: &Arc<Self>, client: Option<Client>) -> Option<(Slot, Pressure)> {
        let mut state = self.state();
        let mut pressure = Pressure::None;
        state.opened += 1;
        let id = state.opened;
        if state.open.len() - state.leaving >= self.max {
            let oldest = client.and_then(|client| state.oldest_of(client, self.max_per_client));
            let oldest = oldest.or_else(|| state.oldest())?;
            state.give_way(oldest);
            pressure = Pressure::GaveWay;
        }
        let gives_way = CancellationToken::new();
        let open = Open { client, standing: Standing::Busy, gives_way: gives_way.clone() };
        state.open.insert(id, open);
        if self.wait(&mut state, id) == Pressure::GaveWay {
            pressure = Pressure::GaveWay;
        }
        drop(state);
        Some((Slot { slots: Arc::clone(self), id, gives_way }, pressure))
    }

    /// Waits until those that gave way have closed, so that no more are open than there are slots. For one waiter.
    pub(super) async fn settled(&self) {
        while self.state().open.len() > self.max {
            self.freed.notified().await;
        }
    }

    /// From now on the server waits for this connection's client.
    fn wait(&self, state: &mut State, id: u64) -> Pressure {
        state.stop_waiting(id);
        let Some(open) = state.open.get_mut(&id).filter(|open| open.standing != Standing::Leaving) else {
            return Pressure::None;
        };
        open.standing = Standing::Waiting;
        let client = open.client;
        state.waiting.insert(id);
        let Some(client) = client else { return Pressure::None };
        state.clients.entry(client).or_default().insert(id);
        let Some(oldest) = state.oldest_of(client, self.max_per_client.saturating_add(1)) else {
            return Pressure::None;
        };
        state.give_way(oldest);
        Pressure::GaveWay
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Counters and maps are whole after every statement that can panic: none can.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The oldest connection that is waited for.
    fn oldest(&self) -> Option<u64> {
        self.waiting.first().copied()
    }

    /// The same among those of a client that has at least as many.
    fn oldest_of(&self, client: Client, at_least: usize) -> Option<u64> {
        self.clients.get(&client).filter(|waiting| waiting.len() >= at_least)?.first().copied()
    }

    fn give_way(&mut self, id: u64) {
        self.stop_waiting(id);
        if let Some(open) = self.open.get_mut(&id) {
            open.standing = Standing::Leaving;
            open.gives_way.cancel();
            self.leaving += 1;
        }
    }

    fn stop_waiting(&mut self, id: u64) {
        if !self.waiting.remove(&id) {
            return;
        }
        let Some(client) = self.open.get(&id).and_then(|open| open.client) else { return };
        if let Some(waiting) = self.clients.get_mut(&client) {
            waiting.remove(&id);
            if waiting.is_empty() {
                self.clients.remove(&client);
            }
        }
    }

    fn is_authenticated(&self, id: u64) -> bool {
        self.open.get(&id).is_some_and(|open| open.standing == Standing::Authenticated)
    }

    fn set(&mut self, id: u64, standing: Standing) {
        self.stop_waiting(id);
        if let Some(open) = self.open.get_mut(&id).filter(|open| open.standing != Standing::Leaving) {
            open.standing = standing;
        }
    }
}

/// A connection's slot, free again when this is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Arc<Slots>,
    id: u64,
    gives_way: CancellationToken,
}

impl Slot {
    /// Done when the connection is to close at once, to make room for another.
    pub(super) const fn gives_way(&self) -> &CancellationToken {
        &self.gives_way
    }

    /// A request of this client has begun, and is waited for. What an earlier one proved holds no longer.
    pub(super) fn begin(&self, client: Option<Client>) {
        self.wait_for(&mut self.slots.state(), client);
    }

    /// The request is complete, and being handled.
    pub(super) fn busy(&self) {
        let mut state = self.slots.state();
        if !state.is_authenticated(self.id) {
            state.set(self.id, Standing::Busy);
        }
    }

    /// The response is ready, and waits for this client to read it.
    pub(super) fn answered(&self, client: Option<Client>) {
        let mut state = self.slots.state();
        if !state.is_authenticated(self.id) {
            self.wait_for(&mut state, client);
        }
    }

    /// Whoever sent the request has proved who it is.
    pub(super) fn authenticated(&self) {
        self.slots.state().set(self.id, Standing::Authenticated);
    }

    fn wait_for(&self, state: &mut State, client: Option<Client>) {
        state.stop_waiting(self.id);
        if let Some(open) = state.open.get_mut(&self.id) {
            open.client = client;
        }
        self.slots.wait(state, self.id);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.slots.state();
        state.stop_waiting(self.id);
        if state.open.remove(&self.id).is_some_and(|open| open.standing == Standing::Leaving) {
            state.leaving -= 1;
        }
        drop(state);
        self.slots.freed.notify_one();
    }
}

#[cfg(test)]
#[path = "slots_tests.rs"]
mod tests;
