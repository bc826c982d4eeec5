//! Answers a model is still writing, and the tools it calls, with the agent's part played by hand.

use serde_json::json;

use super::*;
use crate::agent::Respond;
use crate::model::ToolCall;
use crate::tool::{ToolCallId, ToolEffect, ToolOutcome, ToolState};

/// Notes what it is told and does nothing by itself.
#[derive(Debug)]
struct Notes(Told);

impl Dialogue for Notes {
    fn handle(&mut self, event: &DialogueEvent, _: CallTime, _: &mut Vec<Action>) {
        self.0.lock().unwrap().push(event.clone());
    }
}

const ANSWER: UtteranceId = UtteranceId(1);

fn respond(utterance: UtteranceId) -> InputEvent<'static> {
    let request = Respond { messages: Vec::new(), tools: Vec::new(), max_tokens: 100 };
    InputEvent::Dialogue(Action::Respond { utterance, request })
}

/// A call half a second old in which a response was asked for, its operation, and what the dialogue is told.
fn responding() -> (Call, OpId, Told) {
    let told = Told::default();
    let mut call = Call::new(settings(), Notes(Told::clone(&told)));
    call.input(InputEvent::Dialogue(Action::GrantConsent));
    call.run(ms(500));
    call.input(respond(ANSWER));
    let op = started_op(&call);
    told.lock().unwrap().clear();
    (call, op, told)
}

fn started_op(call: &Call) -> OpId {
    let op = |(_, output): &(CallTime, Output)| match output {
        Output::Start { op, task: AgentTask::Respond(_) } => Some(*op),
        _ => None,
    };
    call.seen.iter().rev().find_map(op).expect("a response was started")
}

fn token(op: OpId, text: &str) -> InputEvent<'static> {
    InputEvent::Token { op, text: text.into() }
}

fn segment(op: OpId, text: &str) -> InputEvent<'static> {
    InputEvent::Segment { op, text: text.into() }
}

fn sound(op: OpId, text: &str) -> InputEvent<'static> {
    InputEvent::Speech { op, audio: Cow::Owned(speech_of(text)), words: Vec::new() }
}

fn said(call: &Call) -> Vec<(String, String)> {
    let said = |fact: &Fact| match fact {
        Fact::Said { heard, unheard, .. } => Some((heard.clone(), unheard.clone())),
        _ => None,
    };
    call.facts().into_iter().filter_map(said).collect()
}

fn tool_call() -> ToolCall {
    ToolCall { id: "1".into(), name: "hours".into(), arguments: "{}".into() }
}

#[test]
fn the_first_sentence_is_heard_while_the_model_writes_the_next() {
    let (mut call, op, told) = responding();
    call.input(token(op, "One. "));
    call.input(segment(op, "One."));
    call.input(sound(op, "One."));
    assert!(!call.at(is_audio).is_empty(), "the first frames go out at once");
    call.run(ms(600));
    for event in [token(op, "Two."), InputEvent::TextDone { op }, segment(op, "Two."), sound(op, "Two.")] {
        call.input(event);
    }
    call.input(InputEvent::Done { op });
    call.run(ms(3000));
    let told = told.lock().unwrap();
    let text = "One. Two.".to_owned();
    assert_eq!(told[..2], [DialogueEvent::Written { utterance: ANSWER, text }, DialogueEvent::Spoken(ANSWER)]);
    assert_eq!((said(&call), call.at(is_audio).len()), (vec![("One. Two.".into(), String::new())], 20));
}

#[test]
fn of_an_interrupted_answer_only_what_was_heard_was_said() {
    // 50 ms a character: the first segment lasts 900 ms, the second as long.
    for (after, heard, unheard) in [
        (0, "", "Wir haben geoeffnet. Bis zum Abend hier. Und"),
        (600, "Wir haben", "geoeffnet. Bis zum Abend hier. Und"),
        (1000, "Wir haben geoeffnet.", "Bis zum Abend hier. Und"),
        // How long the segment that is still being synthesised will be is not known: fifteen characters a second.
        (1400, "Wir haben geoeffnet. Bis", "zum Abend hier. Und"),
    ] {
        let (mut call, op, told) = responding();
        call.input(token(op, "Wir haben geoeffnet. Bis zum Abend hier. Und"));
        if after > 0 {
            for text in ["Wir haben geoeffnet.", "Bis zum Abend hier."] {
                call.input(segment(op, text));
                call.input(sound(op, text));
            }
        }
        call.run(ms(500 + after));
        call.input(InputEvent::Dialogue(Action::Interrupt));
        assert!(call.at(|output| matches!(output, Output::Cancel { op: which } if *which == op)).len() == 1);
        assert_eq!(said(&call), [(heard.to_owned(), unheard.to_owned())], "after {after} ms");
        // Whatever still arrives for it is not known any more.
        for late in [token(op, " dann"), sound(op, "late"), InputEvent::ToolCall { op, call: tool_call() }] {
            call.input(late);
        }
        call.run(ms(4000));
        assert!(told.lock().unwrap().is_empty());
    }
}

#[test]
fn a_model_that_speaks_itself_is_told_how_much_of_it_was_heard() {
    for is_done in [false, true] {
        let (mut call, op, _) = responding();
        call.input(token(op, "Wir haben geoeffnet."));
        call.input(sound(op, "Wir haben geoeffnet."));
        if is_done {
            call.input(InputEvent::TextDone { op });
            call.input(InputEvent::Done { op });
        }
        call.run(ms(500 + 600));
        call.input(InputEvent::Dialogue(Action::Interrupt));
        let told = call.at(|output| matches!(output, Output::Truncate { .. } | Output::Cancel { .. }));
        let outputs: Vec<_> = call
            .seen
            .iter()
            .map(|(_, output)| output)
            .filter(|output| matches!(output, Output::Truncate { .. }))
            .collect();
        let [Output::Truncate { op: of, samples, heard }] = outputs[..] else { panic!("{outputs:?}") };
        assert_eq!((*of, *samples, heard.as_str()), (op, 4800, "Wir haben"), "600 ms of 50 ms a character");
        assert_eq!(told.len(), if is_done { 1 } else { 2 }, "one that is done is not given up");
        assert_eq!(said(&call), [("Wir haben".to_owned(), "geoeffnet.".to_owned())]);
    }
}

#[test]
fn what_was_heard_whole_or_said_word_for_word_is_not_truncated() {
    let (mut call, op, _) = responding();
    for event in [token(op, "One."), sound(op, "One."), InputEvent::TextDone { op }, InputEvent::Done { op }] {
        call.input(event);
    }
    call.run(ms(2000));
    let utterance = Utterance { id: UtteranceId(2), text: "Two three four.".into(), interruptible: true };
    call.input(InputEvent::Dialogue(Action::Say(utterance)));
    call.run(ms(2200));
    call.input(InputEvent::Dialogue(Action::Interrupt));
    assert_eq!(call.at(|output| matches!(output, Output::Truncate { .. })), []);
}

/// Answers whatever it hears with a response.
#[derive(Debug)]
struct Responds;

impl Dialogue for Responds {
    fn handle(&mut self, event: &DialogueEvent, _: CallTime, actions: &mut Vec<Action>) {
        if let DialogueEvent::Heard(_) = event {
            let request = Respond { messages: Vec::new(), tools: Vec::new(), max_tokens: 100 };
            actions.push(Action::Respond { utterance: ANSWER, request });
        }
    }
}

#[test]
fn the_ledger_knows_when_a_model_that_speaks_itself_was_heard() {
    let mut call = Call::new(settings(), Responds);
    call.input(InputEvent::Dialogue(Action::GrantConsent));
    call.run(ms(500));
    call.caller_speaks(Duration::from_millis(600));
    while !call.seen.iter().any(|(_, output)| matches!(output, Output::Start { task: AgentTask::Respond(_), .. })) {
        call.run(call.now + Duration::from_millis(20));
        assert!(call.now < ms(5000), "nothing is answered");
    }
    let op = started_op(&call);
    call.run(call.now + Duration::from_millis(300));
    for event in [token(op, "One."), sound(op, "One."), InputEvent::TextDone { op }, InputEvent::Done { op }] {
        call.input(event);
    }
    call.run(call.now + Duration::from_secs(2));
    let latency = |fact: &Fact| if let Fact::Latency(latency) = fact { Some(*latency) } else { None };
    let latencies: Vec<_> = call.facts().into_iter().filter_map(latency).collect();
    assert_eq!(latencies.len(), 1, "{latencies:?}");
    assert_eq!(latencies[0].first_audio, latencies[0].first_token);
    assert!(latencies[0].total() > Some(Duration::from_millis(300)), "{latencies:?}");
}

#[test]
fn a_caller_who_goes_on_before_the_first_sound_takes_the_answer_back() {
    let (mut call, _, told) = responding();
    call.caller_speaks(Duration::from_millis(400));
    let interrupted = DialogueEvent::Interrupted { utterance: ANSWER, heard: String::new() };
    assert!(told.lock().unwrap().contains(&interrupted));
    assert_eq!(call.at(is_audio), []);
}

#[test]
fn a_barge_in_in_the_middle_of_a_sentence_tells_what_was_heard() {
    let (mut call, op, told) = responding();
    let text = "Wir haben heute leider schon ganz lange zu.";
    for event in
        [token(op, text), InputEvent::TextDone { op }, segment(op, text), sound(op, text), InputEvent::Done { op }]
    {
        call.input(event);
    }
    call.run(ms(1000));
    call.caller_speaks(Duration::from_millis(600));
    let heard = told.lock().unwrap().iter().find_map(|event| match event {
        DialogueEvent::Interrupted { heard, .. } => Some(heard.clone()),
        _ => None,
    });
    let heard = heard.expect("interrupted");
    assert!(!heard.is_empty() && text.starts_with(&heard) && heard.len() < text.len(), "{heard}");
}

#[test]
fn an_answer_that_only_calls_tools_comes_to_its_end_and_is_no_utterance() {
    let (mut call, op, told) = responding();
    call.input(InputEvent::ToolCall { op, call: tool_call() });
    call.input(InputEvent::TextDone { op });
    call.input(InputEvent::Done { op });
    let told = told.lock().unwrap().clone();
    assert_eq!(
        told,
        [
            DialogueEvent::ToolCall { utterance: ANSWER, call: tool_call() },
            DialogueEvent::Written { utterance: ANSWER, text: String::new() },
            DialogueEvent::Spoken(ANSWER),
        ]
    );
    assert_eq!(said(&call), []);
}

#[test]
fn a_model_is_given_up_when_its_first_or_next_word_is_late_and_never_for_being_long() {
    let failed_at = |tokens: u64| {
        let (mut call, op, told) = responding();
        for at in 0..tokens {
            call.run(ms(500 + at * 2900));
            call.input(token(op, "ord "));
        }
        let (last, mut at) = (call.now, call.now);
        let has_failed = |told: &Told| {
            told.lock().unwrap().iter().any(|event| matches!(event, DialogueEvent::ResponseFailed { .. }))
        };
        while !has_failed(&told) && at < last + Duration::from_secs(10) {
            at = at + Duration::from_millis(20);
            call.run(at);
        }
        assert!(told.lock().unwrap().contains(&DialogueEvent::Spoken(ANSWER)), "its end is told as well");
        call.now.since(last).as_millis()
    };
    assert_eq!((failed_at(0), failed_at(1), failed_at(20)), (6000, 3000, 3000));
}

#[test]
fn a_model_that_fails_in_the_middle_is_heard_as_far_as_it_has_sound() {
    let (mut call, op, told) = responding();
    for event in [token(op, "One. Two. Thr"), segment(op, "One."), sound(op, "One."), segment(op, "Two.")] {
        call.input(event);
    }
    call.input(InputEvent::Failed { op, failure: crate::ErrorKind::Unavailable.into() });
    call.run(ms(3000));
    let told = told.lock().unwrap();
    let text = "One.".to_owned();
    assert_eq!(told[..2], [DialogueEvent::ResponseFailed { utterance: ANSWER, text }, DialogueEvent::Spoken(ANSWER)]);
    assert_eq!(said(&call), [("One.".to_owned(), "Two. Thr".to_owned())]);
}

fn call_tool(effect: ToolEffect) -> InputEvent<'static> {
    let (call, name) = (ToolCallId(1), "pay".to_owned());
    InputEvent::Dialogue(Action::CallTool { call, name, arguments: json!({ "sum": 5 }), effect })
}

fn ran(call: &Call) -> usize {
    call.at(|output| matches!(output, Output::CallTool { .. })).len()
}

#[test]
fn a_tool_with_an_effect_runs_once_its_call_is_stored() {
    for (effect, at_once) in [(ToolEffect::None, 1), (ToolEffect::Idempotent, 0), (ToolEffect::Once, 0)] {
        let (mut call, _, told) = responding();
        call.input(call_tool(effect));
        assert_eq!(ran(&call), at_once, "{effect:?}");
        let seq = call.seen.iter().find_map(|(_, output)| match output {
            Output::Journal { seq, fact: Fact::ToolCalled { .. }, .. } => Some(*seq),
            _ => None,
        });
        for seq in [1, seq.unwrap(), seq.unwrap()] {
            call.input(InputEvent::Stored { seq });
        }
        assert_eq!(ran(&call), 1);
        let outcome = ToolOutcome::Returned(json!("done"));
        for _ in 0..2 {
            call.input(InputEvent::ToolResult { call: ToolCallId(1), outcome: outcome.clone() });
        }
        let results =
            told.lock().unwrap().iter().filter(|event| matches!(event, DialogueEvent::ToolResult { .. })).count();
        let returned = call
            .facts()
            .iter()
            .filter(|fact| matches!(fact, Fact::ToolReturned { state: ToolState::Returned, .. }))
            .count();
        assert_eq!((results, returned), (1, 1));
    }
}

#[test]
fn before_consent_the_journal_holds_no_arguments_and_no_results() {
    let mut call = Call::new(settings(), Notes(Told::default()));
    call.input(call_tool(ToolEffect::None));
    call.input(InputEvent::ToolResult { call: ToolCallId(1), outcome: ToolOutcome::Returned(json!("done")) });
    assert!(call.facts().iter().any(|fact| matches!(fact, Fact::ToolCalled { arguments: None, .. })));
    assert!(call.facts().iter().any(|fact| matches!(fact, Fact::ToolReturned { outcome: None, .. })));
}

#[test]
fn at_the_end_of_the_call_an_effect_that_has_begun_is_finished_and_nothing_else() {
    for (effect, stored, waits) in
        [(ToolEffect::None, false, false), (ToolEffect::Once, false, false), (ToolEffect::Once, true, true)]
    {
        let (mut call, _, _) = responding();
        call.input(call_tool(effect));
        if stored {
            for seq in 1..10 {
                call.input(InputEvent::Stored { seq });
            }
        }
        call.input(InputEvent::CallEnded);
        call.input(InputEvent::Media(MediaEvent::Stopped));
        assert_eq!(!call.logic.is_finished(), waits, "{effect:?} {stored}");
        call.input(InputEvent::ToolResult { call: ToolCallId(1), outcome: ToolOutcome::Returned(json!("done")) });
        assert!(call.logic.is_finished());
        let states: Vec<_> = call
            .facts()
            .into_iter()
            .filter_map(|fact| if let Fact::ToolReturned { state, .. } = fact { Some(*state) } else { None })
            .collect();
        assert_eq!(states, [if waits { ToolState::Returned } else { ToolState::Cancelled }]);
    }
}

#[test]
fn a_transferred_call_is_left_after_the_last_word_and_not_hung_up() {
    let (mut call, op, _) = responding();
    for event in [
        token(op, "Moment."),
        InputEvent::TextDone { op },
        segment(op, "Moment."),
        sound(op, "Moment."),
        InputEvent::Done { op },
    ] {
        call.input(event);
    }
    call.input(InputEvent::Dialogue(Action::Transfer { to: "office".into(), announcement: None }));
    call.run(ms(2000));
    let transfers = call.at(|output| matches!(output, Output::Effect(Effect::Transfer { to, .. }) if to == "office"));
    assert!(transfers.len() == 1 && transfers[0] >= ms(850), "{transfers:?}");
    call.caller_speaks(Duration::from_millis(300));
    call.input(InputEvent::Media(MediaEvent::Stopped));
    call.run(ms(9000));
    assert!(call.logic.is_finished());
    assert_eq!(call.at(|output| matches!(output, Output::Effect(Effect::HangUp(_)))), []);
    assert!(
        matches!(call.seen.last().unwrap().1, Output::Effect(Effect::Leave(EndReason::Completed)))
            || call.facts().contains(&&Fact::Transferred { to: "office".into() })
    );
}

#[test]
fn a_call_that_is_offered_to_somebody_is_neither_over_nor_hung_up() {
    let (mut call, op, told) = responding();
    call.input(InputEvent::Failed { op, failure: crate::ErrorKind::Unavailable.into() });
    let announcement = Some(crate::carrier::Say::new("A caller wants a cake. Press 1.", "en-US"));
    call.input(InputEvent::Dialogue(Action::Transfer { to: "office".into(), announcement: announcement.clone() }));
    call.run(ms(2000));
    let asked = |output: &Output| matches!(output, Output::Effect(Effect::Transfer { announcement: told, .. }) if *told == announcement);
    assert_eq!(call.at(asked).len(), 0, "nobody is asked before that is stored");
    for seq in 1..10 {
        call.input(InputEvent::Stored { seq });
    }
    assert_eq!(call.at(asked).len(), 1);
    call.input(InputEvent::Media(MediaEvent::Stopped));
    call.run(ms(9000));
    assert!(call.logic.is_finished());
    assert!(matches!(call.seen.last().unwrap().1, Output::Effect(Effect::Offer)));
    assert!(call.facts().contains(&&Fact::TransferOffered { to: "office".into() }));
    assert!(!call.facts().iter().any(|fact| matches!(fact, Fact::Ended { .. } | Fact::Transferred { .. })));
    assert!(!told.lock().unwrap().iter().any(|event| matches!(event, DialogueEvent::Ended(_))));
}

#[test]
fn an_offer_that_the_carrier_does_not_make_is_taken_back() {
    let (mut call, op, told) = responding();
    call.input(InputEvent::Failed { op, failure: crate::ErrorKind::Unavailable.into() });
    let announcement = Some(crate::carrier::Say::new("Press 1.", "en-US"));
    call.input(InputEvent::Dialogue(Action::Transfer { to: "office".into(), announcement }));
    call.run(ms(11_000));
    assert!(told.lock().unwrap().contains(&DialogueEvent::TransferFailed { to: "office".into() }));
    assert!(call.facts().contains(&&Fact::TransferFailed { to: "office".into() }));
}

#[test]
fn the_dialogue_is_told_of_a_caller_who_comes_back() {
    let told = Told::default();
    let settings =
        CallSettings { elapsed: ms(60_000).since(CallTime::ZERO), returned_from: Some("office".into()), ..settings() };
    let mut call = Call::new(settings, Notes(Told::clone(&told)));
    call.input(InputEvent::Media(MediaEvent::Started(started())));
    let back = DialogueEvent::TransferFailed { to: "office".into() };
    assert_eq!(told.lock().unwrap()[..2], [DialogueEvent::Connected, back]);
}

#[test]
fn a_call_that_stays_after_its_transfer_goes_on() {
    let (mut call, op, told) = responding();
    call.input(InputEvent::Failed { op, failure: crate::ErrorKind::Unavailable.into() });
    call.input(InputEvent::Dialogue(Action::Transfer { to: "office".into(), announcement: None }));
    call.run(ms(11_000));
    assert!(told.lock().unwrap().contains(&DialogueEvent::TransferFailed { to: "office".into() }));
    call.input(InputEvent::CallEnded);
    call.input(InputEvent::Media(MediaEvent::Stopped));
    assert!(matches!(call.seen.last().unwrap().1, Output::Effect(Effect::HangUp(EndReason::RemoteHangup))));
}

#[test]
fn keys_are_heard_as_tones() {
    let told = Told::default();
    let mut call = Call::new(settings(), Notes(told));
    call.input(InputEvent::Dialogue(Action::PressKeys("1w2".parse().unwrap())));
    call.run(ms(2000));
    assert_eq!(call.at(is_audio).len(), 45, "two tones with their pauses, and half a second");
}

#[test]
fn a_recorded_call_with_answers_and_tools_replays() {
    let settings = settings();
    let machine = CallMachine::new(settings.clone());
    let mut call = Call::new(settings.clone(), Notes(Told::default()));
    let recorder = InputRecorder::new(&settings);
    call.logic = Conversation::new(machine, Box::new(Notes(Told::default()))).with_recorder(recorder);
    call.input(InputEvent::Media(MediaEvent::Started(started())));
    call.input(respond(ANSWER));
    let op = started_op(&call);
    for event in [token(op, "One."), InputEvent::ToolCall { op, call: tool_call() }, InputEvent::TextDone { op }] {
        call.input(event);
    }
    for event in [segment(op, "One."), sound(op, "One."), InputEvent::Done { op }, call_tool(ToolEffect::Once)] {
        call.input(event);
    }
    for seq in 1..10 {
        call.input(InputEvent::Stored { seq });
    }
    call.input(InputEvent::ToolResult { call: ToolCallId(1), outcome: ToolOutcome::Failed("no".into()) });
    call.run(ms(3000));
    replay(call.logic.take_recorder().unwrap().take().as_slice()).unwrap();
    assert_eq!(ran(&call), 1);
}
