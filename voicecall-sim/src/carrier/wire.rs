//! The neutral carrier's media messages, for the phone of a party.

use std::borrow::Cow;

use voicecall_core::CarrierCallId;
use voicecall_core::media::{MarkId, MediaCommand, MediaEvent, StreamStart};
use voicecall_core::testing::ScriptedMedia;

use crate::phone::{AppMessage, IllegalMessage, PhoneMessage, Wire};

/// What services skip: a message of a kind they do not know.
const UNKNOWN: &str = "\"unknown\"";

#[derive(Debug)]
pub(super) struct ScriptedWire {
    call: CarrierCallId,
    returns_marks: bool,
}

impl ScriptedWire {
    pub(super) const fn new(call: CarrierCallId, returns_marks: bool) -> Self {
        Self { call, returns_marks }
    }
}

impl Wire for ScriptedWire {
    fn write(&mut self, message: &PhoneMessage<'_>) -> String {
        let event = match message {
            PhoneMessage::Start => {
                let call = self.call.clone();
                MediaEvent::Started(StreamStart { stream: None, account: None, call, parameters: [].into() })
            }
            PhoneMessage::Media { frame, elapsed_ms } => {
                MediaEvent::Audio { payload: Cow::Borrowed(frame.as_bytes()), timestamp_ms: Some(*elapsed_ms) }
            }
            PhoneMessage::Key(key) => MediaEvent::Key(*key),
            PhoneMessage::Mark(name) if self.returns_marks => match name.parse() {
                Ok(mark) => MediaEvent::Mark(MarkId(mark)),
                Err(_) => return UNKNOWN.to_owned(),
            },
            PhoneMessage::Stop => MediaEvent::Stopped,
            PhoneMessage::Connected | PhoneMessage::Mark(_) | PhoneMessage::Foreign => return UNKNOWN.to_owned(),
        };
        ScriptedMedia::write(&event)
    }

    fn read<'a>(&mut self, text: &'a str) -> Result<AppMessage<'a>, IllegalMessage> {
        match ScriptedMedia::read(text) {
            Ok(MediaCommand::Audio(frame)) => Ok(AppMessage::Audio(frame.as_bytes().to_vec())),
            Ok(MediaCommand::Mark(mark)) => Ok(AppMessage::Mark(Cow::Owned(mark.0.to_string()))),
            Ok(MediaCommand::Clear) => Ok(AppMessage::Clear),
            // There is nothing to open, and whoever closes drops the socket.
            Ok(MediaCommand::Open | MediaCommand::Close) => Ok(AppMessage::Nothing),
            Err(_) => Err(IllegalMessage::NotJson),
        }
    }
}
