//! What carriers report, in any order, and what they are answered.

use std::time::Duration;

use super::world::*;
use crate::CallKey;
use crate::ReportOf;
use voicecall_core::ErrorKind;
use voicecall_core::carrier::CallStatus;
use voicecall_core::store::{EndReason, SessionStatus};
use voicecall_core::testing::{ScriptedCarrier, SignedRequest};
use voicecall_core::{AttemptId, TenantId};

#[tokio::test(start_paused = true)]
async fn a_call_nobody_takes_ends_for_its_reason() {
    let ends = [
        (CallStatus::Busy, EndReason::Busy),
        (CallStatus::NoAnswer, EndReason::NoAnswer),
        (CallStatus::Failed, EndReason::CallFailed),
        (CallStatus::Canceled, EndReason::Canceled),
    ];
    for (status, reason) in ends {
        let world = World::new();
        let placed = world.placed().await;
        world.report(placed.key, &placed.call, status).await.unwrap();
        let session = world.read(placed.session).await;
        assert_eq!((session.status, session.end_reason), (SessionStatus::Failed, Some(reason)));
        assert_eq!(world.engine.count(), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn reports_in_any_order_with_repeats_give_one_end() {
    use CallStatus::{Completed, InProgress, Queued, Ringing};
    for order in permutations(&[Queued, Ringing, InProgress, Completed]) {
        let world = World::new();
        let placed = world.placed().await;
        for status in order.iter().chain(&order).chain(order.iter().rev()) {
            world.report(placed.key, &placed.call, *status).await.unwrap();
        }
        let session = world.read(placed.session).await;
        let end = (session.status, session.end_reason);
        assert_eq!(end, (SessionStatus::Failed, Some(EndReason::TechnicalFailure)), "{order:?}");
        let page = voicecall_core::store::PageRequest::default();
        let events = voicecall_core::store::SessionStore::events(&*world.store, world.tenant, placed.session, page)
            .await
            .unwrap();
        let ends = events.items.iter().filter(|event| event.kind == voicecall_core::store::EventKind::Failed);
        assert_eq!(ends.count(), 1, "{order:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_is_news_once() {
    let world = World::new();
    let placed = world.placed().await;
    for (status, is_news) in
        [(CallStatus::Ringing, true), (CallStatus::Ringing, false), (CallStatus::Busy, true), (CallStatus::Busy, false)]
    {
        assert_eq!(world.report(placed.key, &placed.call, status).await.unwrap(), is_news, "{status:?}");
    }
    use voicecall_core::store::SessionStore;
    let logs = world.store.inner.provider_logs(world.tenant, placed.session).await.unwrap();
    let reports = logs.iter().filter(|log| log.operation == voicecall_core::store::ProviderOperation::Webhook);
    assert_eq!(reports.count(), 2, "what comes twice is kept once");
}

#[tokio::test(start_paused = true)]
async fn the_first_end_stands() {
    let world = World::new();
    let placed = world.placed().await;
    world.report(placed.key, &placed.call, CallStatus::Busy).await.unwrap();
    world.report(placed.key, &placed.call, CallStatus::NoAnswer).await.unwrap();
    assert_eq!(world.read(placed.session).await.end_reason, Some(EndReason::Busy));
}

#[tokio::test(start_paused = true)]
async fn a_report_that_contradicts_a_live_call_does_not_end_it() {
    let world = World::new();
    let call = world.connected().await;
    call.phone.start().await;
    settle().await;
    world.report(call.placed.key, &call.placed.call, CallStatus::Busy).await.unwrap();
    assert_eq!(world.read(call.placed.session).await.status, SessionStatus::InProgress);
}

#[tokio::test(start_paused = true)]
async fn strangers_and_foreign_calls_change_nothing() {
    let world = World::new();
    let placed = world.placed().await;
    let unsigned = SignedRequest::new("POST", "/voice/status", b"{}".to_vec());
    let refused = world.engine.report(ReportOf::Call(placed.key), &unsigned.request(&[])).await;
    assert_kind(refused, ErrorKind::Unauthenticated);
    assert_kind(world.report(placed.key, "CA99", CallStatus::Busy).await, ErrorKind::Conflict);
    let elsewhere = CallKey { tenant: TenantId::new(), ..placed.key };
    assert_kind(world.report(elsewhere, &placed.call, CallStatus::Busy).await, ErrorKind::NotFound);
    let unknown = CallKey { attempt: AttemptId::new(), ..placed.key };
    assert_kind(world.answer(unknown, &placed.call).await, ErrorKind::NotFound);
    assert_eq!(world.read(placed.session).await.status, SessionStatus::Connecting);
}

#[tokio::test(start_paused = true)]
async fn a_report_without_a_key_finds_its_call() {
    use voicecall_core::carrier::{CarrierEvent, CarrierEventKind};
    let world = World::new();
    let placed = world.placed().await;
    let kind = CarrierEventKind::Status { status: CallStatus::Busy, duration: None, cause: None };
    let event = CarrierEvent::new(voicecall_core::CarrierCallId::new(&*placed.call), kind, "one".into());
    let request = ScriptedCarrier::webhook_of("/voice/status", &event);
    world
        .engine
        .report(ReportOf::Account("scripted".parse().unwrap()), &request.request(&request.headers()))
        .await
        .unwrap();
    assert_eq!(world.read(placed.session).await.end_reason, Some(EndReason::Busy));
}

#[tokio::test(start_paused = true)]
async fn a_binding_the_store_broke_off_is_completed() {
    let world = World::new();
    world.carrier.will_place(Err(ErrorKind::UnknownOutcome));
    let session = world.engine.place(&world.session().await).await.unwrap();
    let key = CallKey::of(&world.attempt(session.id).await).unwrap();
    // Between the attempt's change and the session's; for longer than the carrier waits.
    world.store.fails_for("change_session", Duration::from_secs(10));
    assert_kind(world.answer(key, "CA1").await, ErrorKind::Unavailable);
    tokio::time::sleep(Duration::from_secs(10)).await;
    world.answer(key, "CA1").await.unwrap();
    assert_eq!(world.read(session.id).await.status, SessionStatus::Connecting);
}

#[tokio::test(start_paused = true)]
async fn an_answer_issues_a_token_for_one_socket() {
    let world = World::new();
    let (_, token) = world.answered().await;
    assert_kind(world.admit("wrong").map(drop), ErrorKind::Unauthenticated);
    let unsigned = SignedRequest::new("GET", format!("/media/{token}"), "");
    let refused = unsigned.with(|request| world.engine.admit(&token, request));
    assert_kind(refused.map(drop), ErrorKind::Unauthenticated);
    world.admit(&token).expect("a stranger does not use it up");
    assert_kind(world.admit(&token).map(drop), ErrorKind::Unauthenticated);
}

#[tokio::test(start_paused = true)]
async fn a_token_expires() {
    let world = World::new();
    let (_, token) = world.answered().await;
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_kind(world.admit(&token).map(drop), ErrorKind::Unauthenticated);
}

#[tokio::test(start_paused = true)]
async fn a_second_answer_does_not_connect_a_second_socket() {
    let world = World::new();
    let (placed, first) = world.answered().await;
    let second = token(&world.answer(placed.key, &placed.call).await.unwrap());
    let (first, second) = (world.admit(&first).unwrap(), world.admit(&second).unwrap());
    let (one, peer) = world.run(first);
    let phone = tokio::spawn(Phone::new(peer, &placed.call).listen());
    settle().await;
    let (two, _peer) = world.run(second);
    assert_kind(two.await.unwrap(), ErrorKind::Conflict);
    // While it is live, a further answer connects nothing at all.
    assert_eq!(world.answer(placed.key, &placed.call).await.unwrap().body, r#"["hang_up"]"#);
    assert_eq!(one.await.unwrap().unwrap(), EndReason::Completed);
    phone.await.unwrap();
}

fn permutations(of: &[CallStatus]) -> Vec<Vec<CallStatus>> {
    if of.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (at, first) in of.iter().enumerate() {
        let rest: Vec<_> = of.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, status)| *status).collect();
        all.extend(permutations(&rest).into_iter().map(|rest| [vec![*first], rest].concat()));
    }
    all
}
