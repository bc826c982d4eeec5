//! Rules about people who asked not to be called any more.

use std::sync::Arc;

use super::fixture::{LEASE, Shop, after, assert_kind, connected, connecting, lease, new_session, over, somebody};
use super::probe::Probe;
use crate::error::{ErrorKind, Result};
use crate::id::TenantId;
use crate::journal::{Fact, JournalEntry};
use crate::seal::PersonKey;
use crate::store::{
    AcquireLease, Claim, DO_NOT_CALL, EndReason, EngineStore, Erased, EventKind, NewSession, Session, SessionChange,
    SessionStatus,
};

/// A session of the shop with this session's person, due at `seconds`.
fn with_the_person_of(session: &Session, seconds: u64) -> NewSession {
    NewSession::outbound(session.tenant, session.remote.clone().unwrap(), after(seconds))
}

#[track_caller]
fn assert_refused<T: std::fmt::Debug>(outcome: Result<T>) {
    let error = outcome.expect_err("must be refused");
    assert_eq!(
        (error.kind(), error.code(), error.field()),
        (ErrorKind::Conflict, Some(DO_NOT_CALL), Some("remote")),
        "{error}"
    );
}

pub(super) async fn who_must_not_be_called_is_not(store: Arc<dyn EngineStore>) {
    let tenant = TenantId::new();
    let known = NewSession { reference: Some("order-17".to_owned()), ..new_session(tenant) };
    let known = store.create_session(&known).await.unwrap();
    let person = known.person.unwrap();
    assert_eq!(store.calls_forbidden_since(tenant, person).await.unwrap(), None);

    store.forbid_calls(tenant, person, after(7)).await.unwrap();

    assert_eq!(store.calls_forbidden_since(tenant, person).await.unwrap(), Some(after(7)));
    let next = with_the_person_of(&known, 9);
    assert_refused(store.create_session(&next).await);
    assert_kind(store.session(tenant, next.id).await, ErrorKind::NotFound);
    let by_another_key = NewSession { person: Some(Probe::known()), ..next.clone() };
    assert_refused(store.create_session(&by_another_key).await);
    let same = NewSession { reference: Some("order-17".to_owned()), ..next.clone() };
    assert_eq!(store.create_session(&same).await.unwrap().id, known.id, "what was asked for before is found");
    let calls_us = NewSession::inbound(tenant, known.remote.clone(), after(9));
    assert!(store.create_session(&calls_us).await.is_ok(), "the person may call us");
    let another = NewSession { remote: Some(somebody(tenant)), ..next.clone() };
    assert!(store.create_session(&NewSession { id: crate::id::SessionId::new(), ..another }).await.is_ok());

    store.allow_calls(tenant, person).await.unwrap();
    assert_eq!(store.calls_forbidden_since(tenant, person).await.unwrap(), None);
    assert!(store.create_session(&next).await.is_ok(), "who changed their mind is called");
}

pub(super) async fn a_wish_ends_what_waits(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(Arc::clone(&store)).await;
    let tenant = shop.tenant;
    let person = shop.read().await;
    let mut waiting = Vec::new();
    for seconds in [20, 30, 40] {
        waiting.push(store.create_session(&with_the_person_of(&person, seconds)).await.unwrap().id);
    }
    let others = store.create_session(&new_session(tenant)).await.unwrap();
    let claimed = waiting.pop().unwrap();
    store.claim_session(tenant, claimed, &Claim::new(after(40), LEASE)).await.unwrap();
    shop.store.claim_session(tenant, shop.session, &Claim::new(after(1), LEASE)).await.unwrap();
    for change in [connecting(), connected()] {
        shop.change(&change).await.unwrap();
    }

    let owner = store.acquire_lease(tenant, shop.session, AcquireLease::from_anybody(lease(99))).await.unwrap();
    let entry = JournalEntry { epoch: owner, ..shop.entry(1, Fact::DoNotCall) };
    shop.append(std::slice::from_ref(&entry)).await.unwrap();

    assert_eq!(store.calls_forbidden_since(tenant, person.person.unwrap()).await.unwrap(), Some(entry.at));
    for id in waiting {
        let session = store.session(tenant, id).await.unwrap();
        assert_eq!((session.status, session.end_reason), (SessionStatus::Failed, Some(EndReason::DoNotCall)));
        assert_eq!((session.due_at, session.ended_at), (None, Some(entry.at)));
        let events = store.events(tenant, id, Default::default()).await.unwrap().items;
        assert_eq!(events.last().unwrap().kind, EventKind::Failed);
    }
    assert_eq!(shop.read().await.status, SessionStatus::InProgress, "in which it was said goes on");
    assert_eq!(store.session(tenant, others.id).await.unwrap(), others);

    // What was being called, and was not reached.
    assert_eq!(store.session(tenant, claimed).await.unwrap().end_reason, None);
    let postponed = SessionChange::Postponed { until: after(60), at: after(50) };
    store.change_session(tenant, claimed, &postponed).await.unwrap();
    assert_refused(store.claim_session(tenant, claimed, &Claim::new(after(60), LEASE)).await);
    let session = store.session(tenant, claimed).await.unwrap();
    assert_eq!((session.end_reason, session.due_at), (Some(EndReason::DoNotCall), None));
    assert_eq!(store.count_waiting().await.unwrap(), 1, "the other person's");
}

pub(super) async fn a_wish_that_is_refused_forbids_nothing(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(Arc::clone(&store)).await;
    let before = shop.read().await;
    let waiting = store.create_session(&with_the_person_of(&before, 20)).await.unwrap();

    let batch = [shop.entry(1, Fact::DoNotCall), shop.entry(2, Probe::refused_fact())];
    assert_kind(shop.append(&batch).await, ErrorKind::Unavailable);

    assert_eq!(store.calls_forbidden_since(shop.tenant, before.person.unwrap()).await.unwrap(), None);
    assert_eq!(store.session(shop.tenant, waiting.id).await.unwrap(), waiting);
}

pub(super) async fn a_wish_outlives_its_sessions(store: Arc<dyn EngineStore>) {
    let shop = over(Arc::clone(&store), EndReason::RemoteHangup).await;
    let (tenant, session) = (shop.tenant, shop.read().await);
    let person = session.person.unwrap();
    shop.append(&[shop.entry(4, Fact::DoNotCall)]).await.unwrap();
    store.forbid_calls(tenant, person, after(99)).await.unwrap();
    let since = async |person: PersonKey| store.calls_forbidden_since(tenant, person).await.unwrap();
    assert_eq!(since(person).await, Some(after(4)), "the first wish counts");
    let file = store.export_person(tenant, person).await.unwrap();
    assert_eq!(file.calls_forbidden_since, Some(after(4)), "the person is told");

    store.delete_session(tenant, shop.session).await.unwrap();
    assert_eq!(since(person).await, Some(after(4)));
    assert_eq!(store.erase_person(tenant, person).await.unwrap(), Erased::default());
    assert_eq!(since(person).await, Some(after(4)));
    assert_refused(store.create_session(&with_the_person_of(&session, 100)).await);
}

pub(super) async fn another_tenants_wishes_are_its_own(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(Arc::clone(&store)).await;
    let (session, stranger) = (shop.read().await, TenantId::new());
    let person = session.person.unwrap();
    let since = async |tenant: TenantId| store.calls_forbidden_since(tenant, person).await.unwrap();

    store.forbid_calls(stranger, person, after(7)).await.unwrap();
    assert_eq!(since(shop.tenant).await, None);
    assert_eq!(shop.read().await, session);

    store.allow_calls(stranger, person).await.unwrap();
    store.forbid_calls(shop.tenant, person, after(8)).await.unwrap();
    assert_eq!(since(stranger).await, None);
    store.allow_calls(stranger, person).await.unwrap();
    assert_eq!(since(shop.tenant).await, Some(after(8)));
    // The same hash is another person's at another tenant.
    assert!(store.create_session(&NewSession { remote: session.remote, ..new_session(stranger) }).await.is_ok());
}
