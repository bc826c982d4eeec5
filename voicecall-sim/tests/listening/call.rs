//! A call in virtual time: the machine with its default settings hears the line, while its agent talks without end.

use std::time::Duration;

use voicecall_core::agent::AgentTask;
use voicecall_core::audio::{FRAME_DURATION, Frame, Pcm, VoiceDetector};
use voicecall_core::call::{CallMachine, CallSettings, InputEvent, Output, PreparedSpeech};
use voicecall_core::dialogue::{Action, DialogueEvent, Utterance, UtteranceId};
use voicecall_core::media::{MediaCommand, MediaEvent, StreamStart};
use voicecall_core::model::Transcript;
use voicecall_core::{CallTime, CarrierCallId, SessionId};

use super::sound::{Chance, RATE};

/// When each turn is spoken, in samples, and what is on the line.
#[derive(Default, Clone)]
pub(crate) struct Line {
    pub(crate) sound: Vec<f64>,
    pub(crate) turns: Vec<(usize, usize)>,
}

impl Line {
    pub(crate) fn quiet(seconds: f64) -> Self {
        Self { sound: vec![0.0; (seconds * RATE as f64) as usize], turns: Vec::new() }
    }

    /// Appends a sentence at some share of its loudness, and then two to three seconds in which an answer is due.
    pub(crate) fn say(&mut self, sentence: &[f64], gain: f64, chance: &mut Chance) {
        let from = self.sound.len();
        self.sound.extend(sentence.iter().map(|sample| gain * sample));
        self.turns.push((from, self.sound.len()));
        let pause = (2.0 + chance.uniform()) * RATE as f64;
        self.sound.resize(self.sound.len() + pause as usize, 0.0);
    }

    pub(crate) fn frames(&self) -> impl Iterator<Item = Frame> {
        // The hum and hiss of any line: an RMS of 3.
        let mut chance = Chance(0x27D4_EB2F);
        self.sound.chunks_exact(160).map(move |frame| {
            let mut samples = [0; 160];
            for (sample, sound) in samples.iter_mut().zip(frame) {
                *sample = (sound + 10.0 * (chance.uniform() - 0.5)).clamp(-32_000.0, 32_000.0) as i16;
            }
            Frame::encode(&samples)
        })
    }
}

/// What the machine did, and when, in milliseconds.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// When each turn was judged to have begun and to be over.
    pub(crate) turns: Vec<(f64, f64)>,
    /// When the agent was interrupted.
    pub(crate) interrupted: Vec<f64>,
}

const TALK: &str = "Talar utan slut.";

fn settings() -> CallSettings {
    let mut settings = CallSettings::new(SessionId::new());
    settings.max_duration = Duration::from_secs(36_000);
    let audio = vec![0x10; RATE * 180].into();
    settings.prepared = vec![PreparedSpeech { text: TALK.to_owned(), audio, words: Vec::new() }];
    settings
}

/// Lets the machine hear the line, with its own detector or another.
pub(crate) fn listen(line: &Line, detector: Option<Box<dyn VoiceDetector>>) -> Heard {
    let settings = settings();
    let detector = detector.unwrap_or_else(|| settings.detection.detector());
    let mut machine = CallMachine::with_detector(settings, detector);
    let (mut heard, mut out, mut now, mut said, mut began) = (Heard::default(), Vec::new(), CallTime::ZERO, 0, 0.0);
    let call = CarrierCallId::new("CA1");
    let start = StreamStart { stream: None, account: None, call, parameters: [].into() };
    machine.handle(now, InputEvent::Media(MediaEvent::Started(start)), &mut out);
    let mut talk = |machine: &mut CallMachine, now, out: &mut Vec<Output>| {
        said += 1;
        let utterance = Utterance { id: UtteranceId(said), text: TALK.to_owned(), interruptible: true };
        machine.handle(now, InputEvent::Dialogue(Action::Say(utterance)), out);
    };
    talk(&mut machine, now, &mut out);
    for frame in line.frames() {
        now = now + FRAME_DURATION;
        machine.handle(now, InputEvent::Media(MediaEvent::audio(&frame.as_bytes()[..])), &mut out);
        let at = now.since(CallTime::ZERO).as_secs_f64() * 1000.0;
        for output in std::mem::take(&mut out) {
            match output {
                Output::Start { task: AgentTask::Listen { .. }, .. } => began = at,
                Output::Send(MediaCommand::Clear) => heard.interrupted.push(at),
                Output::Finish { op } => {
                    heard.turns.push((began, at));
                    let text = "Hört.".to_owned();
                    let transcript = Transcript { text, confidence: None, language: None, is_final: true };
                    machine.handle(now, InputEvent::Transcript { op, transcript }, &mut out);
                }
                Output::Notify(DialogueEvent::Heard(_)) => talk(&mut machine, now, &mut out),
                _ => {}
            }
        }
        // What the transcript brought: the dialogue hears of it with the next frame.
        if out.iter().any(|output| matches!(output, Output::Notify(DialogueEvent::Heard(_)))) {
            out.clear();
            talk(&mut machine, now, &mut out);
        }
    }
    heard
}

/// Labels everything by chance, or by how loud it is: what a turn makes of bad labels.
#[derive(Debug)]
pub(crate) struct ErringDetector {
    pub(crate) state: u64,
    /// One frame in so many is called voice, whatever it holds.
    pub(crate) one_in: u64,
}

impl VoiceDetector for ErringDetector {
    fn is_voice(&mut self, frame: &Pcm) -> bool {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        let loud = frame.iter().any(|sample| sample.unsigned_abs() > 1000);
        loud || self.state.is_multiple_of(self.one_in)
    }

    fn reset(&mut self) {}
}
