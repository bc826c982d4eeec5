//! Who may be called, and how often: nobody's telephone is an instrument of whoever orders calls.

use std::time::Duration;

use futures_util::future::join_all;

use super::world::*;
use crate::{Destinations, DialPolicy, EngineConfig};
use voicecall_core::carrier::CallStatus;
use voicecall_core::store::*;
use voicecall_core::{CallHours, ErrorKind, TenantId};

const MINUTE: Duration = Duration::from_secs(60);

fn to(world: &World, tenant: TenantId, number: &str) -> NewSession {
    let (to, now) = (number.parse().unwrap(), world.engine.config.clock.now());
    NewSession::outbound_to(&world.vault, tenant, &to, now).unwrap()
}

/// A world that calls whom a real one calls.
fn choosy() -> World {
    World::with(|config| config.rules.destinations = Destinations::default(), scripted_agent())
}

#[tokio::test(start_paused = true)]
async fn a_number_that_nobody_may_call_is_refused_before_anything_is_stored() {
    let world = choosy();
    for number in ["+46900123456", "+46939123456", "+442079460000", "+46112123"] {
        let error = world.engine.submit(&to(&world, world.tenant, number)).await.unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Invalid, Some("remote")), "{number}");
    }
    assert!(world.store.inner.open_sessions().await.unwrap().is_empty());
    let allowed = World::new();
    allowed.engine.submit(&to(&allowed, allowed.tenant, "+46900123456")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_session_that_waits_for_such_a_number_ends_uncalled() {
    let world = choosy();
    let session = world.store.create_session(&to(&world, world.tenant, "+46900123456")).await.unwrap();
    assert_kind(world.engine.place(&session).await, ErrorKind::Invalid);
    assert_eq!(world.read(session.id).await.end_reason, Some(EndReason::NotAllowed));
    assert!(world.carrier.orders().is_empty());
}

#[tokio::test(start_paused = true)]
async fn eight_sessions_to_one_number_call_it_one_after_the_other() {
    let world = World::new();
    let _tended = world.tended();
    let new: Vec<_> = (0..8).map(|_| to(&world, TenantId::new(), PHONE)).collect();
    let sessions = join_all(new.iter().map(|new| world.engine.submit(new))).await;
    let sessions: Vec<_> = sessions.into_iter().map(Result::unwrap).collect();
    for called in 1..=8 {
        tokio::time::sleep(2 * MINUTE).await;
        let orders = world.carrier.orders();
        assert_eq!(orders.len(), called, "one rings");
        let (session, attempt) = ringing(&world, &sessions).await;
        let key = crate::CallKey::of(&attempt).unwrap();
        let call = attempt.call.unwrap();
        world.report(key, call.as_str(), CallStatus::Busy).await.unwrap();
        let ended = world.store.inner.session(session.tenant, session.id).await.unwrap();
        assert_eq!(ended.end_reason, Some(EndReason::Busy));
    }
}

/// The session that is being called, and its attempt.
async fn ringing(world: &World, sessions: &[Session]) -> (Session, DialAttempt) {
    for session in sessions {
        let session = world.store.inner.session(session.tenant, session.id).await.unwrap();
        if session.status == SessionStatus::Connecting {
            let attempt = world.store.inner.attempts(session.tenant, session.id).await.unwrap().pop().unwrap();
            return (session, attempt);
        }
    }
    panic!("nobody is called");
}

#[tokio::test(start_paused = true)]
async fn who_was_called_often_enough_is_called_when_there_is_room_again() {
    let twice_an_hour = |config: &mut EngineConfig| {
        config.rules.contact_limits.per_number = vec![CallsWithin { calls: 2, within: 60 * MINUTE }];
    };
    let world = World::with(twice_an_hour, scripted_agent());
    *world.desk.policy.lock().unwrap() = Some(DialPolicy::once());
    let _tended = world.tended();
    let started = world.engine.config.clock.now();
    for called in 1..=2 {
        let session = world.engine.submit(&to(&world, world.tenant, PHONE)).await.unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
        let attempt = world.attempt(session.id).await;
        let key = crate::CallKey::of(&attempt).unwrap();
        world.report(key, attempt.call.unwrap().as_str(), CallStatus::NoAnswer).await.unwrap();
        assert_eq!(world.carrier.orders().len(), called);
    }
    let third = world.engine.submit(&to(&world, TenantId::new(), PHONE)).await.unwrap();
    world.engine.submit(&to(&world, world.tenant, "+46701234999")).await.unwrap();
    tokio::time::sleep(MINUTE).await;
    assert_eq!(world.carrier.orders().len(), 3, "everybody else is called");
    let waits = world.store.inner.session(third.tenant, third.id).await.unwrap();
    let until = waits.due_at.unwrap().duration_since(started);
    assert!((3590..3610).contains(&until.as_secs()), "{until:?}");
    tokio::time::sleep(60 * MINUTE).await;
    assert_eq!(world.carrier.orders().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn who_would_be_too_old_by_then_is_not_called() {
    let once_in_three_days = |config: &mut EngineConfig| {
        config.rules.contact_limits.per_number = vec![CallsWithin { calls: 1, within: 72 * 60 * MINUTE }];
    };
    let world = World::with(once_in_three_days, scripted_agent());
    let _tended = world.tended();
    let first = world.engine.submit(&to(&world, world.tenant, PHONE)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let attempt = world.attempt(first.id).await;
    let key = crate::CallKey::of(&attempt).unwrap();
    world.report(key, attempt.call.unwrap().as_str(), CallStatus::NoAnswer).await.unwrap();
    let second = world.engine.submit(&to(&world, world.tenant, PHONE)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(world.read(second.id).await.end_reason, Some(EndReason::NotAllowed));
    assert_eq!(world.carrier.orders().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_operators_hours_hold_whatever_a_policy_says() {
    let hours = |from, until, zone| {
        let at = |hour| jiff::civil::Time::new(hour, 0, 0, 0).unwrap();
        Some(CallHours::new(at(from), at(until), zone).unwrap())
    };
    // It is ten o'clock, and eleven in Stockholm.
    let world = World::with(|config| config.rules.hours = hours(12, 14, "Europe/Stockholm"), scripted_agent());
    *world.desk.policy.lock().unwrap() = Some(DialPolicy { hours: hours(0, 23, "UTC"), ..DialPolicy::once() });
    let _tended = world.tended();
    let session = world.engine.submit(&to(&world, world.tenant, PHONE)).await.unwrap();
    tokio::time::sleep(MINUTE).await;
    assert!(world.carrier.orders().is_empty());
    let due = world.read(session.id).await.due_at.unwrap();
    assert_eq!(due.to_string(), "2026-11-20T11:00:00Z");
    tokio::time::sleep(60 * MINUTE).await;
    assert_eq!(world.carrier.orders().len(), 1);
    let never = DialPolicy { hours: hours(8, 9, "UTC"), ..DialPolicy::once() };
    assert_eq!(world.engine.permitted(&never, due), None, "they never meet");
    *world.desk.policy.lock().unwrap() = Some(never);
    let session = world.engine.submit(&to(&world, TenantId::new(), "+46701234999")).await.unwrap();
    tokio::time::sleep(MINUTE).await;
    let ended = world.store.inner.session(session.tenant, session.id).await.unwrap();
    assert_eq!(ended.end_reason, Some(EndReason::NotAllowed), "and nobody waits for it");
}
