//! The caller's ears: what the phone plays, as words with their times.

use voicecall_core::CallTime;
use voicecall_core::audio::{EnergyDetector, FRAME_DURATION, Frame, VoiceDetector as _};

use crate::labels::Labels;
use crate::matcher::{ClipMatcher, Heard, Listener};
use crate::phone::is_audible;

/// In the middle of a sentence the caller makes out words every so many frames: 200 ms.
const GLANCE_EVERY: usize = 10;

/// How far back it then listens, in samples: ten seconds.
const GLANCE_BACK: usize = 80_000;

/// A word with its times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) from: CallTime,
    pub(super) until: CallTime,
}

/// What one frame brought.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Whether the frame holds voice.
    pub(super) is_voice: bool,
    /// What was said since the last pause, if this frame ends it.
    pub(super) utterance: Option<Vec<Word>>,
    /// What has been said since the last pause so far, if it was made out anew.
    pub(super) glance: Option<Vec<Word>>,
}

/// The pause behind which labelled speech counts as a sentence, in frames: 300 ms, as for the simulated ears.
const PAUSE: usize = 15;

/// How a caller hears.
#[derive(Debug)]
pub(super) enum Hearing {
    /// Through the simulated ears.
    Audio(Box<AudioHearing>),
    /// What the sound says of itself.
    Labels(LabelHearing),
}

#[derive(Debug)]
pub(super) struct LabelHearing {
    labels: Labels,
    /// Heard since the last pause.
    words: Vec<Word>,
    /// Frames without speech since the last one with it.
    silent: usize,
}

#[derive(Debug)]
pub(super) struct AudioHearing {
    ears: ClipMatcher,
    listener: Listener,
    detector: EnergyDetector,
    /// Where the line's first sample lies in the call.
    origin: Option<CallTime>,
    /// The sound since the last pause, and its first sample counted from the line's.
    sound: Vec<i16>,
    sound_start: usize,
    /// Frames heard so far.
    frames: usize,
}

impl Hearing {
    pub(super) fn audio(ears: ClipMatcher) -> Self {
        Self::Audio(Box::new(AudioHearing {
            listener: Listener::new(ears.clone()),
            ears,
            detector: EnergyDetector::new(),
            origin: None,
            sound: Vec::new(),
            sound_start: 0,
            frames: 0,
        }))
    }

    pub(super) const fn labels(labels: Labels) -> Self {
        Self::Labels(LabelHearing { labels, words: Vec::new(), silent: 0 })
    }

    /// Takes the frame that begins at `now`. Words before a pause are made out only if `glances`, because that takes time.
    pub(super) fn hear(&mut self, now: CallTime, frame: &Frame, glances: bool) -> News {
        match self {
            Self::Audio(hearing) => hearing.hear(now, frame, glances),
            Self::Labels(hearing) => hearing.hear(now, frame, glances),
        }
    }

    /// What was said since the last pause, when the line is closed.
    pub(super) fn finish(&mut self) -> Option<Vec<Word>> {
        match self {
            Self::Audio(hearing) => {
                let utterance = hearing.listener.finish()?;
                Some(hearing.words(utterance.heard, 0))
            }
            Self::Labels(hearing) => hearing.take(),
        }
    }
}

impl LabelHearing {
    fn hear(&mut self, now: CallTime, frame: &Frame, glances: bool) -> News {
        let Some(words) = self.labels.words_in(frame) else {
            self.silent += 1;
            let utterance = (self.silent == PAUSE).then(|| self.take()).flatten();
            return News { is_voice: is_audible(frame.as_bytes()), utterance, glance: None };
        };
        self.silent = 0;
        let frames = |count: usize| FRAME_DURATION.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX));
        self.words.extend(words.into_iter().map(|word| Word {
            text: word.text,
            from: now.back(frames(word.since)),
            until: now + frames(word.until),
        }));
        News { is_voice: true, utterance: None, glance: glances.then(|| self.words.clone()) }
    }

    fn take(&mut self) -> Option<Vec<Word>> {
        let words = std::mem::take(&mut self.words);
        (!words.is_empty()).then_some(words)
    }
}

impl AudioHearing {
    fn hear(&mut self, now: CallTime, frame: &Frame, glances: bool) -> News {
        self.origin.get_or_insert(now);
        self.frames += 1;
        let samples = frame.decode();
        let is_voice = self.detector.is_voice(&samples);
        let utterance = self.listener.hear(frame.as_bytes());
        if let Some(utterance) = utterance {
            self.sound.clear();
            self.sound_start = utterance.end;
            return News { is_voice, utterance: Some(self.words(utterance.heard, 0)), glance: None };
        }
        self.sound.extend(samples);
        let surplus = self.sound.len().saturating_sub(GLANCE_BACK);
        self.sound.drain(..surplus);
        self.sound_start += surplus;
        let is_time = self.frames.is_multiple_of(GLANCE_EVERY);
        let glance =
            (glances && is_voice && is_time).then(|| self.words(self.ears.listen(&self.sound), self.sound_start));
        News { is_voice, utterance: None, glance }
    }

    fn words(&self, heard: Heard, first_sample: usize) -> Vec<Word> {
        let origin = self.origin.unwrap_or_default();
        let at = |sample: usize| origin + CallTime::from_samples((first_sample + sample) as u64).since(CallTime::ZERO);
        heard
            .words
            .into_iter()
            .map(|word| Word { from: at(word.start), until: at(word.end), text: word.text })
            .collect()
    }
}
