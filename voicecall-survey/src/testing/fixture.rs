//! A shop with a session to try rules on.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use voicecall_core::dialogue::CallerTurn;
use voicecall_core::journal::{Fact, JournalEntry};
use voicecall_core::store::{EndReason, EventSource, NewSession, PageRequest, Session, SessionChange, SessionEvent};
use voicecall_core::{
    CallTime, CarrierCallId, Epoch, Error, ErrorKind, RecordId, Result, SealedAddress, SealedRow, SessionId, TenantId,
    Vault,
};

use super::WholeStore;
use crate::store::{
    CallResponse, CustomerVerification, QuestionId, SurveyCall, SurveyFact, VerificationId, VerificationStatus,
};

pub(super) struct Shop {
    pub(super) store: Arc<dyn WholeStore>,
    pub(super) tenant: TenantId,
    pub(super) session: SessionId,
}

/// Everything a store tells of one call.
#[derive(Debug, PartialEq)]
pub(super) struct Snapshot {
    pub(super) call: SurveyCall,
    pub(super) events: Vec<SessionEvent>,
    pub(super) journal: Vec<JournalEntry>,
}

impl Shop {
    /// A shop whose one session was just created.
    pub(super) async fn open(store: Arc<dyn WholeStore>) -> Self {
        let new = new_session(TenantId::new());
        store.create_session(&new).await.unwrap();
        Self { store, tenant: new.tenant, session: new.id }
    }

    /// A shop whose customer is on the line.
    pub(super) async fn on_the_line(store: Arc<dyn WholeStore>) -> Self {
        let shop = Self::open(store).await;
        shop.connect().await;
        shop
    }

    pub(super) async fn connect(&self) {
        let connecting = SessionChange::Connecting { call: CarrierCallId::new("CA1"), at: after(1) };
        self.change(&connecting).await.unwrap();
        self.change(&SessionChange::Connected { at: after(5) }).await.unwrap();
    }

    pub(super) async fn change(&self, change: &SessionChange) -> Result<Session> {
        self.store.change_session(self.tenant, self.session, change).await
    }

    pub(super) async fn read(&self) -> SurveyCall {
        self.store.call(self.tenant, self.session).await.unwrap()
    }

    pub(super) async fn responses(&self) -> Vec<CallResponse> {
        self.read().await.record.responses
    }

    pub(super) async fn events(&self) -> Vec<SessionEvent> {
        let page = PageRequest { page: 1, per_page: 100 };
        self.store.events(self.tenant, self.session, page).await.unwrap().items
    }

    pub(super) async fn append(&self, entries: &[JournalEntry]) -> Result<()> {
        self.store.append(self.tenant, entries).await
    }

    /// The first owner's entry number `seq`, made `seq` seconds into the call.
    pub(super) fn entry(&self, seq: u64, fact: impl Into<Fact>) -> JournalEntry {
        JournalEntry {
            session: self.session,
            epoch: Epoch::FIRST,
            seq,
            at: after(seq),
            offset: CallTime::from_millis(seq * 1000),
            fact: fact.into(),
        }
    }

    pub(super) async fn snapshot(&self) -> Snapshot {
        Snapshot {
            call: self.read().await,
            events: self.events().await,
            journal: self.store.journal(self.tenant, self.session).await.unwrap(),
        }
    }
}

pub(super) fn new_session(tenant: TenantId) -> NewSession {
    let reference = Some(VerificationId::new().to_string());
    NewSession { reference, ..NewSession::outbound(tenant, phone(tenant), after(0)) }
}

pub(super) fn phone(tenant: TenantId) -> SealedAddress {
    let row = SealedRow::session(tenant, SessionId::new());
    Vault::generate().unwrap().seal_address(row, &"+46701234567".parse().unwrap()).unwrap()
}

pub(super) fn verification(tenant: TenantId) -> CustomerVerification {
    CustomerVerification {
        id: VerificationId::new(),
        tenant,
        purchased_at: after(0),
        amount_micros: 129_900_000,
        phone: phone(tenant),
        status: VerificationStatus::Pending,
    }
}

/// An instant some seconds into the tests' day, with a fraction that a store must not round.
pub(super) fn after(seconds: u64) -> Timestamp {
    Timestamp::new(1_800_000_000, 123_456_789).unwrap() + SignedDuration::from_secs(seconds as i64)
}

pub(super) fn ended(reason: EndReason) -> SessionChange {
    SessionChange::Ended { reason, source: EventSource::System, at: after(65) }
}

pub(super) fn answered(question: QuestionId, text: &str) -> SurveyFact {
    SurveyFact::Answered {
        question,
        question_text: "Hur var besöket?".to_owned(),
        text: text.to_owned(),
        spoken: Duration::from_millis(2345),
        confidence: Some(0.75),
        asked_at: CallTime::ZERO,
        responded_at: CallTime::from_millis(1000),
    }
}

/// The caller said something.
pub(super) fn heard(text: &str) -> Fact {
    let at = CallTime::from_millis(500);
    let text = Some(text.to_owned());
    Fact::Heard(CallerTurn {
        turn: 1,
        text,
        confidence: None,
        language: None,
        started: at,
        ended: at,
        voiced: std::time::Duration::from_millis(2_345),
        cut_off: false,
    })
}

/// An answer that did not come by the journal.
pub(super) fn response(shop: &Shop, question: QuestionId, sentiment: f32) -> CallResponse {
    CallResponse {
        id: RecordId::new(),
        session: shop.session,
        question,
        question_text: "Hur var besöket?".to_owned(),
        text: "Bra, tack".to_owned(),
        duration: Duration::from_millis(1500),
        confidence: Some(0.5),
        sentiment: Some(sentiment),
        asked_at: after(10),
        responded_at: Some(after(12)),
        analysis: Some(json!({ "topics": ["kaffe", "personal"] })),
    }
}

#[track_caller]
pub(super) fn assert_kind<T: std::fmt::Debug>(outcome: Result<T, Error>, kind: ErrorKind) {
    assert_eq!(outcome.expect_err("must be refused").kind(), kind);
}
