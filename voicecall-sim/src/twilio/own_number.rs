//! Calls to the accounts' own numbers: whoever calls one of them, a person or an account that ordered it, is somebody who
//! calls in, and the number's address is asked what to do.
//!
//! An order to call such a number makes two calls, as it does at the carrier: the ordered one, and one that comes in by it.
//! Each carries out its own instructions, and what one plays is what the other hears.

use voicecall_core::CallTime;
use voicecall_core::audio::Frame;

use super::call::{Instructions, Progress, StatusCallback};
use super::exchange::Timer;
use super::{CallStatus, Direction, Exchange, Number};
use crate::phone::PartyAction;

impl Exchange {
    /// Whose number it is, if calls to it are answered by an address.
    pub(super) fn number_that_answers(&self, to: &str) -> Option<(usize, Number)> {
        let accounts = self.options.accounts.iter().enumerate();
        accounts
            .flat_map(|(account, owner)| owner.numbers.iter().map(move |number| (account, number)))
            .find(|(_, number)| number.number == to && number.voice_url.is_some())
            .map(|(account, number)| (account, number.clone()))
    }

    /// A call comes in to a number. It rings, and nobody has been asked about it yet.
    pub(super) fn come_in(&mut self, now: CallTime, account: usize, number: Number, from: &str) -> Option<usize> {
        let instructions = Instructions::Address(number.voice_url?);
        let callback =
            number.status_callback.map(|address| StatusCallback { address, events: vec![Progress::Completed] });
        let mut call = self.new_call(now, account, &number.number, from, Direction::Inbound, instructions);
        call.status = CallStatus::Ringing;
        call.dialled = Some(now);
        call.status_callback = callback;
        Some(self.add_call(now, call))
    }

    /// An ordered call rings at a number of an account's: it comes in there.
    pub(super) fn ring_own_number(&mut self, now: CallTime, order: usize, account: usize, number: Number) {
        let from = self.calls[order].from.clone();
        let Some(came_in) = self.come_in(now, account, number, &from) else { return };
        self.calls[order].far_end = Some(came_in);
        self.calls[came_in].far_end = Some(order);
        let give_up = self.ring(now, order);
        self.at(give_up, Timer::GiveUp(order));
        self.ask(now, came_in);
    }

    /// What the person on a call does who is the other end of an order: what that end hears.
    pub(super) fn far_end_says(&self, index: usize) -> Option<PartyAction> {
        let heard = self.calls[self.calls[index].far_end?].heard;
        Some(if heard == Frame::SILENCE { PartyAction::Listen } else { PartyAction::Speak(heard) })
    }

    /// Whoever is the other end of a call that is over is left by it, or never came to it.
    pub(super) fn end_far_end(&mut self, now: CallTime, index: usize, status: CallStatus, sip_response: u16) {
        let Some(far_end) = self.calls[index].far_end else { return };
        let status = match (self.calls[far_end].answered, status) {
            (Some(_), _) => CallStatus::Completed,
            // The caller gave up: the call that came in was not answered.
            (None, CallStatus::Canceled) => CallStatus::NoAnswer,
            (None, status) => status,
        };
        self.end(now, far_end, status, sip_response);
    }
}
