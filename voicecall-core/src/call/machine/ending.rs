//! How a call ends: somebody hangs up, the line breaks, no service speaks for us any more, or the money is used up.

use std::time::Duration;

use super::super::budget_guard::Verdict;
use super::super::io::{Effect, Output};
use super::{CallMachine, State};
use crate::carrier::Say;
use crate::dialogue::DialogueEvent;
use crate::journal::Fact;
use crate::media::MediaCommand;
use crate::store::EndReason;
use crate::time::CallTime;

/// A carrier that has stopped a stream says within this time what has become of the call.
const NEWS_WITHIN: Duration = Duration::from_secs(2);

/// What the carrier says of the call itself, beside the media stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CarrierNews {
    /// It is over.
    Ended,
    /// It goes on without the stream; said at this instant.
    Continues(CallTime),
}

/// Where a call is to go.
#[derive(Debug)]
pub(super) struct Transfer {
    to: String,
    announcement: Option<Say>,
    /// The number of the fact that somebody is to be asked.
    offer: Option<u64>,
}

impl Transfer {
    pub(super) const fn new(to: String, announcement: Option<Say>) -> Self {
        Self { to, announcement, offer: None }
    }

    fn effect(&self) -> Output {
        Output::Effect(Effect::Transfer { to: self.to.clone(), announcement: self.announcement.clone() })
    }
}

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

    /// Everything queued was heard: the carrier is to connect the call to somebody else, or to ask them, once that is stored.
    pub(super) fn leave(&mut self, out: &mut Vec<Output>) {
        let Some(transfer) = &mut self.transfer else { return };
        self.state = State::Leaving(self.now + self.settings.timeouts.transfer);
        if transfer.announcement.is_none() {
            out.push(transfer.effect());
        } else {
            let fact = Fact::TransferOffered { to: transfer.to.clone() };
            transfer.offer = self.gate.journal(self.now, fact, false, out);
        }
    }

    /// Whoever dies from now on, others know that somebody is asked.
    pub(super) fn offer_stored(&mut self, seq: u64, out: &mut Vec<Output>) {
        if let Some(transfer) = self.transfer.as_ref().filter(|transfer| transfer.offer == Some(seq))
            && matches!(self.state, State::Leaving(_))
        {
            out.push(transfer.effect());
        }
    }

    /// The stream was to stop and has not: the call goes on here.
    pub(super) fn not_transferred(&mut self, out: &mut Vec<Output>) {
        self.state = State::Live;
        if let Some(Transfer { to, offer, .. }) = self.transfer.take() {
            if offer.is_some() {
                self.gate.journal(self.now, Fact::TransferFailed { to: to.clone() }, false, out);
            }
            out.push(Output::Notify(DialogueEvent::TransferFailed { to }));
        }
    }

    pub(super) fn hang_up(&mut self, reason: EndReason, out: &mut Vec<Output>) {
        out.push(Output::Send(MediaCommand::Close));
        self.gone(reason, Effect::HangUp(reason), out);
    }

    /// The carrier has ended the stream. It does so when the caller hangs up, and when the call is redirected: until it
    /// is known which, nobody has hung up.
    pub(super) fn stopped(&mut self, out: &mut Vec<Output>) {
        match (self.state, self.news) {
            (State::Stopped(_) | State::Over, _) => {}
            (State::Leaving(_), _) => self.transferred(out),
            (State::Ringing | State::Ending(_), _) | (_, Some(CarrierNews::Ended)) => self.caller_gone(out),
            (_, Some(CarrierNews::Continues(at))) if self.now.since(at) <= NEWS_WITHIN => self.lost(out),
            _ => {
                self.leave_line(out);
                self.state = State::Stopped(self.now + NEWS_WITHIN);
            }
        }
    }

    /// The media socket is gone. Behind a stream that has stopped that is no news.
    pub(super) fn disconnected(&mut self, out: &mut Vec<Output>) {
        match (self.state, self.news) {
            (State::Stopped(_), _) => {}
            (State::Leaving(_), _) => self.transferred(out),
            (_, Some(CarrierNews::Ended)) => self.caller_gone(out),
            _ => self.lost(out),
        }
    }

    /// Takes in what the carrier says of the call, which it may do before its stream has stopped here.
    pub(super) fn carrier_says(&mut self, news: CarrierNews, out: &mut Vec<Output>) {
        match (self.state, news) {
            (State::Stopped(_) | State::Leaving(_), CarrierNews::Ended) => self.caller_gone(out),
            (State::Stopped(_), CarrierNews::Continues(_)) => self.lost(out),
            // A call that is over does not continue, whatever is told later.
            _ if self.news == Some(CarrierNews::Ended) => {}
            _ => self.news = Some(news),
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
        let (reason, effect) = match self.state {
            State::Over => return,
            // Hanging up during the goodbye is no reason of its own, and nobody is called back for the rest of it.
            State::Ending(reason) => (reason, Effect::HangUp(reason)),
            State::Ringing | State::Live | State::Leaving(_) | State::Stopped(_) => (reason, effect),
        };
        self.leave_line(out);
        self.over(reason, effect, out);
    }

    /// The stream has stopped because the carrier connects the call to somebody else, or asks them: that is no hang-up.
    fn transferred(&mut self, out: &mut Vec<Output>) {
        self.leave_line(out);
        match self.transfer.take() {
            Some(Transfer { offer: Some(_), .. }) => self.offered(out),
            transfer => {
                if let Some(Transfer { to, .. }) = transfer {
                    self.gate.journal(self.now, Fact::Transferred { to }, false, out);
                }
                self.over(EndReason::Completed, Effect::Leave(EndReason::Completed), out);
            }
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
