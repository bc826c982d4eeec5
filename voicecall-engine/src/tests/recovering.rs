//! After a restart: every open session is settled, whatever its attempt had come to.

use std::time::Duration;

use jiff::Timestamp;

use super::world::*;
use crate::Recovered;
use voicecall_core::ErrorKind;
use voicecall_core::carrier::{CallStatus, CallStep};
use voicecall_core::store::{
    AttemptOutcome, AttemptState, Claim, DialAttempt, DialStore, EndReason, QueueStore, Session, SessionStatus,
};
use voicecall_core::testing::CarrierRequest;

const NOTHING: Recovered = Recovered { closed: 0, waiting: 0, live: 0, apologised: 0, left: 0 };
const CLOSED: Recovered = Recovered { closed: 1, ..NOTHING };
const WAITING: Recovered = Recovered { waiting: 1, ..NOTHING };
const LIVE: Recovered = Recovered { live: 1, ..NOTHING };
const LEFT: Recovered = Recovered { left: 1, ..NOTHING };

/// A session whose process ended when its attempt had come this far.
async fn abandoned(world: &World, state: AttemptState) -> Session {
    let session = world.session().await;
    let now = Timestamp::now();
    let (_, epoch) =
        world.store.claim_session(world.tenant, session.id, &Claim::new(now, Duration::ZERO)).await.unwrap();
    let attempt = DialAttempt::planned(world.tenant, session.id, "scripted", Timestamp::now());
    world.store.plan_attempt(&attempt).await.unwrap();
    if state != AttemptState::Planned {
        world.store.begin_sending(world.tenant, attempt.id, epoch).await.unwrap();
    }
    if state == AttemptState::Unknown {
        world.store.settle_attempt(world.tenant, attempt.id, &AttemptOutcome::Unknown).await.unwrap();
    }
    session
}

async fn assert_ended(world: &World, session: &Session, reason: EndReason) {
    let session = world.read(session.id).await;
    assert_eq!((session.status, session.end_reason), (SessionStatus::Failed, Some(reason)));
    assert!(world.carrier.orders().len() <= 1, "nothing is ordered again");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_only_planned_waits_again() {
    let world = World::new();
    let session = abandoned(&world, AttemptState::Planned).await;
    assert_eq!(world.engine.recover().await.unwrap(), WAITING);
    assert!(world.carrier.requests().is_empty());
    assert!(world.read(session.id).await.due_at.is_some());
    assert_eq!(world.engine.recover().await.unwrap(), NOTHING, "who waits is left alone");
    world.engine.place(&session).await.unwrap();
    assert_eq!(world.carrier.orders().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_may_have_been_ordered_is_looked_for() {
    for state in [AttemptState::Sending, AttemptState::Unknown] {
        let world = World::new();
        let session = abandoned(&world, state).await;
        assert_eq!(world.engine.recover().await.unwrap(), CLOSED);
        assert!(matches!(&world.carrier.requests()[..], [CarrierRequest::Find(query)] if query.to.reveal() == PHONE));
        assert_ended(&world, &session, EndReason::CallFailed).await;
    }
}

/// A call that was answered and whose audio never came is asked for, and apologised to when it does not come.
async fn assert_asked_back(world: &World, session: &Session, call: &str) {
    tokio::time::sleep(Duration::from_secs(2)).await;
    let asked = |request: &CarrierRequest| match request {
        CarrierRequest::UpdateCall(steered, flow) => {
            steered.as_str() == call && matches!(flow.0[..], [CallStep::Redirect(_)])
        }
        _ => false,
    };
    assert!(world.carrier.requests().iter().any(asked), "not asked back");
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert_apology(world, call);
    assert_ended(world, session, EndReason::TechnicalFailure).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_found_live_is_asked_back() {
    for state in [AttemptState::Sending, AttemptState::Unknown] {
        let world = World::new();
        let session = abandoned(&world, state).await;
        world.carrier.will_find(Ok(vec!["CA5"]));
        world.carrier.has_call("CA5", CallStatus::InProgress);
        assert_eq!(world.engine.recover().await.unwrap(), LIVE);
        assert_asked_back(&world, &session, "CA5").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_live_call_of_the_process_before_is_asked_back() {
    let before = World::new();
    let placed = before.placed().await;
    before.carrier.has_call("CA1", CallStatus::InProgress);
    assert_eq!(before.engine.recover().await.unwrap(), NOTHING, "its own calls are left alone");
    let world = before.restarted();
    assert_eq!(world.engine.recover().await.unwrap(), LIVE);
    assert_asked_back(&world, &world.read(placed.session).await, "CA1").await;
}

#[tokio::test(start_paused = true)]
async fn a_ringing_call_of_the_process_before_is_answered_by_this_one() {
    let before = World::new();
    let placed = before.placed().await;
    before.carrier.has_call("CA1", CallStatus::Ringing);
    let world = before.restarted();
    assert_eq!(world.engine.recover().await.unwrap(), LIVE);
    assert_eq!((world.engine.count(), world.engine.recover().await.unwrap()), ((1, 0), NOTHING));
    let token = token(&world.answer(placed.key, &placed.call).await.unwrap());
    let (run, peer) = world.run(world.admit(&token).unwrap());
    Phone::new(peer, &placed.call).listen().await;
    assert_eq!(run.await.unwrap().unwrap(), EndReason::Completed);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_has_ended_is_closed_for_its_reason() {
    let ends = [
        (CallStatus::Busy, EndReason::Busy),
        (CallStatus::NoAnswer, EndReason::NoAnswer),
        (CallStatus::Failed, EndReason::CallFailed),
        (CallStatus::Canceled, EndReason::Canceled),
        (CallStatus::Completed, EndReason::TechnicalFailure),
    ];
    for (status, reason) in ends {
        let before = World::new();
        let placed = before.placed().await;
        before.carrier.has_call("CA1", status);
        let world = before.restarted();
        assert_eq!(world.engine.recover().await.unwrap(), CLOSED);
        assert_ended(&world, &world.read(placed.session).await, reason).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_cannot_be_steered_is_ended() {
    for kind in [ErrorKind::Unavailable, ErrorKind::Unsupported] {
        let before = World::new();
        before.placed().await;
        before.carrier.has_call("CA1", CallStatus::InProgress);
        // Neither asked back nor apologised to.
        before.carrier.will_fail_to_update(kind);
        before.carrier.will_fail_to_update(kind);
        let world = before.restarted();
        assert_eq!(world.engine.recover().await.unwrap(), LIVE);
        tokio::time::sleep(Duration::from_secs(15)).await;
        assert_eq!(world.carrier.hang_ups().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_settled_now_is_settled_by_the_next_recovery() {
    let before = World::new();
    let placed = before.placed().await;
    before.carrier.has_call("CA1", CallStatus::Busy);
    before.carrier.will_fail_to_fetch(ErrorKind::Unavailable);
    let world = before.restarted();
    assert_eq!(world.engine.recover().await.unwrap(), LEFT);
    assert_eq!(world.read(placed.session).await.status, SessionStatus::Connecting);
    assert_eq!(world.engine.recover().await.unwrap(), CLOSED);
    assert_ended(&world, &world.read(placed.session).await, EndReason::Busy).await;
}

fn assert_apology(world: &World, call: &str) {
    let apology = |request: &CarrierRequest| match request {
        CarrierRequest::UpdateCall(steered, flow) => steered.as_str() == call && *flow == world.farewell(),
        _ => false,
    };
    assert!(world.carrier.requests().iter().any(apology), "no apology");
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_number_cannot_be_read_ends_and_is_not_tried_for_ever() {
    for state in [AttemptState::Sending, AttemptState::Unknown] {
        let world = World::new();
        let session = abandoned(&world, state).await;
        let other = world.restarted_without_keys();
        assert_eq!(other.engine.recover().await.unwrap(), CLOSED);
        assert_ended(&world, &session, EndReason::AddressUnreadable).await;
        assert_eq!(other.engine.recover().await.unwrap(), NOTHING);
    }
    let world = World::new();
    let session = world.session().await;
    let other = world.restarted_without_keys();
    other.engine.place(&session).await.unwrap_err();
    assert_ended(&world, &session, EndReason::AddressUnreadable).await;
    assert!(world.carrier.orders().is_empty());
}
