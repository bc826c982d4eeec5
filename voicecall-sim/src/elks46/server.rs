//! The account on loopback: a real REST server, real webhooks, real media sockets, on the machine's clock.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::line::Line;
use super::messages::come_in;
use super::{ElksCall, ElksImage, ElksMessage, ElksNumber, ElksOptions, ElksRecording};
use crate::fault::{Fault, Faults, Rng, Site};
use crate::loopback::ServerOptions;
use crate::phone::{Party, Ring};
use crate::rest_server::{self, HttpReply, RestRequest};

type People = Box<dyn FnMut(&Ring) -> Box<dyn Party> + Send>;

/// A running account. Dropping it ends everything it started.
#[derive(Debug)]
pub struct ElksServer {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// What the parts of the server have in common.
pub(super) struct Shared {
    pub(super) options: ElksOptions,
    pub(super) network: ServerOptions,
    pub(super) client: reqwest::Client,
    state: Mutex<State>,
    tasks: Mutex<JoinSet<()>>,
    /// Counts changes, to wake whoever waits for something to happen.
    changed: watch::Sender<u64>,
}

pub(super) struct State {
    pub(super) calls: Vec<ElksCall>,
    pub(super) numbers: Vec<ElksNumber>,
    pub(super) recordings: Vec<ElksRecording>,
    /// Only ever added to, so an index stays valid.
    pub(super) messages: Vec<ElksMessage>,
    faults: Faults,
    pub(super) rng: Rng,
    people: People,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Shared {
    /// Looks at the state, or changes it, and wakes who waits.
    pub(super) fn with<T>(&self, run: impl FnOnce(&mut State) -> T) -> T {
        let result = run(&mut self.state());
        self.changed.send_modify(|count| *count += 1);
        result
    }

    /// Changes a call.
    pub(super) fn call<T>(&self, index: usize, change: impl FnOnce(&mut ElksCall) -> T) -> T {
        self.with(|state| change(&mut state.calls[index]))
    }

    pub(super) fn draw(&self, site: Site) -> Option<Fault> {
        self.state().faults.draw(site)
    }

    /// Whoever has this number.
    pub(super) fn person(&self, ring: &Ring) -> Box<dyn Party> {
        (self.state().people)(ring)
    }

    /// Runs something that ends with the server.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Begins a call, which lives by itself. Returns its id.
    pub(super) fn begin(self: &Arc<Self>, call: NewCall, party: Box<dyn Party>) -> String {
        let NewCall { from, to, order } = call;
        let (index, id) = self.with(|state| {
            let id = format!("c{:016x}{:016x}", state.rng.next(), state.rng.next());
            let call = ElksCall::new(id.clone(), order.is_none(), from, to, Timestamp::now());
            state.calls.push(call);
            (state.calls.len() - 1, id)
        });
        let line = Line::new(Arc::clone(self), index, party);
        self.spawn(line.run(order));
        id
    }

    /// A panic elsewhere must not hide what is known about it.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that begins.
#[derive(Debug)]
pub(super) struct NewCall {
    pub(super) from: Option<String>,
    pub(super) to: String,
    /// How it was ordered; none for a call that comes in.
    pub(super) order: Option<super::line::Ordered>,
}

impl ElksServer {
    /// Starts on a free port of loopback. `people` says who answers when a number is called.
    ///
    /// # Errors
    /// When no port can be opened.
    pub async fn start(
        options: ElksOptions,
        network: ServerOptions,
        people: impl FnMut(&Ring) -> Box<dyn Party> + Send + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let state = State {
            calls: Vec::new(),
            numbers: options.numbers.clone(),
            recordings: Vec::new(),
            messages: Vec::new(),
            faults: options.faults.start(),
            rng: Rng::fork(options.faults.seed, 0x46e1),
            people: Box::new(people),
        };
        let shared = Arc::new(Shared {
            client: network.client("46elks/0.2").map_err(io::Error::other)?,
            options,
            network,
            state: Mutex::new(state),
            tasks: Mutex::default(),
            changed: watch::Sender::new(0),
        });
        let (asked, most) = (Arc::clone(&shared), shared.network.concurrent_requests);
        let too_many = HttpReply::too_many(shared.options.unconfirmed.json_errors);
        let answer = move |request: &RestRequest| request.carry_out(&asked);
        shared.spawn(rest_server::serve(listener, most, too_many, answer));
        Ok(Self { address, shared })
    }

    /// What takes the place of `https://api.46elks.com`, without a path.
    #[must_use]
    pub fn api(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Somebody calls one of the account's numbers. Returns the call's id.
    #[must_use]
    pub fn call_in(&self, from: Option<&str>, to: &str, party: Box<dyn Party>) -> String {
        let call = NewCall { from: from.map(str::to_owned), to: to.to_owned(), order: None };
        self.shared.begin(call, party)
    }

    /// Orders a call whose first action, or the address that is asked for it, is this; as `POST /calls` does. Returns the
    /// call's id.
    #[must_use]
    pub fn place(&self, from: &str, to: &str, voice_start: &str) -> String {
        let party = self.shared.person(&Ring::new(to, from, 0));
        let rings = self.shared.options.rings;
        let order = super::line::Ordered { voice_start: voice_start.to_owned(), whenhangup: None, rings };
        self.shared.begin(NewCall { from: Some(from.to_owned()), to: to.to_owned(), order: Some(order) }, party)
    }

    /// Somebody writes to one of the account's numbers; an MMS if there are pictures. Returns the message's id.
    #[must_use]
    pub fn text_in(&self, from: &str, to: &str, message: &str, images: Vec<ElksImage>) -> String {
        come_in(&self.shared, from, to, message, images)
    }

    /// All messages, in the order in which they came.
    #[must_use]
    pub fn messages(&self) -> Vec<ElksMessage> {
        self.shared.state().messages.clone()
    }

    /// Waits until everything of a message is over, reports included.
    pub async fn told(&self, id: &str) -> ElksMessage {
        let mut changed = self.shared.changed.subscribe();
        loop {
            let known = self.shared.state().messages.iter().find(|message| message.id == id).cloned();
            if let Some(message) = known.filter(|message| message.is_done) {
                return message;
            }
            // The sender lives in `shared`, which lives as long as `self`.
            let _ = changed.changed().await;
        }
    }

    /// All calls, in the order in which they began.
    #[must_use]
    pub fn calls(&self) -> Vec<ElksCall> {
        self.shared.state().calls.clone()
    }

    /// One call.
    #[must_use]
    pub fn call(&self, id: &str) -> Option<ElksCall> {
        self.shared.state().calls.iter().find(|call| call.id == id).cloned()
    }

    /// The account's numbers as they are set now.
    #[must_use]
    pub fn numbers(&self) -> Vec<ElksNumber> {
        self.shared.state().numbers.clone()
    }

    /// Waits until `look` finds what it looks for among the calls. It is asked again whenever something happened.
    pub async fn until<T>(&self, mut look: impl FnMut(&[ElksCall]) -> Option<T> + Send) -> T {
        let mut changed = self.shared.changed.subscribe();
        loop {
            if let Some(found) = look(&self.shared.state().calls) {
                return found;
            }
            // The sender lives in `shared`, which lives as long as `self`.
            let _ = changed.changed().await;
        }
    }

    /// Waits until everything of a call is over, reports included.
    pub async fn ended(&self, id: &str) -> ElksCall {
        self.until(|calls| calls.iter().find(|call| call.id == id && call.is_done).cloned()).await
    }
}

impl Drop for ElksServer {
    fn drop(&mut self) {
        self.shared.tasks.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }
}
