//! How a call ends: somebody hangs up, the line breaks, no service speaks for us any more, or the money is used up.

use super::super::budget_guard::Verdict;
use super::super::io::{Effect, Output};
use super::super::line_state::LineEnd;
use super::{CallMachine, CarrierNews, State};
use crate::dialogue::DialogueEvent;
use crate::journal::Fact;
use crate::media::MediaCommand;
use crate::store::EndReason;

impl CallMachine {
    /// No service speaks for us any more.
    pub(super) fn tts_failed(&mut self, out: &mut Vec<Output>) {
        let farewell = self.settings.timeouts.farewell.clone();
        self.break_off(farewell, EndReason::TechnicalFailure, out);
    }

    /// Counts what `out` holds from `from` on, and does what the budget demands.
    pub(super) fn spend(&mut self, from: usize, out: &mut Vec<Output>) {
        let Some(budget) = self.budget.as_mut().filter(|_| self.state != State::Ringing) else { return };
        budget.observe(out.get(from..).unwrap_or_default());
        budget.on_the_line(self.now, matches!(self.state, State::Stopped(_) | State::Over));
        match budget.verdict(self.now, self.state != State::Live) {
            Verdict::Fine => {}
            Verdict::WrapUp => {
                let fact = Fact::BudgetReached(budget.cost());
                self.gate.journal(self.now, fact, false, out);
                out.push(Output::Notify(DialogueEvent::WrapUp));
            }
            Verdict::Stop => self.out_of_money(out),
        }
        let finished = self.is_finished();
        if let Some(cost) = self.budget.as_mut().and_then(|budget| budget.due_for_journal(self.now, finished)) {
            self.gate.journal(self.now, Fact::Cost(cost), false, out);
        }
    }

    /// Whoever conducts the call has been told to end it and has not.
    fn out_of_money(&mut self, out: &mut Vec<Output>) {
        let reason = match self.state {
            // All was said; only the last mark is awaited.
            State::Ending(_) if !self.speech.is_busy() => return,
            State::Ending(reason) => reason,
            _ => EndReason::RefusedByBudget,
        };
        let own = self.settings.budget.as_ref().and_then(|budget| budget.farewell.clone());
        let farewell = own.or_else(|| self.settings.timeouts.farewell.clone());
        self.break_off(farewell, reason, out);
    }

    /// Stops whatever is being said: a prepared farewell, then the end. Never dead air.
    fn break_off(&mut self, farewell: Option<String>, reason: EndReason, out: &mut Vec<Output>) {
        for ended in self.speech.clear(self.now, out) {
            self.record_utterance(ended, out);
        }
        if let Some(text) = farewell {
            self.speech.fill(&text, false, &self.settings, self.now);
        }
        self.state = State::Ending(reason);
        let _ = self.speech.advance(self.now, &mut self.ops, out);
    }

    /// Everything queued was heard: the call goes to somebody else.
    pub(super) fn leave(&mut self, out: &mut Vec<Output>) {
        let Some(transfer) = &mut self.transfer else { return };
        self.state = State::Leaving(self.now + self.settings.timeouts.transfer);
        transfer.begin(self.now, &mut self.gate, out);
    }

    /// A fact is stored: perhaps the one that a transfer waits for.
    pub(super) fn offer_stored(&self, seq: u64, out: &mut Vec<Output>) {
        if let (Some(transfer), State::Leaving(_)) = (&self.transfer, self.state) {
            transfer.stored(seq, out);
        }
    }

    /// The stream was to stop and has not: the call goes on here.
    pub(super) fn not_transferred(&mut self, out: &mut Vec<Output>) {
        self.state = State::Live;
        if let Some(transfer) = self.transfer.take() {
            transfer.failed(self.now, &mut self.gate, out);
        }
    }

    pub(super) fn hang_up(&mut self, reason: EndReason, out: &mut Vec<Output>) {
        out.push(Output::Send(MediaCommand::Close));
        self.gone(reason, Effect::HangUp(reason), out);
    }

    /// The carrier has ended the stream.
    pub(super) fn stopped(&mut self, out: &mut Vec<Output>) {
        self.line_ended(self.state.stopped(self.news, self.now), out);
    }

    /// The media socket is gone.
    pub(super) fn disconnected(&mut self, out: &mut Vec<Output>) {
        self.line_ended(self.state.disconnected(self.news), out);
    }

    /// Takes in what the carrier says of the call.
    pub(super) fn carrier_says(&mut self, news: CarrierNews, out: &mut Vec<Output>) {
        let end = self.state.carrier_says(news, &mut self.news);
        self.line_ended(end, out);
    }

    fn line_ended(&mut self, end: LineEnd, out: &mut Vec<Output>) {
        match end {
            LineEnd::Nothing => {}
            LineEnd::Stopped(until) => {
                self.leave_line(out);
                self.state = State::Stopped(until);
            }
            LineEnd::CallerGone => self.caller_gone(out),
            LineEnd::Lost => self.lost(out),
            LineEnd::Transferred => self.transferred(out),
        }
    }

    pub(super) fn caller_gone(&mut self, out: &mut Vec<Output>) {
        let reason = EndReason::RemoteHangup;
        self.gone(reason, Effect::HangUp(reason), out);
    }

    fn lost(&mut self, out: &mut Vec<Output>) {
        self.gone(EndReason::TechnicalFailure, Effect::Reconnect, out);
    }

    /// The line is gone. What the caller was saying still counts: its transcript is awaited.
    pub(super) fn gone(&mut self, reason: EndReason, effect: Effect, out: &mut Vec<Output>) {
        let Some((reason, effect)) = self.state.ends_with(reason, effect) else { return };
        self.leave_line(out);
        self.over(reason, effect, out);
    }

    /// The stream has stopped because the carrier connects the call to somebody else, or asks them: that is no hang-up.
    fn transferred(&mut self, out: &mut Vec<Output>) {
        self.leave_line(out);
        let transfer = self.transfer.take();
        if transfer.is_some_and(|transfer| transfer.left(self.now, &mut self.gate, out)) {
            self.offered(out);
        } else {
            self.over(EndReason::Completed, Effect::Leave(EndReason::Completed), out);
        }
    }

    /// The call is not over, but this connection of it is.
    fn offered(&mut self, out: &mut Vec<Output>) {
        self.state = State::Over;
        self.tools.hung_up(self.now, &mut self.gate, out);
        self.gate.forget();
        out.push(Output::Effect(Effect::Offer));
    }

    fn over(&mut self, reason: EndReason, effect: Effect, out: &mut Vec<Output>) {
        self.state = State::Over;
        self.tools.hung_up(self.now, &mut self.gate, out);
        self.gate.journal(self.now, Fact::Ended { reason }, false, out);
        out.push(Output::Notify(DialogueEvent::Ended(reason)));
        self.gate.forget();
        out.push(Output::Effect(effect));
    }

    /// Nothing can be said or heard any more.
    fn leave_line(&mut self, out: &mut Vec<Output>) {
        let mut outputs = Vec::new();
        for ended in self.speech.clear(self.now, &mut outputs) {
            self.record_utterance(ended, out);
        }
        self.record_rest(out);
        // Nobody is there to be silenced, but what is being synthesised is not needed any more.
        out.extend(outputs.into_iter().filter(|output| matches!(output, Output::Cancel { .. })));
        if let Some(spoken) = self.turn.stop() {
            self.transcriber.close(spoken, self.now, out);
        }
    }
}
