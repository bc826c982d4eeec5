//! How a call ends, with audio or in text: somebody hangs up, the line breaks, the call goes to somebody else, or the money is
//! used up.

use super::budget_guard::{BudgetGuard, Verdict};
use super::consent_gate::ConsentGate;
use super::conversation::Machine;
use super::io::{Effect, Output};
use super::line_state::{CarrierNews, LineEnd, LineState as State};
use super::settings::CallSettings;
use super::tool_calls::ToolCalls;
use super::transfer::Transfer;
use crate::dialogue::DialogueEvent;
use crate::journal::Fact;
use crate::store::EndReason;
use crate::time::CallTime;

/// What of a machine the end of its call is about.
pub(super) struct Parts<'a> {
    pub(super) now: CallTime,
    pub(super) settings: &'a CallSettings,
    pub(super) state: &'a mut State,
    pub(super) news: &'a mut Option<CarrierNews>,
    pub(super) gate: &'a mut ConsentGate,
    pub(super) tools: &'a mut ToolCalls,
    pub(super) budget: &'a mut Option<BudgetGuard>,
    pub(super) transfer: &'a mut Option<Transfer>,
}

/// A machine whose call ends.
pub(super) trait Ending: Machine {
    fn parts(&mut self) -> Parts<'_>;

    /// What ends the connection.
    fn close(&self) -> Output;

    /// Whether something is still to be said.
    fn has_to_say(&self) -> bool;

    /// Stops whatever is being said, for a farewell if there is one. Never dead air.
    fn say_instead(&mut self, farewell: Option<String>, out: &mut Vec<Output>);

    /// Nothing can be said or heard any more.
    fn leave_line(&mut self, out: &mut Vec<Output>);

    /// Counts what `out` holds from `from` on, and does what the budget demands.
    fn spend(&mut self, from: usize, out: &mut Vec<Output>) {
        let Parts { now, state, gate, budget, .. } = self.parts();
        let Some(budget) = budget.as_mut().filter(|_| *state != State::Ringing) else { return };
        budget.observe(out.get(from..).unwrap_or_default());
        budget.on_the_line(now, matches!(state, State::Stopped(_) | State::Over));
        match budget.verdict(now, *state != State::Live) {
            Verdict::Fine => {}
            Verdict::WrapUp => {
                gate.journal(now, Fact::BudgetReached(budget.cost()), false, out);
                out.push(Output::Notify(DialogueEvent::WrapUp));
            }
            Verdict::Stop => self.out_of_money(out),
        }
        let is_finished = self.is_finished();
        let Parts { now, gate, budget, .. } = self.parts();
        if let Some(cost) = budget.as_mut().and_then(|budget| budget.due_for_journal(now, is_finished)) {
            gate.journal(now, Fact::Cost(cost), false, out);
        }
    }

    /// Whoever conducts the call has been told to end it and has not.
    fn out_of_money(&mut self, out: &mut Vec<Output>) {
        let has_to_say = self.has_to_say();
        let Parts { settings, state, .. } = self.parts();
        let reason = match *state {
            // All was said; only that it was heard is awaited.
            State::Ending(_) if !has_to_say => return,
            State::Ending(reason) => reason,
            _ => EndReason::RefusedByBudget,
        };
        let own = settings.budget.as_ref().and_then(|budget| budget.farewell.clone());
        let farewell = own.or_else(|| settings.timeouts.farewell.clone());
        self.break_off(farewell, reason, out);
    }

    /// A farewell in the place of whatever is being said, then the end.
    fn break_off(&mut self, farewell: Option<String>, reason: EndReason, out: &mut Vec<Output>) {
        *self.parts().state = State::Ending(reason);
        self.say_instead(farewell, out);
    }

    /// Everything queued was heard: the call goes to somebody else.
    fn leave(&mut self, out: &mut Vec<Output>) {
        let Parts { now, settings, state, gate, transfer, .. } = self.parts();
        let Some(transfer) = transfer else { return };
        *state = State::Leaving(now + settings.timeouts.transfer);
        transfer.begin(now, gate, out);
    }

    /// A fact is stored: perhaps the one that a transfer waits for.
    fn offer_stored(&mut self, seq: u64, out: &mut Vec<Output>) {
        let Parts { state, transfer, .. } = self.parts();
        if let (Some(transfer), State::Leaving(_)) = (transfer, state) {
            transfer.stored(seq, out);
        }
    }

    /// The connection was to stop for somebody else and has not: the call goes on here.
    fn not_transferred(&mut self, out: &mut Vec<Output>) {
        let Parts { now, state, gate, transfer, .. } = self.parts();
        *state = State::Live;
        if let Some(transfer) = transfer.take() {
            transfer.failed(now, gate, out);
        }
    }

    fn hang_up(&mut self, reason: EndReason, out: &mut Vec<Output>) {
        out.push(self.close());
        self.gone(reason, Effect::HangUp(reason), out);
    }

    /// The carrier has ended the connection.
    fn stopped(&mut self, out: &mut Vec<Output>) {
        let Parts { now, state, news, .. } = self.parts();
        let end = state.stopped(*news, now);
        self.line_ended(end, out);
    }

    /// The socket is gone.
    fn disconnected(&mut self, out: &mut Vec<Output>) {
        let Parts { state, news, .. } = self.parts();
        let end = state.disconnected(*news);
        self.line_ended(end, out);
    }

    /// Takes in what the carrier says of the call.
    fn carrier_says(&mut self, said: CarrierNews, out: &mut Vec<Output>) {
        let Parts { state, news, .. } = self.parts();
        let end = state.carrier_says(said, news);
        self.line_ended(end, out);
    }

    fn line_ended(&mut self, end: LineEnd, out: &mut Vec<Output>) {
        match end {
            LineEnd::Nothing => {}
            LineEnd::Stopped(until) => {
                self.leave_line(out);
                *self.parts().state = State::Stopped(until);
            }
            LineEnd::CallerGone => self.caller_gone(out),
            LineEnd::Lost => self.gone(EndReason::TechnicalFailure, Effect::Reconnect, out),
            LineEnd::Transferred => self.transferred(out),
        }
    }

    fn caller_gone(&mut self, out: &mut Vec<Output>) {
        let reason = EndReason::RemoteHangup;
        self.gone(reason, Effect::HangUp(reason), out);
    }

    /// The line is gone. What the caller was saying still counts: its transcript is awaited.
    fn gone(&mut self, reason: EndReason, effect: Effect, out: &mut Vec<Output>) {
        let Some((reason, effect)) = self.parts().state.ends_with(reason, effect) else { return };
        self.leave_line(out);
        self.over(reason, effect, out);
    }

    /// The connection has stopped because the carrier connects the call to somebody else, or asks them: that is no hang-up.
    fn transferred(&mut self, out: &mut Vec<Output>) {
        self.leave_line(out);
        let Parts { now, gate, transfer, .. } = self.parts();
        if transfer.take().is_some_and(|transfer| transfer.left(now, gate, out)) {
            self.offered(out);
        } else {
            self.over(EndReason::Completed, Effect::Leave(EndReason::Completed), out);
        }
    }

    /// The call is not over, but this connection of it is.
    fn offered(&mut self, out: &mut Vec<Output>) {
        let Parts { now, state, gate, tools, .. } = self.parts();
        *state = State::Over;
        tools.hung_up(now, gate, out);
        gate.forget();
        out.push(Output::Effect(Effect::Offer));
    }

    fn over(&mut self, reason: EndReason, effect: Effect, out: &mut Vec<Output>) {
        let Parts { now, state, gate, tools, .. } = self.parts();
        *state = State::Over;
        tools.hung_up(now, gate, out);
        gate.journal(now, Fact::Ended { reason }, false, out);
        out.push(Output::Notify(DialogueEvent::Ended(reason)));
        gate.forget();
        out.push(Output::Effect(effect));
    }
}
