//! C16: the carrier is away for ten minutes, and comes back.

use std::time::Duration;

use voicecall::ErrorKind;
use voicecall::store::EndReason;
use voicecall_sim::carrier::Outage;

use super::row::{Row, scaled};
use super::world::{Setup, World, in_virtual_time};

const SEED: u64 = 0xC16;
const FROM: Duration = Duration::from_secs(10);
const UNTIL: Duration = Duration::from_secs(610);
const JOBS: u64 = 1000;

#[test]
fn after_an_outage_calls_are_placed_again_within_a_minute() {
    let mut row = Row::new("C16", "jobs while the carrier cannot be reached for ten minutes", SEED);
    in_virtual_time(async {
        let mut setup = Setup::new(SEED, Vec::new());
        setup.calls_per_second = 5.0;
        setup.carrier.outages.push(Outage { from: FROM, until: UNTIL, kind: ErrorKind::Unavailable });
        let world = World::new(setup);
        let sessions = world.submit_all(scaled(JOBS)).await;
        world.until_over(Duration::from_secs(7200)).await;
        let orders = world.carrier.orders();
        let healed = orders.iter().find(|order| order.at >= UNTIL && order.error.is_none()).unwrap();
        let mut wrong = 0;
        for id in &sessions {
            wrong += usize::from(world.session(*id).await.end_reason != Some(EndReason::Completed));
        }
        row.did(sessions.len() as u64);
        let failed = orders.iter().filter(|order| order.error.is_some()).count();
        row.some("orders that failed", failed as u64);
        row.at_most("of these, because a carrier that fails is left alone", failed, 50);
        row.never("numbers called twice", world.called_twice());
        row.never("jobs not done in the end", wrong);
        row.at_most("seconds from the end of the outage to the first order taken", (healed.at - UNTIL).as_secs(), 60);
    });
    row.finish();
}

#[test]
fn a_brown_out_in_which_nobody_knows_what_was_carried_out_doubles_no_call() {
    let mut row = Row::new("C16", "jobs while every order breaks off with an unknown outcome for ten minutes", SEED);
    in_virtual_time(async {
        let mut setup = Setup::new(SEED, Vec::new());
        setup.calls_per_second = 5.0;
        setup.carrier.outages.push(Outage { from: FROM, until: UNTIL, kind: ErrorKind::UnknownOutcome });
        let world = World::new(setup);
        let sessions = world.submit_all(scaled(JOBS)).await;
        world.until_over(Duration::from_secs(7200)).await;
        let orders = world.carrier.orders();
        let mut ordered: Vec<_> = orders.iter().map(|order| order.to.reveal().to_owned()).collect();
        ordered.sort();
        let all = ordered.len();
        ordered.dedup();
        row.did(sessions.len() as u64);
        row.some("orders with an unknown outcome", orders.iter().filter(|order| order.error.is_some()).count() as u64);
        row.never("orders repeated", all - ordered.len());
        row.never("numbers called twice", world.called_twice());
        row.never("sessions left open", world.open().await);
    });
    row.finish();
}
