//! The numbers of the account.

use serde_json::{Value, json};

use super::SocketField;

/// A number of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ElksNumber {
    /// In E.164.
    pub number: String,
    /// Where calls to it are asked about, or an action; of a websocket number perhaps its address.
    pub voice_start: Option<String>,
    /// The address of a websocket number.
    pub websocket_url: Option<String>,
    /// Where SMS to it are told.
    pub sms_url: Option<String>,
    /// Where MMS to it are told.
    pub mms_url: Option<String>,
    /// Whether it is one for the realtime voice socket.
    pub is_websocket: bool,
    /// Whether it was given back.
    pub is_deallocated: bool,
}

impl ElksNumber {
    /// A number that people call.
    #[must_use]
    pub fn new(number: impl Into<String>) -> Self {
        Self {
            number: number.into(),
            voice_start: None,
            websocket_url: None,
            sms_url: None,
            mms_url: None,
            is_websocket: false,
            is_deallocated: false,
        }
    }

    /// A number that stands for a socket.
    #[must_use]
    pub fn websocket(number: impl Into<String>) -> Self {
        Self { is_websocket: true, ..Self::new(number) }
    }

    /// A number that the account does not have any more, and that is listed all the same.
    #[must_use]
    pub fn deallocated(number: impl Into<String>) -> Self {
        Self { is_deallocated: true, ..Self::new(number) }
    }

    /// Whether it is the account's, and people call it.
    #[must_use]
    pub const fn is_a_phone(&self) -> bool {
        !self.is_websocket && !self.is_deallocated
    }

    /// The id: `n` and the digits.
    pub(super) fn id(&self) -> String {
        format!("n{:0>32}", self.number.trim_start_matches('+'))
    }

    /// Where its socket goes.
    pub(super) fn socket(&self, field: SocketField) -> Option<&str> {
        match field {
            SocketField::WebsocketUrl => self.websocket_url.as_deref(),
            SocketField::VoiceStart => self.voice_start.as_deref(),
        }
    }

    pub(super) fn json(&self) -> Value {
        let mut number = json!({
            "id": self.id(),
            "number": self.number,
            "country": "se",
            "active": if self.is_deallocated { "no" } else { "yes" },
            "category": if self.is_websocket { "websocket" } else { "mobile" },
            "capabilities": if self.is_websocket { json!(["websocket"]) } else { json!(["sms", "mms", "voice"]) },
        });
        let urls = [
            ("voice_start", &self.voice_start),
            ("websocket_url", &self.websocket_url),
            ("sms_url", &self.sms_url),
            ("mms_url", &self.mms_url),
        ];
        for (name, value) in urls {
            if let Some(value) = value {
                number[name] = json!(value);
            }
        }
        number
    }
}
