//! Everything that goes into the call machine and everything that comes out of it.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::agent::{AgentTask, OpId};
use crate::audio::Frame;
use crate::consent::ConsentToken;
use crate::dialogue::{Action, DialogueEvent};
use crate::error::{Error, ErrorKind};
use crate::journal::Fact;
use crate::media::{MediaCommand, MediaEvent};
use crate::model::{TokenUsage, Transcript, WordTiming};
use crate::store::EndReason;
use crate::time::CallTime;

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
    /// A listening operation understood something.
    Transcript {
        /// Which.
        op: OpId,
        /// What.
        transcript: Transcript,
    },
    /// A thinking operation wrote something.
    Token {
        /// Which.
        op: OpId,
        /// What.
        text: String,
    },
    /// A thinking operation tells what it used.
    Usage {
        /// Which.
        op: OpId,
        /// How much.
        usage: TokenUsage,
    },
    /// A speaking operation produced audio.
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
    /// The carrier reports that the call is over: the caller has hung up.
    CallEnded,
    /// The carrier asks what to do next with the call: its media stream is over, and the caller still there.
    CallContinues,
    /// The media socket is gone.
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
    /// A speaking operation may deliver more.
    Grant {
        /// Which.
        op: OpId,
        /// This many samples more, at 8 kHz.
        samples: u64,
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
    /// End the call at the carrier. Words still on their way are awaited after it.
    HangUp(EndReason),
    /// The media stream is gone, the caller may still be there: connect the call again, or end it. Words still on their
    /// way are awaited as well.
    Reconnect,
}
