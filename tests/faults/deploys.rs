//! P2: the process is asked to end while a hundred calls are live, and the next one takes over.

use std::sync::Arc;
use std::time::Duration;

use voicecall::store::{Direction, EndReason};

use super::row::{Row, scaled};
use super::world::{Setup, World, in_virtual_time};

const SEED: u64 = 0x92;
const CALLS: u64 = 100;

/// Customers who still wait to be called at the time of the deploy.
const WAITING: u64 = 20;

#[test]
fn a_deploy_drops_no_call_and_places_none() {
    deploy(Row::new("P2", "deploys with 100 calls ringing or live and 20 waiting", SEED), Direction::Outbound);
    deploy(Row::new("P2", "deploys with 100 calls live that came in", SEED + 1), Direction::Inbound);
}

fn deploy(mut row: Row, direction: Direction) {
    let (mut live, mut dials, mut dropped, mut hooks) = (0, 0, 0, 0);
    in_virtual_time(async {
        let mut setup = Setup::new(SEED, Vec::new());
        setup.carrier.people.rings_up_to = Duration::from_secs(10);
        setup.calls_per_second = 100.0;
        let mut world = World::new(setup);
        for deploy in 0..scaled(50) {
            let (before, earlier) = (world.carrier.calls().len() as u64, world.sessions().await);
            for n in 0..CALLS + if direction == Direction::Outbound { WAITING } else { 0 } {
                match direction {
                    Direction::Outbound => drop(world.submit(deploy * 1000 + n).await),
                    Direction::Inbound => drop(world.call_in(deploy * 1000 + n)),
                }
            }
            while (world.carrier.calls().len() as u64) < before + CALLS {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            // Somewhere between the first ring and the last goodbye, which is soon for whoever calls.
            let within = if direction == Direction::Outbound { 211 } else { 13 };
            tokio::time::sleep(Duration::from_millis(100 + within * (deploy % 20))).await;
            let old = Arc::clone(&world.engine);
            let (ringing, talking) = old.count();
            live += (ringing + talking) as u64;
            let ordered = world.carrier.orders().len();
            let ended = old.shutdown(Duration::from_secs(300)).await;
            dials += world.carrier.orders().len() - ordered;
            dropped += ended;
            world.deploy();
            world.engine.recover().await.unwrap();
            world.until_over(Duration::from_secs(600)).await;
            let sessions = world.sessions().await;
            for id in sessions.into_iter().filter(|id| !earlier.contains(id)) {
                dropped += usize::from(world.session(id).await.end_reason != Some(EndReason::Completed));
                let ends = world.business.outcomes().iter().filter(|outcome| outcome.session.id == id).count();
                hooks += usize::from(ends != 1);
            }
            row.did(1);
        }
    });
    row.some("calls ringing or live at a deploy", live);
    row.never("orders after the process was asked to end", dials);
    row.never("calls dropped, and customers who were not called by the next process", dropped);
    row.never("ends of calls that the business was not told exactly once", hooks);
    row.finish();
}
