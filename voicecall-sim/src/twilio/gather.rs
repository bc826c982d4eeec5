//! `<Gather>`: prompts, keys, words, and the time without any of them.

use std::collections::VecDeque;
use std::time::Duration;

use voicecall_core::CallTime;
use voicecall_core::audio::{FRAME_DURATION, Frame};

use super::call::Doing;
use super::twiml::{GatherVerb, Verb};
use super::{Exchange, LogEvent};
use crate::phone::Sound;
use crate::phone::is_audible;

/// A `<Gather>` that is going on.
#[derive(Debug)]
pub(super) struct Gathering {
    verb: GatherVerb,
    prompts: VecDeque<Sound>,
    digits: String,
    /// What was said, from its first sound on.
    said: Vec<u8>,
    silence: Duration,
    /// When waiting ends; set when the prompts are over.
    until: Option<CallTime>,
}

/// What 20 ms of a `<Gather>` come to.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    GoesOn,
    Done,
}

impl Gathering {
    /// What the caller hears and whether it is over.
    fn tick(&mut self, now: CallTime, key: Option<char>, spoken: &Frame) -> (Frame, Step) {
        if let Some(key) = key.filter(|_| self.verb.keys) {
            self.prompts.clear();
            if Some(key) == self.verb.finish_on_key {
                return (Frame::SILENCE, Step::Done);
            }
            self.digits.push(key);
            if self.verb.num_digits.is_some_and(|most| self.digits.len() >= most as usize) {
                return (Frame::SILENCE, Step::Done);
            }
            self.until = Some(now + self.verb.timeout);
        }
        if self.verb.speech && self.digits.is_empty() && self.listen(spoken) {
            return (Frame::SILENCE, Step::Done);
        }
        if let Some(sound) = self.prompts.front_mut() {
            let heard = sound.take();
            if sound.is_over() {
                self.prompts.pop_front();
            }
            return (heard, Step::GoesOn);
        }
        let until = *self.until.get_or_insert(now + self.verb.timeout);
        // Somebody who is speaking is not interrupted by the clock.
        let over = now >= until && self.said.is_empty();
        (Frame::SILENCE, if over { Step::Done } else { Step::GoesOn })
    }

    /// Whether something was said and has ended.
    fn listen(&mut self, spoken: &Frame) -> bool {
        let audible = is_audible(spoken.as_bytes());
        if audible {
            self.prompts.clear();
            self.silence = Duration::ZERO;
        } else {
            self.silence += FRAME_DURATION;
        }
        if audible || !self.said.is_empty() {
            self.said.extend(spoken.as_bytes());
        }
        !self.said.is_empty() && self.silence >= self.verb.speech_timeout
    }
}

impl Exchange {
    pub(super) fn gather(&mut self, now: CallTime, index: usize, verb: GatherVerb) {
        let prompts = verb.prompts.iter().filter_map(|prompt| self.sound(now, index, prompt)).collect();
        let gathering =
            Gathering { verb, prompts, digits: String::new(), said: Vec::new(), silence: Duration::ZERO, until: None };
        self.calls[index].doing = Doing::Gathering(Box::new(gathering));
    }

    /// Twenty milliseconds of a `<Gather>`; returns what the caller hears.
    pub(super) fn gather_tick(&mut self, now: CallTime, index: usize, key: Option<char>, spoken: &Frame) -> Frame {
        let Doing::Gathering(gathering) = &mut self.calls[index].doing else { return Frame::SILENCE };
        let (heard, step) = gathering.tick(now, key, spoken);
        if step == Step::Done
            && let Doing::Gathering(gathering) = std::mem::replace(&mut self.calls[index].doing, Doing::Nothing)
        {
            self.gathered(now, index, *gathering);
        }
        heard
    }

    fn gathered(&mut self, now: CallTime, index: usize, gathering: Gathering) {
        let Gathering { verb, digits, said, .. } = gathering;
        let words = if digits.is_empty() && !said.is_empty() { self.words(&said, &verb.language) } else { None };
        let mut fields = Vec::new();
        if let Some((words, confidence)) = words {
            fields.push(("SpeechResult", words));
            fields.push(("Confidence", confidence.to_string()));
        } else if !digits.is_empty() || verb.action_on_empty {
            fields.push(("Digits", digits));
            fields.push(("FinishedOnKey", verb.finish_on_key.map(String::from).unwrap_or_default()));
        }
        self.note(now, Some(index), LogEvent::Gathered { input: !fields.is_empty() });
        if fields.is_empty() {
            return self.next_verb(now, index);
        }
        self.ask_action(now, index, verb.action.as_ref(), &fields);
    }

    /// The sound of a prompt; a verb that makes none has none.
    pub(super) fn sound(&mut self, now: CallTime, index: usize, verb: &Verb) -> Option<Sound> {
        match verb {
            Verb::Say { text, language, times } => {
                let spoken = self.voice(text, language);
                self.note(now, Some(index), LogEvent::Said { text: text.clone(), voiced: spoken.is_some() });
                let silence = || vec![0xFF; 8 * super::flow::UNVOICED.as_millis() as usize * text.chars().count()];
                Some(Sound::new(spoken.unwrap_or_else(silence), *times))
            }
            Verb::Play { url, times } => {
                let found = self.file(url);
                self.note(now, Some(index), LogEvent::Played { url: url.clone(), found: found.is_some() });
                Some(Sound::new(found?, *times))
            }
            Verb::Pause(length) => Some(Sound::new(vec![0xFF; length.as_millis() as usize * 8], 1)),
            _ => None,
        }
    }
}
