//! The one place that waits: carries inputs from socket, agent, store and clock to the call's logic, and its outputs back.

use std::future::{Future, poll_fn};
use std::ops::Deref;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tracing::{debug, warn};

use super::conversation::CallLogic;
use super::exchange::{Exchange, Exchanges};
use super::io::{Effect, Failure, InputEvent, Output};
use super::socket_codec::SocketCodec;
use super::tool_tasks::ToolTasks;
use crate::agent::{AgentEvent, AgentSession, OpId};
use crate::audio::Frame;
use crate::carrier::Say;
use crate::error::{Error, Result};
use crate::journal::Fact;
use crate::media::WireMessages;
use crate::phone::PhoneNumber;
use crate::time::CallTime;
use crate::tool::{ToolCallId, ToolOutcome};

/// A carrier's socket: text messages both ways, which carry audio or words.
pub trait MediaSocket: Send {
    /// A message as the socket's library hands it over.
    type Text: Deref<Target = str> + Send;

    /// Waits for the next message; `None` when the socket is closed. Cancelling loses nothing.
    fn receive(&mut self) -> impl Future<Output = Option<Result<Self::Text>>> + Send;

    /// Sends messages, all of them in one go.
    fn send(&mut self, messages: &WireMessages) -> impl Future<Output = Result<()>> + Send;

    /// Closes the socket politely.
    fn close(&mut self) -> impl Future<Output = ()> + Send;
}

/// Where a call's lasting outputs go. Nothing here waits, except to be told what was stored.
pub trait CallSink: Send {
    /// Appends a fact to the journal.
    fn journal(&mut self, seq: u64, at: CallTime, fact: Fact);

    /// Keeps 20 ms of the recording, from `at` on.
    fn record(&mut self, at: CallTime, caller: Frame, agent: Frame);

    /// Does something irreversible.
    fn effect(&mut self, effect: Effect);

    /// Has the carrier connect the call to somebody else, who is told this and may refuse, if there is anything to tell: its
    /// media stream stops, or else the call goes on here.
    fn transfer(&mut self, to: PhoneNumber, announcement: Option<Say>);

    /// Is told of an operation of the agent that is over.
    fn exchanged(&mut self, exchange: Exchange);

    /// Waits for the next fact to be stored for good. Cancelling loses nothing.
    fn stored(&mut self) -> impl Future<Output = u64> + Send;
}

/// A sink for calls that leave nothing behind.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSink;

impl CallSink for NoSink {
    fn journal(&mut self, _seq: u64, _at: CallTime, _fact: Fact) {}
    fn record(&mut self, _at: CallTime, _caller: Frame, _agent: Frame) {}
    fn effect(&mut self, _effect: Effect) {}
    fn transfer(&mut self, _to: PhoneNumber, _announcement: Option<Say>) {}
    fn exchanged(&mut self, _exchange: Exchange) {}

    async fn stored(&mut self) -> u64 {
        std::future::pending().await
    }
}

/// How long a socket may take to begin.
const BEGINS_WITHIN: Duration = Duration::from_secs(10);

/// A socket that takes nothing for this long is dead as well.
const SEND_LIMIT: Duration = Duration::from_secs(5);

/// Messages that cannot be read are skipped; this many in one call are not an accident any more.
const MOST_BAD_MESSAGES: u32 = 100;

/// Everything one call needs, to be [run](Self::run) over its socket.
#[derive(Debug)]
pub struct CallRunner<L, C, S> {
    /// What decides.
    pub logic: L,
    /// Who listens, thinks and speaks.
    pub agent: Box<dyn AgentSession>,
    /// The carrier's protocol.
    pub codec: C,
    /// Where lasting outputs go.
    pub sink: S,
    /// When the socket was opened: the connection's time is counted from here. Audio may have waited in the socket since.
    pub opened: Instant,
    /// What comes from above the call, such as an operator's hang-up or the carrier's report that the call is over.
    /// Bounded; a full one makes the sender wait. Boxed, because a channel keeps room for 32 of what it carries, and hardly a
    /// call is ever told anything.
    pub control: mpsc::Receiver<Box<InputEvent<'static>>>,
}

/// What remains of a call that was run.
#[derive(Debug)]
pub struct CallEnd<L, S> {
    /// The logic in its last state.
    pub logic: L,
    /// The sink, to be flushed.
    pub sink: S,
    /// How long the socket was ours.
    pub duration: Duration,
    /// Messages that could not be read.
    pub bad_messages: u32,
}

impl<L, S> CallEnd<L, S> {
    /// The same without the logic, whichever it was.
    #[must_use]
    pub fn without_logic(self) -> CallEnd<(), S> {
        let Self { sink, duration, bad_messages, .. } = self;
        CallEnd { logic: (), sink, duration, bad_messages }
    }
}

enum Event<T> {
    Message(Option<Result<T>>),
    Agent(OpId, AgentEvent),
    Stored(u64),
    Tool(ToolCallId, ToolOutcome),
    Control(Option<Box<InputEvent<'static>>>),
    Clock,
}

impl<L: CallLogic, C: SocketCodec, S: CallSink> CallRunner<L, C, S> {
    /// Runs the call to its end: until the logic has finished, also when the socket is gone earlier.
    // Not an `async fn`: that would keep room for the call twice, as it was given and as it is run.
    pub fn run<M: MediaSocket>(self, mut socket: M) -> impl Future<Output = CallEnd<L, S>> + Send {
        let mut run = Run {
            dead_at: Some(Instant::now() + BEGINS_WITHIN),
            out: Vec::new(),
            failed: Vec::new(),
            exchanges: Exchanges::default(),
            tools: ToolTasks::default(),
            refused: Vec::new(),
            wire: WireMessages::new(),
            open: true,
            closing: false,
            controlled: true,
            bad_messages: 0,
            call: self,
        };
        async move {
            run.drive(&mut socket).await;
            let Run { call, bad_messages, .. } = run;
            CallEnd { logic: call.logic, sink: call.sink, duration: call.opened.elapsed(), bad_messages }
        }
    }
}

/// The state of a call being run.
struct Run<L, C, S> {
    call: CallRunner<L, C, S>,
    dead_at: Option<Instant>,
    out: Vec<Output>,
    /// Listening operations that did not take their audio.
    failed: Vec<(OpId, Failure)>,
    exchanges: Exchanges,
    tools: ToolTasks,
    /// Tools that could not be begun.
    refused: Vec<(ToolCallId, &'static str)>,
    wire: WireMessages,
    open: bool,
    closing: bool,
    controlled: bool,
    bad_messages: u32,
}

impl<L: CallLogic, C: SocketCodec, S: CallSink> Run<L, C, S> {
    async fn drive<M: MediaSocket>(&mut self, socket: &mut M) {
        let mut clock = pin!(sleep(BEGINS_WITHIN));
        while !self.call.logic.is_finished() {
            self.set(clock.as_mut());
            let event = self.next(socket, clock.as_mut()).await;
            let is_message = matches!(event, Event::Message(_));
            self.take(event);
            self.carry_out();
            // What the agent has to say by now goes out with it. Asking the socket again costs more than asking the agent.
            if is_message && let Some((op, event)) = self.call.agent.next().now_or_never() {
                self.take(Event::Agent::<M::Text>(op, event));
                self.carry_out();
            }
            self.send(socket).await;
        }
        if self.open {
            close(socket).await;
        }
    }

    fn now(&self) -> CallTime {
        since(self.call.opened)
    }

    /// Sets the clock if it would wake too late. With every frame what it is to wake for comes later: a clock that wakes too
    /// early is set again then, which is once in many frames.
    fn set(&self, clock: Pin<&mut Sleep>) {
        let wake = self.call.logic.wake_at().map(|at| self.call.opened + at.since(CallTime::ZERO));
        let dead = self.dead_at.filter(|_| self.open);
        let next = wake.into_iter().chain(dead).min();
        if clock.is_elapsed() || next.is_some_and(|next| next < clock.deadline()) {
            clock.reset(next.unwrap_or_else(|| Instant::now() + BEGINS_WITHIN));
        }
    }

    async fn next<M: MediaSocket>(&mut self, socket: &mut M, clock: Pin<&mut Sleep>) -> Event<M::Text> {
        tokio::select! {
            biased;
            message = socket.receive(), if self.open => Event::Message(message),
            (op, event) = self.call.agent.next() => Event::Agent(op, event),
            seq = self.call.sink.stored() => Event::Stored(seq),
            (call, outcome) = self.tools.next() => Event::Tool(call, outcome),
            input = self.call.control.recv(), if self.controlled => Event::Control(input),
            () = clock => Event::Clock,
        }
    }

    fn take<T: Deref<Target = str>>(&mut self, event: Event<T>) {
        let arrived = Instant::now();
        let now = time_between(self.call.opened, arrived);
        match event {
            Event::Message(Some(Ok(text))) => {
                self.dead_at = C::DEAD_AFTER.map(|limit| arrived + limit);
                match self.call.codec.read(&text) {
                    Ok(Some(input)) => self.call.logic.handle(now, input, &mut self.out),
                    Ok(None) => {}
                    Err(error) => self.bad_message(&error),
                }
            }
            Event::Message(Some(Err(error))) => {
                debug!(%error, "media socket failed");
                self.disconnected();
            }
            Event::Message(None) => {
                self.open = false;
                self.call.logic.handle(now, self.call.codec.closed(), &mut self.out);
            }
            Event::Agent(op, event) => {
                let input = match event {
                    AgentEvent::Transcript(transcript) => InputEvent::Transcript { op, transcript },
                    AgentEvent::Token(text) => InputEvent::Token { op, text },
                    AgentEvent::ToolCall(call) => InputEvent::ToolCall { op, call },
                    AgentEvent::TextDone => InputEvent::TextDone { op },
                    AgentEvent::Segment(text) => InputEvent::Segment { op, text },
                    AgentEvent::Usage(usage) => InputEvent::Usage { op, usage },
                    AgentEvent::Speech(chunk) => {
                        self.exchanges.sound(op, now);
                        self.call.logic.handle(
                            now,
                            InputEvent::Speech { op, audio: chunk.audio[..].into(), words: chunk.words },
                            &mut self.out,
                        );
                        return;
                    }
                    AgentEvent::Done => {
                        self.exchanged(|exchanges| exchanges.end(op, true, now));
                        InputEvent::Done { op }
                    }
                    AgentEvent::Failed(error) => {
                        warn!(%error, "an operation of the agent failed");
                        self.exchanged(|exchanges| exchanges.end(op, false, now));
                        InputEvent::Failed { op, failure: Failure::from(&error) }
                    }
                };
                self.call.logic.handle(now, input, &mut self.out);
            }
            Event::Stored(seq) => self.call.logic.handle(now, InputEvent::Stored { seq }, &mut self.out),
            Event::Tool(call, outcome) => {
                self.call.logic.handle(now, InputEvent::ToolResult { call, outcome }, &mut self.out);
            }
            Event::Control(Some(input)) => self.call.logic.handle(now, *input, &mut self.out),
            Event::Control(None) => self.controlled = false,
            Event::Clock => {
                if self.open && self.dead_at.is_some_and(|dead| arrived >= dead) {
                    warn!("media socket is silent, taken for dead");
                    self.disconnected();
                } else if self.call.logic.wake_at().is_some_and(|at| at <= now) {
                    self.call.logic.handle(now, InputEvent::Tick, &mut self.out);
                }
            }
        }
    }

    /// Tells of an operation that is over.
    fn exchanged(&mut self, end: impl FnOnce(&mut Exchanges) -> Option<Exchange>) {
        if let Some(exchange) = end(&mut self.exchanges) {
            self.call.sink.exchanged(exchange);
        }
    }

    fn bad_message(&mut self, error: &Error) {
        self.bad_messages += 1;
        if self.bad_messages == 1 {
            warn!(%error, "a media message could not be read");
        }
        if self.bad_messages >= MOST_BAD_MESSAGES {
            self.disconnected();
        }
    }

    fn disconnected(&mut self) {
        self.open = false;
        self.call.logic.handle(self.now(), InputEvent::Disconnected, &mut self.out);
    }

    fn carry_out(&mut self) {
        loop {
            for output in self.out.drain(..) {
                match output {
                    Output::Send(_) | Output::SendText(_) => match self.call.codec.write(&output, &mut self.wire) {
                        Ok(closes) => self.closing |= closes,
                        Err(error) => debug!(%error, "a command could not be written"),
                    },
                    Output::Start { op, task } => {
                        let (operation, now) = (task.operation(), since(self.call.opened));
                        self.exchanges.start(op, operation, self.call.agent.provider(operation), now);
                        self.call.agent.start(op, task);
                    }
                    Output::Hear { op, frame } => {
                        if let Err(error) = self.call.agent.hear(op, &frame) {
                            self.failed.push((op, Failure::from(&error)));
                        }
                    }
                    Output::Grant { op, samples } => self.call.agent.grant(op, samples),
                    Output::Truncate { op, samples, heard } => self.call.agent.truncate(op, samples, &heard),
                    Output::Finish { op } => {
                        self.exchanges.finish(op, since(self.call.opened));
                        self.call.agent.finish(op);
                    }
                    Output::Cancel { op } => {
                        if let Some(exchange) = self.exchanges.cancel(op, since(self.call.opened)) {
                            self.call.sink.exchanged(exchange);
                        }
                        self.call.agent.cancel(op);
                    }
                    Output::CallTool { call, name, arguments, context } => {
                        let tool = self.call.logic.tool(&name);
                        if let Err(reason) = self.tools.start(call, tool, arguments, context) {
                            self.refused.push((call, reason));
                        }
                    }
                    Output::CancelTool { call } => self.tools.cancel(call),
                    Output::Effect(Effect::Transfer { to, announcement }) => {
                        match self.call.logic.transfer_number(&to) {
                            Some(number) => self.call.sink.transfer(number, announcement),
                            // The machine goes on with the call when nothing comes of it.
                            None => warn!("a call was to be transferred to a number that is not configured"),
                        }
                    }
                    Output::Journal { seq, at, fact } => self.call.sink.journal(seq, at, fact),
                    Output::Record { at, caller, agent } => self.call.sink.record(at, caller, agent),
                    Output::Effect(effect) => self.call.sink.effect(effect),
                    Output::Notify(_) => {}
                }
            }
            if let Some((call, reason)) = self.refused.pop() {
                let outcome = ToolOutcome::Failed(reason.to_owned());
                self.call.logic.handle(self.now(), InputEvent::ToolResult { call, outcome }, &mut self.out);
                continue;
            }
            // An operation that did not take its audio fails once, however many frames it refused.
            self.failed.dedup_by_key(|(op, _)| *op);
            let Some((op, failure)) = self.failed.pop() else { return };
            let now = self.now();
            self.call.agent.cancel(op);
            self.exchanged(|exchanges| exchanges.end(op, false, now));
            self.call.logic.handle(now, InputEvent::Failed { op, failure }, &mut self.out);
        }
    }

    async fn send<M: MediaSocket>(&mut self, socket: &mut M) {
        if self.open && !self.wire.is_empty() && !sends(socket.send(&self.wire)).await {
            warn!("media socket takes nothing, taken for dead");
            self.disconnected();
            self.carry_out();
        }
        self.wire.clear();
        if self.open && self.closing {
            close(socket).await;
            self.open = false;
        }
    }
}

/// Whether it is sent in time. Nearly always it is at once, and needs no timer.
async fn sends(sending: impl Future<Output = Result<()>>) -> bool {
    let mut sending = pin!(sending);
    match poll_fn(|context| Poll::Ready(sending.as_mut().poll(context))).await {
        Poll::Ready(sent) => sent.is_ok(),
        Poll::Pending => matches!(timeout(SEND_LIMIT, sending).await, Ok(Ok(()))),
    }
}

/// Closes a socket politely, if the other side lets us.
async fn close<M: MediaSocket>(socket: &mut M) {
    if timeout(SEND_LIMIT, socket.close()).await.is_err() {
        debug!("media socket does not close, dropped");
    }
}

fn since(opened: Instant) -> CallTime {
    time_between(opened, Instant::now())
}

fn time_between(opened: Instant, then: Instant) -> CallTime {
    CallTime::from_micros(u64::try_from((then - opened).as_micros()).unwrap_or(u64::MAX))
}

#[cfg(test)]
#[path = "runner_tests.rs"]
mod tests;
