//! P7: the dialogue of one call in two hundred panics.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use voicecall::CallTime;
use voicecall::dialogue::{Action, Dialogue, DialogueEvent, Scripted};
use voicecall::store::{Direction, EndReason};

use super::row::{Row, scaled};
use super::world::{Setup, World, in_virtual_time};

const SEED: u64 = 0x97;
const CALLS: u64 = 200;
const MADE_UP: &str = "a made-up panic";

#[derive(Debug)]
struct Panics;

impl Dialogue for Panics {
    fn can_grant_consent(&self) -> bool {
        true
    }

    fn handle(&mut self, event: &DialogueEvent, _: CallTime, _: &mut Vec<Action>) {
        assert!(*event != DialogueEvent::Connected, "{MADE_UP}");
    }
}

/// Panics of this test's own making are not worth a report.
fn hush() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.payload_as_str() != Some(MADE_UP) {
            report(panic);
        }
    }));
}

#[test]
fn a_panic_in_one_call_ends_that_call_and_no_other() {
    hush();
    panic_in_one(Row::new("P7", "rounds of 200 calls, of which one panics", SEED), Direction::Outbound, 1_000);
    let what = "rounds of 200 calls that come in, of which one panics";
    panic_in_one(Row::new("P7", what, SEED + 10_000), Direction::Inbound, 50);
}

fn panic_in_one(mut row: Row, direction: Direction, rounds: u64) {
    let (mut panicked, mut affected, mut stuck) = (0, 0, 0);
    for round in 0..scaled(rounds) {
        in_virtual_time(async {
            let calls = AtomicU64::new(0);
            let mut setup = Setup::new(SEED + round, Vec::new());
            setup.calls_per_second = 1000.0;
            setup.dialogue = Arc::new(move |_| match calls.fetch_add(1, Ordering::Relaxed) {
                call if call == round % CALLS => Box::new(Panics) as Box<dyn Dialogue>,
                _ => Box::new(Scripted::new(["Hello."])),
            });
            let world = World::new(setup);
            world.begin_calls(direction, CALLS).await;
            world.until_over(Duration::from_secs(900)).await;
            let mut ends = Vec::new();
            for id in world.sessions().await {
                ends.push(world.session(id).await.end_reason);
            }
            let count = |reason| ends.iter().filter(|end| **end == reason).count() as u64;
            panicked += count(Some(EndReason::TechnicalFailure));
            affected += (CALLS - 1).saturating_sub(count(Some(EndReason::Completed)));
            stuck += world.open().await + world.carrier.calls().iter().filter(|call| !call.status.is_final()).count();
            row.did(1);
        });
    }
    row.at_least("calls that panicked and ended as failures", panicked, scaled(rounds));
    row.never("other calls that did not complete", usize::try_from(affected).unwrap());
    row.never("calls or sessions stuck", stuck);
    row.finish();
}
