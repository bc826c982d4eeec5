//! Fills the database that a demo of version 4 left with rows of every kind, through that version's own store. It is compiled
//! in a checkout of that version by `scripts/make-old-database`, and by nothing else.

use std::time::Duration;

use base64::Engine;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use voicecall_core::journal::{Fact, JournalEntry};
use voicecall_core::store::*;
use voicecall_core::{
    CallTime, CarrierCallId, Epoch, PhoneNumber, QuestionId, RecordId, Result, SessionId, TenantId, Vault,
    VerificationId,
};
use voicecall_store_sqlite::SqliteStore;

/// The shop of the demo, and the one that asks nothing.
const SHOP: &str = "0192f0c0-0000-7000-8000-000000000001";
const OTHER: &str = "0192f0c0-0000-7000-8000-000000000002";

struct Filler {
    store: SqliteStore,
    vault: Vault,
    tenant: TenantId,
    question: QuestionId,
    /// How many customers there are.
    customers: u32,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let path = std::env::args().nth(1).expect("the database");
    let key = base64::engine::general_purpose::STANDARD.encode([7; 32]);
    let mut filler = Filler {
        store: SqliteStore::open(&path).await?,
        vault: Vault::new(&[key.into()])?,
        tenant: SHOP.parse()?,
        question: "0192f0c0-0000-7000-8000-000000000011".parse()?,
        customers: 0,
    };
    for &reason in EndReason::ALL {
        filler.ended(reason).await?;
    }
    filler.open_ones().await?;
    filler.survey().await?;
    filler.forget().await?;
    filler.store.close().await;
    Ok(())
}

/// An instant some seconds into the fixture's day, with a fraction.
fn at(seconds: i64) -> Timestamp {
    let day: Timestamp = "2026-11-20T10:00:00.123456789Z".parse().expect("an instant");
    day + SignedDuration::from_secs(seconds)
}

impl Filler {
    /// A customer with a purchase, who is to be called.
    async fn asked_for(&mut self, priority: CallPriority) -> Result<SessionId> {
        self.customers += 1;
        let number = PhoneNumber::parse(&format!("+467017406{:02}", self.customers))?;
        let phone = self.vault.seal_phone(self.tenant, &number)?;
        let verification = CustomerVerification {
            id: VerificationId::new(),
            tenant: self.tenant,
            purchased_at: at(-3600),
            amount_micros: 129_000_000,
            phone: phone.clone(),
            status: VerificationStatus::Verified,
        };
        self.store.put_verification(&verification).await?;
        let new = NewSession {
            id: SessionId::new(),
            tenant: self.tenant,
            phone,
            verification: verification.id,
            priority,
            started_at: at(i64::from(self.customers) * 100),
        };
        Ok(self.store.create_session(&new).await?.id)
    }

    /// An attempt that the carrier took, and the session that is connecting by it.
    async fn dialled(&self, session: SessionId) -> Result<DialAttempt> {
        let call = CarrierCallId::new(format!("CA{}", session.as_uuid().simple()));
        let attempt = DialAttempt::planned(self.tenant, session, "twilio", at(1));
        self.store.plan_attempt(&attempt).await?;
        self.store.begin_sending(self.tenant, attempt.id, Epoch::FIRST).await?;
        self.store.settle_attempt(self.tenant, attempt.id, &AttemptOutcome::Accepted(call.clone())).await?;
        self.change(session, SessionChange::Connecting { call, at: at(2) }).await?;
        Ok(attempt)
    }

    async fn change(&self, session: SessionId, change: SessionChange) -> Result<()> {
        self.store.change_session(self.tenant, session, &change).await.map(drop)
    }

    /// A call that ended for this reason, with all that one leaves.
    async fn ended(&mut self, reason: EndReason) -> Result<()> {
        let priority = if self.customers % 2 == 0 { CallPriority::High } else { CallPriority::Normal };
        let session = self.asked_for(priority).await?;
        let attempt = self.dialled(session).await?;
        let end = SessionChange::Ended { reason, source: EventSource::Customer, at: at(90) };
        if matches!(reason, EndReason::Busy | EndReason::NoAnswer | EndReason::CallFailed | EndReason::Voicemail) {
            self.store.finish_attempt(self.tenant, attempt.id, reason, &end).await?;
            return self.store.log_provider(self.tenant, &exchange(session, ProviderOperation::Initiate, false)).await;
        }
        self.change(session, SessionChange::Connected { at: at(5) }).await?;
        let is_full = matches!(reason, EndReason::Completed | EndReason::CustomerHangup | EndReason::OtherLanguage);
        let journal = self.journal(session, reason);
        self.store.append(self.tenant, if is_full { &journal } else { &journal[..3] }).await?;
        let what = Attachment {
            ai_session: Some("ai-1".to_owned()),
            recording_url: Some(format!("/api/calls/{session}/recording")),
            transcript: Some("agent: Hur var det?\ncaller: Det var bra, åäö.".to_owned()),
            analysis: (reason == EndReason::Completed).then(|| json!({ "summary": "Bra.", "topics": ["kaffe"] })),
            cost_micros: Some(12_345),
        };
        self.change(session, SessionChange::Attach { what, at: at(60) }).await?;
        let event = CallEvent::new(session, CallEventType::WarningSent, EventSource::Ai, at(61));
        let event = CallEvent { metadata: Some(json!({ "note": "by hand" })), ..event };
        self.store.append_event(self.tenant, &event).await?;
        for operation in [ProviderOperation::Connect, ProviderOperation::Hangup, ProviderOperation::Webhook] {
            self.store.log_provider(self.tenant, &exchange(session, operation, true)).await?;
        }
        self.change(session, end).await
    }

    /// Every fact there is.
    fn journal(&self, session: SessionId, reason: EndReason) -> Vec<JournalEntry> {
        let (question, cost) =
            (self.question, json!({ "carrier": 1, "transcription": 2, "speech": 3, "model": 4, "total": 10 }));
        let mut budget = cost.clone();
        let mut counted = cost;
        budget["fact"] = json!("budget_reached");
        counted["fact"] = json!("cost");
        let facts = [
            json!({ "fact": "connected" }),
            json!({ "fact": "disclosed", "text": "Jag är en AI." }),
            json!({ "fact": "consent", "given": true }),
            json!({ "fact": "asked", "question": question, "text": "Hur var det?" }),
            json!({ "fact": "said", "utterance": 1, "heard": "Hur var det?", "unheard": " Hej", "from": 1_000_000,
                    "until": 2_000_000, "estimated": true }),
            json!({ "fact": "heard", "turn": 1, "text": "Det var bra, åäö.", "confidence": 0.9, "language": "sv",
                    "started": 2_500_000, "ended": 4_123_456, "cut_off": false }),
            json!({ "fact": "heard", "turn": 2, "text": null, "confidence": null, "language": null,
                    "started": 5_000_000, "ended": 5_000_000, "cut_off": true }),
            json!({ "fact": "answered", "question": question, "question_text": "Hur var det?", "text": "Det var bra, åäö.",
                    "spoken": Duration::from_millis(1_623), "confidence": 0.9, "asked_at": 1_000_000,
                    "responded_at": 4_123_456 }),
            json!({ "fact": "analysed", "question": question, "sentiment": 0.5, "analysis": { "topics": ["kaffe"] } }),
            json!({ "fact": "resumed" }),
            json!({ "fact": "warned" }),
            budget,
            counted,
            json!({ "fact": "used", "input": 100, "cached": 10, "output": 20 }),
            json!({ "fact": "latency", "turn": 1, "last_voiced": 4_123_456, "end_of_turn": 4_700_000,
                    "transcript": 4_800_000, "first_token": null, "first_sentence": null, "first_audio": 4_900_000,
                    "wire": 4_910_000, "heard": 4_950_000, "filler": true }),
            json!({ "fact": "ended", "reason": reason }),
        ];
        let fact = |value: Value| {
            serde_json::from_value::<Fact>(value.clone()).unwrap_or_else(|error| panic!("{error}: {value}"))
        };
        let entry = |(seq, value): (u64, Value)| JournalEntry {
            session,
            epoch: Epoch::FIRST,
            seq,
            at: at(5 + seq as i64),
            offset: CallTime::from_millis(seq * 1_000),
            fact: fact(value),
        };
        (1..).zip(facts).map(entry).collect()
    }

    /// One session that waits, one that waits for another attempt, one that rings, and one whose call goes on.
    async fn open_ones(&mut self) -> Result<()> {
        self.asked_for(CallPriority::Normal).await?;
        let postponed = self.asked_for(CallPriority::High).await?;
        let attempt = self.dialled(postponed).await?;
        let later = SessionChange::Postponed { until: at(2_300_000_000), at: at(40) };
        self.store.finish_attempt(self.tenant, attempt.id, EndReason::Busy, &later).await?;
        let ringing = self.asked_for(CallPriority::Normal).await?;
        self.store.claim_session(self.tenant, ringing, at(1), at(31)).await?;
        for outcome in [AttemptOutcome::Rejected("no such number".to_owned()), AttemptOutcome::Unknown] {
            let attempt = DialAttempt::planned(self.tenant, ringing, "twilio", at(1));
            self.store.plan_attempt(&attempt).await?;
            self.store.begin_sending(self.tenant, attempt.id, Epoch::FIRST.next()).await?;
            self.store.settle_attempt(self.tenant, attempt.id, &outcome).await?;
        }
        self.store.plan_attempt(&DialAttempt::planned(self.tenant, ringing, "twilio", at(3))).await?;
        let call = CarrierCallId::new("CA00000000000000000000000000000001");
        self.change(ringing, SessionChange::Connecting { call, at: at(2) }).await?;
        let live = self.asked_for(CallPriority::Normal).await?;
        self.dialled(live).await?;
        self.change(live, SessionChange::Connected { at: at(5) }).await?;
        self.store.append(self.tenant, &self.journal(live, EndReason::Completed)[..8]).await
    }

    /// Questions, decisions and shops beside those of the demo.
    async fn survey(&self) -> Result<()> {
        let other: TenantId = OTHER.parse()?;
        let question = QuestionConfiguration {
            active_from: Some(at(0)),
            active_until: Some(at(86_400)),
            is_active: false,
            max_response_time: Duration::from_millis(12_500),
            follow_up_prompts: vec!["Varför då?".to_owned()],
            ..QuestionConfiguration::new(other, "Hittade du boken som du sökte?", at(0))
        };
        self.store.put_question(&question).await?;
        self.store.count_customer(other).await?;
        let decision = SelectionLog {
            id: RecordId::new(),
            tenant: other,
            session: None,
            customer_count: 1,
            selected: vec![question.id],
            algorithm: "in-order 1".to_owned(),
            criteria: json!({ "candidates": [question.id] }),
            time_budget: Duration::from_secs(90),
            estimated_duration: Duration::from_secs(30),
            created_at: at(0),
        };
        self.store.log_selection(&decision).await?;
        let number = PhoneNumber::parse("+46701740699")?;
        for status in [VerificationStatus::Pending, VerificationStatus::Rejected] {
            let verification = CustomerVerification {
                id: VerificationId::new(),
                tenant: other,
                purchased_at: at(0),
                amount_micros: -1,
                phone: self.vault.seal_phone(other, &number)?,
                status,
            };
            self.store.put_verification(&verification).await?;
        }
        Ok(())
    }

    /// What jobs did: archived events, an anonymised call, and their runs.
    async fn forget(&self) -> Result<()> {
        self.store.archive_events(at(1_000), 20).await?;
        let declined = SessionFilter { end_reason: Some(EndReason::OtherLanguage), ..SessionFilter::default() };
        let page = PageRequest { page: 1, per_page: 10 };
        for session in self.store.sessions(self.tenant, &declined, page).await?.items {
            let texts = Anonymised {
                transcript: Some("caller: [namn]".to_owned()),
                analysis: None,
                responses: self.store.responses(self.tenant, session.id).await?,
                at: at(99),
            };
            self.store.anonymise_session(self.tenant, session.id, &texts).await?;
        }
        for (job, error) in
            [(RetentionJob::ArchiveEvents, None), (RetentionJob::Anonymise, Some("the disk failed".to_owned()))]
        {
            self.store.log_retention(&RetentionRun { job, at: at(99), before: at(0), affected: 20, error }).await?;
        }
        Ok(())
    }
}

fn exchange(session: SessionId, operation: ProviderOperation, success: bool) -> ProviderLog {
    ProviderLog {
        id: RecordId::new(),
        session,
        provider: "twilio".to_owned(),
        provider_call: success.then(|| "CA1".to_owned()),
        operation,
        request: json!({ "to": "hidden" }),
        response: json!({ "status": "queued" }),
        status_code: success.then_some(201),
        latency: Duration::from_micros(12_500),
        success,
        error_message: (!success).then(|| "no connection".to_owned()),
        quality_metrics: success.then(|| json!({ "jitter": 0.5 })),
        timestamp: at(3),
    }
}
