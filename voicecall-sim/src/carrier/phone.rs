//! The phone at the end of a media socket: sends audio, plays what comes at its pace, returns marks, and breaks.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};
use voicecall_core::CarrierCallId;
use voicecall_core::audio::FRAME_SAMPLES;
use voicecall_core::media::{MarkId, MediaCommand, MediaEvent, StreamStart};
use voicecall_core::testing::{PairedPeer, ScriptedMedia};

use super::break_off::BreakOff;
use super::exchange::SimCarrier;
use crate::fault::Fault;

const FRAME: Duration = Duration::from_millis(20);

/// How long people wait before they answer something they have heard.
const THINKS: Duration = Duration::from_millis(400);

/// How a phone's audio ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PhoneEnd {
    /// The service has closed the socket.
    Closed,
    /// The person has hung up.
    Left,
    /// The connection ended, and the carrier knows.
    BrokeOff,
    /// The connection was reset, and the carrier does not go on by itself.
    Reset,
    /// Nothing passes any more, and nobody knows.
    FellSilent,
}

#[derive(Debug)]
pub(super) struct Phone {
    carrier: Arc<SimCarrier>,
    index: usize,
    call: CarrierCallId,
    peer: PairedPeer,
    leaves_at: Option<Instant>,
    /// A message of silence, and one of speech.
    quiet: String,
    loud: String,
    playing_until: Instant,
    marks: VecDeque<(Instant, MarkId)>,
    /// Whether anything was heard over this socket.
    has_heard: bool,
    /// Whether something was heard that was not answered.
    may_answer: bool,
    speaks_until: Option<Instant>,
}

impl Phone {
    pub(super) fn new(
        carrier: &Arc<SimCarrier>,
        index: usize,
        call: CarrierCallId,
        peer: PairedPeer,
        leaves_at: Option<Instant>,
    ) -> Self {
        let frames = carrier.options.packet.as_millis().div_euclid(FRAME.as_millis()).max(1) as usize;
        Self {
            carrier: Arc::clone(carrier),
            index,
            call,
            peer,
            leaves_at,
            quiet: message([0xFF, 0x7F], frames),
            loud: message([0x00, 0x80], frames),
            playing_until: Instant::now(),
            marks: VecDeque::new(),
            has_heard: false,
            may_answer: false,
            speaks_until: None,
        }
    }

    /// Stays on the line until something ends it. Nothing is lost if this is dropped before [`stop`](Self::stop).
    pub(super) async fn run(&mut self, fault: Option<Fault>) -> PhoneEnd {
        if fault == Some(Fault::OutOfOrder) {
            self.peer.send(self.quiet.clone()).await;
        }
        let start = StreamStart { stream: None, account: None, call: self.call.clone(), parameters: [].into() };
        self.say(&MediaEvent::Started(start)).await;
        let packet = self.carrier.options.packet.max(FRAME);
        let mut tick = interval(packet);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut break_off = BreakOff::new(fault);
        loop {
            tokio::select! {
                biased;
                message = self.peer.receive() => match message {
                    Some(message) => self.play(&message),
                    None => return PhoneEnd::Closed,
                },
                now = tick.tick() => {
                    if let Some(end) = break_off.strike(now).await {
                        return end;
                    }
                    if self.leaves_at.is_some_and(|at| now >= at) {
                        return PhoneEnd::Left;
                    }
                    self.return_marks(now).await;
                    self.speak(now).await;
                }
            }
        }
    }

    /// Says that the stream is over.
    pub(super) async fn stop(&self) {
        self.say(&MediaEvent::Stopped).await;
    }

    async fn say(&self, event: &MediaEvent<'_>) {
        self.peer.send(ScriptedMedia::write(event)).await;
    }

    async fn return_marks(&mut self, now: Instant) {
        while let Some((_, mark)) = self.marks.pop_front_if(|(due, _)| *due <= now) {
            if self.carrier.options.returns_marks {
                self.say(&MediaEvent::Mark(mark)).await;
            }
        }
    }

    async fn speak(&mut self, now: Instant) {
        let speech = self.carrier.options.people.speak;
        if self.may_answer && !speech.is_zero() && now >= self.playing_until + THINKS {
            self.may_answer = false;
            self.speaks_until = Some(now + speech);
        }
        let speaks = self.speaks_until.is_some_and(|until| now < until);
        self.peer.send(if speaks { self.loud.clone() } else { self.quiet.clone() }).await;
    }

    fn play(&mut self, message: &str) {
        let now = Instant::now();
        match ScriptedMedia::read(message) {
            Ok(MediaCommand::Audio(_)) => {
                if !self.has_heard {
                    self.has_heard = true;
                    self.carrier.change(self.index, |call, now| call.heard(now));
                }
                self.may_answer = true;
                self.playing_until = self.playing_until.max(now) + FRAME;
            }
            Ok(MediaCommand::Mark(mark)) => self.marks.push_back((self.playing_until, mark)),
            Ok(MediaCommand::Clear) => {
                self.playing_until = now;
                self.marks.iter_mut().for_each(|(due, _)| *due = now);
            }
            Ok(MediaCommand::Open | MediaCommand::Close) => {}
            Err(error) => self.carrier.note(format_args!("{} gets what it cannot read: {error}", self.call)),
        }
    }
}

/// Frames of these two codes in turn, as the phone sends them.
fn message(codes: [u8; 2], frames: usize) -> String {
    let audio: Vec<u8> = codes.into_iter().cycle().take(FRAME_SAMPLES * frames).collect();
    ScriptedMedia::write(&MediaEvent::audio(audio))
}
