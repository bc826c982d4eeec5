//! Rules of sessions and their state machine.

use std::sync::Arc;

use futures_util::future::join_all;
use jiff::SignedDuration;
use serde_json::json;

use super::fixture::{Shop, after, assert_kind, connected, connecting, ended, new_session, somebody};
use crate::error::ErrorKind;
use crate::id::{ConversationId, TenantId};
use crate::store::{
    Attachment, CallPriority, Channel, Direction, EndReason, EngineStore, EventKind, EventSource, NewSession,
    PageRequest, Session, SessionChange, SessionFilter, SessionStatus,
};

pub(super) async fn a_created_session_reads_back(store: Arc<dyn EngineStore>) {
    let tenant = TenantId::new();
    let full = NewSession {
        channel: Channel::from("pager".to_owned()),
        account: Some("north".parse().unwrap()),
        local: Some("+46850000000".to_owned()),
        reference: Some("order-17".to_owned()),
        conversation: Some(ConversationId::new()),
        person: Some(somebody(tenant).lookup.into()),
        priority: CallPriority::High,
        metadata: json!({ "order": 17, "note": "åäö" }),
        ..new_session(tenant)
    };
    for new in [full, new_session(tenant), NewSession::inbound(tenant, None, after(3))] {
        let created = store.create_session(&new).await.unwrap();
        assert_eq!(created, Session::created(&new));
        assert_eq!(store.session(new.tenant, new.id).await.unwrap(), created);
    }
}

pub(super) async fn a_session_is_created_once(store: Arc<dyn EngineStore>) {
    let first = new_session(TenantId::new());
    store.create_session(&first).await.unwrap();
    let again = NewSession { id: first.id, ..new_session(first.tenant) };
    assert_kind(store.create_session(&again).await, ErrorKind::Conflict);
    let shop = Shop { store, tenant: first.tenant, session: first.id };
    assert_eq!(shop.read().await, Session::created(&first));
    assert_eq!(shop.events().await.len(), 1);
}

pub(super) async fn a_reference_calls_once(store: Arc<dyn EngineStore>) {
    let tenant = TenantId::new();
    let named = |tenant| NewSession { reference: Some("order-17".to_owned()), ..new_session(tenant) };
    assert_eq!(store.session_by_reference(tenant, "order-17").await.unwrap(), None);
    let asked = (0..16).map(|_| {
        let (store, new) = (Arc::clone(&store), named(tenant));
        tokio::spawn(async move { store.create_session(&new).await.unwrap() })
    });
    let created: Vec<_> = join_all(asked).await.into_iter().map(Result::unwrap).collect();
    assert!(created.iter().all(|session| *session == created[0]), "whoever asks twice is told of the first");
    let all = store.sessions(tenant, &SessionFilter::default(), PageRequest::default()).await.unwrap();
    assert_eq!(all.items, [created[0].clone()]);
    assert_eq!(store.session_by_reference(tenant, "order-17").await.unwrap().as_ref(), Some(&created[0]));
    // What was called is called: the end of a session does not free its reference.
    store.change_session(tenant, created[0].id, &ended(EndReason::Busy)).await.unwrap();
    assert_eq!(store.create_session(&named(tenant)).await.unwrap().status, SessionStatus::Failed);
    // Another tenant's orders have numbers too, and somebody who calls us may speak of the same.
    let elsewhere = named(TenantId::new());
    assert_eq!(store.create_session(&elsewhere).await.unwrap().id, elsewhere.id);
    let inbound = NewSession { direction: Direction::Inbound, ..named(tenant) };
    assert_eq!(store.create_session(&inbound).await.unwrap().id, inbound.id);
}

pub(super) async fn who_calls_us_may_withhold_the_number(store: Arc<dyn EngineStore>) {
    let new = NewSession::inbound(TenantId::new(), None, after(0));
    store.create_session(&new).await.unwrap();
    let shop = Shop { store: Arc::clone(&store), tenant: new.tenant, session: new.id };
    assert_eq!(store.due_sessions(after(999), 10, 10).await.unwrap(), [], "who called us is not called");
    for change in [connecting(), connected(), ended(EndReason::RemoteHangup)] {
        shop.change(&change).await.unwrap();
    }
    let session = shop.read().await;
    assert_eq!((session.remote, session.person, session.direction), (None, None, Direction::Inbound));
    let nobody = NewSession { direction: Direction::Outbound, ..NewSession::inbound(new.tenant, None, after(0)) };
    assert_kind(store.create_session(&nobody).await, ErrorKind::Invalid);
}

pub(super) async fn a_long_call_is_as_long_as_it_was(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(store).await;
    shop.change(&connecting()).await.unwrap();
    shop.change(&connected()).await.unwrap();
    let twenty_minutes = SignedDuration::from_mins(20);
    let SessionChange::Ended { reason, source, .. } = ended(EndReason::Completed) else { unreachable!() };
    shop.change(&SessionChange::Ended { reason, source, at: after(5) + twenty_minutes }).await.unwrap();
    assert_eq!(shop.read().await.duration_seconds(), Some(1200));
}

pub(super) async fn every_reason_reads_back(store: Arc<dyn EngineStore>) {
    for &reason in EndReason::ALL {
        let shop = Shop::open(Arc::clone(&store)).await;
        for change in [connecting(), connected(), ended(reason)] {
            shop.change(&change).await.unwrap();
        }
        assert_eq!(shop.read().await.end_reason, Some(reason));
        let filter = SessionFilter { end_reason: Some(reason), ..SessionFilter::default() };
        let found = store.sessions(shop.tenant, &filter, PageRequest::default()).await.unwrap();
        assert_eq!(found.items, [shop.read().await]);
    }
}

pub(super) async fn a_call_walks_through_its_states(store: Arc<dyn EngineStore>) {
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
    let types: Vec<_> = events.iter().map(|event| event.kind.clone()).collect();
    assert_eq!(types, [EventKind::Initiated, EventKind::Connecting, EventKind::Answered, EventKind::Timeout]);
    assert_eq!(events[3].data, json!({ "reason": "timeout" }));
    assert_eq!(events[3].at, after(65));
    assert_eq!(events[3].source, EventSource::System);
}

pub(super) async fn an_invalid_transition_changes_nothing(store: Arc<dyn EngineStore>) {
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

pub(super) async fn what_is_attached_stays(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(store).await;
    let nothing = SessionChange::Attach { what: Attachment::default(), at: after(3) };
    let what = Attachment {
        account: Some("north".parse().unwrap()),
        recording_url: Some("https://recordings.example/1".to_owned()),
        cost_micros: Some(123_456),
    };
    let everything = SessionChange::Attach { what, at: after(2) };
    let attached = shop.change(&everything).await.unwrap();
    assert_eq!((attached.cost_micros, attached.account), (Some(123_456), Some("north".parse().unwrap())));
    let later = shop.change(&nothing).await.unwrap();
    assert_eq!(later, Session { updated_at: after(3), ..attached });
    assert_eq!(shop.read().await, later);
    assert_eq!(shop.events().await.len(), 1, "attaching is not an event");

    let what = Attachment { cost_micros: Some(-1), ..Attachment::default() };
    let negative = SessionChange::Attach { what, at: after(4) };
    assert_kind(shop.change(&negative).await, ErrorKind::Invalid);
    assert_eq!(shop.read().await, later);
}

pub(super) async fn open_sessions_are_found(store: Arc<dyn EngineStore>) {
    let (open, closed) = (Shop::open(Arc::clone(&store)).await, Shop::open(Arc::clone(&store)).await);
    open.change(&connecting()).await.unwrap();
    closed.change(&ended(EndReason::Busy)).await.unwrap();
    assert_eq!(store.open_sessions().await.unwrap(), [open.read().await]);
}

pub(super) async fn sessions_are_listed_newest_first(store: Arc<dyn EngineStore>) {
    let tenant = TenantId::new();
    let mut sessions = Vec::new();
    for place in [1, 0, 2] {
        let new = NewSession { started_at: after(place * 60), ..new_session(tenant) };
        sessions.push(store.create_session(&new).await.unwrap());
    }
    store.create_session(&new_session(TenantId::new())).await.unwrap();
    let busy = store.change_session(tenant, sessions[0].id, &ended(EndReason::Busy)).await.unwrap();
    let [_, oldest, newest] = sessions.try_into().unwrap();
    let list = |filter: SessionFilter, page, per_page| {
        let store = Arc::clone(&store);
        async move { store.sessions(tenant, &filter, PageRequest { page, per_page }).await }
    };

    let all = list(SessionFilter::default(), 1, 2).await.unwrap();
    assert_eq!((all.items, all.total), (vec![newest.clone(), busy.clone()], 3));
    let rest = list(SessionFilter::default(), 2, 2).await.unwrap();
    assert_eq!((rest.items, rest.total), (vec![oldest.clone()], 3));
    let failed =
        SessionFilter { statuses: vec![SessionStatus::Failed, SessionStatus::Timeout], ..SessionFilter::default() };
    assert_eq!(list(failed, 1, 10).await.unwrap().items, std::slice::from_ref(&busy));
    let reason = SessionFilter { end_reason: Some(EndReason::Busy), ..SessionFilter::default() };
    assert_eq!(list(reason, 1, 10).await.unwrap().items, std::slice::from_ref(&busy));
    let inbound = SessionFilter { direction: Some(Direction::Inbound), ..SessionFilter::default() };
    assert_eq!(list(inbound, 1, 10).await.unwrap().total, 0);
    let theirs = SessionFilter { person: busy.person, ..SessionFilter::default() };
    assert_eq!(list(theirs, 1, 10).await.unwrap().items, std::slice::from_ref(&busy));
    let span = SessionFilter { from: Some(after(0)), until: Some(after(120)), ..SessionFilter::default() };
    assert_eq!(list(span, 1, 10).await.unwrap().items, [busy, oldest], "from is included, until is not");
    assert_kind(list(SessionFilter::default(), 0, 10).await, ErrorKind::Invalid);
}
