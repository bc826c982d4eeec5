//! Everything that goes into the call machine and everything that comes out of it.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::agent::{AgentTask, OpId};
use crate::audio::Frame;
use crate::carrier::Say;
use crate::consent::ConsentToken;
use crate::dialogue::{Action, DialogueEvent};
use crate::error::{Error, ErrorKind};
use crate::journal::Fact;
use crate::media::{MediaCommand, MediaEvent};
use crate::model::{TokenUsage, ToolCall, Transcript, WordTiming};
use crate::store::EndReason;
use crate::text_media::{TextCommand, TextEvent};
use crate::time::CallTime;
use crate::tool::{ToolCallId, ToolContext, ToolOutcome};

/// One input with the instant it is handled at. A recorded call is a list of these.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Input<'a> {
    /// When. Never before the input handled last.
    pub at: CallTime,
    /// What.
    #[serde(borrow)]
    pub event: InputEvent<'a>,
}

/// What the machine is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputEvent<'a> {
    /// The media socket said something.
    #[serde(borrow)]
    Media(MediaEvent<'a>),
    /// The text socket said something.
    Text(TextEvent),
    /// A listening operation understood something.
    Transcript {
        /// Which.
        op: OpId,
        /// What.
        transcript: Transcript,
    },
    /// A thinking, responding or writing operation wrote something.
    Token {
        /// Which.
        op: OpId,
        /// What.
        text: String,
    },
    /// A responding or writing operation calls a tool.
    ToolCall {
        /// Which operation.
        op: OpId,
        /// The call.
        call: ToolCall,
    },
    /// A responding or writing operation has written all it will.
    TextDone {
        /// Which.
        op: OpId,
    },
    /// A responding operation is about to speak this part of its text.
    Segment {
        /// Which.
        op: OpId,
        /// The part.
        text: String,
    },
    /// A tool has come to its end.
    ToolResult {
        /// Which call of it.
        call: ToolCallId,
        /// What came of it.
        outcome: ToolOutcome,
    },
    /// A thinking, responding or writing operation tells what it used.
    Usage {
        /// Which.
        op: OpId,
        /// How much.
        usage: TokenUsage,
    },
    /// A speaking or responding operation produced audio.
    Speech {
        /// Which.
        op: OpId,
        /// Mu-law, 8 kHz, any length.
        #[serde(with = "crate::media::audio_bytes")]
        audio: Cow<'a, [u8]>,
        /// Words whose place is now known.
        #[serde(default)]
        words: Vec<WordTiming>,
    },
    /// An operation is complete.
    Done {
        /// Which.
        op: OpId,
    },
    /// An operation failed.
    Failed {
        /// Which.
        op: OpId,
        /// How.
        failure: Failure,
    },
    /// The fact with this number is stored for good.
    Stored {
        /// The number.
        seq: u64,
    },
    /// The dialogue, or whoever stands above the call, wants something.
    Dialogue(Action),
    /// The person wrote a message, beside the call.
    Wrote {
        /// The words.
        text: String,
    },
    /// The carrier reports that the call is over: the caller has hung up.
    CallEnded,
    /// The carrier asks what to do next with the call: its media stream is over, and the caller still there.
    CallContinues,
    /// The socket is gone.
    Disconnected,
    /// Time has passed.
    Tick,
}

/// How an operation failed, as far as it decides what is done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What went wrong.
    pub kind: ErrorKind,
    /// How long to wait before asking again, if the service said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Duration>,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self { kind: error.kind(), retry_after: error.retry_after() }
    }
}

impl From<ErrorKind> for Failure {
    fn from(kind: ErrorKind) -> Self {
        Self { kind, retry_after: None }
    }
}

/// What the machine wants done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// Send to the media socket.
    Send(MediaCommand),
    /// Send to the text socket.
    SendText(TextCommand),
    /// Begin an operation.
    Start {
        /// Its number.
        op: OpId,
        /// What to do.
        task: AgentTask,
    },
    /// Hand caller audio to a listening operation.
    Hear {
        /// Which.
        op: OpId,
        /// 20 ms.
        frame: Frame,
    },
    /// A speaking or responding operation may deliver more.
    Grant {
        /// Which.
        op: OpId,
        /// This many samples more, at 8 kHz.
        samples: u64,
    },
    /// The caller did not hear all that a responding operation says, or said. Comes before it is given up, if it is still under way.
    Truncate {
        /// Which.
        op: OpId,
        /// How much of its audio was heard, in samples at 8 kHz.
        samples: u64,
        /// The words that were heard.
        heard: String,
    },
    /// A listening operation has all its audio.
    Finish {
        /// Which.
        op: OpId,
    },
    /// Give up an operation.
    Cancel {
        /// Which.
        op: OpId,
    },
    /// Run a tool.
    CallTool {
        /// The number of this call of it.
        call: ToolCallId,
        /// Which.
        name: String,
        /// With what.
        arguments: serde_json::Value,
        /// Where it works.
        context: ToolContext,
    },
    /// Give up a tool. No result of it is wanted.
    CancelTool {
        /// Which call of it.
        call: ToolCallId,
    },
    /// Append to the journal.
    Journal {
        /// The fact's number.
        seq: u64,
        /// When it happened.
        at: CallTime,
        /// The fact.
        fact: Fact,
    },
    /// Tell the dialogue.
    Notify(DialogueEvent),
    /// 20 ms of the recording: what the caller said and what the caller heard. Comes only after consent.
    Record {
        /// When they began. Usually where the last ones ended; later if nobody was connected in between.
        at: CallTime,
        /// The caller's side.
        caller: Frame,
        /// The agent's side, as played by the phone.
        agent: Frame,
    },
    /// Do something to the world.
    Effect(Effect),
}

/// Something irreversible.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Effect {
    /// Keep the recording; [`Output::Record`] follows, beginning with the start of the call.
    StartRecording(ConsentToken),
    /// Have the carrier connect the call to the number of this name instead of us: its media stream stops.
    Transfer {
        /// The name.
        to: String,
        /// What whoever answers is told before they decide whether to take the call; absent if they are not asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        announcement: Option<Say>,
    },
    /// The carrier asks somebody to take the call, which comes back if they do not: neither hang it up nor take it for over.
    Offer,
    /// The call goes on without us: it was transferred, and must not be hung up.
    Leave(EndReason),
    /// End the call at the carrier. Words still on their way are awaited after it.
    HangUp(EndReason),
    /// The media stream is gone, the caller may still be there: connect the call again, or end it. Words still on their
    /// way are awaited as well.
    Reconnect,
}
