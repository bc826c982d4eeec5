//! The call machine of conversations in text: the carrier hears and speaks, this decides what is said when. Inputs in, outputs
//! out, with the time as an argument; it never waits and reads no clock.

mod check;
mod ending;
mod hearing;
mod speaking;

use std::time::Duration;

use super::budget_guard::BudgetGuard;
use super::consent_gate::ConsentGate;
use super::conversation::Machine;
use super::ending::Ending;
use super::io::{Effect, InputEvent, Output};
use super::latency::Ledger;
use super::line_state::{CarrierNews, LineState as State};
use super::llm_requests::LlmRequests;
use super::ops::Ops;
use super::settings::CallSettings;
use super::silence_timers::SilenceTimers;
use super::text_queue::TextQueue;
use super::tool_calls::ToolCalls;
use super::transfer::Transfer;
use crate::agent::{AgentSetup, OpId};
use crate::dialogue::{Action, DialogueEvent};
use crate::journal::Fact;
use crate::store::EndReason;
use crate::time::CallTime;

/// One call's state, for a carrier that hears and speaks by itself ([`CallStep::Converse`](crate::carrier::CallStep::Converse)).
///
/// It serves the same dialogues as [`CallMachine`](super::CallMachine), and differs in what can be known without audio:
/// - that an utterance was heard to its end is an estimate by its length, unless the caller interrupts it or answers it.
///   Nothing shows that a disclosure was heard: consent that the dialogue asks for opens nothing
///   ([`check`](Self::check) refuses such calls before they begin), and an announcement is the carrier's to make before the
///   socket opens;
/// - what the carrier was given to say it says, also if the dialogue wants to be silent;
/// - a turn's latency counts from the caller's words to the first words of the answer;
/// - settings about audio mean nothing.
///
/// ```
/// use voicecall_core::agent::AgentSetup;
/// use voicecall_core::call::{CallLogic, CallSettings, Conversation, InputEvent, Output, TextMachine};
/// use voicecall_core::dialogue::LlmDialogue;
/// use voicecall_core::media::StreamStart;
/// use voicecall_core::text_media::{TextCommand, TextEvent};
/// use voicecall_core::{CallTime, CarrierCallId, SessionId};
///
/// let machine = TextMachine::new(CallSettings::new(SessionId::new()), AgentSetup::default());
/// let dialogue = LlmDialogue::new("You answer the phone of a bakery.").greeting("Hello, how can I help?");
/// let mut call = Conversation::new(machine, Box::new(dialogue));
///
/// let start = StreamStart { stream: None, account: None, call: CarrierCallId::new("CA1"), parameters: [].into() };
/// let mut out = Vec::new();
/// call.handle(CallTime::ZERO, InputEvent::Text(TextEvent::Started(start)), &mut out);
/// let words = "Hello, how can I help?".to_owned();
/// assert!(out.contains(&Output::SendText(TextCommand::Say { words, last: true, interruptible: true })));
/// ```
#[derive(Debug)]
pub struct TextMachine {
    settings: CallSettings,
    setup: AgentSetup,
    now: CallTime,
    llm: LlmRequests,
    queue: TextQueue,
    tools: ToolCalls,
    gate: ConsentGate,
    timers: SilenceTimers,
    latency: Ledger,
    /// Absent without a budget.
    budget: Option<BudgetGuard>,
    ops: Ops,
    /// Where the call goes once everything queued was heard.
    transfer: Option<Transfer>,
    state: State,
    news: Option<CarrierNews>,
    turns: u32,
    /// The caller has interrupted; by then they have been understood.
    listening: Option<CallTime>,
    last_key: Option<CallTime>,
}

impl TextMachine {
    /// A machine for a call whose conversation has not started. Of `setup` only languages count, if they are whole tags such
    /// as `sv-SE`: the carrier is told of them.
    #[must_use]
    pub fn new(settings: CallSettings, setup: AgentSetup) -> Self {
        Self {
            now: CallTime::ZERO,
            llm: LlmRequests::new(settings.timeouts.thought),
            queue: TextQueue::new(&settings.timeouts),
            tools: ToolCalls::new(settings.session),
            gate: ConsentGate::new(settings.session, &settings.keep, false, settings.first_seq),
            timers: SilenceTimers::new(&settings.timeouts),
            latency: Ledger::default(),
            budget: settings.budget.as_ref().map(BudgetGuard::new),
            ops: Ops::default(),
            transfer: None,
            state: State::Ringing,
            news: None,
            turns: 0,
            listening: None,
            last_key: None,
            settings,
            setup,
        }
    }

    fn token(&mut self, op: OpId, text: &str, out: &mut Vec<Output>) {
        let wanted = self.llm.token(op, text, out).or_else(|| self.queue.token(op, text, self.now, out));
        if let Some(first) = wanted {
            self.timers.progressed(self.now);
            if first {
                self.latency.first_token(self.now);
            }
        }
    }

    fn act(&mut self, action: Action, out: &mut Vec<Output>) {
        match action {
            Action::Say(utterance) if self.state == State::Live => {
                self.timers.progressed(self.now);
                self.queue.say(utterance);
            }
            Action::Respond { utterance, request } if self.state == State::Live => {
                self.queue.respond(utterance, request, self.now, &mut self.ops, out);
            }
            Action::PressKeys(keys) if self.state == State::Live => self.queue.press(keys),
            Action::Interrupt => {
                self.transfer.take_if(|_| self.state == State::Live);
                for ended in self.queue.clear(out) {
                    self.record_utterance(ended, out);
                }
            }
            Action::CallTool { call, name, arguments, effect } if self.state != State::Over => {
                self.tools.call((call, name, arguments, effect), self.now, &mut self.gate, out);
            }
            Action::CancelTool(call) => self.tools.cancel(call, self.now, &mut self.gate, out),
            Action::Transfer { to, announcement } => self.transfer = Some(Transfer::new(to, announcement)),
            Action::Ask { ask, request } => self.llm.ask(ask, request, self.now, &mut self.ops, out),
            Action::Forget(ask) => self.llm.forget(ask, out),
            Action::Journal(fact) => {
                self.gate.journal(self.now, fact, true, out);
            }
            Action::WithdrawConsent => self.gate.withdraw(),
            Action::End(reason) if self.state == State::Live => self.state = State::Ending(reason),
            Action::EndNow(reason) if self.state.is_live() => self.hang_up(reason, out),
            Action::EndNow(reason) if matches!(self.state, State::Stopped(_)) => {
                self.gone(reason, Effect::HangUp(reason), out);
            }
            // Nobody is there any more.
            Action::Say(_)
            | Action::Respond { .. }
            | Action::PressKeys(_)
            | Action::CallTool { .. }
            | Action::End(_)
            | Action::EndNow(_)
            // Nothing shows that the caller has heard what they agree to.
            | Action::GrantConsent
            // There is no sound, and how long a turn is decides the carrier.
            | Action::DeclineRecording
            | Action::LimitTurn(_) => {}
        }
    }

    fn advance(&mut self, out: &mut Vec<Output>) {
        if self.state.is_live() {
            if self.listening.take_if(|until| *until <= self.now).is_some() {
                self.heard(None, None, out);
            }
            if self.now.since(CallTime::ZERO) >= self.settings.max_duration {
                self.hang_up(EndReason::Timeout, out);
            }
        } else if let State::Stopped(until) = self.state
            && until <= self.now
        {
            self.caller_gone(out);
        }
        self.llm.tick(self.now, out);
        self.queue.tick(self.now, out);
        if self.state.is_live() {
            self.speak(out);
        }
    }
}

impl Machine for TextMachine {
    fn handle(&mut self, now: CallTime, event: InputEvent<'_>, out: &mut Vec<Output>) {
        self.now = now.max(self.now);
        let from = out.len();
        match event {
            InputEvent::Text(event) => self.text(event, out),
            InputEvent::Token { op, text } => self.token(op, &text, out),
            InputEvent::ToolCall { op, call } => {
                if let Some(utterance) = self.queue.tool_call(op, self.now) {
                    self.latency.first_token(self.now);
                    out.push(Output::Notify(DialogueEvent::ToolCall { utterance, call }));
                }
            }
            InputEvent::TextDone { op } => {
                if let Some((utterance, text)) = self.queue.text_done(op) {
                    out.push(Output::Notify(DialogueEvent::Written { utterance, text }));
                }
            }
            InputEvent::ToolResult { call, outcome } => {
                self.tools.result(call, outcome, self.now, &mut self.gate, out);
            }
            InputEvent::Usage { usage, .. } => {
                self.gate.journal(self.now, Fact::Used(usage), false, out);
            }
            InputEvent::Done { op } => {
                self.llm.done(op, out);
                // A model that ends without saying so has failed; one that said so is not known any more.
                self.queue.response_failed(op);
            }
            InputEvent::Failed { op, .. } => {
                self.timers.failed();
                self.llm.failed(op, out);
                self.queue.response_failed(op);
            }
            InputEvent::Stored { seq } => {
                self.tools.stored(seq, out);
                self.offer_stored(seq, out);
                if let Some(number) = self.gate.stored(seq) {
                    out.push(Output::Notify(DialogueEvent::Stored(number)));
                }
            }
            InputEvent::Dialogue(action) => self.act(action, out),
            InputEvent::Wrote { text } => out.push(Output::Notify(DialogueEvent::Wrote { text })),
            InputEvent::CallEnded => self.carrier_says(CarrierNews::Ended, out),
            InputEvent::CallContinues => self.continues(out),
            InputEvent::Disconnected => self.disconnected(out),
            // No audio comes over a text socket, and nobody was asked to hear or speak.
            InputEvent::Media(_)
            | InputEvent::Transcript { .. }
            | InputEvent::Segment { .. }
            | InputEvent::Speech { .. }
            | InputEvent::Tick => {}
        }
        self.advance(out);
        self.spend(from, out);
    }

    fn wake_at(&self) -> Option<CallTime> {
        let limit = Some(CallTime::ZERO + self.settings.max_duration);
        let own = match self.state {
            State::Ringing => None,
            State::Ending(_) if !self.queue.is_busy() => Some(self.queue.settles_at()).min(limit),
            State::Live | State::Ending(_) => limit,
            State::Leaving(until) => limit.min(Some(until)),
            State::Stopped(until) => Some(until),
            State::Over => None,
        };
        let is_live = self.state.is_live();
        let parts = [
            self.llm.wake_at(),
            self.queue.wake_at().filter(|_| is_live && self.listening.is_none()),
            self.queue.late_at().filter(|_| is_live),
            self.listening.filter(|_| is_live),
            self.timers.wake_at().filter(|_| self.state == State::Live),
            self.budget.as_ref().and_then(BudgetGuard::wake_at),
            own,
        ];
        parts.into_iter().flatten().min()
    }

    fn is_finished(&self) -> bool {
        self.state == State::Over && !self.llm.is_waiting() && !self.tools.is_waiting()
    }

    fn elapsed(&self) -> Duration {
        self.settings.elapsed
    }
}

#[cfg(test)]
mod tests;
