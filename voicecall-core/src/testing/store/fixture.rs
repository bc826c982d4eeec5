//! A shop with a session to try rules on.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::error::{Error, ErrorKind, Result};
use crate::id::{CarrierCallId, Epoch, QuestionId, SessionId, TenantId, VerificationId};
use crate::journal::{Fact, JournalEntry};
use crate::seal::{SealedPhone, Vault};
use crate::store::{
    CallEvent, CallResponse, DialAttempt, EndReason, EventSource, NewSession, PageRequest, ProviderLog, Session,
    SessionChange, Store,
};
use crate::time::CallTime;

pub(super) struct Shop {
    pub(super) store: Arc<dyn Store>,
    pub(super) tenant: TenantId,
    pub(super) session: SessionId,
}

/// Everything a store tells of one session.
#[derive(Debug, PartialEq)]
pub(super) struct Snapshot {
    pub(super) session: Session,
    pub(super) events: Vec<CallEvent>,
    pub(super) responses: Vec<CallResponse>,
    pub(super) journal: Vec<JournalEntry>,
    pub(super) attempts: Vec<DialAttempt>,
    pub(super) provider_logs: Vec<ProviderLog>,
}

impl Shop {
    /// A shop whose one session was just created.
    pub(super) async fn open(store: Arc<dyn Store>) -> Self {
        let new = new_session(TenantId::new());
        store.create_session(&new).await.unwrap();
        Self { store, tenant: new.tenant, session: new.id }
    }

    pub(super) async fn read(&self) -> Session {
        self.store.session(self.tenant, self.session).await.unwrap()
    }

    pub(super) async fn change(&self, change: &SessionChange) -> Result<Session> {
        self.store.change_session(self.tenant, self.session, change).await
    }

    pub(super) async fn events(&self) -> Vec<CallEvent> {
        let page = PageRequest { page: 1, per_page: 100 };
        self.store.events(self.tenant, self.session, page).await.unwrap().items
    }

    pub(super) async fn responses(&self) -> Vec<CallResponse> {
        self.store.responses(self.tenant, self.session).await.unwrap()
    }

    pub(super) async fn append(&self, entries: &[JournalEntry]) -> Result<()> {
        self.store.append(self.tenant, entries).await
    }

    pub(super) async fn journal(&self) -> Vec<JournalEntry> {
        self.store.journal(self.tenant, self.session).await.unwrap()
    }

    /// The first owner's entry number `seq`, made `seq` seconds into the call.
    pub(super) fn entry(&self, seq: u64, fact: Fact) -> JournalEntry {
        JournalEntry {
            session: self.session,
            epoch: Epoch::FIRST,
            seq,
            at: after(seq),
            offset: CallTime::from_millis(seq * 1000),
            fact,
        }
    }

    pub(super) fn attempt(&self) -> DialAttempt {
        DialAttempt::planned(self.tenant, self.session, "carrier", after(0))
    }

    pub(super) async fn planned_attempt(&self) -> DialAttempt {
        let attempt = self.attempt();
        self.store.plan_attempt(&attempt).await.unwrap();
        attempt
    }

    pub(super) async fn snapshot(&self) -> Snapshot {
        Snapshot {
            session: self.read().await,
            events: self.events().await,
            responses: self.responses().await,
            journal: self.journal().await,
            attempts: self.store.attempts(self.tenant, self.session).await.unwrap(),
            provider_logs: self.store.provider_logs(self.tenant, self.session).await.unwrap(),
        }
    }
}

pub(super) fn new_session(tenant: TenantId) -> NewSession {
    NewSession {
        id: SessionId::new(),
        tenant,
        phone: phone(tenant),
        verification: VerificationId::new(),
        priority: crate::store::CallPriority::Normal,
        started_at: after(0),
    }
}

pub(super) fn phone(tenant: TenantId) -> SealedPhone {
    Vault::generate().unwrap().seal_phone(tenant, &"+46701234567".parse().unwrap()).unwrap()
}

/// An instant some seconds into the tests' day, with a fraction that a store must not round.
pub(super) fn after(seconds: u64) -> Timestamp {
    Timestamp::new(1_800_000_000, 123_456_789).unwrap() + SignedDuration::from_secs(seconds as i64)
}

pub(super) fn connecting() -> SessionChange {
    SessionChange::Connecting { call: CarrierCallId::new("CA1"), at: after(1) }
}

pub(super) fn connected() -> SessionChange {
    SessionChange::Connected { at: after(5) }
}

pub(super) fn ended(reason: EndReason) -> SessionChange {
    SessionChange::Ended { reason, source: EventSource::System, at: after(65) }
}

pub(super) fn answered(question: QuestionId, text: &str) -> Fact {
    Fact::Answered {
        question,
        question_text: "Hur var besöket?".to_owned(),
        text: text.to_owned(),
        spoken: std::time::Duration::from_millis(2345),
        confidence: Some(0.75),
        asked_at: CallTime::ZERO,
        responded_at: CallTime::from_millis(1000),
    }
}

#[track_caller]
pub(super) fn assert_kind<T: std::fmt::Debug>(outcome: Result<T, Error>, kind: ErrorKind) {
    assert_eq!(outcome.expect_err("must be refused").kind(), kind);
}
