//! What a chat server understands. A field it does not know makes many servers refuse the whole request.

/// The name under which a server takes the longest answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenLimit {
    /// `max_completion_tokens`, which OpenAI's models want.
    MaxCompletionTokens,
    /// `max_tokens`, which compatible servers know.
    MaxTokens,
}

/// How a server is made to answer in a given JSON schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SchemaMode {
    /// By a strict `json_schema`, which the server enforces.
    JsonSchema,
    /// By `json_object`, which enforces JSON; the schema stands in the instructions.
    JsonObject,
    /// By instructions alone.
    Instructions,
}

/// What a chat server understands.
///
/// ```
/// use voicecall_openai::{ChatDialect, SchemaMode};
///
/// let vllm = ChatDialect::compatible().with_schema_mode(SchemaMode::JsonSchema).with_usage(true);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatDialect {
    pub(super) token_limit: TokenLimit,
    pub(super) schema_mode: SchemaMode,
    pub(super) usage: bool,
    pub(super) reasoning_effort: Option<String>,
    pub(super) reasoning_headroom: u32,
}

impl ChatDialect {
    /// OpenAI's own: `max_completion_tokens`, strict schemas, usage, and no reasoning, which would keep a caller
    /// waiting.
    #[must_use]
    pub fn openai() -> Self {
        Self {
            token_limit: TokenLimit::MaxCompletionTokens,
            schema_mode: SchemaMode::JsonSchema,
            usage: true,
            reasoning_effort: Some("none".to_owned()),
            reasoning_headroom: 0,
        }
    }

    /// What nearly every compatible server takes: `max_tokens` and `json_object`, nothing else.
    #[must_use]
    pub fn compatible() -> Self {
        Self {
            token_limit: TokenLimit::MaxTokens,
            schema_mode: SchemaMode::JsonObject,
            usage: false,
            reasoning_effort: None,
            reasoning_headroom: 0,
        }
    }

    /// Replaces the name of the token limit.
    #[must_use]
    pub fn with_token_limit(mut self, token_limit: TokenLimit) -> Self {
        self.token_limit = token_limit;
        self
    }

    /// Replaces the way schemas are asked for.
    #[must_use]
    pub fn with_schema_mode(mut self, schema_mode: SchemaMode) -> Self {
        self.schema_mode = schema_mode;
        self
    }

    /// Says whether usage is asked for, by `stream_options`.
    #[must_use]
    pub fn with_usage(mut self, usage: bool) -> Self {
        self.usage = usage;
        self
    }

    /// Replaces the `reasoning_effort`, which is not sent if absent.
    #[must_use]
    pub fn with_reasoning_effort(mut self, effort: Option<&str>) -> Self {
        self.reasoning_effort = effort.map(str::to_owned);
        self
    }

    /// Replaces the tokens that are allowed beyond the longest answer, for a model that reasons before it answers and
    /// whose server counts that as part of the answer. The default is 0, for models that do not.
    #[must_use]
    pub fn with_reasoning_headroom(mut self, tokens: u32) -> Self {
        self.reasoning_headroom = tokens;
        self
    }
}
