//! What comes on the socket. A detail of another type than expected is left out; a message that cannot be read at all
//! is an error.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{Refusal, name};

/// One message.
#[derive(Debug)]
pub(crate) enum Message {
    /// What was heard in a piece of the audio.
    Results(Box<Results>),
    /// The summary, which comes last.
    Metadata,
    /// Something went wrong.
    Error(Refusal),
    /// Something that concerns nobody here, or is not known yet.
    Other,
}

impl Message {
    /// Reads a text message.
    pub(crate) fn read(text: &str) -> serde_json::Result<Self> {
        let value: Value = serde_json::from_str(text)?;
        match value.get("type").and_then(Value::as_str) {
            Some("Results") => Ok(Self::Results(Box::new(serde_json::from_value(value)?))),
            Some("Metadata") => Ok(Self::Metadata),
            Some("Error") => Ok(Self::Error(Refusal::read(&value))),
            // Some errors come without a type.
            None if value.get("err_code").is_some() => Ok(Self::Error(Refusal::read(&value))),
            _ => Ok(Self::Other),
        }
    }
}

/// What was heard in a piece of the audio.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Results {
    /// The channel, and how many there are.
    #[serde(deserialize_with = "or_default")]
    pub(crate) channel_index: Vec<u32>,
    /// Where the piece begins, in seconds.
    #[serde(deserialize_with = "or_default")]
    pub(crate) start: f64,
    /// How long it is, in seconds.
    #[serde(deserialize_with = "or_default")]
    pub(crate) duration: f64,
    /// Whether this piece will not be heard again.
    #[serde(deserialize_with = "or_default")]
    pub(crate) is_final: bool,
    /// Must be readable if it is there: words would else be lost without a sound.
    channel: Channel,
}

impl Results {
    /// The best guess, if there is any.
    pub(crate) fn best(self) -> Option<Alternative> {
        self.channel.alternatives.into_iter().next()
    }

    /// Whether it is of the one channel that is sent.
    pub(crate) fn is_ours(&self) -> bool {
        self.channel_index.first().is_none_or(|&channel| channel == 0)
    }

    /// Where the piece ends, in seconds.
    pub(crate) fn end(&self) -> f64 {
        self.start + self.duration
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Channel {
    alternatives: Vec<Alternative>,
}

/// One guess.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Alternative {
    pub(crate) transcript: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) confidence: Option<f64>,
    #[serde(deserialize_with = "or_default")]
    languages: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) words: Vec<Word>,
}

/// One word of a guess.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Word {
    #[serde(deserialize_with = "or_default")]
    pub(crate) start: f64,
    #[serde(deserialize_with = "or_default")]
    pub(crate) end: f64,
    #[serde(deserialize_with = "or_default")]
    pub(crate) confidence: Option<f64>,
}

impl Alternative {
    /// The language of the most words, as an ISO 639-1 code, if it is told.
    pub(crate) fn language(&self) -> Option<String> {
        let told = self.languages.first().and_then(|language| name(language))?;
        let code = told.split('-').next()?.to_ascii_lowercase();
        (code.len() == 2).then_some(code)
    }
}

fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Default,
{
    let value = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn results(message: &Value) -> Results {
        match Message::read(&message.to_string()).unwrap() {
            Message::Results(results) => *results,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn results_are_read_with_all_that_is_used() {
        let results = results(&json!({
            "type": "Results", "channel_index": [0, 1], "duration": 1.5, "start": 0.5, "is_final": true,
            "speech_final": true, "from_finalize": false,
            "channel": {"alternatives": [{"transcript": "hej då", "confidence": 0.98, "languages": ["sv-SE"],
                "words": [{"word": "hej", "start": 0.5, "end": 0.9, "confidence": 0.9, "punctuated_word": "Hej"}]}]},
            "metadata": {"request_id": "r", "model_info": {}, "model_uuid": "u"},
        }));
        assert!(results.is_final && results.is_ours());
        assert_eq!(results.end(), 2.0);
        let best = results.best().unwrap();
        assert_eq!((best.transcript.as_str(), best.language().as_deref()), ("hej då", Some("sv")));
        assert_eq!((best.words.len(), best.words[0].confidence), (1, Some(0.9)));
    }

    #[test]
    fn a_strange_detail_does_not_cost_the_words() {
        for (detail, strange) in
            [("confidence", json!("high")), ("languages", json!(7)), ("words", json!([{"start": []}]))]
        {
            let mut alternative = json!({"transcript": "ja"});
            alternative[detail] = strange;
            let message = json!({"type": "Results", "start": null, "channel_index": {}, "channel": {"alternatives": [alternative]}});
            assert_eq!(results(&message).best().unwrap().transcript, "ja", "{detail}");
        }
    }

    #[test]
    fn messages_that_concern_nobody_are_passed_over() {
        for kind in ["SpeechStarted", "UtteranceEnd", "ConfigureSuccess", "Klingon"] {
            assert!(matches!(Message::read(&json!({"type": kind}).to_string()).unwrap(), Message::Other));
        }
        assert!(matches!(Message::read("{}").unwrap(), Message::Other));
        assert!(matches!(Message::read("[1]").unwrap(), Message::Other));
        assert!(matches!(Message::read(r#"{"type":"Metadata","duration":1}"#).unwrap(), Message::Metadata));
        assert!(matches!(Message::read(r#"{"type":"Error","variant":"X"}"#).unwrap(), Message::Error(_)));
        assert!(matches!(Message::read(r#"{"err_code":"X"}"#).unwrap(), Message::Error(_)));
    }

    #[test]
    fn what_is_no_json_is_an_error() {
        for text in
            ["", "hej", r#"{"type":"Results""#, r#"{"type":"Results","channel":{"alternatives":[{"transcript":7}]}}"#]
        {
            assert!(Message::read(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_message_panics(text in r#"[\[\]{}":,a-z0-9.]{0,80}"#, key in "(channel|start|duration|is_final|channel_index)") {
            let _ = Message::read(&text);
            let value: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
            let _ = Message::read(&json!({"type": "Results", key: value.clone()}).to_string());
            let _ = Message::read(&json!({"type": "Results", "channel": {"alternatives": [value]}}).to_string());
        }
    }
}
