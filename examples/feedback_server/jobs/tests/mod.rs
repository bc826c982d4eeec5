//! The jobs on a store in memory, with a carrier and a model that follow a script, on any day.

mod forgetting;
mod summing_up;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use voicecall::Clock;
use voicecall::engine::{CallEngine, CallHandler, CallOutcome, CallPlan, CarrierAccount, EngineConfig, PlanRequest};
use voicecall::journal::{Fact, JournalEntry};
use voicecall::server::CancellationToken;
use voicecall::store::{
    Attachment, AttemptOutcome, DialAttempt, EndReason, EventKind, EventSource, MemoryStore, NewSession, ProviderLog,
    ProviderOperation, RetentionPolicy, RetentionRun, Session, SessionChange, SessionEvent,
};
use voicecall::survey::store::{
    BusinessContext, CallAttachment, CallPreferences, MemorySurvey, QuestionId, StoreInfo, SurveyCall, SurveyFact,
};
use voicecall::{
    CallTime, CarrierCallId, ContentSeal, Epoch, RecordId, Result, SessionId, TenantId, Vault, async_trait,
};
use voicecall_core::testing::{ScriptedCarrier, ScriptedModel};

use super::Dependencies;
use super::retention::Retention;
use crate::recordings::{Recordings, sessions_below};
use crate::store::OperatorStore;

/// What the customer says: a name that no rule finds, as it is written small, and a number.
const WORDS: &str = "Det var zorbax som hjälpte mig, ring 070-123 45 67.";

/// A model's reply that points the name out.
const FINDS_ZORBAX: &str = r#"{"spans":[{"text":"zorbax","kind":"name"}]}"#;
const FINDS_NOTHING: &str = r#"{"spans":[]}"#;

struct World {
    store: Arc<dyn OperatorStore>,
    carrier: Arc<ScriptedCarrier>,
    folder: PathBuf,
    tenant: TenantId,
    vault: Vault,
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Whoever has jobs only.
#[derive(Debug)]
struct CallsNobody;

#[async_trait]
impl CallHandler for CallsNobody {
    async fn plan(&self, _: &PlanRequest) -> Result<CallPlan> {
        unreachable!("nobody is called")
    }

    async fn finished(&self, _: &CallOutcome) {}
}

/// The day on which everything happens.
fn first_day() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn day(days: i64) -> Timestamp {
    first_day() + SignedDuration::from_hours(24 * days)
}

impl World {
    async fn new() -> Self {
        let world = Self {
            store: Arc::new(MemoryStore::new().with_extension(MemorySurvey)),
            carrier: Arc::new(ScriptedCarrier::new()),
            folder: std::env::temp_dir().join(format!("voicecall-jobs-{}", RecordId::new())),
            tenant: TenantId::new(),
            vault: Vault::generate().unwrap(),
        };
        let business = BusinessContext {
            tenant: world.tenant,
            store_info: StoreInfo { name: "Kaffebutiken".to_owned() },
            question_settings: json!({}),
            call_preferences: CallPreferences::default(),
        };
        world.store().put_business(&business).await.unwrap();
        world
    }

    fn store(&self) -> &dyn OperatorStore {
        &*self.store
    }

    fn dependencies(&self, now: Timestamp, model: ScriptedModel) -> Dependencies {
        Dependencies {
            store: Arc::<dyn OperatorStore>::clone(&self.store),
            engine: self.engine(),
            recordings: Recordings::new(&self.folder, ContentSeal::Off),
            model: Arc::new(model),
            clock: Clock::from(now),
            policy: RetentionPolicy::default(),
        }
    }

    fn engine(&self) -> Arc<CallEngine> {
        let mut config = EngineConfig::new("https://calls.example".parse().unwrap());
        config.recordings = Some(self.folder.clone());
        let account = CarrierAccount::of(Arc::<ScriptedCarrier>::clone(&self.carrier)).unwrap();
        let account = account.number("+46700000000".parse().unwrap());
        let vault = Arc::new(Vault::generate().unwrap());
        CallEngine::new(config, Arc::<dyn OperatorStore>::clone(&self.store), account, Arc::new(CallsNobody), vault)
            .unwrap()
    }

    /// Runs all retention jobs on a day. Returns what was kept of them, in the order in which they ran.
    async fn forget_on(&self, days: i64, model: ScriptedModel) -> Vec<RetentionRun> {
        Retention::new(self.dependencies(day(days), model), CancellationToken::new()).run().await;
        let mut runs = self.store().retention_runs(5).await.unwrap();
        runs.reverse();
        runs
    }

    /// A session that has not been called yet.
    async fn asked_for(&self) -> Session {
        let phone = "+46701234567".parse().unwrap();
        let new = NewSession::outbound_to(&self.vault, self.tenant, &phone, first_day()).unwrap();
        self.store().create_session(&new).await.unwrap()
    }

    async fn change(&self, id: SessionId, change: SessionChange) {
        self.store().change_session(self.tenant, id, &change).await.unwrap();
    }

    async fn session(&self, id: SessionId) -> Result<Session> {
        self.store().session(self.tenant, id).await
    }

    async fn call(&self, id: SessionId) -> SurveyCall {
        self.store().call(self.tenant, id).await.unwrap()
    }

    /// A call in which the customer took part, with all that one leaves anywhere.
    async fn held(&self, reason: EndReason) -> SessionId {
        let (id, at, call) =
            (self.asked_for().await.id, first_day(), CarrierCallId::new(format!("CA{}", RecordId::new())));
        let attempt = DialAttempt::planned(self.tenant, id, "scripted", at);
        self.store().plan_attempt(&attempt).await.unwrap();
        self.store().begin_sending(self.tenant, attempt.id, Epoch::FIRST).await.unwrap();
        let accepted = AttemptOutcome::Accepted(call.clone());
        self.store().settle_attempt(self.tenant, attempt.id, &accepted).await.unwrap();
        self.carrier.has_recording(call.as_str(), &format!("RE-{id}"), "audio");
        self.change(id, SessionChange::Connecting { call, at }).await;
        self.change(id, SessionChange::Connected { at }).await;
        self.store().append(self.tenant, &journal(id)).await.unwrap();
        let what = Attachment {
            recording_url: Some(format!("/api/calls/{id}/recording")),
            cost_micros: Some(1_000),
            ..Attachment::default()
        };
        self.change(id, SessionChange::Attach { what, at }).await;
        let transcript = Some(format!("agent: Hur var det?\ncaller: {WORDS}"));
        let what = CallAttachment { transcript, ..CallAttachment::default() };
        self.store().attach_to_call(self.tenant, id, &what, at).await.unwrap();
        self.change(id, SessionChange::Ended { reason, source: EventSource::System, at }).await;
        self.store().log_provider(self.tenant, &exchange(id)).await.unwrap();
        let event = SessionEvent::new(id, EventKind::WarningSent, EventSource::System, at);
        self.store().append_event(self.tenant, &event).await.unwrap();
        self.leave_files(id);
        id
    }

    fn leave_files(&self, id: SessionId) {
        let folder = self.folder.join(id.to_string());
        std::fs::create_dir_all(&folder).unwrap();
        for file in ["recording.wav", "inputs.jsonl", "inputs-2.jsonl"] {
            std::fs::write(folder.join(file), WORDS).unwrap();
        }
    }

    fn folders(&self) -> Vec<SessionId> {
        let mut folders = sessions_below(&self.folder).unwrap();
        folders.sort();
        folders
    }
}

fn journal(session: SessionId) -> Vec<JournalEntry> {
    let question = QuestionId::new();
    let answered = SurveyFact::Answered {
        question,
        question_text: "Hur var det?".to_owned(),
        text: WORDS.to_owned(),
        spoken: Duration::from_secs(3),
        confidence: Some(0.9),
        asked_at: CallTime::ZERO,
        responded_at: CallTime::from_millis(3000),
    };
    let analysis = json!({ "outcome": "answered", "topics": ["zorbax"], "answer": WORDS });
    let facts = [
        Fact::Connected,
        Fact::Disclosed { text: "Jag är en AI.".to_owned() },
        Fact::Consent { given: true },
        answered.into(),
        SurveyFact::Analysed { question, sentiment: Some(0.5), analysis }.into(),
    ];
    let entry = |(seq, fact)| JournalEntry {
        session,
        epoch: Epoch::FIRST,
        seq,
        at: first_day(),
        offset: CallTime::from_millis(seq * 1000),
        fact,
    };
    (1..).zip(facts).map(entry).collect()
}

fn exchange(session: SessionId) -> ProviderLog {
    ProviderLog {
        id: RecordId::new(),
        session,
        provider: "scripted".to_owned(),
        provider_call: None,
        operation: ProviderOperation::Hangup,
        request: json!({}),
        response: json!({}),
        status_code: None,
        latency: Duration::ZERO,
        success: true,
        error_message: None,
        quality_metrics: None,
        timestamp: first_day(),
    }
}
