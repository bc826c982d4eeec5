//! C13: nobody knows whether the order was carried out: the connection broke, or the answer was an error.

use std::time::Duration;

use voicecall::ErrorKind;
use voicecall::engine::DialPolicy;
use voicecall_sim::fault::{Fault, FaultRule, Site};

use super::row::{Row, scaled};
use super::world::{Setup, World, in_virtual_time};

const SEED: u64 = 0xC13;
const JOBS: u64 = 250;

#[test]
fn an_order_with_an_unknown_outcome_is_settled_and_never_repeated() {
    let what = "jobs: 5 % accepted and the answer lost, 5 % lost before, 5 % accepted and answered with 500";
    let mut row = Row::new("C13", what, SEED);
    let (mut unknown, mut twice, mut accepted, mut settled, mut open) = (0, 0, 0u64, 0u64, 0);
    for world in 0..scaled(20_000).div_ceil(JOBS) {
        in_virtual_time(async {
            let rules = vec![
                FaultRule::sometimes(Site::RestCreate, 0.05, Fault::AcceptThenDrop),
                FaultRule::sometimes(Site::RestCreate, 0.05 / 0.95, Fault::DropBefore),
                FaultRule::sometimes(Site::RestCreate, 0.05 / 0.9, Fault::Error { status: 500, accepted: true }),
                FaultRule::sometimes(Site::WebhookStatus, 0.1, Fault::DropBefore),
            ];
            let mut setup = Setup::new(SEED + world, rules);
            (setup.carrier.people.busy, setup.carrier.people.absent) = (0.2, 0.2);
            setup.calls_per_second = 50.0;
            // Retries would be further attempts to the same number, which is what must not be mixed up with double ones.
            setup.policy = DialPolicy::once();
            let world = World::new(setup);
            let sessions = world.submit_all(JOBS).await;
            world.until_over(Duration::from_secs(1800)).await;
            twice += world.called_twice();
            open += world.open().await;
            let orders = world.carrier.orders();
            let lost = orders.iter().filter(|order| order.error == Some(ErrorKind::UnknownOutcome));
            unknown += lost.clone().count() as u64;
            let found: Vec<_> = lost.filter_map(|order| order.call.clone()).collect();
            accepted += found.len() as u64;
            for id in sessions {
                let call = world.attempts(id).await.pop().and_then(|attempt| attempt.call);
                if call.is_some_and(|call| found.contains(&call)) && super::lost_reports::is_true(&world, id).await {
                    settled += 1;
                }
            }
            row.did(JOBS);
        });
    }
    row.some("orders with an unknown outcome", unknown);
    row.never("numbers called twice", twice);
    row.never("sessions left open", open);
    row.figure("of these accepted", accepted);
    row.at_least("settled as their call ended, of 1,000", settled * 1000 / accepted.max(1), 990);
    row.finish();
}
