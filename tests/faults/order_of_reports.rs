//! C2: reports come in any order and any number.

use std::collections::BTreeSet;

use voicecall::carrier::{CallStatus, CarrierEvent, CarrierEventKind};
use voicecall::engine::{CallKey, ReportOf};
use voicecall::store::{DialStore, Direction, WorkflowQueueStore};
use voicecall_core::testing::ScriptedCarrier;
use voicecall_sim::fault::Rng;

use super::row::{Row, scaled};
use super::world::{Setup, World, in_virtual_time};

const SEED: u64 = 0xC2;

/// Sessions of one world: a store looks through all of them for the next one.
const CASES: u64 = 500;

/// What is reported of a call that was answered and whose audio never came, or of one that was busy.
fn reports(end: CallStatus) -> [CarrierEventKind; 6] {
    let status = |status| CarrierEventKind::Status { status, duration: None, cause: None };
    let middle = if end == CallStatus::Completed { CallStatus::InProgress } else { CallStatus::Ringing };
    [
        status(CallStatus::Queued),
        status(CallStatus::Ringing),
        status(middle),
        CarrierEventKind::StreamStarted,
        CarrierEventKind::StreamStopped,
        status(end),
    ]
}

/// All orders of six.
fn permutations() -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for _ in 0..6 {
        all = all
            .iter()
            .flat_map(|order: &Vec<usize>| {
                (0..6).filter(move |next| !order.contains(next)).map(move |next| [&order[..], &[next]].concat())
            })
            .collect();
    }
    all
}

/// Sends the reports in this order, and says what the session and its attempt are in the end, and what workflows learn of it.
async fn outcome(world: &World, direction: Direction, n: u64, end: CallStatus, order: &[usize]) -> String {
    world.store.keep_events(true).await.unwrap();
    let session = world.ringing(direction, n).await.session.unwrap();
    let attempt = world.attempts(session.id).await.remove(0);
    let (key, call) = (CallKey::of(&attempt).unwrap(), attempt.call.unwrap());
    // Nobody was told an address of its own for a call that came in.
    let (about, of) = match direction {
        Direction::Outbound => (ReportOf::Call(key), format!("call={key}")),
        Direction::Inbound => (ReportOf::Account(key.account), format!("account={}", key.account)),
    };
    let reports = reports(end);
    for &at in order {
        let event = CarrierEvent::new(call.clone(), reports[at].clone(), format!("{call}-{at}"));
        let request = ScriptedCarrier::webhook_of(&format!("/voice/status?{of}"), &event);
        let headers = request.headers();
        world.engine.report(about, &request.request(&headers)).await.unwrap();
    }
    let session = world.session(session.id).await;
    let attempt = world.store.attempt(world.tenant, attempt.id).await.unwrap();
    let mut told = Vec::new();
    for event in world.store.pending_events(100).await.unwrap() {
        world.store.start_runs(&event, &[]).await.unwrap();
        told.push((event.kind, event.data["status"].clone()));
    }
    format!(
        "{:?} {:?} due {} call {}; {:?} {:?}; {told:?}",
        session.status,
        session.end_reason,
        session.due_at.is_some(),
        session.carrier_call == attempt.call,
        attempt.state,
        attempt.outcome,
    )
}

/// A world whose carrier dials nobody, so that all reports are the test's own.
fn silent_world(seed: u64) -> World {
    let mut setup = Setup::new(seed, Vec::new());
    setup.carrier.dials_after = std::time::Duration::from_secs(86_400);
    World::new(setup)
}

#[test]
fn the_end_is_the_same_in_whatever_order_reports_come() {
    let what = "all 720 orders of six reports, then random orders with repetitions";
    report_in_any_order(
        Row::new("C2", what, SEED),
        Direction::Outbound,
        &[CallStatus::Completed, CallStatus::Busy],
        100_000,
    );
}

#[test]
fn the_end_of_a_call_that_came_in_is_the_same_in_whatever_order_reports_come() {
    let what = "all 720 orders of six reports about a call that came in, then random orders with repetitions";
    report_in_any_order(Row::new("C2", what, SEED + 100), Direction::Inbound, &[CallStatus::Completed], 20_000);
}

fn report_in_any_order(mut row: Row, direction: Direction, all: &[CallStatus], random: u64) {
    for &end in all {
        let mut ends = BTreeSet::new();
        in_virtual_time(async {
            let world = silent_world(SEED);
            for (n, order) in (0..).zip(permutations()) {
                ends.insert(outcome(&world, direction, n, end, &order).await);
                row.did(1);
            }
        });
        row.at_most(&format!("different ends of a call that is {end:?}"), ends.len(), 1);
        for batch in 0..scaled(random).div_ceil(2 * CASES) {
            in_virtual_time(async {
                let world = silent_world(SEED);
                let mut rng = Rng::fork(SEED, batch);
                for n in 0..CASES {
                    ends.insert(outcome(&world, direction, n, end, &random_order(&mut rng)).await);
                    row.did(1);
                }
            });
        }
        row.at_most(&format!("different ends of a call that is {end:?}, with repetitions"), ends.len(), 1);
    }
    row.finish();
}

/// All six, shuffled, and up to six of them again, anywhere.
fn random_order(rng: &mut Rng) -> Vec<usize> {
    let mut order: Vec<usize> = (0..6).collect();
    for _ in 0..rng.next() % 7 {
        order.push((rng.next() % 6) as usize);
    }
    for at in (1..order.len()).rev() {
        order.swap(at, (rng.next() % (at as u64 + 1)) as usize);
    }
    order
}
