//! The phone's buffer: audio and marks in the order they came, drained at 160 bytes per 20 ms.

use std::collections::VecDeque;

use voicecall_core::CallTime;
use voicecall_core::audio::{FRAME_SAMPLES, Frame};

/// A first-in-first-out buffer of audio bytes and marks.
///
/// A frame taken at an instant plays for the 20 ms that follow: a mark behind its last byte is due when that byte
/// has sounded, not when it was taken.
#[derive(Debug, Default)]
pub struct Playout {
    audio: VecDeque<u8>,
    /// Marks still behind audio: the number of the byte, counted from the stream's first, before which each waits.
    waiting: VecDeque<(u64, String)>,
    /// Marks whose audio is sounding or has sounded.
    due: VecDeque<(CallTime, String)>,
    /// How many bytes have left the buffer, played or cleared.
    gone: u64,
    /// When the last byte taken has sounded.
    sounds_until: CallTime,
}

impl Playout {
    /// Appends audio.
    pub fn push(&mut self, bytes: &[u8]) {
        self.audio.extend(bytes);
    }

    /// Puts a mark behind everything that is there; it is due at once if nothing is.
    pub fn mark(&mut self, now: CallTime, name: String) {
        if self.audio.is_empty() {
            self.due.push_back((now.max(self.sounds_until), name));
        } else {
            self.waiting.push_back((self.gone + self.buffered(), name));
        }
    }

    /// Throws the audio away and makes all marks due now, in their order. Returns how many bytes were dropped.
    pub fn clear(&mut self, now: CallTime) -> u64 {
        let dropped = self.buffered();
        self.audio.clear();
        self.gone += dropped;
        for (at, _) in &mut self.due {
            *at = (*at).min(now);
        }
        self.due.extend(self.waiting.drain(..).map(|(_, name)| (now, name)));
        dropped
    }

    /// Forgets the marks that have not returned.
    pub fn forget_marks(&mut self) {
        self.waiting.clear();
        self.due.clear();
    }

    /// Takes what sounds in the 20 ms from `now` and says how many bytes of it came from the buffer; the rest is
    /// silence.
    pub fn take(&mut self, now: CallTime) -> (Frame, usize) {
        let count = self.audio.len().min(FRAME_SAMPLES);
        let mut codes = *Frame::SILENCE.as_bytes();
        for (code, byte) in codes.iter_mut().zip(self.audio.drain(..count)) {
            *code = byte;
        }
        let start = self.gone;
        self.gone += count as u64;
        if count > 0 {
            self.sounds_until = now + CallTime::from_samples(count as u64).since(CallTime::ZERO);
        }
        while let Some((byte, name)) = self.waiting.pop_front_if(|(byte, _)| *byte <= self.gone) {
            let at = now + CallTime::from_samples(byte.saturating_sub(start)).since(CallTime::ZERO);
            self.due.push_back((at, name));
        }
        (Frame::from(codes), count)
    }

    /// The next mark due by `now`, with the instant it became due.
    pub fn returned(&mut self, now: CallTime) -> Option<(CallTime, String)> {
        self.due.pop_front_if(|(at, _)| *at <= now)
    }

    /// When the next mark is due, if its audio is sounding already.
    #[must_use]
    pub fn next_mark(&self) -> Option<CallTime> {
        self.due.front().map(|&(at, _)| at)
    }

    /// Bytes that wait to be played.
    #[must_use]
    pub fn buffered(&self) -> u64 {
        self.audio.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> CallTime = CallTime::from_millis;

    #[test]
    fn a_mark_returns_at_once_when_nothing_is_queued() {
        let mut playout = Playout::default();
        playout.mark(MS(7), "m".into());
        assert_eq!(playout.returned(MS(7)), Some((MS(7), "m".into())));
    }

    #[test]
    fn a_mark_returns_when_the_last_byte_before_it_has_sounded() {
        let mut playout = Playout::default();
        playout.push(&[1; 200]);
        playout.mark(MS(0), "m".into());
        playout.take(MS(20));
        assert_eq!(playout.returned(MS(40)), None);
        playout.take(MS(40));
        assert_eq!(playout.returned(MS(44)), None);
        assert_eq!(playout.returned(MS(45)), Some((MS(45), "m".into())));
    }

    #[test]
    fn a_mark_sent_while_the_last_frame_sounds_waits_for_its_end() {
        let mut playout = Playout::default();
        playout.push(&[1; 160]);
        playout.take(MS(20));
        playout.mark(MS(25), "m".into());
        assert_eq!(playout.returned(MS(39)), None);
        assert_eq!(playout.returned(MS(40)), Some((MS(40), "m".into())));
    }

    #[test]
    fn clear_returns_all_marks_in_order_and_says_what_it_dropped() {
        let mut playout = Playout::default();
        playout.push(&[1; 300]);
        playout.mark(MS(0), "a".into());
        playout.push(&[1; 300]);
        playout.mark(MS(0), "b".into());
        playout.take(MS(20));
        assert_eq!(playout.clear(MS(30)), 440);
        let names: Vec<String> = std::iter::from_fn(|| playout.returned(MS(30))).map(|(_, name)| name).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(playout.take(MS(40)).1, 0);
    }
}
