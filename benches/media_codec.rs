//! One frame of a Twilio media stream: its message read, and a message written.
#![allow(missing_docs, clippy::unwrap_used, reason = "criterion's macros; fixed messages can be read")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use voicecall::audio::Frame;
use voicecall::media::{MediaCodec, MediaCommand, WireMessages};
use voicecall::twilio::TwilioMedia;

const START: &str = r#"{"event":"start","sequenceNumber":"1","streamSid":"MZ1","start":{"streamSid":"MZ1","accountSid":"AC1","callSid":"CA1","tracks":["inbound"],"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1},"customParameters":{}}}"#;

fn bench(c: &mut Criterion) {
    let payload = "f37+".repeat(53) + "fw==";
    let media = format!(
        r#"{{"event":"media","sequenceNumber":"4","streamSid":"MZ1","media":{{"track":"inbound","chunk":"2","timestamp":"5","payload":"{payload}"}}}}"#
    );
    let mut codec = TwilioMedia::new();
    codec.decode(START).unwrap();
    let mut wire = WireMessages::new();
    let mut group = c.benchmark_group("twilio media");
    group.sample_size(30).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    group.bench_function("decode a frame", |b| b.iter(|| codec.decode(black_box(&media)).is_ok()));
    group.bench_function("encode a frame", |b| {
        b.iter(|| {
            wire.clear();
            codec.encode(black_box(&MediaCommand::Audio(Frame::SILENCE)), &mut wire).is_ok()
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
