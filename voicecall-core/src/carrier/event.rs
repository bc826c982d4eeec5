//! What a carrier says about a call.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{CallStatus, CarrierRecording, Detection, Gathered, IncomingCall, RecordingId};
use crate::id::CarrierCallId;

/// What a carrier says about a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CarrierEventKind {
    /// Somebody calls us; asks for instructions. Told once a call: every delivery of it has the same
    /// [`delivery`](CarrierEvent::delivery).
    Incoming(IncomingCall),
    /// The call asks for instructions: it was answered, or the last steps ran out.
    Instruct {
        /// How far the call has come.
        status: CallStatus,
        /// Who answered, if the call waited for that to be found out.
        #[serde(default)]
        detection: Option<Detection>,
    },
    /// What a [`Gather`](super::Gather) has gathered; asks for instructions.
    Gathered(Gathered),
    /// A [`Dial`](super::Dial) has ended; asks for instructions.
    DialEnded {
        /// How: `Completed` if the two were connected.
        status: CallStatus,
        /// The call that was connected, if one was.
        leg: Option<CarrierCallId>,
        /// How long the two were connected.
        duration: Option<Duration>,
    },
    /// A message was recorded ([`RecordMessage`](super::RecordMessage)); asks for instructions. Its audio may not be
    /// ready yet.
    MessageRecorded {
        /// The recording.
        recording: RecordingId,
        /// How long it is.
        duration: Option<Duration>,
        /// Whether the caller hung up to end it, so that nobody hears what comes next.
        hung_up: bool,
    },
    /// A caller on [`Hold`](super::Hold) waits; asks for what they hear meanwhile.
    Holding {
        /// How long they have waited.
        waited: Duration,
    },
    /// A [`Hold`](super::Hold) has ended; asks for instructions.
    HoldEnded {
        /// How.
        end: HoldEnd,
        /// How long it lasted.
        waited: Option<Duration>,
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
    /// It was found out, in the background, who answered.
    Detected(Detection),
    /// A recording was begun, has ended, or came to nothing.
    Recording(CarrierRecording),
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

impl CarrierEventKind {
    /// Whether the answer is expected to hold the call's next steps.
    #[must_use]
    pub const fn asks(&self) -> bool {
        matches!(
            self,
            Self::Incoming(_)
                | Self::Instruct { .. }
                | Self::Gathered(_)
                | Self::DialEnded { .. }
                | Self::MessageRecorded { .. }
                | Self::Holding { .. }
                | Self::HoldEnded { .. }
        )
    }

    /// The same event without who calls, and what the caller said or keyed in, for logs.
    #[must_use]
    pub fn without_personal_data(&self) -> Self {
        match self {
            Self::Incoming(call) => Self::Incoming(call.without_personal_data()),
            Self::Gathered(_) => Self::Gathered(Gathered::default()),
            other => other.clone(),
        }
    }
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HoldEnd {
    /// Another call joined, and that connection has ended.
    Joined,
    /// The instructions of the wait, or a request of ours, ended it.
    Left,
    /// The caller hung up.
    HungUp,
    /// The caller could not wait: too many others do, or the carrier failed.
    Failed,
}
