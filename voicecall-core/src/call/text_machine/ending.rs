//! How a conversation in text ends: somebody hangs up, the line breaks, or the money is used up.

use super::super::budget_guard::Verdict;
use super::super::io::{Effect, Output};
use super::super::line_state::LineEnd;
use super::{CarrierNews, State, TextMachine};
use crate::dialogue::DialogueEvent;
use crate::journal::Fact;
use crate::store::EndReason;
use crate::text_media::TextCommand;

impl TextMachine {
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
        let is_last = self.state == State::Over && !self.llm.is_waiting() && !self.tools.is_waiting();
        if let Some(cost) = self.budget.as_mut().and_then(|budget| budget.due_for_journal(self.now, is_last)) {
            self.gate.journal(self.now, Fact::Cost(cost), false, out);
        }
    }

    /// Whoever conducts the call has been told to end it and has not: a farewell, then the end.
    fn out_of_money(&mut self, out: &mut Vec<Output>) {
        let reason = match self.state {
            // All was said.
            State::Ending(_) if !self.queue.is_busy() => return,
            State::Ending(reason) => reason,
            _ => EndReason::RefusedByBudget,
        };
        let own = self.settings.budget.as_ref().and_then(|budget| budget.farewell.clone());
        for ended in self.queue.clear(out) {
            self.record_utterance(ended, out);
        }
        if let Some(text) = own.or_else(|| self.settings.timeouts.farewell.clone()) {
            self.queue.farewell(text);
        }
        self.state = State::Ending(reason);
        let _ = self.queue.advance(self.now, out);
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

    /// The conversation was to stop and has not: the call goes on here.
    pub(super) fn not_transferred(&mut self, out: &mut Vec<Output>) {
        self.state = State::Live;
        if let Some(transfer) = self.transfer.take() {
            transfer.failed(self.now, &mut self.gate, out);
        }
    }

    pub(super) fn hang_up(&mut self, reason: EndReason, out: &mut Vec<Output>) {
        out.push(Output::SendText(TextCommand::End));
        self.gone(reason, Effect::HangUp(reason), out);
    }

    /// The carrier has ended the conversation.
    pub(super) fn stopped(&mut self, out: &mut Vec<Output>) {
        self.line_ended(self.state.stopped(self.news, self.now), out);
    }

    /// The socket is gone.
    pub(super) fn disconnected(&mut self, out: &mut Vec<Output>) {
        self.line_ended(self.state.disconnected(self.news), out);
    }

    pub(super) fn carrier_says(&mut self, news: CarrierNews, out: &mut Vec<Output>) {
        let end = self.state.carrier_says(news, &mut self.news);
        self.line_ended(end, out);
    }

    /// The carrier asks what to do next, so that the conversation is over, although nothing may tell that its socket is
    /// dead. A call that is on its way to somebody else has its own end.
    pub(super) fn continues(&mut self, out: &mut Vec<Output>) {
        match self.state {
            State::Live | State::Ending(_) => self.line_ended(self.state.disconnected(self.news), out),
            _ => self.carrier_says(CarrierNews::Continues(self.now), out),
        }
    }

    fn line_ended(&mut self, end: LineEnd, out: &mut Vec<Output>) {
        match end {
            LineEnd::Nothing => {}
            LineEnd::Stopped(until) => {
                self.leave_line(out);
                self.state = State::Stopped(until);
            }
            LineEnd::CallerGone => self.caller_gone(out),
            LineEnd::Lost => self.gone(EndReason::TechnicalFailure, Effect::Reconnect, out),
            LineEnd::Transferred => self.transferred(out),
        }
    }

    pub(super) fn caller_gone(&mut self, out: &mut Vec<Output>) {
        let reason = EndReason::RemoteHangup;
        self.gone(reason, Effect::HangUp(reason), out);
    }

    /// The line is gone.
    pub(super) fn gone(&mut self, reason: EndReason, effect: Effect, out: &mut Vec<Output>) {
        let Some((reason, effect)) = self.state.ends_with(reason, effect) else { return };
        self.leave_line(out);
        self.over(reason, effect, out);
    }

    /// The conversation has stopped because the carrier connects the call to somebody else, or asks them: that is no hang-up.
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
        self.listening = None;
        for ended in self.queue.hung_up(self.now, out) {
            self.record_utterance(ended, out);
        }
    }
}
