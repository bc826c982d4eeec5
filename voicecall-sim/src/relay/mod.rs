//! How a carrier hears and speaks by itself in a conversation in text, whatever its protocol.

mod heard;
mod utterance;

use std::collections::VecDeque;
use std::time::Duration;

use voicecall_core::audio::Frame;

use self::heard::HeardCaller;
use self::utterance::Utterance;

/// How long it takes from a text to its first sound, when nothing is being said.
const VOICE_BEGINS: Duration = Duration::from_millis(200);

/// What is said to one caller, and what they say.
#[derive(Debug, Default)]
pub(crate) struct Talk {
    /// Words of a sentence that is not complete.
    pending: String,
    queue: VecDeque<Utterance>,
    /// What of the present utterance was heard, in sentences that are over, and for how long.
    said: (String, Duration),
    caller: HeardCaller,
}

/// A sentence to be spoken now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sentence {
    pub(crate) text: String,
    /// Whether what the application said is complete with it.
    ends_turn: bool,
}

/// What the carrier heard in 20 ms.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) interrupted: Option<Interrupted>,
    /// The sound of a turn that is over.
    pub(crate) turn: Option<Vec<u8>>,
}

/// What the caller had heard when they interrupted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Interrupted {
    pub(crate) words: String,
    pub(crate) after: Duration,
}

impl Talk {
    /// Takes in words. Returns the sentences that are complete with them.
    pub(crate) fn sentences(&mut self, words: &str, last: bool) -> Vec<Sentence> {
        self.pending.push_str(words);
        let mut sentences = Vec::new();
        while let Some(end) = sentence_end(&self.pending) {
            let rest = self.pending.split_off(end);
            sentences.push(std::mem::replace(&mut self.pending, rest));
        }
        if last {
            sentences.push(std::mem::take(&mut self.pending));
        }
        let count = sentences.len();
        let sentence =
            |(at, text): (usize, String)| Sentence { text: text.trim().to_owned(), ends_turn: last && at + 1 == count };
        sentences.into_iter().enumerate().map(sentence).collect()
    }

    /// Says a sentence, which sounds like this.
    pub(crate) fn say(&mut self, sentence: Sentence, audio: Vec<u8>, interruptible: bool) {
        let begins = self.queue.is_empty() && !audio.is_empty();
        let wait = if begins { vec![0xFF; 8 * VOICE_BEGINS.as_millis() as usize] } else { Vec::new() };
        let audio = [wait, audio].concat();
        self.queue.push_back(Utterance::new(sentence.text, audio, interruptible, sentence.ends_turn));
    }

    /// Plays a sound without words.
    pub(crate) fn play(&mut self, audio: Vec<u8>, interruptible: bool) {
        self.queue.push_back(Utterance::new(String::new(), audio, interruptible, true));
    }

    /// Whether what is being said may be interrupted.
    pub(crate) fn is_interruptible(&self) -> bool {
        self.queue.front().is_some_and(|utterance| utterance.interruptible)
    }

    /// The caller interrupts what is being said: nothing of it is said any more.
    pub(crate) fn interrupt(&mut self) -> Interrupted {
        let (mut words, mut after) = std::mem::take(&mut self.said);
        if let Some(utterance) = self.queue.front() {
            append(&mut words, &utterance.heard());
            after += utterance.heard_for();
        }
        self.queue.clear();
        self.pending.clear();
        Interrupted { words, after }
    }

    /// Hears the caller for 20 ms. What they say while something is said that their voice does not interrupt is lost.
    pub(crate) fn hear(&mut self, spoken: &Frame, voice_interrupts: bool) -> Heard {
        let may_interrupt = voice_interrupts && self.is_interruptible();
        if !self.queue.is_empty() && !may_interrupt {
            self.caller.forget();
            return Heard::default();
        }
        let turn = self.caller.hear(spoken);
        let interrupted = (may_interrupt && self.caller.interrupts()).then(|| self.interrupt());
        Heard { interrupted, turn }
    }

    /// What the caller hears in 20 ms.
    pub(crate) fn sound(&mut self) -> Frame {
        let Some(utterance) = self.queue.front_mut() else { return Frame::SILENCE };
        let heard = utterance.take();
        if utterance.is_over()
            && let Some(utterance) = self.queue.pop_front()
        {
            if utterance.ends_turn {
                self.said = (String::new(), Duration::ZERO);
            } else {
                append(&mut self.said.0, &utterance.text);
                self.said.1 += utterance.length();
            }
        }
        heard
    }
}

/// Where the first sentence of a text ends, if it is complete: behind the white space after it.
fn sentence_end(text: &str) -> Option<usize> {
    let mut ends = text.char_indices().zip(text.chars().skip(1));
    let end = ends.find(|((_, char), next)| ".!?".contains(*char) && next.is_whitespace());
    end.map(|((at, _), next)| at + 1 + next.len_utf8())
}

fn append(text: &mut String, part: &str) {
    if !text.is_empty() && !part.is_empty() {
        text.push(' ');
    }
    text.push_str(part);
}

#[cfg(test)]
mod tests {
    use voicecall_core::audio::FRAME_SAMPLES;

    use super::*;

    fn voice() -> Frame {
        Frame::from([0x20; FRAME_SAMPLES])
    }

    #[test]
    fn a_sentence_is_complete_once_something_follows_it() {
        assert_eq!(sentence_end("We open at 8.30"), None);
        assert_eq!(sentence_end("We open."), None);
        assert_eq!(sentence_end("We open. An"), Some(9));
        assert_eq!(sentence_end("Nej!\u{a0}Ö"), Some(6));
    }

    /// A talk in which one second of one sentence is to be heard.
    fn saying(interruptible: bool) -> Talk {
        let mut talk = Talk::default();
        assert!(talk.sentences("We open at eight", false).is_empty());
        for sentence in talk.sentences(" o'clock.", true) {
            talk.say(sentence, vec![0x20; 8_000], interruptible);
        }
        talk
    }

    #[test]
    fn who_interrupts_has_heard_the_words_until_then_and_is_heard_from_the_first_sound() {
        let mut talk = saying(true);
        let mut interrupted = None;
        for frame in 0..60 {
            talk.sound();
            let spoken = if frame < 30 { Frame::SILENCE } else { voice() };
            interrupted = interrupted.or(talk.hear(&spoken, true).interrupted);
        }
        let interrupted = interrupted.unwrap();
        assert_eq!(interrupted.words, "We open at eight");
        assert_eq!(interrupted.after, Duration::from_millis(800));
        let turn = (0..40).find_map(|_| talk.hear(&Frame::SILENCE, true).turn).unwrap();
        assert_eq!(turn.len(), (30 + 35) * FRAME_SAMPLES);
    }

    #[test]
    fn a_voice_that_does_not_interrupt_is_lost() {
        for (interruptible, voice_interrupts) in [(false, true), (true, false)] {
            let mut talk = saying(interruptible);
            for _ in 0..50 {
                talk.sound();
                assert!(talk.hear(&voice(), voice_interrupts).interrupted.is_none());
            }
            // The last of 1.2 s is heard, and what is said behind it.
            while !talk.queue.is_empty() {
                talk.sound();
            }
            assert!((0..40).all(|_| talk.hear(&Frame::SILENCE, voice_interrupts).turn.is_none()));
        }
    }
}
