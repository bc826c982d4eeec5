//! What a carrier, a network and a process may do to calls, each as often as `docs/reliability.md` says: a tenth of it in
//! an ordinary run, all of it with `VOICECALL_SOAK=1`. Every scenario is drawn from a seed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test that meets an unexpected result should stop there"
)]

mod agent;
mod bakery;
mod process;
mod questions;
mod row;
mod served;
mod world;

mod burst_at_closing_time;
mod daylight_saving;
mod deploys;
mod duplicates;
mod early_reports;
mod executor;
mod forged_webhooks;
mod hostile_connections;
mod hostile_frames;
mod kills;
mod late_reports;
mod lost_marks;
mod lost_reports;
mod lost_sockets;
mod memory;
mod order_of_reports;
mod outage;
mod panics;
mod rate_limits;
mod slow_connections;
mod stale_attempts;
mod stalled_transcriber;
mod storm;
mod tool_kills;
mod two_carriers;
mod unknown_outcomes;
mod workers;
