//! P3: the two nights of 2027 in which clocks change, in hours of the day and in hours of that night.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Time, time};
use jiff::tz::TimeZone;
use voicecall::CallHours;
use voicecall::engine::DialPolicy;

use super::row::{Row, scaled};
use super::world::{Setup, World, in_virtual_time};

const SEED: u64 = 0x93;
const ZONE: &str = "Europe/Stockholm";

/// The evenings before the hour that is skipped and the one that is repeated.
const NIGHTS: [&str; 2] = ["2027-03-27T20:00:00Z", "2027-10-30T20:00:00Z"];

/// Whole days, and the hours around the change itself: in March 2:00 to 3:00 does not exist, in October it comes twice.
const HOURS: [(Time, Time); 3] = [
    (time(8, 0, 0, 0), time(21, 0, 0, 0)),
    (time(1, 30, 0, 0), time(4, 30, 0, 0)),
    (time(2, 15, 0, 0), time(2, 50, 0, 0)),
];

#[test]
fn a_change_of_clocks_lets_no_phone_ring_outside_its_hours_and_skips_or_repeats_no_job() {
    let mut row =
        Row::new("P3", "jobs through each night of a change of clocks in 2027, in three kinds of hours", SEED);
    let (mut outside, mut wrong) = (0, 0);
    for night in NIGHTS {
        for (from, until) in HOURS {
            in_virtual_time(async {
                let mut setup = Setup::at(night, SEED, Vec::new());
                setup.policy = DialPolicy::once();
                setup.policy.give_up_after = Duration::from_secs(96 * 3600);
                setup.policy.hours = Some(CallHours::new(from, until, ZONE).unwrap());
                setup.engine.rules.ring_timeout = Duration::from_secs(20);
                let world = World::new(setup);
                let jobs = scaled(1_000);
                for n in 0..jobs {
                    world.submit(n).await;
                    tokio::time::sleep(Duration::from_secs(12 * 3600) / u32::try_from(jobs).unwrap()).await;
                }
                world.until_over(Duration::from_secs(72 * 3600)).await;
                let calls = world.carrier.calls();
                let zone = TimeZone::get(ZONE).unwrap();
                let shown = |at: Duration| {
                    let at: Timestamp = world.begins + at;
                    at.to_zoned(zone.clone()).time()
                };
                let rang = calls.iter().filter_map(|call| call.rang_at);
                outside += rang.filter(|at| shown(*at) < from || shown(*at) >= until).count();
                wrong +=
                    calls.len().abs_diff(usize::try_from(jobs).unwrap()) + world.called_twice() + world.open().await;
                row.did(jobs);
            });
        }
    }
    row.never("phones that rang outside the hours", outside);
    row.never("jobs skipped or repeated", wrong);
    row.finish();
}
