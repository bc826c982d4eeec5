//! What every media codec keeps to, checked with messages of its own protocol.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::audio::{FRAME_SAMPLES, Frame};
use crate::error::ErrorKind;
use crate::media::{MarkId, MediaCodec, MediaCommand, MediaEvent, WireMessages};

/// A protocol, by examples. Every rule makes codecs of its own.
#[derive(Debug, Clone, Copy)]
pub struct MediaProtocol<'a> {
    /// Makes a codec for a new socket.
    pub codec: fn() -> Box<dyn MediaCodec>,
    /// The message that begins a stream.
    pub start: &'a str,
    /// Messages of a newer version: well formed and unknown. They belong to the stream of `start`.
    pub unknown: &'a [&'a str],
    /// Messages that cannot be read.
    pub garbage: &'a [&'a str],
    /// Turns a message of ours into the one by which the carrier says the same: it plays a mark, or repeats audio.
    pub echo: fn(&str) -> String,
}

/// Checks every rule and panics with the names of those the codec breaks.
pub fn run_all(protocol: &MediaProtocol<'_>) {
    let broken = broken_rules(protocol);
    assert!(broken.is_empty(), "the codec breaks {broken:?}");
}

/// The names of the rules the codec breaks.
#[must_use]
pub fn broken_rules(protocol: &MediaProtocol<'_>) -> Vec<&'static str> {
    let breaks =
        |(_, check): &&(_, fn(&MediaProtocol<'_>))| catch_unwind(AssertUnwindSafe(|| check(protocol))).is_err();
    RULES.iter().filter(breaks).map(|(name, _)| *name).collect()
}

type Rule = (&'static str, fn(&MediaProtocol<'_>));

macro_rules! rules {
    ($($rule:ident,)*) => { const RULES: &[Rule] = &[$((stringify!($rule), $rule),)*]; };
}

rules! {
    a_stream_starts_once,
    unknown_messages_are_skipped,
    garbage_leaves_the_codec_usable,
    cut_messages_do_no_harm,
    nothing_is_written_before_the_start,
    nothing_is_heard_before_the_start,
    marks_come_back,
    audio_comes_back,
}

fn a_stream_starts_once(protocol: &MediaProtocol<'_>) {
    let mut codec = started(protocol);
    assert!(!matches!(codec.decode(protocol.start), Ok(Some(MediaEvent::Started(_)))), "a second start");
}

fn unknown_messages_are_skipped(protocol: &MediaProtocol<'_>) {
    let mut codec = (protocol.codec)();
    for message in protocol.unknown {
        assert_eq!(codec.decode(message).expect("skipped"), None, "before the start: {message}");
    }
    start(&mut *codec, protocol);
    for message in protocol.unknown {
        assert_eq!(codec.decode(message).expect("skipped"), None, "{message}");
    }
}

fn garbage_leaves_the_codec_usable(protocol: &MediaProtocol<'_>) {
    let mut codec = (protocol.codec)();
    refuse_garbage(&mut *codec, protocol);
    start(&mut *codec, protocol);
    refuse_garbage(&mut *codec, protocol);
    assert_echo(&mut *codec, protocol, 7);
}

fn cut_messages_do_no_harm(protocol: &MediaProtocol<'_>) {
    let mut codec = (protocol.codec)();
    for (end, _) in protocol.start.char_indices() {
        // Whatever it says to a part of a message: it is no start, and nothing panics.
        assert!(!matches!(codec.decode(&protocol.start[..end]), Ok(Some(_))));
    }
    start(&mut *codec, protocol);
}

fn nothing_is_written_before_the_start(protocol: &MediaProtocol<'_>) {
    let mut codec = (protocol.codec)();
    let mut wire = WireMessages::new();
    for command in [MediaCommand::Audio(Frame::SILENCE), MediaCommand::Mark(MarkId(1)), MediaCommand::Clear] {
        let refused = codec.encode(&command, &mut wire).expect_err("the stream has not started");
        assert_eq!(refused.kind(), ErrorKind::Protocol, "{command:?}");
    }
    assert!(wire.is_empty());
}

fn nothing_is_heard_before_the_start(protocol: &MediaProtocol<'_>) {
    let messages = echoes(&mut *started(protocol), protocol, &MediaCommand::Audio(Frame::SILENCE));
    let mut codec = (protocol.codec)();
    for message in messages {
        assert!(!matches!(codec.decode(&message), Ok(Some(_))), "audio before the start");
    }
    start(&mut *codec, protocol);
}

fn marks_come_back(protocol: &MediaProtocol<'_>) {
    let mut codec = started(protocol);
    for mark in [0, 1, 42, u64::from(u32::MAX)] {
        assert_echo(&mut *codec, protocol, mark);
    }
}

fn audio_comes_back(protocol: &MediaProtocol<'_>) {
    let mut codec = started(protocol);
    // Every code there is, over two frames.
    for half in [0, 1] {
        let frame = Frame::from(std::array::from_fn::<u8, FRAME_SAMPLES, _>(|at| (half * 96 + at) as u8));
        let mut heard = Vec::new();
        for message in echoes(&mut *codec, protocol, &MediaCommand::Audio(frame)) {
            match codec.decode(&message).expect("audio is read") {
                Some(MediaEvent::Audio { payload, .. }) => heard.extend_from_slice(&payload),
                other => panic!("{other:?} instead of audio"),
            }
        }
        assert_eq!(heard, frame.as_bytes());
    }
}

fn started(protocol: &MediaProtocol<'_>) -> Box<dyn MediaCodec> {
    let mut codec = (protocol.codec)();
    start(&mut *codec, protocol);
    codec
}

fn start(codec: &mut dyn MediaCodec, protocol: &MediaProtocol<'_>) {
    let event = codec.decode(protocol.start).expect("the start is read");
    assert!(matches!(event, Some(MediaEvent::Started(_))), "{event:?} instead of a start");
}

fn refuse_garbage(codec: &mut dyn MediaCodec, protocol: &MediaProtocol<'_>) {
    for message in protocol.garbage {
        let refused = codec.decode(message).expect_err("garbage");
        assert_eq!(refused.kind(), ErrorKind::Protocol, "{message}");
    }
}

fn echoes(codec: &mut dyn MediaCodec, protocol: &MediaProtocol<'_>, command: &MediaCommand) -> Vec<String> {
    let mut wire = WireMessages::new();
    codec.encode(command, &mut wire).expect("the stream has started");
    assert!(!wire.is_empty(), "{command:?} needs a message");
    wire.iter().map(protocol.echo).collect()
}

fn assert_echo(codec: &mut dyn MediaCodec, protocol: &MediaProtocol<'_>, mark: u64) {
    let mark = MarkId(mark);
    for message in echoes(codec, protocol, &MediaCommand::Mark(mark)) {
        assert_eq!(codec.decode(&message).expect("a mark is read"), Some(MediaEvent::Mark(mark)));
    }
}

#[cfg(test)]
mod tests {
    //! The fake keeps every rule, and breaking one is noticed.

    use std::cell::Cell;

    use super::*;
    use crate::error::Result;
    use crate::testing::ScriptedMedia;

    const START: &str = r#"{"started":{"stream":null,"account":null,"call":"CA1"}}"#;

    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Fault {
        None,
        StartsAgain,
        RefusesUnknown,
        StaysBroken,
        Panics,
        WritesEarly,
        HearsEarly,
        ForgetsMarks,
        HalvesAudio,
    }

    thread_local! {
        /// What is wrong with the codecs made in this test.
        static FAULT: Cell<Fault> = const { Cell::new(Fault::None) };
    }

    #[derive(Debug)]
    struct Broken {
        inner: ScriptedMedia,
        fault: Fault,
        failed: bool,
        started: bool,
    }

    impl Broken {
        fn make() -> Box<dyn MediaCodec> {
            Box::new(Self { inner: ScriptedMedia::new(), fault: FAULT.get(), failed: false, started: false })
        }
    }

    impl MediaCodec for Broken {
        fn decode<'a>(&'a mut self, message: &'a str) -> Result<Option<MediaEvent<'a>>> {
            let cut = message.starts_with('{') && !message.ends_with('}');
            assert!(self.fault != Fault::Panics || !cut, "a codec that panics");
            if self.started && self.fault == Fault::StartsAgain && message == START {
                self.inner = ScriptedMedia::new();
            }
            if !self.started && self.fault == Fault::HearsEarly && message.contains("audio") {
                return Ok(Some(MediaEvent::audio(vec![0; 160])));
            }
            let fault = self.fault;
            let failed = self.failed;
            match self.inner.decode(message) {
                Ok(None) if fault == Fault::RefusesUnknown => Err(crate::Error::new(ErrorKind::Protocol, "decode")),
                Ok(Some(MediaEvent::Mark(_))) if fault == Fault::ForgetsMarks => Ok(None),
                Ok(Some(MediaEvent::Audio { payload, .. })) if fault == Fault::HalvesAudio => {
                    Ok(Some(MediaEvent::audio(payload[..80].to_vec())))
                }
                Err(error) => {
                    self.failed = true;
                    Err(error)
                }
                Ok(_) if fault == Fault::StaysBroken && failed => Err(crate::Error::new(ErrorKind::Protocol, "decode")),
                Ok(event) => {
                    self.started |= matches!(event, Some(MediaEvent::Started(_)));
                    Ok(event)
                }
            }
        }

        fn encode(&mut self, command: &MediaCommand, wire: &mut WireMessages) -> Result<()> {
            if self.fault == Fault::WritesEarly && !self.started {
                return Ok(());
            }
            self.inner.encode(command, wire)
        }
    }

    /// Marks come back as they are; audio is an event of its own form.
    fn echo(message: &str) -> String {
        let audio = message.strip_prefix(r#"{"audio":"#).and_then(|rest| rest.strip_suffix('}'));
        audio.map_or_else(|| message.to_owned(), |audio| format!(r#"{{"audio":{{"payload":{audio}}}}}"#))
    }

    fn protocol() -> MediaProtocol<'static> {
        MediaProtocol {
            codec: Broken::make,
            start: START,
            unknown: &[r#"{"weather":"fine"}"#, r#""resumed""#],
            garbage: &["", "{", "[]", "17", r#"{"audio":17}"#, r#"{"audio":"%"}"#, r#"{"mark":-1}"#],
            echo,
        }
    }

    #[test]
    fn the_scripted_codec_keeps_every_rule() {
        FAULT.set(Fault::None);
        run_all(&protocol());
    }

    #[test]
    fn every_broken_rule_is_noticed() {
        let proofs = [
            (Fault::StartsAgain, "a_stream_starts_once"),
            (Fault::RefusesUnknown, "unknown_messages_are_skipped"),
            (Fault::StaysBroken, "garbage_leaves_the_codec_usable"),
            (Fault::Panics, "cut_messages_do_no_harm"),
            (Fault::WritesEarly, "nothing_is_written_before_the_start"),
            (Fault::HearsEarly, "nothing_is_heard_before_the_start"),
            (Fault::ForgetsMarks, "marks_come_back"),
            (Fault::HalvesAudio, "audio_comes_back"),
        ];
        for (fault, rule) in proofs {
            FAULT.set(fault);
            assert!(broken_rules(&protocol()).contains(&rule), "{fault:?} passes {rule}");
        }
        assert_eq!(proofs.len(), RULES.len(), "every rule has its proof");
    }
}
