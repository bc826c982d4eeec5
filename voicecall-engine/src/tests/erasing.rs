//! Erasing a person: whenever it comes, nothing is left, and nothing comes into being later.

use std::time::Duration;

use super::world::*;
use voicecall_core::carrier::VoiceBackend;
use voicecall_core::dialogue::Scripted;
use voicecall_core::store::{PersonStore, SessionStore};
use voicecall_core::testing::CarrierRequest;
use voicecall_core::{CarrierCallId, ErrorKind, PersonKey, SessionId};

const SECOND: Duration = Duration::from_secs(1);

/// Somebody who is talked to with consent, and whose call is recorded.
async fn recorded_call(folder: &TempFolder) -> (World, OnLine, PersonKey) {
    let recordings = folder.0.clone();
    let world = World::with(|config| config.recordings = Some(recordings), scripted_agent());
    world.desk.will_hold(Consenting { given: true, lines: Scripted::new(["Is now a good time?", "Goodbye."]) });
    let call = world.connected().await;
    let person = world.read(call.placed.session).await.remote.unwrap().lookup.into();
    (world, call, person)
}

async fn assert_nothing_is_left(world: &World, folder: &TempFolder, session: SessionId) {
    assert!(!folder.0.join(session.to_string()).exists(), "files");
    assert_kind(world.store.inner.session(world.tenant, session).await, ErrorKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn whenever_a_person_is_erased_nothing_is_left() {
    for millis in [0, 40, 300, 700, 1500, 2000, 2500, 3000, 3500, 4000, 6000, 20_000] {
        let folder = TempFolder::new();
        let (world, call, person) = recorded_call(&folder).await;
        let session = call.placed.session;
        let phone = tokio::spawn(call.phone.talk(SECOND, SECOND));
        tokio::time::sleep(Duration::from_millis(millis)).await;

        let erased = world.engine.erase_person(world.tenant, person).await.unwrap();

        assert_eq!(erased.stored.sessions, [session], "{millis} ms");
        assert_nothing_is_left(&world, &folder, session).await;
        phone.await.unwrap();
        let _ = call.run.await.unwrap();
        assert_nothing_is_left(&world, &folder, session).await;
        let again = world.engine.erase_person(world.tenant, person).await.unwrap();
        assert_eq!(again, Default::default());
    }
}

#[tokio::test(start_paused = true)]
async fn an_erase_that_failed_anywhere_is_completed_by_the_next_process() {
    for (operation, is_done) in [("export_person", false), ("erase_person", false), ("erase_person", true)] {
        let folder = TempFolder::new();
        let (world, call, person) = recorded_call(&folder).await;
        let session = call.placed.session;
        let phone = tokio::spawn(call.phone.talk(SECOND, SECOND));
        tokio::time::sleep(2 * SECOND).await;
        if is_done {
            world.store.loses_answer(operation)
        } else {
            world.store.fails_once(operation)
        }
        assert_kind(world.engine.erase_person(world.tenant, person).await, ErrorKind::Unavailable);
        // The process dies, and nobody knows any more what it was doing.
        call.run.abort();
        phone.abort();

        let next = world.restarted();
        next.engine.erase_person(next.tenant, person).await.unwrap();

        assert_nothing_is_left(&next, &folder, session).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_long_to_end_does_not_bring_its_files_back() {
    let folder = TempFolder::new();
    let (world, call, person) = recorded_call(&folder).await;
    let session = call.placed.session;
    let phone = tokio::spawn(call.phone.talk(SECOND, SECOND));
    tokio::time::sleep(2 * SECOND).await;
    // What was said cannot be stored for longer than an erase waits.
    world.store.fails_for("append", 20 * SECOND);

    world.engine.erase_person(world.tenant, person).await.unwrap();

    assert_nothing_is_left(&world, &folder, session).await;
    phone.await.unwrap();
    let _ = call.run.await.unwrap();
    assert_nothing_is_left(&world, &folder, session).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_person_another_process_has_erased_removes_its_files_itself() {
    let folder = TempFolder::new();
    let (world, call, person) = recorded_call(&folder).await;
    let session = call.placed.session;
    let phone = tokio::spawn(call.phone.talk(SECOND, SECOND));
    tokio::time::sleep(2 * SECOND).await;
    world.store.inner.erase_person(world.tenant, person).await.unwrap();
    phone.await.unwrap();
    let _ = call.run.await.unwrap();
    assert_nothing_is_left(&world, &folder, session).await;
}

#[tokio::test(start_paused = true)]
async fn what_the_carrier_has_recorded_goes_before_the_rows_that_name_it() {
    let folder = TempFolder::new();
    let (world, call, person) = recorded_call(&folder).await;
    world.carrier.has_recording(&call.placed.call, "RE1", "audio");
    let phone = tokio::spawn(call.phone.talk(SECOND, SECOND));
    tokio::time::sleep(2 * SECOND).await;

    let erased = world.engine.erase_person(world.tenant, person).await.unwrap();

    assert_eq!(erased.recordings, 1, "of one session");
    let deleted = |request: &CarrierRequest| matches!(request, CarrierRequest::DeleteRecording(_));
    assert!(world.carrier.requests().iter().any(deleted));
    assert!(world.carrier.recordings(&CarrierCallId::new(&*call.placed.call)).await.unwrap().is_empty());
    phone.await.unwrap();
}
