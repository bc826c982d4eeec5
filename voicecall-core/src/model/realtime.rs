//! Speech to speech: one model that hears the caller and answers aloud, over one connection for the whole call.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{ChatRole, ResultStream, SpeechOptions, TokenUsage, ToolCall, ToolSpec, Transcript, TranscriptionOptions};
use crate::audio::Frame;
use crate::error::{Error, Result};

/// The name of one item of a connection's conversation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ItemId(pub String);

/// How a connection is to hear and speak.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RealtimeOptions {
    /// How the caller's words are to be written down.
    pub transcription: TranscriptionOptions,
    /// How the model is to sound.
    pub speech: SpeechOptions,
}

/// What is asked of a speech-to-speech model. Commands are carried out in order.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum RealtimeCommand {
    /// Answer by these instructions and with these tools from now on.
    Configure {
        /// The operator's instructions.
        instructions: String,
        /// The tools the model may call.
        tools: Vec<ToolSpec>,
    },
    /// More of what the caller says.
    Audio(Frame),
    /// The caller's turn is over: its audio becomes an item at the end of the conversation.
    /// [`Heard`](RealtimeEvent::Heard) and its transcript follow. Nothing is answered by itself.
    Commit,
    /// What was sent of the caller's turn is no turn.
    Discard,
    /// Put an item into the conversation.
    Insert {
        /// Its name, of at most 32 characters, which nothing else in the conversation has.
        id: ItemId,
        /// The item it stands behind; `None` for the first place.
        after: Option<ItemId>,
        /// The item.
        item: RealtimeItem,
    },
    /// Take an item out of the conversation.
    Remove(ItemId),
    /// Of what was said in this item the caller heard only so much, which is never more than came of it.
    Truncate {
        /// The item.
        id: ItemId,
        /// How much.
        heard: Duration,
    },
    /// Answer the conversation, aloud or by calling tools. Comes only when no other answer is under way.
    Respond {
        /// The longest answer, in tokens.
        max_tokens: u32,
    },
    /// Give the answer under way up. [`Finished`](RealtimeEvent::Finished) follows all the same.
    Cancel,
}

/// Something in a conversation that was not said over its connection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RealtimeItem {
    /// Words.
    Message {
        /// Whose.
        role: ChatRole,
        /// The words.
        text: String,
    },
    /// A tool the model called.
    ToolCall(ToolCall),
    /// What came of a call.
    ToolResult {
        /// Of which: its [id](ToolCall::id).
        call: String,
        /// The result, for the model.
        text: String,
    },
}

/// What a speech-to-speech model tells. What belongs to an answer comes between the [`Respond`](RealtimeCommand::Respond)
/// that asked for it and its [`Finished`](Self::Finished).
#[derive(Debug)]
#[non_exhaustive]
pub enum RealtimeEvent {
    /// The audio of a [`Commit`](RealtimeCommand::Commit), of each in turn, is this item.
    Heard(ItemId),
    /// What was understood of an item of the caller. The last one is final.
    Transcript {
        /// Which.
        item: ItemId,
        /// The words.
        transcript: Transcript,
    },
    /// An item of the caller has no transcript; `None` if the turn has become no item at all.
    NotTranscribed {
        /// Which.
        item: Option<ItemId>,
        /// Why.
        error: Error,
    },
    /// What the model says from now on is this item, at the end of the conversation.
    Speaking(ItemId),
    /// More of the words it says. They may run ahead of their sound.
    Text(String),
    /// More of their sound: mu-law, 8 kHz, any length, as fast as it is made.
    Audio(Bytes),
    /// A tool the model calls, an item at the end of the conversation. Comes only of an answer that is whole.
    ToolCall {
        /// The item.
        item: ItemId,
        /// The call.
        call: ToolCall,
    },
    /// What an answer used.
    Usage(TokenUsage),
    /// The answer is over: whole, or cut off or failed with this error. One that was given up ends in either way.
    Finished(Result<()>),
}

/// A model that hears and speaks, and answers when it is told to.
///
/// When a turn of the caller ends is decided elsewhere, and so is what the conversation holds. A model that decides itself when
/// it speaks cannot be one of these.
#[async_trait]
pub trait RealtimeModel: Send + Sync + Debug + 'static {
    /// The provider's name, for logs and prices.
    fn name(&self) -> &'static str;

    /// Opens a connection with an empty conversation.
    ///
    /// # Errors
    /// When it cannot be reached, does not answer in time, or refuses the options.
    async fn connect(&self, options: &RealtimeOptions) -> Result<RealtimeConnection>;
}

/// A connection for one call. Dropping both halves closes it.
#[derive(Debug)]
pub struct RealtimeConnection {
    /// Takes commands.
    pub sender: Box<dyn RealtimeSender>,
    /// Gives events. Its end, or an error, is the connection's: then the conversation is gone.
    pub events: RealtimeEvents,
}

/// The half of a connection that takes commands.
#[async_trait]
pub trait RealtimeSender: Send + Debug {
    /// Sends a command. A future that is dropped has broken the connection.
    ///
    /// # Errors
    /// When the connection is broken, or takes nothing for too long.
    async fn send(&mut self, command: RealtimeCommand) -> Result<()>;
}

/// The half of a connection that gives events.
pub struct RealtimeEvents(pub ResultStream<RealtimeEvent>);

impl Debug for RealtimeEvents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RealtimeEvents")
    }
}
