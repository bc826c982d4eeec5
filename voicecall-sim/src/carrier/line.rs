//! One call's life at the carrier: queued, dialled, ringing, answered, following its steps, over.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use voicecall_core::carrier::{CallStatus, CarrierEventKind, IncomingCall, PlaceCall};
use voicecall_core::testing::{ScriptedCarrier, SignedRequest, paired_socket};
use voicecall_core::{Address, CarrierCallId};

use super::exchange::SimCarrier;
use super::people::{Person, Reaction};
use super::phone::{Phone, PhoneEnd};
use super::record::Break;
use super::step::{self, Step};
use crate::fault::{Fault, Faults, Site};

/// How long the network takes to find out that a line is busy.
const FINDS_OUT: Duration = Duration::from_secs(1);

/// How long the carrier's voice takes to say something.
const SAYS: Duration = Duration::from_secs(2);

/// Steps one call carries out at most: a service that redirects for ever is cut off.
const MOST_STEPS: usize = 50;

/// What a call is ordered to do while it is live.
#[derive(Debug)]
pub(super) enum Control {
    HangUp,
    Steer(VecDeque<Step>),
}

#[derive(Debug)]
pub(super) struct Line {
    pub(super) carrier: Arc<SimCarrier>,
    pub(super) index: usize,
    pub(super) id: CarrierCallId,
    pub(super) order: PlaceCall,
    pub(super) faults: Faults,
    pub(super) status: CallStatus,
    /// How many requests and reports were sent.
    pub(super) sent: u64,
    /// A report that comes after its successor.
    pub(super) held: Option<(SignedRequest, String)>,
    person: Person,
    control: mpsc::Receiver<Control>,
    leaves_at: Option<Instant>,
}

impl Line {
    pub(super) const fn new(
        carrier: Arc<SimCarrier>,
        index: usize,
        id: CarrierCallId,
        order: PlaceCall,
        person: Person,
        faults: Faults,
        control: mpsc::Receiver<Control>,
    ) -> Self {
        let status = CallStatus::Queued;
        Self { carrier, index, id, order, faults, status, sent: 0, held: None, person, control, leaves_at: None }
    }

    /// Lives through the call: one that is dialled at this time, or else one that came in.
    pub(super) async fn run(mut self, dials_at: Option<Instant>) {
        let end = match dials_at {
            Some(at) => self.dialled(at).await,
            None => self.came_in().await,
        };
        self.carrier.change(self.index, |call, now| call.ended_at = Some(now));
        self.becomes(end);
        self.send_held();
    }

    /// Somebody calls the service: it rings until the service says what becomes of it.
    async fn came_in(&mut self) -> CallStatus {
        self.carrier.change(self.index, |call, now| call.rang_at = Some(now));
        self.becomes(CallStatus::Ringing);
        let (from, to) = (self.order.from.clone(), self.order.to.clone());
        let call = IncomingCall::new(Address::Phone(to)).with_from(Some(Address::Phone(from)));
        let path = step::path_of(self.order.answer_url.as_str()).unwrap_or_default();
        let steps = self.ask_about(&path, CarrierEventKind::Incoming(call)).await;
        match steps.front() {
            None => CallStatus::Failed,
            Some(Step::Reject { busy: true }) => CallStatus::Busy,
            Some(Step::Reject { busy: false }) => CallStatus::NoAnswer,
            Some(_) => self.answered(Some(steps)).await,
        }
    }

    async fn dialled(&mut self, dials_at: Instant) -> CallStatus {
        if self.waits_until(dials_at).await.is_none() {
            return CallStatus::Canceled;
        }
        self.carrier.change(self.index, |call, now| call.rang_at = Some(now));
        let (wait, end) = match self.person.reaction {
            Reaction::Busy => (FINDS_OUT, Some(CallStatus::Busy)),
            Reaction::Unreachable => (FINDS_OUT, Some(CallStatus::Failed)),
            Reaction::Answers if self.person.rings < self.order.ring_timeout => (self.person.rings, None),
            Reaction::Answers | Reaction::Absent => (self.order.ring_timeout, Some(CallStatus::NoAnswer)),
        };
        if matches!(self.person.reaction, Reaction::Answers | Reaction::Absent) {
            self.becomes(CallStatus::Ringing);
        }
        if self.waits_until(Instant::now() + wait).await.is_none() {
            return CallStatus::Canceled;
        }
        match end {
            Some(end) => end,
            None => self.answered(None).await,
        }
    }

    /// The call is answered, and follows these steps, or those it asks for.
    async fn answered(&mut self, steps: Option<VecDeque<Step>>) -> CallStatus {
        self.carrier.change(self.index, |call, now| call.answered_at = Some(now));
        self.becomes(CallStatus::InProgress);
        let now = Instant::now();
        self.leaves_at = self.carrier.options.people.stay.map(|stay| now + stay);
        // The carrier ends a call at its limit, whatever it is doing.
        let _ = timeout_at(now + self.order.time_limit, self.follow(steps)).await;
        CallStatus::Completed
    }

    fn becomes(&mut self, status: CallStatus) {
        self.status = status;
        self.carrier.change(self.index, |call, _| call.status = status);
        self.carrier.note(format_args!("{} is {status:?}", self.id));
        self.report(CarrierEventKind::Status { status, duration: None, cause: None });
    }

    /// Waits, unless the call is cancelled.
    async fn waits_until(&mut self, until: Instant) -> Option<()> {
        loop {
            tokio::select! {
                biased;
                control = self.control.recv() => match control {
                    Some(Control::Steer(_)) => {}
                    Some(Control::HangUp) | None => return None,
                },
                () = sleep_until(until) => return Some(()),
            }
        }
    }

    /// Carries out the steps the service gives, until they run out.
    async fn follow(&mut self, steps: Option<VecDeque<Step>>) {
        let mut steps = match steps {
            Some(steps) => steps,
            None => self.ask(&step::path_of(self.order.answer_url.as_str()).unwrap_or_default()).await,
        };
        for _ in 0..MOST_STEPS {
            let control = match steps.pop_front() {
                None | Some(Step::HangUp | Step::Reject { .. }) => return,
                Some(Step::Stream(path)) => match self.stream(&path).await {
                    Some(control) => control,
                    None => continue,
                },
                Some(Step::Redirect(path)) => {
                    steps = self.ask(&path).await;
                    continue;
                }
                Some(Step::Say(text)) => {
                    self.carrier.note(format_args!("{} hears the carrier say {text:?}", self.id));
                    self.carrier.change(self.index, |call, now| {
                        call.said.push(text);
                        call.hears_again(now);
                    });
                    sleep(SAYS).await;
                    continue;
                }
                Some(Step::Pause(length)) => {
                    sleep(length).await;
                    continue;
                }
            };
            match control {
                Control::HangUp => return,
                Control::Steer(others) => steps = others,
            }
        }
    }

    /// Connects the call's audio. Returns what the call is to do instead of its next step.
    async fn stream(&mut self, path: &str) -> Option<Control> {
        let fault = self.faults.draw(Site::MediaSocket);
        if let Some(Fault::Latency { delay, .. }) = fault {
            sleep(delay).await;
        }
        let server = self.carrier.server().filter(|_| fault != Some(Fault::DropBefore))?;
        let (socket, peer) = paired_socket();
        let handshake = ScriptedCarrier::sign(path, "");
        let (carrier, id) = (Arc::clone(&self.carrier), self.id.clone());
        // Ends with its socket.
        tokio::spawn(async move {
            if let Err(error) = server.connect(&handshake, socket).await {
                carrier.note(format_args!("{id} loses its socket: {}", error.kind().as_str()));
            }
        });
        self.carrier.change(self.index, |call, _| call.sockets += 1);
        self.report(CarrierEventKind::StreamStarted);
        let mut phone = Phone::new(&self.carrier, self.index, self.id.clone(), peer, self.leaves_at);
        let end = tokio::select! {
            biased;
            control = self.control.recv() => {
                phone.stop().await;
                return Some(control.unwrap_or(Control::HangUp));
            }
            end = phone.run(fault) => end,
        };
        self.carrier.note(format_args!("{}: its audio {end:?}", self.id));
        let kind = match end {
            PhoneEnd::Closed | PhoneEnd::Left => CarrierEventKind::StreamStopped,
            PhoneEnd::BrokeOff | PhoneEnd::Reset | PhoneEnd::FellSilent => {
                self.carrier.change(self.index, |call, now| call.breaks.push(Break { at: now, back_at: None }));
                CarrierEventKind::StreamFailed { error: "the media socket broke".to_owned() }
            }
        };
        match end {
            PhoneEnd::Closed => {
                self.report(kind);
                None
            }
            PhoneEnd::BrokeOff => {
                drop(phone);
                self.report(kind);
                None
            }
            PhoneEnd::Left => {
                phone.stop().await;
                Some(Control::HangUp)
            }
            PhoneEnd::Reset => {
                drop(phone);
                self.report(kind);
                Some(self.control.recv().await.unwrap_or(Control::HangUp))
            }
            // Nobody knows: the socket stays open.
            PhoneEnd::FellSilent => Some(self.control.recv().await.unwrap_or(Control::HangUp)),
        }
    }
}
