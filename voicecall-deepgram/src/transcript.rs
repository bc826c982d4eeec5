//! What was heard of a turn so far: final segments, and behind them one that may still change.

use voicecall_core::Result;
use voicecall_core::model::Transcript;

use crate::failure;
use crate::wire::{Alternative, Results};

/// The longest transcript, in bytes. Nobody says as much in one turn; an hour of speech has about so much.
const MAX_TEXT: usize = 64 * 1024;

/// What weighs as much as a word without a length, in seconds.
const SHORTEST_WORD: f64 = 0.01;

/// What weighs as much as a word that is longer than any, in seconds.
const LONGEST_WORD: f64 = 10.0;

/// Segments may overlap by as much and still follow each other, in seconds.
const SAME_PLACE: f64 = 0.001;

/// The words of a turn.
#[derive(Debug, Default)]
pub(crate) struct Segments {
    text: String,
    interim: Alternative,
    /// Where the last final segment ends, in seconds.
    end: f64,
    confidence: Mean,
    /// The language of the longest segment, and how long that is in bytes.
    language: Option<(String, usize)>,
}

impl Segments {
    /// Takes in what was heard in a piece of the audio. Returns whether the words are others than before.
    ///
    /// # Errors
    /// `Protocol` if there are more words than anybody says in a turn.
    pub(crate) fn add(&mut self, results: Results) -> Result<bool> {
        if !results.is_ours() || self.knows(&results) {
            return Ok(false);
        }
        let before = (self.text.len(), std::mem::take(&mut self.interim.transcript));
        let (is_final, end) = (results.is_final, results.end());
        let heard = results.best().unwrap_or_default();
        if is_final {
            self.settle(&heard);
            self.end = if end.is_finite() { self.end.max(end) } else { self.end };
            self.interim = Alternative::default();
        } else {
            self.interim = heard;
        }
        if self.text.len() + self.interim.transcript.len() > MAX_TEXT {
            return Err(failure::of_protocol("an endless transcript"));
        }
        Ok(self.text.len() != before.0 || self.interim.transcript != before.1)
    }

    /// What was heard so far.
    pub(crate) fn so_far(&self) -> Transcript {
        Transcript {
            text: joined(&self.text, &self.interim.transcript),
            confidence: None,
            language: self.language(),
            is_final: false,
        }
    }

    /// What was heard, now that the turn is over. A segment that was never called final counts: words that may be wrong
    /// are worth more than none.
    pub(crate) fn whole(mut self) -> Transcript {
        let interim = std::mem::take(&mut self.interim);
        self.settle(&interim);
        Transcript {
            confidence: self.confidence.value().filter(|_| !self.text.is_empty()),
            language: self.language(),
            text: self.text,
            is_final: true,
        }
    }

    /// Whether the piece lies within what is final already: it came twice, or too late.
    fn knows(&self, results: &Results) -> bool {
        results.duration > 0.0 && results.end() <= self.end + SAME_PLACE
    }

    fn settle(&mut self, heard: &Alternative) {
        let words = heard.transcript.trim();
        if words.is_empty() {
            return;
        }
        self.text = joined(&self.text, words);
        self.confidence.add(heard);
        if let Some(language) = heard.language()
            && self.language.as_ref().is_none_or(|(_, bytes)| *bytes < words.len())
        {
            self.language = Some((language, words.len()));
        }
    }

    fn language(&self) -> Option<String> {
        self.language.as_ref().map(|(language, _)| language.clone()).or_else(|| self.interim.language())
    }
}

/// A mean of confidences, each weighed by how long its word is.
#[derive(Debug, Default)]
struct Mean {
    sum: f64,
    weight: f64,
}

impl Mean {
    fn add(&mut self, heard: &Alternative) {
        let mut told = false;
        for word in &heard.words {
            if let Some(confidence) = word.confidence {
                self.weigh(confidence, word.end - word.start);
                told = true;
            }
        }
        if let Some(confidence) = heard.confidence.filter(|_| !told) {
            self.weigh(confidence, SHORTEST_WORD);
        }
    }

    fn weigh(&mut self, confidence: f64, seconds: f64) {
        // A number of JSON may be anything but none.
        let seconds = seconds.clamp(SHORTEST_WORD, LONGEST_WORD);
        if confidence.is_finite() {
            self.sum += confidence.clamp(0.0, 1.0) * seconds;
            self.weight += seconds;
        }
    }

    fn value(&self) -> Option<f32> {
        // From 0 to 1, so nothing is lost but digits.
        (self.weight > 0.0).then(|| (self.sum / self.weight).clamp(0.0, 1.0) as f32)
    }
}

fn joined(text: &str, more: &str) -> String {
    let more = more.trim();
    match (text.is_empty(), more.is_empty()) {
        (_, true) => text.to_owned(),
        (true, false) => more.to_owned(),
        (false, false) => format!("{text} {more}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::wire::Message;

    fn results(start: f64, duration: f64, is_final: bool, best: &Value) -> Results {
        let message = json!({
            "type": "Results", "start": start, "duration": duration, "is_final": is_final, "channel_index": [0, 1],
            "channel": {"alternatives": [best]},
        });
        match Message::read(&message.to_string()).unwrap() {
            Message::Results(results) => *results,
            other => panic!("{other:?}"),
        }
    }

    fn said(start: f64, duration: f64, is_final: bool, words: &str) -> Results {
        results(start, duration, is_final, &json!({ "transcript": words }))
    }

    #[test]
    fn final_segments_are_joined_and_an_interim_one_stands_behind_them() {
        let mut heard = Segments::default();
        for (results, text, changed) in [
            (said(0.0, 1.0, false, ""), "", false),
            (said(0.0, 1.0, false, "hej"), "hej", true),
            (said(0.0, 1.5, false, "hej jag"), "hej jag", true),
            (said(0.0, 1.5, false, "hej jag"), "hej jag", false),
            (said(0.0, 2.0, true, "Hej, jag heter"), "Hej, jag heter", true),
            (said(2.0, 1.0, false, "an"), "Hej, jag heter an", true),
            (said(2.0, 1.0, true, "Anna."), "Hej, jag heter Anna.", true),
            (said(3.0, 1.0, true, ""), "Hej, jag heter Anna.", false),
        ] {
            assert_eq!(heard.add(results).unwrap(), changed, "{text}");
            assert_eq!(heard.so_far().text, text);
        }
        let whole = heard.whole();
        assert_eq!((whole.text.as_str(), whole.is_final), ("Hej, jag heter Anna.", true));
    }

    #[test]
    fn what_comes_twice_or_too_late_or_of_another_channel_is_no_new_word() {
        let mut heard = Segments::default();
        heard.add(said(0.0, 2.0, true, "Ja tack.")).unwrap();
        assert!(!heard.add(said(0.0, 2.0, true, "Ja tack.")).unwrap());
        assert!(!heard.add(said(0.5, 1.0, false, "tack")).unwrap());
        let mut other = said(2.0, 2.0, true, "Nej.");
        other.channel_index = vec![1, 2];
        assert!(!heard.add(other).unwrap());
        assert_eq!(heard.whole().text, "Ja tack.");
    }

    #[test]
    fn words_that_were_never_final_are_kept() {
        let mut heard = Segments::default();
        heard.add(said(0.0, 1.0, true, "Ja")).unwrap();
        heard.add(said(1.0, 1.0, false, "tack")).unwrap();
        assert_eq!(heard.whole().text, "Ja tack");
    }

    #[test]
    fn nothing_understood_is_an_empty_transcript() {
        let whole = Segments::default().whole();
        assert_eq!((whole.text.as_str(), whole.confidence, whole.language, whole.is_final), ("", None, None, true));
    }

    #[test]
    fn long_words_weigh_more() {
        let words =
            json!([{"start": 0.0, "end": 0.9, "confidence": 1.0}, {"start": 0.9, "end": 1.0, "confidence": 0.0}]);
        let mut heard = Segments::default();
        let best = json!({"transcript": "förfärligt o", "confidence": 0.1, "words": words});
        heard.add(results(0.0, 1.0, true, &best)).unwrap();
        assert!((heard.whole().confidence.unwrap() - 0.9).abs() < 1e-6);
        let mut heard = Segments::default();
        heard.add(results(0.0, 1.0, true, &json!({"transcript": "ja", "confidence": 0.5}))).unwrap();
        assert_eq!(heard.whole().confidence, Some(0.5));
    }

    #[test]
    fn the_language_is_that_of_the_longest_segment() {
        let mut heard = Segments::default();
        heard.add(results(0.0, 1.0, true, &json!({"transcript": "hi", "languages": ["en"]}))).unwrap();
        heard.add(results(1.0, 1.0, true, &json!({"transcript": "buenos días", "languages": ["es", "en"]}))).unwrap();
        assert_eq!(heard.whole().language.as_deref(), Some("es"));
    }

    #[test]
    fn an_endless_transcript_is_given_up() {
        let mut heard = Segments::default();
        let endless = (0..100).find_map(|n| heard.add(said(f64::from(n), 1.0, true, &"ja ".repeat(1000))).err());
        assert_eq!(endless.unwrap().kind(), voicecall_core::ErrorKind::Protocol);
    }

    proptest! {
        #[test]
        fn whatever_comes_the_transcript_is_sound(
            pieces in prop::collection::vec((any::<f64>(), any::<f64>(), any::<bool>(), "[a-zå ]{0,9}", any::<f64>(), any::<f64>()), 0..12),
        ) {
            let mut heard = Segments::default();
            for (start, duration, is_final, words, confidence, end) in pieces {
                let best = json!({"transcript": words, "confidence": confidence,
                    "words": [{"start": start, "end": end, "confidence": confidence}]});
                heard.add(results(start, duration, is_final, &best)).unwrap();
                prop_assert!(!heard.so_far().text.starts_with(' '));
            }
            let whole = heard.whole();
            prop_assert!(whole.confidence.is_none_or(|confidence| (0.0..=1.0).contains(&confidence)));
        }
    }
}
