//! C10: no mark ever comes back.

use std::time::Duration;

use voicecall::dialogue::{Dialogue, Scripted};
use voicecall::store::{Direction, EndReason};

use super::row::{Row, scaled};
use super::world::{Setup, World, in_virtual_time};

const SEED: u64 = 0xC10;
const LINES: [&str; 3] = ["Hello.", "How was it?", "Thank you."];

/// How long each call's conversation took, and how many sessions did not complete.
async fn conversations(direction: Direction, calls: u64, marks: bool) -> (Vec<Duration>, usize) {
    let mut setup = Setup::new(SEED, Vec::new());
    setup.carrier.returns_marks = marks;
    setup.carrier.people.speak = Duration::from_millis(600);
    setup.carrier.packet = Duration::from_millis(20);
    setup.dialogue = std::sync::Arc::new(|_| Box::new(Scripted::new(LINES)) as Box<dyn Dialogue>);
    let world = World::new(setup);
    world.begin_calls(direction, calls).await;
    world.until_over(Duration::from_secs(600)).await;
    let mut hung = 0;
    for id in world.sessions().await {
        hung += usize::from(world.session(id).await.end_reason != Some(EndReason::Completed));
    }
    let lasted = world.carrier.calls().iter().map(|call| call.ended_at.unwrap() - call.conversed_at.unwrap()).collect();
    (lasted, hung)
}

#[test]
fn a_turn_goes_on_by_the_clock_when_its_mark_never_comes() {
    lose_marks(Row::new("C10", "calls of three turns in which no mark comes back", SEED), Direction::Outbound);
    lose_marks(
        Row::new("C10", "calls that come in, of three turns, in which no mark comes back", SEED),
        Direction::Inbound,
    );
}

fn lose_marks(mut row: Row, direction: Direction) {
    let calls = scaled(500);
    let (with, _) = in_virtual_time(conversations(direction, calls, true));
    let (without, hung) = in_virtual_time(conversations(direction, calls, false));
    let longest = with.iter().zip(&without).map(|(with, without)| without.saturating_sub(*with)).max().unwrap();
    row.did(calls);
    row.never("calls that hung", hung);
    row.at_most("milliseconds a turn waits longer than with marks, at most", longest.as_millis() / 3, 2000);
    row.finish();
}
