//! A sound for texts without a clip.

use voicecall_core::audio::{FRAME_SAMPLES, g711::mulaw};

use super::{Library, RATE, Speech, Word};

/// How long a character takes to say.
const PER_CHARACTER: usize = RATE * 65 / 1000;

/// What is quieter than this peak of 20 ms is a pause of the clip.
const QUIET: u16 = 1_500;

/// The sound of a speaker without clips: a square wave of 1 kHz.
const TONE: [u8; 8] = [0x90, 0x90, 0x90, 0x90, 0x10, 0x10, 0x10, 0x10];

impl Library {
    /// What `speaker` sounds like, for as long as it takes to say `text`, with a place for each word: the speaker's voice
    /// without the words. For texts that no clip says.
    #[must_use]
    pub fn stand_in(&self, speaker: &str, text: &str) -> Speech {
        let mut end = 0;
        let words = text.split_whitespace().map(|word| {
            let start = end;
            end += (word.chars().count() + 1) * PER_CHARACTER;
            Word { text: word.to_owned(), start, end }
        });
        let words: Vec<Word> = words.collect();
        let sound = self.sound_of(speaker);
        Speech { text: text.to_owned(), audio: sound.iter().copied().cycle().take(end).collect(), words }
    }

    /// The longest clip of `speaker` without its pauses.
    fn sound_of(&self, speaker: &str) -> Vec<u8> {
        let clips = self.all().iter().filter(|clip| clip.speaker() == speaker);
        let longest = clips.map(super::Clip::audio).max_by_key(|audio| audio.len()).unwrap_or_default();
        let is_loud = |frame: &&[u8]| frame.iter().any(|&code| mulaw::decode(code).unsigned_abs() >= QUIET);
        let sound: Vec<u8> = longest.chunks_exact(FRAME_SAMPLES).filter(is_loud).flatten().copied().collect();
        if sound.is_empty() { TONE.to_vec() } else { sound }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_any_language_takes_its_time_in_the_speakers_voice() {
        let speech = Library::bundled().stand_in("caller", "Avez-vous du pain ?");
        let texts: Vec<&str> = speech.words.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(texts, ["Avez-vous", "du", "pain", "?"]);
        assert_eq!(speech.audio.len(), speech.words.last().map_or(0, |word| word.end));
        assert_eq!(speech.audio.len(), (10 + 3 + 5 + 2) * PER_CHARACTER);
        let quiet = |frame: &[u8]| frame.iter().all(|&code| mulaw::decode(code).unsigned_abs() < QUIET);
        assert!(!speech.audio.chunks(FRAME_SAMPLES).any(quiet), "no pause in it");
    }

    #[test]
    fn somebody_without_clips_makes_a_tone_and_no_text_makes_no_sound() {
        assert_eq!(Library::bundled().stand_in("nobody", "Hi").audio[..8], TONE);
        assert!(Library::bundled().stand_in("caller", " ").audio.is_empty());
    }
}
