//! Media Streams messages as the carrier writes and reads them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;

use crate::phone::{AppMessage, IllegalMessage, PhoneMessage, Wire};

/// The format of one stream. Counters travel as strings and start at "1".
#[derive(Debug)]
pub struct StreamWire {
    pub(super) account: String,
    pub(super) call: String,
    pub(super) stream: String,
    pub(super) parameters: BTreeMap<String, String>,
    sequence: u64,
    chunk: u64,
}

impl StreamWire {
    /// The format of the stream with this SID, of this call of this account; `parameters` reach the application with
    /// the start.
    #[must_use]
    pub const fn new(account: String, call: String, stream: String, parameters: BTreeMap<String, String>) -> Self {
        Self { account, call, stream, parameters, sequence: 0, chunk: 0 }
    }
}

impl Wire for StreamWire {
    fn write(&mut self, message: &PhoneMessage<'_>) -> String {
        if *message == PhoneMessage::Connected {
            return json!({"event": "connected", "protocol": "Call", "version": "1.0.0"}).to_string();
        }
        self.sequence += 1;
        let (sequence, stream) = (self.sequence.to_string(), &self.stream);
        match message {
            // Fifty a second and call: written without a tree in between.
            PhoneMessage::Media { frame, elapsed_ms } => {
                self.chunk += 1;
                format!(
                    r#"{{"event":"media","sequenceNumber":"{sequence}","streamSid":"{stream}","media":{{"track":"inbound","chunk":"{}","timestamp":"{elapsed_ms}","payload":"{}"}}}}"#,
                    self.chunk,
                    STANDARD.encode(frame.as_bytes()),
                )
            }
            PhoneMessage::Key(digit) => json!({
                "event": "dtmf", "streamSid": stream, "sequenceNumber": sequence,
                "dtmf": {"track": "inbound_track", "digit": digit.to_string()},
            })
            .to_string(),
            PhoneMessage::Mark(name) => json!({
                "event": "mark", "sequenceNumber": sequence, "streamSid": stream, "mark": {"name": name},
            })
            .to_string(),
            PhoneMessage::Stop => json!({
                "event": "stop", "sequenceNumber": sequence, "streamSid": stream,
                "stop": {"accountSid": self.account, "callSid": self.call},
            })
            .to_string(),
            PhoneMessage::Start => json!({
                "event": "start", "sequenceNumber": sequence, "streamSid": stream,
                "start": {
                    "streamSid": stream, "accountSid": self.account, "callSid": self.call, "tracks": ["inbound"],
                    "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                    "customParameters": self.parameters,
                },
            })
            .to_string(),
            PhoneMessage::Connected | PhoneMessage::Foreign => json!({
                "event": "weather", "sequenceNumber": sequence, "streamSid": stream, "weather": {"sky": "clear"},
            })
            .to_string(),
        }
    }

    fn read<'a>(&mut self, text: &'a str) -> Result<AppMessage<'a>, IllegalMessage> {
        if let Ok(message) = serde_json::from_str::<FromApp<'a>>(text) {
            return self.understood(message);
        }
        let value: serde_json::Value = serde_json::from_str(text).map_err(|_| IllegalMessage::NotJson)?;
        match value.get("event").and_then(serde_json::Value::as_str) {
            Some("media" | "mark" | "clear") => Err(IllegalMessage::WrongFields),
            _ => Err(IllegalMessage::UnknownEvent),
        }
    }
}

/// The carrier's number for a message it does not accept, as its documentation of errors lists them.
pub(crate) const fn error_code(complaint: IllegalMessage) -> u32 {
    match complaint {
        IllegalMessage::BufferFull => 31931,
        IllegalMessage::Binary => 31950,
        _ => 31951,
    }
}

impl StreamWire {
    fn understood<'a>(&self, message: FromApp<'a>) -> Result<AppMessage<'a>, IllegalMessage> {
        let (FromApp::Media { stream, .. } | FromApp::Mark { stream, .. } | FromApp::Clear { stream }) = &message;
        if *stream != self.stream {
            return Err(IllegalMessage::WrongStream);
        }
        match message {
            FromApp::Media { media, .. } => match STANDARD.decode(media.payload.as_bytes()) {
                Ok(bytes) => Ok(AppMessage::Audio(bytes)),
                Err(_) => Err(IllegalMessage::WrongAudio),
            },
            FromApp::Mark { mark, .. } => Ok(AppMessage::Mark(mark.name)),
            FromApp::Clear { .. } => Ok(AppMessage::Clear),
        }
    }
}

#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "lowercase", deny_unknown_fields)]
enum FromApp<'a> {
    Media {
        #[serde(rename = "streamSid", borrow)]
        stream: Cow<'a, str>,
        #[serde(borrow)]
        media: MediaPart<'a>,
    },
    Mark {
        #[serde(rename = "streamSid", borrow)]
        stream: Cow<'a, str>,
        #[serde(borrow)]
        mark: MarkPart<'a>,
    },
    Clear {
        #[serde(rename = "streamSid", borrow)]
        stream: Cow<'a, str>,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MediaPart<'a> {
    #[serde(borrow)]
    payload: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MarkPart<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wire() -> StreamWire {
        StreamWire::new("AC1".into(), "CA1".into(), "MZ1".into(), BTreeMap::new())
    }

    #[test]
    fn only_three_events_with_exact_fields_are_legal() {
        let read = |text: &str| wire().read(text).map(|message| format!("{message:?}"));
        let legal = [
            r#"{"event":"media","streamSid":"MZ1","media":{"payload":"//8="}}"#,
            r#"{"event":"mark","streamSid":"MZ1","mark":{"name":"a"}}"#,
            r#"{"event":"clear","streamSid":"MZ1"}"#,
        ];
        assert_eq!(legal.map(|text| read(text).unwrap()), ["Audio([255, 255])", "Mark(\"a\")", "Clear"]);
        let illegal = [
            ("{", IllegalMessage::NotJson),
            (r#"{"event":"dance","streamSid":"MZ1"}"#, IllegalMessage::UnknownEvent),
            (r#"{"event":"clear","streamSid":"MZ2"}"#, IllegalMessage::WrongStream),
            (r#"{"event":"clear"}"#, IllegalMessage::WrongFields),
            (r#"{"event":"clear","streamSid":"MZ1","now":true}"#, IllegalMessage::WrongFields),
            (r#"{"event":"mark","streamSid":"MZ1","mark":{}}"#, IllegalMessage::WrongFields),
            (r#"{"event":"media","streamSid":"MZ1","media":{"payload":"@"}}"#, IllegalMessage::WrongAudio),
        ];
        for (text, complaint) in illegal {
            assert_eq!(read(text).unwrap_err(), complaint, "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_an_application_sends_panics(text: String) {
            let _ = wire().read(&text);
        }

        #[test]
        fn audio_of_any_length_comes_through(bytes: Vec<u8>) {
            let payload = STANDARD.encode(&bytes);
            let text = format!(r#"{{"event":"media","streamSid":"MZ1","media":{{"payload":"{payload}"}}}}"#);
            prop_assert_eq!(wire().read(&text), Ok(AppMessage::Audio(bytes)));
        }
    }
}
