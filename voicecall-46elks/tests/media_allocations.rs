//! Audio in either direction allocates nothing once the buffers have grown.
#![allow(clippy::unwrap_used, reason = "a test that meets an unexpected error should stop there")]

use allocation_counter::measure;
use voicecall_46elks::ElksMedia;
use voicecall_core::audio::Frame;
use voicecall_core::media::{MarkId, MediaCodec, MediaCommand, MediaEvent, WireMessages};

#[test]
fn a_warm_codec_allocates_nothing_for_audio_and_marks() {
    let mut codec = ElksMedia::new();
    codec.decode(r#"{"t":"hello","callid":"c1","from":"+46701740605","to":"+4600700001"}"#).unwrap();
    let mut wire = WireMessages::new();
    let mut round = |codec: &mut ElksMedia| {
        wire.clear();
        codec.encode(&MediaCommand::Audio(Frame::SILENCE), &mut wire).unwrap();
        let message = wire.iter().next().unwrap();
        assert!(matches!(codec.decode(message).unwrap(), Some(MediaEvent::Audio { .. })));
        wire.clear();
        codec.encode(&MediaCommand::Mark(MarkId(7)), &mut wire).unwrap();
        assert_eq!(codec.decode(r#"{"t":"sync"}"#).unwrap(), Some(MediaEvent::Mark(MarkId(7))));
    };
    round(&mut codec);
    let spent = measure(|| (0..1000).for_each(|_| round(&mut codec)));
    assert_eq!(spent.count_total, 0);
}
