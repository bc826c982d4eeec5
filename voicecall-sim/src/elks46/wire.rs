//! Messages of the realtime voice socket as the carrier writes and reads them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use voicecall_core::audio::FRAME_SAMPLES;

use super::Unconfirmed;
use crate::phone::{AppMessage, IllegalMessage, PhoneMessage, Wire};

/// The format of one socket: mu-law, both ways.
///
/// Nothing of the caller is sent before `listening`, and audio of the application is ignored before `sending`, and again from
/// an `interrupt` to the next one.
#[derive(Debug)]
pub struct ElksWire {
    hello: Value,
    listens: bool,
    takes_audio: bool,
    spaced: bool,
    frames_per_message: usize,
    /// Caller audio that waits until a message is full.
    pending: Vec<u8>,
}

impl ElksWire {
    /// The format of the socket of this call.
    #[must_use]
    pub fn new(call: &str, from: &str, to: &str, unconfirmed: &Unconfirmed) -> Self {
        Self {
            hello: json!({ "t": "hello", "callid": call, "from": from, "to": to }),
            listens: false,
            takes_audio: false,
            spaced: unconfirmed.spaced_json,
            frames_per_message: unconfirmed.frames_per_message.max(1),
            pending: Vec::new(),
        }
    }

    /// The goodbye, with its reason.
    pub(super) fn bye(reason: &str, message: Option<&str>) -> String {
        match message {
            Some(message) => json!({ "t": "bye", "reason": reason, "message": message }).to_string(),
            None => json!({ "t": "bye", "reason": reason }).to_string(),
        }
    }

    fn audio(&self) -> String {
        let data = STANDARD.encode(&self.pending);
        if self.spaced {
            format!(r#"{{"t": "audio", "data": "{data}"}}"#)
        } else {
            format!(r#"{{"t":"audio","data":"{data}"}}"#)
        }
    }
}

impl Wire for ElksWire {
    fn write(&mut self, message: &PhoneMessage<'_>) -> String {
        match message {
            PhoneMessage::Start => self.hello.to_string(),
            PhoneMessage::Media { frame, .. } if self.listens => {
                self.pending.extend(frame.as_bytes());
                if self.pending.len() < self.frames_per_message * FRAME_SAMPLES {
                    return String::new();
                }
                let text = self.audio();
                self.pending.clear();
                text
            }
            PhoneMessage::Mark(_) => json!({ "t": "sync" }).to_string(),
            PhoneMessage::Stop => Self::bye("hangup", None),
            PhoneMessage::Foreign => json!({ "t": "weather", "sky": "clear" }).to_string(),
            // Keys do not reach the application, and nothing comes before the hello.
            PhoneMessage::Media { .. } | PhoneMessage::Key(_) | PhoneMessage::Connected => String::new(),
        }
    }

    fn read<'a>(&mut self, text: &'a str) -> Result<AppMessage<'a>, IllegalMessage> {
        let message: Value = serde_json::from_str(text).map_err(|_| IllegalMessage::NotJson)?;
        let field = |name: &str| message.get(name).and_then(Value::as_str);
        match field("t") {
            Some("listening" | "sending") if field("format") != Some("ulaw") => Err(IllegalMessage::WrongFields),
            Some("listening") => {
                self.listens = true;
                Ok(AppMessage::Nothing)
            }
            Some("sending") => {
                self.takes_audio = true;
                Ok(AppMessage::Nothing)
            }
            Some("audio") => {
                let data = field("data").ok_or(IllegalMessage::WrongFields)?;
                let audio = STANDARD.decode(data).map_err(|_| IllegalMessage::WrongAudio)?;
                Ok(if self.takes_audio { AppMessage::Audio(audio) } else { AppMessage::Nothing })
            }
            Some("interrupt") => {
                self.takes_audio = false;
                Ok(AppMessage::Clear)
            }
            Some("sync") => Ok(AppMessage::Mark("".into())),
            Some("bye") => Ok(AppMessage::Close),
            _ => Err(IllegalMessage::UnknownEvent),
        }
    }
}

#[cfg(test)]
mod tests {
    use voicecall_core::audio::Frame;

    use super::*;

    fn wire(unconfirmed: &Unconfirmed) -> ElksWire {
        ElksWire::new("c1", "+46701740605", "+4600700001", unconfirmed)
    }

    const MEDIA: PhoneMessage<'static> = PhoneMessage::Media { frame: &Frame::SILENCE, elapsed_ms: 0 };

    #[test]
    fn nothing_is_heard_before_it_is_asked_for() {
        let mut wire = wire(&Unconfirmed::default());
        assert_eq!(wire.write(&MEDIA), "");
        assert_eq!(wire.read(r#"{"t":"listening","format":"ulaw"}"#), Ok(AppMessage::Nothing));
        assert!(wire.write(&MEDIA).starts_with(r#"{"t":"audio","data":""#));
        assert_eq!(wire.read(r#"{"t":"listening","format":"opus"}"#), Err(IllegalMessage::WrongFields));
    }

    #[test]
    fn audio_is_ignored_before_sending_and_after_an_interrupt() {
        let mut wire = wire(&Unconfirmed::default());
        let audio = r#"{"t":"audio","data":"AAA="}"#;
        assert_eq!(wire.read(audio), Ok(AppMessage::Nothing));
        for _ in 0..2 {
            wire.read(r#"{"t":"sending","format":"ulaw"}"#).unwrap();
            assert_eq!(wire.read(audio), Ok(AppMessage::Audio(vec![0, 0])));
            assert_eq!(wire.read(r#"{"t":"interrupt"}"#), Ok(AppMessage::Clear));
            assert_eq!(wire.read(audio), Ok(AppMessage::Nothing));
        }
    }

    #[test]
    fn frames_are_gathered_into_messages() {
        let mut wire = wire(&Unconfirmed::otherwise());
        wire.read(r#"{"t":"listening","format":"ulaw"}"#).unwrap();
        let texts: Vec<String> = (0..3).map(|_| wire.write(&MEDIA)).collect();
        assert!(texts[0].is_empty() && texts[1].is_empty() && texts[2].starts_with(r#"{"t": "audio", "data": ""#));
    }
}
