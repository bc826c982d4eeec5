//! What is asked for, as the query of the socket's address.

use std::time::Duration;

use url::Url;
use voicecall_core::audio::SAMPLE_RATE;
use voicecall_core::model::TranscriptionOptions;

use crate::endpoint::Endpoint;

/// The most keyterms or keywords that Deepgram takes.
const MAX_TERMS: usize = 100;

/// The most that keyterms may be together, in bytes. Deepgram takes 500 tokens and refuses the whole request beyond them;
/// a token is two bytes or more of the languages it knows.
const MAX_TERM_BYTES: usize = 1_000;

/// The languages that nova-3 hears mixed as `multi`. Swedish is none of them.
const MULTILINGUAL: [&str; 10] = ["en", "es", "fr", "de", "hi", "ru", "pt", "ja", "it", "nl"];

/// What is asked for in every turn.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) language: Option<String>,
    pub(crate) multilingual: bool,
    pub(crate) endpointing: Option<Duration>,
    pub(crate) smart_format: bool,
    pub(crate) punctuate: bool,
    pub(crate) numerals: bool,
    pub(crate) profanity_filter: bool,
    pub(crate) mip_opt_out: bool,
    pub(crate) redact: Vec<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) extra: Vec<(String, String)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            language: None,
            multilingual: false,
            endpointing: Some(Duration::from_millis(300)),
            smart_format: false,
            punctuate: true,
            numerals: false,
            profanity_filter: false,
            mip_opt_out: false,
            redact: Vec::new(),
            tags: Vec::new(),
            extra: Vec::new(),
        }
    }
}

impl Settings {
    /// The address at which a turn with these `options` is transcribed.
    pub(crate) fn address(&self, endpoint: &Endpoint, options: &TranscriptionOptions) -> Url {
        let mut url = endpoint.listen();
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("model", endpoint.model());
            if let Some(language) = self.language(options) {
                query.append_pair("language", language);
            }
            query.append_pair("encoding", "mulaw");
            query.append_pair("sample_rate", &SAMPLE_RATE.to_string());
            query.append_pair("channels", "1");
            query.append_pair("interim_results", "true");
            let endpointing = self.endpointing.map(|pause| pause.as_millis().to_string());
            query.append_pair("endpointing", endpointing.as_deref().unwrap_or("false"));
            for (name, wanted) in self.flags() {
                if wanted {
                    query.append_pair(name, "true");
                }
            }
            query.extend_pairs(self.redact.iter().map(|what| ("redact", what)));
            query.extend_pairs(self.tags.iter().map(|tag| ("tag", tag)));
            if let Some(name) = hint(endpoint.model()) {
                query.extend_pairs(terms(options, name == "keyterm").map(|term| (name, term)));
            }
            query.extend_pairs(&self.extra);
        }
        url
    }

    fn flags(&self) -> [(&'static str, bool); 5] {
        [
            ("smart_format", self.smart_format),
            ("punctuate", self.punctuate),
            ("numerals", self.numerals),
            ("profanity_filter", self.profanity_filter),
            ("mip_opt_out", self.mip_opt_out),
        ]
    }

    fn language<'a>(&'a self, options: &'a TranscriptionOptions) -> Option<&'a str> {
        let language = options.language.as_deref().or(self.language.as_deref())?;
        let is_mixed = self.multilingual && MULTILINGUAL.contains(&language);
        Some(if is_mixed { "multi" } else { language })
    }
}

/// By which parameter a family of models takes likely words. Deepgram refuses the other.
fn hint(model: &str) -> Option<&'static str> {
    // A digit behind the dash is another family: nova-3 is none of nova's.
    let is_more = |rest: &str| rest.strip_prefix('-').is_some_and(|more| more.starts_with(char::is_alphabetic));
    let is_of = |family: &str| model.strip_prefix(family).is_some_and(|rest| rest.is_empty() || is_more(rest));
    if is_of("nova-3") {
        Some("keyterm")
    } else if ["nova-2", "nova", "enhanced", "base"].into_iter().any(is_of) {
        Some("keywords")
    } else {
        None
    }
}

/// The words that are sent, in the order given, as far as Deepgram takes them. Keywords are single words, in which a colon
/// would begin a weight.
fn terms(options: &TranscriptionOptions, phrases: bool) -> impl Iterator<Item = &str> {
    let fits = move |term: &&str| {
        !term.is_empty() && !term.contains(char::is_control) && (phrases || !term.contains([' ', ':']))
    };
    let terms = options.keywords.iter().map(|term| term.trim()).filter(fits);
    let within = terms.scan(0, |bytes, term| {
        *bytes += term.len();
        (*bytes <= MAX_TERM_BYTES).then_some(term)
    });
    within.take(MAX_TERMS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn query(settings: &Settings, model: &str, language: Option<&str>, keywords: &[&str]) -> Vec<(String, String)> {
        let options = TranscriptionOptions {
            language: language.map(Into::into),
            keywords: keywords.iter().map(|&keyword| keyword.to_owned()).collect(),
        };
        let endpoint = Endpoint::new("http://localhost", model).unwrap();
        settings.address(&endpoint, &options).query_pairs().into_owned().collect()
    }

    fn values<'a>(query: &'a [(String, String)], name: &str) -> Vec<&'a str> {
        query.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    }

    #[test]
    fn a_turn_is_asked_for_as_the_telephone_sends_it() {
        let query = query(&Settings::default(), "nova-3", Some("sv"), &["Västerås & co"]);
        let query: Vec<_> = query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            query,
            [
                ("model", "nova-3"),
                ("language", "sv"),
                ("encoding", "mulaw"),
                ("sample_rate", "8000"),
                ("channels", "1"),
                ("interim_results", "true"),
                ("endpointing", "300"),
                ("punctuate", "true"),
                ("keyterm", "Västerås & co"),
            ]
        );
    }

    #[test]
    fn everything_that_can_be_set_is_sent() {
        let settings = Settings {
            endpointing: None,
            smart_format: true,
            punctuate: false,
            numerals: true,
            profanity_filter: true,
            mip_opt_out: true,
            redact: vec!["pci".into(), "numbers".into()],
            tags: vec!["bakery".into()],
            extra: vec![("no_delay".into(), "true".into())],
            ..Settings::default()
        };
        let query = query(&settings, "nova-3", None, &[]);
        for (name, expected) in [
            ("endpointing", &["false"][..]),
            ("smart_format", &["true"]),
            ("punctuate", &[]),
            ("numerals", &["true"]),
            ("profanity_filter", &["true"]),
            ("mip_opt_out", &["true"]),
            ("redact", &["pci", "numbers"]),
            ("tag", &["bakery"]),
            ("no_delay", &["true"]),
            ("language", &[]),
        ] {
            assert_eq!(values(&query, name), expected, "{name}");
        }
    }

    #[test]
    fn the_calls_language_comes_first_and_swedish_is_never_mixed() {
        let mixed = Settings { language: Some("sv".into()), multilingual: true, ..Settings::default() };
        for (asked, sent) in [(None, "sv"), (Some("sv"), "sv"), (Some("en"), "multi"), (Some("da"), "da")] {
            assert_eq!(values(&query(&mixed, "nova-3", asked, &[]), "language"), [sent]);
        }
        assert_eq!(values(&query(&Settings::default(), "nova-3", Some("en"), &[]), "language"), ["en"]);
    }

    #[test]
    fn likely_words_go_by_the_models_own_parameter() {
        let words = ["Anna", "two words", "boost:9", " ", "a\nb"];
        for (model, keyterms, keywords) in [
            ("nova-3", &["Anna", "two words", "boost:9"][..], &[][..]),
            ("nova-3-medical", &["Anna", "two words", "boost:9"], &[]),
            ("nova-2-phonecall", &[], &["Anna"]),
            ("base", &[], &["Anna"]),
            ("whisper-large", &[], &[]),
            ("nova-30", &[], &[]),
        ] {
            let query = query(&Settings::default(), model, None, &words);
            assert_eq!(
                (&values(&query, "keyterm")[..], &values(&query, "keywords")[..]),
                (keyterms, keywords),
                "{model}"
            );
        }
    }

    proptest! {
        #[test]
        fn words_beyond_what_deepgram_takes_are_left_out(words in prop::collection::vec(".{0,40}", 0..200)) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let query = query(&Settings::default(), "nova-3", None, &words);
            let sent = values(&query, "keyterm");
            prop_assert!(sent.len() <= MAX_TERMS && sent.concat().len() <= MAX_TERM_BYTES);
        }
    }
}
