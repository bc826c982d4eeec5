//! C14: phones ring for orders that have had their call: by an operator, a fault, another system.

use std::time::Duration;

use voicecall::engine::DialPolicy;

use super::row::{Row, scaled};
use super::world::{Setup, World, in_virtual_time};

const SEED: u64 = 0xC14;
const CALLS: u64 = 100;

#[test]
fn nobody_is_talked_to_by_a_call_of_an_attempt_that_is_over_or_has_another() {
    let mut row = Row::new("C14", "second calls for one attempt: over, waiting for the next one, or on the line", SEED);
    let (mut conversations, mut disturbed, mut answered) = (0, 0, 0);
    for world in 0..scaled(1_000).div_ceil(CALLS) {
        in_virtual_time(async {
            let mut setup = Setup::new(SEED + world, Vec::new());
            setup.carrier.people.busy = 0.3;
            setup.policy = DialPolicy::once();
            setup.policy.max_attempts = 3;
            let world = World::new(setup);
            world.submit_all(CALLS).await;
            // Some have ended by now, some wait, some ring or talk.
            tokio::time::sleep(Duration::from_secs(6)).await;
            let first = world.carrier.calls();
            let stale: Vec<_> = first.iter().filter_map(|call| world.carrier.call_again(&call.id)).collect();
            world.until_over(Duration::from_secs(4 * 3600)).await;
            let calls = world.carrier.calls();
            for call in calls.iter().filter(|call| stale.contains(&call.id)) {
                conversations += usize::from(call.conversed_at.is_some());
                answered += u64::from(call.answered_at.is_some());
            }
            disturbed += world.open().await;
            disturbed += calls
                .iter()
                .filter(|call| !stale.contains(&call.id))
                .filter(|call| call.answered_at.is_some() && call.conversed_at.is_none())
                .count();
            row.did(stale.len() as u64);
        });
    }
    row.some("of them answered", answered);
    row.never("conversations", conversations);
    row.never("right calls disturbed", disturbed);
    row.finish();
}
