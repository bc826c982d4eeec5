//! What is said next: a dialogue takes what happened in a call and answers with what to do, in text, without waiting.
//!
//! Dialogues know nothing of audio or carriers, so that the same one serves a call and messages.

mod ask_consent;
mod llm;
mod past;
mod scripted;
mod yes_no;

use std::fmt::Debug;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use ask_consent::{AskConsent, WithConsent};
pub use llm::{LlmDialogue, Phrases};
pub use past::{Past, PastLine};
pub use scripted::Scripted;

use crate::agent::Respond;
use crate::carrier::{Digits, Say};
use crate::error::Result;
use crate::journal::{Fact, JournalEntry};
use crate::model::{ChatRequest, ToolCall};
use crate::phone::PhoneNumber;
use crate::store::EndReason;
use crate::time::CallTime;
use crate::tool::{Tool, ToolCallId, ToolEffect, ToolOutcome};

/// The number of one utterance of the agent, given by the dialogue, counting up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UtteranceId(pub u32);

/// The number of one question to the model, given by the dialogue, counting up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AskId(pub u32);

/// The key by which whoever is told of a call takes it: see [`Action::Transfer`].
pub const ACCEPT_KEY: char = '1';

/// The most characters that they are told: nobody listens longer, and carriers have it in an address.
pub const LONGEST_ANNOUNCEMENT: usize = 600;

/// Something the agent is to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Utterance {
    /// Its number.
    pub id: UtteranceId,
    /// The words, exactly.
    pub text: String,
    /// Whether the caller may interrupt it. A disclosure may not be interrupted.
    pub interruptible: bool,
}

/// What the caller said in one turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallerTurn {
    /// The number of the turn, counting up.
    pub turn: u32,
    /// The words as transcribed; `None` if the transcriber failed, empty if it understood nothing.
    pub text: Option<String>,
    /// From 0 to 1, if the transcriber tells.
    pub confidence: Option<f32>,
    /// The language, if the transcriber tells.
    pub language: Option<String>,
    /// When the caller began to speak.
    pub started: CallTime,
    /// The last voiced sample.
    pub ended: CallTime,
    /// How much of the turn was voice. Transcribers put words into noise: what a few frames of it are said to mean
    /// should decide nothing.
    pub voiced: Duration,
    /// Whether the turn was cut off because it was longer than allowed.
    pub cut_off: bool,
}

/// What a dialogue is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DialogueEvent {
    /// The call's audio runs; the caller hears and is heard.
    Connected,
    /// Messages go to and fro instead of voices: nobody is on a line, nobody waits in silence, and what is said is read whole.
    /// Comes in the place of [`Connected`](Self::Connected), before each answer to what was written.
    Messaging {
        /// Whether something new was written, which follows as [`Heard`](Self::Heard). Otherwise an answer was broken off before
        /// it was sent, and is to be given now.
        heard_follows: bool,
    },
    /// The caller's turn ended and was transcribed, or a person wrote something.
    Heard(CallerTurn),
    /// The caller wrote a message beside the call. Nobody waits for an answer to it.
    Wrote {
        /// The words.
        text: String,
    },
    /// The caller pressed a key.
    Key(char),
    /// An utterance was heard to its end.
    Spoken(UtteranceId),
    /// The caller interrupted an utterance; this much of it was heard. What stood behind it in the queue is dropped, but for
    /// utterances that may not be interrupted: those are said next.
    Interrupted {
        /// Which.
        utterance: UtteranceId,
        /// The words that were heard.
        heard: String,
    },
    /// An utterance broke off because its voice failed; this much of it was heard, at most. Whatever stood behind it in the
    /// queue is dropped. It is not repeated by itself.
    BrokeOff {
        /// Which.
        utterance: UtteranceId,
        /// The words that were heard: an estimate without alignment.
        heard: String,
    },
    /// Nobody has spoken for the configured time; `count` times in a row.
    Silence {
        /// 1 for the first time since the caller last spoke.
        count: u32,
    },
    /// The model answered: the whole text, not yet validated.
    Reply {
        /// To which question.
        ask: AskId,
        /// The answer.
        text: String,
    },
    /// The model did not answer.
    NoReply {
        /// To which question.
        ask: AskId,
    },
    /// The model of a response calls a tool. Nothing is run unless the dialogue says so.
    ToolCall {
        /// Of which response.
        utterance: UtteranceId,
        /// The call as the model wrote it.
        call: ToolCall,
    },
    /// The model of a response has written all it will. What of it is spoken is still being heard;
    /// [`Spoken`](Self::Spoken) or [`Interrupted`](Self::Interrupted) follows, also if there was nothing to speak.
    Written {
        /// Which response.
        utterance: UtteranceId,
        /// The whole text.
        text: String,
    },
    /// Nothing more comes of a response: its model or voice failed or was late. What is ready of it is still being heard;
    /// [`Spoken`](Self::Spoken) or [`Interrupted`](Self::Interrupted) follows.
    ResponseFailed {
        /// Which response.
        utterance: UtteranceId,
        /// The text that has sound.
        text: String,
    },
    /// A tool has come to its end, in success or not.
    ToolResult {
        /// Which call of it.
        call: ToolCallId,
        /// What came of it.
        outcome: ToolOutcome,
    },
    /// The call could not be transferred, or nobody took it, and goes on here. Of a caller who comes back from a warm transfer a
    /// dialogue made anew is told so behind [`Connected`](Self::Connected).
    TransferFailed {
        /// Where it was to go.
        to: String,
    },
    /// The call's [budget](crate::money::Budget) is nearly used up: say goodbye and end the call now. Told once. What is
    /// left pays for a goodbye; a dialogue that goes on is ended by the machine.
    WrapUp,
    /// The time asked for by [`Dialogue::wake_at`] has come.
    Wake,
    /// A fact the dialogue journaled is stored for good: its first is number 1, its second 2.
    Stored(u64),
    /// The call is over for this reason. Facts may still be journaled; nothing will be said.
    Ended(EndReason),
}

/// What a dialogue wants done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Action {
    /// Say this, behind what is already queued.
    Say(Utterance),
    /// Say what a model answers to this conversation, as it comes, behind what is already queued. An utterance like any
    /// other, which the caller may interrupt; only its words are not known yet.
    Respond {
        /// Its number, from the same count as what is said word for word.
        utterance: UtteranceId,
        /// The conversation.
        request: Respond,
    },
    /// Stop speaking and drop what is queued.
    Interrupt,
    /// Run a tool. One with an effect runs once this call of it is stored. [`DialogueEvent::ToolResult`] follows.
    CallTool {
        /// The number of this call, the same if it is run again after the call broke off.
        call: ToolCallId,
        /// Which [tool](Dialogue::tool).
        name: String,
        /// Arguments that fit it.
        arguments: serde_json::Value,
        /// What it means to run it twice.
        effect: ToolEffect,
    },
    /// Give up a tool that is running. No result follows.
    CancelTool(ToolCallId),
    /// Press keys on the line, as a caller would, once everything queued has been heard: the other side hears their tones.
    PressKeys(Digits),
    /// Hand the call to somebody else once everything queued has been heard, and leave it.
    /// [`DialogueEvent::TransferFailed`] follows if it stays.
    Transfer {
        /// The name of a [number](Dialogue::transfer_number).
        to: String,
        /// What the carrier says to whoever answers, before the two are connected: a warm transfer. They take the call by
        /// pressing [`ACCEPT_KEY`], which the words should ask for; whoever does not leaves the caller with us. At most
        /// [`LONGEST_ANNOUNCEMENT`] characters. Without it the two are connected at the answer, and the call does not come
        /// back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        announcement: Option<Say>,
    },
    /// Ask the model.
    Ask {
        /// The question's number.
        ask: AskId,
        /// The question.
        request: ChatRequest,
    },
    /// Do not wait for this answer any more.
    Forget(AskId),
    /// Append to the journal; [`DialogueEvent::Stored`] follows with the number of the fact.
    Journal(Fact),
    /// The caller agreed: recording and transcript, held in memory until now, may be stored.
    GrantConsent,
    /// The caller took the consent back: from now on neither sound nor words are stored.
    WithdrawConsent,
    /// The caller does not want the sound to be recorded; words may be stored once there is consent.
    DeclineRecording,
    /// From now on a caller's turn is cut off after this time.
    LimitTurn(Duration),
    /// End the call once everything queued has been heard.
    End(EndReason),
    /// End the call now.
    EndNow(EndReason),
}

/// Decides what is said. One per call; sans-IO: it is told the time and never waits.
///
/// Must be a function of the events it was given, so that a recorded call replays.
pub trait Dialogue: Send + Debug {
    /// Takes in what happened and appends what to do.
    fn handle(&mut self, event: &DialogueEvent, now: CallTime, actions: &mut Vec<Action>);

    /// Takes in, before anything else, what earlier connections of the session left, if there were any: it is to go on where
    /// they stopped. Does nothing unless told otherwise: such a dialogue begins anew.
    fn resume(&mut self, _journal: &[JournalEntry]) {}

    /// Takes in what was said with the person before this session, ahead of [`resume`](Self::resume). Does nothing unless told
    /// otherwise: such a dialogue knows of its own session only.
    fn recall(&mut self, _past: &Past) {}

    /// Takes in, ahead of everything else, the wall-clock instant from which the call's time counts: that of its answer, over
    /// all its connections. Does nothing unless told otherwise. Messages have no such instant.
    fn begin(&mut self, _at: Timestamp) {}

    /// When it wants [`DialogueEvent::Wake`], if at all. Asked after every event.
    fn wake_at(&self) -> Option<CallTime> {
        None
    }

    /// The tool that [`Action::CallTool`] names. Handlers stay outside of the dialogue's events, so that a recorded call
    /// replays without running them.
    fn tool(&self, _name: &str) -> Option<Tool> {
        None
    }

    /// The number that [`Action::Transfer`] names. It stays outside of a recorded call.
    fn transfer_number(&self, _name: &str) -> Option<PhoneNumber> {
        None
    }

    /// Whether it may say [`Action::GrantConsent`]. A call that is to be kept after consent needs such a dialogue.
    fn can_grant_consent(&self) -> bool {
        false
    }

    /// Checks its own configuration; asked before the call begins.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) with the field that is wrong.
    fn validate(&self) -> Result<()> {
        Ok(())
    }
}
