//! What carriers charge: late, more than once, in their own currency, and from whichever process asks.

use std::time::Duration;

use super::world::*;
use voicecall_core::ErrorKind;
use voicecall_core::carrier::{CallPrice, CallStatus};
use voicecall_core::money::Money;
use voicecall_core::store::*;
use voicecall_core::testing::CarrierRequest;

const HOUR: Duration = Duration::from_secs(3600);

fn price(micros: u64, currency: &str) -> CallPrice {
    CallPrice { micros, currency: currency.to_owned() }
}

/// A call that is over at the carrier.
async fn over(world: &World) -> Placed {
    let placed = world.placed().await;
    world.carrier.has_call(&placed.call, CallStatus::Completed);
    world.report(placed.key, &placed.call, CallStatus::Completed).await.unwrap();
    placed
}

fn asked(world: &World) -> usize {
    world.carrier.requests().iter().filter(|request| matches!(request, CarrierRequest::Fetch(_))).count()
}

#[tokio::test(start_paused = true)]
async fn a_price_that_comes_late_is_kept_once_beside_the_estimate() {
    let world = World::new();
    let _tended = world.tended();
    let placed = over(&world).await;
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(world.read(placed.session).await.carrier_price, None, "it is not known yet");
    world.carrier.charges(&placed.call, price(14_500, "USD"));
    tokio::time::sleep(Duration::from_secs(600)).await;
    let session = world.read(placed.session).await;
    assert_eq!((session.carrier_price, session.status.is_final()), (Some(price(14_500, "USD")), true));

    let before = asked(&world);
    world.carrier.charges(&placed.call, price(99, "USD"));
    tokio::time::sleep(HOUR * 3).await;
    assert_eq!(world.read(placed.session).await.carrier_price, Some(price(14_500, "USD")));
    assert_eq!(asked(&world), before, "nobody asks again");
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_fails_is_asked_later_and_one_that_never_tells_for_a_day() {
    let world = World::new();
    let placed = over(&world).await;
    for kind in [ErrorKind::Unavailable, ErrorKind::RateLimited, ErrorKind::Timeout] {
        world.carrier.will_fail_to_fetch(kind);
    }
    let tended = world.tended();
    tokio::time::sleep(HOUR).await;
    assert!(asked(&world) < 12, "ever less often: {}", asked(&world));
    drop(tended);
    // Another process, two days later.
    tokio::time::advance(HOUR * 48).await;
    world.carrier.charges(&placed.call, price(1, "USD"));
    let (next, before) = (world.restarted(), asked(&world));
    let _tended = next.tended();
    tokio::time::sleep(HOUR).await;
    assert_eq!((asked(&world), world.read(placed.session).await.carrier_price), (before, None));
}

#[tokio::test(start_paused = true)]
async fn the_next_process_asks_for_what_is_open() {
    let world = World::new();
    let placed = over(&world).await;
    world.carrier.charges(&placed.call, price(7, "EUR"));
    let next = world.restarted();
    let _tended = next.tended();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(world.read(placed.session).await.carrier_price, Some(price(7, "EUR")), "kept in its currency");
}

#[tokio::test(start_paused = true)]
async fn a_price_is_converted_where_a_rate_is_known() {
    let rate = |config: &mut crate::EngineConfig| {
        config.rules.exchange_rates = [("SEK".to_owned(), Money::from_micros(95_000))].into();
    };
    let world = World::with(rate, scripted_agent());
    let _tended = world.tended();
    let placed = over(&world).await;
    world.carrier.charges(&placed.call, price(150_000, "SEK"));
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(world.read(placed.session).await.carrier_price, Some(price(14_250, "USD")));
    assert_eq!(
        world.store.inner.attempts(world.tenant, placed.session).await.unwrap()[0].price,
        Some(price(14_250, "USD"))
    );
}

#[tokio::test(start_paused = true)]
async fn who_was_not_reached_is_not_asked_about() {
    let world = World::new();
    let placed = world.placed().await;
    world.carrier.has_call(&placed.call, CallStatus::Busy);
    world.report(placed.key, &placed.call, CallStatus::Busy).await.unwrap();
    let _tended = world.tended();
    tokio::time::sleep(HOUR).await;
    assert_eq!(asked(&world), 0);
}
