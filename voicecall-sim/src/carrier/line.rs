//! One call's life at the carrier: queued, dialled, ringing, answered, following its steps, over.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use voicecall_core::carrier::{CallStatus, CarrierEventKind, IncomingCall, PlaceCall};
use voicecall_core::testing::{PairedPeer, ScriptedCarrier, SignedRequest, paired_socket};
use voicecall_core::{CallTime, CarrierCallId};

use super::dial::Dialled;
use super::exchange::SimCarrier;
use super::handset::Handset;
use super::people::{Person, Reaction};
use super::phone::PhoneEnd;
use super::record::Break;
use super::step::{self, Converse, Step};
use crate::fault::{Fault, Faults, Site};
use crate::phone::{Answer, Party, Ring};

/// How long the network takes to find out that a line is busy.
const FINDS_OUT: Duration = Duration::from_secs(1);

/// How long the carrier's voice takes to say something.
pub(super) const SAYS: Duration = Duration::from_secs(2);

/// Steps one call carries out at most: a service that redirects for ever is cut off.
const MOST_STEPS: usize = 50;

/// When the carrier ends a call that came in.
const LONGEST: Duration = Duration::from_secs(4 * 3600);

/// Where a call's requests go, and its limits.
#[derive(Debug)]
pub(super) struct Route {
    /// Asked for the first steps: a path with its query.
    pub(super) answer: String,
    /// Told of the call's status.
    pub(super) status: String,
    ring_timeout: Duration,
    time_limit: Duration,
}

impl Route {
    pub(super) fn of(order: &PlaceCall) -> Self {
        let path = |url: &url::Url| step::path_of(url.as_str()).unwrap_or_default();
        Self {
            answer: path(&order.answer_url),
            status: path(&order.status_url),
            ring_timeout: order.ring_timeout,
            time_limit: order.time_limit,
        }
    }

    /// That of a call that comes in.
    pub(super) const fn of_number(answer: String, status: String) -> Self {
        Self { answer, status, ring_timeout: Duration::ZERO, time_limit: LONGEST }
    }
}

/// Who is at the other end.
#[derive(Debug)]
pub(super) enum Owner {
    /// One of many, who sounds like nobody.
    Person(Person),
    /// Somebody with a voice and ears.
    Party(Box<dyn Party>),
}

/// How a call begins.
#[derive(Debug)]
pub(super) enum Begin {
    /// It was ordered: dialled at this time, and heard as this ring.
    Dials(Instant, Ring),
    /// Somebody calls the service.
    ComesIn(IncomingCall),
}

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
    pub(super) route: Route,
    pub(super) faults: Faults,
    pub(super) status: CallStatus,
    /// How many requests and reports were sent.
    pub(super) sent: u64,
    /// A report that comes after its successor.
    pub(super) held: Option<(SignedRequest, String)>,
    owner: Owner,
    control: mpsc::Receiver<Control>,
    answered_at: Option<Instant>,
}

impl Line {
    pub(super) const fn new(
        carrier: Arc<SimCarrier>,
        index: usize,
        id: CarrierCallId,
        route: Route,
        owner: Owner,
        faults: Faults,
        control: mpsc::Receiver<Control>,
    ) -> Self {
        let status = CallStatus::Queued;
        Self { carrier, index, id, route, faults, status, sent: 0, held: None, owner, control, answered_at: None }
    }

    /// Lives through the call.
    pub(super) async fn run(mut self, begin: Begin) {
        let end = match begin {
            Begin::Dials(at, ring) => self.dialled(at, &ring).await,
            Begin::ComesIn(call) => self.come_in(call).await,
        };
        let now = self.answered_at.map_or(CallTime::ZERO, |answered| CallTime::ZERO + answered.elapsed());
        if let Owner::Party(party) = &mut self.owner {
            party.ended(now);
        }
        self.carrier.change(self.index, |call, now| call.ended_at = Some(now));
        self.becomes(end);
        self.send_held();
    }

    async fn dialled(&mut self, dials_at: Instant, ring: &Ring) -> CallStatus {
        if self.waits_until(dials_at).await.is_none() {
            return CallStatus::Canceled;
        }
        self.carrier.change(self.index, |call, now| call.rang_at = Some(now));
        let answer = self.owner.answer(ring);
        let (wait, end) = match answer {
            Answer::Busy => (FINDS_OUT, Some(CallStatus::Busy)),
            Answer::Unreachable => (FINDS_OUT, Some(CallStatus::Failed)),
            Answer::After(rings) if rings < self.route.ring_timeout => (rings, None),
            Answer::After(_) | Answer::Never => (self.route.ring_timeout, Some(CallStatus::NoAnswer)),
        };
        if matches!(answer, Answer::After(_) | Answer::Never) {
            self.becomes(CallStatus::Ringing);
        }
        if self.waits_until(Instant::now() + wait).await.is_none() {
            return CallStatus::Canceled;
        }
        if let Some(end) = end {
            return end;
        }
        self.is_answered();
        let first = self.route.answer.clone();
        let limit = Instant::now() + self.route.time_limit;
        let talk = async {
            let steps = self.ask(&first).await;
            self.follow(steps).await;
        };
        // The carrier ends a call at its limit, whatever it is doing.
        let _ = timeout_at(limit, talk).await;
        CallStatus::Completed
    }

    /// A call to one of the service's numbers: it rings until the service says what becomes of it.
    async fn come_in(&mut self, call: IncomingCall) -> CallStatus {
        self.carrier.change(self.index, |call, now| call.rang_at = Some(now));
        self.becomes(CallStatus::Ringing);
        let first = self.route.answer.clone();
        let steps = self.ask_about(&first, CarrierEventKind::Incoming(call)).await;
        match steps.front() {
            None => return CallStatus::Failed,
            Some(Step::Reject { busy: true }) => return CallStatus::Busy,
            Some(Step::Reject { busy: false }) => return CallStatus::NoAnswer,
            Some(_) => {}
        }
        self.is_answered();
        let limit = Instant::now() + self.route.time_limit;
        let _ = timeout_at(limit, self.follow(steps)).await;
        CallStatus::Completed
    }

    fn is_answered(&mut self) {
        self.answered_at = Some(Instant::now());
        self.carrier.change(self.index, |call, now| call.answered_at = Some(now));
        self.becomes(CallStatus::InProgress);
    }

    fn becomes(&mut self, status: CallStatus) {
        self.status = status;
        self.carrier.change(self.index, |call, _| call.status = status);
        self.carrier.note(format_args!("{} is {status:?}", self.id));
        self.report(CarrierEventKind::Status { status, duration: None, cause: None });
    }

    /// Waits, unless the call is cancelled.
    pub(super) async fn waits_until(&mut self, until: Instant) -> Option<()> {
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
    async fn follow(&mut self, mut steps: VecDeque<Step>) {
        for _ in 0..MOST_STEPS {
            let control = match steps.pop_front() {
                None | Some(Step::HangUp | Step::Reject { .. }) => return,
                Some(Step::Stream(path)) => match self.connect(&path, None).await {
                    Some(control) => control,
                    None => continue,
                },
                Some(Step::Converse(converse)) => match self.connect(&converse.socket, Some(&converse)).await {
                    Some(control) => control,
                    None => {
                        if let Some(next) = &converse.next {
                            steps = self.ask(next).await;
                        }
                        continue;
                    }
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
                Some(Step::Play(file)) => {
                    self.carrier.change(self.index, |call, now| {
                        call.played.push(file);
                        call.hears_again(now);
                    });
                    sleep(SAYS).await;
                    continue;
                }
                Some(Step::Dial(dial)) => match self.dial(dial).await {
                    Dialled::HungUp => return,
                    Dialled::Over => continue,
                    Dialled::Asked(others) => {
                        steps = others;
                        continue;
                    }
                },
                // Keys of whoever talks to the service come over the media socket.
                Some(Step::Gather { .. }) => continue,
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

    /// Connects the call's audio, or its text. Returns what the call is to do instead of what follows.
    async fn connect(&mut self, path: &str, converse: Option<&Converse>) -> Option<Control> {
        let fault = self.faults.draw(Site::MediaSocket);
        match fault {
            Some(Fault::DropBefore) => return None,
            Some(Fault::Latency { delay, .. }) => sleep(delay).await,
            _ => {}
        }
        let peer = self.open_socket(path)?;
        let answered_at = self.answered_at.unwrap_or_else(Instant::now);
        if converse.is_none() {
            self.report(CarrierEventKind::StreamStarted);
        }
        let mut phone = match converse {
            None => Handset::new(&self.carrier, self.index, &self.id, peer, answered_at, &mut self.owner),
            Some(converse) => Handset::in_text(&self.carrier, self.index, converse, peer, answered_at, &mut self.owner),
        };
        let end = tokio::select! {
            biased;
            control = self.control.recv() => {
                phone.stop().await;
                return Some(control.unwrap_or(Control::HangUp));
            }
            end = phone.run(fault) => end,
        };
        self.carrier.note(format_args!("{}: its media {end:?}", self.id));
        if !matches!(end, PhoneEnd::Closed | PhoneEnd::Left) {
            self.carrier.change(self.index, |call, now| call.breaks.push(Break { at: now, back_at: None }));
        }
        match end {
            PhoneEnd::Left => {
                phone.stop().await;
                Some(Control::HangUp)
            }
            // Nobody knows: the socket stays open.
            PhoneEnd::FellSilent => Some(self.control.recv().await.unwrap_or(Control::HangUp)),
            PhoneEnd::Closed | PhoneEnd::BrokeOff | PhoneEnd::Reset => {
                drop(phone);
                self.disconnected(end, converse.is_some()).await
            }
        }
    }

    /// Opens a socket to the service.
    fn open_socket(&self, path: &str) -> Option<PairedPeer> {
        let server = self.carrier.server()?;
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
        Some(peer)
    }

    /// A socket is closed. Of audio the service is told; after a conversation in text it is asked what follows.
    async fn disconnected(&mut self, end: PhoneEnd, was_text: bool) -> Option<Control> {
        if was_text {
            return None;
        }
        self.report(match end {
            PhoneEnd::Closed => CarrierEventKind::StreamStopped,
            _ => CarrierEventKind::StreamFailed { error: "the media socket broke".to_owned() },
        });
        match end {
            PhoneEnd::Reset => Some(self.control.recv().await.unwrap_or(Control::HangUp)),
            _ => None,
        }
    }
}

impl Owner {
    /// What becomes of the ringing.
    fn answer(&mut self, ring: &Ring) -> Answer {
        match self {
            Self::Person(person) => match person.reaction {
                Reaction::Answers => Answer::After(person.rings),
                Reaction::Busy => Answer::Busy,
                Reaction::Absent => Answer::Never,
                Reaction::Unreachable => Answer::Unreachable,
            },
            Self::Party(party) => party.answer(ring),
        }
    }
}
