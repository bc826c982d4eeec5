//! The text protocol of [`ScriptedCarrier`](super::ScriptedCarrier): events and commands as their own JSON.

use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::media::WireMessages;
use crate::text_media::{TextCodec, TextCommand, TextEvent};

/// The names of the events this version knows.
const KNOWN: [&str; 6] = ["started", "heard", "key", "interrupted", "failed", "stopped"];

/// A codec whose messages are [`TextEvent`] and [`TextCommand`] as JSON, with the rules of a real one.
#[derive(Debug, Default)]
pub struct ScriptedText {
    started: bool,
}

impl ScriptedText {
    /// A codec for a socket on which nothing was said yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An event as the carrier writes it.
    #[must_use]
    pub fn write(event: &TextEvent) -> String {
        serde_json::to_string(event).expect("events are plain data")
    }

    /// A command as the carrier reads it.
    ///
    /// # Errors
    /// `Protocol` if it is not one.
    pub fn read(message: &str) -> Result<TextCommand> {
        serde_json::from_str(message).map_err(|error| broken("not a command").with_source(error))
    }
}

impl TextCodec for ScriptedText {
    fn decode(&mut self, message: &str) -> Result<Option<TextEvent>> {
        let value: Value = serde_json::from_str(message).map_err(|_| broken("not JSON"))?;
        let name = match &value {
            Value::String(name) => Some(name),
            Value::Object(fields) => fields.keys().next(),
            _ => None,
        };
        let name = name.ok_or_else(|| broken("no event"))?;
        if !KNOWN.contains(&name.as_str()) {
            return Ok(None);
        }
        let event: TextEvent = serde_json::from_value(value).map_err(|_| broken("not an event"))?;
        if matches!(event, TextEvent::Started(_)) == self.started {
            return Err(broken("out of order"));
        }
        self.started = true;
        Ok(Some(event))
    }

    fn encode(&mut self, command: &TextCommand, wire: &mut WireMessages) -> Result<()> {
        if !self.started {
            return Err(broken("a command before the start"));
        }
        let message = serde_json::to_string(command).map_err(|_| broken("not a command"))?;
        wire.push_with(|text| text.push_str(&message));
        Ok(())
    }
}

fn broken(seen: &'static str) -> Error {
    Error::new(ErrorKind::Protocol, "read text socket").with_provider("scripted").with_message(seen)
}
