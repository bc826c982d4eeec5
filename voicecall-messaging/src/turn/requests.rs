//! What an answer waits for: a model that writes, and tools that run.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::Value;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;
use tracing::Instrument;
use voicecall_core::agent::Respond;
use voicecall_core::dialogue::{AskId, UtteranceId};
use voicecall_core::model::{ChatDelta, ChatRequest, LanguageModel, TokenUsage, ToolCall};
use voicecall_core::tool::{Tool, ToolCallId, ToolContext, ToolOutcome};
use voicecall_core::{Error, ErrorKind, Result};

/// What a model wrote, whole.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) calls: Vec<ToolCall>,
    pub(super) usage: Option<TokenUsage>,
}

/// Something that has come to its end.
#[derive(Debug)]
pub(super) enum Done {
    Response { utterance: UtteranceId, answer: Result<Answer> },
    Answer { ask: AskId, answer: Result<Answer> },
    Tool { call: ToolCallId, outcome: ToolOutcome },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Name {
    Ask(AskId),
    Tool(ToolCallId),
}

/// Everything that is under way. Dropping it ends all of it.
pub(super) struct Requests {
    model: Arc<dyn LanguageModel>,
    silence: Duration,
    tasks: JoinSet<Done>,
    handles: HashMap<Name, AbortHandle>,
}

impl Requests {
    pub(super) fn new(model: Arc<dyn LanguageModel>, silence: Duration) -> Self {
        Self { model, silence, tasks: JoinSet::new(), handles: HashMap::new() }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.tasks.is_empty()
    }

    pub(super) fn respond(&mut self, utterance: UtteranceId, request: Respond) {
        let Respond { messages, tools, max_tokens } = request;
        let answer = self.read(ChatRequest::new(messages, max_tokens).with_tools(tools));
        self.tasks.spawn(async move { Done::Response { utterance, answer: answer.await } }.in_current_span());
    }

    pub(super) fn ask(&mut self, ask: AskId, request: ChatRequest) {
        let answer = self.read(request);
        let task = async move { Done::Answer { ask, answer: answer.await } };
        self.handles.insert(Name::Ask(ask), self.tasks.spawn(task.in_current_span()));
    }

    pub(super) fn forget(&mut self, ask: AskId) {
        self.abort(Name::Ask(ask));
    }

    pub(super) fn run(&mut self, call: ToolCallId, tool: Tool, arguments: Value, context: ToolContext) {
        let task = async move { Done::Tool { call, outcome: tool.run(arguments, context).await } };
        self.handles.insert(Name::Tool(call), self.tasks.spawn(task.in_current_span()));
    }

    /// A tool that comes to its end without having run.
    pub(super) fn refuse(&mut self, call: ToolCallId, outcome: ToolOutcome) {
        self.tasks.spawn(async move { Done::Tool { call, outcome } });
    }

    pub(super) fn cancel(&mut self, call: ToolCallId) {
        self.abort(Name::Tool(call));
    }

    fn abort(&mut self, name: Name) {
        if let Some(handle) = self.handles.remove(&name) {
            handle.abort();
        }
    }

    /// Waits for the next to come to its end; `None` if nothing is under way.
    pub(super) async fn next(&mut self) -> Option<Done> {
        loop {
            // What was given up leaves an error; what panics is caught where it runs.
            if let Ok(done) = self.tasks.join_next().await? {
                return Some(done);
            }
        }
    }

    /// Reads a model's answer to its end. A model that panics has failed.
    fn read(&self, request: ChatRequest) -> impl Future<Output = Result<Answer>> + Send + 'static {
        let (model, silence) = (Arc::clone(&self.model), self.silence);
        let work = async move {
            let mut deltas = model.chat(request);
            let mut answer = Answer::default();
            loop {
                let late = |_| Error::new(ErrorKind::Timeout, "ask model").with_provider(model.name());
                match timeout(silence, deltas.next()).await.map_err(late)? {
                    None => return Ok(answer),
                    Some(Ok(ChatDelta::Text(text))) => answer.text.push_str(&text),
                    Some(Ok(ChatDelta::ToolCall(call))) => answer.calls.push(call),
                    Some(Ok(ChatDelta::Usage(usage))) => answer.usage = Some(usage),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(error),
                }
            }
        };
        let broken = |_| Error::new(ErrorKind::Unavailable, "ask model").with_message("the model's client panicked");
        async move { futures_util::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(work)).await.map_err(broken)? }
    }
}
