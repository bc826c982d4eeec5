//! Thinking with a chat model.

mod answer;
mod body;
mod calls;
mod dialect;
mod ending;
mod thoughts;

use std::borrow::Cow;

use futures_util::{StreamExt, stream};
use reqwest::RequestBuilder;
use serde_json::{Map, Value};
use voicecall_core::model::{ChatDelta, ChatMessage, ChatRequest, ChatRole, LanguageModel, OutputSchema, ResultStream};
use voicecall_core::{Error, ErrorKind, Result};
use voicecall_net::http::Connections;

pub use self::dialect::{ChatDialect, SchemaMode, TokenLimit};

use self::answer::Answer;
use crate::client::Client;
use crate::endpoint::Endpoint;
use crate::environment::{self, CHAT, Lookup};
use crate::wire::chat::{JsonSchema, Message, Request, ResponseFormat, StreamOptions, Tool};

const OPERATION: &str = "chat";

/// A chat model behind `POST …/chat/completions`, streamed.
///
/// Each request is sent once, when the stream is first pulled, and dropping the stream closes the connection.
///
/// Text comes as it is written, without what the model thinks aloud between `<think>` and `</think>`; tool calls come
/// whole behind it, each with an id of its own in the conversation, which is made up where the server gives none.
///
/// The stream ends in an error: `Timeout` if nothing comes in time, `Unavailable` if it breaks off, is empty or ends for
/// a reason that is not known to be good, `Rejected` with the code `refusal`, `length` or `content_filter` if the model
/// refuses or is cut off, `Protocol` if what comes is not an answer, and whatever kind a failure of the server has. An
/// answer that is cut off behind a whole JSON object is whole.
#[derive(Debug, Clone)]
pub struct OpenAiChat {
    client: Client,
    dialect: ChatDialect,
    extra: Map<String, Value>,
}

impl OpenAiChat {
    /// The chat model of `endpoint`. The dialect is OpenAI's for its own hosts, else the compatible one.
    ///
    /// # Errors
    /// `Config` if the key cannot be sent or the machine has no root certificates for an `https` address.
    pub fn new(endpoint: Endpoint) -> Result<Self> {
        let dialect = if endpoint.is_openai() { ChatDialect::openai() } else { ChatDialect::compatible() };
        let client = Client::new(endpoint, &["chat", "completions"], Connections::Shared)?;
        Ok(Self { client, dialect, extra: Map::new() })
    }

    /// The chat model that the environment names; see the front page for the variables.
    ///
    /// # Errors
    /// `Config` that names the variable.
    pub fn from_env() -> Result<Self> {
        Self::from_lookup(&environment::process)
    }

    pub(crate) fn from_lookup(lookup: Lookup<'_>) -> Result<Self> {
        let chat = Self::new(CHAT.endpoint(lookup)?)?;
        match CHAT.dialect(lookup)? {
            Some(environment::Dialect::OpenAi) => Ok(chat.with_dialect(ChatDialect::openai())),
            Some(environment::Dialect::Compatible) => Ok(chat.with_dialect(ChatDialect::compatible())),
            None => Ok(chat),
        }
    }

    /// Replaces what the server is assumed to understand.
    #[must_use]
    pub fn with_dialect(mut self, dialect: ChatDialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// Sends one more field with every request, such as `temperature` or `service_tier`; it replaces a field of the
    /// same name.
    #[must_use]
    pub fn with_extra(mut self, field: impl Into<String>, value: impl Into<Value>) -> Self {
        self.extra.insert(field.into(), value.into());
        self
    }

    fn request(&self, request: &ChatRequest) -> Result<RequestBuilder> {
        let wrong = |error| Error::new(ErrorKind::Internal, OPERATION).with_source(error);
        let ChatDialect { token_limit, schema_mode, usage, reasoning_effort, reasoning_headroom } = &self.dialect;
        let max_tokens = request.max_tokens.saturating_add(*reasoning_headroom);
        let messages = match &request.schema {
            Some(schema) if *schema_mode != SchemaMode::JsonSchema => with_schema(&request.messages, schema),
            _ => Cow::Borrowed(request.messages.as_slice()),
        };
        let body = Request {
            model: self.client.model(),
            messages: messages.iter().map(Message::from).collect(),
            stream: true,
            stream_options: usage.then_some(StreamOptions { include_usage: true }),
            max_completion_tokens: (*token_limit == TokenLimit::MaxCompletionTokens).then_some(max_tokens),
            max_tokens: (*token_limit == TokenLimit::MaxTokens).then_some(max_tokens),
            reasoning_effort: reasoning_effort.as_deref(),
            response_format: request.schema.as_ref().and_then(|schema| response_format(*schema_mode, schema)),
            tools: request.tools.iter().map(Tool::from).collect(),
        };
        let mut body = serde_json::to_value(body).map_err(wrong)?;
        if let Some(fields) = body.as_object_mut() {
            fields.extend(self.extra.clone());
        }
        Ok(self.client.post().json(&body))
    }
}

impl LanguageModel for OpenAiChat {
    fn name(&self) -> &'static str {
        self.client.name()
    }

    fn chat(&self, request: ChatRequest) -> ResultStream<ChatDelta> {
        let client = self.client.clone();
        match self.request(&request) {
            Ok(sent) => stream::try_unfold(Answer::new(client.clone(), sent, &request), Answer::step)
                .map(move |piece| piece.map_err(|error| client.name_in(error)))
                .boxed(),
            Err(error) => stream::iter([Err(client.name_in(error))]).boxed(),
        }
    }
}

fn response_format(mode: SchemaMode, schema: &OutputSchema) -> Option<ResponseFormat<'_>> {
    let OutputSchema { name, schema } = schema;
    match mode {
        SchemaMode::JsonSchema => {
            Some(ResponseFormat::JsonSchema { json_schema: JsonSchema { name, strict: true, schema } })
        }
        SchemaMode::JsonObject => Some(ResponseFormat::JsonObject),
        SchemaMode::Instructions => None,
    }
}

/// The messages with the schema in the instructions. Many models take instructions only at the beginning.
fn with_schema<'a>(messages: &[ChatMessage], schema: &OutputSchema) -> Cow<'a, [ChatMessage]> {
    let instruction = format!("Answer with nothing but one JSON object of this JSON schema: {}", schema.schema);
    let mut messages = messages.to_vec();
    match messages.first_mut() {
        Some(first) if first.role == ChatRole::System => first.content = format!("{}\n\n{instruction}", first.content),
        _ => messages.insert(0, ChatMessage::new(ChatRole::System, instruction)),
    }
    Cow::Owned(messages)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialect(variables: &[(&str, &str)]) -> ChatDialect {
        let lookup =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        OpenAiChat::from_lookup(&lookup).unwrap().dialect
    }

    #[test]
    fn the_dialect_follows_the_address_unless_a_variable_says_otherwise() {
        let (key, proxy) = (("OPENAI_API_KEY", "sk"), ("OPENAI_BASE_URL", "http://proxy/v1"));
        assert_eq!(dialect(&[key]), ChatDialect::openai());
        assert_eq!(dialect(&[proxy]), ChatDialect::compatible());
        assert_eq!(dialect(&[proxy, ("VOICECALL_CHAT_DIALECT", "openai")]), ChatDialect::openai());
        assert_eq!(dialect(&[key, ("VOICECALL_CHAT_DIALECT", "compatible")]), ChatDialect::compatible());
    }
}
