//! C12, C13, C16 with a second carrier behind the first: what was never sent, or certainly refused, is called through the other
//! one; what nobody knows is looked for where it was sent. No phone rings for both.

use std::time::Duration;

use voicecall::ErrorKind;
use voicecall::engine::DialPolicy;
use voicecall::store::EndReason;
use voicecall_sim::carrier::{CarrierOptions, Outage, SimOrder};
use voicecall_sim::fault::{Fault, FaultPlan, FaultRule, Site};

use super::row::{Row, scaled};
use super::world::{Setup, World, in_virtual_time};

const JOBS: u64 = 500;

/// The second carrier: the same as the first one, with these faults.
fn fallback(setup: &Setup, seed: u64, rules: Vec<FaultRule>) -> CarrierOptions {
    let mut options = setup.carrier.clone();
    options.faults = FaultPlan::new(seed, rules).unwrap();
    options.outages.clear();
    options
}

/// All orders to both carriers, in their order.
fn orders(world: &World) -> Vec<SimOrder> {
    let mut orders: Vec<_> = world.carriers().flat_map(|carrier| carrier.orders()).collect();
    orders.sort_by_key(|order| order.at);
    orders
}

async fn not_completed(world: &World) -> usize {
    let mut wrong = 0;
    for id in world.sessions().await {
        wrong += usize::from(world.session(id).await.end_reason != Some(EndReason::Completed));
    }
    wrong
}

#[test]
fn an_order_that_one_carrier_refuses_for_now_is_given_to_the_other() {
    const SEED: u64 = 0x2C12;
    let mut row = Row::new("C12", "jobs of whose orders two carriers refuse 30 % with 429", SEED);
    let (mut refused, mut elsewhere, mut wrong, mut hasty) = (0, 0, 0, 0);
    for world in 0..scaled(10_000).div_ceil(JOBS) {
        in_virtual_time(async {
            let limit = || {
                FaultRule::sometimes(
                    Site::RestCreate,
                    0.3,
                    Fault::RateLimit { retry_after: Some(Duration::from_secs(3)) },
                )
            };
            let mut setup = Setup::new(SEED + world, vec![limit()]);
            setup.fallback = Some(fallback(&setup, SEED + world + 1000, vec![limit()]));
            let world = World::new(setup);
            world.submit_all(JOBS).await;
            world.until_over(Duration::from_secs(3600)).await;
            wrong += not_completed(&world).await + world.called_twice();
            wrong += world.carriers().map(|carrier| carrier.calls().len()).sum::<usize>().abs_diff(JOBS as usize);
            for carrier in world.carriers() {
                let orders = carrier.orders();
                refused += orders.iter().filter(|order| order.error == Some(ErrorKind::RateLimited)).count() as u64;
                for (at, order) in orders.iter().enumerate() {
                    let again = orders[at + 1..].iter().find(|next| next.to == order.to);
                    let waited = again.zip(order.retry_after).is_none_or(|(next, wait)| next.at >= order.at + wait);
                    hasty += usize::from(!waited);
                }
            }
            elsewhere += world.fallback.as_ref().map_or(0, |carrier| carrier.calls().len() as u64);
            row.did(JOBS);
        });
    }
    row.some("orders refused", refused);
    row.some("calls through the second carrier", elsewhere);
    row.never("jobs without exactly one call", wrong);
    row.never("orders repeated at the same carrier before Retry-After", hasty);
    row.finish();
}

#[test]
fn an_order_with_an_unknown_outcome_is_given_to_no_other_carrier() {
    const SEED: u64 = 0x2C13;
    let what = "jobs over two carriers: of each one's orders 5 % refused, 5 % accepted and the answer lost, 5 % lost before, 5 % accepted \
                and answered with 500";
    let mut row = Row::new("C13", what, SEED);
    let (mut unknown, mut elsewhere, mut repeated, mut twice, mut open) = (0, 0, 0, 0, 0);
    for world in 0..scaled(20_000).div_ceil(JOBS) {
        in_virtual_time(async {
            let rules = || {
                vec![
                    FaultRule::sometimes(Site::RestCreate, 0.05, Fault::Error { status: 403, accepted: false }),
                    FaultRule::sometimes(Site::RestCreate, 0.05, Fault::AcceptThenDrop),
                    FaultRule::sometimes(Site::RestCreate, 0.05, Fault::DropBefore),
                    FaultRule::sometimes(Site::RestCreate, 0.05, Fault::Error { status: 500, accepted: true }),
                    FaultRule::sometimes(Site::WebhookStatus, 0.1, Fault::DropBefore),
                ]
            };
            let mut setup = Setup::new(SEED + world, rules());
            (setup.carrier.people.busy, setup.carrier.people.absent) = (0.2, 0.2);
            setup.fallback = Some(fallback(&setup, SEED + world + 1000, rules()));
            setup.calls_per_second = 50.0;
            setup.policy = DialPolicy::once();
            let world = World::new(setup);
            world.submit_all(JOBS).await;
            world.until_over(Duration::from_secs(1800)).await;
            twice += world.called_twice();
            open += world.open().await;
            elsewhere += world.fallback.as_ref().map_or(0, |carrier| carrier.orders().len() as u64);
            let orders = orders(&world);
            for (at, order) in orders.iter().enumerate() {
                let is_unknown = order.error == Some(ErrorKind::UnknownOutcome);
                unknown += u64::from(is_unknown);
                let is_known_refused = order.error == Some(ErrorKind::Rejected);
                let again = orders[at + 1..].iter().any(|next| next.to == order.to);
                repeated += usize::from(again && !is_known_refused);
            }
            row.did(JOBS);
        });
    }
    row.some("orders with an unknown outcome", unknown);
    row.some("orders to the second carrier", elsewhere);
    row.never("orders of which nobody knows, or that were taken, followed by another", repeated);
    row.never("numbers called twice", twice);
    row.never("sessions left open", open);
    row.finish();
}

#[test]
fn while_one_carrier_is_away_calls_go_through_the_other_and_come_back_to_it() {
    const SEED: u64 = 0x2C16;
    const FROM: Duration = Duration::from_secs(10);
    const UNTIL: Duration = Duration::from_secs(610);
    let mut row =
        Row::new("C16", "jobs over two carriers, of which the preferred one cannot be reached for ten minutes", SEED);
    in_virtual_time(async {
        let mut setup = Setup::new(SEED, Vec::new());
        setup.fallback = Some(fallback(&setup, SEED, Vec::new()));
        setup.carrier.outages.push(Outage { from: FROM, until: UNTIL, kind: ErrorKind::Unavailable });
        let world = World::new(setup);
        let jobs = scaled(1000);
        // One a second: through the whole outage, and beyond it.
        for job in 0..jobs {
            world.submit(job).await;
            tokio::time::sleep(Duration::from_secs_f64(800.0 / jobs as f64)).await;
        }
        world.until_over(Duration::from_secs(3600)).await;
        let (first, second) = (world.carrier.orders(), world.fallback.as_ref().unwrap().orders());
        let failed = first.iter().filter(|order| order.error.is_some()).count();
        let back = first.iter().find(|order| order.at >= UNTIL && order.error.is_none());
        row.did(jobs);
        row.some("orders that failed", failed as u64);
        row.at_most("of these, because a carrier that fails is left alone", failed, 50);
        row.some("calls through the second carrier", second.iter().filter(|order| order.call.is_some()).count() as u64);
        row.never("numbers called twice", world.called_twice());
        row.never("jobs not done in the end", not_completed(&world).await);
        let pause = 800.0 / jobs as f64;
        let gap = orders(&world).windows(2).map(|pair| pair[1].at - pair[0].at).max().unwrap_or_default();
        row.at_most("seconds without an order", gap.as_secs_f64().ceil(), pause.ceil() + 2.0);
        let back = back.map_or(u64::MAX, |order| (order.at - UNTIL).as_secs());
        row.at_most("seconds from its return to the first order it takes again", back, 60);
    });
    row.finish();
}
