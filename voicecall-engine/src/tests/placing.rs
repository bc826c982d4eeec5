//! Orders: at most one for a session, whatever happens to it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use jiff::SignedDuration;

use super::world::*;
use crate::*;
use voicecall_core::carrier::{CallDirection, CallStatus, CarrierCall};
use voicecall_core::store::*;
use voicecall_core::testing::CarrierRequest;
use voicecall_core::{CarrierCallId, Error, ErrorKind, Result};

mockall::mock! {
    #[derive(Debug)]
    Service {}

    #[async_trait]
    impl CallHandler for Service {
        async fn plan(&self, request: &PlanRequest) -> Result<CallPlan>;
        async fn finished(&self, outcome: &CallOutcome);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_is_ordered_once_and_its_session_connects() {
    let world = World::new();
    let placed = world.placed().await;
    let orders = world.carrier.orders();
    assert_eq!(orders.len(), 1);
    assert_eq!(orders[0].to.reveal(), PHONE);
    assert_eq!(orders[0].answer_url.as_str(), format!("https://calls.example/voice/{}/answer", placed.key));
    let attempt = world.attempt(placed.session).await;
    assert_eq!((attempt.state, attempt.call.unwrap().as_str()), (AttemptState::Accepted, "CA1"));
    let session = world.read(placed.session).await;
    assert_eq!((session.status, session.carrier_call.unwrap().as_str()), (SessionStatus::Connecting, "CA1"));
    assert_eq!(world.engine.count(), (1, 0));
    let logs = world.store.provider_logs(world.tenant, placed.session).await.unwrap();
    assert!(logs.iter().all(|log| !log.request.to_string().contains(PHONE)), "numbers are masked");
}

#[tokio::test(start_paused = true)]
async fn sixteen_orders_at_once_for_one_session_ring_once() {
    let world = World::new();
    world.carrier.takes(Duration::from_secs(1), Duration::ZERO);
    let session = world.session().await;
    let placed = join_all((0..16).map(|_| world.engine.place(&session))).await;
    assert_eq!(placed.iter().filter(|placed| placed.is_ok()).count(), 1);
    for refused in placed.into_iter().filter(Result::is_err) {
        assert_kind(refused, ErrorKind::Conflict);
    }
    assert_kind(world.engine.place(&session).await, ErrorKind::Conflict);
    assert_eq!(world.carrier.orders().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn sixteen_calls_survive_reports_that_come_before_the_order_is_answered() {
    let world = World::new();
    world.carrier.takes(Duration::from_secs(1), Duration::ZERO);
    let mut sessions = Vec::new();
    for _ in 0..16 {
        sessions.push(world.session().await);
    }
    let placing = join_all(sessions.iter().map(|session| world.engine.place(session)));
    let reporting = async {
        settle().await;
        // The carrier names calls in the order of its orders.
        let orders = world.carrier.orders();
        let reports = orders.iter().enumerate().map(|(at, order)| {
            let key: CallKey = order.answer_url.path().split('/').nth(2).unwrap().parse().unwrap();
            let (world, call) = (&world, format!("CA{}", at + 1));
            async move { world.report(key, &call, CallStatus::Ringing).await }
        });
        join_all(reports).await
    };
    let (placed, reported) = tokio::join!(placing, reporting);
    assert!(reported.iter().all(Result::is_ok), "{reported:?}");
    for placed in placed {
        assert_eq!(placed.unwrap().status, SessionStatus::Connecting);
    }
    assert_eq!(world.carrier.orders().len(), 16);
    for session in sessions {
        assert_eq!(world.attempt(session.id).await.state, AttemptState::Accepted);
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_is_found_later_and_never_ordered_again() {
    let world = World::new();
    world.carrier.will_place(Err(ErrorKind::UnknownOutcome));
    world.carrier.will_find(Ok(Vec::new()));
    world.carrier.will_find(Err(ErrorKind::Unavailable));
    world.carrier.will_find(Ok(vec!["CA7"]));
    let session = world.engine.place(&world.session().await).await.unwrap();
    assert_eq!(session.status, SessionStatus::Initiated);
    assert_eq!(world.attempt(session.id).await.state, AttemptState::Unknown);

    tokio::time::sleep(Duration::from_secs(120)).await;

    assert_eq!(world.attempt(session.id).await.call.unwrap().as_str(), "CA7");
    assert_eq!(world.read(session.id).await.status, SessionStatus::Connecting);
    assert_kind(world.engine.place(&session).await, ErrorKind::Conflict);
    assert_eq!(world.carrier.orders().len(), 1);
    let searches = world.carrier.requests();
    assert_eq!(searches.iter().filter(|request| matches!(request, CarrierRequest::Find(_))).count(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_is_looked_for_even_if_the_store_did_not_take_it() {
    let world = World::new();
    world.carrier.will_place(Err(ErrorKind::UnknownOutcome));
    world.carrier.will_find(Ok(vec!["CA7"]));
    world.store.fails_once("settle_attempt");
    let session = world.session().await;
    assert_kind(world.engine.place(&session).await, ErrorKind::Unavailable);
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(world.attempt(session.id).await.call.unwrap().as_str(), "CA7");
    assert_eq!(world.read(session.id).await.status, SessionStatus::Connecting);
    assert_eq!(world.carrier.orders().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_is_settled_by_a_report() {
    let world = World::new();
    world.carrier.will_place(Err(ErrorKind::UnknownOutcome));
    let session = world.engine.place(&world.session().await).await.unwrap();
    let key = CallKey::of(&world.attempt(session.id).await).unwrap();
    world.report(key, "CA3", CallStatus::Ringing).await.unwrap();
    assert_eq!(world.attempt(session.id).await.call.unwrap().as_str(), "CA3");
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(world.read(session.id).await.status, SessionStatus::Connecting);
    assert_eq!(world.carrier.orders().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_report_during_the_last_search_keeps_the_call() {
    let world = World::new();
    world.carrier.will_place(Err(ErrorKind::UnknownOutcome));
    world.carrier.takes(Duration::ZERO, Duration::from_secs(10));
    let session = world.engine.place(&world.session().await).await.unwrap();
    let key = CallKey::of(&world.attempt(session.id).await).unwrap();
    // Five searches of 10 s after 1, 3, 10, 20 and 30 s: the last lasts from 104 to 114 s.
    tokio::time::sleep(Duration::from_secs(109)).await;
    world.report(key, "CA3", CallStatus::Ringing).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(world.read(session.id).await.status, SessionStatus::Connecting);
}

#[tokio::test(start_paused = true)]
async fn an_order_that_is_never_found_is_given_up() {
    let world = World::new();
    world.carrier.will_place(Err(ErrorKind::UnknownOutcome));
    let session = world.engine.place(&world.session().await).await.unwrap();
    tokio::time::sleep(Duration::from_secs(120)).await;
    let session = world.read(session.id).await;
    assert_eq!((session.status, session.end_reason), (SessionStatus::Failed, Some(EndReason::CallFailed)));
    assert_eq!((world.carrier.orders().len(), world.engine.count()), (1, (0, 0)));
    // Should it be answered after all, nobody is talked to.
    let key = CallKey::of(&world.attempt(session.id).await).unwrap();
    assert_eq!(world.answer(key, "CA9").await.unwrap().body, r#"["hang_up"]"#);
}

#[tokio::test(start_paused = true)]
async fn a_refused_order_fails_the_session() {
    let world = World::new();
    world.carrier.will_place(Err(ErrorKind::Rejected));
    let session = world.session().await;
    assert_kind(world.engine.place(&session).await, ErrorKind::Rejected);
    let ended = world.read(session.id).await;
    assert_eq!((ended.status, ended.end_reason), (SessionStatus::Failed, Some(EndReason::CallFailed)));
    assert_eq!(world.attempt(session.id).await.state, AttemptState::Rejected);
    assert_eq!(world.engine.count(), (0, 0));
    assert_kind(world.engine.place(&ended).await, ErrorKind::Conflict);
}

#[tokio::test(start_paused = true)]
async fn a_draining_engine_takes_no_orders() {
    let world = World::new();
    let session = world.session().await;
    assert_eq!(world.engine.shutdown(Duration::from_secs(1)).await, 0);
    assert!(world.engine.is_draining());
    assert_kind(world.engine.place(&session).await, ErrorKind::Unavailable);
    assert!(world.carrier.orders().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_cannot_be_planned_is_not_ordered() {
    let world = World::new();
    let mut service = MockService::new();
    service.expect_plan().times(1).returning(|_| Err(Error::new(ErrorKind::NotFound, "plan call")));
    service.expect_finished().never();
    let engine = engine_with(&world, service);
    let session = world.session().await;
    assert_kind(engine.place(&session).await, ErrorKind::NotFound);
    assert_eq!(world.read(session.id).await.end_reason, Some(EndReason::TechnicalFailure));
    assert!(world.carrier.orders().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_panicking_plan_leaves_nothing_ringing() {
    let world = World::new();
    let mut service = MockService::new();
    service.expect_plan().returning(|_| panic!("the business panics"));
    let engine = engine_with(&world, service);
    assert_kind(engine.place(&world.session().await).await, ErrorKind::Internal);
    assert_eq!(engine.count(), (0, 0));
}

fn engine_with(world: &World, service: MockService) -> Arc<CallEngine> {
    CallEngine::new(
        world.engine.config.clone(),
        Arc::<FlakyStore>::clone(&world.store),
        account(&world.carrier),
        Arc::new(service),
        Arc::clone(&world.vault),
    )
    .unwrap()
}

/// Finds these calls a second after an order without an answer, and returns which of them was taken for the one ordered.
async fn taken_of(world: &World, calls: impl FnOnce(&DialAttempt) -> Vec<CarrierCall>) -> Option<String> {
    world.carrier.will_place(Err(ErrorKind::UnknownOutcome));
    let session = world.engine.place(&world.session().await).await.unwrap();
    world.carrier.will_find_calls(calls(&world.attempt(session.id).await));
    tokio::time::sleep(Duration::from_secs(2)).await;
    world.attempt(session.id).await.call.map(|call| call.as_str().to_owned())
}

fn call(id: &str, about: impl FnOnce(&mut CarrierCall)) -> CarrierCall {
    let mut call = CarrierCall::new(CarrierCallId::new(id), CallStatus::Ringing);
    call.direction = Some(CallDirection::OutboundApi);
    about(&mut call);
    call
}

#[tokio::test(start_paused = true)]
async fn a_call_that_may_be_another_applications_is_not_taken_for_ours() {
    let world = World::paced(1000.0);
    let after = |attempt: &DialAttempt, seconds| Some(attempt.created_at + SignedDuration::from_secs(seconds));
    let ours = taken_of(&world, |attempt| vec![call("CA1", |call| call.created_at = after(attempt, 1))]).await;
    assert_eq!(ours.as_deref(), Some("CA1"));
    let later = taken_of(&world, |attempt| vec![call("CA2", |call| call.created_at = after(attempt, 600))]).await;
    assert_eq!(later, None, "ordered long after our order was given up");
    let leg = |_: &_| vec![call("CA3", |call| call.direction = Some(CallDirection::OutboundDial))];
    assert_eq!(taken_of(&world, leg).await, None, "a leg of another call");
    let parent = |_: &_| vec![call("CA4", |call| call.parent = Some(CarrierCallId::new("CA0")))];
    assert_eq!(taken_of(&world, parent).await, None);
    let two = |_: &_| vec![call("CA5", |_| {}), call("CA6", |_| {})];
    assert_eq!(taken_of(&world, two).await, None, "only one was ordered");
    let known = |_: &_| vec![call("CA1", |_| {}), call("CA7", |_| {})];
    assert_eq!(taken_of(&world, known).await.as_deref(), Some("CA7"), "the other is another session's");
}

#[tokio::test(start_paused = true)]
async fn where_others_call_from_the_same_numbers_only_a_report_tells_which_call_is_ours() {
    let world = World::sharing_numbers();
    world.carrier.will_place(Err(ErrorKind::UnknownOutcome));
    world.carrier.will_find(Ok(vec!["CA8"]));
    let session = world.engine.place(&world.session().await).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let attempt = world.attempt(session.id).await;
    assert_eq!(attempt.call, None);
    world.report(CallKey::of(&attempt).unwrap(), "CA9", CallStatus::Ringing).await.unwrap();
    assert_eq!(world.attempt(session.id).await.call.unwrap().as_str(), "CA9");
}
