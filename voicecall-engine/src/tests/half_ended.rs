//! Processes that die behind the last fact of a call and before the end of its session: the next one books what happened.

use std::time::Duration;

use super::transfers::{OFFICE, Switchboard};
use super::world::*;
use crate::Recovered;
use voicecall_core::carrier::{CallFlow, CallStatus, VoiceBackend};
use voicecall_core::dialogue::{Dialogue, Scripted};
use voicecall_core::journal::Fact;
use voicecall_core::store::{EndReason, SessionStatus};
use voicecall_core::testing::CarrierRequest;

const SECOND: Duration = Duration::from_secs(1);

/// The process after one that could store a call's end in the journal, and not in its session.
async fn died_ending(dialogue: impl Dialogue + 'static) -> (World, Placed) {
    let world = World::new();
    world.desk.will_hold(dialogue);
    let call = world.connected().await;
    let phone = tokio::spawn(call.phone.stop_after(SECOND));
    tokio::time::sleep(SECOND / 2).await;
    world.store.fails_for("change_session", 300 * SECOND);
    call.run.await.unwrap().unwrap_err();
    phone.await.unwrap();
    tokio::time::sleep(300 * SECOND).await;
    let session = world.read(call.placed.session).await;
    let ended = Fact::Ended { reason: EndReason::Completed };
    assert_eq!(session.status, SessionStatus::InProgress, "{session:?}");
    assert!(world.journal(session.id).await.iter().any(|entry| entry.fact == ended));
    let next = world.restarted();
    next.carrier.has_call(&call.placed.call, CallStatus::InProgress);
    (next, call.placed)
}

async fn assert_completed(world: &World, placed: &Placed) {
    let session = world.read(placed.session).await;
    assert_eq!((session.status, session.end_reason), (SessionStatus::Completed, Some(EndReason::Completed)));
    assert_eq!(world.desk.outcomes.lock().unwrap().len(), 1, "the application hears of it");
}

/// How often the carrier was told how a call goes on.
fn redirects(world: &World) -> usize {
    let is_redirect = |request: &&CarrierRequest| matches!(request, CarrierRequest::UpdateCall(..));
    world.carrier.requests().iter().filter(is_redirect).count()
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_handed_over_is_left_to_whoever_has_it() {
    let (world, placed) = died_ending(Switchboard(OFFICE, None)).await;
    assert_eq!(world.engine.recover().await.unwrap(), Recovered { closed: 1, ..Recovered::default() });
    assert_completed(&world, &placed).await;
    tokio::time::sleep(30 * SECOND).await;
    assert_eq!((redirects(&world), world.carrier.hang_ups()), (1, vec![]), "the transfer, and nothing else");
}

#[tokio::test(start_paused = true)]
async fn a_caller_is_not_brought_back_when_whoever_took_the_call_has_hung_up() {
    let (world, placed) = died_ending(Switchboard(OFFICE, None)).await;
    let reply = world.resume(placed.key, &placed.call).await.unwrap();
    assert_eq!(reply, world.carrier.reply(&CallFlow::hang_up()).unwrap());
    assert_completed(&world, &placed).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_had_said_goodbye_is_hung_up_and_not_continued() {
    let (world, placed) = died_ending(Scripted::new(["Goodbye."])).await;
    let before = world.carrier.hang_ups().len();
    assert_eq!(world.engine.recover().await.unwrap(), Recovered { closed: 1, ..Recovered::default() });
    assert_completed(&world, &placed).await;
    assert_eq!((redirects(&world), world.carrier.hang_ups().len()), (0, before + 1));
}

#[tokio::test(start_paused = true)]
async fn what_the_carrier_reports_of_a_call_that_had_ended_does_not_make_it_a_failure() {
    let (world, placed) = died_ending(Scripted::new(["Goodbye."])).await;
    world.report(placed.key, &placed.call, CallStatus::Completed).await.unwrap();
    assert_completed(&world, &placed).await;
}
