//! The carrier itself: what it knows, and where its requests go.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use url::Url;
use voicecall_core::carrier::{IncomingCall, PlaceCall, WebhookReply};
use voicecall_core::store::Direction;
use voicecall_core::testing::ScriptedCarrier;
use voicecall_core::{Address, CarrierCallId, Error, PhoneNumber, Result};

use super::line::{Begin, Control, Line, Owner, Route};
use super::options::CarrierOptions;
use super::people::Colleague;
use super::receiver::Receiver;
use super::record::{SimCall, SimOrder};
use super::step;
use crate::fault::{FaultPlan, Faults, Rng};
use crate::phone::{Party, Ring};

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
    /// The order of each call that was ordered.
    placed: HashMap<CarrierCallId, PlaceCall>,
    pub(super) lines: Vec<mpsc::Sender<Control>>,
    /// How often each number was called.
    called: HashMap<PhoneNumber, u64>,
    /// Who answers each number, call by call.
    parties: HashMap<PhoneNumber, VecDeque<Box<dyn Party>>>,
    /// What those do who are to take a call over.
    colleagues: HashMap<PhoneNumber, Colleague>,
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
                placed: HashMap::new(),
                lines: Vec::new(),
                called: HashMap::new(),
                parties: HashMap::new(),
                colleagues: HashMap::new(),
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
        let order = self.state().placed.get(call).cloned()?;
        Some(self.begin(&order))
    }

    /// What somebody does who is asked to take calls over at this number; whoever is not named takes them.
    pub fn colleague(&self, number: PhoneNumber, colleague: Colleague) {
        self.state().colleagues.insert(number, colleague);
    }

    pub(super) fn colleague_at(&self, number: &PhoneNumber) -> Colleague {
        self.state().colleagues.get(number).copied().unwrap_or_default()
    }

    /// Whoever answers the next call to this number, instead of one of the [people](CarrierOptions::people). Several
    /// answer one call each, in turn.
    pub fn answered_by(&self, number: PhoneNumber, party: Box<dyn Party>) {
        self.state().parties.entry(number).or_default().push_back(party);
    }

    /// One of the [people](CarrierOptions::people), or `party`, calls the service. It is asked at `answer` what becomes of
    /// the call, and told at `status` how it stands; both as in
    /// [`EngineConfig::incoming_url`](voicecall_engine::EngineConfig::incoming_url). Returns the call.
    ///
    /// # Errors
    /// `Invalid` if the call is not to a phone number.
    pub fn call_in(
        &self,
        call: IncomingCall,
        answer: &Url,
        status: &Url,
        party: Option<Box<dyn Party>>,
    ) -> Result<CarrierCallId> {
        let path = |url: &Url| step::path_of(url.as_str()).unwrap_or_default();
        let to = call.to.as_phone().cloned().ok_or_else(|| Error::invalid("to", "a phone number"))?;
        let from = call.from.as_ref().and_then(Address::as_phone).cloned();
        let route = Route::of_number(path(answer), path(status));
        let owner = match party {
            Some(party) => Owner::Party(party),
            None => self.person(from.as_ref().unwrap_or(&to)).0,
        };
        Ok(self.open(Direction::Inbound, (to, from), route, owner, Begin::ComesIn(call)))
    }

    /// Begins a call that was ordered.
    pub(super) fn begin(&self, order: &PlaceCall) -> CarrierCallId {
        let (owner, earlier) = self.person(&order.to);
        let ring = Ring::new(order.to.reveal(), order.from.reveal(), earlier);
        let mut dials_at = Instant::now() + self.options.dials_after;
        if let Some(rate) = self.options.dials_per_second {
            let mut state = self.state();
            dials_at = dials_at.max(state.next_dial);
            state.next_dial = dials_at + Duration::from_secs_f64(rate.recip());
        }
        let numbers = (order.to.clone(), Some(order.from.clone()));
        let begin = Begin::Dials(dials_at, ring);
        let call = self.open(Direction::Outbound, numbers, Route::of(order), owner, begin);
        self.state().placed.insert(call.clone(), order.clone());
        call
    }

    /// Whoever has this number, and how many calls they had before.
    fn person(&self, number: &PhoneNumber) -> (Owner, u32) {
        let mut state = self.state();
        let nth = *state.called.entry(number.clone()).and_modify(|nth| *nth += 1).or_insert(0);
        let owner = match state.parties.get_mut(number).and_then(VecDeque::pop_front) {
            Some(party) => Owner::Party(party),
            None => Owner::Person(self.options.people.person(self.options.faults.seed, number, nth)),
        };
        (owner, u32::try_from(nth).unwrap_or(u32::MAX))
    }

    fn open(
        &self,
        direction: Direction,
        (to, from): (PhoneNumber, Option<PhoneNumber>),
        route: Route,
        owner: Owner,
        begin: Begin,
    ) -> CarrierCallId {
        let mut state = self.state();
        let index = state.calls.len();
        let id = CarrierCallId::new(format!("SC{}", index + 1));
        let (control, commands) = mpsc::channel(WAITING_CONTROLS);
        state.calls.push(SimCall::new(id.clone(), direction, to, from, self.now()));
        state.lines.push(control);
        drop(state);
        let seed = Rng::fork(self.options.faults.seed, index as u64 + 1).next();
        let faults = FaultPlan { seed, ..self.options.faults.clone() };
        if let Some(carrier) = self.this.upgrade() {
            let line = Line::new(carrier, index, id.clone(), route, owner, faults.start(), commands);
            // Ends with its call, which has a time limit.
            tokio::spawn(line.run(begin));
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
