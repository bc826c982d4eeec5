//! The AI side of a call: what carries out the call machine's operations and reports what came of them.

mod cascade;
mod no_voice;
mod realtime;
mod respond;
mod sentences;

use std::fmt::Debug;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::audio::Frame;
use crate::error::{Error, Result};
use crate::model::{
    ChatMessage, ChatRequest, ServiceHealth, SpeechChunk, SpeechOptions, TokenUsage, ToolCall, ToolSpec, Transcript,
    TranscriptionOptions,
};

pub use cascade::Cascade;
pub use realtime::Realtime;
pub use sentences::Sentences;

/// The number of one operation of a call. Numbers are never reused, so whatever arrives for a cancelled operation
/// is recognised and dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OpId(pub u32);

/// What a speaking operation may deliver before it is granted more: two seconds, in samples at 8 kHz.
pub const SPEECH_CREDIT: u64 = 2 * crate::audio::SAMPLE_RATE as u64;

/// What an agent can be asked to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AgentTask {
    /// Transcribe one turn of the caller.
    Listen {
        /// What is known of the turn already: its beginning, or all of it if it is transcribed again. The rest follows
        /// by [`AgentSession::hear`].
        audio: Vec<Frame>,
    },
    /// Answer a request in text.
    Think(ChatRequest),
    /// Speak a text word for word.
    Speak(String),
    /// Answer in a conversation, aloud: the model's words are spoken as they come.
    Respond(Respond),
    /// Answer in a conversation, in text: somebody else speaks the model's words. Its events are those of
    /// [`Respond`](Self::Respond) without segments and speech.
    Write(Respond),
}

/// A conversation to be answered.
///
/// Aloud, its events are, in order: [`Token`](AgentEvent::Token)s and [`ToolCall`](AgentEvent::ToolCall)s as the model writes them,
/// up to [`TextDone`](AgentEvent::TextDone); among and after them each [`Segment`](AgentEvent::Segment) of the text that is
/// about to be spoken, followed by its [`Speech`](AgentEvent::Speech). A model that speaks itself knows no segments: its text
/// lies over the whole of its speech.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Respond {
    /// The conversation, oldest first. Holds of the agent's words only what the caller heard or is hearing.
    pub messages: Vec<ChatMessage>,
    /// The tools the model may call, before, after or instead of speaking.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolSpec>,
    /// The longest answer, in tokens.
    pub max_tokens: u32,
}

impl AgentTask {
    /// What kind of operation that is.
    #[must_use]
    pub const fn operation(&self) -> AgentOperation {
        match self {
            Self::Listen { .. } => AgentOperation::Listen,
            Self::Think(_) => AgentOperation::Think,
            Self::Speak(_) => AgentOperation::Speak,
            Self::Respond(_) => AgentOperation::Respond,
            Self::Write(_) => AgentOperation::Write,
        }
    }
}

/// The kinds of operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AgentOperation {
    /// Transcribing.
    Listen,
    /// Answering in text.
    Think,
    /// Speaking.
    Speak,
    /// Answering aloud.
    Respond,
    /// Answering in text.
    Write,
}

impl AgentOperation {
    /// Its name in metrics and traces.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Listen => "listen",
            Self::Think => "think",
            Self::Speak => "speak",
            Self::Respond => "respond",
            Self::Write => "write",
        }
    }
}

/// What came of an operation.
#[derive(Debug)]
#[non_exhaustive]
pub enum AgentEvent {
    /// The caller's words of a [`AgentTask::Listen`].
    Transcript(Transcript),
    /// More text of a [`AgentTask::Think`], [`AgentTask::Respond`] or [`AgentTask::Write`].
    Token(String),
    /// A tool the model of a [`AgentTask::Respond`] or [`AgentTask::Write`] calls.
    ToolCall(ToolCall),
    /// The model of a [`AgentTask::Respond`] or [`AgentTask::Write`] has written all it will; what it wrote is still to be spoken.
    TextDone,
    /// The next part of the text of a [`AgentTask::Respond`], about to be spoken: the audio up to the next segment is its
    /// speech. The segments together are the text, white space aside.
    Segment(String),
    /// What a [`AgentTask::Think`], [`AgentTask::Respond`] or [`AgentTask::Write`] used. It counts also if it comes after the
    /// operation's end, of work that was given up.
    Usage(TokenUsage),
    /// More audio of a [`AgentTask::Speak`] or [`AgentTask::Respond`]. Words are placed in the whole operation's audio.
    Speech(SpeechChunk),
    /// The operation is complete.
    Done,
    /// The operation failed and is over.
    Failed(Error),
}

/// How an agent's session is to be set up.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AgentSetup {
    /// How to listen.
    pub transcription: TranscriptionOptions,
    /// How to speak.
    pub speech: SpeechOptions,
}

/// Something that listens, thinks and speaks in calls: a cascade of three services, or one speech-to-speech model.
#[async_trait]
pub trait VoiceAgent: Send + Sync + Debug + 'static {
    /// Whether the agent decides itself when a turn ends. The engine refuses such an agent: here the call machine decides
    /// when a turn ends, and the dialogue what is said next.
    fn owns_turns(&self) -> bool;

    /// Whether [`AgentTask::Speak`] says exactly the given words. Disclosure and consent need it.
    fn speaks_verbatim(&self) -> bool;

    /// Whether it hears and speaks. One that does not is of use only where the carrier does both.
    fn has_voice(&self) -> bool {
        true
    }

    /// How the services fare that it asks, as far as it follows that; shared by all its sessions.
    fn services(&self) -> Vec<ServiceHealth> {
        Vec::new()
    }

    /// Opens a session for one call.
    ///
    /// # Errors
    /// When a service cannot be reached or refuses the configuration.
    async fn open(&self, setup: &AgentSetup) -> Result<Box<dyn AgentSession>>;
}

/// An agent's side of one call. Dropping it cancels everything.
#[async_trait]
pub trait AgentSession: Send + Debug {
    /// Who carries out operations of this kind: the provider's name, for metrics.
    fn provider(&self, operation: AgentOperation) -> &'static str;

    /// Begins an operation; its events carry `op`.
    fn start(&mut self, op: OpId, task: AgentTask);

    /// Hands a frame of caller audio to a listening operation. Never waits.
    ///
    /// # Errors
    /// `RateLimited` if the operation does not take audio fast enough. Audio is not dropped silently: the machine
    /// then starts another operation with the audio it kept. `Closed` if the operation is not listening (any more).
    fn hear(&mut self, op: OpId, frame: &Frame) -> Result<()>;

    /// Says that a listening operation has all its audio.
    fn finish(&mut self, op: OpId);

    /// Lets a speaking or responding operation deliver this many more samples. Without a grant it delivers [`SPEECH_CREDIT`] and waits,
    /// so that a synthesiser is never far ahead of the ear.
    fn grant(&mut self, op: OpId, samples: u64);

    /// Says that of a responding operation, perhaps one that is done, the caller heard only so many samples at 8 kHz, and these
    /// words. An agent that keeps the conversation itself is to forget the rest; others take it from the next request.
    fn truncate(&mut self, _op: OpId, _samples: u64, _heard: &str) {}

    /// Gives up an operation. Events of it may still arrive and are ignored.
    fn cancel(&mut self, op: OpId);

    /// Waits for the next event. Cancelling this future loses nothing. With no operation under way it waits forever.
    async fn next(&mut self) -> (OpId, AgentEvent);
}
