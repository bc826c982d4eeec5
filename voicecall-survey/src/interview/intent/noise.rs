//! What is no speech although it came as text: too short or too doubtful to decide anything, or the words that
//! transcribers make of silence, music and noise.

use std::time::Duration;

use super::pattern::words;
use voicecall_core::dialogue::CallerTurn;

/// A "ja" takes a fifth of a second; a click on the line takes less than this.
const SHORTEST_WORD: Duration = Duration::from_millis(120);

/// Whisper and its kin are surer than this of one clear word.
const LEAST_CONFIDENCE: f32 = 0.4;

/// Whether a turn was heard well enough for its words to decide something.
pub(in super::super) fn is_reliable(turn: &CallerTurn) -> bool {
    turn.voiced >= SHORTEST_WORD && turn.confidence.is_none_or(|confidence| confidence >= LEAST_CONFIDENCE)
}

/// Whether a text is known to be made of silence: subtitles' credits, goodbyes to viewers, descriptions of sounds.
pub(in super::super) fn is_hallucination(text: &str) -> bool {
    let words = words(text);
    if words.is_empty() {
        return !text.trim().is_empty();
    }
    let line = words.join(" ");
    CREDITS.iter().any(|credit| line.contains(credit))
        || WHOLE.contains(&line.as_str())
        || is_sound(text, &words)
        || is_loop(&words)
}

/// `[Musik]`, `(applåder)`, `*suck*`, `♪ ja ja ♪`
fn is_sound(text: &str, words: &[String]) -> bool {
    let text = text.trim().trim_end_matches('.');
    let is_between = |open: char, close: char| text.starts_with(open) && text.ends_with(close);
    let is_marked = is_between('[', ']') || is_between('(', ')') || is_between('*', '*') || text.contains(['♪', '♫']);
    is_marked || words.iter().all(|word| SOUNDS.contains(&word.as_str()))
}

/// Transcribers that find nothing new repeat themselves; people do not say a thing eight times.
fn is_loop(words: &[String]) -> bool {
    const TIMES: usize = 8;
    (1..=4).any(|length| {
        words.len() >= length * TIMES && words.iter().zip(words.iter().skip(length)).all(|(one, next)| one == next)
    })
}

const CREDITS: &[&str] = &[
    "amara org",
    "undertexter av",
    "undertexter från",
    "undertexter gjorda",
    "undertexter i den",
    "undertextning",
    "undertextad av",
    "svensktextning",
    "textning stina",
    "textning se",
    "btistudios",
    "www sdimedia",
    "sdi media",
    "svensk text",
    "översättning och textning",
    "subtitles by",
    "subtitled by",
    "captions by",
    "captioning by",
    "transcribed by",
    "transcription by",
    "translated by",
    "closed captions",
    "tack för att du tittade",
    "tack för att ni tittade",
    "tack för att du tittat",
    "tack för att ni tittat",
    "tack för att du har tittat",
    "tack för att ni har tittat",
    "tack för att ni tittar",
    "tack för att du tittar",
    "tack för att du lyssnade",
    "tack för att ni lyssnade",
    "glöm inte att prenumerera",
    "prenumerera på",
    "gilla och prenumerera",
    "thank you for watching",
    "thanks for watching",
    "thank you so much for watching",
    "thanks for listening to",
    "dont forget to subscribe",
    "please subscribe",
    "like and subscribe",
    "subscribe to",
    "see you in the next video",
    "ill see you in the next",
    "vi ses i nästa",
    "copyright",
    "mooji",
    "all rights reserved",
    "the following content is provided",
    "www youtube",
    "en text av",
];

const WHOLE: &[&str] = &[
    "you",
    "thank you bye",
    "tack för mig",
    "so",
    "oh",
    "undertexter",
    "textning",
    "subtitles",
    "the end",
    "slut",
    "the",
    "bye bye bye",
    "vi ses",
    "tack för idag",
    "thank you very much for watching",
    "i",
    "a",
    "hejdå tack för mig",
    "uh",
];

const SOUNDS: &[&str] = &[
    "musik",
    "music",
    "applåder",
    "applause",
    "skratt",
    "laughter",
    "suck",
    "sigh",
    "tystnad",
    "silence",
    "brus",
    "noise",
    "hostar",
    "hosta",
    "coughing",
    "cough",
    "ljud",
    "breathing",
    "andas",
    "signal",
    "beep",
    "pip",
    "tut",
    "static",
    "inaudible",
    "ohörbart",
];

#[cfg(test)]
mod tests {
    use super::*;
    use voicecall_core::CallTime;

    fn turn(millis: u64, confidence: Option<f32>) -> CallerTurn {
        CallerTurn {
            turn: 1,
            text: Some("Ja.".into()),
            confidence,
            language: None,
            started: CallTime::ZERO,
            ended: CallTime::from_millis(millis),
            voiced: std::time::Duration::from_millis(millis),
            cut_off: false,
        }
    }

    #[test]
    fn what_was_too_short_or_too_doubtful_decides_nothing() {
        assert!(is_reliable(&turn(300, None)) && is_reliable(&turn(300, Some(0.8))));
        assert!(!is_reliable(&turn(60, None)) && !is_reliable(&turn(300, Some(0.2))));
    }

    #[test]
    fn words_made_of_silence_are_known() {
        for text in [
            "Undertexter från Amara.org-gemenskapen",
            "Tack för att ni tittade!",
            "Thanks for watching!",
            "[Musik]",
            "(applause)",
            "♪ ♪",
            "you",
            "Svensktextning.nu",
            "Textning Stina Hedin www.btistudios.com",
            "Ja. Ja. Ja. Ja. Ja. Ja. Ja. Ja. Ja.",
            "...",
            "*suck*",
            "Music",
        ] {
            assert!(is_hallucination(text), "{text}");
        }
        for text in ["Ja.", "Nej.", "Bra musik i butiken", "No.", "Tack.", "", "Ja ja ja", "Signalen var dålig"] {
            assert!(!is_hallucination(text), "{text}");
        }
    }
}
