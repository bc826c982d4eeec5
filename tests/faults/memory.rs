//! P6: more calls than a process may have at once.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::JoinSet;
use tokio::time::sleep;
use voicecall::dialogue::{Dialogue, Scripted};
use voicecall::media::{MediaEvent, StreamStart};
use voicecall::store::Direction;
use voicecall_core::testing::{PairedPeer, ScriptedMedia, paired_socket};

use super::row::{Row, scaled};
use super::served::resident_kib;
use super::world::{Setup, World, in_virtual_time};

const SEED: u64 = 0x96;

/// What a process with this many calls may hold.
const LIMIT_KIB: u64 = 256 * 1024;

#[test]
fn calls_beyond_the_limit_are_refused_and_memory_stays_within_its_own() {
    take_a_sixth(Row::new("P6", "calls at once in a process that takes a sixth of them", SEED), Direction::Outbound);
    let what = "calls that come in at once to a process that takes a sixth of them";
    take_a_sixth(Row::new("P6", what, SEED), Direction::Inbound);
}

fn take_a_sixth(mut row: Row, direction: Direction) {
    in_virtual_time(async {
        let live = scaled(200) as usize;
        let mut setup = Setup::new(SEED, Vec::new());
        setup.carrier.dials_after = Duration::from_secs(86_400);
        setup.engine.rules.max_live = live;
        setup.dialogue = Arc::new(|_| Box::new(Scripted::new(["Tell me."; 20])) as Box<dyn Dialogue>);
        let world = World::new(setup);
        let mut ringing = Vec::new();
        for n in 0..6 * live as u64 {
            ringing.push(world.ringing(direction, n).await);
        }
        // No time passes from here until all have come: a socket on which nothing is said would be taken for dead.
        let (mut running, mut peers) = (JoinSet::new(), Vec::new());
        for call in ringing {
            let (ticket, call) = world.answer(call).await;
            let Ok(ticket) = ticket else { continue };
            let (socket, peer) = paired_socket();
            let engine = Arc::clone(&world.engine);
            running.spawn(async move { engine.run(ticket, socket).await });
            let start = StreamStart { stream: None, account: None, call, parameters: [].into() };
            peer.send(ScriptedMedia::write(&MediaEvent::Started(start))).await;
            peers.push(peer);
        }
        let mut taken = 0;
        // All of them talk and are talked to at once.
        let speech = ScriptedMedia::write(&MediaEvent::audio([0x00, 0x80].repeat(80)));
        for _ in 0..500 {
            for peer in &mut peers {
                peer.send(speech.clone()).await;
                drain(peer);
            }
            sleep(Duration::from_millis(20)).await;
            taken = taken.max(world.engine.count().1);
        }
        row.did(6 * live as u64);
        row.figure("calls connected at once", taken);
        row.never("calls connected at once more or less than the limit", taken.abs_diff(live));
        drop(peers);
        while running.join_next().await.is_some() {}
    });
    row.at_most("KiB held at most", resident_kib().1, LIMIT_KIB);
    row.finish();
}

/// Takes what has been said so far, without letting time pass.
fn drain(peer: &mut PairedPeer) {
    while let Some(Some(_)) = peer.receive().now_or_never() {}
}
