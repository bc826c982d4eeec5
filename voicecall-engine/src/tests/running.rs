//! What can be changed while an engine runs, and how it says that it fares.

use std::sync::Arc;
use std::time::Duration;

use super::accounts::{any, two_accounts};
use super::queueing::submit;
use super::world::*;
use crate::*;
use voicecall_core::store::{CallPriority, EndReason};
use voicecall_core::{ErrorKind, PhoneNumber};

const SECOND: Duration = Duration::from_secs(1);

fn statuses(health: &EngineHealth) -> Vec<(ConnectionState, HealthStatus)> {
    health.accounts.iter().map(|account| (account.connection, account.status)).collect()
}

#[tokio::test(start_paused = true)]
async fn nobody_is_called_while_the_rules_say_so_and_everybody_afterwards() {
    let world = World::new();
    world.engine.change_rules(|rules| rules.places_calls = false).unwrap();
    let _tended = world.tended();
    let session = submit(&world, CallPriority::High).await;
    tokio::time::sleep(60 * SECOND).await;
    assert!(world.carrier.orders().is_empty());
    let at_once = world.engine.place(&world.read(session).await).await.unwrap_err();
    assert_eq!(at_once.kind(), ErrorKind::Unavailable);
    let health = world.engine.health().await;
    assert_eq!(
        (health.status, &*health.reasons),
        (HealthStatus::Degraded, &["nobody is called for now".to_owned()][..])
    );
    world.engine.change_rules(|rules| rules.places_calls = true).unwrap();
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(world.carrier.orders().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn callers_are_answered_again_once_the_rules_say_so() {
    let world = World::new();
    world.desk.decides(world.tenant, Decides::Connect);
    world.engine.change_rules(|rules| rules.answers_calls = false).unwrap();
    assert!(world.rings("CA1").await.unwrap().body.contains("busy"));
    world.engine.change_rules(|rules| rules.answers_calls = true).unwrap();
    token(&world.rings("CA2").await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_wrong_rule_is_named_and_changes_nothing() {
    let world = World::new();
    let wrong = world.engine.change_rules(|rules| {
        rules.max_live = 1;
        rules.ring_timeout = SECOND;
    });
    assert_eq!(wrong.unwrap_err().field(), Some("ring timeout"));
    assert_eq!(world.engine.rules().max_live, CallRules::default().max_live);
}

#[tokio::test(start_paused = true)]
async fn a_changed_rule_holds_for_calls_that_begin_later() {
    let world = World::new();
    let first = world.placed().await;
    world.engine.change_rules(|rules| rules.ring_timeout = 10 * SECOND).unwrap();
    world.placed().await;
    let rings: Vec<_> = world.carrier.orders().iter().map(|order| order.ring_timeout.as_secs()).collect();
    assert_eq!(rings, [40, 10]);
    // What rings already is not disturbed.
    assert_eq!(world.read(first.session).await.end_reason, None);
}

#[tokio::test(start_paused = true)]
async fn a_change_may_read_the_rules_it_changes() {
    let world = World::new();
    let engine = &world.engine;
    engine.change_rules(|rules| rules.max_live = engine.rules().max_live + 1).unwrap();
    assert_eq!(engine.rules().max_live, CallRules::default().max_live + 1);
}

#[tokio::test(start_paused = true)]
async fn an_account_is_changed_while_a_call_of_it_is_on_the_line() {
    let (world, second) = two_accounts();
    let placed = world.placed().await;
    let other: PhoneNumber = "+46733333333".parse().unwrap();
    let changed = account(&world.carrier).number(other.clone());
    let changed = CarrierAccount::new(changed.name(), Arc::clone(changed.backend())).number(other.clone());
    world.engine.set_account(changed).unwrap();
    world.placed().await;
    assert_eq!(world.carrier.orders()[1].from, other);
    world.engine.stop(world.tenant, placed.session, EndReason::Canceled).await.unwrap();
    assert_eq!(world.carrier.hang_ups().len(), 1, "the call from before is still its");
    let wrong = CarrierAccount::new("third".parse().unwrap(), second).calls_per_second(0.0);
    assert_eq!(world.engine.set_account(wrong).unwrap_err().field(), Some("calls_per_second"));
    assert_eq!(world.engine.accounts().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn while_an_account_rests_calls_go_through_the_next_one() {
    let (world, second) = two_accounts();
    any(&world);
    let name = "scripted".parse().unwrap();
    world.engine.rest_account(name, true).unwrap();
    let _tended = world.tended();
    submit(&world, CallPriority::High).await;
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!((world.carrier.orders().len(), second.orders().len()), (0, 1));
    assert_eq!(statuses(&world.engine.health().await)[0].1, HealthStatus::Degraded);
    world.engine.rest_account(name, false).unwrap();
    submit(&world, CallPriority::High).await;
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!((world.carrier.orders().len(), second.orders().len()), (1, 1));
    let none = world.engine.rest_account("another".parse().unwrap(), true);
    assert_eq!(none.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn an_account_says_whether_its_carrier_is_reached_and_knows_us() {
    use ConnectionState::{Connected, Disconnected, Error};
    use HealthStatus::{Degraded, Healthy, Unhealthy};
    let (world, _second) = two_accounts();
    let first = world.engine.accounts()[0].name();
    assert_eq!(statuses(&world.engine.health().await), [(Disconnected, Healthy); 2], "nothing was asked yet");
    world.engine.check_account(first).await.unwrap();
    assert_eq!(statuses(&world.engine.health().await)[0], (Connected, Healthy));
    let cases = [
        (ErrorKind::RateLimited, (Connected, Degraded)),
        (ErrorKind::Unavailable, (Disconnected, Degraded)),
        (ErrorKind::Unauthenticated, (Error, Unhealthy)),
    ];
    for (kind, expected) in cases {
        world.carrier.will_place(Err(kind));
        let session = world.session().await;
        let _ = world.engine.place(&session).await;
        let health = world.engine.health().await;
        assert_eq!((statuses(&health)[0], health.status), (expected, Degraded), "{kind:?}: the other account is fit");
        assert!(health.reasons[0].contains("the account scripted"), "{:?}", health.reasons);
    }
    world.engine.check_account(first).await.unwrap();
    assert_eq!(world.engine.health().await.status, Healthy);
}

#[tokio::test(start_paused = true)]
async fn an_account_that_was_mended_is_healthy_again_without_an_order() {
    for kind in [ErrorKind::RateLimited, ErrorKind::Unavailable, ErrorKind::Unauthenticated, ErrorKind::Forbidden] {
        let world = World::new();
        let _tended = world.tended();
        world.carrier.will_place(Err(kind));
        let _ = world.engine.place(&world.session().await).await;
        let health = world.engine.health().await;
        assert_ne!(health.status, HealthStatus::Healthy, "{kind:?}");
        assert!(health.is_serving, "{kind:?}: calls on the line are served all the same");
        tokio::time::sleep(20 * SECOND).await;
        assert_eq!(
            statuses(&world.engine.health().await),
            [(ConnectionState::Connected, HealthStatus::Healthy)],
            "{kind:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn without_its_store_an_engine_is_unhealthy() {
    let world = World::new();
    world.store.is_down_for(SECOND);
    let health = world.engine.health().await;
    assert_eq!((health.status, &*health.reasons[0]), (HealthStatus::Unhealthy, "the store does not answer"));
    assert!(!health.is_serving);
}
