//! Calls of the past, written into a server's database and folders as the server itself would have left them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use voicecall::journal::{Fact, JournalEntry, next_seq};
use voicecall::sqlite::{SqliteOptions, SqliteStore, SqliteSurvey};
use voicecall::store::{
    Attachment, AttemptOutcome, DialAttempt, DialStore, EndReason, EventKind, EventSource, JournalStore, NewSession,
    ProviderLog, ProviderOperation, SessionChange, SessionEvent, SessionStore,
};
use voicecall::survey::store::{CallAttachment, CallStore, QuestionId, SurveyFact};
use voicecall::{CallTime, CarrierCallId, Epoch, RecordId, SessionId, TenantId, Vault};

use super::world::{DATA_KEY, INDEX_KEY, SHOP};

/// A server's past: its store and its folder of recordings, while no server runs.
pub struct Past {
    store: SqliteStore,
    vault: Vault,
    recordings: PathBuf,
}

impl Past {
    pub async fn open(database: &Path, recordings: PathBuf) -> Self {
        std::fs::create_dir_all(&recordings).unwrap();
        let vault = Vault::new(&[STANDARD.encode(DATA_KEY).into()], &STANDARD.encode(INDEX_KEY).into()).unwrap();
        Self { store: SqliteOptions::new().extension(SqliteSurvey).open(database).await.unwrap(), vault, recordings }
    }

    pub async fn close(self) {
        self.store.close().await;
    }

    /// A call of so many days ago in which the customer with this number said this.
    pub async fn call(&self, days: i64, reason: EndReason, phone: &str, words: &str) -> SessionId {
        let at = Timestamp::now() - SignedDuration::from_hours(24 * days);
        let tenant: TenantId = SHOP.parse().unwrap();
        let new = NewSession::outbound_to(&self.vault, tenant, &phone.parse().unwrap(), at).unwrap();
        let id = new.id;
        self.store.create_session(&new).await.unwrap();
        let call = CarrierCallId::new(format!("CA{}", id.as_uuid().simple()));
        let attempt = DialAttempt::planned(tenant, id, "twilio", at);
        self.store.plan_attempt(&attempt).await.unwrap();
        self.store.begin_sending(tenant, attempt.id, Epoch::FIRST).await.unwrap();
        self.store.settle_attempt(tenant, attempt.id, &AttemptOutcome::Accepted(call.clone())).await.unwrap();
        let what = Attachment { recording_url: Some(format!("/api/calls/{id}/recording")), ..Attachment::default() };
        for change in [
            SessionChange::Connecting { call, at },
            SessionChange::Connected { at },
            SessionChange::Attach { what, at },
            SessionChange::Ended { reason, source: EventSource::System, at },
        ] {
            self.store.change_session(tenant, id, &change).await.unwrap();
        }
        let what = CallAttachment {
            transcript: Some(format!("caller: {words}")),
            analysis: Some(json!({ "summary": words, "sentiment": 0.5, "topics": [], "follow_up_wanted": false })),
            ..CallAttachment::default()
        };
        self.store.attach_to_call(tenant, id, &what, at).await.unwrap();
        self.store.append(tenant, &journal(id, at, words)).await.unwrap();
        self.store.log_provider(tenant, &exchange(id, at)).await.unwrap();
        self.leave_files(id, words);
        id
    }

    /// A call that is asked for and waits until its time, in so many hours.
    pub async fn asked_for(&self, phone: &str, hours: i64) -> SessionId {
        let tenant: TenantId = SHOP.parse().unwrap();
        let at = Timestamp::now() + SignedDuration::from_hours(hours);
        let new = NewSession::outbound_to(&self.vault, tenant, &phone.parse().unwrap(), at).unwrap();
        self.store.create_session(&new).await.unwrap().id
    }

    /// So many events of a session, with particulars of so many bytes.
    pub async fn fill(&self, id: SessionId, events: usize, bytes: usize) {
        let (tenant, at) = (SHOP.parse().unwrap(), Timestamp::now());
        let data = json!({ "note": "x".repeat(bytes) });
        for _ in 0..events {
            let event = SessionEvent::new(id, EventKind::AiConnected, EventSource::System, at).with_data(data.clone());
            self.store.append_event(tenant, &event).await.unwrap();
        }
    }

    /// Something else that happened in a call.
    pub async fn note(&self, id: SessionId, fact: Fact) {
        let tenant: TenantId = SHOP.parse().unwrap();
        let journal = self.store.journal(tenant, id).await.unwrap();
        let last = journal.last().unwrap();
        self.store.append(tenant, &[JournalEntry { seq: next_seq(&journal), fact, ..last.clone() }]).await.unwrap();
    }

    /// What a call leaves outside the store.
    pub fn leave_files(&self, id: SessionId, words: &str) {
        let folder = self.recordings.join(id.to_string());
        std::fs::create_dir_all(&folder).unwrap();
        for file in ["recording.wav", "inputs.jsonl"] {
            std::fs::write(folder.join(file), words).unwrap();
        }
    }
}

fn journal(session: SessionId, at: Timestamp, words: &str) -> Vec<JournalEntry> {
    let answered = SurveyFact::Answered {
        question: QuestionId::new(),
        question_text: "Hur var det?".to_owned(),
        text: words.to_owned(),
        spoken: Duration::from_secs(3),
        confidence: None,
        asked_at: CallTime::ZERO,
        responded_at: CallTime::ZERO,
    };
    let facts = [Fact::Disclosed { text: "Jag är en AI.".to_owned() }, Fact::Consent { given: true }, answered.into()];
    let entry =
        |(seq, fact)| JournalEntry { session, epoch: Epoch::FIRST, seq, at, offset: CallTime::from_millis(seq), fact };
    (1..).zip(facts).map(entry).collect()
}

fn exchange(session: SessionId, timestamp: Timestamp) -> ProviderLog {
    ProviderLog {
        id: RecordId::new(),
        session,
        provider: "twilio".to_owned(),
        provider_call: None,
        operation: ProviderOperation::Hangup,
        request: json!({}),
        response: json!({}),
        status_code: None,
        latency: Duration::ZERO,
        success: true,
        error_message: None,
        quality_metrics: None,
        timestamp,
    }
}
