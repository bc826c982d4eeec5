//! P4 and P5: many processes share a store, and some of them stand still at the worst moments, for longer than what they
//! run is held for them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use voicecall::carrier::{
    CallFlow, CarrierCall, CarrierEvent, FindCalls, IncomingCall, PlaceCall, VoiceBackend, VoiceCapabilities,
    WebhookReply, WebhookRequest,
};
use voicecall::engine::{CallEngine, CallHandler, CallOutcome, CallPlan, DialPolicy, IncomingDecision, PlanRequest};
use voicecall::media::MediaCodec;
use voicecall::store::{Direction, EndReason, Session, SessionStore};
use voicecall::{AccountName, CarrierCallId, Error, ErrorKind, Result, TenantId, async_trait};
use voicecall_core::testing::{PairedSocket, SignedRequest};
use voicecall_sim::carrier::{Receiver, SimCarrier};
use voicecall_sim::fault::{Fault, FaultRule, Rng, Site};

use super::row::{Row, scaled};
use super::world::{Business, Setup, World, in_virtual_time};

const SEED: u64 = 0x94;

/// A session is held for half a minute.
const STANDS_STILL: Duration = Duration::from_secs(60);

#[test]
fn sixteen_processes_order_each_job_once() {
    let mut row = Row::new("P4", "jobs for 16 processes over one store, of which some stand still for a minute", SEED);
    share(&mut row, scaled(100_000), 1_000, 16, 0.02, 1.0);
    row.finish();
}

#[test]
fn a_process_that_wakes_around_its_order_doubles_no_call() {
    let what = "jobs for 4 processes over one store, which stand still before planning, before the order and after it";
    let mut row = Row::new("P5", what, SEED + 1);
    share(&mut row, scaled(2_000), 200, 4, 0.1, 0.2);
    row.finish();
}

#[test]
fn a_call_that_comes_in_is_one_however_many_processes_are_asked_about_it() {
    let what = "calls that come in, about each of which two to four of 4 processes over one store are asked at once";
    let mut row = Row::new("P4", what, SEED + 2);
    let (mut asked, mut doubled, mut conversations, mut failed) = (0, 0, 0, 0);
    const CALLS: u64 = 200;
    for world in 0..scaled(10_000).div_ceil(CALLS) {
        in_virtual_time(async {
            let copies = [(0.5, 1), (0.5, 2), (1.0, 3)]
                .map(|(chance, times)| FaultRule::sometimes(Site::WebhookVoice, chance, Fault::Duplicate { times }));
            let mut setup = Setup::new(SEED + world, copies.to_vec());
            setup.engine.shares_store = true;
            let shared = World::idle(setup);
            let rng = Arc::new(Mutex::new(Rng::fork(SEED, world)));
            let all: Vec<_> = (0..4).map(|_| Worker::start(&shared, 0.0, &rng)).collect();
            shared.carrier.serve(Some(Arc::new(Balancer { workers: all.clone(), next: AtomicUsize::new(0) })));
            shared.begin_calls(Direction::Inbound, CALLS).await;
            shared.until_over(Duration::from_secs(600)).await;
            all.iter().for_each(|worker| worker.end());
            asked += shared.carrier.deliveries() - shared.carrier.webhooks();
            doubled += shared.sessions().await.len().abs_diff(CALLS as usize);
            for call in shared.carrier.calls() {
                conversations += usize::from(call.conversed_at.is_none() || call.sockets != 1);
                let session = shared.session_of(&call.id).await;
                failed += usize::from(session.is_none_or(|it| it.end_reason != Some(EndReason::Completed)));
            }
            row.did(CALLS);
        });
    }
    row.some("questions beyond the first", asked);
    row.never("calls with more sessions than one, or none", doubled);
    row.never("calls without one conversation", conversations);
    row.never("calls that did not complete", failed);
    row.finish();
}

/// Lets so many processes do the jobs, in worlds of so many, with this chance to stand still at each point.
fn share(row: &mut Row, jobs: u64, each: u64, workers: usize, chance: f64, busy: f64) {
    let (mut stops, mut repeated, mut twice, mut open) = (0, 0, 0, 0);
    for world in 0..jobs.div_ceil(each) {
        in_virtual_time(async {
            let mut setup = Setup::new(SEED + world, Vec::new());
            setup.carrier.people.busy = busy;
            setup.engine.shares_store = true;
            setup.calls_per_second = 10.0;
            let shared = World::idle(setup);
            let rng = Arc::new(Mutex::new(Rng::fork(SEED, world)));
            let all: Vec<_> = (0..workers).map(|_| Worker::start(&shared, chance, &rng)).collect();
            shared.carrier.serve(Some(Arc::new(Balancer { workers: all.clone(), next: AtomicUsize::new(0) })));
            for n in 0..each {
                shared.store.create_session(&shared.new_session(n)).await.unwrap();
            }
            shared.until_over(Duration::from_secs(3 * 3600)).await;
            let mut orders: Vec<_> =
                shared.carrier.orders().into_iter().map(|order| order.to.reveal().to_owned()).collect();
            let sent = orders.len();
            orders.sort();
            orders.dedup();
            repeated += sent - orders.len();
            twice += shared.called_twice();
            open += shared.open().await;
            stops += all.iter().map(|worker| worker.stops.load(Ordering::Relaxed) as u64).sum::<u64>();
            row.did(each);
            all.iter().for_each(|worker| worker.end());
        });
    }
    row.some("times a process stood still", stops);
    row.never("orders sent twice", repeated);
    row.never("numbers called twice", twice);
    row.never("sessions left open", open);
}

/// One process. While it stands still, nothing of it goes on, and nothing reaches it.
#[derive(Debug)]
struct Worker {
    engine: std::sync::OnceLock<Arc<CallEngine>>,
    tending: Mutex<Option<JoinHandle<()>>>,
    goes_on: watch::Sender<bool>,
    chance: f64,
    rng: Arc<Mutex<Rng>>,
    stops: AtomicUsize,
}

impl Worker {
    fn start(world: &World, chance: f64, rng: &Arc<Mutex<Rng>>) -> Arc<Self> {
        let worker = Arc::new(Self {
            engine: std::sync::OnceLock::new(),
            tending: Mutex::default(),
            goes_on: watch::Sender::new(true),
            chance,
            rng: Arc::clone(rng),
            stops: AtomicUsize::new(0),
        });
        let backend = Gated { carrier: Arc::clone(&world.carrier), worker: Arc::downgrade(&worker) };
        let service = GatedBusiness { business: Arc::clone(&world.business), worker: Arc::downgrade(&worker) };
        worker.engine.set(world.engine_of(Arc::new(backend), Arc::new(service))).unwrap();
        worker.run_background();
        worker
    }

    fn engine(&self) -> &Arc<CallEngine> {
        self.engine.get().unwrap()
    }

    fn run_background(&self) {
        let engine = Arc::clone(self.engine());
        *self.tending.lock().unwrap() = Some(tokio::spawn(async move { engine.run_background().await }));
    }

    fn end(&self) {
        if let Some(tending) = self.tending.lock().unwrap().take() {
            tending.abort();
        }
    }

    fn is_up(&self) -> bool {
        *self.goes_on.borrow()
    }

    /// A point at which the process may stand still. Returns once it goes on.
    async fn point(self: Arc<Self>) {
        if self.is_up() && self.rng.lock().unwrap().chance(self.chance) {
            self.stops.fetch_add(1, Ordering::Relaxed);
            self.goes_on.send_replace(false);
            self.end();
            let worker = Arc::clone(&self);
            tokio::spawn(async move {
                sleep(STANDS_STILL).await;
                worker.goes_on.send_replace(true);
                worker.run_background();
            });
        }
        let _ = self.goes_on.subscribe().wait_for(|goes_on| *goes_on).await;
    }
}

/// The carrier as one process reaches it.
#[derive(Debug)]
struct Gated {
    carrier: Arc<SimCarrier>,
    worker: std::sync::Weak<Worker>,
}

impl Gated {
    async fn point(&self) {
        if let Some(worker) = self.worker.upgrade() {
            worker.point().await;
        }
    }
}

#[async_trait]
impl VoiceBackend for Gated {
    fn name(&self) -> &'static str {
        self.carrier.name()
    }

    fn capabilities(&self) -> VoiceCapabilities {
        self.carrier.capabilities()
    }

    async fn place(&self, request: &PlaceCall) -> Result<CarrierCall> {
        self.point().await;
        let placed = self.carrier.place(request).await;
        self.point().await;
        placed
    }

    async fn fetch(&self, call: &CarrierCallId) -> Result<CarrierCall> {
        self.carrier.fetch(call).await
    }

    async fn find(&self, query: &FindCalls) -> Result<Vec<CarrierCall>> {
        self.carrier.find(query).await
    }

    async fn hang_up(&self, call: &CarrierCallId) -> Result<()> {
        self.carrier.hang_up(call).await
    }

    async fn update_call(&self, call: &CarrierCallId, flow: &CallFlow) -> Result<()> {
        self.carrier.update_call(call, flow).await
    }

    fn reply(&self, flow: &CallFlow) -> Result<WebhookReply> {
        self.carrier.reply(flow)
    }

    fn webhook_head(&self, head: &WebhookRequest<'_>) -> Result<()> {
        self.carrier.webhook_head(head)
    }

    fn webhook(&self, request: &WebhookRequest<'_>) -> Result<CarrierEvent> {
        self.carrier.webhook(request)
    }

    fn media_handshake(&self, request: &WebhookRequest<'_>) -> Result<()> {
        self.carrier.media_handshake(request)
    }

    fn media_codec(&self) -> Box<dyn MediaCodec> {
        self.carrier.media_codec()
    }

    async fn health(&self) -> Result<()> {
        self.carrier.health().await
    }
}

/// The business as one process reaches it.
#[derive(Debug)]
struct GatedBusiness {
    business: Arc<Business>,
    worker: std::sync::Weak<Worker>,
}

#[async_trait]
impl CallHandler for GatedBusiness {
    async fn policy(&self, session: &Session) -> Result<DialPolicy> {
        self.business.policy(session).await
    }

    async fn tenant_of(&self, account: AccountName, call: &IncomingCall) -> Result<Option<TenantId>> {
        // Whoever looks that up waits, and others are asked meanwhile.
        if let Some(worker) = self.worker.upgrade() {
            let wait = worker.rng.lock().unwrap().below(Duration::from_millis(50));
            sleep(wait).await;
        }
        self.business.tenant_of(account, call).await
    }

    async fn incoming(&self, call: &IncomingCall, session: &Session) -> Result<IncomingDecision> {
        self.business.incoming(call, session).await
    }

    async fn plan(&self, request: &PlanRequest) -> Result<CallPlan> {
        if let Some(worker) = self.worker.upgrade() {
            worker.point().await;
        }
        self.business.plan(request).await
    }

    async fn finished(&self, outcome: &CallOutcome) {
        self.business.finished(outcome).await;
    }
}

/// Gives each request to the next process that is up; a socket goes to the one that gave it its address.
#[derive(Debug)]
struct Balancer {
    workers: Vec<Arc<Worker>>,
    next: AtomicUsize,
}

#[async_trait]
impl Receiver for Balancer {
    async fn request(&self, request: &SignedRequest) -> Result<Option<WebhookReply>> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let mut round = (0..self.workers.len()).map(|n| &self.workers[(first + n) % self.workers.len()]);
        match round.find(|worker| worker.is_up()) {
            Some(worker) => worker.engine().request(request).await,
            None => Err(Error::new(ErrorKind::Unavailable, "find a process")),
        }
    }

    async fn connect(&self, handshake: &SignedRequest, socket: PairedSocket) -> Result<()> {
        let token = handshake.path_and_query.trim_start_matches("/media/");
        for worker in self.workers.iter().filter(|worker| worker.is_up()) {
            if let Ok(ticket) = handshake.with(|request| worker.engine().admit(token, request)) {
                return worker.engine().run(ticket, socket).await.map(drop);
            }
        }
        Err(Error::new(ErrorKind::Unauthenticated, "open media socket"))
    }
}
