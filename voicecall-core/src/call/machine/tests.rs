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

mod budget;
mod fillers;
mod floor;
mod keep;
mod line;
mod responses;
mod stopping;
mod transcribing;

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

fn prepared(text: &str) -> PreparedSpeech {
    PreparedSpeech { text: text.to_owned(), audio: Bytes::from(speech_of(text)), words: Vec::new() }
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
