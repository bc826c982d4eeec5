//! Several processes over one store: each leaves to the others what they hold, and takes over what they let go of.

use std::sync::Arc;
use std::time::Duration;

use super::world::*;
use voicecall_core::ErrorKind;
use voicecall_core::agent::Cascade;
use voicecall_core::carrier::CallStatus;
use voicecall_core::dialogue::Scripted;
use voicecall_core::media::MediaCommand;
use voicecall_core::store::*;
use voicecall_core::testing::{CarrierRequest, ScriptedModel, ScriptedTranscriber, ScriptedVoice};

const SECOND: Duration = Duration::from_secs(1);

pub(super) fn two() -> (World, World) {
    let one = World::with(|config| config.shares_store = true, scripted_agent());
    let other = one.restarted();
    (one, other)
}

#[tokio::test(start_paused = true)]
async fn what_another_process_holds_is_left_to_it() {
    let (one, other) = two();
    let _tended = one.tended();
    one.desk.will_hold(Scripted::new(["One.", "Two.", "Three.", "Four.", "Five.", "Six.", "Seven.", "Eight."]));
    let ringing = one.placed().await;
    one.carrier.has_call(&ringing.call, CallStatus::Ringing);
    let live = one.connected().await;
    one.carrier.has_call(&live.placed.call, CallStatus::InProgress);
    let phone = tokio::spawn(live.phone.listen());
    for _ in 0..4 {
        tokio::time::sleep(10 * SECOND).await;
        assert_eq!(other.engine.recover().await.unwrap(), Default::default());
    }
    live.run.await.unwrap().unwrap();
    phone.await.unwrap();
    assert_eq!(one.read(live.placed.session).await.status, SessionStatus::Completed);
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_answers_slowly_costs_no_live_call_its_owner() {
    let (one, other) = two();
    let _tended = one.tended();
    one.desk.will_hold(Consenting { given: true, lines: Scripted::new(["One."; 30]) });
    let live = one.connected().await;
    one.carrier.has_call(&live.placed.call, CallStatus::InProgress);
    for _ in 0..10 {
        // Nothing is heard of these, so that the carrier is asked after each.
        one.placed().await;
    }
    one.carrier.takes(SECOND, 10 * SECOND);
    let phone = tokio::spawn(live.phone.talk(SECOND, SECOND));
    for _ in 0..18 {
        tokio::time::sleep(10 * SECOND).await;
        if live.run.is_finished() {
            break;
        }
        let session = one.read(live.placed.session).await;
        let now = one.engine.config.clock.now();
        assert!(session.leased_until.is_some_and(|until| until > now), "the call is still held");
    }
    live.run.abort();
    phone.abort();
    drop(other);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_stood_still_does_not_call_whom_another_one_calls() {
    let (slow, quick) = two();
    let session = slow.session().await;
    *slow.desk.thinks.lock().unwrap() = 60 * SECOND;
    let (placed, ()) = tokio::join!(slow.engine.place(&session), async {
        tokio::time::sleep(29 * SECOND).await;
        assert_eq!(quick.engine.recover().await.unwrap(), Default::default(), "held");
        tokio::time::sleep(2 * SECOND).await;
        assert_eq!(quick.engine.recover().await.unwrap().waiting, 1);
        quick.engine.place(&quick.read(session.id).await).await.unwrap();
    });
    assert_kind(placed, ErrorKind::Conflict);
    assert_eq!(slow.carrier.orders().len(), 1);
    assert_eq!(slow.engine.count(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_call_goes_on_in_another_process_and_its_first_one_lets_it_be() {
    let (frozen, other) = two();
    frozen.desk.will_hold(Consenting { given: true, lines: Scripted::new(["One."; 20]) });
    let call = frozen.connected().await;
    frozen.carrier.has_call(&call.placed.call, CallStatus::InProgress);
    let vanishes = tokio::spawn(call.phone.vanish_after(33 * SECOND));
    tokio::time::sleep(31 * SECOND).await;
    assert_eq!(other.engine.recover().await.unwrap().live, 1, "nobody held it");
    // The carrier leaves the first socket for the second one.
    vanishes.await.unwrap();
    other.desk.will_hold(Consenting { given: true, lines: Scripted::new(["Goodbye."]) });
    let token = token(&other.resume(call.placed.key, &call.placed.call).await.unwrap());
    let (run, peer) = other.run(other.admit(&token).unwrap());
    Phone::new(peer, &call.placed.call).listen().await;
    assert_eq!(run.await.unwrap().unwrap(), EndReason::Completed);
    assert_kind(call.run.await.unwrap(), ErrorKind::Conflict);
    let session = other.read(call.placed.session).await;
    assert_eq!(session.status, SessionStatus::Completed);
    assert!(frozen.engine.count() == (0, 0) && frozen.carrier.hang_ups().len() == 1);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_learns_that_it_has_lost_a_call_drops_it() {
    let (one, other) = two();
    one.desk.will_hold(Scripted::new(["One."; 20]));
    let call = one.connected().await;
    let phone = tokio::spawn(call.phone.listen());
    settle().await;
    let how = AcquireLease::from_anybody(LeaseTerm { now: one.engine.config.clock.now(), length: Duration::ZERO });
    other.store.acquire_lease(other.tenant, call.placed.session, how).await.unwrap();
    let _tended = one.tended();
    assert_kind(call.run.await.unwrap(), ErrorKind::Conflict);
    phone.await.unwrap();
    assert!(one.carrier.hang_ups().is_empty(), "the call is another process's");
    assert_eq!(one.read(call.placed.session).await.status, SessionStatus::InProgress);
}

#[tokio::test(start_paused = true)]
async fn a_ticket_opens_one_socket_whichever_of_the_processes_it_reaches() {
    for _ in 0..100 {
        // The same ticket at both, at the same time; only one of them was asked for it.
        let (one, other) = two();
        let (placed, token) = one.answered().await;
        let (run, peer) = one.run(one.admit(&token).unwrap());
        let (rival, rivals_peer) = other.run(other.admit(&token).unwrap());
        let phones = [peer, rivals_peer].map(|peer| tokio::spawn(Phone::new(peer, &placed.call).listen()));
        let ends = [run.await.unwrap(), rival.await.unwrap()];
        let mut spoken = 0;
        for phone in phones {
            let played = phone.await.unwrap();
            spoken += usize::from(played.iter().any(|command| matches!(command, MediaCommand::Audio(_))));
        }
        assert_eq!(ends.iter().filter(|end| end.is_ok()).count(), 1, "{ends:?}");
        assert_eq!(spoken, 1, "the other socket said nothing");
        ends.into_iter().filter(Result::is_err).for_each(|lost| assert_kind(lost, ErrorKind::Conflict));
        assert_eq!(one.read(placed.session).await.end_reason, Some(EndReason::Completed));
        assert_kind(one.admit(&token), ErrorKind::Unauthenticated);
        assert_eq!((one.engine.count(), other.engine.count()), ((0, 0), (0, 0)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_names_no_call_costs_the_one_that_does_nothing() {
    let (one, other) = two();
    let (placed, token) = one.answered().await;
    for world in [&other, &one] {
        let (stranger, peer) = world.run(world.admit(&token).unwrap());
        Phone::new(peer, "somebody else's").start().await;
        assert_kind(stranger.await.unwrap(), ErrorKind::Protocol);
        assert_eq!(one.engine.count(), (1, 0), "its call still rings");
    }
    let token = super::world::token(&one.answer(placed.key, &placed.call).await.unwrap());
    let (run, peer) = one.run(one.admit(&token).unwrap());
    Phone::new(peer, &placed.call).listen().await;
    assert_eq!(run.await.unwrap().unwrap(), EndReason::Completed);
}

#[tokio::test(start_paused = true)]
async fn a_broken_call_that_came_back_to_another_process_is_left_to_it() {
    let (one, other) = two();
    one.desk.will_hold(Consenting { given: true, lines: Scripted::new(["One.", "Two."]) });
    let call = one.connected().await;
    call.phone.vanish_after(SECOND).await;
    call.run.await.unwrap().unwrap();
    // Longer than a call may take to come back.
    let voice = ScriptedVoice::new().with_silence(150, Duration::from_millis(100));
    let agent = Cascade::new(Arc::new(ScriptedTranscriber::new()), Arc::new(ScriptedModel::new()), Arc::new(voice));
    *one.desk.agent.lock().unwrap() = Arc::new(agent);
    one.desk.will_hold(Consenting { given: true, lines: Scripted::new(["Three."]) });
    let token = token(&other.resume(call.placed.key, &call.placed.call).await.unwrap());
    let (run, peer) = other.run(other.admit(&token).unwrap());
    Phone::new(peer, &call.placed.call).listen().await;
    assert_eq!(run.await.unwrap().unwrap(), EndReason::Completed);
    tokio::time::sleep(60 * SECOND).await;
    let redirected = |request: &CarrierRequest| matches!(request, CarrierRequest::UpdateCall(..));
    assert!(!one.carrier.requests().iter().any(redirected), "nobody asked it back, or told it goodbye");
    assert_eq!(one.read(call.placed.session).await.end_reason, Some(EndReason::Completed));
    assert_eq!(one.engine.count(), (0, 0));
}
