//! The carrier itself: what it knows, and where its requests go.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use url::Url;
use voicecall_core::carrier::{PlaceCall, WebhookReply};
use voicecall_core::testing::ScriptedCarrier;
use voicecall_core::{CarrierCallId, PhoneNumber};

use super::line::{Control, Line};
use super::options::CarrierOptions;
use super::receiver::Receiver;
use super::record::{SimCall, SimOrder};
use crate::fault::{FaultPlan, Faults, Rng};

/// Orders to a call that wait until its task takes them.
const WAITING_CONTROLS: usize = 16;

/// A carrier in this process. See the [module](super).
#[derive(Debug)]
pub struct SimCarrier {
    pub(super) options: CarrierOptions,
    /// Signatures, replies and the media protocol.
    pub(super) protocol: ScriptedCarrier,
    started: Instant,
    state: Mutex<State>,
    this: Weak<Self>,
}

#[derive(Debug)]
pub(super) struct State {
    server: Option<Arc<dyn Receiver>>,
    pub(super) faults: Faults,
    pub(super) orders: Vec<SimOrder>,
    pub(super) calls: Vec<SimCall>,
    placed: Vec<PlaceCall>,
    pub(super) lines: Vec<mpsc::Sender<Control>>,
    /// How often each number was called.
    called: HashMap<PhoneNumber, u64>,
    /// When the next call of the carrier's own queue is dialled.
    next_dial: Instant,
    /// The first answer to each delivery.
    replies: HashMap<String, Option<WebhookReply>>,
    contradictions: u64,
    deliveries: u64,
    log: Vec<String>,
}

impl SimCarrier {
    /// A carrier that begins now and whose requests go nowhere yet.
    #[must_use]
    pub fn new(options: CarrierOptions) -> Arc<Self> {
        let started = Instant::now();
        Arc::new_cyclic(|this| Self {
            state: Mutex::new(State {
                server: None,
                faults: options.faults.start(),
                orders: Vec::new(),
                calls: Vec::new(),
                placed: Vec::new(),
                lines: Vec::new(),
                called: HashMap::new(),
                next_dial: started,
                replies: HashMap::new(),
                contradictions: 0,
                deliveries: 0,
                log: Vec::new(),
            }),
            options,
            protocol: ScriptedCarrier::new(),
            started,
            this: Weak::clone(this),
        })
    }

    /// Sends requests to `server` from now on; to nobody, if there is none: connections are then refused. A server that
    /// holds the carrier must be taken away in the end, or neither is ever freed.
    pub fn serve(&self, server: Option<Arc<dyn Receiver>>) {
        self.state().server = server;
    }

    /// All calls, in the order in which they were ordered.
    #[must_use]
    pub fn calls(&self) -> Vec<SimCall> {
        self.state().calls.clone()
    }

    /// One call.
    #[must_use]
    pub fn call(&self, id: &CarrierCallId) -> Option<SimCall> {
        self.state().calls.get(index_of(id)?).cloned()
    }

    /// All orders, in the order in which they came.
    #[must_use]
    pub fn orders(&self) -> Vec<SimOrder> {
        self.state().orders.clone()
    }

    /// How many requests and reports were answered, each counted once however often it was delivered.
    #[must_use]
    pub fn webhooks(&self) -> u64 {
        self.state().replies.len() as u64
    }

    /// How many requests and reports were delivered, each counted as often as it was.
    #[must_use]
    pub fn deliveries(&self) -> u64 {
        self.state().deliveries
    }

    /// How often a request that came again got another answer than the first time.
    #[must_use]
    pub fn contradictions(&self) -> u64 {
        self.state().contradictions
    }

    /// What happened, a line each: the same for the same seed and the same orders.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.state().log.clone()
    }

    /// How much time has passed since the carrier began.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Calls once more for an order that has had its call, as an operator or a fault of the carrier's might. Returns the
    /// new call, unless there was no such call.
    pub fn call_again(&self, call: &CarrierCallId) -> Option<CarrierCallId> {
        let order = self.state().placed.get(index_of(call)?).cloned()?;
        Some(self.begin(&order, false))
    }

    /// Somebody calls a number of the service's, which is asked at `voice_url` and told at `status_url`. Returns the call.
    pub fn call_in(&self, from: &PhoneNumber, to: &PhoneNumber, voice_url: Url, status_url: Url) -> CarrierCallId {
        self.begin(&PlaceCall::new(to.clone(), from.clone(), voice_url, status_url), true)
    }

    /// Begins a call that was ordered, or that somebody makes.
    pub(super) fn begin(&self, order: &PlaceCall, came_in: bool) -> CarrierCallId {
        let mut state = self.state();
        let index = state.calls.len();
        let id = CarrierCallId::new(format!("SC{}", index + 1));
        let person = if came_in { &order.from } else { &order.to };
        let nth = *state.called.entry(person.clone()).and_modify(|nth| *nth += 1).or_insert(0);
        let (control, commands) = mpsc::channel(WAITING_CONTROLS);
        state.calls.push(SimCall::begun(id.clone(), order, came_in, self.now()));
        state.placed.push(order.clone());
        state.lines.push(control);
        let mut dials_at = Instant::now() + self.options.dials_after;
        if let Some(rate) = self.options.dials_per_second.filter(|_| !came_in) {
            dials_at = dials_at.max(state.next_dial);
            state.next_dial = dials_at + Duration::from_secs_f64(rate.recip());
        }
        drop(state);
        let seed = self.options.faults.seed;
        let faults = FaultPlan { seed: Rng::fork(seed, index as u64 + 1).next(), ..self.options.faults.clone() };
        if let Some(carrier) = self.this.upgrade() {
            let person = self.options.people.person(seed, person, nth);
            let line = Line::new(carrier, index, id.clone(), order.clone(), person, faults.start(), commands);
            // Ends with its call, which has a time limit.
            tokio::spawn(line.run((!came_in).then_some(dials_at)));
        }
        id
    }

    pub(super) fn server(&self) -> Option<Arc<dyn Receiver>> {
        self.state().server.clone()
    }

    /// Changes a call, at this moment.
    pub(super) fn change(&self, index: usize, change: impl FnOnce(&mut SimCall, Duration)) {
        let now = self.now();
        if let Some(call) = self.state().calls.get_mut(index) {
            change(call, now);
        }
    }

    pub(super) fn note(&self, what: impl std::fmt::Display) {
        let line = format!("{:.3} {what}", self.now().as_secs_f64());
        self.state().log.push(line);
    }

    /// Counts a delivery, and compares its answer with the one it got before.
    pub(super) fn answered(&self, delivery: &str, reply: &Option<WebhookReply>) {
        let mut state = self.state();
        let first = state.replies.entry(delivery.to_owned()).or_insert_with(|| reply.clone());
        let differs = first != reply;
        state.contradictions += u64::from(differs);
    }

    pub(super) fn count_delivery(&self) {
        self.state().deliveries += 1;
    }

    /// A poisoned lock only means that a test failed while it looked at plain lists.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of a call in the list: it is in its name.
pub(super) fn index_of(call: &CarrierCallId) -> Option<usize> {
    call.as_str().strip_prefix("SC")?.parse::<usize>().ok()?.checked_sub(1)
}
