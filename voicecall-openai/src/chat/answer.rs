//! A streamed answer, from the request to its last piece.

use std::collections::VecDeque;

use reqwest::RequestBuilder;
use voicecall_core::model::{AnswerTimeouts, ChatDelta, ChatRequest, TokenUsage, ToolCall, json_object};
use voicecall_core::{Error, ErrorKind, Result};
use voicecall_net::http::Exchange;

use super::OPERATION;
use super::body::Body;
use super::calls::Calls;
use super::ending::Ending;
use super::thoughts::Thoughts;
use crate::client::Client;
use crate::failure;
use crate::sse::Event;
use crate::wire::chunk::{self, Chunk, Words};
use crate::wire::failure::Failure;
use crate::wire::json;

/// The event behind the last of an answer.
const DONE: &str = "[DONE]";

/// The longest answer in bytes, far beyond what anybody listens to.
const MAX_ANSWER: usize = 1024 * 1024;

/// An answer on its way.
#[derive(Debug)]
pub(super) struct Answer {
    timeouts: AnswerTimeouts,
    exchange: Exchange<Client>,
    reader: Reader,
}

impl Answer {
    pub(super) fn new(client: Client, sent: RequestBuilder, request: &ChatRequest) -> Self {
        let timeouts = AnswerTimeouts::new(client.timeouts());
        let exchange = Exchange::new(OPERATION, client, sent);
        Self { timeouts, exchange, reader: Reader::new(request) }
    }

    /// The next piece and the answer without it.
    pub(super) async fn step(mut self) -> Result<Option<(ChatDelta, Self)>> {
        let Self { timeouts, exchange, reader } = &mut self;
        let piece = match timeouts.wait(OPERATION, next_text(exchange, reader)).await {
            Ok(Some(text)) => Some(ChatDelta::Text(text)),
            Ok(None) => reader.end()?,
            Err(error) if reader.ending.is_none() => return Err(error),
            // The model has ended; whatever keeps the server from closing the answer, nobody needs to wait for.
            Err(_) => reader.end()?,
        };
        Ok(piece.map(|piece| (piece, self)))
    }
}

async fn next_text(exchange: &mut Exchange<Client>, reader: &mut Reader) -> Result<Option<String>> {
    loop {
        if let Some(text) = reader.next_text()? {
            return Ok(Some(text));
        }
        if reader.closed {
            return Ok(None);
        }
        reader.push(exchange.chunk().await?.as_deref())?;
    }
}

/// What was read of an answer and not yet handed on.
#[derive(Debug)]
struct Reader {
    body: Body,
    events: VecDeque<Event>,
    thoughts: Thoughts,
    /// The text so far.
    said: String,
    calls: Calls,
    /// The calls of a whole answer, still to be handed on.
    whole_calls: Option<VecDeque<ToolCall>>,
    usage: Option<TokenUsage>,
    /// How the model ended, once it did.
    ending: Option<Ending>,
    asked: Asked,
    closed: bool,
}

/// What of the request decides whether an answer is whole.
#[derive(Debug, Clone, Copy)]
struct Asked {
    object: bool,
    tools: bool,
}

impl Reader {
    fn new(request: &ChatRequest) -> Self {
        Self {
            body: Body::Unknown,
            events: VecDeque::new(),
            thoughts: Thoughts::default(),
            said: String::new(),
            calls: Calls::new(request),
            whole_calls: None,
            usage: None,
            ending: None,
            asked: Asked { object: request.schema.is_some(), tools: !request.tools.is_empty() },
            closed: false,
        }
    }

    /// Takes the next bytes of the body, or its end.
    fn push(&mut self, bytes: Option<&[u8]>) -> Result<()> {
        match bytes {
            Some(bytes) => self.body.push(bytes, &mut self.events).map_err(|_| broken("an endless event")),
            None => {
                self.body.finish(&mut self.events);
                self.closed = true;
                Ok(())
            }
        }
    }

    /// The next text among the events read so far.
    fn next_text(&mut self) -> Result<Option<String>> {
        while let Some(event) = self.events.pop_front() {
            let text = self.read(&event)?;
            if !text.is_empty() {
                return Ok(Some(text));
            }
        }
        Ok(None)
    }

    /// What comes after the last text: the calls of a whole answer, the usage, and then the end or the reason why the
    /// answer is not whole.
    fn end(&mut self) -> Result<Option<ChatDelta>> {
        self.closed = true;
        self.events.clear();
        let rest = self.thoughts.finish();
        if !rest.is_empty() {
            self.said.push_str(&rest);
            return Ok(Some(ChatDelta::Text(rest)));
        }
        let verdict = self.verdict();
        if verdict.is_ok()
            && let Some(call) = self.next_call()
        {
            return Ok(Some(ChatDelta::ToolCall(call)));
        }
        if let Some(usage) = self.usage.take() {
            return Ok(Some(ChatDelta::Usage(usage)));
        }
        verdict?;
        let is_empty = self.said.trim().is_empty() && self.whole_calls.is_none();
        if is_empty { Err(not_whole("an empty answer").with_code("empty")) } else { Ok(None) }
    }

    fn verdict(&self) -> Result<()> {
        match &self.ending {
            // White space behind a whole object may fill up the limit.
            Some(Ending::Cut) if self.is_whole_object() => Ok(()),
            Some(ending) => ending.clone().verdict(),
            None => Err(not_whole("the answer broke off")),
        }
    }

    fn is_whole_object(&self) -> bool {
        json_object(&self.said).is_some_and(|object| self.asked.object || object == self.said.trim())
    }

    /// The next call; `None` behind the last. A call of a tool when none was offered is nothing anybody could run.
    fn next_call(&mut self) -> Option<ToolCall> {
        if self.whole_calls.is_none() && self.asked.tools {
            self.whole_calls = Some(VecDeque::from(self.calls.finish())).filter(|calls| !calls.is_empty());
        }
        self.whole_calls.as_mut()?.pop_front()
    }

    fn read(&mut self, event: &Event) -> Result<String> {
        let data = event.data.trim();
        if data.is_empty() || is_heartbeat(&event.name) || is_heartbeat(data) {
            return Ok(String::new());
        }
        if data == DONE {
            self.closed = true;
            self.ending.get_or_insert(Ending::Whole);
            return Ok(String::new());
        }
        let value = json::read(data);
        if event.name == "error" {
            return Err(failure::in_stream(OPERATION, &Failure::read(&value.unwrap_or_default())));
        }
        let value = value.map_err(|error| broken("not JSON").with_source(error))?;
        if let Some(failure) = chunk::failure(&value) {
            return Err(failure::in_stream(OPERATION, &failure));
        }
        self.read_chunk(Chunk::read(&value).ok_or_else(|| broken("not an answer"))?)
    }

    fn read_chunk(&mut self, chunk: Chunk) -> Result<String> {
        self.usage = chunk.usage.or(self.usage);
        if chunk.refused {
            self.ending = Some(Ending::Refused);
        }
        let refused = self.ending == Some(Ending::Refused);
        if let Some(reason) = chunk.finish_reason.filter(|reason| !reason.is_empty()) {
            self.ending.get_or_insert_with(|| Ending::read(&reason));
        }
        for piece in chunk.calls {
            self.calls.push(piece).map_err(|_| broken("calls without end"))?;
        }
        if refused {
            return Ok(String::new());
        }
        let text = match chunk.words {
            Words::More(text) => self.thoughts.answer(&text),
            // What was said already is not said again.
            Words::All(text) => {
                let text = answer_in(&text);
                text.strip_prefix(self.said.as_str()).unwrap_or_default().to_owned()
            }
        };
        self.said.push_str(&text);
        if self.said.len() > MAX_ANSWER { Err(broken("an endless answer")) } else { Ok(text) }
    }
}

/// A text without the thoughts before it.
fn answer_in(text: &str) -> String {
    let mut thoughts = Thoughts::default();
    let mut answer = thoughts.answer(text);
    answer.push_str(&thoughts.finish());
    answer
}

/// What some servers send instead of a comment to keep a connection open.
fn is_heartbeat(text: &str) -> bool {
    ["ping", "heartbeat", "keepalive", "keep-alive"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

fn not_whole(message: &'static str) -> Error {
    Error::new(ErrorKind::Unavailable, OPERATION).with_message(message)
}

fn broken(message: &'static str) -> Error {
    Error::new(ErrorKind::Protocol, OPERATION).with_message(message)
}
