//! A call on its way to somebody else: connected at once, or offered to whoever answers once that is stored.

use super::consent_gate::ConsentGate;
use super::io::{Effect, Output};
use crate::carrier::Say;
use crate::dialogue::DialogueEvent;
use crate::journal::Fact;
use crate::time::CallTime;

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

    /// The carrier is to connect the call to somebody else, or to ask them, once that is stored.
    pub(super) fn begin(&mut self, now: CallTime, gate: &mut ConsentGate, out: &mut Vec<Output>) {
        if self.announcement.is_none() {
            out.push(self.effect());
        } else {
            let fact = Fact::TransferOffered { to: self.to.clone() };
            self.offer = gate.journal(now, fact, false, out);
        }
    }

    /// A fact is stored. Whoever dies from now on, others know that somebody is asked.
    pub(super) fn stored(&self, seq: u64, out: &mut Vec<Output>) {
        if self.offer == Some(seq) {
            out.push(self.effect());
        }
    }

    /// It has not come about.
    pub(super) fn failed(self, now: CallTime, gate: &mut ConsentGate, out: &mut Vec<Output>) {
        let Self { to, offer, .. } = self;
        if offer.is_some() {
            gate.journal(now, Fact::TransferFailed { to: to.clone() }, false, out);
        }
        out.push(Output::Notify(DialogueEvent::TransferFailed { to }));
    }

    /// The stream has stopped for it. Returns whether the call is only offered, and may come back.
    pub(super) fn left(self, now: CallTime, gate: &mut ConsentGate, out: &mut Vec<Output>) -> bool {
        if self.offer.is_none() {
            gate.journal(now, Fact::Transferred { to: self.to }, false, out);
        }
        self.offer.is_some()
    }

    fn effect(&self) -> Output {
        Output::Effect(Effect::Transfer { to: self.to.clone(), announcement: self.announcement.clone() })
    }
}
