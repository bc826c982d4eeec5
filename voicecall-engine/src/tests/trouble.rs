//! A moment of trouble decides nothing: a store or an application that is away is asked again.

use std::time::Duration;

use super::queueing::{ends, new_session, policy, submit};
use super::world::*;
use tokio::time::Instant;
use voicecall_core::carrier::CallStatus;
use voicecall_core::dialogue::Scripted;
use voicecall_core::store::{CallPriority, EndReason, NewSession, SessionStatus};
use voicecall_core::{ErrorKind, TenantId};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_call_that_is_answered_while_the_store_is_down_is_connected() {
    let world = World::new();
    let placed = world.placed().await;
    world.store.is_down_for(3 * SECOND);
    let reply = world.answer(placed.key, &placed.call).await.unwrap();
    let (run, peer) = world.run(world.admit(&token(&reply)).unwrap());
    let phone = tokio::spawn(Phone::new(peer, &placed.call).listen());
    assert_eq!(run.await.unwrap().unwrap(), EndReason::Completed);
    phone.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_call_that_begins_while_the_store_is_down_is_held() {
    let world = World::new();
    let (placed, token) = world.answered().await;
    let ticket = world.admit(&token).unwrap();
    world.store.is_down_for(SECOND);
    let (run, peer) = world.run(ticket);
    let phone = tokio::spawn(Phone::new(peer, &placed.call).listen());
    assert_eq!(run.await.unwrap().unwrap(), EndReason::Completed);
    phone.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_carrier_is_told_where_to_ask_again() {
    let world = World::new();
    world.placed().await;
    let order = world.carrier.orders().remove(0);
    assert_eq!(order.fallback_url, Some(order.answer_url));
}

#[tokio::test(start_paused = true)]
async fn who_was_not_reached_is_tried_again_though_nobody_tells_the_policy_for_a_while() {
    for status in [CallStatus::Busy, CallStatus::NoAnswer, CallStatus::Failed] {
        let world = World::new();
        *world.desk.policy.lock().unwrap() = Some(policy(|_| {}));
        let _tended = world.tended();
        let session = submit(&world, CallPriority::Normal).await;
        settle().await;
        *world.desk.policy_fails_until.lock().unwrap() = Some(Instant::now() + 20 * SECOND);
        ends(&world, session, status).await;
        let waiting = world.read(session).await;
        assert!(waiting.status == SessionStatus::Connecting && waiting.due_at.is_some(), "{status:?}: {waiting:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_without_room_waits_though_nobody_tells_the_policy_for_a_while() {
    let world = World::new();
    world.carrier.will_place(Err(ErrorKind::RateLimited));
    world.carrier.takes(SECOND, SECOND);
    let _tended = world.tended();
    let session = submit(&world, CallPriority::Normal).await;
    settle().await;
    *world.desk.policy_fails_until.lock().unwrap() = Some(Instant::now() + 20 * SECOND);
    tokio::time::sleep(30 * SECOND).await;
    let waiting = world.read(session).await;
    assert!(waiting.end_reason.is_none() && waiting.due_at.is_some(), "{waiting:?}");
}

#[tokio::test(start_paused = true)]
async fn no_trouble_that_passes_gives_anybody_up_however_long_it_takes() {
    for (refused, is_in_store) in [(true, false), (true, true), (false, false), (false, true)] {
        let world = World::new();
        *world.desk.policy.lock().unwrap() = Some(policy(|_| {}));
        if refused {
            world.carrier.will_place(Err(ErrorKind::RateLimited));
            world.carrier.takes(SECOND, SECOND);
        }
        let _tended = world.tended();
        let session = submit(&world, CallPriority::Normal).await;
        settle().await;
        let trouble = 10 * 60 * SECOND;
        if is_in_store {
            world.store.fails_for("finish_attempt", trouble);
        } else {
            *world.desk.policy_fails_until.lock().unwrap() = Some(Instant::now() + trouble);
        }
        if !refused {
            let call = world.last_attempt(session).await.call.unwrap();
            world.carrier.has_call(call.as_str(), CallStatus::NoAnswer);
            ends(&world, session, CallStatus::NoAnswer).await;
        }
        tokio::time::sleep(trouble + 5 * 60 * SECOND).await;
        let read = world.read(session).await;
        let waits = read.due_at.is_some() || world.carrier.orders().len() == 2;
        assert!(read.end_reason.is_none() && waits, "{refused} {is_in_store}: {read:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_order_that_nobody_could_book_waits_again_in_the_next_process() {
    let world = World::new();
    world.carrier.will_place(Err(ErrorKind::RateLimited));
    let session = world.session().await;
    world.store.fails_for("finish_attempt", 100 * 60 * SECOND);
    let engine = std::sync::Arc::clone(&world.engine);
    let placing = {
        let session = session.clone();
        tokio::spawn(async move { engine.place(&session).await })
    };
    tokio::time::sleep(5 * SECOND).await;
    placing.abort();
    world.engine.shutdown(Duration::ZERO).await;
    tokio::time::sleep(10 * 60 * SECOND).await;

    let next = world.restarted();
    next.engine.recover().await.unwrap();

    let waiting = next.read(session.id).await;
    assert!(waiting.end_reason.is_none() && waiting.due_at.is_some(), "{waiting:?}");
}

#[tokio::test(start_paused = true)]
async fn a_tenant_whose_policy_hangs_delays_nobody_else() {
    let world = World::paced(1000.0);
    let bad = TenantId::new();
    *world.desk.policy_hangs_for.lock().unwrap() = Some(bad);
    for _ in 0..2000 {
        let of_bad = NewSession { tenant: bad, ..new_session(&world, CallPriority::High) };
        world.engine.submit(&of_bad).await.unwrap();
    }
    let _tended = world.tended();
    for round in 0..20 {
        let (submitted, before) = (Instant::now(), world.carrier.orders().len());
        submit(&world, CallPriority::Normal).await;
        while world.carrier.orders().len() == before {
            tokio::time::sleep(Duration::from_millis(50)).await;
            assert!(submitted.elapsed() <= 2 * SECOND, "round {round}");
        }
        tokio::time::sleep(SECOND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_tenant_with_many_sessions_lets_others_take_turns_at_the_same_account() {
    let world = World::paced(1.0);
    let busy = TenantId::new();
    for _ in 0..2000 {
        let of_busy = NewSession { priority: CallPriority::High, ..world.call_to_somebody(busy) };
        world.engine.submit(&of_busy).await.unwrap();
    }
    let _tended = world.tended();
    tokio::time::sleep(5 * SECOND).await;
    assert!(world.carrier.orders().len() >= 5, "the busy one is called at the pace of the account");
    let own: Vec<_> = [submit(&world, CallPriority::Normal).await, submit(&world, CallPriority::Normal).await].into();
    tokio::time::sleep(4 * SECOND).await;
    for session in own {
        assert_eq!(world.read(session).await.due_at, None, "called, every other time");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_facts_the_store_refuses_for_good_ends_as_a_failure() {
    let world = World::new();
    let lines = Scripted::new(["Is now a good time?", "And now?", "Goodbye."]);
    world.desk.will_hold(Consenting { given: true, lines });
    let call = world.connected().await;
    let phone = tokio::spawn(call.phone.talk(SECOND, SECOND));
    world.store.refuses("append");
    assert_eq!(call.run.await.unwrap().unwrap(), EndReason::TechnicalFailure);
    assert_eq!(world.read(call.placed.session).await.end_reason, Some(EndReason::TechnicalFailure));
    phone.await.unwrap();
}
