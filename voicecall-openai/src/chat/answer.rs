//! A streamed answer, from the request to its last piece.

use std::collections::VecDeque;

use reqwest::RequestBuilder;
use serde::Deserialize;
use serde_json::Value;
use voicecall_core::model::{ChatDelta, TokenUsage};
use voicecall_core::{Error, ErrorKind, Result};

use super::OPERATION;
use crate::client::Client;
use crate::exchange::Exchange;
use crate::failure;
use crate::patience::Patience;
use crate::sse::SseParser;
use crate::wire::chat::{Choice, Chunk};
use crate::wire::failure::Failure;

/// An answer on its way.
#[derive(Debug)]
pub(super) struct Answer {
    patience: Patience,
    exchange: Exchange,
    reader: Reader,
}

impl Answer {
    pub(super) fn new(client: Client, request: RequestBuilder) -> Self {
        let patience = Patience::new(client.timeouts());
        let exchange = Exchange::new(OPERATION, client, request, |_| Ok(()));
        Self { patience, exchange, reader: Reader::default() }
    }

    /// The next piece and the answer without it.
    pub(super) async fn step(mut self) -> Result<Option<(ChatDelta, Self)>> {
        let Self { patience, exchange, reader } = &mut self;
        let piece = match patience.wait(OPERATION, next_text(exchange, reader)).await {
            Ok(Some(text)) => Some(ChatDelta::Text(text)),
            Ok(None) => reader.end()?,
            Err(error) if reader.verdict.is_none() => return Err(error),
            // The model has ended; whatever keeps the server from closing the answer, nobody needs to wait for.
            Err(_) => reader.end()?,
        };
        Ok(piece.map(|piece| (piece, self)))
    }
}

async fn next_text(exchange: &mut Exchange, reader: &mut Reader) -> Result<Option<String>> {
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
#[derive(Debug, Default)]
struct Reader {
    sse: SseParser,
    events: VecDeque<String>,
    usage: Option<TokenUsage>,
    /// How the model ended, once it did: an error if the answer is not whole.
    verdict: Option<Result<()>>,
    closed: bool,
}

impl Reader {
    /// Takes the next bytes of the body, or its end.
    fn push(&mut self, bytes: Option<&[u8]>) -> Result<()> {
        match bytes {
            Some(bytes) => self.sse.push(bytes, &mut self.events).map_err(|_| broken("an endless event")),
            None => {
                self.sse.finish(&mut self.events);
                self.closed = true;
                Ok(())
            }
        }
    }

    /// The next text among the events read so far.
    fn next_text(&mut self) -> Result<Option<String>> {
        while let Some(event) = self.events.pop_front() {
            if let Some(text) = self.read(event.trim())? {
                return Ok(Some(text));
            }
        }
        Ok(None)
    }

    /// What comes after the last text: first the usage, then the end or the reason why the answer is not whole.
    fn end(&mut self) -> Result<Option<ChatDelta>> {
        self.closed = true;
        self.events.clear();
        if let Some(usage) = self.usage.take() {
            return Ok(Some(ChatDelta::Usage(usage)));
        }
        let cut_off = || Err(Error::new(ErrorKind::Unavailable, OPERATION).with_message("the answer broke off"));
        self.verdict.take().unwrap_or_else(cut_off).map(|()| None)
    }

    fn read(&mut self, event: &str) -> Result<Option<String>> {
        if event == "[DONE]" {
            self.closed = true;
            self.verdict.get_or_insert(Ok(()));
            return Ok(None);
        }
        let value: Value = serde_json::from_str(event).map_err(|error| broken("not JSON").with_source(error))?;
        if value.get("error").is_some_and(|error| !error.is_null()) || value.get("object") == Some(&"error".into()) {
            return Err(failure::in_stream(OPERATION, &Failure::read(&value)));
        }
        let chunk = Chunk::deserialize(value).map_err(|error| broken("not an answer").with_source(error))?;
        if let Some(usage) = chunk.usage {
            self.usage = Some(usage.into());
        }
        let text =
            chunk.choices.into_iter().find(|choice| choice.index == 0).and_then(|choice| self.read_choice(choice));
        Ok(text.filter(|text| !text.is_empty()))
    }

    fn read_choice(&mut self, choice: Choice) -> Option<String> {
        if choice.delta.refusal.is_some_and(|refusal| !refusal.is_empty()) {
            self.verdict = Some(Err(not_whole(ErrorKind::Rejected, "refusal")));
        }
        let refused = matches!(self.verdict, Some(Err(_)));
        if let Some(reason) = choice.finish_reason.filter(|reason| !reason.is_empty()) {
            self.verdict.get_or_insert_with(|| verdict(&reason));
        }
        choice.delta.content.filter(|_| !refused)
    }
}

fn verdict(reason: &str) -> Result<()> {
    match reason {
        "length" => Err(not_whole(ErrorKind::Rejected, "length")),
        "content_filter" => Err(not_whole(ErrorKind::Rejected, "content_filter")),
        // No tool was offered.
        "tool_calls" | "function_call" => Err(not_whole(ErrorKind::Protocol, "tool_calls")),
        "stop" => Ok(()),
        _ => {
            tracing::debug!("an unknown reason for the end of an answer");
            Ok(())
        }
    }
}

fn not_whole(kind: ErrorKind, code: &'static str) -> Error {
    Error::new(kind, OPERATION).with_code(code)
}

fn broken(message: &'static str) -> Error {
    Error::new(ErrorKind::Protocol, OPERATION).with_message(message)
}
