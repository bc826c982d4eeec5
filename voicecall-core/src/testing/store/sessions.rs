//! Rules of sessions and their state machine.

use std::sync::Arc;

use super::fixture::{Shop, after, assert_kind, connected, connecting, ended, new_session};
use crate::error::ErrorKind;
use crate::id::TenantId;
use crate::store::{CallEventType, EndReason, EventSource, NewSession, Session, SessionChange, SessionStatus, Store};

pub(super) async fn a_created_session_reads_back(store: Arc<dyn Store>) {
    let new = new_session(TenantId::new());
    let created = store.create_session(&new).await.unwrap();
    assert_eq!(created, Session::created(&new));
    assert_eq!(store.session(new.tenant, new.id).await.unwrap(), created);
    assert_eq!(store.session_of_verification(new.tenant, new.verification).await.unwrap(), Some(created));
}

pub(super) async fn a_session_is_created_once(store: Arc<dyn Store>) {
    let first = new_session(TenantId::new());
    store.create_session(&first).await.unwrap();
    let again = NewSession { id: first.id, ..new_session(first.tenant) };
    assert_kind(store.create_session(&again).await, ErrorKind::Conflict);
    let shop = Shop { store, tenant: first.tenant, session: first.id };
    assert_eq!(shop.read().await, Session::created(&first));
    assert_eq!(shop.events().await.len(), 1);
}

pub(super) async fn a_verification_has_one_session(store: Arc<dyn Store>) {
    let first = new_session(TenantId::new());
    store.create_session(&first).await.unwrap();
    let second = NewSession { verification: first.verification, ..new_session(first.tenant) };
    assert_kind(store.create_session(&second).await, ErrorKind::Conflict);
    assert_kind(store.session(second.tenant, second.id).await, ErrorKind::NotFound);
    // The refusal must not tell a tenant which verifications another one has.
    let elsewhere = NewSession { verification: first.verification, ..new_session(TenantId::new()) };
    assert!(store.create_session(&elsewhere).await.is_ok());
}

pub(super) async fn a_call_walks_through_its_states(store: Arc<dyn Store>) {
    let shop = Shop::open(store).await;
    let mut expected = shop.read().await;
    for change in [connecting(), connected(), ended(EndReason::Timeout)] {
        expected.apply(&change).unwrap();
        assert_eq!(shop.change(&change).await.unwrap(), expected);
        assert_eq!(shop.read().await, expected);
    }
    assert_eq!(expected.status, SessionStatus::Timeout);
    assert_eq!(expected.duration_seconds(), Some(60));
    let events = shop.events().await;
    let types: Vec<_> = events.iter().map(|event| event.event_type).collect();
    use CallEventType::*;
    assert_eq!(types, [Initiated, Connecting, Answered, Timeout]);
    assert_eq!(events[3].data, serde_json::json!({ "reason": "timeout" }));
    assert_eq!(events[3].timestamp, after(65));
    assert_eq!(events[3].source, EventSource::System);
}

pub(super) async fn an_invalid_transition_changes_nothing(store: Arc<dyn Store>) {
    let ways: [&[SessionChange]; 6] = [
        &[],
        &[connecting()],
        &[connecting(), connected()],
        &[connecting(), connected(), ended(EndReason::Completed)],
        &[connecting(), connected(), ended(EndReason::Timeout)],
        &[ended(EndReason::CallFailed)],
    ];
    let steps = [
        connecting(),
        connected(),
        ended(EndReason::Completed),
        ended(EndReason::Timeout),
        ended(EndReason::TechnicalFailure),
    ];
    for way in ways {
        let shop = Shop::open(Arc::clone(&store)).await;
        for change in way {
            shop.change(change).await.unwrap();
        }
        let before = shop.snapshot().await;
        let forbidden = |step: &&SessionChange| !before.session.status.may_become(step.status().unwrap());
        for step in steps.iter().filter(forbidden) {
            assert_kind(shop.change(step).await, ErrorKind::Conflict);
            assert_eq!(shop.snapshot().await, before, "after {step:?}");
        }
    }
}

pub(super) async fn what_is_attached_stays(store: Arc<dyn Store>) {
    let shop = Shop::open(store).await;
    let nothing = SessionChange::Attach {
        ai_session: None,
        recording_url: None,
        transcript: None,
        cost_micros: None,
        at: after(3),
    };
    let everything = SessionChange::Attach {
        ai_session: Some("sess_1".to_owned()),
        recording_url: Some("https://recordings.example/1".to_owned()),
        transcript: Some("Hej! — Hej, åäö.".to_owned()),
        cost_micros: Some(123_456),
        at: after(2),
    };
    let attached = shop.change(&everything).await.unwrap();
    assert_eq!(attached.cost_micros, Some(123_456));
    let later = shop.change(&nothing).await.unwrap();
    assert_eq!(later, Session { updated_at: after(3), ..attached });
    assert_eq!(shop.read().await, later);
    assert_eq!(shop.events().await.len(), 1, "attaching is not an event");

    let negative = SessionChange::Attach {
        ai_session: None,
        recording_url: None,
        transcript: None,
        cost_micros: Some(-1),
        at: after(4),
    };
    assert_kind(shop.change(&negative).await, ErrorKind::Invalid);
    assert_eq!(shop.read().await, later);
}

pub(super) async fn open_sessions_are_found(store: Arc<dyn Store>) {
    let (open, closed) = (Shop::open(Arc::clone(&store)).await, Shop::open(Arc::clone(&store)).await);
    open.change(&connecting()).await.unwrap();
    closed.change(&ended(EndReason::Busy)).await.unwrap();
    assert_eq!(store.open_sessions().await.unwrap(), [open.read().await]);
}
