//! The latency ledger: what each part of one turn took, from the caller's last sound to the agent's first.

use serde::{Deserialize, Serialize};

use crate::time::CallTime;

/// The instants of one turn. Each is absent if the turn did not need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TurnLatency {
    /// The number of the caller's turn.
    pub turn: u32,
    /// The caller's last voiced sample.
    pub last_voiced: CallTime,
    /// The turn was judged to be over.
    pub end_of_turn: CallTime,
    /// The final transcript was there.
    pub transcript: Option<CallTime>,
    /// The model's first token.
    pub first_token: Option<CallTime>,
    /// The first sentence to say was known.
    pub first_sentence: Option<CallTime>,
    /// The first audio of it.
    pub first_audio: Option<CallTime>,
    /// The first frame of it went to the carrier.
    pub wire: Option<CallTime>,
    /// The caller heard it, by the phone's clock.
    pub heard: Option<CallTime>,
    /// A filler bridged the wait.
    pub filler: bool,
}
