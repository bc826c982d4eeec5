//! A call's side of the agent: what goes to the model, what to the cascade, and what becomes of a lost connection.

use std::collections::{HashMap, VecDeque};
use std::future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep_until};

use super::Realtime;
use super::link::{Link, News};
use super::protocol::Protocol;
use crate::agent::{AgentEvent, AgentOperation, AgentSession, AgentSetup, AgentTask, OpId};
use crate::audio::Frame;
use crate::error::{Error, ErrorKind, Result};
use crate::model::RealtimeOptions;

/// How often a lost connection is made again, and the first wait before it, doubled each time.
const RECONNECTS: u32 = 3;
const BACKOFF: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(super) struct RealtimeSession {
    agent: Realtime,
    options: RealtimeOptions,
    cascade: Box<dyn AgentSession>,
    protocol: Protocol,
    link: Option<Link>,
    /// Whether the model is asked. While its first connection is made, what is asked of it waits.
    asks: bool,
    /// Connections that were lost without an answer in between.
    lost: u32,
    /// Operations of the model that have not ended.
    running: HashMap<OpId, AgentOperation>,
    events: VecDeque<(OpId, AgentEvent)>,
    /// The model had no transcript of the last turn: the cascade hears the next.
    deaf: bool,
    /// Which answer the model owes, and since when.
    owed: Option<((u64, bool), Instant)>,
}

impl RealtimeSession {
    pub(super) fn new(agent: Realtime, setup: &AgentSetup, cascade: Box<dyn AgentSession>) -> Self {
        let options = RealtimeOptions { transcription: setup.transcription.clone(), speech: setup.speech.clone() };
        let protocol = Protocol::new(agent.answers_ahead);
        let mut session = Self {
            agent,
            options,
            cascade,
            protocol,
            link: None,
            asks: true,
            lost: 0,
            running: HashMap::new(),
            events: VecDeque::new(),
            deaf: false,
            owed: None,
        };
        session.connect(Duration::ZERO);
        session
    }

    fn connect(&mut self, wait: Duration) {
        let Realtime { model, health, .. } = &self.agent;
        self.link = Some(Link::open(Arc::clone(model), self.options.clone(), health.clone(), wait));
    }

    /// Sends what there is to be sent.
    fn flush(&mut self) {
        while let Some(command) = self.protocol.next_command() {
            if !self.link.as_ref().is_some_and(|link| link.send(command)) {
                let error = Error::new(ErrorKind::Unavailable, "realtime").with_message("the connection takes nothing");
                self.lost(&error);
            }
        }
        match (self.protocol.owed(), &self.owed) {
            (Some(now), Some((known, _))) if now == *known => {}
            (owed, _) => self.owed = owed.map(|owed| (owed, Instant::now())),
        }
    }

    /// The connection is gone: what nobody has heard of is done by the cascade, and the model is tried again.
    fn lost(&mut self, error: &Error) {
        tracing::warn!(%error, provider = self.agent.model.name(), "a speech-to-speech connection is lost");
        self.link = None;
        self.asks = false;
        let unfinished = self.protocol.lost();
        for (op, request) in unfinished.again {
            self.running.remove(&op);
            self.cascade.start(op, AgentTask::Respond(request));
        }
        for op in unfinished.failed {
            let lost = Error::new(ErrorKind::Unavailable, "realtime").with_provider(self.agent.model.name());
            self.events.push_back((op, AgentEvent::Failed(lost)));
        }
        self.lost += 1;
        if self.lost <= RECONNECTS && error.is_retryable() {
            let backoff = BACKOFF * 2u32.pow(self.lost - 1);
            self.connect(error.retry_after().map_or(backoff, |wanted| wanted.max(backoff)));
        }
    }

    fn take(&mut self, news: News) {
        match news {
            News::Connected => self.asks = true,
            News::Event(event) => self.protocol.take(event),
            News::Lost(error) => self.lost(&error),
        }
        self.flush();
    }

    /// The next event that is there, of an operation that has neither ended nor been given up; what one used is told in any
    /// case.
    fn next_ready(&mut self) -> Option<(OpId, AgentEvent)> {
        loop {
            let (op, event) = self.events.pop_front().or_else(|| self.protocol.next_event())?;
            if let AgentEvent::Usage(_) = event {
                return Some((op, event));
            }
            let Some(operation) = self.running.get(&op).copied() else { continue };
            match &event {
                AgentEvent::Done => {
                    self.lost = 0;
                    self.running.remove(&op);
                }
                AgentEvent::Failed(_) => {
                    self.deaf |= operation == AgentOperation::Listen;
                    self.running.remove(&op);
                }
                _ => {}
            }
            return Some((op, event));
        }
    }
}

#[async_trait]
impl AgentSession for RealtimeSession {
    fn provider(&self, operation: AgentOperation) -> &'static str {
        match operation {
            AgentOperation::Listen if self.asks && !self.deaf => self.agent.model.name(),
            AgentOperation::Respond if self.asks => self.agent.model.name(),
            _ => self.cascade.provider(operation),
        }
    }

    fn start(&mut self, op: OpId, task: AgentTask) {
        let operation = task.operation();
        let deaf = operation == AgentOperation::Listen && std::mem::take(&mut self.deaf);
        match task {
            AgentTask::Listen { audio } if self.asks && !deaf => {
                self.protocol.listen(op, &audio);
                self.running.insert(op, operation);
            }
            AgentTask::Respond(request) if self.asks => {
                self.protocol.respond(op, request);
                self.running.insert(op, operation);
            }
            task => {
                if matches!(operation, AgentOperation::Listen | AgentOperation::Speak) {
                    self.protocol.said_elsewhere();
                }
                self.cascade.start(op, task);
            }
        }
        self.flush();
    }

    fn hear(&mut self, op: OpId, frame: &Frame) -> Result<()> {
        if !self.running.contains_key(&op) {
            return self.cascade.hear(op, frame);
        }
        let hears = self.protocol.hear(op, frame);
        self.flush();
        if hears { Ok(()) } else { Err(Error::new(ErrorKind::Closed, "hear")) }
    }

    fn finish(&mut self, op: OpId) {
        self.protocol.finish(op);
        self.cascade.finish(op);
        self.flush();
    }

    fn grant(&mut self, op: OpId, samples: u64) {
        self.protocol.grant(op, samples);
        self.cascade.grant(op, samples);
    }

    fn truncate(&mut self, op: OpId, samples: u64, heard: &str) {
        self.protocol.truncate(op, samples, heard);
        self.flush();
    }

    fn cancel(&mut self, op: OpId) {
        if self.running.remove(&op).is_some() {
            self.protocol.cancel(op);
            self.flush();
        } else {
            self.cascade.cancel(op);
        }
    }

    async fn next(&mut self) -> (OpId, AgentEvent) {
        loop {
            if let Some(event) = self.next_ready() {
                return event;
            }
            let mute_after = self.agent.mute_after;
            let due = self.owed.map(|(_, since)| since + mute_after);
            // Whatever is waited for, nothing was taken when it is cancelled.
            tokio::select! {
                event = self.cascade.next() => return event,
                news = next(self.link.as_mut()) => self.take(news),
                () = wait(due) => self.take(News::Lost(mute())),
            }
        }
    }
}

fn mute() -> Error {
    Error::new(ErrorKind::Timeout, "respond").with_message("the model says nothing")
}

async fn next(link: Option<&mut Link>) -> News {
    match link {
        Some(link) => link.next().await,
        None => future::pending().await,
    }
}

async fn wait(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => future::pending().await,
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
