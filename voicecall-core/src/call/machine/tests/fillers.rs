//! What bridges a wait, and what does not.

use super::*;

#[test]
fn a_slow_answer_is_bridged_by_at_most_the_configured_fillers() {
    let mut settings = settings();
    settings.prepared = vec![prepared("Hm"), prepared("Vänta")];
    settings.timeouts.fillers =
        vec![(Duration::from_millis(800), "Hm".into()), (Duration::from_millis(1800), "Vänta".into())];
    let (dialogue, _) = consenting(["Hej", "Tack", "x"]);
    let mut call = Call::new(settings, dialogue);
    call.run(ms(1000));
    call.transcript_after = Some(Duration::from_millis(3500));
    call.caller_speaks(Duration::from_millis(500));
    let last_voiced = call.now;
    call.run(ms(9000));
    let after: Vec<_> = call.at(is_audio).into_iter().filter(|at| *at > last_voiced).collect();
    let first = after[0].since(last_voiced);
    assert!(first <= Duration::from_millis(1420), "{first:?}");
    // Two fillers (5 and 13 frames) and the answer (10 frames), nothing twice.
    assert_eq!(after.len(), 5 + 13 + 10);
    assert!(call.facts().iter().any(|fact| matches!(fact, Fact::Latency(latency) if latency.filler)));
}

/// Asks the model once the caller has spoken, and says what it answers.
#[derive(Debug)]
struct Thinking;

impl Dialogue for Thinking {
    fn handle(&mut self, event: &DialogueEvent, _: CallTime, actions: &mut Vec<Action>) {
        match event {
            DialogueEvent::Connected => actions.push(Action::GrantConsent),
            DialogueEvent::Heard(_) => {
                actions.push(Action::Ask { ask: AskId(1), request: ChatRequest::new(Vec::new(), 100) });
            }
            DialogueEvent::Reply { text, .. } => {
                let text = text.clone();
                actions.push(Action::Say(Utterance { id: UtteranceId(1), text, interruptible: true }));
            }
            _ => {}
        }
    }
}

/// A call with one filler, due 700 ms after the end of the turn, whose model writes a word in each of `words`
/// milliseconds after it was asked, and is done `done` milliseconds after it was asked. Returns when something was first
/// said after the end of the turn, and whether it was the filler.
fn first_said(words: &[u64], done: Option<u64>) -> (u64, bool) {
    let mut settings = settings();
    settings.prepared = vec![prepared("Hm")];
    settings.timeouts.fillers = vec![(Duration::from_millis(700), "Hm".into())];
    let mut call = Call::new(settings, Thinking);
    call.caller_speaks(Duration::from_millis(500));
    while call.at(is_ask).is_empty() {
        call.run(call.now + FRAME_DURATION);
    }
    let asked = call.at(is_ask)[0];
    let op = call.seen.iter().find_map(|(_, output)| match output {
        Output::Start { op, task: AgentTask::Think(_) } => Some(*op),
        _ => None,
    });
    let op = op.unwrap();
    for word in words {
        let text = "Ja ".to_owned();
        call.due.push((asked + Duration::from_millis(*word), InputEvent::Token { op, text }));
    }
    call.due.extend(done.map(|done| (asked + Duration::from_millis(done), InputEvent::Done { op })));
    call.run(ms(6000));
    let turn_ended = call.at(|output| matches!(output, Output::Finish { .. }))[0];
    let first = call.at(is_audio)[0].since(turn_ended);
    let latency = call.facts().into_iter().find_map(|fact| match fact {
        Fact::Latency(latency) => Some(latency.filler),
        _ => None,
    });
    (first.as_millis() as u64, latency != Some(false))
}

fn is_ask(output: &Output) -> bool {
    matches!(output, Output::Start { task: AgentTask::Think(_), .. })
}

#[test]
fn a_filler_waits_for_an_answer_that_is_near_and_for_no_other() {
    // The model is asked 200 ms after the end of the turn, and its answer has a voice of 100 ms.
    assert_eq!(first_said(&[], None), (700, true), "nothing is known of an answer");
    assert_eq!(first_said(&[300, 400, 500, 600, 700], Some(700)), (1000, false), "it is being written");
    assert_eq!(first_said(&[300], None), (750, true), "the model has stopped writing");
    let slowly: Vec<_> = (3..30).map(|at| at * 100).collect();
    assert_eq!(first_said(&slowly, None), (1100, true), "the model writes without end");
}

#[test]
fn a_filler_does_not_wait_for_a_service_that_failed() {
    let mut settings = settings();
    settings.prepared = vec![prepared("Hm")];
    settings.timeouts.fillers = vec![(Duration::from_millis(700), "Hm".into())];
    let (dialogue, _) = consenting(["Hej", "Tack", "x"]);
    let mut call = Call::new(settings, dialogue);
    call.run(ms(2000));
    // The line is given to the voice 600 ms after the end of the turn, 100 ms before the filler is due.
    (call.transcript_after, call.speech_after) = (Some(Duration::from_millis(600)), None);
    call.caller_speaks(Duration::from_millis(500));
    call.run(call.now + Duration::from_millis(600) + Duration::from_millis(650));
    let op = call.seen.iter().rev().find_map(|(_, output)| match output {
        Output::Start { op, task: AgentTask::Speak(_) } => Some(*op),
        _ => None,
    });
    call.input(InputEvent::Failed { op: op.unwrap(), failure: crate::ErrorKind::Unavailable.into() });
    let failed = call.now;
    call.run(failed + Duration::from_millis(100));
    let filler = call.at(is_audio).into_iter().find(|at| *at > failed);
    assert!(filler.is_some_and(|at| at.since(failed) <= Duration::from_millis(60)), "{filler:?}");
}

#[test]
fn what_is_said_when_no_answer_was_owed_is_no_late_answer() {
    let (dialogue, _) = consenting(["Hej", "x"]);
    let mut call = Call::new(settings(), Mute(dialogue));
    call.run(ms(2000));
    call.caller_speaks(Duration::from_millis(500));
    call.run(ms(8000));
    let text = "Är du kvar?".to_owned();
    call.input(InputEvent::Dialogue(Action::Say(Utterance { id: UtteranceId(9), text, interruptible: true })));
    call.run(ms(10_000));
    let said = call.facts().into_iter().filter(|fact| matches!(fact, Fact::Said { .. })).count();
    assert_eq!(said, 2, "both lines were heard");
    assert!(!call.facts().iter().any(|fact| matches!(fact, Fact::Latency(_))));
}
