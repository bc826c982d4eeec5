//! A shop with a session to try rules on.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::error::{Error, ErrorKind, Result};
use crate::id::{CarrierCallId, Epoch, SessionId, TenantId};
use crate::journal::{Fact, JournalEntry};
use crate::seal::{SealedAddress, SealedRow, Vault};
use crate::store::{
    Attachment, DialAttempt, EndReason, EngineStore, EventSource, LeaseTerm, NewSession, PageRequest, ProviderLog,
    Session, SessionChange, SessionEvent,
};
use crate::time::CallTime;

pub(super) struct Shop {
    pub(super) store: Arc<dyn EngineStore>,
    pub(super) tenant: TenantId,
    pub(super) session: SessionId,
}

/// Everything a store tells of one session.
#[derive(Debug, PartialEq)]
pub(super) struct Snapshot {
    pub(super) session: Session,
    pub(super) events: Vec<SessionEvent>,
    pub(super) journal: Vec<JournalEntry>,
    pub(super) attempts: Vec<DialAttempt>,
    pub(super) provider_logs: Vec<ProviderLog>,
}

impl Shop {
    /// A shop whose one session was just created.
    pub(super) async fn open(store: Arc<dyn EngineStore>) -> Self {
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

    pub(super) async fn events(&self) -> Vec<SessionEvent> {
        let page = PageRequest { page: 1, per_page: 100 };
        self.store.events(self.tenant, self.session, page).await.unwrap().items
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
            journal: self.journal().await,
            attempts: self.store.attempts(self.tenant, self.session).await.unwrap(),
            provider_logs: self.store.provider_logs(self.tenant, self.session).await.unwrap(),
        }
    }
}

pub(super) fn new_session(tenant: TenantId) -> NewSession {
    NewSession::outbound(tenant, somebody(tenant), after(0))
}

pub(super) fn somebody(tenant: TenantId) -> SealedAddress {
    let row = SealedRow::session(tenant, SessionId::new());
    Vault::generate().unwrap().seal_address(row, &"+46701234567".parse().unwrap()).unwrap()
}

/// An instant some seconds into the tests' day, with a fraction that a store must not round.
pub(super) fn after(seconds: u64) -> Timestamp {
    Timestamp::new(1_800_000_000, 123_456_789).unwrap() + SignedDuration::from_secs(seconds as i64)
}

/// A lease that outlives a test.
pub(super) const LEASE: Duration = Duration::from_secs(3_600);

/// A lease that begins some seconds into the tests' day.
pub(super) fn lease(seconds: u64) -> LeaseTerm {
    LeaseTerm { now: after(seconds), length: LEASE }
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

/// A fact of a dialogue's own.
pub(super) fn custom(text: &str, personal: bool) -> Fact {
    Fact::Custom { kind: "suite.note".into(), data: serde_json::json!({ "text": text }), personal }
}

/// A shop whose session is over and has left something everywhere.
pub(super) async fn over(store: Arc<dyn EngineStore>, reason: EndReason) -> Shop {
    let shop = Shop::open(store).await;
    let attempt = shop.planned_attempt().await;
    shop.store.begin_sending(shop.tenant, attempt.id, Epoch::FIRST).await.unwrap();
    shop.change(&connecting()).await.unwrap();
    shop.change(&connected()).await.unwrap();
    let facts = [
        Fact::Disclosed { text: "I am an AI.".to_owned() },
        Fact::Consent { given: true },
        custom("My name is Kanarie", true),
    ];
    let entries: Vec<_> = (1..).zip(facts).map(|(seq, fact)| shop.entry(seq, fact)).collect();
    shop.append(&entries).await.unwrap();
    shop.store.log_provider(shop.tenant, &super::provider_log::exchange(shop.session, 1)).await.unwrap();
    let what = Attachment { recording_url: Some("recording".to_owned()), ..Attachment::default() };
    shop.change(&SessionChange::Attach { what, at: after(60) }).await.unwrap();
    shop.change(&ended(reason)).await.unwrap();
    shop
}

#[track_caller]
pub(super) fn assert_kind<T: std::fmt::Debug>(outcome: Result<T, Error>, kind: ErrorKind) {
    assert_eq!(outcome.expect_err("must be refused").kind(), kind);
}
