//! Whole calls against scripted labels, in virtual time.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::agent::AgentTask;
use crate::call::io::Effect;
use crate::call::{CallLogic, Conversation, InputRecorder, PreparedSpeech, TurnSettings, replay};
use crate::dialogue::{AskId, CallerTurn, Dialogue, Scripted, Utterance, UtteranceId};
use crate::id::{CarrierCallId, SessionId};
use crate::media::StreamStart;
use crate::model::{ChatRequest, Transcript};
use crate::money::{Budget, Cost, Money};

mod floor;
mod keep;
mod line;
mod responses;

/// Frames whose first byte is not silence are voice.
#[derive(Debug)]
struct Labels;

impl VoiceDetector for Labels {
    fn is_voice(&mut self, frame: &crate::audio::Pcm) -> bool {
        frame[0].unsigned_abs() > 100
    }

    fn reset(&mut self) {}
}

/// A call in virtual time, with services that answer after a fixed time.
struct Call {
    logic: Conversation,
    now: CallTime,
    speaking_until: CallTime,
    /// Results of operations on their way, with the instant they arrive.
    due: Vec<(CallTime, InputEvent<'static>)>,
    transcript_after: Option<Duration>,
    speech_after: Option<Duration>,
    /// The voice gives this much audio and then fails.
    voice_dies_after: Option<Duration>,
    seen: Vec<(CallTime, Output)>,
}

fn settings() -> CallSettings {
    CallSettings { recording: true, keep: crate::call::Keep::AfterConsent, ..CallSettings::new(SessionId::new()) }
}

fn ms(millis: u64) -> CallTime {
    CallTime::from_millis(millis)
}

fn started() -> StreamStart {
    StreamStart { stream: None, account: None, call: CarrierCallId::new("CA1"), parameters: [].into() }
}

/// Speech lasts 50 ms a character.
fn speech_of(text: &str) -> Vec<u8> {
    vec![0x10; text.chars().count() * 400]
}

impl Call {
    fn new(settings: CallSettings, dialogue: impl Dialogue + 'static) -> Self {
        let mut call = Self::ringing(settings, dialogue);
        call.start();
        call
    }

    fn start(&mut self) {
        self.input(InputEvent::Media(MediaEvent::Started(started())));
    }

    /// A call whose media stream has not started.
    fn ringing(settings: CallSettings, dialogue: impl Dialogue + 'static) -> Self {
        let recorder = InputRecorder::new(&settings);
        let machine = CallMachine::with_detector(settings, Box::new(Labels));
        Self {
            logic: Conversation::new(machine, Box::new(dialogue)).with_recorder(recorder),
            now: CallTime::ZERO,
            speaking_until: CallTime::ZERO,
            due: Vec::new(),
            transcript_after: Some(Duration::from_millis(200)),
            speech_after: Some(Duration::from_millis(100)),
            voice_dies_after: None,
            seen: Vec::new(),
        }
    }

    fn input(&mut self, event: InputEvent<'_>) {
        let mut out = Vec::new();
        self.logic.handle(self.now, event, &mut out);
        for output in out {
            match &output {
                Output::Start { op, task: AgentTask::Speak(text) } => {
                    if let Some(after) = self.speech_after {
                        let mut audio = speech_of(text);
                        let mut end = InputEvent::Done { op: *op };
                        if let Some(dies) = self.voice_dies_after {
                            audio.truncate(dies.as_millis() as usize * 8);
                            end = InputEvent::Failed { op: *op, failure: crate::error::ErrorKind::Unavailable.into() };
                        }
                        let audio = Cow::Owned(audio);
                        self.due.push((self.now + after, InputEvent::Speech { op: *op, audio, words: Vec::new() }));
                        self.due.push((self.now + after, end));
                    }
                }
                Output::Finish { op } => {
                    if let Some(after) = self.transcript_after {
                        let transcript =
                            Transcript { text: "ja".into(), confidence: None, language: None, is_final: true };
                        self.due.push((self.now + after, InputEvent::Transcript { op: *op, transcript }));
                        self.due.push((self.now + after, InputEvent::Done { op: *op }));
                    }
                }
                _ => {}
            }
            self.seen.push((self.now, output));
        }
    }

    /// Runs to `end`: a caller frame every 20 ms, wake-ups and results at their instants.
    fn run(&mut self, end: CallTime) {
        let mut woken = 0;
        while self.now < end && !self.logic.is_finished() {
            let frame = CallTime::from_millis((self.now.as_millis() / 20 + 1) * 20);
            let result = self.due.iter().map(|(at, _)| *at).min();
            let wake = self.logic.wake_at().map(|at| at.max(self.now));
            let next = [Some(frame), result, wake].into_iter().flatten().min().unwrap();
            woken = if next == self.now { woken + 1 } else { 0 };
            assert!(woken < 1000, "the machine wants to be woken at {next} for ever");
            self.now = next;
            if let Some(at) = self.due.iter().position(|(at, _)| *at == next) {
                let (_, event) = self.due.remove(at);
                self.input(event);
            } else if next == frame {
                let byte = if self.now <= self.speaking_until { 0x10 } else { 0xFF };
                self.input(InputEvent::Media(MediaEvent::audio(vec![byte; 160])));
            } else {
                self.input(InputEvent::Tick);
            }
        }
    }

    fn caller_speaks(&mut self, duration: Duration) {
        self.speaking_until = self.now + duration;
        self.run(self.speaking_until);
    }

    /// The stream stops, and the carrier reports the call as over.
    fn hangs_up(&mut self) {
        self.input(InputEvent::Media(MediaEvent::Stopped));
        self.input(InputEvent::CallEnded);
    }

    fn at(&self, is_it: impl Fn(&Output) -> bool) -> Vec<CallTime> {
        self.seen.iter().filter(|(_, output)| is_it(output)).map(|(at, _)| *at).collect()
    }

    /// The operations that transcribe, with the frames each was handed.
    fn transcriptions(&self) -> Vec<(OpId, usize)> {
        let listen = |output: &Output| match output {
            Output::Start { op, task: AgentTask::Listen { audio } } => Some((*op, audio.len())),
            _ => None,
        };
        let heard = |op: OpId| self.at(|output| matches!(output, Output::Hear { op: of, .. } if *of == op)).len();
        self.seen.iter().filter_map(|(_, output)| listen(output)).map(|(op, kept)| (op, kept + heard(op))).collect()
    }

    fn facts(&self) -> Vec<&Fact> {
        self.seen
            .iter()
            .filter_map(|(_, output)| if let Output::Journal { fact, .. } = output { Some(fact) } else { None })
            .collect()
    }
}

fn is_audio(output: &Output) -> bool {
    matches!(output, Output::Send(MediaCommand::Audio(_)))
}

fn is_clear(output: &Output) -> bool {
    matches!(output, Output::Send(MediaCommand::Clear))
}

/// Grants consent first, notes what it is told, says its lines.
#[derive(Debug)]
struct Consenting(Scripted, std::sync::Arc<std::sync::Mutex<Vec<DialogueEvent>>>);

impl Dialogue for Consenting {
    fn handle(&mut self, event: &DialogueEvent, now: CallTime, actions: &mut Vec<Action>) {
        if *event == DialogueEvent::Connected {
            actions.push(Action::GrantConsent);
        }
        self.1.lock().unwrap().push(event.clone());
        self.0.handle(event, now, actions);
    }
}

type Told = std::sync::Arc<std::sync::Mutex<Vec<DialogueEvent>>>;

fn consenting<const N: usize>(lines: [&str; N]) -> (Consenting, Told) {
    let told = Told::default();
    (Consenting(Scripted::new(lines), Told::clone(&told)), told)
}

#[test]
fn replies_within_a_frame_after_the_silence_when_services_are_instant() {
    let (dialogue, _) = consenting(["Hej", "Tack så mycket", "x"]);
    let mut call = Call::new(settings(), dialogue);
    call.transcript_after = Some(Duration::ZERO);
    call.speech_after = Some(Duration::ZERO);
    call.run(ms(2000));
    call.caller_speaks(Duration::from_millis(800));
    let last_voiced = call.now;
    call.run(ms(5000));
    let reply = call.at(is_audio).into_iter().find(|at| *at > last_voiced).unwrap();
    let after_silence = reply.since(last_voiced + Duration::from_millis(600));
    assert!(after_silence <= FRAME_DURATION, "{after_silence:?}");
}

#[test]
fn a_barge_in_clears_within_a_frame_and_nothing_old_is_said_afterwards() {
    let (dialogue, told) = consenting(["Det här är en mycket lång mening som avbryts", "Nästa", "x"]);
    let mut call = Call::new(settings(), dialogue);
    call.run(ms(1000));
    let began = call.now;
    call.caller_speaks(Duration::from_millis(600));
    let clears = call.at(is_clear);
    assert_eq!(clears.len(), 1);
    let delay = clears[0].since(began + TurnSettings::default().barge_in);
    assert!(delay <= FRAME_DURATION, "{delay:?}");
    call.transcript_after = None;
    call.run(ms(2500));
    assert_eq!(call.at(is_audio).into_iter().filter(|at| *at > clears[0]).count(), 0);
    let told = told.lock().unwrap();
    let heard = told.iter().find_map(|event| match event {
        DialogueEvent::Interrupted { heard, .. } => Some(heard.clone()),
        _ => None,
    });
    // 1,240 ms of call, 100 ms of synthesis: 1,140 ms heard at 50 ms a character are the first 22 characters.
    assert_eq!(heard.unwrap(), "Det här är en mycket");
}

#[test]
fn what_was_not_heard_is_kept_as_not_said() {
    let (dialogue, _) = consenting(["Det här är en mycket lång mening som avbryts", "Nästa", "x"]);
    let mut call = Call::new(settings(), dialogue);
    call.run(ms(1000));
    call.caller_speaks(Duration::from_millis(600));
    let said = call.facts().into_iter().find_map(|fact| match fact {
        Fact::Said { heard, unheard, estimated, .. } => Some((heard.clone(), unheard.clone(), *estimated)),
        _ => None,
    });
    assert_eq!(said.unwrap(), ("Det här är en mycket".into(), "lång mening som avbryts".into(), true));
}

#[test]
fn an_uninterruptible_utterance_is_heard_to_its_end() {
    #[derive(Debug)]
    struct Disclosure;
    impl Dialogue for Disclosure {
        fn handle(&mut self, event: &DialogueEvent, _: CallTime, actions: &mut Vec<Action>) {
            if *event == DialogueEvent::Connected {
                let text = "Jag är en dator".to_owned();
                actions.push(Action::Say(Utterance { id: UtteranceId(1), text, interruptible: false }));
            }
        }
    }
    for at in (0..1000).step_by(20) {
        let mut call = Call::new(settings(), Disclosure);
        call.run(ms(at));
        call.caller_speaks(Duration::from_millis(700));
        call.run(ms(3000));
        assert_eq!(call.at(is_clear), []);
        let spoken = |output: &Output| matches!(output, Output::Send(MediaCommand::Audio(_)));
        assert_eq!(call.at(spoken).len(), 38, "caller speaks at {at} ms");
    }
}

#[test]
fn the_call_ends_after_the_last_mark_and_not_before() {
    let mut call = Call::new(settings(), Scripted::new(["Hej då"]));
    call.run(ms(350));
    assert!(!call.logic.is_finished());
    call.run(ms(420));
    let mark = call.seen.iter().find_map(|(_, output)| match output {
        Output::Send(MediaCommand::Mark(mark)) => Some(*mark),
        _ => None,
    });
    assert!(!call.logic.is_finished());
    call.input(InputEvent::Media(MediaEvent::Mark(mark.unwrap())));
    assert!(call.logic.is_finished());
    assert!(matches!(call.seen.last().unwrap().1, Output::Effect(Effect::HangUp(EndReason::Completed))));
}

#[test]
fn a_mark_that_never_returns_delays_the_end_by_two_seconds_only() {
    let mut call = Call::new(settings(), Scripted::new(["Hej då"]));
    call.run(ms(10_000));
    assert!(call.logic.is_finished());
    assert!(call.now <= ms(400 + 2020), "{}", call.now);
}

#[test]
fn marks_that_never_return_wake_nobody_while_the_goodbye_is_said() {
    let (dialogue, _) = consenting(["Hej", "Ha en riktigt fin dag, hej då"]);
    let mut call = Call::new(settings(), dialogue);
    call.run(ms(5000));
    call.caller_speaks(Duration::from_millis(500));
    // The run would notice a machine that wants to be woken again and again.
    call.run(ms(20_000));
    assert!(call.logic.is_finished() && call.now < ms(10_000), "{}", call.now);
    assert_eq!(call.at(is_audio).len(), 8 + 73, "three and 29 characters");
}

#[test]
fn what_is_held_back_while_the_caller_speaks_wakes_nobody() {
    let mut call = Call::new(settings(), Scripted::new(["Hello.", "Bye."]));
    call.run(ms(1500));
    call.caller_speaks(Duration::from_millis(400));
    let held = Utterance { id: UtteranceId(9), text: "Held.".into(), interruptible: true };
    call.input(InputEvent::Dialogue(Action::Say(held)));
    // The clock would stand still if this wanted to be woken at once, again and again.
    call.caller_speaks(Duration::from_millis(400));
    let quiet = call.now;
    call.run(ms(6000));
    let is_held =
        |output: &Output| matches!(output, Output::Start { task: AgentTask::Speak(text), .. } if text == "Held.");
    assert!(call.at(is_held).first().is_some_and(|at| *at >= quiet), "{:?}", call.at(is_held));
}

#[test]
fn words_on_their_way_when_the_caller_hangs_up_are_not_lost() {
    let (dialogue, told) = consenting(["Hej", "Tack", "x"]);
    let mut call = Call::new(settings(), dialogue);
    call.run(ms(1000));
    call.caller_speaks(Duration::from_millis(500));
    call.hangs_up();
    assert!(!call.logic.is_finished());
    call.run(ms(5000));
    assert!(call.logic.is_finished());
    let told = told.lock().unwrap();
    assert!(matches!(
        told[told.len() - 2..],
        [DialogueEvent::Ended(EndReason::RemoteHangup), DialogueEvent::Heard(CallerTurn { turn: 1, .. })]
    ));
}

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

#[test]
fn a_turn_tells_how_much_of_it_was_voice() {
    for millis in [120, 500] {
        let (dialogue, told) = consenting(["Hej", "Tack", "x"]);
        let mut call = Call::new(settings(), dialogue);
        call.run(ms(1000));
        call.caller_speaks(Duration::from_millis(millis));
        call.run(ms(4000));
        let told = told.lock().unwrap();
        let turn = told.iter().find_map(|event| if let DialogueEvent::Heard(turn) = event { Some(turn) } else { None });
        assert_eq!(turn.unwrap().voiced, Duration::from_millis(millis));
    }
}

#[test]
fn a_transcriber_that_stays_silent_is_asked_once_more_with_the_same_audio() {
    let (dialogue, told) = consenting(["Hej", "Tack", "x"]);
    let mut call = Call::new(settings(), dialogue);
    call.transcript_after = None;
    call.run(ms(1000));
    call.caller_speaks(Duration::from_millis(500));
    call.run(ms(20_000));
    let [(_, first), (_, second)] = call.transcriptions()[..] else { panic!("{:?}", call.transcriptions()) };
    assert!(first >= 50);
    assert_eq!(first, second);
    let told = told.lock().unwrap();
    assert!(told.iter().any(|event| matches!(event, DialogueEvent::Heard(CallerTurn { text: None, .. }))));
}

#[test]
fn a_transcriber_that_has_no_room_is_asked_again_after_the_wait_it_names() {
    let waits = [(None, 500), (Some(Duration::from_millis(1500)), 1500)];
    for (retry_after, millis) in waits {
        let (dialogue, told) = consenting(["Hej", "Tack", "x"]);
        let mut call = Call::new(settings(), dialogue);
        call.run(ms(1000));
        call.transcript_after = None;
        call.caller_speaks(Duration::from_secs(20));
        call.run(call.now + Duration::from_secs(1));
        let refused = call.now;
        let (op, frames) = call.transcriptions()[0];
        let failure = Failure { kind: crate::ErrorKind::RateLimited, retry_after };
        call.input(InputEvent::Failed { op, failure });
        call.transcript_after = Some(Duration::from_millis(200));
        call.run(refused + Duration::from_millis(millis - 40));
        assert_eq!(call.transcriptions().len(), 1, "too early");
        call.run(refused + Duration::from_millis(millis + 300));
        let again = call.transcriptions()[1];
        let at = call.at(|output| matches!(output, Output::Start { op, .. } if *op == again.0))[0];
        assert_eq!((at, again.1), (refused + Duration::from_millis(millis), frames), "all of a long answer");
        let told = told.lock().unwrap();
        assert!(told.iter().any(|event| matches!(event, DialogueEvent::Heard(CallerTurn { text: Some(_), .. }))));
    }
}

#[test]
fn a_transcriber_that_asks_for_more_patience_than_a_caller_has_is_done_without() {
    let (dialogue, told) = consenting(["Hej", "Tack", "x"]);
    let mut call = Call::new(settings(), dialogue);
    call.run(ms(1000));
    call.transcript_after = None;
    call.caller_speaks(Duration::from_millis(500));
    call.run(call.now + Duration::from_secs(1));
    let (op, _) = call.transcriptions()[0];
    let retry_after = Some(Duration::from_secs(20));
    call.input(InputEvent::Failed { op, failure: Failure { kind: crate::ErrorKind::RateLimited, retry_after } });
    let told = told.lock().unwrap();
    assert!(matches!(told.last(), Some(DialogueEvent::Heard(CallerTurn { text: None, .. }))), "{:?}", told.last());
}

#[test]
fn a_repeat_in_the_middle_of_a_turn_hears_what_was_said_while_it_waited() {
    let (dialogue, _) = consenting(["Hej", "Tack", "x"]);
    let mut call = Call::new(settings(), dialogue);
    call.run(ms(1000));
    call.caller_speaks(Duration::from_secs(2));
    let (op, _) = call.transcriptions()[0];
    call.input(InputEvent::Failed { op, failure: crate::ErrorKind::RateLimited.into() });
    call.caller_speaks(Duration::from_secs(2));
    call.run(call.now + Duration::from_secs(2));
    let (_, frames) = call.transcriptions()[1];
    // Four seconds of voice, what was heard before them, and the silence that ends the turn.
    assert!((215..=260).contains(&frames), "{frames}");
    assert_eq!(call.transcriptions().len(), 2);
}

fn prepared(text: &str) -> PreparedSpeech {
    PreparedSpeech { text: text.to_owned(), audio: Bytes::from(speech_of(text)), words: Vec::new() }
}

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

/// Says its first line and is silent from then on, whatever the caller says.
#[derive(Debug)]
struct Mute(Consenting);

impl Dialogue for Mute {
    fn handle(&mut self, event: &DialogueEvent, now: CallTime, actions: &mut Vec<Action>) {
        if !matches!(event, DialogueEvent::Heard(_)) {
            self.0.handle(event, now, actions);
        }
    }
}

#[test]
fn a_voice_that_is_lost_ends_the_call_with_a_prepared_farewell() {
    let mut settings = settings();
    settings.prepared = vec![prepared("Tekniska problem")];
    settings.timeouts.farewell = Some("Tekniska problem".into());
    let (dialogue, _) = consenting(["Hej", "x"]);
    let mut call = Call::new(settings, dialogue);
    call.speech_after = None;
    for _ in 0..3 {
        let op = call.seen.iter().rev().find_map(|(_, output)| match output {
            Output::Start { op, task: AgentTask::Speak(_) } => Some(*op),
            _ => None,
        });
        call.input(InputEvent::Failed { op: op.unwrap(), failure: crate::ErrorKind::Unavailable.into() });
        call.run(call.now + Duration::from_millis(600));
    }
    call.run(ms(20_000));
    assert_eq!(call.at(is_audio).len(), 40);
    assert!(matches!(call.seen.last().unwrap().1, Output::Effect(Effect::HangUp(EndReason::TechnicalFailure))));
}

#[test]
fn silence_is_told_again_and_again_and_counted_anew_after_the_caller_spoke() {
    let (dialogue, told) = consenting(["Hej", "Tack", "x", "y"]);
    let mut call = Call::new(settings(), dialogue);
    call.run(ms(11_000));
    call.caller_speaks(Duration::from_millis(500));
    call.run(ms(20_000));
    let told = told.lock().unwrap();
    let counts: Vec<_> = told
        .iter()
        .filter_map(|event| if let DialogueEvent::Silence { count } = event { Some(*count) } else { None })
        .collect();
    assert_eq!(counts, [1, 2, 1]);
}

#[test]
fn the_ledger_of_a_turn_adds_up_to_what_the_recording_shows() {
    let (dialogue, _) = consenting(["Hej", "Tack så mycket", "x"]);
    let mut call = Call::new(settings(), dialogue);
    call.run(ms(2000));
    call.caller_speaks(Duration::from_millis(800));
    call.run(ms(6000));
    let latency = call
        .facts()
        .into_iter()
        .find_map(|fact| if let Fact::Latency(latency) = fact { Some(*latency) } else { None })
        .unwrap();
    let sum: Duration = latency.parts().iter().map(|(_, part)| *part).sum();
    assert_eq!(Some(sum), latency.total());
    let slots: Vec<_> = call
        .seen
        .iter()
        .filter_map(|(_, output)| match output {
            Output::Record { caller, agent, .. } => Some((caller.as_bytes()[0] != 0xFF, agent.as_bytes()[80] != 0xFF)),
            _ => None,
        })
        .collect();
    let last_voiced = slots.iter().rposition(|(caller, _)| *caller).unwrap();
    let answer = slots[last_voiced + 1..].iter().position(|(_, agent)| *agent).unwrap();
    let measured = FRAME_DURATION * answer as u32;
    assert!(measured.abs_diff(sum) <= FRAME_DURATION, "recording {measured:?}, ledger {sum:?}");
}

#[test]
fn a_recorded_call_replays_to_the_same_outputs() {
    let settings = CallSettings { detection: crate::audio::Detection::Energy, ..settings() };
    let (dialogue, _) = consenting(["Det här är en lång mening", "Tack", "Hej då"]);
    let mut call = Call::new(settings.clone(), dialogue);
    // A detector that can be named in a recording.
    let machine = CallMachine::new(settings.clone());
    let (dialogue, _) = consenting(["Det här är en lång mening", "Tack", "Hej då"]);
    call.logic = Conversation::new(machine, Box::new(dialogue)).with_recorder(InputRecorder::new(&settings));
    call.seen.clear();
    call.input(InputEvent::Media(MediaEvent::Started(started())));
    call.run(ms(1000));
    call.caller_speaks(Duration::from_millis(700));
    call.run(ms(4000));
    let recorded = call.logic.take_recorder().unwrap().take();
    let replayed = replay(&recorded[..]).unwrap();
    let sent = replayed.outputs.iter().filter(|output| is_audio(output)).count();
    assert_eq!(sent, call.at(is_audio).len());
    // A changed input is noticed.
    let changed = String::from_utf8(recorded)
        .unwrap()
        .replace("\"say\":{\"id\":1,\"text\":\"Det", "\"say\":{\"id\":1,\"text\":\"Nej");
    let error = replay(changed.as_bytes()).unwrap_err();
    assert_eq!(error.field(), Some("recording"));
}

#[test]
fn a_voice_is_let_on_as_fast_as_it_is_heard_and_is_not_late_while_it_waits() {
    let long = "ord ".repeat(50);
    let (dialogue, told) = consenting([long.as_str(), "x"]);
    let mut call = Call::new(settings(), dialogue);
    // This voice is played by hand.
    call.due.clear();
    let op = call.seen.iter().find_map(|(_, output)| match output {
        Output::Start { op, task: AgentTask::Speak(_) } => Some(*op),
        _ => None,
    });
    let op = op.unwrap();
    let audio = speech_of(&long);
    let (mut allowed, mut delivered) = (crate::agent::SPEECH_CREDIT as usize, 0);
    let mut most_ahead = 0;
    while delivered < audio.len() {
        if delivered < allowed {
            let end = (delivered + 800).min(allowed).min(audio.len());
            let piece = Cow::Owned(audio[delivered..end].to_vec());
            call.input(InputEvent::Speech { op, audio: piece, words: Vec::new() });
            delivered = end;
        } else {
            call.run(call.now + FRAME_DURATION);
        }
        let granted = call.seen.drain(..).map(|(_, output)| match output {
            Output::Grant { op: of, samples } if of == op => samples as usize,
            Output::Cancel { .. } => panic!("given up"),
            _ => 0,
        });
        allowed += granted.sum::<usize>();
        most_ahead = most_ahead.max(delivered.saturating_sub(call.now.as_samples() as usize));
        assert!(call.now < ms(60_000), "the voice is held back for ever");
    }
    call.input(InputEvent::Done { op });
    call.run(call.now + Duration::from_secs(5));
    // Two seconds of credit, half a second handed to the playout, its lead, and one grant.
    assert!(most_ahead <= 16_000 + 4_000 + 2_400 + 1_600, "{most_ahead}");
    assert!(told.lock().unwrap().contains(&DialogueEvent::Spoken(UtteranceId(1))));
}

/// A dialogue that grants consent and talks for ever, whatever it is told.
#[derive(Debug)]
struct Chatterbox(u32);

impl Dialogue for Chatterbox {
    fn handle(&mut self, event: &DialogueEvent, _: CallTime, actions: &mut Vec<Action>) {
        if *event == DialogueEvent::Connected {
            actions.push(Action::GrantConsent);
        }
        if matches!(event, DialogueEvent::Connected | DialogueEvent::Spoken(_)) {
            self.0 += 1;
            let text = "Det finns så mycket att berätta".to_owned();
            actions.push(Action::Say(Utterance { id: UtteranceId(self.0), text, interruptible: true }));
        }
    }
}

/// Ten cents a minute, a millionth for a character, 60 for a second of audio, one for a token.
fn budget(cap: i64) -> Budget {
    let prices = serde_json::from_value(serde_json::json!({
        "effective": "2026-11-20",
        "carrier": { "per_minute": 80_000, "stream_per_minute": 20_000 },
        "transcription": { "per_minute": 3600, "increment_ms": 1000 },
        "speech": { "per_1000_characters": 1000 },
        "model": { "input_per_million": 1_000_000, "cached_per_million": 500_000, "output_per_million": 2_000_000 },
    }));
    let mut budget = Budget::new(prices.unwrap()).with_cap(Money::from_micros(cap));
    budget.farewell = Some("Hej då".into());
    budget
}

fn with_budget(cap: i64) -> CallSettings {
    CallSettings { budget: Some(budget(cap)), prepared: vec![prepared("Hej"), prepared("Hej då")], ..settings() }
}

impl Call {
    fn costs(&self) -> Vec<(CallTime, Cost)> {
        let cost = |output: &Output| match output {
            Output::Journal { fact: Fact::Cost(cost), .. } => Some(*cost),
            _ => None,
        };
        self.seen.iter().filter_map(|(at, output)| Some((*at, cost(output)?))).collect()
    }

    fn cost(&self) -> Cost {
        self.costs().last().unwrap().1
    }

    fn reason(&self) -> Option<EndReason> {
        self.seen.iter().find_map(|(_, output)| match output {
            Output::Effect(Effect::HangUp(reason)) => Some(*reason),
            _ => None,
        })
    }
}

#[test]
fn a_call_costs_what_was_asked_of_its_services_and_prepared_speech_nothing() {
    let (dialogue, _) = consenting(["Hej", "Tack så mycket", "Hej då"]);
    let mut call = Call::new(with_budget(1_000_000), dialogue);
    call.run(ms(1000));
    call.caller_speaks(Duration::from_millis(800));
    let usage = crate::model::TokenUsage { input: 100, cached: 40, output: 10 };
    call.input(InputEvent::Usage { op: OpId(90), usage });
    call.run(ms(8000));
    call.caller_speaks(Duration::from_millis(700));
    call.run(ms(20_000));
    assert!(call.logic.is_finished());
    let cost = call.cost();
    assert_eq!(cost.carrier, Money::from_micros(100_000));
    assert_eq!(cost.speech, Money::from_micros(14), "only the second line was synthesised");
    assert_eq!(cost.model, Money::from_micros(60 + 20 + 20));
    let turns = call.transcriptions();
    assert_eq!(turns.len(), 2);
    let seconds: usize = turns.iter().map(|(_, frames)| frames.div_ceil(50)).sum();
    assert_eq!(cost.transcription, Money::from_micros(60 * seconds as i64));
    assert_eq!(cost.total(), Money::from_micros(100_000 + 14 + 100 + 60 * seconds as i64));
    assert!(call.costs().windows(2).all(|pair| pair[0].1.total() < pair[1].1.total()));
}

#[test]
fn minutes_are_counted_from_the_answer_to_the_instant_of_hanging_up() {
    for (millis, minutes) in [(59_900, 1), (60_000, 1), (60_100, 2)] {
        let (dialogue, _) = consenting(["Hej", "x"]);
        let mut call = Call::new(with_budget(1_000_000), dialogue);
        call.run(ms(millis));
        call.input(InputEvent::Media(MediaEvent::Stopped));
        call.run(ms(millis + 3000));
        assert!(call.logic.is_finished(), "nothing else is heard of the call");
        assert_eq!(call.cost().carrier, Money::from_micros(minutes * 100_000), "{millis} ms");
    }
}

#[test]
fn words_understood_after_the_hang_up_are_in_the_last_cost() {
    let (dialogue, _) = consenting(["Hej", "Tack", "x"]);
    let mut call = Call::new(with_budget(1_000_000), dialogue);
    call.run(ms(1000));
    call.caller_speaks(Duration::from_millis(500));
    call.hangs_up();
    let usage = crate::model::TokenUsage { input: 7, cached: 0, output: 0 };
    call.input(InputEvent::Usage { op: OpId(90), usage });
    call.run(ms(5000));
    assert!(call.logic.is_finished());
    assert_eq!(call.cost().model, Money::from_micros(7));
    assert!(call.cost().transcription > Money::ZERO);
}

#[test]
fn the_cost_is_journaled_at_most_once_a_second_and_only_when_it_has_changed() {
    let mut call = Call::new(with_budget(1_000_000), Chatterbox(0));
    call.run(ms(70_000));
    let costs = call.costs();
    assert!(costs.len() > 20);
    assert_eq!(costs[0].0, CallTime::ZERO);
    assert!(costs.windows(2).all(|pair| pair[1].0.since(pair[0].0) >= Duration::from_secs(1)));
    assert!(costs.windows(2).all(|pair| pair[0].1.total() < pair[1].1.total()));
    let minute = costs.iter().find(|(_, cost)| cost.carrier > Money::from_micros(100_000)).unwrap();
    assert!(minute.0 >= ms(60_000) && minute.0 <= ms(61_020), "{}", minute.0);
    let (dialogue, _) = consenting(["Hej", "x"]);
    let mut silent = Call::new(with_budget(1_000_000), dialogue);
    silent.run(ms(50_000));
    assert_eq!(silent.costs().len(), 1);
}

#[test]
fn a_dialogue_is_told_to_wrap_up_once_before_a_minute_that_it_cannot_pay() {
    let (dialogue, told) = consenting(["Hej", "x", "Hej då"]);
    let mut call = Call::new(with_budget(150_000), dialogue);
    call.run(ms(100_000));
    let reached: Vec<_> = call.at(|output| matches!(output, Output::Journal { fact: Fact::BudgetReached(_), .. }));
    assert_eq!(reached.len(), 1);
    assert!(reached[0] >= ms(40_000) && reached[0] <= ms(40_020), "{}", reached[0]);
    assert_eq!(told.lock().unwrap().iter().filter(|event| **event == DialogueEvent::WrapUp).count(), 1);
    assert!(call.logic.is_finished() && call.now < ms(45_000), "{}", call.now);
    assert_eq!(call.reason(), Some(EndReason::Completed));
    assert_eq!(call.cost().carrier, Money::from_micros(100_000));
    assert!(call.cost().total() <= Money::from_micros(150_000));
}

#[test]
fn a_dialogue_that_does_not_wrap_up_is_ended_with_a_prepared_farewell_that_cannot_be_interrupted() {
    let mut call = Call::new(with_budget(150_000), Chatterbox(0));
    call.run(ms(51_900));
    call.caller_speaks(Duration::from_millis(900));
    call.run(ms(80_000));
    assert!(call.logic.is_finished() && call.now <= ms(56_000), "{}", call.now);
    let cleared = call.seen.iter().rposition(|(_, output)| is_clear(output)).unwrap();
    let stopped = call.seen[cleared].0.since(ms(40_000) + Budget::PATIENCE);
    assert!(stopped <= FRAME_DURATION, "{stopped:?}");
    let farewell = call.seen[cleared..].iter().filter(|(_, output)| is_audio(output)).count();
    assert_eq!(farewell, 15, "six characters, to their end");
    assert_eq!(call.reason(), Some(EndReason::RefusedByBudget));
    assert!(call.cost().total() <= Money::from_micros(150_000));
}

#[test]
fn a_call_that_is_too_dear_at_once_is_stopped_after_the_grace() {
    let mut call = Call::new(with_budget(0), Chatterbox(0));
    call.run(ms(1000));
    assert!(!call.logic.is_finished());
    let usage = crate::model::TokenUsage { input: 20_000, cached: 0, output: 0 };
    call.input(InputEvent::Usage { op: OpId(90), usage });
    call.run(ms(8000));
    assert!(call.logic.is_finished());
    assert_eq!(call.reason(), Some(EndReason::RefusedByBudget));
}

#[test]
fn a_call_with_a_budget_replays() {
    let settings = CallSettings { detection: crate::audio::Detection::Energy, ..with_budget(150_000) };
    let mut call = Call::new(settings.clone(), Chatterbox(0));
    let machine = CallMachine::new(settings.clone());
    call.logic = Conversation::new(machine, Box::new(Chatterbox(0))).with_recorder(InputRecorder::new(&settings));
    call.seen.clear();
    call.due.clear();
    call.input(InputEvent::Media(MediaEvent::Started(started())));
    call.run(ms(80_000));
    let replayed = replay(&call.logic.take_recorder().unwrap().take()[..]).unwrap();
    let facts = replayed.outputs.iter().filter(|output| matches!(output, Output::Journal { .. })).count();
    assert_eq!(facts, call.facts().len());
    assert!(replayed.outputs.iter().any(|output| matches!(output, Output::Notify(DialogueEvent::WrapUp))));
}

#[test]
fn a_call_that_goes_on_keeps_its_numbers_its_clock_and_its_limits() {
    let elapsed = Duration::from_secs(60);
    let budget = budget(1_000_000).resumed(Cost { speech: Money::from_micros(5), ..Cost::default() });
    let settings = CallSettings {
        elapsed,
        first_seq: 41,
        max_duration: Duration::from_secs(70),
        budget: Some(budget),
        ..settings()
    };
    let (dialogue, told) = consenting(["Hej", "Tack", "x"]);
    let mut call = Call::new(settings, dialogue);
    call.run(ms(2000));
    call.caller_speaks(Duration::from_millis(800));
    call.run(ms(30_000));
    let facts: Vec<_> = call
        .seen
        .iter()
        .filter_map(|(_, output)| match output {
            Output::Journal { seq, at, fact } => Some((*seq, *at, fact)),
            _ => None,
        })
        .collect();
    assert!(matches!(facts[0], (41, at, Fact::Resumed) if at == CallTime::ZERO + elapsed));
    assert!((41..).zip(&facts).all(|(seq, fact)| fact.0 == seq), "without a gap");
    assert!(call.logic.is_finished() && call.now == ms(10_000), "{}", call.now);
    assert!(facts.iter().any(|(_, _, fact)| matches!(fact, Fact::Ended { reason: EndReason::Timeout })));
    let told = told.lock().unwrap();
    let turn = told.iter().find_map(|event| if let DialogueEvent::Heard(turn) = event { Some(turn) } else { None });
    assert!(turn.unwrap().started >= CallTime::ZERO + elapsed);
    assert_eq!(call.cost().carrier, Money::from_micros(200_000), "the second minute of the same call");
    assert_eq!(call.cost().speech, Money::from_micros(5 + 3 + 4));
    // The recording goes on as well: a frame for every frame of this connection.
    let recorded = call.at(|output| matches!(output, Output::Record { .. })).len();
    assert!((495..=500).contains(&recorded), "{recorded}");
    assert_eq!(call.at(|output| matches!(output, Output::Effect(Effect::StartRecording(_)))), [CallTime::ZERO]);
}
