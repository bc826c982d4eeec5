//! C4: the carrier calls back before it has answered the order.

use std::time::Duration;

use voicecall::store::{AttemptState, EndReason};
use voicecall_sim::fault::{Fault, FaultRule, Site};

use super::row::{Row, scaled};
use super::world::{Setup, World, in_virtual_time};

const SEED: u64 = 0xC4;
const CALLS: u64 = 500;

#[test]
fn a_call_whose_reports_come_before_the_answer_to_its_order_is_nobodys_orphan() {
    let mut row = Row::new("C4", "calls whose reports come 1 to 500 ms before the answer to their order", SEED);
    let (mut early, mut orphans, mut twice) = (0, 0, 0);
    for world in 0..scaled(5_000).div_ceil(CALLS) {
        in_virtual_time(async {
            let slow = Fault::Latency { delay: Duration::from_millis(1), jitter: Duration::from_millis(499) };
            let mut setup = Setup::new(SEED + world, vec![FaultRule::always(Site::RestCreate, slow)]);
            setup.carrier.dials_after = Duration::ZERO;
            // Some are answered before the order is, too.
            setup.carrier.people.rings_for = Duration::from_millis(1);
            setup.carrier.people.rings_up_to = Duration::from_millis(500);
            let world = World::new(setup);
            let sessions = world.submit_all(CALLS).await;
            world.until_over(Duration::from_secs(600)).await;
            for id in sessions {
                let (session, attempts) = (world.session(id).await, world.attempts(id).await);
                let bound = attempts.len() == 1 && attempts[0].state == AttemptState::Accepted;
                let completed = session.end_reason == Some(EndReason::Completed);
                orphans += usize::from(!bound || !completed || session.carrier_call != attempts[0].call);
            }
            let calls = world.carrier.calls();
            early += calls.iter().filter(|call| call.rang_at == Some(call.ordered_at)).count() as u64;
            orphans += calls.iter().filter(|call| call.conversed_at.is_none()).count();
            twice += world.called_twice();
            row.did(calls.len() as u64);
        });
    }
    row.some("calls that rang before their order was answered", early);
    row.never("orphaned sessions and calls", orphans);
    row.never("numbers called twice", twice);
    row.finish();
}
