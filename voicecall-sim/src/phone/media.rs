//! The phone itself: playout towards the caller, messages towards the application, the network between.

use std::time::Duration;

use voicecall_core::CallTime;
use voicecall_core::audio::{FRAME_DURATION, FRAME_SAMPLES, Frame};

use super::{AppMessage, Gap, IllegalMessage, MediaStats, Network, Path, PhoneMessage, Playout, Wire};
use crate::fault::Rng;

/// How one stream behaves.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PhoneOptions {
    /// The way from the application to the phone.
    pub to_phone: Network,
    /// The way from the phone to the application.
    pub to_app: Network,
    /// Decides jitter and stalls.
    pub seed: u64,
    /// A dry buffer that is filled again within this time was an underrun; after longer it was a pause.
    pub pause: Duration,
    /// How much audio may wait to be played; a message that brings more is dropped. Ten minutes, as Twilio's warning 31931 says.
    pub buffer: Duration,
    /// Whether both sides are kept, sample by sample.
    pub record: bool,
    /// Whether marks behind audio that is thrown away return at once, as Twilio's do; otherwise they never do.
    pub returns_cleared_marks: bool,
    /// A fault: audio goes out before the start.
    pub media_before_start: bool,
}

impl Default for PhoneOptions {
    fn default() -> Self {
        Self {
            to_phone: Network::default(),
            to_app: Network::default(),
            seed: 0,
            pause: Duration::from_millis(500),
            buffer: Duration::from_secs(600),
            record: false,
            returns_cleared_marks: true,
            media_before_start: false,
        }
    }
}

/// One stream of one call. Call [`tick`](Self::tick) every 20 ms; after every call, send what
/// [`pop`](Self::pop) returns.
#[derive(Debug)]
pub struct Phone {
    wire: Box<dyn Wire>,
    options: PhoneOptions,
    opened_at: CallTime,
    from_app: Path<String>,
    to_app: Path<String>,
    playout: Playout,
    spoken: Option<Frame>,
    /// Since when the buffer is dry, and how many samples of silence that made.
    dry: Option<Gap>,
    closed: bool,
    /// The application has asked for the end.
    closing: bool,
    stats: MediaStats,
    complaints: Vec<IllegalMessage>,
    recording: (Vec<u8>, Vec<u8>),
}

impl Phone {
    /// Opens the stream: the socket is there.
    #[must_use]
    pub fn open(now: CallTime, wire: Box<dyn Wire>, options: PhoneOptions) -> Self {
        let mut phone = Self {
            from_app: Path::new(options.to_phone, Rng::fork(options.seed, 0)),
            to_app: Path::new(options.to_app, Rng::fork(options.seed, 1)),
            wire,
            options,
            opened_at: now,
            playout: Playout::default(),
            spoken: None,
            dry: None,
            closed: false,
            closing: false,
            stats: MediaStats::default(),
            complaints: Vec::new(),
            recording: (Vec::new(), Vec::new()),
        };
        phone.say(now, &PhoneMessage::Connected);
        if phone.options.media_before_start {
            phone.say(now, &PhoneMessage::Media { frame: &Frame::SILENCE, elapsed_ms: 0 });
        }
        phone.say(now, &PhoneMessage::Start);
        phone
    }

    /// The application sent a message.
    pub fn receive(&mut self, now: CallTime, text: &str) {
        self.from_app.send(now, text.to_owned());
        self.advance(now);
    }

    /// The application sent a message that is no text.
    pub fn receive_binary(&mut self, now: CallTime) {
        self.advance(now);
        self.complain(IllegalMessage::Binary);
    }

    /// The caller spoke for 20 ms; sent with the next tick.
    pub fn speak(&mut self, frame: Frame) {
        self.spoken = Some(frame);
    }

    /// The caller pressed a key.
    pub fn press(&mut self, now: CallTime, key: char) {
        self.advance(now);
        if !self.closed {
            self.say(now, &PhoneMessage::Key(key));
        }
    }

    /// Sends a message the protocol does not have: applications must skip it.
    pub fn send_foreign(&mut self, now: CallTime) {
        self.advance(now);
        if !self.closed {
            self.say(now, &PhoneMessage::Foreign);
        }
    }

    /// Somebody hung up: the stream says `stop`, and nothing after it.
    pub fn hang_up(&mut self, now: CallTime) {
        self.advance(now);
        if !self.closed {
            self.say(now, &PhoneMessage::Stop);
            self.closed = true;
        }
    }

    /// Twenty milliseconds: sends what the caller said in those that end now, returns what they hear in those that
    /// begin now.
    pub fn tick(&mut self, now: CallTime) -> Frame {
        self.advance(now);
        if self.closed {
            return Frame::SILENCE;
        }
        let spoken = self.spoken.take().unwrap_or(Frame::SILENCE);
        let elapsed_ms = now.since(self.opened_at).as_millis() as u64;
        self.say(now, &PhoneMessage::Media { frame: &spoken, elapsed_ms });
        self.stats.frames_sent += 1;

        let (heard, count) = self.playout.take(now);
        self.account(now, count);
        if self.options.record {
            self.recording.0.extend(spoken.as_bytes());
            self.recording.1.extend(heard.as_bytes());
        }
        heard
    }

    /// The next message that has reached the application by `now`.
    pub fn pop(&mut self, now: CallTime) -> Option<String> {
        self.advance(now);
        self.to_app.arrived(now).map(|(_, text)| text)
    }

    /// When [`pop`](Self::pop) is worth calling again, if before the next tick.
    #[must_use]
    pub fn next_due(&self) -> Option<CallTime> {
        let due = [self.from_app.next_arrival(), self.to_app.next_arrival(), self.playout.next_mark()];
        due.into_iter().flatten().min()
    }

    /// Stops the network in both directions until `until`.
    pub fn stall(&mut self, until: CallTime) {
        self.from_app.hold(until);
        self.to_app.hold(until);
    }

    /// Whether the application has asked for the end, and everything it sent was played.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.closing && self.playout.buffered() == 0
    }

    /// Takes the complaints about messages that were not understood since the last time.
    pub fn take_complaints(&mut self) -> Vec<IllegalMessage> {
        std::mem::take(&mut self.complaints)
    }

    /// The counts so far.
    #[must_use]
    pub fn stats(&self) -> MediaStats {
        MediaStats { buffered: self.playout.buffered(), ..self.stats.clone() }
    }

    /// What the caller said and what the caller heard, as mu-law at the same times; empty unless recorded.
    #[must_use]
    pub fn recording(&self) -> (&[u8], &[u8]) {
        (&self.recording.0, &self.recording.1)
    }

    /// Carries out everything that happens by `now`, in the order of time.
    fn advance(&mut self, now: CallTime) {
        while let Some((at, text)) = self.from_app.arrived(now) {
            self.return_marks(at);
            if !self.closed && !self.closing {
                self.obey(at, &text);
            }
        }
        self.return_marks(now);
    }

    fn return_marks(&mut self, now: CallTime) {
        while let Some((at, name)) = self.playout.returned(now) {
            if !self.closed {
                self.say(at, &PhoneMessage::Mark(&name));
                self.stats.marks += 1;
            }
        }
    }

    fn obey(&mut self, now: CallTime, text: &str) {
        match self.wire.read(text) {
            Ok(AppMessage::Audio(bytes)) if !self.has_room(bytes.len()) => self.complain(IllegalMessage::BufferFull),
            Ok(AppMessage::Audio(bytes)) => {
                self.playout.push(&bytes);
                self.stats.received += bytes.len() as u64;
                self.stats.max_buffered = self.stats.max_buffered.max(self.playout.buffered());
            }
            Ok(AppMessage::Mark(name)) => {
                self.playout.mark(now, name.into_owned());
                self.stats.marks_received += 1;
                self.return_marks(now);
            }
            Ok(AppMessage::Nothing) => {}
            Ok(AppMessage::Close) => self.closing = true,
            Ok(AppMessage::Clear) => {
                if !self.options.returns_cleared_marks {
                    self.playout.forget_marks();
                }
                self.stats.cleared += self.playout.clear(now);
                self.stats.clears += 1;
                self.dry = None;
                self.return_marks(now);
            }
            Err(complaint) => self.complain(complaint),
        }
    }

    fn has_room(&self, bytes: usize) -> bool {
        let samples = self.playout.buffered() + bytes as u64;
        CallTime::from_samples(samples).since(CallTime::ZERO) <= self.options.buffer
    }

    fn complain(&mut self, complaint: IllegalMessage) {
        self.stats.illegal += 1;
        self.complaints.push(complaint);
    }

    /// Counts a frame of which `count` bytes were the application's. A dry spell becomes an underrun only when
    /// audio follows: before that it may as well be the end of what was said.
    fn account(&mut self, now: CallTime, count: usize) {
        let silent = (FRAME_SAMPLES - count) as u64;
        if count > 0 {
            self.stats.heard += count as u64;
            self.stats.frames_heard += 1;
            if let Some(gap) = self.dry.take().filter(|gap| self.is_underrun(*gap)) {
                self.stats.underruns += 1;
                self.stats.gaps.push(gap);
            }
            if silent > 0 {
                let at = now + CallTime::from_samples(count as u64).since(CallTime::ZERO);
                self.dry = Some(Gap { at, samples: silent });
            } else if self.playout.buffered() == 0 {
                self.dry = Some(Gap { at: now + FRAME_DURATION, samples: 0 });
            }
        } else if let Some(gap) = &mut self.dry {
            gap.samples += silent;
        }
    }

    fn is_underrun(&self, gap: Gap) -> bool {
        gap.samples > 0 && CallTime::from_samples(gap.samples).since(CallTime::ZERO) <= self.options.pause
    }

    fn say(&mut self, now: CallTime, message: &PhoneMessage<'_>) {
        let text = self.wire.write(message);
        if !text.is_empty() {
            self.to_app.send(now, text);
        }
    }
}

#[cfg(test)]
mod tests;
