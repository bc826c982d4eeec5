//! A phone at the other end of a media socket.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};
use voicecall_core::CarrierCallId;
use voicecall_core::audio::FRAME_SAMPLES;
use voicecall_core::media::{MarkId, MediaCommand, MediaEvent, StreamStart};
use voicecall_core::testing::{PairedPeer, ScriptedMedia};

/// A phone: sends 20 ms of audio every 20 ms, plays what it gets in real time and returns marks when they were played.
pub(super) struct Phone {
    peer: PairedPeer,
    call: String,
    playing_until: Instant,
    frozen_after: Duration,
    stops_after: Duration,
    marks: VecDeque<(Instant, MarkId)>,
}

impl Phone {
    pub(super) fn new(peer: PairedPeer, call: &str) -> Self {
        Self {
            peer,
            call: call.to_owned(),
            playing_until: Instant::now(),
            frozen_after: Duration::MAX,
            stops_after: Duration::MAX,
            marks: VecDeque::new(),
        }
    }

    pub(super) async fn start(&self) {
        let call = CarrierCallId::new(&*self.call);
        let start = StreamStart { stream: None, account: None, call, parameters: [].into() };
        self.say(&MediaEvent::Started(start)).await;
    }

    async fn say(&self, event: &MediaEvent<'_>) {
        self.peer.send(ScriptedMedia::write(event)).await;
    }

    /// Stays on the line, silent, until the other side closes. Returns the commands that came.
    pub(super) async fn listen(self) -> Vec<MediaCommand> {
        self.talk(Duration::MAX, Duration::ZERO).await
    }

    /// Stays on the line for some time, after which nothing comes any more, not even the news that it is gone.
    pub(super) async fn freeze_after(mut self, time: Duration) {
        self.frozen_after = time;
        self.listen().await;
    }

    /// Stays on the line for some time, until the carrier ends the stream.
    pub(super) async fn stop_after(mut self, time: Duration) {
        self.stops_after = time;
        self.listen().await;
    }

    /// Stays on the line for some time, then breaks the connection.
    pub(super) async fn vanish_after(self, time: Duration) {
        let _ = tokio::time::timeout(time, self.listen()).await;
    }

    /// Speaks for some time, beginning some time after the start.
    pub(super) async fn talk(mut self, after: Duration, length: Duration) -> Vec<MediaCommand> {
        self.start().await;
        let begun = Instant::now();
        let mut tick = interval(Duration::from_millis(20));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut commands = Vec::new();
        loop {
            tokio::select! {
                message = self.peer.receive() => match message {
                    Some(message) => {
                        let command = ScriptedMedia::read(&message).unwrap();
                        self.play(&command);
                        commands.push(command);
                    }
                    None => return commands,
                },
                _ = tick.tick(), if begun.elapsed() < self.frozen_after => {
                    let now = Instant::now();
                    if begun.elapsed() >= self.stops_after {
                        self.say(&MediaEvent::Stopped).await;
                        return commands;
                    }
                    while self.marks.front().is_some_and(|(due, _)| *due <= now) {
                        let (_, mark) = self.marks.pop_front().unwrap();
                        self.say(&MediaEvent::Mark(mark)).await;
                    }
                    let at = begun.elapsed();
                    let loud = at >= after && at - after < length;
                    let payload = if loud { LOUD[..].into() } else { QUIET[..].into() };
                    let timestamp_ms = Some(at.as_millis() as u64);
                    self.say(&MediaEvent::Audio { payload, timestamp_ms }).await;
                }
            }
        }
    }

    fn play(&mut self, command: &MediaCommand) {
        match command {
            MediaCommand::Audio(_) => {
                self.playing_until = self.playing_until.max(Instant::now()) + Duration::from_millis(20);
            }
            MediaCommand::Mark(mark) => self.marks.push_back((self.playing_until, *mark)),
            MediaCommand::Clear => {
                self.playing_until = Instant::now();
                self.marks.iter_mut().for_each(|(due, _)| *due = Instant::now());
            }
            MediaCommand::Open | MediaCommand::Close => {}
        }
    }
}

/// The loudest and the quietest codes, alternating.
const LOUD: [u8; FRAME_SAMPLES] = alternating(0x00, 0x80);
const QUIET: [u8; FRAME_SAMPLES] = alternating(0xFF, 0x7F);

const fn alternating(one: u8, two: u8) -> [u8; FRAME_SAMPLES] {
    let mut codes = [one; FRAME_SAMPLES];
    let mut at = 1;
    while at < FRAME_SAMPLES {
        codes[at] = two;
        at += 2;
    }
    codes
}
