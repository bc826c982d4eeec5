//! Several accounts side by side: each with its numbers, its pace and its health.

use std::sync::Arc;
use std::time::Duration;

use super::queueing::{policy, submit};
use super::world::*;
use crate::*;
use tokio::time::Instant;
use voicecall_core::carrier::CallStatus;
use voicecall_core::store::{CallPriority, EndReason, SessionStatus};
use voicecall_core::testing::ScriptedCarrier;
use voicecall_core::{AccountName, ErrorKind, PhoneNumber};

const SECOND: Duration = Duration::from_secs(1);

fn name(name: &str) -> AccountName {
    name.parse().unwrap()
}

fn number(digits: &str) -> PhoneNumber {
    digits.parse().unwrap()
}

fn uses(world: &World, account: &str, from: Option<&str>) {
    let policy = policy(|policy| {
        policy.account = Some(name(account));
        policy.from = from.map(number);
    });
    *world.desk.policy.lock().unwrap() = Some(policy);
}

/// The world's own account, and a second one at the same kind of carrier.
pub(super) fn two_accounts() -> (World, Arc<ScriptedCarrier>) {
    let mut world = World::new();
    let second = Arc::new(ScriptedCarrier::new());
    let other = CarrierAccount::new(name("other"), Arc::<ScriptedCarrier>::clone(&second));
    let other = other.number(number("+46711111111")).number(number("+46722222222"));
    world.engine = CallEngine::new(
        world.engine.config.clone(),
        Arc::<FlakyStore>::clone(&world.store),
        Registry::from(account(&world.carrier)).with(other),
        Arc::<Desk>::clone(&world.desk),
        Arc::clone(&world.vault),
    )
    .unwrap();
    (world, second)
}

#[tokio::test(start_paused = true)]
async fn a_call_goes_through_the_account_and_from_the_number_its_policy_names() {
    let (world, second) = two_accounts();
    uses(&world, "other", Some("+46722222222"));
    let placed = world.placed().await;
    assert!(world.carrier.orders().is_empty());
    let order = second.orders().remove(0);
    assert_eq!(order.from, number("+46722222222"));
    assert_eq!(placed.key.account, name("other"));
    assert!(order.answer_url.path().contains("other."), "{}", order.answer_url);
    // Its reports and its end belong to that account as well.
    world.report(placed.key, &placed.call, CallStatus::Busy).await.unwrap();
    assert_ne!(world.read(placed.session).await.due_at, None);
    world.engine.stop(world.tenant, placed.session, EndReason::Canceled).await.unwrap();
    assert_eq!((world.carrier.hang_ups().len(), second.hang_ups().len()), (0, 0), "busy: there is nothing to hang up");
}

#[tokio::test(start_paused = true)]
async fn a_live_call_is_hung_up_through_its_own_account() {
    let (world, second) = two_accounts();
    uses(&world, "other", None);
    let placed = world.placed().await;
    assert_eq!(second.orders()[0].from, number("+46711111111"));
    world.engine.stop(world.tenant, placed.session, EndReason::Canceled).await.unwrap();
    assert_eq!((world.carrier.hang_ups().len(), second.hang_ups().len()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_number_or_an_account_there_is_not_calls_nobody() {
    for (account, from) in [("other", Some("+46799999999")), ("another", None)] {
        let (world, second) = two_accounts();
        uses(&world, account, from);
        let _tended = world.tended();
        let session = submit(&world, CallPriority::Normal).await;
        tokio::time::sleep(3 * SECOND).await;
        let ended = world.read(session).await;
        assert_eq!((ended.status, ended.end_reason), (SessionStatus::Failed, Some(EndReason::TechnicalFailure)));
        assert!(world.carrier.orders().is_empty() && second.orders().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_that_fails_keeps_no_other_from_calling() {
    let (world, second) = two_accounts();
    for _ in 0..8 {
        second.will_place(Err(ErrorKind::UnknownOutcome));
    }
    let _tended = world.tended();
    uses(&world, "other", None);
    for _ in 0..10 {
        submit(&world, CallPriority::High).await;
    }
    tokio::time::sleep(10 * SECOND).await;
    assert_eq!(second.orders().len(), 5, "left alone");
    uses(&world, "scripted", None);
    submit(&world, CallPriority::Normal).await;
    tokio::time::sleep(2 * SECOND).await;
    assert!(!world.carrier.orders().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_carrier_whose_orders_hang_is_given_one_after_it_says_that_it_is_healthy() {
    let world = World::paced(5.0);
    // Each order hangs for ten seconds and then has an unknown outcome; health answers at once.
    world.carrier.takes(10 * SECOND, SECOND);
    for _ in 0..1000 {
        world.carrier.will_place(Err(ErrorKind::UnknownOutcome));
    }
    for _ in 0..300 {
        submit(&world, CallPriority::Normal).await;
    }
    let _tended = world.tended();
    tokio::time::sleep(30 * SECOND).await;
    let (before, begun) = (world.carrier.orders().len(), Instant::now());
    assert!(before <= 60, "at the pace of the account until the first ones have failed: {before}");
    tokio::time::sleep(270 * SECOND).await;
    let trials = world.carrier.orders().len() - before;
    let most = begun.elapsed().as_secs() / 15 + 1;
    assert!(trials as u64 <= most, "one order at a time decides: {trials}");
}

/// Any account, or the one of this name.
pub(super) fn any(world: &World) {
    *world.desk.policy.lock().unwrap() = Some(policy(|policy| policy.account = None));
}

#[tokio::test(start_paused = true)]
async fn while_an_account_fails_calls_go_through_the_next_one() {
    let (world, second) = two_accounts();
    for _ in 0..5 {
        world.carrier.will_place(Err(ErrorKind::Unavailable));
    }
    uses(&world, "scripted", None);
    let _tended = world.tended();
    for _ in 0..5 {
        submit(&world, CallPriority::Normal).await;
    }
    tokio::time::sleep(6 * SECOND).await;
    assert_eq!((world.carrier.orders().len(), second.orders().len()), (5, 0), "whoever is bound to it waits");
    any(&world);
    let session = submit(&world, CallPriority::High).await;
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(world.last_attempt(session).await.account, Some(name("other")));
    assert_eq!(world.carrier.orders().len(), 5, "it was not asked");
}

#[tokio::test(start_paused = true)]
async fn an_order_that_was_refused_goes_to_the_next_account_at_once_and_rings_once() {
    for kind in [ErrorKind::RateLimited, ErrorKind::Unavailable, ErrorKind::Rejected, ErrorKind::Unauthenticated] {
        let (world, second) = two_accounts();
        world.carrier.will_place(Err(kind));
        any(&world);
        let _tended = world.tended();
        let session = submit(&world, CallPriority::Normal).await;
        tokio::time::sleep(3 * SECOND).await;
        assert_eq!((world.carrier.orders().len(), second.orders().len()), (1, 1), "{kind:?}");
        let attempt = world.last_attempt(session).await;
        assert_eq!((attempt.account, attempt.call.is_some()), (Some(name("other")), true));
        assert_eq!(second.orders()[0].from, number("+46711111111"), "from a number of its own");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_goes_nowhere_else_and_neither_does_a_wrong_order() {
    for kind in [ErrorKind::UnknownOutcome, ErrorKind::Invalid] {
        let (world, second) = two_accounts();
        world.carrier.will_place(Err(kind));
        any(&world);
        let _tended = world.tended();
        submit(&world, CallPriority::Normal).await;
        tokio::time::sleep(120 * SECOND).await;
        assert_eq!((world.carrier.orders().len(), second.orders().len()), (1, 0), "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_every_account_refuses_is_tried_once_at_each_and_then_waits() {
    let (world, second) = two_accounts();
    for _ in 0..4 {
        world.carrier.will_place(Err(ErrorKind::RateLimited));
        second.will_place(Err(ErrorKind::RateLimited));
    }
    any(&world);
    let _tended = world.tended();
    submit(&world, CallPriority::Normal).await;
    tokio::time::sleep(30 * SECOND).await;
    assert_eq!((world.carrier.orders().len(), second.orders().len()), (1, 1));
}

#[test]
fn wrong_accounts_are_told_at_once() {
    let carrier = || Arc::new(ScriptedCarrier::new());
    let wrong = |registry: Registry| accounts::Accounts::new(registry).unwrap_err().to_string();
    assert!(wrong(Registry::new()).contains("carrier"));
    let twice = Registry::from(account(&carrier())).with(account(&carrier()));
    assert!(wrong(twice).contains("scripted"));
    let fast = CarrierAccount::new(name("fast"), carrier()).calls_per_second(1e9);
    assert!(wrong(fast.into()).contains("calls_per_second"));
}
