//! Calls whose socket breaks: brought back, continued, and given up after a few times.

use std::time::Duration;

use super::world::*;
use voicecall_core::call::InputEvent;
use voicecall_core::carrier::{CallFlow, CallStatus, CallStep};
use voicecall_core::dialogue::Scripted;
use voicecall_core::journal::Fact;
use voicecall_core::store::*;
use voicecall_core::testing::CarrierRequest;

const SECOND: Duration = Duration::from_secs(1);

/// A call whose socket broke after a second.
async fn broken(world: &World) -> Placed {
    world.desk.will_hold(Consenting { given: true, lines: Scripted::new(["One.", "Two."]) });
    let call = world.connected().await;
    call.phone.vanish_after(SECOND).await;
    call.run.await.unwrap().unwrap();
    call.placed
}

/// The carrier asks what to do next, and connects the call again.
async fn come_back(
    world: &World,
    placed: &Placed,
) -> (tokio::task::JoinHandle<voicecall_core::Result<EndReason>>, Phone) {
    let token = token(&world.resume(placed.key, &placed.call).await.unwrap());
    let (run, peer) = world.run(world.admit(&token).unwrap());
    (run, Phone::new(peer, &placed.call))
}

fn steered(world: &World) -> Vec<CallFlow> {
    let steered = |request| if let CarrierRequest::UpdateCall(_, flow) = request { Some(flow) } else { None };
    world.carrier.requests().into_iter().filter_map(steered).collect()
}

#[tokio::test(start_paused = true)]
async fn a_broken_call_goes_on_over_another_socket() {
    let world = World::new();
    let placed = broken(&world).await;
    assert_eq!(world.read(placed.session).await.status, SessionStatus::InProgress);
    let facts = world.journal(placed.session).await.len();

    world.desk.will_hold(Consenting { given: true, lines: Scripted::new(["Goodbye."]) });
    let (run, phone) = come_back(&world, &placed).await;
    phone.listen().await;

    assert_eq!(run.await.unwrap().unwrap(), EndReason::Completed);
    let session = world.read(placed.session).await;
    assert_eq!(session.status, SessionStatus::Completed);
    let journal = world.journal(placed.session).await;
    assert!(journal.iter().map(|entry| entry.seq).eq(1..=journal.len() as u64), "without gaps");
    let of = |fact: &Fact| journal.iter().filter(|entry| entry.fact == *fact).count();
    assert_eq!((of(&Fact::Connected), of(&Fact::Resumed)), (1, 1));
    assert!(journal.windows(2).all(|pair| pair[0].fact != Fact::Connected || pair[0].offset <= pair[1].offset));
    assert_eq!(world.desk.planned.lock().unwrap()[..], [(0, false), (facts, true)]);
    assert!(steered(&world).is_empty(), "it came by itself");
    assert_eq!(world.desk.outcomes.lock().unwrap().len(), 1, "one call, one outcome");
    tokio::time::sleep(60 * SECOND).await;
    assert_eq!(world.read(placed.session).await, session);
}

/// Both connections of a call that was away for three seconds, the second perhaps in another process.
async fn recorded_across_a_break(restarts: bool, planned: u64) {
    let folder = TempFolder::new();
    let mut world = World::with(|config| config.recordings = Some(folder.0.clone()), scripted_agent());
    world.desk.will_hold(Consenting { given: true, lines: Scripted::new(["One.", "Two."]) });
    let call = world.connected().await;
    let (placed, begun) = (call.placed, tokio::time::Instant::now());
    let _ = tokio::time::timeout(3 * SECOND, call.phone.talk(SECOND, 2 * SECOND)).await;
    call.run.await.unwrap().unwrap();
    let before = recorded_frames(&folder, placed.session);
    assert!(before.len().abs_diff(150) <= 2, "{} frames of three seconds", before.len());

    if restarts {
        world.carrier.has_call(&placed.call, CallStatus::InProgress);
        world = world.restarted();
        assert_eq!(world.engine.recover().await.unwrap().live, 1);
    }
    tokio::time::sleep_until(begun + 6 * SECOND).await;
    world.desk.will_hold(Consenting { given: true, lines: Scripted::new(["Three.", "Four."]) });
    *world.desk.thinks.lock().unwrap() = Duration::from_millis(planned);
    let token = token(&world.resume(placed.key, &placed.call).await.unwrap());
    let (run, peer) = world.run(world.admit(&token).unwrap());
    let back = begun.elapsed().as_millis() as usize / 20;
    Phone::new(peer, &placed.call).talk(Duration::ZERO, Duration::from_millis(planned + 500)).await;
    run.await.unwrap().unwrap();

    let after = recorded_frames(&folder, placed.session);
    assert_eq!(after[..before.len()], before, "what was recorded stays");
    let away = &after[before.len()..back - 1];
    assert!(away.len() > 140 && away.iter().all(|frame| !frame.1), "the agent was away");
    let caller = after.iter().skip(before.len()).position(|frame| frame.0).unwrap() + before.len();
    assert!(caller.abs_diff(back) <= 2, "the caller is back at frame {caller} instead of {back}");
    let outcome = world.desk.outcomes.lock().unwrap().pop().unwrap();
    let folder = outcome.recording.expect("the session's folder");
    for inputs in ["inputs.jsonl", "inputs-2.jsonl"] {
        let file = std::fs::File::open(folder.join(inputs)).unwrap();
        let replayed = voicecall_core::call::replay(std::io::BufReader::new(file)).unwrap();
        assert!(replayed.inputs > 10, "{inputs}: {}", replayed.inputs);
    }
}

#[tokio::test(start_paused = true)]
async fn a_broken_call_has_one_recording_with_both_connections_at_their_times() {
    for planned in [0, 200, 400, 2000] {
        recorded_across_a_break(false, planned).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_goes_on_in_the_next_process_keeps_its_recording() {
    recorded_across_a_break(true, 0).await;
}

#[tokio::test(start_paused = true)]
async fn a_broken_call_that_does_not_come_by_itself_is_asked_back() {
    let world = World::new();
    let placed = broken(&world).await;
    tokio::time::sleep(2 * SECOND).await;
    let resume = format!("https://calls.example/voice/{}/resume", placed.key).parse().unwrap();
    assert_eq!(steered(&world), [CallFlow(vec![CallStep::Redirect(resume)])]);
    let (run, phone) = come_back(&world, &placed).await;
    phone.listen().await;
    assert_eq!(run.await.unwrap().unwrap(), EndReason::Completed);
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_falls_silent_is_replaced_within_three_seconds() {
    let world = World::new();
    world.desk.will_hold(Consenting { given: true, lines: Scripted::new(["One.", "Two.", "Three."]) });
    let call = world.connected().await;
    let (begun, after) = (tokio::time::Instant::now(), 3 * SECOND);
    tokio::join!(call.phone.freeze_after(after), async { call.run.await.unwrap().unwrap() });
    while steered(&world).is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(begun.elapsed() <= after + 3 * SECOND, "{:?}", begun.elapsed());
    let (run, phone) = come_back(&world, &call.placed).await;
    phone.listen().await;
    assert_eq!(run.await.unwrap().unwrap(), EndReason::Completed);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_does_not_come_back_ends_with_an_apology() {
    let world = World::new();
    let placed = broken(&world).await;
    tokio::time::sleep(15 * SECOND).await;
    let session = world.read(placed.session).await;
    assert_eq!((session.status, session.end_reason), (SessionStatus::Failed, Some(EndReason::TechnicalFailure)));
    assert_eq!(steered(&world).last(), Some(&world.farewell()));
    let reply = world.resume(placed.key, &placed.call).await.unwrap();
    assert!(reply.body.contains("We are sorry"), "too late");
    assert_eq!(world.engine.shutdown(SECOND).await, 0, "nothing is left of it");
}

#[tokio::test(start_paused = true)]
async fn a_call_breaks_three_times_at_most() {
    let world = World::new();
    let placed = broken(&world).await;
    for _ in 0..2 {
        world.desk.will_hold(Consenting { given: true, lines: Scripted::new(["One.", "Two."]) });
        let (run, phone) = come_back(&world, &placed).await;
        phone.vanish_after(SECOND).await;
        run.await.unwrap().unwrap();
    }
    assert_eq!(world.read(placed.session).await.end_reason, Some(EndReason::TechnicalFailure));
    assert_eq!(steered(&world).last(), Some(&world.farewell()));
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_never_comes_is_not_asked_for_for_ever() {
    let world = World::new();
    let placed = broken(&world).await;
    for _ in 0..2 {
        token(&world.resume(placed.key, &placed.call).await.unwrap());
    }
    assert!(world.resume(placed.key, &placed.call).await.unwrap().body.contains("We are sorry"));
    assert_eq!(world.read(placed.session).await.end_reason, Some(EndReason::TechnicalFailure));
}

#[tokio::test(start_paused = true)]
async fn a_call_goes_on_in_the_next_process() {
    let before = World::new();
    let placed = broken(&before).await;
    before.carrier.has_call(&placed.call, CallStatus::InProgress);
    let world = before.restarted();
    assert_eq!(world.engine.recover().await.unwrap().live, 1);
    tokio::time::sleep(2 * SECOND).await;
    let (run, phone) = come_back(&world, &placed).await;
    phone.listen().await;
    assert_eq!(run.await.unwrap().unwrap(), EndReason::Completed);
    let epochs: std::collections::BTreeSet<_> =
        world.journal(placed.session).await.iter().map(|entry| entry.epoch).collect();
    assert!(epochs.len() > 1, "the process before must not write any more");
}

#[tokio::test(start_paused = true)]
async fn whoever_hung_up_during_the_break_is_not_waited_for() {
    let world = World::new();
    let placed = broken(&world).await;
    world.report(placed.key, &placed.call, CallStatus::Completed).await.unwrap();
    assert_eq!(world.read(placed.session).await.end_reason, Some(EndReason::TechnicalFailure));
    tokio::time::sleep(30 * SECOND).await;
    assert!(steered(&world).is_empty(), "nobody is there to be told");
    assert!(world.carrier.hang_ups().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_question_that_comes_five_times_counts_once() {
    let world = World::new();
    let placed = broken(&world).await;
    world.desk.will_hold(Consenting { given: true, lines: Scripted::new(["Goodbye."]) });
    let first = token(&world.resume_as(placed.key, &placed.call, "one").await.unwrap());
    for _ in 0..4 {
        assert_eq!(token(&world.resume_as(placed.key, &placed.call, "one").await.unwrap()), first);
    }
    let (run, peer) = world.run(world.admit(&first).unwrap());
    let phone = tokio::spawn(Phone::new(peer, &placed.call).listen());
    // One more copy, while the call goes on.
    world.resume_as(placed.key, &placed.call, "one").await.unwrap();
    assert_eq!(run.await.unwrap().unwrap(), EndReason::Completed);
    phone.await.unwrap();
}

/// The carrier brings a broken call back by itself and then does as it was asked meanwhile: it stops the new stream, and
/// asks again. `first` is what we learn first.
async fn redirected_twice(first: First) {
    let world = World::new();
    let placed = broken(&world).await;
    world.desk.will_hold(Consenting { given: true, lines: Scripted::new(["One.", "Two."]) });
    let (run, phone) = come_back(&world, &placed).await;
    let question = async {
        let wait = if first == First::Question { SECOND - Duration::from_millis(50) } else { SECOND * 3 / 2 };
        tokio::time::sleep(wait).await;
        world.resume_as(placed.key, &placed.call, "redirected").await.unwrap()
    };
    let (reply, (), end) = tokio::join!(question, phone.stop_after(SECOND), run);
    assert_eq!(end.unwrap().unwrap(), EndReason::TechnicalFailure);
    assert_eq!(world.read(placed.session).await.status, SessionStatus::InProgress);

    world.desk.will_hold(Consenting { given: true, lines: Scripted::new(["Goodbye."]) });
    let (run, peer) = world.run(world.admit(&token(&reply)).unwrap());
    Phone::new(peer, &placed.call).listen().await;
    assert_eq!(run.await.unwrap().unwrap(), EndReason::Completed);
    assert_eq!(world.read(placed.session).await.end_reason, Some(EndReason::Completed));
    assert_eq!(world.carrier.hang_ups().len(), 1, "by us, at the end");
    assert!(steered(&world).is_empty(), "no other connection was asked for");
    assert_eq!(world.desk.outcomes.lock().unwrap().len(), 1, "one call, one outcome");
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum First {
    Stop,
    Question,
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_was_redirected_is_no_hang_up() {
    redirected_twice(First::Stop).await;
    redirected_twice(First::Question).await;
}

/// A call whose stream stops after a second. Returns how long its end then took.
async fn stopped(world: &World, call: OnLine) -> Duration {
    call.phone.stop_after(SECOND).await;
    let stopped = tokio::time::Instant::now();
    assert_eq!(call.run.await.unwrap().unwrap(), EndReason::RemoteHangup);
    let session = world.read(call.placed.session).await;
    assert_eq!(session.end_reason, Some(EndReason::RemoteHangup));
    assert!(world.carrier.hang_ups().is_empty() && steered(world).is_empty(), "nobody is there any more");
    stopped.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_stops_with_the_call_is_a_hang_up_at_once() {
    for delay in [SECOND - Duration::from_millis(50), SECOND + Duration::from_millis(50)] {
        let world = World::new();
        world.desk.will_hold(Consenting { given: true, lines: Scripted::new(["One.", "Two."]) });
        let call = world.connected().await;
        let (key, id) = (call.placed.key, call.placed.call.clone());
        let report = async {
            tokio::time::sleep(delay).await;
            world.report(key, &id, CallStatus::Completed).await.unwrap();
        };
        let (took, ()) = tokio::join!(stopped(&world, call), report);
        assert!(took <= Duration::from_millis(100), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_stops_is_a_hang_up_if_nothing_more_is_heard_of_the_call() {
    let world = World::new();
    world.desk.will_hold(Consenting { given: true, lines: Scripted::new(["One.", "Two."]) });
    let call = world.connected().await;
    let took = stopped(&world, call).await;
    assert!((2 * SECOND..=2 * SECOND + Duration::from_millis(100)).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_report_about_an_earlier_call_says_nothing_about_this_one() {
    let world = World::new();
    world.desk.will_hold(Consenting { given: true, lines: Scripted::new(["One.", "Two."]) });
    let call = world.connected().await;
    let other = voicecall_core::CarrierCallId::new("another");
    let ended = async {
        tokio::time::sleep(SECOND / 2).await;
        world.engine.tell_live(call.placed.session, &other, InputEvent::CallEnded);
    };
    tokio::join!(ended, call.phone.vanish_after(SECOND));
    call.run.await.unwrap().unwrap();
    assert_eq!(world.read(call.placed.session).await.status, SessionStatus::InProgress, "it may come back");
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_names_no_call_brings_none_back() {
    let world = World::new();
    let placed = broken(&world).await;
    let token = token(&world.resume(placed.key, &placed.call).await.unwrap());
    let (stranger, peer) = world.run(world.admit(&token).unwrap());
    Phone::new(peer, "somebody else's").start().await;
    assert_kind(stranger.await.unwrap(), voicecall_core::ErrorKind::Protocol);
    tokio::time::sleep(60 * SECOND).await;
    assert_eq!(world.read(placed.session).await.end_reason, Some(EndReason::TechnicalFailure), "given up");
}
