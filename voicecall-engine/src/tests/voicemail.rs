//! Calls that a machine answers: hung up on or left a message, whether the agent was silent meanwhile or talked to it.

use std::time::Duration;

use super::world::*;
use crate::*;
use voicecall_core::carrier::{
    AnsweredBy, CallFlow, CallStatus, DetectionMode, GreetingEnd, MachineVerdict, PlaceCall,
};
use voicecall_core::dialogue::Scripted;
use voicecall_core::journal::Fact;
use voicecall_core::store::*;

const BEEP: AnsweredBy = AnsweredBy::MachineEnd(GreetingEnd::Beep);

fn world(voicemail: Voicemail) -> World {
    let world = World::new();
    let mut policy = DialPolicy::once();
    (policy.max_attempts, policy.voicemail) = (3, voicemail);
    *world.desk.policy.lock().unwrap() = Some(policy);
    world
}

fn message() -> CallFlow {
    CallFlow::farewell("We call again.", "en-US")
}

fn last_order(world: &World) -> PlaceCall {
    world.carrier.orders().pop().unwrap()
}

/// The session waits for its next attempt, and the last one is booked.
async fn assert_waits(world: &World, placed: &Placed) {
    let session = world.read(placed.session).await;
    assert_eq!((session.status, session.due_at.is_some()), (SessionStatus::Connecting, true));
    assert_eq!(world.last_attempt(placed.session).await.outcome, Some(EndReason::Voicemail));
}

/// The next attempt of a session that waits.
async fn placed_again(world: &World, placed: &Placed) -> Placed {
    let session = world.engine.place(&world.read(placed.session).await).await.unwrap();
    let attempt = world.last_attempt(session.id).await;
    let key = CallKey::of(&attempt).unwrap();
    Placed { session: session.id, key, call: attempt.call.unwrap().as_str().to_owned() }
}

#[tokio::test(start_paused = true)]
async fn one_machine_is_left_a_message_and_the_next_one_is_not() {
    let world = world(Voicemail::LeaveMessage(WhileDetecting::Silence, message()));
    let placed = world.placed().await;
    let detection = last_order(&world).machine_detection.unwrap();
    assert_eq!((detection.mode, detection.machine), (DetectionMode::BeforeInstructions, MachineVerdict::AfterGreeting));
    let reply = world.answer_by(&placed, BEEP).await.unwrap();
    assert!(reply.body.contains("We call again."), "{}", reply.body);
    assert_waits(&world, &placed).await;
    assert_eq!(world.answer_by(&placed, BEEP).await.unwrap().body, reply.body, "who asks twice gets one answer");
    let waiting = world.read(placed.session).await;
    world.report(placed.key, &placed.call, CallStatus::Completed).await.unwrap();
    assert_eq!(world.read(placed.session).await, waiting, "its end is no news");

    let second = placed_again(&world, &placed).await;
    assert_eq!(last_order(&world).machine_detection.unwrap().machine, MachineVerdict::AtOnce);
    assert_eq!(world.answer_by(&second, AnsweredBy::MachineStart).await.unwrap().body, r#"["hang_up"]"#);
    let third = placed_again(&world, &placed).await;
    world.answer_by(&third, AnsweredBy::MachineStart).await.unwrap();
    let ended = world.read(placed.session).await;
    assert_eq!((ended.status, ended.end_reason), (SessionStatus::Failed, Some(EndReason::Voicemail)));
}

#[tokio::test(start_paused = true)]
async fn a_person_is_connected_whatever_the_policy() {
    for answered_by in [AnsweredBy::Human, AnsweredBy::Unknown] {
        let world = world(Voicemail::HangUp(WhileDetecting::Silence));
        let placed = world.placed().await;
        token(&world.answer_by(&placed, answered_by).await.unwrap());
    }
    let undetected = World::new();
    undetected.placed().await;
    assert_eq!(last_order(&undetected).machine_detection, None);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_the_agent_talks_to_is_hung_up_on_and_leaves_nothing() {
    let world = world(Voicemail::HangUp(WhileDetecting::Agent));
    world.desk.will_hold(Scripted::new(["One.", "Two."]));
    let call = world.connected().await;
    assert!(matches!(last_order(&world).machine_detection.unwrap().mode, DetectionMode::InBackground { .. }));
    let phone = tokio::spawn(call.phone.listen());
    settle().await;
    assert_eq!(world.read(call.placed.session).await.status, SessionStatus::Connecting, "nobody knows who it is");
    for _ in 0..2 {
        world.detected(&call.placed, AnsweredBy::MachineStart).await.unwrap();
    }
    assert_eq!(call.run.await.unwrap().unwrap(), EndReason::Voicemail);
    phone.await.unwrap();
    assert_waits(&world, &call.placed).await;
    assert_eq!(world.carrier.hang_ups().len(), 1);
    let journal = world.journal(call.placed.session).await;
    assert!(journal.iter().all(|entry| matches!(entry.fact, Fact::Cost(_))), "{journal:?}");
    assert_eq!(world.desk.outcomes.lock().unwrap()[0].reason, EndReason::Voicemail);
    let again = placed_again(&world, &call.placed).await;
    token(&world.answer(again.key, &again.call).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_the_agent_talks_to_is_left_a_message_when_its_greeting_is_over() {
    let world = world(Voicemail::LeaveMessage(WhileDetecting::Agent, message()));
    let call = world.connected().await;
    let phone = tokio::spawn(call.phone.listen());
    settle().await;
    world.detected(&call.placed, BEEP).await.unwrap();
    call.run.await.unwrap().unwrap();
    phone.await.unwrap();
    assert!(world.carrier.hang_ups().is_empty(), "the call goes on, without us");
    let reply = world.resume(call.placed.key, &call.placed.call).await.unwrap();
    assert!(reply.body.contains("We call again."), "{}", reply.body);
    assert_waits(&world, &call.placed).await;
}

#[tokio::test(start_paused = true)]
async fn a_machine_found_out_before_its_audio_came_is_hung_up_on() {
    let world = world(Voicemail::HangUp(WhileDetecting::Agent));
    let (placed, _) = world.answered().await;
    world.detected(&placed, AnsweredBy::Fax).await.unwrap();
    assert_waits(&world, &placed).await;
    assert_eq!(world.carrier.hang_ups().len(), 1);
    assert_eq!(world.answer(placed.key, &placed.call).await.unwrap().body, r#"["hang_up"]"#);
}

#[tokio::test(start_paused = true)]
async fn nobody_talks_to_a_machine_that_was_found_out_before_its_audio_came() {
    let world = world(Voicemail::LeaveMessage(WhileDetecting::Agent, message()));
    let (placed, token) = world.answered().await;
    world.detected(&placed, BEEP).await.unwrap();
    let (run, peer) = world.run(world.admit(&token).unwrap());
    assert!(Phone::new(peer, &placed.call).listen().await.is_empty());
    assert_kind(run.await.unwrap(), voicecall_core::ErrorKind::Conflict);
    assert_waits(&world, &placed).await;
    let reply = world.resume(placed.key, &placed.call).await.unwrap();
    assert!(reply.body.contains("We call again."), "{}", reply.body);
}

#[tokio::test(start_paused = true)]
async fn what_a_person_said_is_stored_once_it_is_known_to_be_one() {
    // Told so; not told in time; gone before it was known.
    for told_after in [Some(Duration::from_secs(4)), None] {
        let world = world(Voicemail::HangUp(WhileDetecting::Agent));
        world.desk.will_hold(Scripted::new(["One.", "Two.", "Three.", "Four.", "Five.", "Six.", "Seven.", "Eight."]));
        let call = world.connected().await;
        let phone = tokio::spawn(call.phone.listen());
        tokio::time::sleep(Duration::from_secs(4)).await;
        assert_eq!(world.journal(call.placed.session).await, []);
        if told_after.is_some() {
            world.detected(&call.placed, AnsweredBy::Human).await.unwrap();
        } else {
            tokio::time::sleep(Duration::from_secs(32)).await;
        }
        settle().await;
        let session = world.read(call.placed.session).await;
        assert_eq!(session.status, SessionStatus::InProgress);
        assert!(world.journal(call.placed.session).await.iter().any(|entry| entry.fact == Fact::Connected));
        call.run.await.unwrap().unwrap();
        phone.await.unwrap();
    }
    let world = world(Voicemail::HangUp(WhileDetecting::Agent));
    let call = world.connected().await;
    call.phone.listen().await;
    assert_eq!(call.run.await.unwrap().unwrap(), EndReason::Completed);
    assert_eq!(world.read(call.placed.session).await.status, SessionStatus::Completed);
}

#[tokio::test(start_paused = true)]
async fn whoever_consented_is_reached_whatever_the_carrier_believes() {
    let world = world(Voicemail::HangUp(WhileDetecting::Agent));
    world.desk.will_hold(Consenting { given: true, lines: Scripted::new(["One.", "Two."]) });
    let call = world.connected().await;
    let phone = tokio::spawn(call.phone.listen());
    settle().await;
    assert_eq!(world.read(call.placed.session).await.status, SessionStatus::InProgress);
    world.detected(&call.placed, AnsweredBy::MachineStart).await.unwrap();
    call.run.await.unwrap().unwrap();
    phone.await.unwrap();
    let session = world.read(call.placed.session).await;
    assert_eq!((session.status, session.end_reason), (SessionStatus::Failed, Some(EndReason::Voicemail)));
    let consent = Fact::Consent { given: true };
    assert!(world.journal(call.placed.session).await.iter().any(|entry| entry.fact == consent));
}
