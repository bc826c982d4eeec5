//! The call machine: everything that decides when somebody listens, thinks, speaks or is silent. Inputs in, outputs out,
//! with the time as an argument; it never waits and reads no clock.

mod answering;
mod ending;

use std::time::Duration;

use super::budget_guard::BudgetGuard;
use super::consent_gate::ConsentGate;
use super::conversation::Machine;
use super::ending::Ending;
use super::io::{Effect, Failure, InputEvent, Output};
use super::latency::Ledger;
use super::line_clock::{LineClock, Place};
use super::line_state::{CarrierNews, LineState as State};
use super::llm_requests::LlmRequests;
use super::ops::Ops;
use super::settings::{CallSettings, Keep};
use super::silence_timers::{Due, SilenceTimers};
use super::speech_queue::{Ended, SpeechQueue, TtsOutcome};
use super::tool_calls::ToolCalls;
use super::transcriber::TurnTranscriber;
use super::transfer::Transfer;
use super::turn::{Spoken, Turn, TurnEvent};
use crate::agent::OpId;
use crate::audio::{FRAME_DURATION, Frame, Framer, VoiceDetector, dtmf};
use crate::dialogue::{Action, DialogueEvent, UtteranceId};
use crate::journal::Fact;
use crate::media::{MediaCommand, MediaEvent};
use crate::store::EndReason;
use crate::time::CallTime;

/// One call's state. Owned by one task, or by the simulator, or by a replay: it cannot tell the difference.
#[derive(Debug)]
pub struct CallMachine {
    settings: CallSettings,
    now: CallTime,
    detector: Box<dyn VoiceDetector>,
    framer: Framer,
    line: LineClock,
    turn: Turn,
    transcriber: TurnTranscriber,
    llm: LlmRequests,
    speech: SpeechQueue,
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
}

impl CallMachine {
    /// A machine for a call whose media stream has not started.
    #[must_use]
    pub fn new(settings: CallSettings) -> Self {
        let detector = settings.detection.detector();
        Self::with_detector(settings, detector)
    }

    /// A machine that uses this detector instead of the configured one, such as scripted labels.
    #[must_use]
    pub fn with_detector(settings: CallSettings, detector: Box<dyn VoiceDetector>) -> Self {
        Self {
            now: CallTime::ZERO,
            detector,
            framer: Framer::new(),
            line: LineClock::new(CallTime::ZERO + settings.elapsed),
            turn: Turn::new(settings.turn),
            transcriber: TurnTranscriber::new(settings.timeouts.transcript),
            llm: LlmRequests::new(settings.timeouts.thought),
            speech: SpeechQueue::new(&settings),
            tools: ToolCalls::new(settings.session),
            gate: ConsentGate::new(settings.session, &settings.keep, settings.recording, settings.first_seq),
            timers: SilenceTimers::new(&settings.timeouts),
            latency: Ledger::default(),
            budget: settings.budget.as_ref().map(BudgetGuard::new),
            ops: Ops::default(),
            transfer: None,
            state: State::Ringing,
            news: None,
            settings,
        }
    }

    /// Takes in what happened at `now` and appends what is to be done. A time before the last one counts as the last.
    pub fn handle(&mut self, now: CallTime, event: InputEvent<'_>, out: &mut Vec<Output>) {
        self.now = now.max(self.now);
        let from = out.len();
        match event {
            InputEvent::Media(event) => self.media(event, out),
            InputEvent::Transcript { op, transcript } => {
                let turn = self.transcriber.understood(op, transcript);
                if let Some(turn) = turn {
                    self.latency.transcript(turn, self.now);
                }
                self.tell_heard(out);
            }
            InputEvent::Token { op, text } => {
                let wanted = self.llm.token(op, &text, out).or_else(|| self.speech.token(op, &text, self.now, out));
                if let Some(first) = wanted {
                    self.timers.progressed(self.now);
                    if first {
                        self.latency.first_token(self.now);
                    }
                }
            }
            InputEvent::ToolCall { .. } | InputEvent::TextDone { .. } | InputEvent::Segment { .. } => {
                self.response(event, out);
            }
            InputEvent::ToolResult { call, outcome } => {
                self.tools.result(call, outcome, self.now, &mut self.gate, out);
            }
            InputEvent::Usage { usage, .. } => {
                self.gate.journal(self.now, Fact::Used(usage), false, out);
            }
            InputEvent::Speech { op, audio, words } => {
                if self.speech.audio(op, &audio, words, self.now) {
                    if self.speech.speaks_itself(op) {
                        self.latency.first_sentence(self.now);
                    }
                    self.latency.first_audio(self.now);
                }
            }
            InputEvent::Done { op } => self.done(op, out),
            InputEvent::Failed { op, failure } => self.failed(op, failure, out),
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
            InputEvent::CallContinues => self.carrier_says(CarrierNews::Continues(self.now), out),
            InputEvent::Disconnected => self.disconnected(out),
            // No text comes over a media socket.
            InputEvent::Tick | InputEvent::Text(_) => {}
        }
        self.advance(out);
        self.spend(from, out);
    }

    /// When [`InputEvent::Tick`] is due at the latest.
    #[must_use]
    pub fn wake_at(&self) -> Option<CallTime> {
        let limit = Some(CallTime::ZERO + self.settings.max_duration);
        let own = match self.state {
            State::Ringing => None,
            // Marks of what was said before may be overdue while there is still something to say: no reason to wake.
            State::Ending(_) if !self.speech.is_busy() => self.speech.playout.settles_at().or(limit),
            State::Live | State::Ending(_) => limit,
            State::Leaving(until) => limit.min(Some(until)),
            State::Stopped(until) => Some(until),
            State::Over => None,
        };
        let parts = [
            self.turn.wake_at(),
            self.transcriber.wake_at(),
            self.llm.wake_at(),
            self.speech.wake_at().filter(|_| !self.holds_back()),
            self.timers.wake_at().filter(|_| self.state == State::Live),
            self.budget.as_ref().and_then(BudgetGuard::wake_at),
            own,
        ];
        parts.into_iter().flatten().min()
    }

    /// Whether nothing more will come of this call.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        let is_waiting = self.transcriber.is_waiting() || self.llm.is_waiting() || self.tools.is_waiting();
        self.state == State::Over && !is_waiting
    }

    /// How often the phone ran dry in the middle of an utterance.
    #[must_use]
    pub fn underruns(&self) -> u32 {
        self.speech.playout.underruns()
    }

    fn media(&mut self, event: MediaEvent<'_>, out: &mut Vec<Output>) {
        match event {
            MediaEvent::Started(_) if self.state == State::Ringing => {
                self.state = State::Live;
                out.push(Output::Send(MediaCommand::Open));
                let resumes = !self.settings.elapsed.is_zero();
                let fact = if resumes { Fact::Resumed } else { Fact::Connected };
                self.gate.journal(self.now, fact, false, out);
                if let Keep::Announced(text) = &self.settings.keep {
                    self.speech.announce(text, &self.settings, self.now);
                }
                out.push(Output::Notify(DialogueEvent::Connected));
                if let Some(to) = self.settings.returned_from.take() {
                    out.push(Output::Notify(DialogueEvent::TransferFailed { to }));
                }
            }
            MediaEvent::Audio { payload, timestamp_ms } if self.is_live() => {
                let mut framer = std::mem::take(&mut self.framer);
                // What waits in the framer came before this message's first sample.
                let waiting = CallTime::from_samples(framer.pending() as u64).since(CallTime::ZERO);
                let mut timestamp = timestamp_ms.map(|ms| Duration::from_millis(ms).saturating_sub(waiting));
                framer.push(&payload, |frame| {
                    self.frame(&frame, timestamp, out);
                    timestamp = timestamp.map(|at| at.saturating_add(FRAME_DURATION));
                });
                self.framer = framer;
            }
            MediaEvent::Key(key) if self.is_live() => {
                self.timers.caller_spoke();
                out.push(Output::Notify(DialogueEvent::Key(key)));
            }
            MediaEvent::Mark(mark) => self.speech.marked(mark, self.now),
            MediaEvent::Stopped => self.stopped(out),
            // A second start, or audio before the first: not of this call.
            MediaEvent::Started(_) | MediaEvent::Audio { .. } | MediaEvent::Key(_) => {}
        }
    }

    const fn is_live(&self) -> bool {
        self.state.is_live()
    }

    fn frame(&mut self, frame: &Frame, timestamp: Option<Duration>, out: &mut Vec<Output>) {
        let place = self.line.frame(self.now, timestamp);
        if self.gate.records() {
            self.record(frame, place, out);
        }
        let voiced = self.detector.is_voice(&frame.decode());
        let event = self.turn.frame(voiced, place.until);
        if event == Some(TurnEvent::Started) {
            self.turn_started(out);
        }
        self.transcriber.frame(frame, out);
        if let Some(TurnEvent::Ended(spoken)) = event {
            self.turn_ended(spoken, out);
        }
        if self.turn.interrupts() && self.speech.is_interruptible() && self.speech.is_audible(self.now) {
            self.interrupt(out);
        }
    }

    /// Keeps a frame of the caller, and what the phone played meanwhile and since the frame before.
    fn record(&mut self, frame: &Frame, place: Place, out: &mut Vec<Output>) {
        for back in (0..=place.missing).rev() {
            let at = place.until.back(FRAME_DURATION * (back + 1));
            // Time does not pass with a squeezed frame: what was played then is recorded with another.
            let agent = if place.squeezed { Frame::SILENCE } else { self.speech.playout.take_slot(at) };
            let caller = if back == 0 { *frame } else { Frame::SILENCE };
            self.gate.record(at, caller, agent, out);
        }
    }

    /// Keeps what the phone played since the caller's last frame, because no other comes.
    fn record_rest(&mut self, out: &mut Vec<Output>) {
        let mut at = self.line.until();
        while self.gate.records() && at < self.now {
            let agent = self.speech.playout.take_slot(at);
            self.gate.record(at, Frame::SILENCE, agent, out);
            at = at + FRAME_DURATION;
        }
    }

    fn turn_started(&mut self, out: &mut Vec<Output>) {
        self.transcriber.open(&mut self.ops, out);
        self.latency.turn_started();
        self.timers.answered();
        // Whoever begins to speak before the answer has sounded goes on with their own turn: what was meant as an
        // answer to half of it is not said.
        if self.speech.is_interruptible() && !self.speech.is_audible(self.now) {
            self.interrupt(out);
        }
    }

    fn turn_ended(&mut self, spoken: Spoken, out: &mut Vec<Output>) {
        let Some(turn) = self.transcriber.close(spoken, self.now, out) else { return };
        self.latency.turn_ended(turn, spoken.last_voiced, self.now);
        self.timers.turn_ended(self.now);
        self.tell_heard(out);
    }

    /// One synchronous step: the phone is silent, the books are right and nothing old can be said any more.
    fn interrupt(&mut self, out: &mut Vec<Output>) {
        self.transfer.take_if(|_| self.state == State::Live);
        let cut = self.speech.interrupt(self.now, out);
        let first = cut.iter().find_map(|ended| Some((ended.utterance?, ended.words.heard.clone())));
        for ended in cut {
            self.record_utterance(ended, out);
        }
        if let Some((utterance, heard)) = first {
            out.push(Output::Notify(DialogueEvent::Interrupted { utterance, heard }));
        }
    }

    /// A voice failed in the middle: what stands behind it makes no sense any more.
    fn broke_off(&mut self, utterance: UtteranceId, ended: Ended, out: &mut Vec<Output>) {
        let heard = ended.words.heard.clone();
        self.record_utterance(ended, out);
        for ended in self.speech.clear(self.now, out) {
            self.record_utterance(ended, out);
        }
        out.push(Output::Notify(DialogueEvent::BrokeOff { utterance, heard }));
    }

    fn record_utterance(&mut self, ended: Ended, out: &mut Vec<Output>) {
        let Ended { utterance: Some(utterance), words, from, until, .. } = ended else { return };
        // A response that only called tools.
        if words.heard.is_empty() && words.unheard.is_empty() {
            return;
        }
        let fact = Fact::Said {
            utterance,
            heard: words.heard,
            unheard: words.unheard,
            from,
            until,
            estimated: words.estimated,
        };
        self.gate.journal(until, fact, false, out);
    }

    fn tell_heard(&mut self, out: &mut Vec<Output>) {
        while let Some(turn) = self.transcriber.next_heard() {
            if turn.text.as_deref().is_some_and(|text| !text.trim().is_empty()) {
                self.timers.caller_spoke();
            }
            self.gate.journal(self.now, Fact::Heard(turn.clone()), false, out);
            out.push(Output::Notify(DialogueEvent::Heard(turn)));
        }
    }

    fn done(&mut self, op: OpId, out: &mut Vec<Output>) {
        self.llm.done(op, out);
        // A transcriber that is done and gave no final transcript has failed; one that gave it is not known any more.
        self.transcriber.ended(op, self.now);
        if self.speech.done(op, self.now) == TtsOutcome::Failed {
            self.tts_failed(out);
        }
        self.tell_heard(out);
    }

    fn failed(&mut self, op: OpId, failure: Failure, out: &mut Vec<Output>) {
        self.timers.failed();
        self.llm.failed(op, out);
        self.transcriber.failed(op, failure, self.now);
        if self.speech.failed(op, self.now) == TtsOutcome::Failed {
            self.tts_failed(out);
        }
        self.tell_heard(out);
    }

    fn act(&mut self, action: Action, out: &mut Vec<Output>) {
        match action {
            Action::Say(utterance) if self.state == State::Live => {
                self.latency.first_sentence(self.now);
                self.timers.progressed(self.now);
                self.speech.say(utterance, &self.settings, self.now);
            }
            Action::Respond { utterance, request } if self.state == State::Live => {
                self.speech.respond(utterance, request, &self.settings, self.now);
            }
            Action::Say(_) | Action::Respond { .. } => {}
            Action::Interrupt => {
                self.transfer.take_if(|_| self.state == State::Live);
                for ended in self.speech.clear(self.now, out) {
                    self.record_utterance(ended, out);
                }
            }
            Action::CallTool { call, name, arguments, effect } if self.state != State::Over => {
                self.tools.call((call, name, arguments, effect), self.now, &mut self.gate, out);
            }
            Action::CallTool { .. } => {}
            Action::CancelTool(call) => self.tools.cancel(call, self.now, &mut self.gate, out),
            Action::PressKeys(keys) if self.state == State::Live => {
                self.speech.play(&dtmf::tones(&keys), &self.settings, self.now);
            }
            Action::PressKeys(_) => {}
            Action::Transfer { to, announcement } => self.transfer = Some(Transfer::new(to, announcement)),
            Action::Ask { ask, request } => self.llm.ask(ask, request, self.now, &mut self.ops, out),
            Action::Forget(ask) => self.llm.forget(ask, out),
            Action::Journal(fact) => {
                self.gate.journal(self.now, fact, true, out);
            }
            Action::GrantConsent => self.gate.grant(out),
            Action::WithdrawConsent => self.gate.withdraw(),
            Action::DeclineRecording => self.gate.decline_recording(),
            Action::LimitTurn(limit) => self.turn.limit(limit),
            Action::End(reason) if self.state == State::Live => self.state = State::Ending(reason),
            Action::End(_) => {}
            Action::EndNow(reason) if self.is_live() => self.hang_up(reason, out),
            Action::EndNow(reason) if matches!(self.state, State::Stopped(_)) => {
                self.gone(reason, Effect::HangUp(reason), out);
            }
            Action::EndNow(_) => {}
        }
    }

    fn advance(&mut self, out: &mut Vec<Output>) {
        if self.is_live() {
            if let Some(TurnEvent::Ended(spoken)) = self.turn.tick(self.now) {
                self.turn_ended(spoken, out);
            }
            if self.now.since(CallTime::ZERO) >= self.settings.max_duration {
                self.hang_up(EndReason::Timeout, out);
            }
        } else if let State::Stopped(until) = self.state
            && until <= self.now
        {
            self.caller_gone(out);
        }
        self.transcriber.tick(self.now, &mut self.ops, out);
        self.tell_heard(out);
        self.llm.tick(self.now, out);
        if self.is_live() {
            self.speak(out);
        }
    }

    /// Whether what is to be said waits until the caller has finished.
    fn holds_back(&self) -> bool {
        self.turn.is_speaking() && self.speech.is_interruptible() && !self.speech.is_audible(self.now)
    }

    fn speak(&mut self, out: &mut Vec<Output>) {
        if !self.holds_back() && self.speech.advance(self.now, &mut self.ops, out) == TtsOutcome::Failed {
            self.tts_failed(out);
            return;
        }
        self.note_answer(out);
        while let Some((utterance, text)) = self.speech.next_failed() {
            out.push(Output::Notify(DialogueEvent::ResponseFailed { utterance, text }));
        }
        while let Some(ended) = self.speech.next_ended(self.now) {
            match ended {
                Ended { utterance: Some(utterance), broken: true, .. } => self.broke_off(utterance, ended, out),
                Ended { utterance: Some(utterance), .. } => {
                    self.record_utterance(ended, out);
                    out.push(Output::Notify(DialogueEvent::Spoken(utterance)));
                }
                Ended { utterance: None, broken: false, words, .. }
                    if self.settings.keep == Keep::Announced(words.heard.clone()) =>
                {
                    self.gate.announced(out);
                }
                Ended { utterance: None, .. } => {}
            }
        }
        self.timers.observe(self.turn.is_speaking() || self.is_answering(), self.now);
        match self.state {
            State::Ending(reason) => {
                if !self.speech.is_busy() && self.speech.playout.is_settled(self.now) {
                    self.hang_up(reason, out);
                }
            }
            State::Leaving(until) => {
                if until <= self.now {
                    self.not_transferred(out);
                }
            }
            State::Live if self.transfer.is_some() && !self.speech.is_busy() => self.leave(out),
            State::Live | State::Ringing | State::Stopped(_) | State::Over => self.wait(out),
        }
    }

    /// Whether somebody works at what is said next, or it is being said.
    fn is_answering(&self) -> bool {
        self.transcriber.is_waiting() || self.llm.is_waiting() || self.tools.is_waiting() || self.speech.is_busy()
    }

    fn wait(&mut self, out: &mut Vec<Output>) {
        if self.speech.is_audible(self.now) && !self.latency.is_open() {
            self.timers.answered();
        }
        self.timers.expect(self.is_answering(), self.now);
        self.timers.give_way(self.speech.floor(self.now), self.now);
        if !self.timers.is_expecting() {
            self.latency.abandon();
        }
        while let Some(due) = self.timers.next_due(self.now) {
            match due {
                Due::Filler(text) => {
                    if self.speech.fill(&text, true, &self.settings, self.now) {
                        self.latency.filler();
                        let _ = self.speech.advance(self.now, &mut self.ops, out);
                    }
                }
                Due::Silence(count) => out.push(Output::Notify(DialogueEvent::Silence { count })),
            }
        }
    }

    /// The answer's first frame went out: the turn's ledger is complete.
    fn note_answer(&mut self, out: &mut Vec<Output>) {
        if !self.latency.has_sentence() {
            return;
        }
        let Some(heard) = self.speech.heard_from(self.now) else { return };
        if let Some(latency) = self.latency.answered(heard, self.now) {
            self.timers.answered();
            self.gate.journal(self.now, Fact::Latency(latency), false, out);
        }
    }
}

impl Machine for CallMachine {
    fn handle(&mut self, now: CallTime, event: InputEvent<'_>, out: &mut Vec<Output>) {
        Self::handle(self, now, event, out);
    }

    fn wake_at(&self) -> Option<CallTime> {
        Self::wake_at(self)
    }

    fn is_finished(&self) -> bool {
        Self::is_finished(self)
    }

    fn elapsed(&self) -> Duration {
        self.settings.elapsed
    }
}

#[cfg(test)]
mod tests;
