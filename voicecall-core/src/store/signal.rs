//! What one process tells the one that runs a session.

use serde::{Deserialize, Serialize};

use super::EndReason;
use crate::carrier::{AnsweredBy, CallStatus};
use crate::id::{AttemptId, CarrierCallId};

/// Word for the owner of a session: what a carrier told, or an application asked of, a process that does not run it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "signal", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Signal {
    /// The carrier reports how far a call has come.
    Status {
        /// The attempt that became the call.
        attempt: AttemptId,
        /// The carrier's name of the call.
        call: CarrierCallId,
        /// How far.
        status: CallStatus,
    },
    /// The carrier has found out who answered.
    Detected {
        /// The attempt that became the call.
        attempt: AttemptId,
        /// The carrier's name of the call.
        call: CarrierCallId,
        /// Who.
        answered_by: AnsweredBy,
    },
    /// The person wrote a message, beside the call.
    Wrote {
        /// The words.
        text: String,
    },
    /// The session is to be ended.
    Stop {
        /// Why.
        reason: EndReason,
    },
}
