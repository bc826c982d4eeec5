//! Makes calls over real sockets, in real time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Error as SocketError;
use uuid::Uuid;
use voicecall_core::audio::FRAME_DURATION;
use voicecall_core::{CallTime, Error, ErrorKind, Result};

use super::Target;
use super::call::Call;
use super::judge::judge;
use super::report::{CallEnd, CallReport};
use super::summary::Report;
use crate::caller::ScriptedCaller;
use crate::clock::Clock;
use crate::labels::Labels;
use crate::media_socket::{self, End, FromApp, MediaSocket, ToSocket};
use crate::scenario::Scenario;
use crate::twilio::StreamWire;

/// How long a server that does not read may hold the end of a call up.
const LET_GO: Duration = Duration::from_secs(5);

/// Nothing of a call breaks its socket on purpose.
type Sender = media_socket::Sender<std::convert::Infallible>;

/// Calls that are made of one server, all with the same scenario.
#[derive(Debug, Clone)]
pub struct Calls {
    target: Target,
    scenario: Scenario,
    has_labels: bool,
    time_limit: Duration,
    count: usize,
    concurrency: usize,
}

impl Calls {
    /// One call of a minute at most.
    #[must_use]
    pub const fn new(target: Target, scenario: Scenario) -> Self {
        let time_limit = Duration::from_secs(60);
        Self { target, scenario, has_labels: false, time_limit, count: 1, concurrency: 1 }
    }

    /// The sound of a voice takes the place of clips, so that any text in any language can be said, and the caller goes by voice and
    /// silence alone: for servers that hear no words.
    #[must_use]
    pub const fn with_labels(mut self) -> Self {
        self.has_labels = true;
        self
    }

    /// After how long the caller hangs up, whatever happens; the call has failed then.
    #[must_use]
    pub const fn time_limit(mut self, time_limit: Duration) -> Self {
        self.time_limit = time_limit;
        self
    }

    /// How many calls are made, and how many of them at the same time. Each is at least one.
    #[must_use]
    pub fn count(mut self, count: usize, concurrency: usize) -> Self {
        (self.count, self.concurrency) = (count.max(1), concurrency.max(1));
        self
    }

    /// Makes the calls; `done` is told of each when it is over.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the caller cannot do what the scenario says. What the server does wrong stands in the report.
    pub async fn run(self, mut done: impl FnMut(&CallReport) + Send) -> Result<Report> {
        self.caller()?;
        let calls = Arc::new(self);
        let (mut running, mut reports) = (JoinSet::new(), Vec::new());
        let mut numbers = 1..=calls.count;
        loop {
            while running.len() < calls.concurrency
                && let Some(number) = numbers.next()
            {
                let calls = Arc::clone(&calls);
                running.spawn(async move { calls.call(number).await });
            }
            let Some(report) = running.join_next().await else { break };
            let failed = |error| Error::new(ErrorKind::Internal, "make a call").with_source(error);
            let report = report.map_err(failed)??;
            done(&report);
            reports.push(report);
        }
        Ok(Report::new(calls.target.url().to_owned(), calls.scenario.name.clone(), reports))
    }

    /// The scenario's caller. It listens for words only where they matter, because making them out takes time.
    fn caller(&self) -> Result<ScriptedCaller> {
        let waits_for_words = self.scenario.caller.steps.iter().any(|step| step.trigger.needs_words());
        let needs_words = waits_for_words || !self.scenario.expect.hears.is_empty();
        match (self.has_labels, needs_words) {
            (false, true) => ScriptedCaller::new(&self.scenario),
            (false, false) => Ok(ScriptedCaller::new(&self.scenario)?.without_words()),
            (true, false) => ScriptedCaller::with_labels(&self.scenario, &Labels::new()),
            (true, true) => Err(Error::config(
                "caller.step.hears",
                "only \"*\", with a time to wait: a caller with labels hears no words",
            )),
        }
    }

    async fn call(&self, number: usize) -> Result<CallReport> {
        let caller = self.caller()?;
        let sid = |prefix: &str| format!("{prefix}{}", Uuid::new_v4().simple());
        let mut report = CallReport::new(number, sid("CA"), sid("MZ"));
        let began = Instant::now();
        let opened = self.target.open().await;
        report.connect_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        match opened {
            Ok(socket) => {
                let (account, parameters) = (self.target.account(), self.target.parameters());
                let wire = StreamWire::new(account, report.call_sid.clone(), report.stream_sid.clone(), parameters);
                let line = Line::new(Call::open(wire, caller, self.time_limit));
                line.run(socket, &mut report).await;
                line.into_call().report(&mut report);
            }
            Err(end) => report.end = end,
        }
        judge(&mut report, &self.scenario.expect);
        Ok(report)
    }
}

/// A call on the machine's clock.
#[derive(Debug)]
struct Line {
    call: Mutex<Call>,
    clock: Clock,
    /// The server did something.
    changed: Notify,
}

impl Line {
    fn new(call: Call) -> Self {
        Self { call: Mutex::new(call), clock: Clock::start(), changed: Notify::new() }
    }

    /// Carries the call between socket and clock until it is over.
    async fn run<S: super::target::Connection>(&self, mut socket: MediaSocket<S>, report: &mut CallReport) {
        let (orders, mut ordered) = media_socket::channel();
        let heard = |message: FromApp| {
            let now = self.clock.now();
            match &message {
                FromApp::Text(text) => self.call().receive(now, text),
                FromApp::Binary => self.call().receive_binary(now),
            }
            self.changed.notify_one();
        };
        let mut carried = Box::pin(socket.carry(&mut ordered, heard));
        tokio::select! {
            end = &mut carried => {
                let now = self.clock.now();
                self.call().closed(now, ended(end));
            }
            // The call is over; a server that does not let go of it is left.
            () = self.drive(orders, report) => {
                let _ = timeout(LET_GO, carried).await;
            }
        }
    }

    /// Lets the call have its 20 ms one after the other and sends what it has to say. The times are absolute, so being late once does not
    /// make the next one late.
    async fn drive(&self, orders: Sender, report: &mut CallReport) {
        let mut tick = CallTime::ZERO + FRAME_DURATION;
        loop {
            let (texts, due, is_over) = self.turn();
            for text in texts {
                if orders.try_send(ToSocket::Text(text)).is_err() {
                    report.unread_messages += 1;
                }
            }
            if is_over {
                // Dropping the sender closes the socket.
                return;
            }
            let wake = due.map_or(tick, |due| due.min(tick));
            tokio::select! {
                () = self.changed.notified() => {}
                () = sleep_until(self.clock.instant(wake)) => {}
            }
            let now = self.clock.now();
            while tick <= now {
                let late = u64::try_from(now.since(tick).as_millis()).unwrap_or(u64::MAX);
                report.simulator_late_ms = report.simulator_late_ms.max(late);
                self.call().tick(tick);
                tick = tick + FRAME_DURATION;
            }
        }
    }

    /// What the call has to say by now, when it has more, and whether it is over.
    fn turn(&self) -> (Vec<String>, Option<CallTime>, bool) {
        let now = self.clock.now();
        let mut call = self.call();
        let texts = std::iter::from_fn(|| call.pop(now)).collect();
        (texts, call.next_due(), call.is_over())
    }

    fn into_call(self) -> Call {
        self.call.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// A panic elsewhere must not hide what the call was like.
    fn call(&self) -> MutexGuard<'_, Call> {
        self.call.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ended(end: End<std::convert::Infallible>) -> CallEnd {
    match end {
        End::Ours => CallEnd::Caller,
        End::Closed(frame) => {
            let code = frame.as_ref().map(|frame| frame.code.into());
            CallEnd::Server { code, reason: frame.map(|frame| frame.reason.to_string()).unwrap_or_default() }
        }
        End::Lost(None) => CallEnd::Lost { error: 31903, reason: "the connection ended".to_owned() },
        End::Lost(Some(error)) => {
            let is_ours =
                matches!(error, SocketError::Io(_) | SocketError::ConnectionClosed | SocketError::AlreadyClosed);
            let without_goodbye = matches!(
                error,
                SocketError::Protocol(
                    tokio_tungstenite::tungstenite::error::ProtocolError::ResetWithoutClosingHandshake
                )
            );
            let number = if is_ours || without_goodbye { 31903 } else { 31924 };
            CallEnd::Lost { error: number, reason: error.to_string() }
        }
        End::Break(never) => match never {},
    }
}
