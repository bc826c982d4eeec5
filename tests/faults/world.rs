//! An engine over a simulated carrier, in virtual time, and what both of them say in the end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use voicecall::agent::VoiceAgent;
use voicecall::audio::Detection;
use voicecall::call::CallSettings;
use voicecall::carrier::{CallStatus, CarrierEvent, CarrierEventKind, IncomingCall, VoiceBackend, WebhookReply};
use voicecall::dialogue::{Dialogue, Scripted};
use voicecall::engine::{
    CallEngine, CallHandler, CallKey, CallOutcome, CallPlan, CarrierAccount, DialPolicy, EngineConfig,
    IncomingDecision, MediaTicket, PlanRequest, Registry,
};
use voicecall::journal::JournalEntry;
use voicecall::store::{
    DialAttempt, DialStore, Direction, EngineStore, MemoryStore, NewSession, PageRequest, QueueStore, RoutingStore,
    Session, SessionFilter, SessionStore,
};
use voicecall::survey::store::MemorySurvey;
use voicecall::{
    AccountName, CarrierCallId, Clock, Error, ErrorKind, PhoneNumber, Result, SessionId, TenantId, Vault, async_trait,
};
use voicecall_core::testing::ScriptedCarrier;
use voicecall_sim::carrier::{CarrierOptions, Receiver, SimCall, SimCarrier};
use voicecall_sim::fault::{FaultPlan, FaultRule};

use super::agent::agent;

/// Friday morning; Stockholm is an hour ahead.
pub const MORNING: &str = "2026-11-20T10:00:00Z";

/// Our own number.
pub const OURS: &str = "+46700000000";

/// What a world is made of.
pub struct Setup {
    pub begins: Timestamp,
    pub carrier: CarrierOptions,
    /// A second carrier, for what the first one refuses.
    pub fallback: Option<CarrierOptions>,
    pub engine: EngineConfig,
    pub calls_per_second: f64,
    pub policy: DialPolicy,
    pub agent: Arc<dyn VoiceAgent>,
    pub dialogue: Arc<Compose>,
}

/// Makes the dialogue of a call.
pub type Compose = dyn Fn(&Connection) -> Box<dyn Dialogue> + Send + Sync;

/// What is to be conducted: a call, or what is left of it.
#[derive(Debug)]
pub struct Connection {
    pub session: SessionId,
    pub journal: Vec<JournalEntry>,
    pub resumed: bool,
}

impl Connection {
    /// The first one of a call that came in.
    pub fn first(session: &Session) -> Self {
        Self { session: session.id, journal: Vec::new(), resumed: false }
    }
}

impl From<&PlanRequest> for Connection {
    fn from(request: &PlanRequest) -> Self {
        Self { session: request.session.id, journal: request.journal.clone(), resumed: request.resumed }
    }
}

impl Setup {
    /// Short calls of one line, each tried once, over a carrier with these faults. Must be made inside the world's time.
    pub fn new(seed: u64, rules: Vec<FaultRule>) -> Self {
        Self::at(MORNING, seed, rules)
    }

    /// The same, at another time.
    pub fn at(begins: &str, seed: u64, rules: Vec<FaultRule>) -> Self {
        let begins = begins.parse().unwrap();
        let mut engine = EngineConfig::new("https://calls.example".parse().unwrap());
        engine.clock = Clock::from(begins);
        engine.rules.max_live = 10_000;
        let mut carrier = CarrierOptions::new(FaultPlan::new(seed, rules).unwrap());
        carrier.clock = engine.clock;
        carrier.packet = Duration::from_millis(100);
        let dialogue = |_: &Connection| Box::new(Scripted::new(["Hello."])) as Box<dyn Dialogue>;
        Self {
            begins,
            carrier,
            fallback: None,
            engine,
            calls_per_second: 20.0,
            policy: DialPolicy::once(),
            agent: agent(),
            dialogue: Arc::new(dialogue),
        }
    }
}

/// Runs a world of its own in virtual time.
pub fn in_virtual_time<T>(world: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().start_paused(true).build().unwrap().block_on(world)
}

/// A process, its store, and the carrier.
pub struct World {
    pub engine: Arc<CallEngine>,
    pub store: Arc<MemoryStore>,
    pub carrier: Arc<SimCarrier>,
    pub fallback: Option<Arc<SimCarrier>>,
    pub business: Arc<Business>,
    pub tenant: TenantId,
    pub begins: Timestamp,
    vault: Arc<Vault>,
    config: EngineConfig,
    calls_per_second: f64,
    tending: Vec<JoinHandle<()>>,
}

impl World {
    /// A process that works.
    pub fn new(setup: Setup) -> Self {
        let mut world = Self::idle(setup);
        world.begin();
        world
    }

    /// A process that nobody calls and that calls nobody.
    pub fn idle(setup: Setup) -> Self {
        let store = Arc::new(MemoryStore::new().with_extension(MemorySurvey));
        let vault = Arc::new(Vault::generate().unwrap());
        let tenant = TenantId::new();
        let business = Arc::new(Business {
            tenant,
            agent: setup.agent,
            policy: setup.policy,
            dialogue: setup.dialogue,
            finished: Mutex::default(),
        });
        let carrier = SimCarrier::new(setup.carrier);
        let fallback = setup.fallback.map(SimCarrier::new);
        let backends = [&carrier].into_iter().chain(&fallback).map(|carrier| Arc::clone(carrier) as _).collect();
        let service = Arc::<Business>::clone(&business);
        let engine = engine(&setup.engine, &store, backends, setup.calls_per_second, service, &vault);
        Self {
            engine,
            store,
            carrier,
            fallback,
            business,
            tenant,
            begins: setup.begins,
            vault,
            config: setup.engine,
            calls_per_second: setup.calls_per_second,
            tending: Vec::new(),
        }
    }

    /// Another process over the same store.
    pub fn engine_of(&self, carrier: Arc<dyn VoiceBackend>, service: Arc<dyn CallHandler>) -> Arc<CallEngine> {
        engine(&self.config, &self.store, vec![carrier], self.calls_per_second, service, &self.vault)
    }

    /// The carriers there are.
    pub fn carriers(&self) -> impl Iterator<Item = &Arc<SimCarrier>> {
        [&self.carrier].into_iter().chain(&self.fallback)
    }

    /// The carriers call this engine, and the engine tends to its calls.
    fn begin(&mut self) {
        for carrier in self.carriers() {
            carrier.serve(Some(Arc::new(Arc::clone(&self.engine)) as Arc<dyn Receiver>));
        }
        let engine = Arc::clone(&self.engine);
        self.tending.push(tokio::spawn(async move { engine.run_background().await }));
    }

    /// The next process over the same store: from now on the carrier reaches this one. Returns the old one.
    pub fn deploy(&mut self) -> Arc<CallEngine> {
        let next = self.engine_of(Arc::<SimCarrier>::clone(&self.carrier), Arc::<Business>::clone(&self.business));
        let old = std::mem::replace(&mut self.engine, next);
        self.begin();
        old
    }

    /// The number of the `n`th customer.
    pub fn number(n: u64) -> PhoneNumber {
        format!("+4670{n:07}").parse().unwrap()
    }

    pub fn new_session(&self, n: u64) -> NewSession {
        let now = self.config.clock.now();
        NewSession::outbound_to(&self.vault, self.tenant, &Self::number(n).into(), now).unwrap()
    }

    /// Takes in a session of the `n`th customer.
    pub async fn submit(&self, n: u64) -> SessionId {
        self.engine.submit(&self.new_session(n)).await.unwrap().id
    }

    /// Takes in sessions of so many customers, each its own.
    pub async fn submit_all(&self, count: u64) -> Vec<SessionId> {
        let mut sessions = Vec::new();
        for n in 0..count {
            sessions.push(self.submit(n).await);
        }
        sessions
    }

    /// So many customers are called, or call us, twenty a second.
    pub async fn begin_calls(&self, direction: Direction, count: u64) {
        if direction == Direction::Outbound {
            self.submit_all(count).await;
            return;
        }
        for n in 0..count {
            self.call_in(n);
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// The `n`th customer calls us. Returns the carrier's call.
    pub fn call_in(&self, n: u64) -> CarrierCallId {
        let url = |path: &str| format!("https://calls.example/voice/{path}").parse().unwrap();
        let (asked, told) = (url("sim/incoming"), url("status?account=sim"));
        let call = IncomingCall::new(OURS.parse().unwrap()).with_from(Some(Self::number(n).into()));
        self.carrier.call_in(call, &asked, &told, None).unwrap()
    }

    /// All sessions there are.
    pub async fn sessions(&self) -> Vec<SessionId> {
        let mut all = Vec::new();
        for page in 1.. {
            let request = PageRequest { page, per_page: 100 };
            let page = self.store.sessions(self.tenant, &SessionFilter::default(), request).await.unwrap().items;
            all.extend(page.iter().map(|session| session.id));
            if page.len() < 100 {
                break;
            }
        }
        all
    }

    /// Waits until every session is over and every call has ended; for `limit` at most.
    pub async fn until_over(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            let ended = self.carriers().all(|carrier| carrier.calls().iter().all(|call| call.status.is_final()));
            if ended && self.store.open_sessions().await.unwrap().is_empty() {
                return;
            }
            sleep(Duration::from_secs(5)).await;
        }
    }

    /// The `n`th customer is called, or calls us; what follows is the test's own.
    pub async fn ringing(&self, direction: Direction, n: u64) -> Ringing {
        if direction == Direction::Outbound {
            let session = self.store.create_session(&self.new_session(n)).await.unwrap();
            let session = self.engine.place(&session).await.unwrap();
            let call = session.carrier_call.clone().unwrap();
            return Ringing { call, session: Some(session), reply: None };
        }
        let call = CarrierCallId::new(format!("IN{n}"));
        let incoming = IncomingCall::new(OURS.parse().unwrap()).with_from(Some(Self::number(n).into()));
        let event = CarrierEvent::new(call.clone(), CarrierEventKind::Incoming(incoming), format!("{call}-asks"));
        let request = ScriptedCarrier::webhook_of("/voice/sim/incoming", &event);
        let headers = request.headers();
        let reply = self.engine.incoming("sim".parse().unwrap(), &request.request(&headers)).await.unwrap();
        Ringing { session: self.session_of(&call).await, call, reply: Some(reply) }
    }

    /// The call is answered. Returns whether its socket may come, and the call's name.
    pub async fn answer(&self, ringing: Ringing) -> (Result<MediaTicket>, CarrierCallId) {
        let Ringing { call, session, reply } = ringing;
        if let Some(reply) = reply {
            return (self.admit(&reply), call);
        }
        let attempt = self.attempts(session.unwrap().id).await.remove(0);
        let key = CallKey::of(&attempt).unwrap();
        let kind = CarrierEventKind::Instruct { status: CallStatus::InProgress, detection: None };
        let event = CarrierEvent::new(call.clone(), kind, format!("{call}-answer"));
        let request = ScriptedCarrier::webhook_of(&format!("/voice/{key}/answer"), &event);
        let reply = self.engine.answer(key, &request.request(&request.headers())).await.unwrap();
        (self.admit(&reply), call)
    }

    /// Whether the socket may come that the carrier was told to open, if it was.
    fn admit(&self, reply: &WebhookReply) -> Result<MediaTicket> {
        let token = reply.body.split("/media/").nth(1).and_then(|rest| rest.split('"').next());
        let token = token.ok_or_else(|| Error::new(ErrorKind::Unavailable, "open media socket"))?;
        let handshake = ScriptedCarrier::sign(&format!("/media/{token}"), "");
        handshake.with(|request| self.engine.admit(token, request))
    }

    /// The session of a carrier's call, if there is one.
    pub async fn session_of(&self, call: &CarrierCallId) -> Option<Session> {
        let account = Some("sim".parse().unwrap());
        let route = self.store.route_call("sim", account, call).await.unwrap()?;
        Some(self.session(route.session).await)
    }

    pub async fn session(&self, id: SessionId) -> Session {
        self.store.session(self.tenant, id).await.unwrap()
    }

    pub async fn attempts(&self, id: SessionId) -> Vec<DialAttempt> {
        self.store.attempts(self.tenant, id).await.unwrap()
    }

    /// The carriers' calls, by the customer.
    pub fn calls_by_number(&self) -> HashMap<PhoneNumber, Vec<SimCall>> {
        let mut calls: HashMap<_, Vec<_>> = HashMap::new();
        for call in self.carriers().flat_map(|carrier| carrier.calls()) {
            calls.entry(call.person().unwrap().clone()).or_default().push(call);
        }
        calls
    }

    /// How many customers had more than one call.
    pub fn called_twice(&self) -> usize {
        self.calls_by_number().values().filter(|calls| calls.len() > 1).count()
    }

    /// How many sessions are not over.
    pub async fn open(&self) -> usize {
        self.store.open_sessions().await.unwrap().len()
    }
}

/// A call that the test makes, as far as the carrier has come with it.
#[derive(Debug)]
pub struct Ringing {
    pub call: CarrierCallId,
    /// None for a caller who was not taken.
    pub session: Option<Session>,
    /// What we answered when we were asked about a call that came in.
    reply: Option<WebhookReply>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.carriers().for_each(|carrier| carrier.serve(None));
        self.tending.iter().for_each(JoinHandle::abort);
    }
}

fn engine(
    config: &EngineConfig,
    store: &Arc<MemoryStore>,
    carriers: Vec<Arc<dyn VoiceBackend>>,
    calls_per_second: f64,
    service: Arc<dyn CallHandler>,
    vault: &Arc<Vault>,
) -> Arc<CallEngine> {
    let store = Arc::clone(store) as Arc<dyn EngineStore>;
    let accounts = carriers.into_iter().zip(["sim", "fallback"]).fold(Registry::new(), |accounts, (carrier, name)| {
        let account = CarrierAccount::new(name.parse().unwrap(), carrier).number(OURS.parse().unwrap());
        accounts.with(account.calls_per_second(calls_per_second))
    });
    CallEngine::new(config.clone(), store, accounts, service, Arc::clone(vault)).unwrap()
}

/// The business behind the calls: keeps what they leave.
pub struct Business {
    tenant: TenantId,
    agent: Arc<dyn VoiceAgent>,
    policy: DialPolicy,
    dialogue: Arc<Compose>,
    finished: Mutex<Vec<CallOutcome>>,
}

impl Business {
    /// The calls whose end the business was told.
    pub fn outcomes(&self) -> Vec<CallOutcome> {
        self.finished.lock().unwrap().clone()
    }
}

impl Business {
    fn plan_of(&self, connection: &Connection) -> CallPlan {
        let mut settings = CallSettings::new(connection.session);
        settings.detection = Detection::Energy;
        let dialogue = (self.dialogue)(connection);
        if dialogue.can_grant_consent() {
            settings.keep = voicecall_core::call::Keep::AfterConsent;
        }
        let plan = CallPlan::new(connection.session, Arc::clone(&self.agent), dialogue);
        CallPlan { settings, ..plan }
    }
}

impl std::fmt::Debug for Business {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Business")
    }
}

#[async_trait]
impl CallHandler for Business {
    async fn policy(&self, _: &Session) -> Result<DialPolicy> {
        Ok(self.policy.clone())
    }

    async fn tenant_of(&self, _: AccountName, _: &IncomingCall) -> Result<Option<TenantId>> {
        Ok(Some(self.tenant))
    }

    async fn incoming(&self, _: &IncomingCall, session: &Session) -> Result<IncomingDecision> {
        Ok(IncomingDecision::Connect(self.plan_of(&Connection::first(session))))
    }

    async fn plan(&self, request: &PlanRequest) -> Result<CallPlan> {
        Ok(self.plan_of(&request.into()))
    }

    async fn finished(&self, outcome: &CallOutcome) {
        self.finished.lock().unwrap().push(outcome.clone());
    }
}
