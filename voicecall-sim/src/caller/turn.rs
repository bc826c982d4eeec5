//! What the caller has heard of the agent since it last did something, and whether that is a reason to do something.

use voicecall_core::CallTime;
use voicecall_core::audio::FRAME_DURATION;

use super::hearing::Word;
use crate::scenario::{Manners, Patience, Phrase, Trigger, words};

/// How many frames of voice are speech: 100 ms. Less is a click.
const SPEECH: usize = 5;

/// What was heard, and when.
#[derive(Debug, Default)]
pub(super) struct Turn {
    began: CallTime,
    /// Words up to the last pause.
    settled: Vec<Word>,
    /// Words since the last pause, as far as they were made out.
    glance: Vec<Word>,
    /// Frames of the agent's voice since the caller's last sound, the first of them, and the end of the last.
    voiced: usize,
    voiced_from: CallTime,
    voiced_until: CallTime,
    /// The end of the last sound of either side.
    sound_until: CallTime,
}

impl Turn {
    /// The caller does something now: what was heard before is answered by it.
    pub(super) fn begin(&mut self, now: CallTime) {
        self.began = now;
        self.voiced = 0;
        self.settled.clear();
        self.glance.clear();
    }

    /// The agent's voice was heard up to `until`.
    pub(super) fn voice(&mut self, until: CallTime) {
        if self.voiced == 0 {
            self.voiced_from = until.back(FRAME_DURATION);
        }
        self.voiced += 1;
        self.voiced_until = until;
        self.sound(until);
    }

    /// The caller made a sound up to `until`: what the agent says meanwhile is no answer to it.
    pub(super) fn own_sound(&mut self, until: CallTime) {
        self.voiced = 0;
        self.sound(until);
    }

    /// Either side was heard up to `until`.
    fn sound(&mut self, until: CallTime) {
        self.sound_until = self.sound_until.max(until);
    }

    /// A pause came after these words.
    pub(super) fn settle(&mut self, words: &[Word]) {
        self.glance.clear();
        self.settled.extend(self.of_this_turn(words));
    }

    /// These words were made out since the last pause.
    pub(super) fn glance(&mut self, words: &[Word]) {
        self.glance = self.of_this_turn(words);
    }

    /// Whether `trigger` holds now.
    pub(super) fn satisfies(&self, trigger: &Trigger, now: CallTime) -> bool {
        match trigger {
            Trigger::Hears(phrases, manners) => phrases.iter().any(|phrase| self.answers(phrase, *manners, now)),
            Trigger::Silence(least) => now.since(self.sound_until) >= *least,
            Trigger::At(start) => now >= CallTime::ZERO + *start,
        }
    }

    fn answers(&self, phrase: &Phrase, manners: Manners, now: CallTime) -> bool {
        if phrase.is_any() {
            return self.answers_speech(manners, now);
        }
        self.answers_words(phrase, manners, now)
    }

    /// Any speech is told by its sound, so that it may be in any language, and nobody's clip.
    fn answers_speech(&self, manners: Manners, now: CallTime) -> bool {
        let is_speech = self.voiced >= SPEECH;
        match manners {
            Manners::Waits(delay) => is_speech && now.since(self.voiced_until) >= delay,
            Manners::Interrupts(Patience::Time(time)) => is_speech && now.since(self.voiced_from) >= time,
            Manners::Interrupts(Patience::Words(_)) => self.answers_words(&Phrase::any(), manners, now),
        }
    }

    fn answers_words(&self, phrase: &Phrase, manners: Manners, now: CallTime) -> bool {
        let heard: Vec<&Word> = self.settled.iter().chain(&self.glance).collect();
        let Some(end) = phrase.end_in(heard.iter().map(|word| word.text.as_str())) else {
            return false;
        };
        match manners {
            Manners::Waits(delay) => now.since(self.voiced_until) >= delay,
            Manners::Interrupts(Patience::Words(count)) => heard.len() - end >= count,
            Manners::Interrupts(Patience::Time(time)) => {
                let last = heard.get(end.saturating_sub(1));
                last.is_some_and(|word| now.since(word.until) >= time)
            }
        }
    }

    /// A word that began before the turn belongs to what is already answered.
    fn of_this_turn(&self, heard: &[Word]) -> Vec<Word> {
        let bare = |word: &Word| words(&word.text).map(|text| Word { text, ..word.clone() }).collect::<Vec<_>>();
        heard.iter().filter(|word| word.from >= self.began).flat_map(bare).collect()
    }
}
