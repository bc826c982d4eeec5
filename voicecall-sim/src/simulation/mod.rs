//! Calls in virtual time, at two levels.
//!
//! [`Simulation`] runs a whole application: its handlers, dialogues and tools on the real engine.
//!
//! [`CallSimulation`] runs one call: the application's own machine and codec, a phone, a caller and AI services around one
//! heap of events. Nothing waits, so minutes of call take milliseconds, and one seed gives one run, byte for byte.
//!
//! The same scenario runs over sockets with [`TwilioServer`](crate::twilio::server::TwilioServer) and
//! [`openai::Server`](crate::openai::Server); what runs here is the same phone, caller and services without them.

mod app;
mod events;
mod report;
mod services;

use std::collections::BTreeMap;
use std::time::Duration;

use voicecall_core::audio::FRAME_DURATION;
use voicecall_core::call::{CallLogic, Conversation, Effect, InputEvent, Output};
use voicecall_core::media::{MediaCodec, MediaCommand, WireMessages};
use voicecall_core::tool::{ToolCallId, ToolOutcome};
use voicecall_core::{CallTime, Error, ErrorKind, Result};

pub use app::{Application, CallerReport, SimulatedParts, Simulation, SimulationReport};
pub use report::Report;

use self::events::Events;
use self::report::Recorder;
use self::services::Services;
use crate::caller::ScriptedCaller;
use crate::labels::Labels;
use crate::phone::{Party, PartyAction, Phone, PhoneOptions, Wire};
use crate::scenario::Scenario;

/// A fact is stored this long after it was journaled.
const STORING: Duration = Duration::from_millis(2);

/// The carrier reports a call as over this long after the caller hung up.
const REPORTING: Duration = Duration::from_millis(100);

/// Logic that wants to be woken more often than this at one instant would never let the next one come.
const MOST_WAKES: u32 = 1000;

/// One call about to happen.
#[derive(Debug)]
pub struct CallSimulation {
    now: CallTime,
    logic: Conversation,
    codec: Box<dyn MediaCodec>,
    phone: Phone,
    caller: ScriptedCaller,
    services: Services,
    /// What comes of tools, by name, and after how long.
    tools: BTreeMap<String, (Duration, ToolOutcome)>,
    events: Events,
    record: Recorder,
    wire: WireMessages,
    on_the_line: bool,
}

impl CallSimulation {
    /// The call of `scenario`, answered now, with real audio.
    ///
    /// `logic` and `codec` are the application's; `wire` is the format of the emulated carrier, such as
    /// [`twilio::StreamWire`](crate::twilio::StreamWire).
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the caller is to say what no clip says.
    pub fn new(
        scenario: &Scenario,
        logic: Conversation,
        codec: Box<dyn MediaCodec>,
        wire: Box<dyn Wire>,
        options: PhoneOptions,
    ) -> Result<Self> {
        Self::with_voices(None, scenario, logic, codec, wire, options)
    }

    /// The same with [labelled speech](crate::labels): any text in any language can be said, and nothing of it is a figure
    /// about hearing.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_labels(
        scenario: &Scenario,
        logic: Conversation,
        codec: Box<dyn MediaCodec>,
        wire: Box<dyn Wire>,
        options: PhoneOptions,
    ) -> Result<Self> {
        Self::with_voices(Some(Labels::new()), scenario, logic, codec, wire, options)
    }

    /// Scripts what comes of a tool, each time, `after` it was called. Handlers do not run in a simulated call; a tool
    /// without a script fails.
    #[must_use]
    pub fn tool_result(mut self, name: impl Into<String>, after: Duration, outcome: ToolOutcome) -> Self {
        self.tools.insert(name.into(), (after, outcome));
        self
    }

    fn with_voices(
        labels: Option<Labels>,
        scenario: &Scenario,
        logic: Conversation,
        codec: Box<dyn MediaCodec>,
        wire: Box<dyn Wire>,
        mut options: PhoneOptions,
    ) -> Result<Self> {
        options.seed ^= scenario.seed;
        options.record = true;
        Ok(Self {
            now: CallTime::ZERO,
            logic,
            codec,
            phone: Phone::open(CallTime::ZERO, wire, options),
            caller: match &labels {
                Some(labels) => ScriptedCaller::with_labels(scenario, labels)?,
                None => ScriptedCaller::new(scenario)?,
            },
            services: Services::new(scenario, labels),
            tools: BTreeMap::new(),
            events: Events::default(),
            record: Recorder::default(),
            wire: WireMessages::new(),
            on_the_line: true,
        })
    }

    /// Runs the call to its end.
    ///
    /// # Errors
    /// [`ErrorKind::Timeout`] if it has not ended after `limit`; [`ErrorKind::Protocol`] if the codec does not
    /// understand the phone, or the other way round; [`ErrorKind::Internal`] if the logic asks again and again to be
    /// woken at an instant that has passed.
    pub fn run(mut self, limit: Duration) -> Result<Report> {
        let mut next_tick = CallTime::ZERO + FRAME_DURATION;
        let mut woken = (CallTime::ZERO, 0);
        while !self.logic.is_finished() {
            if self.now > CallTime::ZERO + limit {
                return Err(Error::new(ErrorKind::Timeout, "run simulated call"));
            }
            self.deliver()?;
            let wake = self.logic.wake_at().map(|at| at.max(self.now));
            let phone = self.phone.next_due().filter(|_| self.on_the_line).map(|at| at.max(self.now));
            let times = [Some(next_tick), wake, phone, self.events.next_at()];
            let next = times.into_iter().flatten().min().unwrap_or(next_tick);
            self.now = next;
            if let Some(event) = self.events.pop(next) {
                self.input(event)?;
            } else if next == next_tick {
                next_tick = next_tick + FRAME_DURATION;
                self.tick();
            } else if wake == Some(next) {
                woken = if woken.0 == next { (next, woken.1 + 1) } else { (next, 1) };
                if woken.1 > MOST_WAKES {
                    return Err(Error::new(ErrorKind::Internal, "run simulated call").with_field("wake_at"));
                }
                self.input(InputEvent::Tick)?;
            }
        }
        let inputs = self.logic.take_recorder().map(|recorder| recorder.take());
        let underruns = self.logic.machine().underruns();
        Ok(self.record.finish(self.now, self.caller.log(), &self.phone, (underruns, inputs)))
    }

    /// Twenty milliseconds on the line.
    fn tick(&mut self) {
        if !self.on_the_line {
            return;
        }
        match self.caller.speak(self.now) {
            PartyAction::Speak(frame) => self.phone.speak(frame),
            PartyAction::Press(key) => self.phone.press(self.now, key),
            PartyAction::HangUp => {
                self.phone.hang_up(self.now);
                self.caller.ended(self.now);
                self.events.push(self.now + REPORTING, None, InputEvent::CallEnded);
            }
            _ => {}
        }
        let heard = self.phone.tick(self.now);
        self.caller.hear(self.now, &heard);
    }

    /// Hands everything that has reached the application to it.
    fn deliver(&mut self) -> Result<()> {
        while let Some(text) = self.phone.pop(self.now).filter(|_| self.on_the_line) {
            let mut out = Vec::new();
            let logic = &mut self.logic;
            if let Some(event) = self.codec.decode(&text)? {
                logic.handle(self.now, InputEvent::Media(event), &mut out);
            }
            self.carry_out(out)?;
        }
        Ok(())
    }

    fn input(&mut self, event: InputEvent<'_>) -> Result<()> {
        let mut out = Vec::new();
        self.logic.handle(self.now, event, &mut out);
        self.carry_out(out)
    }

    fn carry_out(&mut self, outputs: Vec<Output>) -> Result<()> {
        for output in outputs {
            self.record.output(self.now, &output);
            match output {
                Output::Send(command) => self.send(&command)?,
                Output::Start { op, task } => self.services.start(self.now, op, task, &mut self.events),
                Output::Hear { op, frame } => self.services.hear(op, &frame),
                Output::Finish { op } => self.services.finish(self.now, op, &mut self.events),
                Output::Cancel { op } => {
                    self.services.cancel(op);
                    self.events.cancel(op);
                }
                Output::Journal { seq, .. } => {
                    self.events.push(self.now + STORING, None, InputEvent::Stored { seq });
                }
                Output::CallTool { call, name, .. } => self.call_tool(call, &name),
                Output::Effect(Effect::HangUp(_) | Effect::Leave(_) | Effect::Reconnect) => self.hang_up(),
                // The carrier takes the call over: its stream stops.
                Output::Effect(Effect::Transfer { .. }) => self.phone.hang_up(self.now),
                Output::Grant { op, samples } => self.services.grant(self.now, op, samples, &mut self.events),
                // Of a tool that was given up the machine takes no result.
                Output::SendText(_)
                | Output::Truncate { .. }
                | Output::CancelTool { .. }
                | Output::Effect(_)
                | Output::Record { .. }
                | Output::Notify(_) => {}
            }
        }
        Ok(())
    }

    fn call_tool(&mut self, call: ToolCallId, name: &str) {
        let unscripted = || (Duration::ZERO, ToolOutcome::Failed(format!("no result is scripted for `{name}`")));
        let (after, outcome) = self.tools.get(name).cloned().unwrap_or_else(unscripted);
        self.events.push(self.now + after, None, InputEvent::ToolResult { call, outcome });
    }

    fn send(&mut self, command: &MediaCommand) -> Result<()> {
        if !self.on_the_line {
            return Ok(());
        }
        self.codec.encode(command, &mut self.wire)?;
        for message in self.wire.iter() {
            self.record.sent(self.now, message);
            self.phone.receive(self.now, message);
        }
        self.wire.clear();
        match self.phone.take_complaints().first() {
            Some(complaint) => Err(Error::new(ErrorKind::Protocol, "send to simulated phone")
                .with_message(format!("the phone does not understand us: {complaint:?}"))),
            None => Ok(()),
        }
    }

    fn hang_up(&mut self) {
        if self.on_the_line {
            self.on_the_line = false;
            self.caller.ended(self.now);
        }
    }
}
