//! P8: nothing a call does holds up the others on its thread.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use voicecall::dialogue::{Dialogue, Scripted};
use voicecall::store::{EndReason, QueueStore};

use super::row::{Row, is_soak, scaled};
use super::world::{Setup, World, in_virtual_time};

const SEED: u64 = 0x98;

/// Time on the processor this thread has used, in microseconds: what else runs on the machine does not count.
fn busy_micros() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1000
}

#[test]
fn no_call_holds_up_the_others() {
    let mut row = Row::new("P8", "calls at once on one thread, each hearing, speaking and storing", SEED);
    let (mut longest, mut rounds) = (0, 0u64);
    in_virtual_time(async {
        let mut setup = Setup::new(SEED, Vec::new());
        setup.carrier.packet = Duration::from_millis(20);
        setup.carrier.people.speak = Duration::from_millis(600);
        setup.calls_per_second = 1000.0;
        setup.dialogue = Arc::new(|_| Box::new(Scripted::new(["Tell me."; 10])) as Box<dyn Dialogue>);
        let world = World::new(setup);
        let calls = scaled(200);
        let sessions = world.submit_all(calls).await;
        while !world.store.open_sessions().await.unwrap().is_empty() {
            // Ten rounds of the runtime, in each of which every task that can go on goes on once.
            for _ in 0..10 {
                let before = busy_micros();
                tokio::task::yield_now().await;
                longest = longest.max(busy_micros() - before);
                rounds += 1;
            }
            sleep(Duration::from_millis(20)).await;
        }
        for id in sessions {
            assert_eq!(world.session(id).await.end_reason, Some(EndReason::Completed));
        }
        row.did(calls);
    });
    row.some("rounds of the runtime", rounds);
    if is_soak() {
        row.at_most("milliseconds of processor time for one round of all calls, at most", longest / 1000, 20);
    } else {
        row.figure("milliseconds of processor time for one round of all calls, at most", longest / 1000);
    }
    row.finish();
}
