//! A carrier that has one address for the sockets of all calls, ends no call by request and signs nothing.

use std::time::Duration;

use super::world::*;
use voicecall_core::carrier::{CallStatus, VoiceCapabilities};
use voicecall_core::dialogue::Scripted;
use voicecall_core::media::MediaCommand;
use voicecall_core::store::{EndReason, SessionStatus};
use voicecall_core::{CarrierCallId, ErrorKind};

const ACCOUNT: &str = "scripted";

fn plain() -> VoiceCapabilities {
    let mut able = VoiceCapabilities::none();
    able.list = true;
    able
}

/// A call that was answered: its socket may come to the one address.
async fn answered(world: &World) -> Placed {
    let (placed, token) = world.answered().await;
    assert_eq!(token, ACCOUNT, "one address for all");
    placed
}

/// A socket at the address of the account, with a phone that names this call.
fn arrives(world: &World, call: &str) -> (tokio::task::JoinHandle<voicecall_core::Result<EndReason>>, Phone) {
    let (run, peer) = world.run(world.admit(ACCOUNT).unwrap());
    (run, Phone::new(peer, call))
}

#[tokio::test(start_paused = true)]
async fn a_socket_is_the_calls_that_it_names_and_closing_it_ends_the_call() {
    let world = World::at(plain());
    let (one, other) = (answered(&world).await, answered(&world).await);
    let (run, phone) = arrives(&world, &other.call);
    let commands = phone.listen().await;
    assert_eq!(run.await.unwrap().unwrap(), EndReason::Completed);
    assert_eq!(commands.last(), Some(&MediaCommand::Close));
    assert_eq!(world.read(other.session).await.status, SessionStatus::Completed);
    assert_eq!(world.read(one.session).await.status, SessionStatus::Connecting, "the other call still waits");
    assert!(world.carrier.hang_ups().is_empty(), "there is no request for it");
}

#[tokio::test(start_paused = true)]
async fn a_socket_of_nobodys_call_touches_nothing_and_is_closed() {
    let world = World::at(plain());
    let placed = world.placed().await;
    for call in ["nobodys", &placed.call] {
        // The second one was not answered by us, but may have been by another process.
        let (run, phone) = arrives(&world, call);
        let talked = phone.listen().await;
        let ended = run.await.unwrap();
        if call == "nobodys" {
            assert_kind(ended, ErrorKind::NotFound);
            assert!(talked.is_empty());
        } else {
            assert_eq!(ended.unwrap(), EndReason::Completed);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_socket_of_a_call_gets_nothing() {
    let world = World::at(plain());
    world.desk.will_hold(Scripted::new(["One.", "Two.", "Three."]));
    let placed = answered(&world).await;
    let (first, phone) = arrives(&world, &placed.call);
    let listening = tokio::spawn(phone.listen());
    settle().await;
    let (second, stranger) = arrives(&world, &placed.call);
    assert!(stranger.listen().await.is_empty(), "nothing is said to it");
    assert!(matches!(second.await.unwrap().unwrap_err().kind(), ErrorKind::Conflict | ErrorKind::NotFound));
    assert!(!listening.is_finished(), "the first one goes on");
    world.engine.stop(world.tenant, placed.session, EndReason::Canceled).await.unwrap();
    assert_eq!(first.await.unwrap().unwrap(), EndReason::Canceled);
}

#[tokio::test(start_paused = true)]
async fn another_process_takes_a_calls_first_socket_and_no_later_one() {
    let world = World::at(plain());
    let placed = answered(&world).await;
    let other = world.restarted();
    let (run, phone) = arrives(&other, &placed.call);
    phone.vanish_after(Duration::from_millis(300)).await;
    let _ = run.await.unwrap();
    let third = world.restarted();
    let (run, phone) = arrives(&third, &placed.call);
    assert!(phone.listen().await.is_empty());
    assert_kind(run.await.unwrap(), ErrorKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_socket_broke_goes_on_when_the_carrier_asks_what_follows() {
    let world = World::at(plain());
    world.desk.will_hold(Scripted::new(["One.", "Two.", "Three."]));
    let placed = answered(&world).await;
    let (first, phone) = arrives(&world, &placed.call);
    phone.vanish_after(Duration::from_millis(300)).await;
    // Later than a carrier would be that goes on at once.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let reply = world.resume(placed.key, &placed.call).await.unwrap();
    assert_eq!(token(&reply), ACCOUNT);
    first.await.unwrap().unwrap();
    let (second, phone) = arrives(&world, &placed.call);
    phone.listen().await;
    assert_eq!(second.await.unwrap().unwrap(), EndReason::Completed);
    assert_eq!(world.read(placed.session).await.status, SessionStatus::Completed);
}

#[tokio::test(start_paused = true)]
async fn a_report_is_believed_if_the_carrier_knows_the_call() {
    let world = World::at(plain());
    let placed = world.placed().await;
    let ended = || async { world.read(placed.session).await.status.is_final() };
    let stranger = CarrierCallId::new("forged");
    assert_kind(world.report(placed.key, stranger.as_str(), CallStatus::Completed).await, ErrorKind::Unauthenticated);
    assert!(!ended().await);
    world.report(placed.key, &placed.call, CallStatus::Busy).await.unwrap();
    assert!(ended().await);
}

#[tokio::test(start_paused = true)]
async fn a_session_is_stopped_though_its_call_cannot_be_ended() {
    let world = World::at(plain());
    let placed = world.placed().await;
    world.engine.stop(world.tenant, placed.session, EndReason::Canceled).await.unwrap();
    let reply = world.answer(placed.key, &placed.call).await.unwrap();
    assert_eq!(reply.body, r#"["hang_up"]"#, "its answer ends it");
}
