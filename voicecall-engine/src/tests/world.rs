//! An engine in a world of fakes, and a phone at the other end of its sockets.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::*;
use voicecall_core::Clock;
use voicecall_core::agent::{Cascade, VoiceAgent};
use voicecall_core::audio::{Detection, FRAME_SAMPLES};
use voicecall_core::call::{CallSettings, Keep};
use voicecall_core::carrier::{
    self, AnsweredBy, CallFlow, CallStatus, CarrierEvent, CarrierEventKind, VoiceCapabilities, WebhookReply,
};
use voicecall_core::dialogue::{Action, Dialogue, DialogueEvent, Scripted};
use voicecall_core::journal::{Fact, JournalEntry};
use voicecall_core::store::*;
use voicecall_core::testing::{
    PairedPeer, PairedSocket, ScriptedCarrier, ScriptedModel, ScriptedTranscriber, ScriptedVoice, SignedRequest,
    paired_socket,
};
use voicecall_core::*;
use voicecall_core::{ErrorKind, Result, Vault};

pub(super) use super::flaky_store::FlakyStore;
pub(super) use super::phone::Phone;

pub(super) const PHONE: &str = "+46701234567";

pub(super) struct World {
    pub(super) engine: Arc<CallEngine>,
    pub(super) store: Arc<FlakyStore>,
    pub(super) carrier: Arc<ScriptedCarrier>,
    pub(super) desk: Arc<Desk>,
    pub(super) vault: Arc<Vault>,
    pub(super) tenant: TenantId,
    /// How many people there are.
    people: Arc<AtomicU64>,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(|_| {}, scripted_agent())
    }

    pub(super) fn with(configure: impl FnOnce(&mut EngineConfig), agent: Arc<dyn VoiceAgent>) -> Self {
        Self::of(configure, agent, 1.0, ScriptedCarrier::new())
    }

    /// An account that is given so many orders a second.
    pub(super) fn paced(calls_per_second: f64) -> Self {
        Self::of(|_| {}, scripted_agent(), calls_per_second, ScriptedCarrier::new())
    }

    /// A carrier that can do this.
    pub(super) fn at(able: VoiceCapabilities) -> Self {
        Self::of(|_| {}, scripted_agent(), 1.0, ScriptedCarrier::new().with_capabilities(able))
    }

    /// An account from whose numbers other applications call as well.
    pub(super) fn sharing_numbers() -> Self {
        let shared = |account: CarrierAccount| account.shared_numbers(true);
        Self::through(shared, |_| {}, scripted_agent(), ScriptedCarrier::new())
    }

    fn of(
        configure: impl FnOnce(&mut EngineConfig),
        agent: Arc<dyn VoiceAgent>,
        calls_per_second: f64,
        carrier: ScriptedCarrier,
    ) -> Self {
        Self::through(|account| account.calls_per_second(calls_per_second), configure, agent, carrier)
    }

    pub(super) fn through(
        adjust: impl FnOnce(CarrierAccount) -> CarrierAccount,
        configure: impl FnOnce(&mut EngineConfig),
        agent: Arc<dyn VoiceAgent>,
        carrier: ScriptedCarrier,
    ) -> Self {
        let mut config = EngineConfig::new("https://calls.example".parse().unwrap());
        config.clock = Clock::from("2026-11-20T10:00:00Z".parse().unwrap());
        // Whose tables of numbers take long to read.
        config.rules.destinations = Destinations::anything();
        configure(&mut config);
        let (store, carrier, desk) = (Arc::new(FlakyStore::default()), Arc::new(carrier), Arc::new(Desk::new(agent)));
        let vault = Arc::new(Vault::generate().unwrap());
        let engine = CallEngine::new(
            config,
            Arc::<FlakyStore>::clone(&store),
            adjust(account(&carrier)),
            Arc::<Desk>::clone(&desk),
            Arc::clone(&vault),
        );
        Self { engine: engine.unwrap(), store, carrier, desk, vault, tenant: TenantId::new(), people: Arc::default() }
    }

    /// The next process, or another one, over the same store and carrier.
    pub(super) fn restarted(&self) -> Self {
        self.restarted_with(Arc::clone(&self.vault))
    }

    /// The same with keys that open nothing of what is there.
    pub(super) fn restarted_without_keys(&self) -> Self {
        self.restarted_with(Arc::new(Vault::generate().unwrap()))
    }

    fn restarted_with(&self, vault: Arc<Vault>) -> Self {
        let mut next = Self::new();
        *self.desk.agent.lock().unwrap() = scripted_agent();
        let engine = CallEngine::new(
            self.engine.config.clone(),
            Arc::<FlakyStore>::clone(&self.store),
            self.engine.accounts().remove(0),
            Arc::<Desk>::clone(&self.desk),
            Arc::clone(&vault),
        );
        next.engine = engine.unwrap();
        next.store = Arc::clone(&self.store);
        next.carrier = Arc::clone(&self.carrier);
        next.vault = vault;
        next.desk = Arc::clone(&self.desk);
        next.tenant = self.tenant;
        next.people = Arc::clone(&self.people);
        next
    }

    /// A call to somebody of this tenant with a number that nobody else has: first [`PHONE`], then those that follow.
    pub(super) fn call_to_somebody(&self, tenant: TenantId) -> NewSession {
        let number: u64 = PHONE.trim_start_matches('+').parse().unwrap();
        let number = number + self.people.fetch_add(1, Ordering::Relaxed);
        let (phone, now) = (format!("+{number}").parse().unwrap(), self.engine.config.clock.now());
        NewSession::outbound_to(&self.vault, tenant, &phone, now).unwrap()
    }

    pub(super) async fn session(&self) -> Session {
        let new = self.call_to_somebody(self.tenant);
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

    /// What is said to somebody whose call cannot be continued.
    pub(super) fn farewell(&self) -> CallFlow {
        self.engine.rules().farewell.flow(&*self.carrier).unwrap()
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
    pub(super) async fn detected(&self, placed: &Placed, answered_by: AnsweredBy) -> Result<bool> {
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

    /// Asks what follows, in a call of this status.
    pub(super) async fn resume_in(&self, key: CallKey, call: &str, status: CallStatus) -> Result<WebhookReply> {
        let kind = CarrierEventKind::Instruct { status, detection: None };
        let event = CarrierEvent::new(CarrierCallId::new(call), kind, RecordId::new().to_string());
        let request = ScriptedCarrier::webhook_of(&format!("/voice/{key}/resume"), &event);
        self.engine.resume(key, &request.request(&request.headers())).await
    }

    pub(super) async fn report(&self, key: CallKey, call: &str, status: CallStatus) -> Result<bool> {
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
    pub(super) agent: Mutex<Arc<dyn VoiceAgent>>,
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
    /// What is kept of calls that are not to be recorded; calls are recorded otherwise.
    pub(super) unrecorded: Mutex<Option<Keep>>,
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
            unrecorded: Mutex::default(),
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
            settings.keep = Keep::AfterConsent;
        }
        if let Some(keep) = self.unrecorded.lock().unwrap().clone() {
            (settings.keep, settings.recording) = (keep, false);
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
