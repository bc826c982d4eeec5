//! What happened at the exchange, in order, for assertions: the same seed and inputs give the same bytes.

use serde::{Deserialize, Serialize};
use voicecall_core::CallTime;

use super::{CallStatus, MessageStatus, Webhook, WebhookFailure, WebhookKind};
use crate::fault::{Fault, Site};
use crate::phone::MediaStats;

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LogEntry {
    /// When, since the exchange was opened.
    pub at: CallTime,
    /// The call's sid, if it concerns one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// What.
    #[serde(flatten)]
    pub event: LogEvent,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum LogEvent {
    /// A REST request was answered, or its answer was lost.
    Rest {
        /// `GET`, `POST` or `DELETE`.
        method: String,
        /// The path without the query.
        path: String,
        /// The status of the answer.
        status: u16,
        /// Whether the answer was thrown away by a fault.
        lost: bool,
    },
    /// A call was accepted.
    Created {
        /// Whom to call.
        to: String,
        /// The number shown.
        from: String,
    },
    /// A phone began to ring.
    Rang {
        /// The number.
        to: String,
    },
    /// A call changed its status.
    Status {
        /// The new status.
        status: CallStatus,
    },
    /// A request to the application left, or would have.
    WebhookSent {
        /// Its number.
        id: u64,
        /// What for.
        kind: WebhookKind,
        /// Its address.
        url: String,
        /// 1 for the first attempt.
        attempt: u32,
        /// The form, in the order sent.
        form: Vec<(String, String)>,
        /// `X-Twilio-Signature`.
        signature: String,
    },
    /// The application answered a request.
    WebhookAnswered {
        /// The request's number.
        id: u64,
        /// The HTTP status.
        status: u16,
    },
    /// A request to the application got no answer.
    WebhookFailed {
        /// The request's number.
        id: u64,
        /// Why.
        failure: WebhookFailure,
    },
    /// A document of instructions was received.
    Twiml {
        /// As it came.
        document: String,
    },
    /// A text was spoken by the carrier.
    Said {
        /// The text.
        text: String,
        /// Whether there was a voice for it; otherwise silence was played.
        voiced: bool,
    },
    /// A file was played by the carrier.
    Played {
        /// Its address.
        url: String,
        /// Whether it was there.
        found: bool,
    },
    /// A key was pressed towards the person on the line.
    KeyPressed,
    /// `<Gather>` ended.
    Gathered {
        /// Whether there was any input.
        input: bool,
    },
    /// It was found out who answered.
    Detected {
        /// The verdict, as on the wire.
        answered_by: String,
    },
    /// Two calls were connected.
    Bridged {
        /// The other one.
        with: String,
    },
    /// A recording began.
    RecordingStarted {
        /// Its sid.
        recording: String,
    },
    /// A media socket is open.
    StreamOpened {
        /// Its sid.
        stream: String,
        /// Its address.
        url: String,
    },
    /// A media socket is gone.
    StreamClosed {
        /// Its sid.
        stream: String,
        /// Why.
        end: StreamEnd,
        /// What its audio went through.
        media: MediaStats,
    },
    /// A message changed its status.
    Message {
        /// Its sid.
        message: String,
        /// The new status.
        status: MessageStatus,
    },
    /// Something the carrier would put on its list of errors and warnings.
    Warning {
        /// The carrier's number for it.
        code: u32,
        /// More about it.
        text: String,
    },
    /// A planned fault struck.
    Fault {
        /// Where.
        site: Site,
        /// What.
        fault: Fault,
    },
}

/// Why a media stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StreamEnd {
    /// The call ended.
    CallEnded,
    /// The call was given new instructions.
    Redirected,
    /// The application closed the socket.
    AppClosed,
    /// The connection was lost.
    Lost,
    /// It never opened.
    Refused,
}

impl LogEvent {
    pub(super) fn sent(webhook: &Webhook) -> Self {
        Self::WebhookSent {
            id: webhook.id,
            kind: webhook.kind,
            url: webhook.url.clone(),
            attempt: webhook.attempt,
            form: webhook.form.clone(),
            signature: webhook.signature.clone(),
        }
    }
}
