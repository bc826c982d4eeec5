//! Ten minutes of call, 30,000 frames: through machine, playout and turns with scripted labels; with speech and the
//! neural detector; and the detector alone. Targets: 100 ms with labels, 1 s with the detector.
#![allow(missing_docs, clippy::unwrap_used, reason = "criterion's macros; the clips are bundled")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use voicecall::agent::{AgentTask, OpId};
use voicecall::audio::{Detection, FRAME_DURATION, Frame, Framer, Pcm, VoiceDetector};
use voicecall::call::{CallMachine, CallSettings, InputEvent, Output};
use voicecall::dialogue::{Action, DialogueEvent, Utterance, UtteranceId};
use voicecall::media::{MediaCommand, MediaEvent, StreamStart};
use voicecall::model::Transcript;
use voicecall::{CallTime, CarrierCallId, SessionId};
use voicecall_sim::clips::Library;

/// Ten minutes.
const FRAMES: u64 = 30_000;

/// The agent speaks for two seconds whenever the caller has finished.
const REPLY: [u8; 16_000] = [0x10; 16_000];

/// Loud frames are voice.
#[derive(Debug)]
struct Labels;

impl VoiceDetector for Labels {
    fn is_voice(&mut self, frame: &Pcm) -> bool {
        frame[0].unsigned_abs() > 100
    }

    fn reset(&mut self) {}
}

/// Two seconds of voice in every six, as labels see it.
fn labelled() -> Vec<Frame> {
    let voice = Frame::from([0x10; 160]);
    (0..300).map(|at| if at < 100 { voice } else { Frame::SILENCE }).collect()
}

/// An answer, and three seconds of quiet.
fn spoken() -> Vec<Frame> {
    let speech = Library::bundled().voice("caller", "Personalen var trevlig och hjälpsam.").unwrap();
    let mut frames = Vec::new();
    Framer::new().push(&speech.audio, |frame| frames.push(frame));
    frames.extend([Frame::SILENCE; 150]);
    frames
}

/// Runs the call; returns how many frames went to the phone.
fn ten_minutes(caller: &[Frame], detector: Box<dyn VoiceDetector>) -> u64 {
    let mut settings = CallSettings::new(SessionId::new());
    settings.keep = voicecall::call::Keep::AfterConsent;
    settings.max_duration = Duration::from_secs(3600);
    let mut machine = CallMachine::with_detector(settings, detector);
    let call = CarrierCallId::new("CA1".to_owned());
    let start = StreamStart { stream: None, account: None, call, parameters: [].into() };
    let mut out = Vec::new();
    let (mut now, mut sent, mut said) = (CallTime::ZERO, 0, 0);
    machine.handle(now, InputEvent::Media(MediaEvent::Started(start)), &mut out);
    for frame in caller.iter().cycle().take(FRAMES as usize) {
        now = now + FRAME_DURATION;
        machine.handle(now, InputEvent::Media(MediaEvent::audio(&frame.as_bytes()[..])), &mut out);
        // What the services and the phone answer is there at once.
        while let Some(output) = out.pop() {
            match output {
                Output::Send(MediaCommand::Audio(_)) => sent += 1,
                Output::Send(MediaCommand::Mark(mark)) => {
                    machine.handle(now, InputEvent::Media(MediaEvent::Mark(mark)), &mut out);
                }
                Output::Finish { op } => understood(&mut machine, now, op, &mut out),
                Output::Start { op, task: AgentTask::Speak(_) } => spoke(&mut machine, now, op, &mut out),
                Output::Notify(DialogueEvent::Heard(_)) => {
                    said += 1;
                    let utterance = Utterance { id: UtteranceId(said), text: "Tack.".into(), interruptible: true };
                    machine.handle(now, InputEvent::Dialogue(Action::Say(utterance)), &mut out);
                }
                _ => {}
            }
        }
    }
    assert!(sent > FRAMES / 10, "the agent spoke");
    sent
}

fn understood(machine: &mut CallMachine, now: CallTime, op: OpId, out: &mut Vec<Output>) {
    let transcript = Transcript { text: "Bra.".to_owned(), confidence: None, language: None, is_final: true };
    machine.handle(now, InputEvent::Transcript { op, transcript }, out);
}

fn spoke(machine: &mut CallMachine, now: CallTime, op: OpId, out: &mut Vec<Output>) {
    machine.handle(now, InputEvent::Speech { op, audio: REPLY[..].into(), words: Vec::new() }, out);
    machine.handle(now, InputEvent::Done { op }, out);
}

fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("ten minutes");
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(4));
    let (labelled, spoken) = (labelled(), spoken());
    group.bench_function("scripted labels", |b| b.iter(|| ten_minutes(black_box(&labelled), Box::new(Labels))));
    group.bench_function("speech and the neural detector", |b| {
        b.iter(|| ten_minutes(black_box(&spoken), Detection::Neural.detector()));
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
