//! Rules by which what happens is told once, and worked on by one owner at a time.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use super::fixture::{Shop, after, assert_kind, connected, connecting, ended, lease};
use super::messages::{ANNA, BO, Inbox, delivered};
use crate::dialogue::UtteranceId;
use crate::error::ErrorKind;
use crate::event::{Event, EventType};
use crate::id::{CarrierMessageId, TenantId};
use crate::journal::Fact;
use crate::messaging::MessageState;
use crate::store::{
    ConversationChange, EndReason, EngineStore, EventSource, LeaseTerm, PageRequest, Run, RunFilter, RunState,
    SendOutcome, SessionChange, StepRecord, StepState, Subscription, SubscriptionState,
};
use crate::time::CallTime;

async fn told(store: &Arc<dyn EngineStore>) -> Vec<Event> {
    store.pending_events(1000).await.unwrap()
}

async fn kinds(store: &Arc<dyn EngineStore>) -> Vec<&'static str> {
    told(store).await.iter().map(|event| event.kind.as_str()).collect()
}

async fn forget_told(store: &Arc<dyn EngineStore>) {
    for event in told(store).await {
        assert!(store.start_runs(&event, &[]).await.unwrap());
    }
}

/// A run that waits since some seconds into the tests' day.
async fn begun(store: &Arc<dyn EngineStore>, tenant: TenantId, workflow: &str, seconds: u64) -> Run {
    store.keep_events(true).await.unwrap();
    forget_told(store).await;
    store.create_session(&super::fixture::new_session(tenant)).await.unwrap();
    let event = told(store).await.remove(0);
    let run = Run::new(event.clone(), workflow, 1, None, after(seconds));
    assert!(store.start_runs(&event, std::slice::from_ref(&run)).await.unwrap());
    run
}

async fn due(store: &Arc<dyn EngineStore>, workflow: &str, seconds: u64) -> Vec<Run> {
    store.due_runs(after(seconds), &[format!("{workflow}@1")], &[], 100, 100).await.unwrap()
}

pub(super) async fn what_happens_in_a_call_is_told_once_somebody_asks(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(Arc::clone(&store)).await;
    assert_eq!(kinds(&store).await, [""; 0], "nobody takes anything up");
    store.keep_events(true).await.unwrap();
    store.keep_events(true).await.unwrap();
    let other = Shop::open(Arc::clone(&store)).await;
    assert_eq!(kinds(&store).await, ["call.initiated", "call.status"]);
    assert!(
        told(&store).await.iter().all(|event| (event.tenant, event.session) == (other.tenant, Some(other.session)))
    );
    forget_told(&store).await;

    shop.change(&connecting()).await.unwrap();
    assert_kind(shop.change(&connecting()).await, ErrorKind::Conflict);
    shop.change(&connected()).await.unwrap();
    let entries = [
        shop.entry(1, Fact::Connected),
        shop.entry(2, Fact::Warned),
        shop.entry(3, Fact::Ended { reason: EndReason::Completed }),
    ];
    shop.append(&entries).await.unwrap();
    shop.append(&entries).await.unwrap();
    shop.change(&ended(EndReason::Completed)).await.unwrap();
    let expected = [
        "call.ringing",
        "call.status",
        "call.answered",
        "call.status",
        "stream.started",
        "stream.ended",
        "call.completed",
        "call.status",
    ];
    assert_eq!(kinds(&store).await, expected);
    let first = &told(&store).await[0];
    assert_eq!((first.at, first.data["status"].as_str()), (after(1), Some("ringing")));
    store.keep_events(false).await.unwrap();
    Shop::open(Arc::clone(&store)).await;
    assert_eq!(kinds(&store).await, expected, "what nobody asks for is not kept, what was kept is");
}

pub(super) async fn a_transcript_is_told_where_there_is_one(store: Arc<dyn EngineStore>) {
    store.keep_events(true).await.unwrap();
    let shop = Shop::open(Arc::clone(&store)).await;
    forget_told(&store).await;
    let said = Fact::Said {
        utterance: UtteranceId(1),
        heard: "hej".to_owned(),
        unheard: String::new(),
        from: CallTime::ZERO,
        until: CallTime::ZERO,
        estimated: false,
    };
    shop.append(&[shop.entry(1, said)]).await.unwrap();
    shop.append(&[shop.entry(2, Fact::Ended { reason: EndReason::Completed })]).await.unwrap();
    assert_eq!(kinds(&store).await, ["stream.ended", "transcription.completed"]);
}

pub(super) async fn an_attempt_that_reached_nobody_is_told(store: Arc<dyn EngineStore>) {
    store.keep_events(true).await.unwrap();
    let shop = Shop::open(Arc::clone(&store)).await;
    let attempt = shop.planned_attempt().await;
    store.begin_sending(shop.tenant, attempt.id, crate::id::Epoch::FIRST).await.unwrap();
    shop.change(&connecting()).await.unwrap();
    forget_told(&store).await;
    let again = SessionChange::Postponed { until: after(100), at: after(9) };
    store.finish_attempt(shop.tenant, attempt.id, EndReason::Busy, &again).await.unwrap();
    let events = told(&store).await;
    assert_eq!((events.len(), events[0].kind), (1, EventType::CallStatus));
    assert_eq!((events[0].data["status"].as_str(), events[0].at), (Some("busy"), after(9)));
}

pub(super) async fn what_becomes_of_messages_is_told(store: Arc<dyn EngineStore>) {
    store.keep_events(true).await.unwrap();
    let inbox = Inbox::open(&store);
    let first = inbox.take(ANNA, "SM1", 1).await.message;
    inbox.take(ANNA, "SM1", 1).await;
    assert_eq!(kinds(&store).await, ["conversation.created", "participant.added", "message.added"]);
    assert_eq!(told(&store).await[1].person, Some(inbox.person(ANNA)));
    forget_told(&store).await;

    let sent = inbox.send(ANNA, "Åtta.", 2).await.unwrap();
    store.begin_sending_message(inbox.tenant, sent.id, after(3)).await.unwrap();
    let carrier = CarrierMessageId::new("SM2");
    let settled = SendOutcome::Accepted(carrier.clone());
    store.settle_message(inbox.tenant, sent.id, &settled, after(4)).await.unwrap();
    for state in [MessageState::Delivered, MessageState::Sent, MessageState::Delivered, MessageState::Read] {
        store.report_message(inbox.tenant, sent.id, &carrier, &delivered(state), after(5)).await.unwrap();
    }
    let states: Vec<_> = told(&store).await.iter().map(|event| event.data["state"].clone()).collect();
    assert_eq!(states, [json!("queued"), json!("sent"), json!("delivered"), json!("read")]);
    assert!(told(&store).await.iter().all(|event| event.session == Some(first.session)));
    forget_told(&store).await;

    let change = async |change: ConversationChange, seconds: u64| {
        store.change_conversation(inbox.tenant, first.conversation, &change, after(seconds)).await.unwrap()
    };
    change(ConversationChange::Remember { before: json!(null), after: json!({ "name": "Anna" }) }, 6).await;
    change(ConversationChange::Close, 7).await;
    inbox.take(ANNA, "SM3", 8).await;
    let expected =
        ["conversation.updated", "conversation.state.updated", "conversation.state.updated", "message.added"];
    assert_eq!(kinds(&store).await, expected);
}

pub(super) async fn what_is_told_of_somebody_is_erased_with_them(store: Arc<dyn EngineStore>) {
    store.keep_events(true).await.unwrap();
    let inbox = Inbox::open(&store);
    let first = inbox.take(ANNA, "SM1", 1).await.message;
    inbox.take(BO, "SM2", 1).await;
    let theirs = told(&store).await.into_iter().filter(|event| event.conversation == Some(first.conversation));
    let mut runs = Vec::new();
    for event in theirs.take(2) {
        let run = Run::new(event.clone(), "note", 1, None, after(1));
        store.start_runs(&event, std::slice::from_ref(&run)).await.unwrap();
        runs.push(run);
    }
    store.erase_person(inbox.tenant, inbox.person(ANNA)).await.unwrap();
    for run in runs {
        assert_kind(store.run(inbox.tenant, run.id).await, ErrorKind::NotFound);
    }
    let left = ["conversation.created", "participant.added", "message.added", "conversation.deleted"];
    assert_eq!(kinds(&store).await, left, "of the other one, and that something is gone");
    let last = told(&store).await.pop().unwrap();
    assert_eq!((last.conversation, last.person, last.session), (Some(first.conversation), None, None));
}

pub(super) async fn an_event_is_taken_up_once(store: Arc<dyn EngineStore>) {
    store.keep_events(true).await.unwrap();
    let shop = Shop::open(Arc::clone(&store)).await;
    let event = told(&store).await.remove(0);
    let run = Run::new(event.clone(), "note", 1, None, after(1));
    let taken = join_all((0..16).map(|_| store.start_runs(&event, std::slice::from_ref(&run)))).await;
    assert_eq!(taken.into_iter().filter(|taken| *taken.as_ref().unwrap()).count(), 1);
    assert_eq!(store.run(shop.tenant, run.id).await.unwrap(), run);
    assert_eq!(kinds(&store).await, ["call.status"]);
    assert_eq!(due(&store, "note", 1).await, [run]);
}

pub(super) async fn a_run_is_worked_on_by_one_owner(store: Arc<dyn EngineStore>) {
    let tenant = TenantId::new();
    let run = begun(&store, tenant, "note", 1).await;
    let claims = join_all((0..16).map(|_| store.claim_run(tenant, run.id, lease(2)))).await;
    let mut owners = claims.into_iter().filter_map(Result::ok);
    let mut first = owners.next().unwrap();
    assert!(owners.next().is_none());
    assert_eq!(due(&store, "note", 3).await, [], "somebody has it");
    let step = StepRecord {
        state: StepState::Done,
        attempts: 2,
        due_at: Some(after(3)),
        output: json!({ "id": 7 }),
        error: Some("away".to_owned()),
    };
    first.steps.insert("ask".to_owned(), step);
    first.updated_at = after(3);
    let no_longer = LeaseTerm { now: after(3), length: Duration::ZERO };
    store.save_run(&first, Some(no_longer)).await.unwrap();
    let second = store.claim_run(tenant, run.id, lease(4)).await.unwrap();
    assert_eq!(second.steps, first.steps);
    assert!(second.epoch > first.epoch);
    let late = store.save_run(&first, None).await.unwrap_err();
    assert_eq!((late.kind(), late.field()), (ErrorKind::Conflict, Some("epoch")));
    let done = Run { state: RunState::Done, updated_at: after(5), ..second };
    store.save_run(&done, None).await.unwrap();
    assert_kind(store.claim_run(tenant, run.id, lease(6)).await, ErrorKind::Conflict);
    assert_eq!(store.save_run(&done, None).await.unwrap_err().field(), Some("state"));
    assert_eq!(store.run(tenant, run.id).await.unwrap(), Run { leased_until: None, ..done });
}

pub(super) async fn a_run_waits_until_it_is_due(store: Arc<dyn EngineStore>) {
    let tenant = TenantId::new();
    let run = begun(&store, tenant, "note", 10).await;
    assert_eq!(due(&store, "note", 9).await, []);
    assert_eq!(due(&store, "other", 10).await, [], "nobody here knows how");
    assert_kind(store.claim_run(tenant, run.id, lease(9)).await, ErrorKind::Conflict);
    let mut owned = store.claim_run(tenant, run.id, lease(10)).await.unwrap();
    owned.due_at = after(20);
    store.save_run(&owned, None).await.unwrap();
    assert_eq!(due(&store, "note", 19).await, []);
    assert_eq!(due(&store, "note", 20).await.len(), 1);
}

pub(super) async fn a_full_queue_hides_no_other(store: Arc<dyn EngineStore>) {
    let (busy, quiet) = (TenantId::new(), TenantId::new());
    for seconds in 1..=5 {
        begun(&store, busy, "note", seconds).await;
    }
    let other = begun(&store, quiet, "note", 6).await;
    let definitions = ["note@1".to_owned()];
    let found = store.due_runs(after(9), &definitions, &[], 2, 100).await.unwrap();
    assert_eq!(found.iter().filter(|run| run.tenant == busy).count(), 2);
    assert_eq!(found.last(), Some(&other), "those that have been due for longest come first");
    let busy_lane = [found[0].lane()];
    assert_eq!(store.due_runs(after(9), &definitions, &busy_lane, 2, 100).await.unwrap(), [other]);
    assert_eq!(store.due_runs(after(9), &definitions, &[], 2, 1).await.unwrap().len(), 1);
}

pub(super) async fn a_dead_letter_is_replayed_from_where_it_failed(store: Arc<dyn EngineStore>) {
    let tenant = TenantId::new();
    let run = begun(&store, tenant, "note", 1).await;
    assert_kind(store.replay_run(tenant, run.id, after(2)).await, ErrorKind::Conflict);
    let mut owned = store.claim_run(tenant, run.id, lease(2)).await.unwrap();
    let step = |state| StepRecord { state, attempts: 3, due_at: None, output: json!(null), error: None };
    owned.steps = [("first".to_owned(), step(StepState::Done)), ("second".to_owned(), step(StepState::Failed))].into();
    owned.state = RunState::Dead;
    owned.updated_at = after(3);
    store.save_run(&owned, None).await.unwrap();
    let dead = store.runs(tenant, &RunFilter::dead(), PageRequest::default()).await.unwrap();
    assert_eq!((dead.total, dead.items[0].id), (1, run.id));
    let again = store.replay_run(tenant, run.id, after(4)).await.unwrap();
    assert_eq!((again.state, again.due_at), (RunState::Waiting, after(4)));
    assert_eq!(again.steps.keys().collect::<Vec<_>>(), ["first"]);
    assert_eq!(store.save_run(&owned, None).await.unwrap_err().field(), Some("epoch"));
    assert_eq!(due(&store, "note", 4).await, [again]);
    store.drop_run(tenant, run.id).await.unwrap();
    assert_kind(store.run(tenant, run.id).await, ErrorKind::NotFound);
    assert_kind(store.drop_run(tenant, run.id).await, ErrorKind::NotFound);
}

pub(super) async fn runs_are_listed_newest_first_and_old_ones_forgotten(store: Arc<dyn EngineStore>) {
    let tenant = TenantId::new();
    let mut ids = Vec::new();
    for seconds in 1..=3 {
        ids.insert(0, begun(&store, tenant, "note", seconds).await.id);
    }
    let other = begun(&store, tenant, "other", 0).await;
    let page = PageRequest { page: 1, per_page: 2 };
    let of_note = RunFilter { workflow: Some("note".to_owned()), state: None };
    let listed = store.runs(tenant, &of_note, page).await.unwrap();
    assert_eq!((listed.total, listed.items.iter().map(|run| run.id).collect::<Vec<_>>()), (3, ids[..2].to_vec()));
    for id in &ids {
        let owned = store.claim_run(tenant, *id, lease(9)).await.unwrap();
        store.save_run(&Run { state: RunState::Done, ..owned }, None).await.unwrap();
    }
    let old = |limit| store.purge_runs(RunState::Done, after(3), limit);
    assert_eq!(old(1).await.unwrap(), 1);
    assert_eq!(old(9).await.unwrap(), 1);
    assert_eq!(store.run(tenant, ids[0]).await.unwrap().id, ids[0]);
    assert_eq!(store.run(tenant, other.id).await.unwrap().state, RunState::Waiting);
}

pub(super) async fn a_subscription_reads_back_and_takes_its_runs_along(store: Arc<dyn EngineStore>) {
    store.keep_events(true).await.unwrap();
    let shop = Shop::open(Arc::clone(&store)).await;
    let kinds = [EventType::CallCompleted, EventType::MessageDeliveryUpdated];
    let url = "https://crm.example/hooks?key=1".parse().unwrap();
    let mut row = Subscription::new(shop.tenant, url, kinds, after(1));
    store.put_subscription(&row).await.unwrap();
    assert_eq!(store.subscription(shop.tenant, row.id).await.unwrap(), row);
    row.state = SubscriptionState::Disabled;
    row.generation = 1;
    (row.rotated_at, row.updated_at) = (after(2), after(2));
    store.put_subscription(&row).await.unwrap();
    let second = Subscription::new(shop.tenant, "https://b.example/".parse().unwrap(), [], after(3));
    store.put_subscription(&second).await.unwrap();
    assert_eq!(store.subscriptions(shop.tenant).await.unwrap(), [row.clone(), second]);
    let event = told(&store).await.remove(0);
    let run = Run::new(event.clone(), "webhook", 1, Some(row.id), after(1));
    store.start_runs(&event, std::slice::from_ref(&run)).await.unwrap();
    assert_eq!(store.run(shop.tenant, run.id).await.unwrap(), run);
    store.remove_subscription(shop.tenant, row.id).await.unwrap();
    assert_kind(store.run(shop.tenant, run.id).await, ErrorKind::NotFound);
    assert_kind(store.subscription(shop.tenant, row.id).await, ErrorKind::NotFound);
    assert_kind(store.remove_subscription(shop.tenant, row.id).await, ErrorKind::NotFound);
}

pub(super) async fn another_tenants_runs_are_its_own(store: Arc<dyn EngineStore>) {
    let (one, two) = (TenantId::new(), TenantId::new());
    let run = begun(&store, one, "note", 1).await;
    // The other tenant is known to the store.
    begun(&store, two, "other", 1).await;
    assert_kind(store.run(two, run.id).await, ErrorKind::NotFound);
    assert_kind(store.drop_run(two, run.id).await, ErrorKind::NotFound);
    assert_kind(store.replay_run(two, run.id, after(2)).await, ErrorKind::NotFound);
    assert_kind(store.claim_run(two, run.id, lease(2)).await, ErrorKind::NotFound);
    assert_eq!(store.runs(two, &RunFilter::default(), PageRequest::default()).await.unwrap().total, 1);
    let row = Subscription::new(one, "https://a.example/".parse().unwrap(), [], after(1));
    store.put_subscription(&row).await.unwrap();
    assert_kind(store.subscription(two, row.id).await, ErrorKind::NotFound);
    assert_kind(store.remove_subscription(two, row.id).await, ErrorKind::NotFound);
    assert_eq!(store.subscriptions(two).await.unwrap(), []);
    assert_kind(store.put_subscription(&Subscription { tenant: two, ..row.clone() }).await, ErrorKind::Conflict);
    assert_eq!(store.subscription(one, row.id).await.unwrap(), row);
    assert_eq!(store.run(one, run.id).await.unwrap(), run);
}

pub(super) async fn a_run_goes_with_its_session(store: Arc<dyn EngineStore>) {
    let tenant = TenantId::new();
    let run = begun(&store, tenant, "note", 1).await;
    let session = run.event.session.unwrap();
    let end = SessionChange::Ended { reason: EndReason::NoAnswer, source: EventSource::System, at: after(2) };
    store.change_session(tenant, session, &end).await.unwrap();
    store.delete_session(tenant, session).await.unwrap();
    assert_kind(store.run(tenant, run.id).await, ErrorKind::NotFound);
    assert!(told(&store).await.iter().all(|event| event.session != Some(session)));
}
