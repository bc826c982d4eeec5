//! A warm call allocates nothing for a frame: read from the wire, judged, answered and written to the wire.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that meets an unexpected error should stop there")]

use std::time::Duration;

use allocation_counter::{AllocationInfo, measure};
use voicecall::audio::{Detection, FRAME_DURATION, Frame, Framer};
use voicecall::call::{CallMachine, CallSettings, InputEvent, Output, Playout, PreparedSpeech, SpeechId};
use voicecall::dialogue::{Action, Utterance, UtteranceId};
use voicecall::media::{MediaCodec, MediaEvent, WireMessages};
use voicecall::money::Budget;
use voicecall::twilio::TwilioMedia;
use voicecall::{CallTime, SessionId};
use voicecall_sim::clips::Library;

const START: &str = r#"{"event":"start","sequenceNumber":"1","streamSid":"MZ1","start":{"streamSid":"MZ1","accountSid":"AC1","callSid":"CA1","tracks":["inbound"],"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1},"customParameters":{}}}"#;

/// A second of frames warms the buffers, the next second is measured.
const SECOND: usize = 50;

/// 20 ms of silence as a message.
fn media() -> String {
    let payload = "/".repeat(212) + "/w==";
    format!(
        r#"{{"event":"media","sequenceNumber":"4","streamSid":"MZ1","media":{{"track":"inbound","chunk":"2","timestamp":"5","payload":"{payload}"}}}}"#
    )
}

/// Runs a second unmeasured and a second measured; a frame's work is told the time and returns how many messages it wrote.
fn steady(mut frame: impl FnMut(CallTime) -> usize) -> (AllocationInfo, usize) {
    let mut now = CallTime::ZERO;
    let mut second = || {
        (0..SECOND).fold(0, |written, _| {
            now = now + FRAME_DURATION;
            written + frame(now)
        })
    };
    second();
    let mut written = 0;
    let used = measure(|| written = second());
    (used, written)
}

/// Carries out what concerns the wire; returns how many messages that were.
fn send(codec: &mut TwilioMedia, out: &mut Vec<Output>, wire: &mut WireMessages) -> usize {
    wire.clear();
    for output in out.drain(..) {
        if let Output::Send(command) = output {
            codec.encode(&command, wire).unwrap();
        }
    }
    wire.iter().count()
}

/// A budget at some prices.
fn budget() -> Budget {
    let prices = r#"{ "effective": "2026-11-20", "carrier": { "per_minute": 14000 },
        "transcription": { "per_minute": 4500 }, "speech": { "per_1000_characters": 17000 },
        "model": { "input_per_million": 100000, "cached_per_million": 10000, "output_per_million": 500000 } }"#;
    Budget::new(serde_json::from_str(prices).unwrap())
}

#[test]
fn a_frame_allocates_nothing_while_the_agent_speaks_and_the_caller_is_silent() {
    let mut settings = CallSettings::new(SessionId::new());
    settings.keep = voicecall::call::Keep::AfterConsent;
    settings.budget = Some(budget());
    let text = "En lång mening.".to_owned();
    let audio = vec![0x10; 8000 * 30].into();
    settings.prepared = vec![PreparedSpeech { text: text.clone(), audio, words: Vec::new() }];
    let mut machine = CallMachine::new(settings);
    let (mut codec, mut wire, mut out) = (TwilioMedia::new(), WireMessages::new(), Vec::new());
    let started = codec.decode(START).unwrap().unwrap();
    machine.handle(CallTime::ZERO, InputEvent::Media(started), &mut out);
    let utterance = Utterance { id: UtteranceId(1), text, interruptible: true };
    machine.handle(CallTime::ZERO, InputEvent::Dialogue(Action::Say(utterance)), &mut out);
    let media = media();

    let (used, written) = steady(|now| {
        let event = codec.decode(&media).unwrap().unwrap();
        machine.handle(now, InputEvent::Media(event), &mut out);
        send(&mut codec, &mut out, &mut wire)
    });

    assert_eq!((used.count_total, written), (0, SECOND), "{used:?}");
}

#[test]
fn a_frame_that_is_echoed_allocates_nothing() {
    let mut framer = Framer::new();
    let mut detector = Detection::default().detector();
    let mut playout = Playout::new(Duration::ZERO, false);
    let (mut codec, mut wire, mut out) = (TwilioMedia::new(), WireMessages::new(), Vec::new());
    codec.decode(START).unwrap();
    let media = media();

    let (used, written) = steady(|now| {
        let Ok(Some(MediaEvent::Audio { payload: bytes, .. })) = codec.decode(&media) else { panic!("audio") };
        framer.push(&bytes, |frame| {
            let samples = frame.decode();
            detector.is_voice(&samples);
            playout.push(SpeechId(1), Frame::encode(&samples));
        });
        playout.advance(now, |command| out.push(Output::Send(command)));
        send(&mut codec, &mut out, &mut wire)
    });

    assert_eq!((used.count_total, written), (0, SECOND), "{used:?}");
}

#[test]
fn a_detector_allocates_nothing_for_speech_pauses_and_noise() {
    let speech = Library::bundled().voice("caller", "Personalen var trevlig och hjälpsam.").unwrap();
    let (frames, _) = speech.audio.as_chunks::<160>();
    let mut detector = Detection::default().detector();
    let mut voiced = 0;

    let used = measure(|| {
        for frame in frames.iter().chain(&[[0xFF; 160]; 100]).chain(frames) {
            voiced += usize::from(detector.is_voice(&Frame::from(*frame).decode()));
        }
    });

    assert!(voiced > 50, "{voiced}");
    assert_eq!(used.count_total, 0, "{used:?}");
}
