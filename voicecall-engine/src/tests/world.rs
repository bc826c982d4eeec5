//! An engine in a world of fakes, and a phone at the other end of its sockets.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::*;
use voicecall_core::agent::{Cascade, VoiceAgent};
use voicecall_core::audio::{Detection, FRAME_SAMPLES};
use voicecall_core::call::CallSettings;
use voicecall_core::carrier::{self, AnsweredBy, CallStatus, CarrierEvent, CarrierEventKind, WebhookReply};
use voicecall_core::dialogue::{Action, Dialogue, DialogueEvent, Scripted};
use voicecall_core::journal::{Fact, JournalEntry};
use voicecall_core::media::{MarkId, MediaCommand, MediaEvent, StreamStart};
use voicecall_core::store::*;
use voicecall_core::testing::{
    PairedPeer, PairedSocket, ScriptedCarrier, ScriptedMedia, ScriptedModel, ScriptedTranscriber, ScriptedVoice,
    SignedRequest, paired_socket,
};
use voicecall_core::*;
use voicecall_core::{ErrorKind, Result, Vault};

pub(super) const PHONE: &str = "+46701234567";

pub(super) struct World {
    pub(super) engine: Arc<CallEngine>,
    pub(super) store: Arc<FlakyStore>,
    pub(super) carrier: Arc<ScriptedCarrier>,
    pub(super) desk: Arc<Desk>,
    pub(super) vault: Arc<Vault>,
    pub(super) tenant: TenantId,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(|_| {}, scripted_agent())
    }

    pub(super) fn with(configure: impl FnOnce(&mut EngineConfig), agent: Arc<dyn VoiceAgent>) -> Self {
        Self::of(configure, agent, 1.0)
    }

    /// An account that is given so many orders a second.
    pub(super) fn paced(calls_per_second: f64) -> Self {
        Self::of(|_| {}, scripted_agent(), calls_per_second)
    }

    fn of(configure: impl FnOnce(&mut EngineConfig), agent: Arc<dyn VoiceAgent>, calls_per_second: f64) -> Self {
        let mut config = EngineConfig::new("https://calls.example".parse().unwrap());
        config.clock = Clock::from("2026-11-20T10:00:00Z".parse().unwrap());
        configure(&mut config);
        let (store, carrier, desk) =
            (Arc::new(FlakyStore::default()), Arc::new(ScriptedCarrier::new()), Arc::new(Desk::new(agent)));
        let vault = Arc::new(Vault::generate().unwrap());
        let engine = CallEngine::new(
            config,
            Arc::<FlakyStore>::clone(&store),
            account(&carrier).calls_per_second(calls_per_second),
            Arc::<Desk>::clone(&desk),
            Arc::clone(&vault),
        );
        Self { engine: engine.unwrap(), store, carrier, desk, vault, tenant: TenantId::new() }
    }

    /// The next process, or another one, over the same store and carrier.
    pub(super) fn restarted(&self) -> Self {
        let mut next = Self::new();
        *self.desk.agent.lock().unwrap() = scripted_agent();
        let engine = CallEngine::new(
            self.engine.config.clone(),
            Arc::<FlakyStore>::clone(&self.store),
            account(&self.carrier),
            Arc::<Desk>::clone(&self.desk),
            Arc::clone(&self.vault),
        );
        next.engine = engine.unwrap();
        next.store = Arc::clone(&self.store);
        next.carrier = Arc::clone(&self.carrier);
        next.vault = Arc::clone(&self.vault);
        next.desk = Arc::clone(&self.desk);
        next.tenant = self.tenant;
        next
    }

    pub(super) async fn session(&self) -> Session {
        let phone = self.vault.seal_address(self.tenant, &PHONE.parse().unwrap()).unwrap();
        let new = NewSession::outbound(self.tenant, phone, self.engine.config.clock.now());
        self.store.create_session(&new).await.unwrap()
    }

    /// The session's newest attempt.
    pub(super) async fn last_attempt(&self, session: SessionId) -> DialAttempt {
        self.store.inner.attempts(self.tenant, session).await.unwrap().pop().unwrap()
    }

    /// Tends to the queue and to calls until the world ends.
    pub(super) fn tended(&self) -> AbortOnDrop {
        let engine = Arc::clone(&self.engine);
        AbortOnDrop(tokio::spawn(async move { engine.run_background().await }))
    }

    pub(super) async fn read(&self, session: SessionId) -> Session {
        self.store.inner.session(self.tenant, session).await.unwrap()
    }

    /// What was said in a session, if anything was.
    pub(super) async fn transcript(&self, session: SessionId) -> Option<String> {
        let journal = self.journal(session).await;
        let lines: Vec<_> = voicecall_core::journal::transcript(&journal).iter().map(ToString::to_string).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    pub(super) async fn journal(&self, session: SessionId) -> Vec<JournalEntry> {
        self.store.inner.journal(self.tenant, session).await.unwrap()
    }

    /// The session's only attempt.
    pub(super) async fn attempt(&self, session: SessionId) -> DialAttempt {
        let mut attempts = self.store.inner.attempts(self.tenant, session).await.unwrap();
        assert_eq!(attempts.len(), 1, "attempts");
        attempts.remove(0)
    }

    /// A session whose call was placed: its key and the carrier's name for it.
    pub(super) async fn placed(&self) -> Placed {
        let session = self.engine.place(&self.session().await).await.unwrap();
        let attempt = self.attempt(session.id).await;
        let key = CallKey::of(&attempt).unwrap();
        Placed { session: session.id, key, call: attempt.call.unwrap().as_str().to_owned() }
    }

    /// A session whose call was answered and whose socket may come: with its token.
    pub(super) async fn answered(&self) -> (Placed, String) {
        let placed = self.placed().await;
        let token = token(&self.answer(placed.key, &placed.call).await.unwrap());
        (placed, token)
    }

    pub(super) async fn answer(&self, key: CallKey, call: &str) -> Result<WebhookReply> {
        let request = instruct(&format!("/voice/{key}/answer"), call, &RecordId::new().to_string());
        self.engine.answer(key, &request.request(&request.headers())).await
    }

    /// Asks for instructions once the carrier has found out who answered.
    pub(super) async fn answer_by(&self, placed: &Placed, answered_by: AnsweredBy) -> Result<WebhookReply> {
        let detection = Some(carrier::Detection::new(answered_by, None));
        let kind = CarrierEventKind::Instruct { status: CallStatus::InProgress, detection };
        let event = CarrierEvent::new(CarrierCallId::new(&placed.call), kind, RecordId::new().to_string());
        let request = ScriptedCarrier::webhook_of(&format!("/voice/{}/answer", placed.key), &event);
        self.engine.answer(placed.key, &request.request(&request.headers())).await
    }

    /// Reports who answered.
    pub(super) async fn detected(&self, placed: &Placed, answered_by: AnsweredBy) -> Result<()> {
        let kind = CarrierEventKind::Detected(carrier::Detection::new(answered_by, None));
        let event = CarrierEvent::new(CarrierCallId::new(&placed.call), kind, RecordId::new().to_string());
        let request = ScriptedCarrier::webhook_of("/voice/status", &event);
        self.engine.report(ReportOf::Call(placed.key), &request.request(&request.headers())).await
    }

    pub(super) async fn resume(&self, key: CallKey, call: &str) -> Result<WebhookReply> {
        self.resume_as(key, call, &RecordId::new().to_string()).await
    }

    /// Asks under the name of this delivery, which may have come before.
    pub(super) async fn resume_as(&self, key: CallKey, call: &str, delivery: &str) -> Result<WebhookReply> {
        let request = instruct(&format!("/voice/{key}/resume"), call, delivery);
        self.engine.resume(key, &request.request(&request.headers())).await
    }

    pub(super) async fn report(&self, key: CallKey, call: &str, status: CallStatus) -> Result<()> {
        let kind = CarrierEventKind::Status { status, duration: None, cause: None };
        let event = CarrierEvent::new(CarrierCallId::new(call), kind, format!("{call} {status:?}"));
        let request = ScriptedCarrier::webhook_of(&format!("/voice/status?call={key}"), &event);
        self.engine.report(ReportOf::Call(key), &request.request(&request.headers())).await
    }

    pub(super) fn admit(&self, token: &str) -> Result<MediaTicket> {
        ScriptedCarrier::sign(&format!("/media/{token}"), "").with(|request| self.engine.admit(token, request))
    }

    /// Begins to run a call whose socket has come.
    pub(super) fn run(&self, ticket: MediaTicket) -> (tokio::task::JoinHandle<Result<EndReason>>, PairedPeer) {
        let (socket, peer): (PairedSocket, _) = paired_socket();
        let engine = Arc::clone(&self.engine);
        (tokio::spawn(async move { engine.run(ticket, socket).await }), peer)
    }

    /// A call with a phone that has it on the line.
    pub(super) async fn connected(&self) -> OnLine {
        let (placed, token) = self.answered().await;
        let (run, peer) = self.run(self.admit(&token).unwrap());
        let phone = Phone::new(peer, &placed.call);
        OnLine { placed, run, phone }
    }
}

/// A task that ends with this value.
pub(super) struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

pub(super) struct Placed {
    pub(super) session: SessionId,
    pub(super) key: CallKey,
    pub(super) call: String,
}

pub(super) struct OnLine {
    pub(super) placed: Placed,
    pub(super) run: tokio::task::JoinHandle<Result<EndReason>>,
    pub(super) phone: Phone,
}

fn instruct(path: &str, call: &str, delivery: &str) -> SignedRequest {
    let kind = CarrierEventKind::Instruct { status: CallStatus::InProgress, detection: None };
    ScriptedCarrier::webhook_of(path, &CarrierEvent::new(CarrierCallId::new(call), kind, delivery.to_owned()))
}

/// The token in a reply that connects the audio.
pub(super) fn token(reply: &WebhookReply) -> String {
    let steps: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
    let url = steps[0]["stream"].as_str().unwrap_or_else(|| panic!("no stream in {}", reply.body));
    url.strip_prefix("wss://calls.example/media/").unwrap().to_owned()
}

#[track_caller]
pub(super) fn assert_kind<T: std::fmt::Debug>(outcome: Result<T>, kind: ErrorKind) {
    assert_eq!(outcome.expect_err("must be refused").kind(), kind);
}

/// Lets every task do what it can. Virtual time passes only when all of them wait.
pub(super) async fn settle() {
    tokio::time::sleep(Duration::from_millis(200)).await;
}

/// The carrier's account, with the number calls come from.
pub(super) fn account(carrier: &Arc<ScriptedCarrier>) -> CarrierAccount {
    let account = CarrierAccount::of(Arc::<ScriptedCarrier>::clone(carrier)).unwrap();
    account.number("+46700000000".parse().unwrap())
}

/// Understands "Yes, please" and speaks each line for half a second.
pub(super) fn scripted_agent() -> Arc<dyn VoiceAgent> {
    let ear = (0..8).fold(ScriptedTranscriber::new(), |ear, _| ear.with_text("Yes, please"));
    let voice = (0..8).fold(ScriptedVoice::new(), |voice, _| voice.with_silence(5, Duration::from_millis(100)));
    Arc::new(Cascade::new(Arc::new(ear), Arc::new(ScriptedModel::new()), Arc::new(voice)))
}

/// The business: keeps what calls leave behind. Dialogues that were not prepared say one line.
#[derive(Debug)]
pub(super) struct Desk {
    agent: Mutex<Arc<dyn VoiceAgent>>,
    pub(super) dialogues: Mutex<VecDeque<Box<dyn Dialogue>>>,
    pub(super) outcomes: Mutex<Vec<CallOutcome>>,
    pub(super) policy: Mutex<Option<DialPolicy>>,
    /// What was planned: how many facts there were, and whether it was a continuation.
    pub(super) planned: Mutex<Vec<(usize, bool)>>,
    /// Until when policies cannot be told.
    pub(super) policy_fails_until: Mutex<Option<Instant>>,
    /// The tenant whose policy is never told.
    pub(super) policy_hangs_for: Mutex<Option<TenantId>>,
    /// How long the next plan takes.
    pub(super) thinks: Mutex<Duration>,
    keeps: Mutex<bool>,
    /// Whose calls come in, what is decided about them, how long that takes, and how often it was asked.
    incoming: Mutex<(Option<TenantId>, Decides, Duration, usize)>,
}

/// What becomes of calls that come in.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Decides {
    #[default]
    Connect,
    Reject,
    Busy,
    Say,
    Forward,
    Fail,
    Panic,
    Never,
}

impl Desk {
    fn new(agent: Arc<dyn VoiceAgent>) -> Self {
        Self {
            agent: Mutex::new(agent),
            dialogues: Mutex::default(),
            outcomes: Mutex::default(),
            policy: Mutex::default(),
            planned: Mutex::default(),
            policy_fails_until: Mutex::default(),
            policy_hangs_for: Mutex::default(),
            thinks: Mutex::default(),
            keeps: Mutex::default(),
            incoming: Mutex::default(),
        }
    }

    /// Calls that come in are this tenant's, and decided like this.
    pub(super) fn decides(&self, tenant: TenantId, decides: Decides) {
        let mut incoming = self.incoming.lock().unwrap();
        (incoming.0, incoming.1) = (Some(tenant), decides);
    }

    pub(super) fn decides_after(&self, time: Duration) {
        self.incoming.lock().unwrap().2 = time;
    }

    /// How often it was asked what becomes of a call.
    pub(super) fn asked(&self) -> usize {
        self.incoming.lock().unwrap().3
    }

    fn plan_for(&self, session: SessionId) -> CallPlan {
        let mut settings = CallSettings::new(session);
        settings.detection = Detection::Energy;
        settings.recording = true;
        let prepared = self.dialogues.lock().unwrap().pop_front();
        let dialogue = prepared.unwrap_or_else(|| Box::new(Scripted::new(["Hello."])));
        if dialogue.can_grant_consent() || *self.keeps.lock().unwrap() {
            settings.keep = voicecall_core::call::Keep::AfterConsent;
        }
        let agent = Arc::clone(&*self.agent.lock().unwrap());
        CallPlan { settings, ..CallPlan::new(session, agent, dialogue) }
    }

    /// Keeps every call after consent, whether its dialogue can ask for it or not.
    pub(super) fn keeps_after_consent(&self) {
        *self.keeps.lock().unwrap() = true;
    }

    pub(super) fn will_hold(&self, dialogue: impl Dialogue + 'static) {
        self.dialogues.lock().unwrap().push_back(Box::new(dialogue));
    }
}

#[async_trait]
impl CallHandler for Desk {
    async fn policy(&self, session: &Session) -> Result<DialPolicy> {
        let hangs = *self.policy_hangs_for.lock().unwrap() == Some(session.tenant);
        if hangs {
            std::future::pending::<()>().await;
        }
        if self.policy_fails_until.lock().unwrap().is_some_and(|until| Instant::now() < until) {
            return Err(Error::new(ErrorKind::Unavailable, "tell policy"));
        }
        Ok(self.policy.lock().unwrap().clone().unwrap_or_else(DialPolicy::once))
    }

    async fn plan(&self, request: &PlanRequest) -> Result<CallPlan> {
        self.planned.lock().unwrap().push((request.journal.len(), request.resumed));
        let thinks = std::mem::take(&mut *self.thinks.lock().unwrap());
        tokio::time::sleep(thinks).await;
        Ok(self.plan_for(request.session.id))
    }

    async fn tenant_of(&self, _: AccountName, _: &carrier::IncomingCall) -> Result<Option<TenantId>> {
        Ok(self.incoming.lock().unwrap().0)
    }

    async fn incoming(&self, _: &carrier::IncomingCall, session: &Session) -> Result<IncomingDecision> {
        let (decides, time) = {
            let mut incoming = self.incoming.lock().unwrap();
            incoming.3 += 1;
            (incoming.1, incoming.2)
        };
        tokio::time::sleep(time).await;
        match decides {
            Decides::Connect => Ok(IncomingDecision::connect(self.plan_for(session.id))),
            Decides::Reject => Ok(IncomingDecision::reject()),
            Decides::Busy => Ok(IncomingDecision::busy()),
            Decides::Say => Ok(IncomingDecision::say("We are closed.", "en-GB")),
            Decides::Forward => Ok(IncomingDecision::forward("+46700000002".parse().unwrap())),
            Decides::Fail => Err(Error::new(ErrorKind::Unavailable, "decide")),
            Decides::Panic => panic!("nobody knows"),
            Decides::Never => std::future::pending().await,
        }
    }

    async fn finished(&self, outcome: &CallOutcome) {
        self.outcomes.lock().unwrap().push(outcome.clone());
    }
}

/// Takes the caller's consent for given at once, or never, and then follows its lines.
#[derive(Debug)]
pub(super) struct Consenting {
    pub(super) given: bool,
    pub(super) lines: Scripted,
}

impl Dialogue for Consenting {
    fn can_grant_consent(&self) -> bool {
        true
    }

    fn handle(&mut self, event: &DialogueEvent, now: voicecall_core::CallTime, actions: &mut Vec<Action>) {
        if *event == DialogueEvent::Connected {
            actions.push(Action::Journal(Fact::Consent { given: self.given }));
            if self.given {
                actions.push(Action::GrantConsent);
            }
        }
        self.lines.handle(event, now, actions);
    }
}

/// A store that can be down.
#[derive(Debug, Default)]
pub(super) struct FlakyStore {
    pub(super) inner: MemoryStore,
    down_until: Mutex<Option<Instant>>,
    failing: Mutex<Option<&'static str>>,
    failing_until: Mutex<Option<(&'static str, Instant)>>,
    refused: Mutex<Option<&'static str>>,
}

impl FlakyStore {
    /// Every operation fails for this long.
    pub(super) fn is_down_for(&self, time: Duration) {
        *self.down_until.lock().unwrap() = Some(Instant::now() + time);
    }

    /// The next call of this operation fails.
    pub(super) fn fails_once(&self, operation: &'static str) {
        *self.failing.lock().unwrap() = Some(operation);
    }

    /// This operation fails for this long.
    pub(super) fn fails_for(&self, operation: &'static str, time: Duration) {
        *self.failing_until.lock().unwrap() = Some((operation, Instant::now() + time));
    }

    /// This operation fails from now on, and trying again would not help.
    pub(super) fn refuses(&self, operation: &'static str) {
        *self.refused.lock().unwrap() = Some(operation);
    }

    fn check(&self, operation: &'static str) -> Result<()> {
        if *self.refused.lock().unwrap() == Some(operation) {
            return Err(voicecall_core::Error::new(ErrorKind::Internal, operation));
        }
        let down = self.down_until.lock().unwrap().is_some_and(|until| Instant::now() < until);
        let fails = self.failing.lock().unwrap().take_if(|failing| *failing == operation).is_some();
        let still = self.failing_until.lock().unwrap();
        let still = still.is_some_and(|(failing, until)| failing == operation && Instant::now() < until);
        if down || fails || still { Err(voicecall_core::Error::new(ErrorKind::Unavailable, operation)) } else { Ok(()) }
    }
}

macro_rules! flaky {
    ($($store:ident { $(fn $name:ident($($arg:ident: $type:ty),*) -> $out:ty;)* })*) => {$(
        #[async_trait]
        impl $store for FlakyStore {
            $(async fn $name(&self, $($arg: $type),*) -> Result<$out> {
                self.check(stringify!($name))?;
                self.inner.$name($($arg),*).await
            })*
        }
    )*};
}

flaky! {
    SessionStore {
        fn create_session(session: &NewSession) -> Session;
        fn session(tenant: TenantId, id: SessionId) -> Session;
        fn session_by_reference(tenant: TenantId, reference: &str) -> Option<Session>;
        fn change_session(tenant: TenantId, id: SessionId, change: &SessionChange) -> Session;
        fn sessions(tenant: TenantId, filter: &SessionFilter, page: PageRequest) -> Page<Session>;
        fn append_event(tenant: TenantId, event: &SessionEvent) -> ();
        fn events(tenant: TenantId, session: SessionId, page: PageRequest) -> Page<SessionEvent>;
        fn log_provider(tenant: TenantId, log: &ProviderLog) -> ();
        fn provider_logs(tenant: TenantId, session: SessionId) -> Vec<ProviderLog>;
    }
    JournalStore {
        fn append(tenant: TenantId, entries: &[JournalEntry]) -> ();
        fn journal(tenant: TenantId, session: SessionId) -> Vec<JournalEntry>;
    }
    DialStore {
        fn plan_attempt(attempt: &DialAttempt) -> ();
        fn begin_sending(tenant: TenantId, attempt: AttemptId, epoch: Epoch) -> ();
        fn settle_attempt(tenant: TenantId, attempt: AttemptId, outcome: &AttemptOutcome) -> ();
        fn finish_attempt(tenant: TenantId, attempt: AttemptId, outcome: EndReason, change: &SessionChange) -> Session;
        fn attempt(tenant: TenantId, id: AttemptId) -> DialAttempt;
        fn attempts(tenant: TenantId, session: SessionId) -> Vec<DialAttempt>;
        fn count_attempts(tenant: TenantId, sessions: &[SessionId]) -> HashMap<SessionId, u64>;
    }
    PersonStore {
        fn export_person(tenant: TenantId, person: PersonKey) -> PersonFile;
        fn erase_person(tenant: TenantId, person: PersonKey) -> Erased;
        fn forbid_calls(tenant: TenantId, person: PersonKey, at: Timestamp) -> Vec<Session>;
        fn calls_forbidden_since(tenant: TenantId, person: PersonKey) -> Option<Timestamp>;
        fn allow_calls(tenant: TenantId, person: PersonKey) -> ();
    }
    QueueStore {
        fn due_sessions(now: Timestamp, per_tenant: u32, limit: u32) -> Vec<Session>;
        fn count_waiting() -> u64;
        fn claim_session(tenant: TenantId, id: SessionId, at: Timestamp, until: Timestamp) -> (Session, Epoch);
        fn open_sessions() -> Vec<Session>;
        fn acquire_lease(tenant: TenantId, session: SessionId, how: AcquireLease) -> Epoch;
        fn renew_leases(leases: &[Lease], until: Timestamp) -> Vec<Lease>;
    }
    RoutingStore {
        fn route_call(carrier: &str, account: Option<AccountName>, call: &CarrierCallId) -> Option<Route>;
    }
    MaintenanceStore {
        fn archive_events(before: Timestamp, limit: u32) -> u64;
        fn purge_provider_logs(before: Timestamp, limit: u32) -> u64;
        fn old_failed_sessions(before: Timestamp, limit: u32) -> Vec<Session>;
        fn delete_session(tenant: TenantId, session: SessionId) -> ();
        fn old_recordings(before: Timestamp, limit: u32) -> Vec<Session>;
        fn forget_recording(tenant: TenantId, session: SessionId, at: Timestamp) -> ();
        fn existing_sessions(ids: &[SessionId]) -> Vec<Session>;
        fn log_retention(run: &RetentionRun) -> ();
        fn retention_runs(limit: u32) -> Vec<RetentionRun>;
    }
}

/// A phone: sends 20 ms of audio every 20 ms, plays what it gets in real time and returns marks when they were played.
pub(super) struct Phone {
    peer: PairedPeer,
    call: String,
    playing_until: Instant,
    frozen_after: Duration,
    stops_after: Duration,
    marks: VecDeque<(Instant, MarkId)>,
}

impl Phone {
    pub(super) fn new(peer: PairedPeer, call: &str) -> Self {
        Self {
            peer,
            call: call.to_owned(),
            playing_until: Instant::now(),
            frozen_after: Duration::MAX,
            stops_after: Duration::MAX,
            marks: VecDeque::new(),
        }
    }

    pub(super) async fn start(&self) {
        let call = CarrierCallId::new(&*self.call);
        let start = StreamStart { stream: None, account: None, call, parameters: [].into() };
        self.say(&MediaEvent::Started(start)).await;
    }

    async fn say(&self, event: &MediaEvent<'_>) {
        self.peer.send(ScriptedMedia::write(event)).await;
    }

    /// Stays on the line, silent, until the other side closes. Returns the commands that came.
    pub(super) async fn listen(self) -> Vec<MediaCommand> {
        self.talk(Duration::MAX, Duration::ZERO).await
    }

    /// Stays on the line for some time, after which nothing comes any more, not even the news that it is gone.
    pub(super) async fn freeze_after(mut self, time: Duration) {
        self.frozen_after = time;
        self.listen().await;
    }

    /// Stays on the line for some time, until the carrier ends the stream.
    pub(super) async fn stop_after(mut self, time: Duration) {
        self.stops_after = time;
        self.listen().await;
    }

    /// Stays on the line for some time, then breaks the connection.
    pub(super) async fn vanish_after(self, time: Duration) {
        let _ = tokio::time::timeout(time, self.listen()).await;
    }

    /// Speaks for some time, beginning some time after the start.
    pub(super) async fn talk(mut self, after: Duration, length: Duration) -> Vec<MediaCommand> {
        self.start().await;
        let begun = Instant::now();
        let mut tick = interval(Duration::from_millis(20));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut commands = Vec::new();
        loop {
            tokio::select! {
                message = self.peer.receive() => match message {
                    Some(message) => {
                        let command = ScriptedMedia::read(&message).unwrap();
                        self.play(&command);
                        commands.push(command);
                    }
                    None => return commands,
                },
                _ = tick.tick(), if begun.elapsed() < self.frozen_after => {
                    let now = Instant::now();
                    if begun.elapsed() >= self.stops_after {
                        self.say(&MediaEvent::Stopped).await;
                        return commands;
                    }
                    while self.marks.front().is_some_and(|(due, _)| *due <= now) {
                        let (_, mark) = self.marks.pop_front().unwrap();
                        self.say(&MediaEvent::Mark(mark)).await;
                    }
                    let at = begun.elapsed();
                    let loud = at >= after && at - after < length;
                    let payload = if loud { LOUD[..].into() } else { QUIET[..].into() };
                    let timestamp_ms = Some(at.as_millis() as u64);
                    self.say(&MediaEvent::Audio { payload, timestamp_ms }).await;
                }
            }
        }
    }

    fn play(&mut self, command: &MediaCommand) {
        match command {
            MediaCommand::Audio(_) => {
                self.playing_until = self.playing_until.max(Instant::now()) + Duration::from_millis(20);
            }
            MediaCommand::Mark(mark) => self.marks.push_back((self.playing_until, *mark)),
            MediaCommand::Clear => {
                self.playing_until = Instant::now();
                self.marks.iter_mut().for_each(|(due, _)| *due = Instant::now());
            }
            MediaCommand::Open | MediaCommand::Close => {}
        }
    }
}

/// The loudest and the quietest codes, alternating.
const LOUD: [u8; FRAME_SAMPLES] = alternating(0x00, 0x80);
const QUIET: [u8; FRAME_SAMPLES] = alternating(0xFF, 0x7F);

const fn alternating(one: u8, two: u8) -> [u8; FRAME_SAMPLES] {
    let mut codes = [one; FRAME_SAMPLES];
    let mut at = 1;
    while at < FRAME_SAMPLES {
        codes[at] = two;
        at += 2;
    }
    codes
}

/// A folder of its own that is gone afterwards.
pub(super) struct TempFolder(pub(super) PathBuf);

impl TempFolder {
    pub(super) fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("voicecall-{}", RecordId::new()));
        std::fs::create_dir(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for TempFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Each frame of a session's recording: whether anything was to be heard of the caller, and of the agent.
pub(super) fn recorded_frames(recordings: &TempFolder, session: SessionId) -> Vec<(bool, bool)> {
    let wav = std::fs::read(recordings.0.join(session.to_string()).join("recording.wav")).unwrap();
    let told = u32::from_le_bytes(wav[40..44].try_into().unwrap()) as usize;
    assert_eq!(told, wav.len() - 44, "the header tells the length");
    let heard = |frame: &[u8], from: usize| frame.chunks(4).any(|pair| pair[from..from + 2] != [0, 0]);
    wav[44..].chunks(4 * FRAME_SAMPLES).map(|frame| (heard(frame, 0), heard(frame, 2))).collect()
}
