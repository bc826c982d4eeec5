//! What every codec of conversations in text keeps to, checked with messages of its own protocol.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::error::ErrorKind;
use crate::media::WireMessages;
use crate::text_media::{TextCodec, TextCommand, TextEvent};

/// A protocol, by examples. Every rule makes codecs of its own.
#[derive(Debug, Clone, Copy)]
pub struct TextProtocol<'a> {
    /// Makes a codec for a new socket.
    pub codec: fn() -> Box<dyn TextCodec>,
    /// The message that begins a conversation.
    pub start: &'a str,
    /// What the carrier says, and what it means: at least words, a key, an interruption and a failure.
    pub events: &'a [(&'a str, TextEvent)],
    /// Messages of a newer version: well formed and unknown.
    pub unknown: &'a [&'a str],
    /// Messages that cannot be read.
    pub garbage: &'a [&'a str],
    /// The words that one of our messages has the carrier say, if it has, and whether they are the last.
    pub said: fn(&str) -> Option<(String, bool)>,
}

/// Checks every rule and panics with the names of those the codec breaks.
pub fn run_all(protocol: &TextProtocol<'_>) {
    let broken = broken_rules(protocol);
    assert!(broken.is_empty(), "the codec breaks {broken:?}");
}

/// The names of the rules the codec breaks.
#[must_use]
pub fn broken_rules(protocol: &TextProtocol<'_>) -> Vec<&'static str> {
    let breaks = |(_, check): &&Rule| catch_unwind(AssertUnwindSafe(|| check(protocol))).is_err();
    RULES.iter().filter(breaks).map(|(name, _)| *name).collect()
}

type Rule = (&'static str, fn(&TextProtocol<'_>));

macro_rules! rules {
    ($($rule:ident,)*) => { const RULES: &[Rule] = &[$((stringify!($rule), $rule),)*]; };
}

rules! {
    a_conversation_starts_once,
    events_are_read,
    unknown_messages_are_skipped,
    garbage_leaves_the_codec_usable,
    cut_messages_do_no_harm,
    nothing_is_written_before_the_start,
    nothing_is_heard_before_the_start,
    words_go_out_as_they_are,
    every_command_has_one_message,
}

fn a_conversation_starts_once(protocol: &TextProtocol<'_>) {
    let mut codec = started(protocol);
    assert!(!matches!(codec.decode(protocol.start), Ok(Some(TextEvent::Started(_)))), "a second start");
}

fn events_are_read(protocol: &TextProtocol<'_>) {
    let mut codec = started(protocol);
    read_events(&mut *codec, protocol);
    let has = |is_it: fn(&TextEvent) -> bool| protocol.events.iter().any(|(_, event)| is_it(event));
    assert!(has(|event| matches!(event, TextEvent::Heard { .. })), "an example of words");
    assert!(has(|event| matches!(event, TextEvent::Key(_))), "an example of a key");
    assert!(has(|event| matches!(event, TextEvent::Interrupted { .. })), "an example of an interruption");
    assert!(has(|event| matches!(event, TextEvent::Failed)), "an example of a failure");
}

fn unknown_messages_are_skipped(protocol: &TextProtocol<'_>) {
    let mut codec = (protocol.codec)();
    for message in protocol.unknown {
        assert_eq!(codec.decode(message).expect("skipped"), None, "before the start: {message}");
    }
    start(&mut *codec, protocol);
    for message in protocol.unknown {
        assert_eq!(codec.decode(message).expect("skipped"), None, "{message}");
    }
}

fn garbage_leaves_the_codec_usable(protocol: &TextProtocol<'_>) {
    let mut codec = (protocol.codec)();
    refuse_garbage(&mut *codec, protocol);
    start(&mut *codec, protocol);
    refuse_garbage(&mut *codec, protocol);
    read_events(&mut *codec, protocol);
}

fn cut_messages_do_no_harm(protocol: &TextProtocol<'_>) {
    let mut codec = (protocol.codec)();
    for (end, _) in protocol.start.char_indices() {
        // Whatever it says to a part of a message: it is no start, and nothing panics.
        assert!(!matches!(codec.decode(&protocol.start[..end]), Ok(Some(_))));
    }
    start(&mut *codec, protocol);
    for (message, _) in protocol.events {
        for (end, _) in message.char_indices() {
            assert!(!matches!(codec.decode(&message[..end]), Ok(Some(_))), "{}", &message[..end]);
        }
    }
}

fn nothing_is_written_before_the_start(protocol: &TextProtocol<'_>) {
    let mut codec = (protocol.codec)();
    let mut wire = WireMessages::new();
    for command in commands() {
        let refused = codec.encode(&command, &mut wire).expect_err("the conversation has not started");
        assert_eq!(refused.kind(), ErrorKind::Protocol, "{command:?}");
    }
    assert!(wire.is_empty());
}

fn nothing_is_heard_before_the_start(protocol: &TextProtocol<'_>) {
    let mut codec = (protocol.codec)();
    for (message, _) in protocol.events {
        assert!(!matches!(codec.decode(message), Ok(Some(_))), "{message}");
    }
    start(&mut *codec, protocol);
}

fn words_go_out_as_they_are(protocol: &TextProtocol<'_>) {
    let mut codec = started(protocol);
    for words in ["Hej", " då", "\u{1F956} \"crème\"\n\\", " ", "", "\u{7}"] {
        for last in [false, true] {
            let command = TextCommand::Say { words: words.to_owned(), last, interruptible: true };
            let mut wire = WireMessages::new();
            codec.encode(&command, &mut wire).expect("the conversation has started");
            let said: Vec<_> = wire.iter().map(protocol.said).collect();
            assert_eq!(said, [Some((words.to_owned(), last))]);
        }
    }
}

fn every_command_has_one_message(protocol: &TextProtocol<'_>) {
    let mut codec = started(protocol);
    for command in commands() {
        let mut wire = WireMessages::new();
        codec.encode(&command, &mut wire).expect("the conversation has started");
        assert_eq!(wire.iter().count(), 1, "{command:?}");
    }
}

fn commands() -> [TextCommand; 4] {
    [
        TextCommand::Say { words: "Hej".into(), last: true, interruptible: true },
        TextCommand::Press("12#".parse().expect("keys")),
        TextCommand::Language { speech: Some("sv-SE".into()), transcription: None },
        TextCommand::End,
    ]
}

fn started(protocol: &TextProtocol<'_>) -> Box<dyn TextCodec> {
    let mut codec = (protocol.codec)();
    start(&mut *codec, protocol);
    codec
}

fn start(codec: &mut dyn TextCodec, protocol: &TextProtocol<'_>) {
    let event = codec.decode(protocol.start).expect("the start is read");
    assert!(matches!(event, Some(TextEvent::Started(_))), "{event:?} instead of a start");
}

fn read_events(codec: &mut dyn TextCodec, protocol: &TextProtocol<'_>) {
    for (message, event) in protocol.events {
        assert_eq!(codec.decode(message).expect("an event").as_ref(), Some(event), "{message}");
    }
}

fn refuse_garbage(codec: &mut dyn TextCodec, protocol: &TextProtocol<'_>) {
    for message in protocol.garbage {
        let refused = codec.decode(message).expect_err("garbage");
        assert_eq!(refused.kind(), ErrorKind::Protocol, "{message}");
    }
}

/// An interruption, for examples.
#[must_use]
pub fn interrupted(heard: &str, after_ms: u64) -> TextEvent {
    TextEvent::Interrupted { heard: heard.to_owned(), after: Some(Duration::from_millis(after_ms)) }
}

#[cfg(test)]
mod tests {
    //! The fake keeps every rule, and breaking one is noticed.

    use std::cell::Cell;

    use super::*;
    use crate::error::{Error, Result};
    use crate::testing::ScriptedText;

    const START: &str = r#"{"started":{"stream":null,"account":null,"call":"CA1"}}"#;

    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Fault {
        None,
        StartsAgain,
        ForgetsInterruptions,
        RefusesUnknown,
        StaysBroken,
        Panics,
        WritesEarly,
        HearsEarly,
        TrimsWords,
        EndsSilently,
    }

    thread_local! {
        /// What is wrong with the codecs made in this test.
        static FAULT: Cell<Fault> = const { Cell::new(Fault::None) };
    }

    #[derive(Debug)]
    struct Broken {
        inner: ScriptedText,
        fault: Fault,
        failed: bool,
        started: bool,
    }

    impl Broken {
        fn make() -> Box<dyn TextCodec> {
            Box::new(Self { inner: ScriptedText::new(), fault: FAULT.get(), failed: false, started: false })
        }
    }

    impl TextCodec for Broken {
        fn decode(&mut self, message: &str) -> Result<Option<TextEvent>> {
            let cut = message.starts_with('{') && !message.ends_with('}');
            assert!(self.fault != Fault::Panics || !cut, "a codec that panics");
            if self.started && self.fault == Fault::StartsAgain && message == START {
                self.inner = ScriptedText::new();
            }
            if !self.started && self.fault == Fault::HearsEarly && message.contains("heard") {
                return Ok(Some(TextEvent::Failed));
            }
            match self.inner.decode(message) {
                Ok(None) if self.fault == Fault::RefusesUnknown => Err(Error::new(ErrorKind::Protocol, "decode")),
                Ok(Some(TextEvent::Interrupted { .. })) if self.fault == Fault::ForgetsInterruptions => Ok(None),
                Err(error) => {
                    self.failed = true;
                    Err(error)
                }
                Ok(_) if self.fault == Fault::StaysBroken && self.failed => {
                    Err(Error::new(ErrorKind::Protocol, "decode"))
                }
                Ok(event) => {
                    self.started |= matches!(event, Some(TextEvent::Started(_)));
                    Ok(event)
                }
            }
        }

        fn encode(&mut self, command: &TextCommand, wire: &mut WireMessages) -> Result<()> {
            match (self.fault, command) {
                (Fault::WritesEarly, _) if !self.started => Ok(()),
                (Fault::EndsSilently, TextCommand::End) => Ok(()),
                (Fault::TrimsWords, TextCommand::Say { words, last, interruptible }) => {
                    let (words, last, interruptible) = (words.trim().to_owned(), *last, *interruptible);
                    self.inner.encode(&TextCommand::Say { words, last, interruptible }, wire)
                }
                _ => self.inner.encode(command, wire),
            }
        }
    }

    fn said(message: &str) -> Option<(String, bool)> {
        match ScriptedText::read(message).ok()? {
            TextCommand::Say { words, last, .. } => Some((words, last)),
            _ => None,
        }
    }

    fn keeps(check: impl FnOnce(&TextProtocol<'_>)) {
        let heard = TextEvent::Heard { words: "Yes".into(), language: None };
        check(&TextProtocol {
            codec: Broken::make,
            start: START,
            events: &[
                (r#"{"heard":{"words":"Yes","language":null}}"#, heard),
                (r#"{"key":"1"}"#, TextEvent::Key('1')),
                (r#"{"interrupted":{"heard":"We","after":{"secs":0,"nanos":460000000}}}"#, interrupted("We", 460)),
                (r#""failed""#, TextEvent::Failed),
            ],
            unknown: &[r#"{"weather":"fine"}"#, r#""resumed""#],
            garbage: &["", "{", "[]", "17", r#"{"heard":17}"#, r#"{"key":"12"}"#],
            said,
        });
    }

    #[test]
    fn the_scripted_codec_keeps_every_rule() {
        FAULT.set(Fault::None);
        keeps(run_all);
    }

    #[test]
    fn every_broken_rule_is_noticed() {
        let proofs = [
            (Fault::StartsAgain, "a_conversation_starts_once"),
            (Fault::ForgetsInterruptions, "events_are_read"),
            (Fault::RefusesUnknown, "unknown_messages_are_skipped"),
            (Fault::StaysBroken, "garbage_leaves_the_codec_usable"),
            (Fault::Panics, "cut_messages_do_no_harm"),
            (Fault::WritesEarly, "nothing_is_written_before_the_start"),
            (Fault::HearsEarly, "nothing_is_heard_before_the_start"),
            (Fault::TrimsWords, "words_go_out_as_they_are"),
            (Fault::EndsSilently, "every_command_has_one_message"),
        ];
        for (fault, rule) in proofs {
            FAULT.set(fault);
            keeps(|protocol| assert!(broken_rules(protocol).contains(&rule), "{fault:?} passes {rule}"));
        }
        assert_eq!(proofs.len(), RULES.len(), "every rule has its proof");
    }
}
