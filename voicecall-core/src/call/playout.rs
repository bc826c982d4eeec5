//! What goes out and when: audio is sent a little ahead of the phone's clock, and what was heard is known at any instant.
//!
//! The clock is the truth: a frame is played when the one before it ends, or when it arrives. Marks that come back
//! correct the clock by what the network adds. A mark sent before a clear proves nothing, because carriers return all
//! pending marks on a clear; such marks are ignored.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::audio::{FRAME_DURATION, FRAME_SAMPLES, Frame};
use crate::media::{MarkId, MediaCommand};
use crate::time::CallTime;

/// The number of one stretch of speech in one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SpeechId(pub u32);

/// A stretch of speech that was heard to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finished {
    /// Which.
    pub speech: SpeechId,
    /// When its first sample was heard.
    pub from: CallTime,
    /// When its last sample was heard.
    pub until: CallTime,
}

/// How much of a stretch of speech was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Samples at 8 kHz.
    pub samples: u64,
    /// When its first sample was heard.
    pub from: CallTime,
}

/// The longest wait for a mark behind the end of the audio it follows.
const MARK_PATIENCE: Duration = Duration::from_secs(2);

/// The most that marks may move the clock: more is not network, but a fault.
const MOST_LATENCY: Duration = Duration::from_secs(1);

/// Sends audio ahead of the phone's clock and keeps the books of what the phone has played.
#[derive(Debug)]
pub struct Playout {
    lead: Duration,
    queue: VecDeque<Queued>,
    sent: VecDeque<Sent>,
    heard: VecDeque<Heard>,
    /// When the phone will have played everything sent so far.
    ends_at: CallTime,
    /// What the network adds between our clock and the phone's, as marks have shown.
    latency: Duration,
    marks: VecDeque<Pending>,
    next_mark: u64,
    /// Frames are kept until here, for the recording; `None` if nobody records.
    recorded_until: Option<CallTime>,
    underruns: u32,
}

#[derive(Debug)]
enum Queued {
    Frame(SpeechId, Frame),
    End(SpeechId),
}

#[derive(Debug)]
struct Sent {
    speech: SpeechId,
    start: CallTime,
    frame: Frame,
    counted: bool,
}

#[derive(Debug)]
struct Heard {
    speech: SpeechId,
    from: CallTime,
    /// Samples of frames that were played whole.
    samples: u64,
    /// When the last sample will have been heard; known once everything was sent.
    until: Option<CallTime>,
}

#[derive(Debug)]
struct Pending {
    mark: MarkId,
    due: CallTime,
}

impl Playout {
    /// A playout that keeps `lead` of audio ahead of the phone's clock; with none, every frame goes out at once.
    /// With `recording`, what was played is kept until [`Playout::take_slot`] asks for it.
    #[must_use]
    pub fn new(lead: Duration, recording: bool) -> Self {
        Self {
            lead: lead.max(FRAME_DURATION),
            queue: VecDeque::new(),
            sent: VecDeque::new(),
            heard: VecDeque::new(),
            ends_at: CallTime::ZERO,
            latency: Duration::ZERO,
            marks: VecDeque::new(),
            next_mark: 0,
            recorded_until: recording.then_some(CallTime::ZERO),
            underruns: 0,
        }
    }

    /// Queues a frame of a stretch of speech behind everything queued before.
    pub fn push(&mut self, speech: SpeechId, frame: Frame) {
        self.queue.push_back(Queued::Frame(speech, frame));
    }

    /// Says that a stretch of speech has no more frames.
    pub fn finish(&mut self, speech: SpeechId) {
        self.queue.push_back(Queued::End(speech));
    }

    /// Sends what is due at `now`.
    pub fn advance(&mut self, now: CallTime, mut send: impl FnMut(MediaCommand)) {
        self.count(now);
        while self.ends_at.since(now) < self.lead + self.latency {
            match self.queue.pop_front() {
                Some(Queued::Frame(speech, frame)) => {
                    let start = self.begin(speech, now);
                    self.ends_at = start + FRAME_DURATION;
                    self.sent.push_back(Sent { speech, start, frame, counted: false });
                    send(MediaCommand::Audio(frame));
                }
                Some(Queued::End(speech)) => {
                    let mark = MarkId(self.next_mark);
                    self.next_mark += 1;
                    self.marks.push_back(Pending { mark, due: self.ends_at });
                    if let Some(heard) = self.heard.iter_mut().find(|heard| heard.speech == speech) {
                        heard.until = Some(self.ends_at);
                    }
                    send(MediaCommand::Mark(mark));
                }
                None => break,
            }
        }
    }

    /// When a frame of this speech, sent now, starts to be heard.
    fn begin(&mut self, speech: SpeechId, now: CallTime) -> CallTime {
        let arrives = now + self.latency;
        let begun = self.heard.back().is_some_and(|heard| heard.speech == speech);
        if begun && self.ends_at < arrives {
            self.underruns += 1;
        }
        let start = self.ends_at.max(arrives);
        if !begun {
            self.heard.push_back(Heard { speech, from: start, samples: 0, until: None });
        }
        start
    }

    /// How many frames and ends wait to be sent.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// When [`Playout::advance`] next has something to send.
    #[must_use]
    pub fn next_send(&self) -> Option<CallTime> {
        let margin = self.lead + self.latency;
        (!self.queue.is_empty()).then(|| self.ends_at.back(margin) + Duration::from_micros(1))
    }

    /// The next stretch of speech that was heard to its end by `now`, each once.
    pub fn next_finished(&mut self, now: CallTime) -> Option<Finished> {
        let front = self.heard.front()?;
        let until = front.until.filter(|until| *until <= now)?;
        let finished = Finished { speech: front.speech, from: front.from, until };
        self.heard.pop_front();
        Some(finished)
    }

    /// When the stretch of speech being heard ends, if all of it was sent.
    #[must_use]
    pub fn next_end(&self) -> Option<CallTime> {
        self.heard.front()?.until
    }

    /// How much of a stretch of speech was heard by `now`; `None` before its first frame was sent.
    #[must_use]
    pub fn progress(&self, speech: SpeechId, now: CallTime) -> Option<Progress> {
        let heard = self.heard.iter().find(|heard| heard.speech == speech)?;
        let running = self.sent.iter().filter(|sent| sent.speech == speech && !sent.counted);
        let samples = running.map(|sent| samples_between(sent.start, now)).sum::<u64>();
        Some(Progress { samples: heard.samples + samples, from: heard.from })
    }

    /// Whether the phone is playing something at `now`, or will without further ado.
    #[must_use]
    pub fn is_audible(&self, now: CallTime) -> bool {
        self.ends_at > now || !self.queue.is_empty()
    }

    /// Whether everything was heard, and the last mark has come back or is given up.
    #[must_use]
    pub fn is_settled(&self, now: CallTime) -> bool {
        !self.is_audible(now) && self.settles_at().is_none_or(|at| at <= now)
    }

    /// When waiting for marks ends.
    #[must_use]
    pub fn settles_at(&self) -> Option<CallTime> {
        self.marks.back().map(|pending| pending.due + MARK_PATIENCE)
    }

    /// Drops everything that was not heard by `now`. The phone is told to do the same.
    pub fn interrupt(&mut self, now: CallTime, mut send: impl FnMut(MediaCommand)) {
        if self.ends_at > now {
            send(MediaCommand::Clear);
        }
        self.count(now);
        self.queue.clear();
        self.marks.clear();
        self.sent.retain_mut(|sent| {
            if sent.start >= now {
                return false;
            }
            let played = samples_between(sent.start, now) as usize;
            if played < FRAME_SAMPLES {
                let mut bytes = *sent.frame.as_bytes();
                bytes[played..].fill(Frame::SILENCE.as_bytes()[0]);
                sent.frame = Frame::from(bytes);
                sent.counted = true;
            }
            true
        });
        self.heard.clear();
        self.ends_at = self.ends_at.min(now);
    }

    /// Takes in a mark that came back.
    pub fn marked(&mut self, mark: MarkId, now: CallTime) {
        let Some(at) = self.marks.iter().position(|pending| pending.mark == mark) else { return };
        // Marks return in order: the ones before it were lost on the way.
        let Some(pending) = self.marks.drain(..=at).next_back() else { return };
        // Half of the difference, because one mark may be late by chance.
        if now >= pending.due {
            self.delay(now.since(pending.due) / 2, now);
        } else {
            self.hasten(pending.due.since(now) / 2, now);
        }
    }

    fn delay(&mut self, by: Duration, now: CallTime) {
        let by = by.min(MOST_LATENCY - self.latency);
        self.latency += by;
        self.shift(now, |time| time + by);
    }

    fn hasten(&mut self, by: Duration, now: CallTime) {
        let by = by.min(self.latency);
        self.latency -= by;
        self.shift(now, |time| time.back(by).max(now));
    }

    fn shift(&mut self, now: CallTime, to: impl Fn(CallTime) -> CallTime) {
        for sent in self.sent.iter_mut().filter(|sent| sent.start > now) {
            sent.start = to(sent.start);
        }
        for heard in &mut self.heard {
            heard.until = heard.until.map(|until| if until > now { to(until) } else { until });
            if heard.from > now {
                heard.from = to(heard.from);
            }
        }
        for pending in &mut self.marks {
            pending.due = to(pending.due);
        }
        if self.ends_at > now {
            self.ends_at = to(self.ends_at);
        }
    }

    /// What the phone played in the 20 ms from `at`. Asked for in order, for the recording.
    pub fn take_slot(&mut self, at: CallTime) -> Frame {
        let mut slot = *Frame::SILENCE.as_bytes();
        for sent in &self.sent {
            let bytes = sent.frame.as_bytes();
            if sent.start >= at {
                let skip = samples_between(at, sent.start) as usize;
                let length = FRAME_SAMPLES.saturating_sub(skip);
                slot[FRAME_SAMPLES - length..].copy_from_slice(&bytes[..length]);
            } else {
                let cut = samples_between(sent.start, at) as usize;
                let length = FRAME_SAMPLES.saturating_sub(cut);
                slot[..length].copy_from_slice(&bytes[FRAME_SAMPLES - length..]);
            }
        }
        if let Some(until) = &mut self.recorded_until {
            *until = at + FRAME_DURATION;
        }
        Frame::from(slot)
    }

    /// How often the phone ran dry in the middle of a stretch of speech.
    #[must_use]
    pub fn underruns(&self) -> u32 {
        self.underruns
    }

    /// Books frames that were played whole, and forgets those nobody needs any more.
    fn count(&mut self, now: CallTime) {
        for sent in self.sent.iter_mut().filter(|sent| !sent.counted && sent.start + FRAME_DURATION <= now) {
            sent.counted = true;
            if let Some(heard) = self.heard.iter_mut().find(|heard| heard.speech == sent.speech) {
                heard.samples += FRAME_SAMPLES as u64;
            }
        }
        let keep_from = self.recorded_until.unwrap_or(now).min(now);
        while self.sent.front().is_some_and(|sent| sent.counted && sent.start + FRAME_DURATION <= keep_from) {
            self.sent.pop_front();
        }
    }
}

/// Samples from `start` to `now`, at most a frame's.
fn samples_between(start: CallTime, now: CallTime) -> u64 {
    (now.since(start).as_micros() as u64 / 125).min(FRAME_SAMPLES as u64)
}

#[cfg(test)]
mod tests;
