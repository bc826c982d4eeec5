//! Audio in either direction allocates nothing once the codec is warm.
#![allow(clippy::unwrap_used, reason = "a test that meets an unexpected error should stop there")]

use voicecall_core::audio::Frame;
use voicecall_core::media::{MarkId, MediaCodec, MediaCommand, MediaEvent, WireMessages};
use voicecall_twilio::TwilioMedia;

const START: &str = r#"{"event":"start","sequenceNumber":"1","streamSid":"MZ1","start":{"streamSid":"MZ1","accountSid":"AC1","callSid":"CA1","tracks":["inbound"],"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1},"customParameters":{}}}"#;

#[test]
fn a_second_of_audio_both_ways_allocates_nothing() {
    let payload = "/".repeat(212);
    let media = format!(
        r#"{{"event":"media","sequenceNumber":"4","streamSid":"MZ1","media":{{"track":"inbound","chunk":"2","timestamp":"5","payload":"{payload}/w=="}}}}"#
    );
    let mark = r#"{"event":"mark","sequenceNumber":"5","streamSid":"MZ1","mark":{"name":"77"}}"#;
    let mut codec = TwilioMedia::new();
    let mut wire = WireMessages::new();
    codec.decode(START).unwrap();
    let mut frame = |number| {
        let heard = matches!(codec.decode(&media), Ok(Some(MediaEvent::Audio { payload, timestamp_ms: Some(5) })) if payload.len() == 160);
        let marked = matches!(codec.decode(mark), Ok(Some(MediaEvent::Mark(MarkId(77)))));
        wire.clear();
        codec.encode(&MediaCommand::Audio(Frame::SILENCE), &mut wire).unwrap();
        codec.encode(&MediaCommand::Mark(MarkId(number)), &mut wire).unwrap();
        codec.encode(&MediaCommand::Clear, &mut wire).unwrap();
        assert!(heard && marked && wire.iter().count() == 3);
    };
    frame(u64::MAX);

    let used = allocation_counter::measure(|| (0..50).for_each(&mut frame));

    assert_eq!(used.count_total, 0, "{used:?}");
}
