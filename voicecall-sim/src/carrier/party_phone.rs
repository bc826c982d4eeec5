//! The phone of somebody with a voice and ears: real frames both ways, at the pace of a real phone.

use std::sync::Arc;

use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use voicecall_core::audio::{FRAME_DURATION, Frame};
use voicecall_core::media::MediaEvent;
use voicecall_core::testing::{PairedPeer, ScriptedMedia};
use voicecall_core::{CallTime, CarrierCallId};

use super::break_off::BreakOff;
use super::exchange::SimCarrier;
use super::phone::PhoneEnd;
use super::wire::ScriptedWire;
use crate::fault::Fault;
use crate::phone::{Party, PartyAction, Phone, PhoneOptions};

#[derive(Debug)]
pub(super) struct PartyPhone<'a> {
    carrier: Arc<SimCarrier>,
    index: usize,
    party: &'a mut dyn Party,
    phone: Phone,
    peer: PairedPeer,
    answered_at: Instant,
}

impl<'a> PartyPhone<'a> {
    pub(super) fn new(
        carrier: &Arc<SimCarrier>,
        index: usize,
        call: &CarrierCallId,
        peer: PairedPeer,
        answered_at: Instant,
        party: &'a mut dyn Party,
    ) -> Self {
        let opened = CallTime::ZERO + answered_at.elapsed();
        let wire = ScriptedWire::new(call.clone(), carrier.options.returns_marks);
        let phone = Phone::open(opened, Box::new(wire), PhoneOptions::default());
        Self { carrier: Arc::clone(carrier), index, party, phone, peer, answered_at }
    }

    pub(super) async fn run(&mut self, fault: Option<Fault>) -> PhoneEnd {
        let mut tick = interval(FRAME_DURATION);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut break_off = BreakOff::new(fault);
        loop {
            self.flush().await;
            let next = self.phone.next_due().map(|due| self.answered_at + due.since(CallTime::ZERO));
            tokio::select! {
                biased;
                message = self.peer.receive() => match message {
                    Some(message) => self.phone.receive(self.now(), &message),
                    None => return PhoneEnd::Closed,
                },
                now = tick.tick() => {
                    if let Some(end) = break_off.strike(now).await {
                        return end;
                    }
                    if self.has_left() {
                        self.flush().await;
                        return PhoneEnd::Left;
                    }
                }
                () = sleep_until(next.unwrap_or(self.answered_at)), if next.is_some() => {}
            }
        }
    }

    /// Twenty milliseconds on the line. Returns whether the party hung up.
    fn has_left(&mut self) -> bool {
        let now = self.now();
        match self.party.speak(now) {
            PartyAction::Speak(frame) => self.phone.speak(frame),
            PartyAction::Press(key) => self.phone.press(now, key),
            PartyAction::HangUp => return true,
            PartyAction::Listen => {}
        }
        let heard = self.phone.tick(now);
        if heard != Frame::SILENCE {
            self.carrier.change(self.index, |call, now| call.heard(now));
        }
        self.party.hear(now, &heard);
        false
    }

    /// Says that the stream is over.
    pub(super) async fn stop(&mut self) {
        self.peer.send(ScriptedMedia::write(&MediaEvent::Stopped)).await;
    }

    async fn flush(&mut self) {
        while let Some(message) = self.phone.pop(self.now()) {
            self.peer.send(message).await;
        }
        for complaint in self.phone.take_complaints() {
            self.carrier.note(format_args!("the phone does not understand the service: {complaint:?}"));
        }
    }

    /// The time since the call was answered, which may be before this stream began.
    fn now(&self) -> CallTime {
        CallTime::ZERO + self.answered_at.elapsed()
    }
}
