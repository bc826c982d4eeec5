//! What a carrier is told to do with a call, in neutral steps: TwiML for one, JSON actions for another.

use std::time::Duration;

use url::Url;

use super::Digits;
use super::step::{
    Dial, Gather, Hold, HoldName, Play, RecordMessage, RecordingName, Say, StartRecording, StreamTarget,
};

/// The steps of a call, carried out in order. When they run out, the call ends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CallFlow(pub Vec<CallStep>);

/// One step of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallStep {
    /// Connect the call's audio, both ways, to a media socket; the next step follows when the socket closes.
    Stream(StreamTarget),
    /// Speak a text with the carrier's own voice.
    Say(Say),
    /// Play a sound file.
    Play(Play),
    /// Be silent, in whole seconds.
    Pause(Duration),
    /// Press keys, which the other side hears as tones.
    Press(Digits),
    /// Ask the caller for keys or words.
    Gather(Gather),
    /// Call somebody else and connect the two.
    Dial(Dial),
    /// Let the caller wait, with music, until another call joins.
    Hold(Hold),
    /// Connect this call with the one that waits longest under the name; the next step follows when either has left.
    Join(HoldName),
    /// Only in an answer to [`CarrierEventKind::Holding`](super::CarrierEventKind::Holding): end the wait.
    Leave,
    /// Record a message of the caller.
    Record(RecordMessage),
    /// Begin to record the call.
    StartRecording(StartRecording),
    /// End a recording begun by [`StartRecording`](Self::StartRecording).
    StopRecording(RecordingName),
    /// Ask this address for further steps.
    Redirect(Url),
    /// Only as the first step of an incoming call: do not answer it.
    Reject(RejectReason),
    /// End the call.
    HangUp,
}

/// What somebody hears whose call is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectReason {
    /// That the number is not in service.
    Rejected,
    /// That the line is busy.
    Busy,
}

impl CallFlow {
    /// Ends the call at once.
    #[must_use]
    pub fn hang_up() -> Self {
        Self(vec![CallStep::HangUp])
    }

    /// Streams to `target` and asks `next` what to do when the socket closes.
    #[must_use]
    pub fn stream(target: StreamTarget, next: Url) -> Self {
        Self(vec![CallStep::Stream(target), CallStep::Redirect(next)])
    }

    /// Speaks `text` in `language` with the carrier's voice and ends the call.
    #[must_use]
    pub fn farewell(text: impl Into<String>, language: impl Into<String>) -> Self {
        Self(vec![CallStep::Say(Say::new(text, language)), CallStep::HangUp])
    }
}
