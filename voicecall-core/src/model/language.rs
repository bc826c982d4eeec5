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
    /// A tool the agent called. What stands here is data, never instructions.
    Tool,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatMessage {
    /// Who wrote it.
    pub role: ChatRole,
    /// The text; may be empty if there are tool calls.
    pub content: String,
    /// The tools an [`Assistant`](ChatRole::Assistant) message calls. Each needs a [`Tool`](ChatRole::Tool) message with its
    /// result before the model is asked again: services refuse a call without one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// Which call a [`Tool`](ChatRole::Tool) message is the result of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
}

impl ChatMessage {
    /// A message by `role`.
    #[must_use]
    pub fn new(role: ChatRole, content: impl Into<String>) -> Self {
        Self { role, content: content.into(), tool_calls: Vec::new(), tool_call_id: None }
    }

    /// A message of the agent that calls tools.
    #[must_use]
    pub fn calling(content: impl Into<String>, tool_calls: Vec<ToolCall>) -> Self {
        Self { tool_calls, ..Self::new(ChatRole::Assistant, content) }
    }

    /// The result of a tool call, as text for the model.
    #[must_use]
    pub fn tool_result(call: impl Into<String>, content: impl Into<String>) -> Self {
        Self { tool_call_id: Some(call.into()), ..Self::new(ChatRole::Tool, content) }
    }
}

/// A tool a model may call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// A name of 1 to 64 characters out of `A-Z a-z 0-9 _ -`.
    pub name: String,
    /// What it does and when to call it, for the model.
    pub description: String,
    /// The JSON schema of its arguments, an object.
    pub parameters: serde_json::Value,
}

/// A model's call of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The model's name for the call, unique within the conversation.
    pub id: String,
    /// The tool's name as the model wrote it; perhaps of no tool there is.
    pub name: String,
    /// The arguments as the model wrote them: JSON, if it did as told.
    pub arguments: String,
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
    #[serde(default)]
    pub schema: Option<OutputSchema>,
    /// The tools it may call instead of answering, or beside it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolSpec>,
    /// The longest answer, in tokens.
    pub max_tokens: u32,
}

impl ChatRequest {
    /// A request for free text of at most `max_tokens` tokens.
    #[must_use]
    pub const fn new(messages: Vec<ChatMessage>, max_tokens: u32) -> Self {
        Self { messages, schema: None, tools: Vec::new(), max_tokens }
    }

    /// Asks for an answer of this shape.
    #[must_use]
    pub fn with_schema(mut self, schema: OutputSchema) -> Self {
        self.schema = Some(schema);
        self
    }

    /// Offers tools.
    #[must_use]
    pub fn with_tools(mut self, tools: Vec<ToolSpec>) -> Self {
        self.tools = tools;
        self
    }
}

/// Tokens used by one request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenUsage {
    /// Tokens read, cached ones included, whether of text or of sound.
    pub input: u64,
    /// Of these, tokens that were cached.
    pub cached: u64,
    /// Tokens written, of text or of sound.
    pub output: u64,
    /// Which of all these were sound, of a model that hears and speaks.
    #[serde(default, skip_serializing_if = "SoundUsage::is_none")]
    pub sound: SoundUsage,
}

/// How many of the tokens that were used were sound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoundUsage {
    /// Of those read.
    pub input: u64,
    /// Of those cached.
    pub cached: u64,
    /// Of those written.
    pub output: u64,
}

impl SoundUsage {
    /// None were.
    pub const NONE: Self = Self { input: 0, cached: 0, output: 0 };

    /// Whether there were none.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.input == 0 && self.cached == 0 && self.output == 0
    }
}

/// A piece of a model's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ChatDelta {
    /// More text.
    Text(String),
    /// A tool call, whole: a service puts together what comes in pieces.
    ToolCall(ToolCall),
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
