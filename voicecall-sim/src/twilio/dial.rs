//! `<Dial>`: further legs, and connecting one with the call.

use std::time::Duration;

use voicecall_core::CallTime;

use super::call::{Doing, Instructions, Progress, StatusCallback};
use super::exchange::Timer;
use super::twiml::{Address, DialVerb, NumberNoun};
use super::{CallStatus, Direction, Exchange};

/// A `<Dial>` that is going on.
#[derive(Debug)]
pub(super) struct Dialling {
    verb: DialVerb,
    /// Legs placed so far, of which all but the connected one have ended or are about to.
    legs: Vec<usize>,
    connected: Option<(usize, CallTime)>,
    recording: Option<usize>,
}

impl Exchange {
    pub(super) fn start_dial(&mut self, now: CallTime, index: usize, verb: DialVerb) {
        let at_once = if verb.sequential { 1 } else { verb.numbers.len() };
        let nouns: Vec<NumberNoun> = verb.numbers.iter().take(at_once).cloned().collect();
        let dialling = Dialling { verb, legs: Vec::new(), connected: None, recording: None };
        self.calls[index].doing = Doing::Dialling(Box::new(dialling));
        nouns.into_iter().for_each(|noun| self.place_leg(now, index, noun));
    }

    fn place_leg(&mut self, now: CallTime, parent: usize, noun: NumberNoun) {
        let Doing::Dialling(dialling) = &self.calls[parent].doing else { return };
        let timeout = dialling.verb.timeout;
        let from = dialling.verb.caller_id.clone().unwrap_or_else(|| self.calls[parent].from.clone());
        let instructions = match noun.url {
            Some(address) => Instructions::Address(self.resolved(parent, address)),
            None => Instructions::Document("<Response/>".to_owned()),
        };
        let callback = noun.status_callback.map(|(address, events)| StatusCallback {
            address: self.resolved(parent, address),
            events: events.iter().filter_map(|event| Progress::from_name(event)).collect(),
        });
        let account = self.calls[parent].account;
        let mut leg = self.new_call(now, account, &noun.number, &from, Direction::OutboundDial, instructions);
        leg.parent = Some(parent);
        leg.parent_sid = Some(self.calls[parent].sid.clone());
        leg.ring_timeout = timeout;
        leg.status_callback = callback;
        leg.digits = noun.send_digits;
        let leg = self.add_call(now, leg);
        if let Doing::Dialling(dialling) = &mut self.calls[parent].doing {
            dialling.legs.push(leg);
        }
        self.at(now, Timer::Dial(leg));
    }

    /// A leg's own instructions ran out: it is connected with the call that placed it, if nobody was quicker.
    pub(super) fn leg_ready(&mut self, now: CallTime, leg: usize, parent: usize) {
        let Doing::Dialling(dialling) = &mut self.calls[parent].doing else {
            return self.end(now, leg, CallStatus::Completed, 200);
        };
        if dialling.connected.is_some() {
            return self.end(now, leg, CallStatus::Completed, 200);
        }
        dialling.connected = Some((leg, now));
        let others: Vec<usize> = dialling.legs.iter().copied().filter(|other| *other != leg).collect();
        let (record, limit) = (dialling.verb.record.clone(), dialling.verb.time_limit);
        others.into_iter().for_each(|other| self.end(now, other, CallStatus::Canceled, 487));
        self.answer_inbound(now, parent);
        self.calls[leg].doing = Doing::Connected;
        self.bridge(now, parent, leg);
        if let Some(settings) = record {
            let recording = self.record(now, parent, "DialVerb", None, settings);
            if let Doing::Dialling(dialling) = &mut self.calls[parent].doing {
                dialling.recording = Some(recording);
            }
        }
        if let Some(limit) = limit {
            self.at(now + limit, Timer::DialLimit(leg));
        }
    }

    /// The time of a connection is up.
    pub(super) fn dial_limit(&mut self, now: CallTime, leg: usize) {
        if self.calls[leg].peer.is_some() {
            self.end(now, leg, CallStatus::Completed, 200);
        }
    }

    /// A leg is over: the next one is placed, or the `<Dial>` is over, too.
    pub(super) fn leg_ended(&mut self, now: CallTime, parent: usize, leg: usize) {
        let Doing::Dialling(dialling) = &self.calls[parent].doing else { return };
        match dialling.connected {
            Some((connected, since)) if connected == leg => {
                return self.finish_dial(now, parent, CallStatus::Completed, Some((leg, now.since(since))));
            }
            Some(_) => return,
            None => {}
        }
        if dialling.legs.iter().any(|leg| !self.calls[*leg].status.is_final()) {
            return;
        }
        let next =
            if dialling.verb.sequential { dialling.verb.numbers.get(dialling.legs.len()).cloned() } else { None };
        if let Some(noun) = next {
            return self.place_leg(now, parent, noun);
        }
        // An answered leg that was never connected has declined: its instructions hung up.
        let status = match self.calls[leg].status {
            CallStatus::Completed => CallStatus::NoAnswer,
            other => other,
        };
        self.finish_dial(now, parent, status, None);
    }

    fn finish_dial(&mut self, now: CallTime, parent: usize, status: CallStatus, talked: Option<(usize, Duration)>) {
        let Doing::Dialling(dialling) = std::mem::replace(&mut self.calls[parent].doing, Doing::Nothing) else {
            return;
        };
        let mut fields =
            vec![("DialCallStatus", status.as_str().to_owned()), ("DialBridged", talked.is_some().to_string())];
        if let Some((leg, duration)) = talked {
            fields.push(("DialCallSid", self.calls[leg].sid.clone()));
            fields.push(("DialCallDuration", duration.as_secs().to_string()));
        }
        if let Some(recording) = dialling.recording {
            self.stop_recording(now, recording);
        }
        self.go_on(now, parent, dialling.verb.action.as_ref(), &fields);
    }

    /// What follows an instruction that asks only if it has an address.
    pub(super) fn go_on(&mut self, now: CallTime, index: usize, action: Option<&Address>, fields: &[(&str, String)]) {
        match action {
            Some(action) => self.ask_action(now, index, Some(action), fields),
            None => self.next_verb(now, index),
        }
    }

    /// Connects two calls: each hears the other.
    pub(super) fn bridge(&mut self, now: CallTime, one: usize, other: usize) {
        self.calls[one].peer = Some(other);
        self.calls[other].peer = Some(one);
        let leg = self.calls[other].sid.clone();
        self.note(now, Some(one), super::LogEvent::Bridged { with: leg });
    }

    /// Ends what connects a call with others because it ends, or does something else. `ended` says which.
    pub(super) fn let_go(&mut self, now: CallTime, index: usize, ended: bool) {
        let doing = if matches!(self.calls[index].doing, Doing::Streaming(_)) {
            Doing::Nothing
        } else {
            std::mem::replace(&mut self.calls[index].doing, Doing::Nothing)
        };
        self.leave_queue(now, index, ended);
        let peer = self.calls[index].peer.take();
        if let Some(peer) = peer {
            self.calls[peer].peer = None;
        }
        if let Doing::Dialling(dialling) = &doing {
            for &leg in &dialling.legs {
                let answered = self.calls[leg].answered.is_some();
                let (status, code) = if answered { (CallStatus::Completed, 200) } else { (CallStatus::Canceled, 487) };
                self.end(now, leg, status, code);
            }
            if let Some(recording) = dialling.recording {
                self.stop_recording(now, recording);
            }
        }
        if let Some(peer) = peer.filter(|peer| !self.calls[*peer].status.is_final()) {
            self.left_alone(now, peer, index);
        }
    }

    /// A call whose other side is gone goes on with its own instructions.
    fn left_alone(&mut self, now: CallTime, index: usize, other: usize) {
        match self.calls[index].doing {
            Doing::Dialling(_) => self.leg_ended(now, index, other),
            Doing::Connected => self.end(now, index, CallStatus::Completed, 200),
            Doing::Joined { .. } => self.join_ended(now, index),
            _ => self.joined_ended(now, index),
        }
    }
}
