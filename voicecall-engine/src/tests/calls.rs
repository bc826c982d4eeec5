//! Calls over a socket, from the ticket to the stored end.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::Receiver;

use super::world::*;
use crate::{LiveEvent, LiveEventKind};
use voicecall_core::CarrierCallId;
use voicecall_core::ErrorKind;
use voicecall_core::agent::{AgentOperation, Cascade};
use voicecall_core::audio::FRAME_SAMPLES;
use voicecall_core::carrier::CallStatus;
use voicecall_core::dialogue::Scripted;
use voicecall_core::journal::Fact;
use voicecall_core::media::MediaCommand;
use voicecall_core::model::SpeechChunk;
use voicecall_core::store::{EndReason, SessionStatus};
use voicecall_core::testing::{Script, ScriptedModel, ScriptedTranscriber, ScriptedVoice};

const SECOND: Duration = Duration::from_secs(1);

fn two_lines(given: bool) -> Consenting {
    Consenting { given, lines: Scripted::new(["Is now a good time?", "Thank you, goodbye."]) }
}

#[tokio::test(start_paused = true)]
async fn a_whole_call_leaves_its_journal_and_its_transcript() {
    let world = World::new();
    world.desk.will_hold(two_lines(true));
    let mut live = world.engine.subscribe();
    let call = world.connected().await;

    let commands = call.phone.talk(SECOND, SECOND).await;

    assert_eq!(call.run.await.unwrap().unwrap(), EndReason::Completed);
    assert_eq!(commands.first(), Some(&MediaCommand::Open));
    assert_eq!(commands.last(), Some(&MediaCommand::Close));
    let session = world.read(call.placed.session).await;
    assert_eq!(session.status, SessionStatus::Completed);
    let transcript = "agent: Is now a good time?\ncaller: Yes, please\nagent: Thank you, goodbye.";
    assert_eq!(world.transcript(session.id).await.as_deref(), Some(transcript));
    let journal = world.journal(session.id).await;
    assert!(journal.iter().map(|entry| entry.seq).eq(1..=journal.len() as u64), "without gaps");
    assert_eq!(journal[0].fact, Fact::Connected);
    assert!(journal.iter().any(|entry| entry.fact == Fact::Ended { reason: EndReason::Completed }));
    let outcomes = world.desk.outcomes.lock().unwrap();
    assert_eq!(outcomes.len(), 1);
    assert_eq!((outcomes[0].reason, &outcomes[0].recording), (EndReason::Completed, &None));
    assert_eq!(world.carrier.hang_ups(), [CarrierCallId::new("CA1")]);
    assert_eq!(world.engine.count(), (0, 0));
    let mut kinds = Vec::new();
    while let Ok(event) = live.try_recv() {
        kinds.push(event.kind);
    }
    let of_services = |kind: &&LiveEventKind| matches!(kind, LiveEventKind::Provider { .. } | LiveEventKind::Agent(_));
    let conversation = kinds.iter().filter(|kind| !of_services(kind)).collect::<Vec<_>>();
    assert_eq!(conversation[0], &LiveEventKind::Placed);
    // Told once it is stored, which this dialogue does not wait for.
    assert!(conversation[1..3].contains(&&LiveEventKind::Connected), "{conversation:?}");
    let ended = |kind: &LiveEventKind| {
        matches!(kind, LiveEventKind::Ended { reason: EndReason::Completed, connected: true, .. })
    };
    assert!(ended(kinds.last().unwrap()), "{kinds:?}");
}

/// What was told of the agent's services: which, whether it worked, how long it took.
fn exchanges(live: &mut Receiver<LiveEvent>) -> Vec<(AgentOperation, bool, u128)> {
    let mut told = Vec::new();
    while let Ok(event) = live.try_recv() {
        if let LiveEventKind::Agent(exchange) = event.kind {
            assert_eq!(exchange.provider, "scripted");
            told.push((exchange.operation, exchange.success, exchange.latency.as_millis()));
        }
    }
    told
}

#[tokio::test(start_paused = true)]
async fn what_the_services_do_is_told_with_its_outcome_and_its_time() {
    let ear = ScriptedTranscriber::new()
        .with_script(Script::new().fail(ErrorKind::Unavailable))
        .with_script(Script::new().stall());
    let sound = SpeechChunk { audio: vec![0xFF; 4000].into(), words: Vec::new() };
    let voice = ScriptedVoice::new()
        .with_script(Script::new().pause(Duration::from_millis(300)).item(sound.clone()).pause(SECOND))
        .with_script(Script::new().item(sound));
    let agent = Cascade::new(Arc::new(ear), Arc::new(ScriptedModel::new()), Arc::new(voice));
    let world = World::with(|_| {}, Arc::new(agent));
    world.desk.will_hold(two_lines(true));
    let mut live = world.engine.subscribe();
    let call = world.connected().await;

    call.phone.talk(SECOND, SECOND).await;

    assert_eq!(call.run.await.unwrap().unwrap(), EndReason::Completed);
    // The second transcriber never answers and is given up after the four seconds of the call's patience.
    let expected = [
        (AgentOperation::Speak, true, 300),
        (AgentOperation::Listen, false, 0),
        (AgentOperation::Listen, false, 4000),
        (AgentOperation::Speak, true, 0),
    ];
    assert_eq!(exchanges(&mut live), expected);
}

#[tokio::test(start_paused = true)]
async fn a_finished_call_is_hung_up_when_the_carrier_asks() {
    let world = World::new();
    let call = world.connected().await;
    call.phone.listen().await;
    // Asked while the end is still being stored.
    let reply = world.resume(call.placed.key, &call.placed.call).await.unwrap();
    assert_eq!(reply.body, r#"["hang_up"]"#);
    assert_eq!(world.read(call.placed.session).await.status, SessionStatus::Completed);
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_never_came_is_asked_for_twice_and_then_ends_in_an_apology() {
    let world = World::new();
    let (placed, _) = world.answered().await;
    for _ in 0..2 {
        token(&world.resume(placed.key, &placed.call).await.unwrap());
        assert_eq!(world.read(placed.session).await.status, SessionStatus::Connecting);
    }
    let reply = world.resume(placed.key, &placed.call).await.unwrap();
    assert!(reply.body.contains("We are sorry"), "{}", reply.body);
    assert_eq!(world.read(placed.session).await.end_reason, Some(EndReason::TechnicalFailure));
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_names_another_call_touches_nothing() {
    let world = World::new();
    let (placed, token) = world.answered().await;
    let (run, peer) = world.run(world.admit(&token).unwrap());
    let commands = Phone::new(peer, "CA99").listen().await;
    assert_kind(run.await.unwrap(), ErrorKind::Protocol);
    assert!(commands.is_empty(), "{commands:?}");
    assert_eq!(world.read(placed.session).await.status, SessionStatus::Connecting);
    assert!(world.journal(placed.session).await.is_empty());
    assert!(world.carrier.hang_ups().is_empty());
    assert_eq!(world.engine.count().1, 0);
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_never_starts_is_closed_after_five_seconds() {
    let world = World::new();
    let (placed, token) = world.answered().await;
    let begun = tokio::time::Instant::now();
    let (run, mut peer) = world.run(world.admit(&token).unwrap());
    assert_eq!(peer.receive().await, None);
    assert_kind(run.await.unwrap(), ErrorKind::Protocol);
    assert!(begun.elapsed() <= Duration::from_millis(5100), "{:?}", begun.elapsed());
    assert_eq!(world.read(placed.session).await.status, SessionStatus::Connecting);
}

#[tokio::test(start_paused = true)]
async fn no_more_calls_connect_than_allowed() {
    let world = World::with(|config| config.rules.max_live = 1, scripted_agent());
    let call = world.connected().await;
    let phone = tokio::spawn(call.phone.listen());
    settle().await;
    let (_, token) = world.answered().await;
    assert_kind(world.admit(&token).map(drop), ErrorKind::Unavailable);
    phone.await.unwrap();
    call.run.await.unwrap().unwrap();
    let (_, token) = world.answered().await;
    world.admit(&token).expect("there is room again");
}

#[tokio::test(start_paused = true)]
async fn an_operator_stops_a_call() {
    let world = World::new();
    world.desk.will_hold(two_lines(true));
    let call = world.connected().await;
    let phone = tokio::spawn(call.phone.listen());
    settle().await;
    let session = call.placed.session;
    assert_kind(
        world.engine.stop(voicecall_core::TenantId::new(), session, EndReason::Canceled).await,
        ErrorKind::NotFound,
    );
    world.engine.stop(world.tenant, session, EndReason::Canceled).await.unwrap();
    assert_eq!(call.run.await.unwrap().unwrap(), EndReason::Canceled);
    assert_eq!(world.read(session).await.end_reason, Some(EndReason::Canceled));
    assert_eq!(world.carrier.hang_ups().len(), 1);
    assert_kind(world.engine.stop(world.tenant, session, EndReason::Canceled).await, ErrorKind::Conflict);
    phone.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stop_before_the_stream_has_started_is_not_lost() {
    let world = World::new();
    world.desk.will_hold(two_lines(true));
    let call = world.connected().await;
    settle().await;
    world.engine.stop(world.tenant, call.placed.session, EndReason::Canceled).await.unwrap();
    settle().await;
    call.phone.listen().await;
    assert_eq!(call.run.await.unwrap().unwrap(), EndReason::Canceled);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_lets_calls_finish() {
    let world = World::new();
    let call = world.connected().await;
    let phone = tokio::spawn(call.phone.listen());
    settle().await;
    assert_eq!(world.engine.shutdown(60 * SECOND).await, 0);
    assert_eq!(world.read(call.placed.session).await.status, SessionStatus::Completed);
    phone.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_what_takes_too_long() {
    let world = World::new();
    world.desk.will_hold(two_lines(true));
    let call = world.connected().await;
    let phone = tokio::spawn(call.phone.listen());
    settle().await;
    assert_eq!(world.engine.shutdown(5 * SECOND).await, 1);
    assert_eq!(world.read(call.placed.session).await.end_reason, Some(EndReason::Canceled));
    assert_eq!(world.engine.count().1, 0);
    phone.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_end_reported_by_the_carrier_leaves_a_live_call_its_own_reason() {
    let world = World::new();
    let call = world.connected().await;
    let phone = tokio::spawn(call.phone.listen());
    settle().await;
    world.report(call.placed.key, &call.placed.call, CallStatus::Completed).await.unwrap();
    assert_eq!(call.run.await.unwrap().unwrap(), EndReason::Completed);
    assert_eq!(world.read(call.placed.session).await.end_reason, Some(EndReason::Completed));
    phone.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_a_caller_with_consent_said_is_recorded_from_the_start() {
    let folder = TempFolder::new();
    let world = World::with(|config| config.recordings = Some(folder.0.clone()), scripted_agent());
    world.desk.will_hold(two_lines(true));
    let call = world.connected().await;
    call.phone.talk(SECOND, SECOND).await;
    call.run.await.unwrap().unwrap();
    let recording = world.desk.outcomes.lock().unwrap()[0].recording.clone().unwrap();
    assert_eq!(recording, folder.0.join(call.placed.session.to_string()));
    let wav = std::fs::read(recording.join("recording.wav")).unwrap();
    assert!(wav.starts_with(b"RIFF") && wav.len() > 44 + 3 * 8000, "{} bytes", wav.len());
    assert!(std::fs::read_to_string(recording.join("inputs.jsonl")).unwrap().lines().count() > 100);
}

/// What an agent that is never silent says.
fn talking_agent() -> Arc<Cascade> {
    let sound = SpeechChunk { audio: vec![0x10; 90 * FRAME_SAMPLES].into(), words: Vec::new() };
    let voice = ScriptedVoice::new().with_script(Script::new().item(sound));
    Arc::new(Cascade::new(Arc::new(ScriptedTranscriber::new()), Arc::new(ScriptedModel::new()), Arc::new(voice)))
}

/// A call whose plan, made while it rang, is lost: it is made again while the audio comes, and takes this long.
async fn planned_on_the_line(world: &World, millis: u64, dialogue: Consenting) -> OnLine {
    let (placed, token) = world.answered().await;
    world.engine.state().ringing.values_mut().for_each(|ringing| ringing.plan = None);
    world.desk.will_hold(dialogue);
    *world.desk.thinks.lock().unwrap() = Duration::from_millis(millis);
    let (run, peer) = world.run(world.admit(&token).unwrap());
    let phone = Phone::new(peer, &placed.call);
    OnLine { placed, run, phone }
}

#[tokio::test(start_paused = true)]
async fn all_the_agent_says_is_recorded_however_long_the_call_was_planned() {
    for planned in [0, 200, 400, 2000] {
        let folder = TempFolder::new();
        let world = World::with(|config| config.recordings = Some(folder.0.clone()), talking_agent());
        let lines = Scripted::new(["Is now a good time?"]);
        let call = planned_on_the_line(&world, planned, Consenting { given: true, lines }).await;
        call.phone.listen().await;
        call.run.await.unwrap().unwrap();

        let recorded = recorded_frames(&folder, call.placed.session);
        let agent = recorded.iter().filter(|(_, agent)| *agent).count();
        assert!((90..=91).contains(&agent), "{agent} of 90 frames after {planned} ms");
        // The line was silent while the call was planned, and the agent began after that.
        let begins = recorded.iter().position(|(_, agent)| *agent).unwrap();
        assert!((planned / 20..planned / 20 + 6).contains(&(begins as u64)), "frame {begins} after {planned} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_said_while_the_call_was_planned_lies_before_the_question() {
    for planned in [0, 200, 400, 2000] {
        let world = World::new();
        let call = planned_on_the_line(&world, planned, two_lines(true)).await;
        // In the middle of planning, or as soon as the line is there.
        let (after, length) = (Duration::from_millis(planned / 2), Duration::from_millis(300));
        call.phone.talk(after, length).await;
        call.run.await.unwrap().unwrap();
        let journal = world.journal(call.placed.session).await;
        let turn = journal.iter().find_map(|entry| if let Fact::Heard(turn) = &entry.fact { Some(turn) } else { None });
        let started = turn.expect("a turn").started.as_millis();
        assert!(started.abs_diff(planned / 2) <= 40, "began at {started} ms, planned {planned} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_caller_without_consent_remains() {
    let folder = TempFolder::new();
    let world = World::with(|config| config.recordings = Some(folder.0.clone()), scripted_agent());
    world.desk.will_hold(two_lines(false));
    let call = world.connected().await;
    call.phone.talk(SECOND, SECOND).await;
    call.run.await.unwrap().unwrap();
    assert!(std::fs::read_dir(&folder.0).unwrap().next().is_none(), "a file was written");
    assert_eq!(world.desk.outcomes.lock().unwrap()[0].recording, None);
    assert_eq!(world.transcript(call.placed.session).await, None);
    let journal = world.journal(call.placed.session).await;
    assert!(journal.iter().all(|entry| !entry.fact.needs_consent()), "{journal:?}");
}
