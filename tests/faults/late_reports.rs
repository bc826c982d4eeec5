//! C3: reports come hours late, up to two days after the call.

use std::time::Duration;

use voicecall::engine::DialPolicy;
use voicecall::store::{Direction, Session};
use voicecall_sim::fault::{Fault, FaultRule, Site};

use super::row::{Row, scaled};
use super::world::{Setup, World, in_virtual_time};

const SEED: u64 = 0xC3;
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_report_that_comes_hours_late_changes_nothing_any_more() {
    let what = "sessions, half of whose reports come 1, 6, 24 or 47 hours late";
    report_late(Row::new("C3", what, SEED), Direction::Outbound, 500, &[1, 6, 24, 47]);
}

#[test]
fn a_report_about_a_call_that_came_in_hours_ago_changes_nothing_any_more() {
    let what = "sessions of calls that come in, half of whose reports come 1 or 6 hours late";
    report_late(Row::new("C3", what, SEED + 100), Direction::Inbound, 500, &[1, 6]);
}

/// Reports of so many sessions for each of these delays.
fn report_late(mut row: Row, direction: Direction, sessions: u64, hours: &[u32]) {
    let (mut late, mut regressions, mut wrong) = (0, 0, 0);
    for (at, hours) in (0..).zip(hours.iter().copied()) {
        in_virtual_time(async {
            let rule = FaultRule::sometimes(Site::WebhookStatus, 0.5, Fault::Late { delay: hours * HOUR });
            let mut setup = Setup::new(SEED + at, vec![rule]);
            (setup.carrier.people.busy, setup.carrier.people.absent) = (0.3, 0.3);
            setup.policy = DialPolicy::once();
            setup.policy.max_attempts = 2;
            let world = World::new(setup);
            world.begin_calls(direction, scaled(sessions)).await;
            world.until_over(4 * HOUR).await;
            let sessions = world.sessions().await;
            let (orders, delivered) = (world.carrier.orders().len(), world.carrier.deliveries());
            let before = read(&world, &sessions).await;
            tokio::time::sleep((hours + 1) * HOUR).await;
            late += world.carrier.deliveries() - delivered;
            regressions += read(&world, &sessions).await.iter().zip(&before).filter(|(now, then)| now != then).count();
            regressions += world.carrier.orders().len() - orders;
            for session in &sessions {
                wrong += usize::from(!super::lost_reports::is_true(&world, *session).await);
            }
            row.did(sessions.len() as u64);
        });
    }
    row.some("reports that came after the end of all sessions", late);
    row.never("sessions that changed, or were called, because of one", regressions);
    row.never("sessions that ended otherwise than their call", wrong);
    row.finish();
}

/// What a session is, and what it was called for.
async fn read(world: &World, sessions: &[voicecall::SessionId]) -> Vec<(Session, Vec<voicecall::store::DialAttempt>)> {
    let mut all = Vec::new();
    for &id in sessions {
        all.push((world.session(id).await, world.attempts(id).await));
    }
    all
}
