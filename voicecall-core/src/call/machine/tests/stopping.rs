//! Streams that stop, and what becomes of their calls.

use super::*;

/// What the machine makes of these inputs, each at its millisecond: when the call was over, and what was to be done then.
fn ends_after(inputs: &[(u64, InputEvent<'static>)]) -> (u64, Effect) {
    let (dialogue, told) =
        consenting(["Det här är en mycket lång mening som avbryts av att ledningen försvinner", "x"]);
    let mut call = Call::new(settings(), dialogue);
    for (at, input) in inputs {
        call.run(ms(*at));
        call.input(input.clone());
    }
    call.run(ms(9000));
    let effect = call.seen.iter().find_map(|(at, output)| match output {
        Output::Effect(effect @ (Effect::HangUp(_) | Effect::Reconnect)) => Some((at.as_millis(), effect.clone())),
        _ => None,
    });
    let (at, effect) = effect.unwrap();
    let reason = match effect {
        Effect::HangUp(reason) => reason,
        _ => EndReason::TechnicalFailure,
    };
    let facts = call.at(|output| matches!(output, Output::Journal { fact: Fact::Ended { .. }, .. }));
    assert_eq!(facts, [ms(at)], "once");
    assert_eq!(told.lock().unwrap().last(), Some(&DialogueEvent::Ended(reason)));
    (at, effect)
}

#[test]
fn a_stream_that_stops_is_a_hang_up_only_if_the_call_is_over() {
    const HUNG_UP: Effect = Effect::HangUp(EndReason::RemoteHangup);
    let stopped = || InputEvent::Media(MediaEvent::Stopped);
    let cases = [
        (vec![(1000, stopped())], (3000, HUNG_UP)),
        (vec![(1000, stopped()), (1020, InputEvent::Disconnected)], (3000, HUNG_UP)),
        (vec![(1000, stopped()), (1100, InputEvent::CallEnded)], (1100, HUNG_UP)),
        (vec![(1000, stopped()), (1100, InputEvent::CallContinues)], (1100, Effect::Reconnect)),
        // What the carrier says may overtake what the stream says.
        (vec![(1000, InputEvent::CallEnded), (1100, stopped())], (1100, HUNG_UP)),
        (vec![(1000, InputEvent::CallEnded), (1100, InputEvent::Disconnected)], (1100, HUNG_UP)),
        (vec![(1000, InputEvent::CallContinues), (1100, stopped())], (1100, Effect::Reconnect)),
        (vec![(1000, InputEvent::CallContinues), (1020, InputEvent::CallEnded), (1100, stopped())], (1100, HUNG_UP)),
        (vec![(1000, InputEvent::CallEnded), (1020, InputEvent::CallContinues), (1100, stopped())], (1100, HUNG_UP)),
        // Long ago it was said of another stream.
        (vec![(100, InputEvent::CallContinues), (2200, stopped())], (4200, HUNG_UP)),
        (vec![(1000, InputEvent::Disconnected)], (1000, Effect::Reconnect)),
    ];
    for (inputs, expected) in cases {
        assert_eq!(ends_after(&inputs), expected, "{inputs:?}");
    }
}

#[test]
fn whoever_stands_above_a_call_whose_stream_has_stopped_may_end_it() {
    let end = InputEvent::Dialogue(Action::EndNow(EndReason::Canceled));
    let ended = ends_after(&[(1000, InputEvent::Media(MediaEvent::Stopped)), (1500, end)]);
    assert_eq!(ended, (1500, Effect::HangUp(EndReason::Canceled)));
}

#[test]
fn nothing_is_said_or_asked_of_a_voice_once_the_stream_has_stopped() {
    let (dialogue, _) = consenting(["Hej", "Tack", "x"]);
    let mut call = Call::new(settings(), dialogue);
    call.run(ms(1000));
    call.caller_speaks(Duration::from_millis(500));
    call.input(InputEvent::Media(MediaEvent::Stopped));
    let stopped = call.now;
    call.run(ms(9000));
    let speaks = |output: &Output| matches!(output, Output::Send(_) | Output::Start { task: AgentTask::Speak(_), .. });
    assert_eq!(call.at(speaks).into_iter().filter(|at| *at >= stopped).count(), 0);
    assert!(call.facts().iter().any(|fact| matches!(fact, Fact::Heard(_))), "the last words are kept");
}
