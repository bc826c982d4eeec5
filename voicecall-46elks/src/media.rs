//! The protocol of 46elks's realtime voice socket.

use std::collections::VecDeque;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use voicecall_core::media::{MarkId, MediaCodec, MediaCommand, MediaEvent, StreamStart, WireMessages};
use voicecall_core::{Error, ErrorKind, Result};

use crate::PROVIDER;
use crate::call::call_id;
use crate::wire::{AudioMessage, Message};

/// The longest message that is read, in bytes.
const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// The most audio one message may hold, in bytes: about four seconds. How much 46elks sends at once is not documented.
const MAX_AUDIO_BYTES: usize = 32 * 1024;

const LISTENING: &str = r#"{"t":"listening","format":"ulaw"}"#;
const SENDING: &str = r#"{"t":"sending","format":"ulaw"}"#;
const INTERRUPT: &str = r#"{"t":"interrupt"}"#;
const SYNC: &str = r#"{"t":"sync"}"#;
const BYE: &str = r#"{"t":"bye"}"#;

/// The codec of one media socket: mu-law both ways.
///
/// It takes `hello` once, first, and nothing after `bye`. A `bye` with the reason `error` is a
/// [`Protocol`](ErrorKind::Protocol) error: the caller has not hung up.
///
/// Syncs have no name: their answers are the marks in the order in which they were sent. Whether those that an `interrupt`
/// has overtaken are answered is not documented. An answer that comes when no newer one is awaited belongs to one of them,
/// and once that was seen, all later ones are expected too; until then an answer is taken for the newer mark's.
///
/// Audio in either direction allocates nothing once the buffers have grown to the usual size.
#[derive(Debug, Default)]
pub struct ElksMedia {
    state: State,
    /// The last message's audio.
    audio: Vec<u8>,
    /// Marks that wait for their sync.
    awaited: VecDeque<MarkId>,
    /// Those that an `interrupt` has overtaken.
    overtaken: VecDeque<MarkId>,
    /// Whether overtaken syncs were seen to be answered.
    answers_overtaken: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Waiting,
    Streaming,
    Stopped,
}

impl ElksMedia {
    /// A codec for a socket on which nothing was said yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn hello(&mut self, call: Option<&str>) -> Result<StreamStart> {
        if self.state != State::Waiting {
            return Err(broken("a second hello"));
        }
        let call = call.and_then(call_id).ok_or_else(|| broken("a hello without a call"))?;
        self.state = State::Streaming;
        Ok(StreamStart { stream: None, account: None, call, parameters: std::collections::BTreeMap::new() })
    }

    fn audio(&mut self, data: &str) -> Result<MediaEvent<'_>> {
        self.expect_streaming()?;
        self.audio.clear();
        STANDARD
            .decode_vec(data.as_bytes(), &mut self.audio)
            .map_err(|error| broken("audio that is not base64").with_source(error))?;
        if self.audio.len() > MAX_AUDIO_BYTES {
            return Err(broken("too much audio in one message"));
        }
        Ok(MediaEvent::audio(self.audio.as_slice()))
    }

    /// Whose sync was answered, if anybody's.
    fn answered(&mut self) -> Option<MarkId> {
        if self.answers_overtaken
            && let Some(mark) = self.overtaken.pop_front()
        {
            return Some(mark);
        }
        if let Some(mark) = self.awaited.pop_front() {
            // Answers come in order: whatever was overtaken has had its time.
            self.overtaken.clear();
            return Some(mark);
        }
        let mark = self.overtaken.pop_front()?;
        self.answers_overtaken = true;
        Some(mark)
    }

    fn expect_streaming(&self) -> Result<()> {
        match self.state {
            State::Waiting => Err(broken("a message before the hello")),
            State::Stopped => Err(broken("a message after the bye")),
            State::Streaming => Ok(()),
        }
    }
}

impl MediaCodec for ElksMedia {
    fn decode<'a>(&'a mut self, message: &'a str) -> Result<Option<MediaEvent<'a>>> {
        if message.len() > MAX_MESSAGE_BYTES {
            return Err(broken("a message beyond 64 KiB"));
        }
        if let Some(message) = AudioMessage::read(message) {
            return self.audio(message.data).map(Some);
        }
        let message: Message<'a> = serde_json::from_str(message).map_err(|error| {
            // Where reading failed and not what was there: the parser's own words quote the message.
            broken("a message").with_message(format!("a message that cannot be read, at column {}", error.column()))
        })?;
        match &*message.t {
            "hello" => self.hello(message.callid.as_deref()).map(|start| Some(MediaEvent::Started(start))),
            "audio" => {
                let data = message.data.ok_or_else(|| broken("audio without data"))?;
                self.audio(&data).map(Some)
            }
            "sync" => {
                self.expect_streaming()?;
                Ok(self.answered().map(MediaEvent::Mark))
            }
            "bye" => {
                self.expect_streaming()?;
                self.state = State::Stopped;
                // What 46elks says about it may quote anything.
                let failed = message.reason.as_deref() == Some("error");
                if failed {
                    Err(broken("46elks ended the stream because of an error"))
                } else {
                    Ok(Some(MediaEvent::Stopped))
                }
            }
            _ => Ok(None),
        }
    }

    /// Appends the messages of `command`. To a stream that has stopped nothing is said any more.
    fn encode(&mut self, command: &MediaCommand, wire: &mut WireMessages) -> Result<()> {
        match self.state {
            State::Waiting if *command == MediaCommand::Close => return Ok(()),
            State::Waiting => return Err(broken("a command before the hello")),
            State::Stopped => return Ok(()),
            State::Streaming => {}
        }
        let mut push = |message: &str| wire.push_with(|text| text.push_str(message));
        match command {
            MediaCommand::Open => {
                push(LISTENING);
                push(SENDING);
            }
            MediaCommand::Audio(frame) => wire.push_with(|text| {
                text.push_str(r#"{"t":"audio","data":""#);
                STANDARD.encode_string(frame.as_bytes(), text);
                text.push_str(r#""}"#);
            }),
            MediaCommand::Mark(mark) => {
                self.awaited.push_back(*mark);
                push(SYNC);
            }
            MediaCommand::Clear => {
                self.overtaken.append(&mut self.awaited);
                push(INTERRUPT);
                // Audio is ignored until it is announced again.
                push(SENDING);
            }
            MediaCommand::Close => push(BYE),
        }
        Ok(())
    }
}

fn broken(seen: &'static str) -> Error {
    Error::new(ErrorKind::Protocol, "read media").with_provider(PROVIDER).with_message(seen)
}

#[cfg(test)]
mod tests {
    use voicecall_core::audio::Frame;

    use super::*;

    const HELLO: &str = r#"{"t":"hello","callid":"c1","from":"+46701740605","to":"+4600700001"}"#;

    fn started() -> ElksMedia {
        let mut codec = ElksMedia::new();
        let Some(MediaEvent::Started(start)) = codec.decode(HELLO).unwrap() else { panic!("no start") };
        assert_eq!(start.call.as_str(), "c1");
        codec
    }

    fn sent(codec: &mut ElksMedia, commands: &[MediaCommand]) -> Vec<String> {
        let mut wire = WireMessages::new();
        commands.iter().for_each(|command| codec.encode(command, &mut wire).unwrap());
        wire.iter().map(str::to_owned).collect()
    }

    fn answers(codec: &mut ElksMedia, times: usize) -> Vec<Option<u64>> {
        let mut answers = Vec::new();
        for _ in 0..times {
            answers.push(match codec.decode(SYNC).unwrap() {
                Some(MediaEvent::Mark(MarkId(mark))) => Some(mark),
                _ => None,
            });
        }
        answers
    }

    const fn mark(number: u64) -> MediaCommand {
        MediaCommand::Mark(MarkId(number))
    }

    #[test]
    fn both_directions_are_opened_and_sending_again_after_an_interrupt() {
        let mut codec = started();
        assert_eq!(sent(&mut codec, &[MediaCommand::Open]), [LISTENING, SENDING]);
        assert_eq!(sent(&mut codec, &[MediaCommand::Clear]), [INTERRUPT, SENDING]);
        assert_eq!(sent(&mut codec, &[MediaCommand::Close]), [BYE]);
        let audio = sent(&mut codec, &[MediaCommand::Audio(Frame::SILENCE)]);
        assert!(matches!(codec.decode(&audio[0]).unwrap(), Some(MediaEvent::Audio { timestamp_ms: None, .. })));
    }

    #[test]
    fn syncs_that_were_overtaken_are_answered() {
        let mut codec = started();
        sent(&mut codec, &[mark(1), mark(2), MediaCommand::Clear]);
        assert_eq!(answers(&mut codec, 2), [Some(1), Some(2)], "nothing newer is awaited");
        // From now on it is known that they are.
        sent(&mut codec, &[mark(3), MediaCommand::Clear, mark(4)]);
        assert_eq!(answers(&mut codec, 3), [Some(3), Some(4), None]);
    }

    #[test]
    fn syncs_that_were_overtaken_are_never_answered() {
        let mut codec = started();
        sent(&mut codec, &[mark(1), mark(2), MediaCommand::Clear, mark(3)]);
        assert_eq!(answers(&mut codec, 1), [Some(3)]);
        sent(&mut codec, &[mark(4), mark(5)]);
        assert_eq!(answers(&mut codec, 3), [Some(4), Some(5), None]);
    }

    #[test]
    fn a_goodbye_is_the_end_unless_something_broke() {
        for reason in [r#","reason":"hangup""#, r#","reason":"done""#, r#","reason":"brand-new""#, ""] {
            let mut codec = started();
            assert_eq!(codec.decode(&format!(r#"{{"t":"bye"{reason}}}"#)).unwrap(), Some(MediaEvent::Stopped));
            assert!(sent(&mut codec, &[MediaCommand::Clear]).is_empty(), "nothing is said after it");
        }
        let mut codec = started();
        let error = codec.decode(r#"{"t":"bye","reason":"error","message":"buffer of +46701740605"}"#).unwrap_err();
        assert!(error.kind() == ErrorKind::Protocol && !error.to_string().contains("701740605"));
    }

    #[test]
    fn a_hello_names_a_call() {
        for wrong in [r#"{"t":"hello"}"#, r#"{"t":"hello","callid":"../c1"}"#] {
            assert_eq!(ElksMedia::new().decode(wrong).unwrap_err().kind(), ErrorKind::Protocol);
        }
    }
}
