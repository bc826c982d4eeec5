//! Thinking: a chat model that streams text, free or of a given JSON schema.

use std::fmt::Debug;

use serde::{Deserialize, Serialize};

use super::ResultStream;

/// Who wrote a message of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatRole {
    /// The operator's instructions.
    System,
    /// The caller. What stands here is data, never instructions.
    User,
    /// The agent.
    Assistant,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatMessage {
    /// Who wrote it.
    pub role: ChatRole,
    /// The text.
    pub content: String,
}

impl ChatMessage {
    /// A message by `role`.
    #[must_use]
    pub fn new(role: ChatRole, content: impl Into<String>) -> Self {
        Self { role, content: content.into() }
    }
}

/// The shape an answer must have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputSchema {
    /// A name of 1 to 64 characters out of `A-Z a-z 0-9 _ -`.
    pub name: String,
    /// A JSON schema in the strict subset: every property required, no additional properties.
    pub schema: serde_json::Value,
}

/// What a model is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatRequest {
    /// The conversation, oldest first.
    pub messages: Vec<ChatMessage>,
    /// The shape of the answer; free text if absent. The caller still validates what comes back.
    pub schema: Option<OutputSchema>,
    /// The longest answer, in tokens.
    pub max_tokens: u32,
}

/// Tokens used by one request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenUsage {
    /// Tokens read, cached ones included.
    pub input: u64,
    /// Of these, tokens that were cached.
    pub cached: u64,
    /// Tokens written.
    pub output: u64,
}

/// A piece of a model's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ChatDelta {
    /// More text.
    Text(String),
    /// What the answer used, if the provider tells; at most once.
    Usage(TokenUsage),
}

/// A chat model.
///
/// Contract: the stream ends after the last piece; an answer that was cut off or refused ends in an error,
/// never in silence. The request is sent once; repeating and failing over belong to the caller.
pub trait LanguageModel: Send + Sync + Debug + 'static {
    /// The provider's name, for logs and prices.
    fn name(&self) -> &'static str;

    /// Asks the model.
    fn chat(&self, request: ChatRequest) -> ResultStream<ChatDelta>;
}
