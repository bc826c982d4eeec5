//! Where each character of a text lies in its speech.

use serde_json::{Value, json};
use voicecall_core::audio::SAMPLE_RATE;

use crate::clips::Speech;

/// A character of the text with its first sample and the one behind its last.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Character {
    pub(super) char: char,
    pub(super) start: f64,
    pub(super) end: f64,
}

/// The characters of `text` as `speech` says them: those of a word share its time evenly, white space has the time between.
pub(super) fn characters(text: &str, speech: &Speech) -> Vec<Character> {
    let mut words = speech.words.iter();
    let mut found: Vec<Character> = Vec::new();
    let mut end = 0.0;
    for piece in text.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end();
        // Marks that stand alone are not said, so no clip has them as a word.
        if word.contains(char::is_alphanumeric)
            && let Some(timing) = words.next()
        {
            let (from, to) = (timing.start as f64, timing.end as f64);
            found.iter_mut().rev().take_while(|before| before.char.is_whitespace()).for_each(|space| space.end = from);
            let each = (to - from) / word.chars().count() as f64;
            let places = (0..).map(|nth| from + f64::from(nth) * each);
            found.extend(word.chars().zip(places).map(|(char, start)| Character { char, start, end: start + each }));
            end = to;
        } else {
            found.extend(word.chars().map(|char| Character { char, start: end, end }));
        }
        let behind = piece.get(word.len()..).unwrap_or_default();
        found.extend(behind.chars().map(|char| Character { char, start: end, end }));
    }
    found
}

/// The characters as ElevenLabs writes them, in seconds; null for none.
pub(super) fn json(characters: &[Character]) -> Value {
    if characters.is_empty() {
        return Value::Null;
    }
    let seconds = |samples: f64| samples / f64::from(SAMPLE_RATE);
    json!({
        "characters": characters.iter().map(|one| one.char.to_string()).collect::<Vec<_>>(),
        "character_start_times_seconds": characters.iter().map(|one| seconds(one.start)).collect::<Vec<_>>(),
        "character_end_times_seconds": characters.iter().map(|one| seconds(one.end)).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clips::Library;

    #[test]
    fn the_last_character_of_a_word_ends_with_it() {
        let text = "Tack.  Vill du – vara med?";
        let speech = Library::bundled().voice("agent", "Tack. Vill du vara med?").unwrap();
        let characters = characters(text, &speech);
        assert_eq!(characters.iter().map(|one| one.char).collect::<String>(), text);
        let last = |word: &str| characters[text[..text.find(word).unwrap()].chars().count() + word.chars().count() - 1];
        for word in &speech.words {
            assert!((last(&word.text).end - word.end as f64).abs() < 1e-6, "{word:?}");
        }
        assert!(characters.windows(2).all(|pair| pair[0].start <= pair[1].start && pair[0].end <= pair[1].end));
    }
}
