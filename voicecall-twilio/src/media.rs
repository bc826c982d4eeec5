//! The protocol of Twilio's bidirectional media streams.

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;
use voicecall_core::media::{MarkId, MediaCodec, MediaCommand, MediaEvent, StreamStart, WireMessages};
use voicecall_core::{CarrierCallId, Error, ErrorKind, Result};

use crate::PROVIDER;
use crate::warn_once::WarnOnce;
use crate::wire::{self, MediaMessage, StreamEventName, StreamMessage};

/// The longest message that is read, in bytes. Twilio's own have about 250.
const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// The most audio one message may hold, in bytes: about one second. Twilio's own hold 20 ms.
const MAX_AUDIO_BYTES: usize = 8 * 1024;

/// The codec of one media socket.
///
/// It takes `start` once, first, and nothing after `stop`; anything else out of order is a
/// [`Protocol`](ErrorKind::Protocol) error, as are a message beyond 64 KiB, audio beyond 8 KiB, another stream's
/// message and a format other than mu-law at 8 kHz. Only the caller's own track is read.
///
/// Audio in either direction allocates nothing once the buffers have grown to the usual size.
#[derive(Debug, Default)]
pub struct TwilioMedia {
    state: State,
    /// The last message's audio.
    audio: Vec<u8>,
    unknown: WarnOnce,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Waiting,
    Streaming(Stream),
    Stopped,
}

#[derive(Debug)]
struct Stream {
    sid: String,
    /// `sid` as a JSON string, quotes included.
    sid_json: String,
}

impl TwilioMedia {
    /// A codec for a socket on which nothing was said yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn start(&mut self, body: Option<&RawValue>) -> Result<StreamStart> {
        if !matches!(self.state, State::Waiting) {
            return Err(broken("a second start"));
        }
        let mut start: wire::StreamStart = read(body, "a start that cannot be read")?;
        if start.media_format.as_ref().is_some_and(|format| !format.is_telephone()) {
            return Err(broken("audio that is not mu-law at 8 kHz"));
        }
        let sid_json = serde_json::to_string(&start.stream_sid)
            .map_err(|error| broken("a stream SID that cannot be written").with_source(error))?;
        let parameters = start.take_parameters();
        self.state = State::Streaming(Stream { sid: start.stream_sid.clone(), sid_json });
        Ok(StreamStart {
            stream: Some(start.stream_sid),
            account: start.account_sid,
            call: CarrierCallId::new(start.call_sid),
            parameters,
        })
    }

    fn audio(&mut self, media: &wire::StreamMedia<'_>) -> Result<Option<MediaEvent<'_>>> {
        if !media.is_inbound() {
            return Ok(None);
        }
        self.audio.clear();
        STANDARD
            .decode_vec(media.payload.as_bytes(), &mut self.audio)
            .map_err(|error| broken("audio that is not base64").with_source(error))?;
        if self.audio.len() > MAX_AUDIO_BYTES {
            return Err(broken("too much audio in one message"));
        }
        Ok(Some(MediaEvent::Audio { payload: self.audio.as_slice().into(), timestamp_ms: media.timestamp_ms() }))
    }

    /// Refuses what does not belong to the stream this socket carries.
    fn expect_streaming(&self, stream_sid: &str) -> Result<()> {
        match &self.state {
            State::Waiting => Err(broken("a message before the start")),
            State::Stopped => Err(broken("a message after the stop")),
            State::Streaming(stream) if stream_sid.is_empty() || stream.sid == stream_sid => Ok(()),
            State::Streaming(_) => Err(broken("a message of another stream")),
        }
    }
}

impl MediaCodec for TwilioMedia {
    fn decode<'a>(&'a mut self, message: &'a str) -> Result<Option<MediaEvent<'a>>> {
        if message.len() > MAX_MESSAGE_BYTES {
            return Err(broken("a message beyond 64 KiB"));
        }
        if let Some(message) = MediaMessage::read(message) {
            self.expect_streaming(&message.stream_sid)?;
            return self.audio(&message.media);
        }
        let message: StreamMessage<'a> =
            serde_json::from_str(message).map_err(|error| unreadable("a message that cannot be read", &error))?;
        match message.event() {
            StreamEventName::Connected => Ok(None),
            StreamEventName::Unknown => {
                self.unknown.run(|| tracing::warn!(provider = PROVIDER, "unknown media messages are skipped"));
                Ok(None)
            }
            StreamEventName::Start => self.start(message.start).map(|start| Some(MediaEvent::Started(start))),
            StreamEventName::Media => {
                self.expect_streaming(&message.stream_sid)?;
                self.audio(&read(message.media, "media that cannot be read")?)
            }
            StreamEventName::Dtmf => {
                self.expect_streaming(&message.stream_sid)?;
                let dtmf: wire::StreamDtmf<'_> = read(message.dtmf, "a key that cannot be read")?;
                Ok(dtmf.key().map(MediaEvent::Key))
            }
            StreamEventName::Mark => {
                self.expect_streaming(&message.stream_sid)?;
                let mark: wire::StreamMark<'_> = read(message.mark, "a mark that cannot be read")?;
                Ok(mark.number().map(|number| MediaEvent::Mark(MarkId(number))))
            }
            StreamEventName::Stop => {
                self.expect_streaming(&message.stream_sid)?;
                self.state = State::Stopped;
                Ok(Some(MediaEvent::Stopped))
            }
        }
    }

    /// Appends the message of `command`. [`Open`](MediaCommand::Open) and [`Close`](MediaCommand::Close) need none,
    /// and to a stream that has stopped nothing is said any more.
    fn encode(&mut self, command: &MediaCommand, wire: &mut WireMessages) -> Result<()> {
        if matches!(command, MediaCommand::Open | MediaCommand::Close) {
            return Ok(());
        }
        let sid = match &self.state {
            State::Waiting => return Err(broken("a command before the start")),
            State::Stopped => return Ok(()),
            State::Streaming(stream) => stream.sid_json.as_str(),
        };
        wire.push_with(|text| match command {
            MediaCommand::Audio(frame) => {
                push(text, &[r#"{"event":"media","streamSid":"#, sid, r#","media":{"payload":""#]);
                STANDARD.encode_string(frame.as_bytes(), text);
                text.push_str(r#""}}"#);
            }
            MediaCommand::Mark(MarkId(number)) => {
                push(text, &[r#"{"event":"mark","streamSid":"#, sid, r#","mark":{"name":""#]);
                // Writing to a string cannot fail.
                let _ = write!(text, r#"{number}"}}}}"#);
            }
            MediaCommand::Clear => push(text, &[r#"{"event":"clear","streamSid":"#, sid, "}"]),
            MediaCommand::Open | MediaCommand::Close => {}
        });
        Ok(())
    }
}

fn push(text: &mut String, parts: &[&str]) {
    parts.iter().for_each(|part| text.push_str(part));
}

fn read<'a, T: Deserialize<'a>>(body: Option<&'a RawValue>, otherwise: &'static str) -> Result<T> {
    let body = body.ok_or_else(|| broken(otherwise))?;
    serde_json::from_str(body.get()).map_err(|error| unreadable(otherwise, &error))
}

/// Tells where reading failed and not what was there: the parser's own words quote the message.
fn unreadable(seen: &'static str, error: &serde_json::Error) -> Error {
    broken(seen).with_message(format!("{seen}, at column {}", error.column()))
}

fn broken(seen: &'static str) -> Error {
    Error::new(ErrorKind::Protocol, "read media").with_provider(PROVIDER).with_message(seen)
}

#[cfg(test)]
mod tests;
