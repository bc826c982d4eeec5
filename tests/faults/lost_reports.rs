//! C5: one in ten of the carrier's reports and questions never arrives.

use std::time::Duration;

use voicecall::SessionId;
use voicecall::carrier::CallStatus;
use voicecall::store::{Direction, EndReason};
use voicecall_sim::fault::{Fault, FaultRule, Site};

use super::row::{Row, scaled};
use super::world::{Setup, World, in_virtual_time};

const SEED: u64 = 0xC5;
const CALLS: u64 = 500;

#[test]
fn a_session_ends_as_its_call_did_though_reports_are_lost() {
    lose_reports(Row::new("C5", "calls of whose reports 10 % are lost", SEED), Direction::Outbound);
}

#[test]
fn a_session_ends_as_the_call_that_came_in_though_reports_are_lost() {
    lose_reports(Row::new("C5", "calls that come in, of whose reports 10 % are lost", SEED + 100), Direction::Inbound);
}

fn lose_reports(mut row: Row, direction: Direction) {
    let (mut lost, mut wrong, mut open, mut slowest) = (0, 0, 0, 0);
    for world in 0..scaled(5_000).div_ceil(CALLS) {
        in_virtual_time(async {
            let rules = [Site::WebhookStatus, Site::WebhookVoice]
                .map(|site| FaultRule::sometimes(site, 0.1, Fault::DropBefore))
                .to_vec();
            let mut setup = Setup::new(SEED + world, rules);
            let people = &mut setup.carrier.people;
            (people.busy, people.absent, people.unreachable) = (0.2, 0.2, 0.1);
            let longest = setup.engine.rules.ring_timeout + setup.engine.rules.time_limit;
            let world = World::new(setup);
            world.begin_calls(direction, CALLS).await;
            // The last one is ordered after 25 s.
            world.until_over(longest + Duration::from_secs(25 + 120)).await;
            open += world.open().await;
            let sessions = world.sessions().await;
            wrong += sessions.len().abs_diff(CALLS as usize);
            lost += world.carrier.log().iter().filter(|line| line.ends_with("is lost")).count() as u64;
            for id in sessions {
                wrong += usize::from(!is_true(&world, id).await);
                slowest = slowest.max(seconds_to_know(&world, id).await);
            }
            row.did(CALLS);
        });
    }
    row.some("reports lost", lost);
    row.never("sessions that were not over two minutes after the longest call could be", open);
    row.at_most("seconds from a call's end to its session's, at most", slowest, 120);
    row.never("sessions that ended otherwise than their call", wrong);
    row.finish();
}

/// Whether a session ended for the reason its last call did.
pub async fn is_true(world: &World, id: SessionId) -> bool {
    let Some(call) = world.attempts(id).await.pop().and_then(|attempt| attempt.call) else { return false };
    let call = world.carrier.call(&call).unwrap();
    let expected = match call.status {
        CallStatus::Completed => EndReason::Completed,
        CallStatus::Busy => EndReason::Busy,
        CallStatus::NoAnswer => EndReason::NoAnswer,
        _ => EndReason::CallFailed,
    };
    world.session(id).await.end_reason == Some(expected)
}

/// How long after its call's end a session's end was known, in seconds.
async fn seconds_to_know(world: &World, id: SessionId) -> i64 {
    let session = world.session(id).await;
    let call = session.carrier_call.as_ref().and_then(|call| world.carrier.call(call));
    let ended = call.and_then(|call| call.ended_at).unwrap_or_default();
    let known = session.ended_at.unwrap().duration_since(world.begins);
    known.as_secs() - i64::try_from(ended.as_secs()).unwrap()
}
