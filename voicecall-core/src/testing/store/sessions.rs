//! Rules of sessions and their state machine.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::fixture::{Shop, after, assert_kind, connected, connecting, ended, new_session};
use crate::error::ErrorKind;
use crate::id::{QuestionId, RecordId, SessionId, TenantId};
use crate::store::{
    Anonymised, Attachment, CallEventType, CallResponse, EndReason, EventSource, NewSession, PageRequest, Session,
    SessionChange, SessionFilter, SessionStatus, Store,
};

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
    let nothing = SessionChange::Attach { what: Attachment::default(), at: after(3) };
    let what = Attachment {
        ai_session: Some("sess_1".to_owned()),
        recording_url: Some("https://recordings.example/1".to_owned()),
        transcript: Some("Hej! — Hej, åäö.".to_owned()),
        analysis: Some(json!({ "summary": "Nöjd.", "sentiment": 0.5 })),
        cost_micros: Some(123_456),
    };
    let everything = SessionChange::Attach { what, at: after(2) };
    let attached = shop.change(&everything).await.unwrap();
    assert_eq!(attached.cost_micros, Some(123_456));
    let later = shop.change(&nothing).await.unwrap();
    assert_eq!(later, Session { updated_at: after(3), ..attached });
    assert_eq!(shop.read().await, later);
    assert_eq!(shop.events().await.len(), 1, "attaching is not an event");

    let what = Attachment { cost_micros: Some(-1), ..Attachment::default() };
    let negative = SessionChange::Attach { what, at: after(4) };
    assert_kind(shop.change(&negative).await, ErrorKind::Invalid);
    assert_eq!(shop.read().await, later);
}

pub(super) async fn open_sessions_are_found(store: Arc<dyn Store>) {
    let (open, closed) = (Shop::open(Arc::clone(&store)).await, Shop::open(Arc::clone(&store)).await);
    open.change(&connecting()).await.unwrap();
    closed.change(&ended(EndReason::Busy)).await.unwrap();
    assert_eq!(store.open_sessions().await.unwrap(), [open.read().await]);
}

pub(super) async fn sessions_are_found_among_ids(store: Arc<dyn Store>) {
    let (one, two) = (Shop::open(Arc::clone(&store)).await, Shop::open(Arc::clone(&store)).await);
    Shop::open(Arc::clone(&store)).await;
    let mut found = store.sessions_among(&[two.session, SessionId::new(), one.session]).await.unwrap();
    found.sort_by_key(|session| session.id);
    assert_eq!(found, [one.read().await, two.read().await]);
    assert_eq!(store.sessions_among(&[]).await.unwrap(), []);
}

pub(super) async fn what_is_to_be_analysed_is_found_until_it_is(store: Arc<dyn Store>) {
    let shop = Shop::open(Arc::clone(&store)).await;
    let silent = Shop::open(Arc::clone(&store)).await;
    let find = async |since| store.unanalysed_sessions(after(since), 10).await.unwrap();
    let attach = async |what| shop.change(&SessionChange::Attach { what, at: after(60) }).await.unwrap();
    attach(Attachment { transcript: Some("caller: Bra".to_owned()), ..Attachment::default() }).await;
    assert_eq!(find(0).await, [], "it is not over");
    for shop in [&shop, &silent] {
        shop.change(&ended(EndReason::CallFailed)).await.unwrap();
    }
    assert_eq!(find(66).await, [], "it ended before");
    assert_eq!(find(65).await, [shop.read().await], "the one in which something was said");
    assert_eq!(store.unanalysed_sessions(after(65), 0).await.unwrap(), []);

    attach(Attachment { analysis: Some(json!({})), ..Attachment::default() }).await;

    assert_eq!(find(65).await, []);
    let again = Shop::open(Arc::clone(&store)).await;
    let what = Attachment { transcript: Some("caller: Bra".to_owned()), ..Attachment::default() };
    again.change(&SessionChange::Attach { what, at: after(60) }).await.unwrap();
    again.change(&ended(EndReason::CallFailed)).await.unwrap();
    let texts =
        Anonymised { transcript: Some("caller: Bra".to_owned()), analysis: None, responses: vec![], at: after(99) };
    store.anonymise_session(again.tenant, again.session, &texts).await.unwrap();
    assert_eq!(find(65).await, [], "what is anonymised is left alone");
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

pub(super) async fn an_end_and_its_answers_are_stored_together(store: Arc<dyn Store>) {
    let shop = Shop::open(store).await;
    shop.change(&connecting()).await.unwrap();
    shop.change(&connected()).await.unwrap();
    let (store, before) = (&shop.store, shop.snapshot().await);
    let answers = [response(&shop, QuestionId::new(), 0.5), response(&shop, QuestionId::new(), -1.0)];
    let complete = async |change: SessionChange, answers: &[CallResponse]| {
        store.complete_session(shop.tenant, shop.session, &change, answers).await
    };

    let elsewhere = [CallResponse { session: new_session(shop.tenant).id, ..answers[0].clone() }];
    assert_kind(complete(ended(EndReason::Completed), &elsewhere).await, ErrorKind::Invalid);
    assert_kind(complete(connected(), &answers).await, ErrorKind::Invalid);
    assert_eq!(shop.snapshot().await, before);

    let done = complete(ended(EndReason::Completed), &answers).await.unwrap();
    assert_eq!(done.status, SessionStatus::Completed);
    assert_eq!(shop.read().await, done);
    assert_eq!(shop.responses().await, answers);
    assert_eq!(shop.events().await.last().unwrap().event_type, CallEventType::Completed);
    assert_kind(
        complete(ended(EndReason::Completed), &[response(&shop, QuestionId::new(), 1.0)]).await,
        ErrorKind::Conflict,
    );
    assert_eq!(shop.responses().await, answers, "refused whole");
}

pub(super) async fn sessions_are_listed_newest_first(store: Arc<dyn Store>) {
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
    let span = SessionFilter { from: Some(after(0)), until: Some(after(120)), ..SessionFilter::default() };
    assert_eq!(list(span, 1, 10).await.unwrap().items, [busy, oldest], "from is included, until is not");
    assert_kind(list(SessionFilter::default(), 0, 10).await, ErrorKind::Invalid);
}
