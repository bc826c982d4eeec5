//! C15: a burst shortly before the permitted hours end, at a carrier that lets calls wait in a queue of its own.

use std::time::Duration;

use jiff::civil::time;
use voicecall::CallHours;
use voicecall::engine::DialPolicy;
use voicecall_sim::carrier::SimCall;

use super::row::{Row, scaled};
use super::world::{Setup, World, in_virtual_time};

const SEED: u64 = 0xC15;

/// Five minutes before nine in the evening in Stockholm.
const BEGINS: &str = "2026-11-20T19:55:00Z";

/// Within this time the calls that wait at the carrier are taken back.
const TAKEN_BACK: Duration = Duration::from_secs(2);

/// Nine, counted from then.
const CLOSES: Duration = Duration::from_secs(300);

#[test]
fn nobody_is_talked_to_after_hours_however_long_the_carrier_let_the_call_wait() {
    let mut row = Row::new("C15", "calls ordered five minutes before closing time, dialled one a second", SEED);
    in_virtual_time(async {
        let mut setup = Setup::at(BEGINS, SEED, Vec::new());
        setup.carrier.dials_per_second = Some(1.0);
        setup.policy = DialPolicy::once();
        setup.policy.hours = Some(CallHours::new(time(8, 0, 0, 0), time(21, 0, 0, 0), "Europe/Stockholm").unwrap());
        let world = World::new(setup);
        world.submit_all(scaled(5_000)).await;
        world.until_over(Duration::from_secs(3 * 3600)).await;
        let calls = world.carrier.calls();
        row.did(calls.len() as u64);
        let late = |happened: &dyn Fn(&SimCall) -> Option<Duration>, grace: Duration| {
            calls.iter().filter(|call| happened(call).is_some_and(|at| at >= CLOSES + grace)).count()
        };
        let waiting = calls.iter().filter(|call| call.rang_at.is_none_or(|at| at >= CLOSES)).count();
        row.some("calls that still waited at the carrier when the hours ended", waiting as u64);
        row.never("conversations that began after hours", late(&|call| call.conversed_at, Duration::ZERO));
        row.never("phones that began to ring later than two seconds after", late(&|call| call.rang_at, TAKEN_BACK));
        row.never("sessions left open", world.open().await);
    });
    row.finish();
}
