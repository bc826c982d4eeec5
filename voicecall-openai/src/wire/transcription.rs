//! Transcriptions: the answer in both of its JSON shapes. The request is a form.
//!
//! Only the text must be there: a detail of another type than expected is left out.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// An answer as `json` or `verbose_json`.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    pub(crate) text: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) languages: Option<Vec<Language>>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) logprobs: Option<Vec<TokenLogprob>>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) language: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) segments: Option<Vec<Segment>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Language {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) code: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct TokenLogprob {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) logprob: Option<f64>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Segment {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) start: f64,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) end: f64,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) avg_logprob: Option<f64>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) no_speech_prob: Option<f64>,
}

impl Answer {
    /// How sure the server is, from 0 to 1, if it tells: the geometric mean of its token probabilities, or of its
    /// segments', weighted by their length and lowered by the probability that nobody spoke.
    pub(crate) fn confidence(&self) -> Option<f32> {
        let tokens = self.logprobs.iter().flatten().filter_map(|token| token.logprob);
        mean(tokens.map(|logprob| (logprob, 1.0))).map(f64::exp).or_else(|| mean(self.segments())).map(|confidence| {
            // Between 0 and 1 after clamping, so nothing is lost but digits.
            confidence.clamp(0.0, 1.0) as f32
        })
    }

    /// The language as an ISO 639-1 code. Some servers write its name out, which is not one.
    pub(crate) fn language(&self) -> Option<String> {
        let detected = self.languages.iter().flatten().find_map(|language| language.code.as_deref());
        let code = detected.or(self.language.as_deref())?;
        let is_code = code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_lowercase());
        is_code.then(|| code.to_owned())
    }

    /// The confidence and the length of each segment.
    fn segments(&self) -> impl Iterator<Item = (f64, f64)> {
        self.segments.iter().flatten().filter_map(|segment| {
            let speech = 1.0 - segment.no_speech_prob.unwrap_or(0.0).clamp(0.0, 1.0);
            Some((segment.avg_logprob?.exp() * speech, segment.end - segment.start))
        })
    }
}

/// Reads anything that is not of the type like an absent field.
fn or_default<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Default + DeserializeOwned,
    D: Deserializer<'de>,
{
    Value::deserialize(deserializer).map(|value| serde_json::from_value(value).unwrap_or_default())
}

/// The weighted mean of what is finite and has a weight.
fn mean(values: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let usable = values.filter(|(value, weight)| value.is_finite() && weight.is_finite() && *weight > 0.0);
    let (sum, weights) = usable.fold((0.0, 0.0), |(sum, all), (value, weight)| (sum + value * weight, all + weight));
    Some(sum / weights).filter(|mean| mean.is_finite())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(json: &str) -> Answer {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn confidence_is_the_geometric_mean_of_token_probabilities() {
        let answer = read(r#"{"text":"a","logprobs":[{"token":"a","logprob":-0.5},{"token":"b","logprob":-1.5}]}"#);
        assert!((answer.confidence().unwrap() - (-1.0_f32).exp()).abs() < 1e-6);
    }

    #[test]
    fn segments_count_by_their_length_and_by_the_chance_of_speech() {
        let answer = read(
            r#"{"text":"a","language":"sv","segments":[
            {"start":0,"end":3,"avg_logprob":0.0,"no_speech_prob":0.0},
            {"start":3,"end":4,"avg_logprob":0.0,"no_speech_prob":1.0}]}"#,
        );
        assert_eq!((answer.confidence(), answer.language()), (Some(0.75), Some("sv".into())));
    }

    #[test]
    fn without_probabilities_there_is_no_confidence() {
        for json in [r#"{"text":""}"#, r#"{"text":"a","logprobs":[],"segments":[{"end":1}]}"#] {
            assert_eq!(read(json).confidence(), None, "{json}");
        }
    }

    #[test]
    fn only_codes_are_languages() {
        let detected = read(r#"{"text":"a","languages":[{"code":"sv"}]}"#);
        assert_eq!(detected.language().as_deref(), Some("sv"));
        assert_eq!(read(r#"{"text":"a","language":"swedish"}"#).language(), None);
    }

    proptest! {
        #[test]
        fn confidence_is_always_between_0_and_1(
            logprobs in prop::collection::vec(prop::option::of(any::<f64>()), 0..4),
            segments in prop::collection::vec((any::<f64>(), any::<f64>(), prop::option::of(any::<f64>())), 0..4),
        ) {
            let answer = Answer {
                text: String::new(),
                languages: None,
                logprobs: Some(logprobs.into_iter().map(|logprob| TokenLogprob { logprob }).collect()),
                language: None,
                segments: Some(segments.into_iter().map(|(end, no_speech, avg_logprob)| Segment {
                    start: 0.0,
                    end,
                    avg_logprob,
                    no_speech_prob: Some(no_speech),
                }).collect()),
            };
            prop_assert!(answer.confidence().is_none_or(|confidence| (0.0..=1.0).contains(&confidence)));
        }
    }
}
