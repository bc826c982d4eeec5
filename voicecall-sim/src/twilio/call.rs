//! One call at the exchange.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use voicecall_core::CallTime;
use voicecall_core::audio::Frame;

use super::detection::Detection;
use super::dial::Dialling;
use super::gather::Gathering;
use super::message::Message;
use super::press::Pressing;
use super::queue::Place;
use super::relay::Relay;
use super::stream::Stream;
use super::twiml::{Address, RecordingSettings};
use super::{Method, Verb, Webhook};
use crate::phone::Party;
use crate::phone::Sound;

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallStatus {
    /// Waits to be dialled.
    Queued,
    /// Rings.
    Ringing,
    /// Answered.
    InProgress,
    /// Over, after an answer.
    Completed,
    /// The line was busy.
    Busy,
    /// Nobody answered.
    NoAnswer,
    /// The network could not connect it.
    Failed,
    /// Given up before an answer.
    Canceled,
}

impl CallStatus {
    /// As on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Ringing => "ringing",
            Self::InProgress => "in-progress",
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::NoAnswer => "no-answer",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    /// Whether the call is over.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Ringing | Self::InProgress)
    }
}

/// Who placed a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Somebody called a number of the account.
    Inbound,
    /// The account called somebody through REST.
    OutboundApi,
    /// The instructions of another call placed it.
    OutboundDial,
}

impl Direction {
    /// As on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::OutboundApi => "outbound-api",
            Self::OutboundDial => "outbound-dial",
        }
    }
}

/// Where a call's instructions come from.
#[derive(Debug, Clone)]
pub(super) enum Instructions {
    Document(String),
    Address((String, Method)),
}

/// Where a call's progress is reported.
#[derive(Debug, Clone)]
pub(super) struct StatusCallback {
    pub(super) address: (String, Method),
    pub(super) events: Vec<Progress>,
}

/// What can be reported of a call's progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Initiated,
    Ringing,
    Answered,
    Completed,
}

impl Progress {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        match name {
            "initiated" => Some(Self::Initiated),
            "ringing" => Some(Self::Ringing),
            "answered" => Some(Self::Answered),
            "completed" => Some(Self::Completed),
            _ => None,
        }
    }
}

/// What a call is doing.
#[derive(Debug)]
pub(super) enum Doing {
    /// Not answered yet, over, or between two instructions.
    Nothing,
    /// Waits for the application's instructions.
    Asking { webhook: u64 },
    /// Waits for the verdict on who answered.
    Detecting,
    /// Says or plays something.
    Sounding(Sound),
    /// Presses keys.
    Pressing(Pressing),
    /// Gathers keys or words.
    Gathering(Box<Gathering>),
    /// Takes a message.
    Recording(Box<Message>),
    /// Has placed other legs, of which one may be connected.
    Dialling(Box<Dialling>),
    /// Is such a leg, connected.
    Connected,
    /// Waits in a queue with the carrier's music, or was taken over from there.
    Waiting,
    /// Would take over somebody who waits, but nobody does.
    Joining { queue: String, action: Option<Address>, until: CallTime },
    /// Has taken over somebody who waited.
    Joined { action: Option<Address>, since: CallTime },
    /// Is silent.
    Pausing { until: CallTime },
    /// Is connected to a media socket, or about to be.
    Streaming(Box<Stream>),
    /// Converses in text, or is about to.
    Relaying(Box<Relay>),
}

#[derive(Debug)]
pub(super) struct Call {
    pub(super) sid: String,
    pub(super) account: usize,
    pub(super) to: String,
    pub(super) from: String,
    pub(super) direction: Direction,
    /// The call whose instructions placed this one.
    pub(super) parent: Option<usize>,
    /// The other end of a call from one number of the accounts to another: an order, and what came in by it.
    pub(super) far_end: Option<usize>,
    /// The call it is connected with.
    pub(super) peer: Option<usize>,
    /// Its place in a queue.
    pub(super) place: Option<Box<Place>>,
    /// What the person on the line said in the last 20 ms.
    pub(super) spoken: Frame,
    /// What that person heard in them.
    pub(super) heard: Frame,
    /// Keys pressed after the answer.
    pub(super) digits: Option<String>,
    pub(super) detection: Option<Detection>,
    /// The verdict and how long it took.
    pub(super) answered_by: Option<(&'static str, Duration)>,
    /// Records the call from the answer on.
    pub(super) record: Option<RecordingSettings>,
    /// That recording.
    pub(super) recording: Option<usize>,
    /// The sid of the call whose instructions placed this one.
    pub(super) parent_sid: Option<String>,
    pub(super) status: CallStatus,
    pub(super) created: CallTime,
    pub(super) updated: CallTime,
    pub(super) dialled: Option<CallTime>,
    pub(super) answered: Option<CallTime>,
    pub(super) ended: Option<CallTime>,
    /// What it costs is known.
    pub(super) is_priced: bool,
    pub(super) sip_response: Option<u16>,
    pub(super) instructions: Instructions,
    pub(super) fallback: Option<(String, Method)>,
    pub(super) status_callback: Option<StatusCallback>,
    pub(super) reports: u64,
    /// A fault: a report that waits for its successor.
    pub(super) held_report: Option<Webhook>,
    pub(super) ring_timeout: Duration,
    pub(super) time_limit: Duration,
    pub(super) party: Option<Box<dyn Party>>,
    /// Ticks so far; the next one is due at the answer plus this many frames.
    pub(super) ticks: u64,
    pub(super) doing: Doing,
    pub(super) verbs: VecDeque<Verb>,
    /// The address of the current document, to which relative ones refer.
    pub(super) base: String,
    pub(super) deleted: bool,
}

impl Call {
    /// The time since the answer.
    pub(super) fn clock(&self, now: CallTime) -> CallTime {
        CallTime::ZERO + self.answered.map_or(Duration::ZERO, |answered| now.since(answered))
    }

    /// How long it has lasted, or lasted, from the answer.
    pub(super) fn duration(&self, now: CallTime) -> Duration {
        self.answered.map_or(Duration::ZERO, |answered| self.ended.unwrap_or(now).since(answered))
    }

    /// What it costs, if that is known: 0.014 of a unit for each minute that was begun, as the carrier writes what it takes.
    pub(super) fn price(&self) -> Option<String> {
        let minutes = self.duration(self.ended.filter(|_| self.is_priced)?).as_secs().div_ceil(60).max(1);
        Some(format!("-{}.{:05}", minutes * 1_400 / 100_000, minutes * 1_400 % 100_000))
    }

    /// The fields every request about this call carries.
    pub(super) fn form(&self, account_sid: &str) -> Vec<(String, String)> {
        let fields = [
            ("CallSid", self.sid.as_str()),
            ("AccountSid", account_sid),
            ("From", &self.from),
            ("To", &self.to),
            ("Caller", &self.from),
            ("Called", &self.to),
            ("CallStatus", self.status.as_str()),
            ("ApiVersion", "2010-04-01"),
            ("Direction", self.direction.as_str()),
        ];
        let parent = self.parent_sid.as_deref().map(|parent| ("ParentCallSid", parent));
        fields.into_iter().chain(parent).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}
