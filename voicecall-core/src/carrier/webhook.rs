//! Webhooks without a web framework: what arrived, what it meant, what to answer.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::CallStatus;
use crate::id::CarrierCallId;

/// A request as it arrived. Nothing in it is trusted before its authenticity is checked.
#[derive(Debug, Clone, Copy)]
pub struct WebhookRequest<'a> {
    /// The method in upper case.
    pub method: &'a str,
    /// Path and query exactly as sent, percent-encoding untouched.
    pub path_and_query: &'a str,
    /// Header names and values as sent.
    pub headers: &'a [(&'a str, &'a str)],
    /// The raw body.
    pub body: &'a [u8],
}

impl<'a> WebhookRequest<'a> {
    /// The first header of that name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }
}

/// An answer to a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookReply {
    /// The `Content-Type`.
    pub content_type: &'static str,
    /// The body; the status is 200.
    pub body: String,
}

/// What a carrier says about a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CarrierEvent {
    /// The call.
    pub call: CarrierCallId,
    /// What happened.
    pub kind: CarrierEventKind,
    /// The carrier's running number of the report, if it has one. Reports may arrive in any order.
    pub sequence: Option<u64>,
    /// Equal for two deliveries of the same report.
    pub delivery: String,
}

impl CarrierEvent {
    /// An event without a running number.
    #[must_use]
    pub const fn new(call: CarrierCallId, kind: CarrierEventKind, delivery: String) -> Self {
        Self { call, kind, sequence: None, delivery }
    }

    /// Adds the carrier's running number.
    #[must_use]
    pub const fn with_sequence(mut self, sequence: Option<u64>) -> Self {
        self.sequence = sequence;
        self
    }
}

/// The kinds of report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CarrierEventKind {
    /// The call asks for instructions: it was answered, or the last steps ran out.
    Instruct {
        /// How far the call has come.
        status: CallStatus,
    },
    /// The call's status changed.
    Status {
        /// How far the call has come.
        status: CallStatus,
        /// How long it lasted from the answer, once it is over.
        duration: Option<Duration>,
        /// The network's final code, such as a SIP response code.
        cause: Option<String>,
    },
    /// The media stream began.
    StreamStarted,
    /// The media stream ended.
    StreamStopped,
    /// The media stream broke.
    StreamFailed {
        /// The carrier's words.
        error: String,
    },
    /// A report this version does not know. It is logged once and answered with success.
    Unknown,
}
