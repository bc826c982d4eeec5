//! What a socket's address asks for, checked parameter by parameter.

use voicecall_core::audio::SAMPLE_RATE;

use super::Refusal;

/// Families of models that are served here.
const FAMILIES: [&str; 5] = ["nova-3", "nova-2", "nova", "enhanced", "base"];

/// The encodings Deepgram takes.
const ENCODINGS: [&str; 11] =
    ["linear16", "linear32", "mulaw", "alaw", "flac", "opus", "ogg-opus", "amr-nb", "amr-wb", "speex", "g729"];

/// The most keyterms or keywords.
const MAX_TERMS: usize = 100;

/// Documented parameters that change nothing of what the simulated ears hear.
const WITHOUT_EFFECT: [&str; 21] = [
    "callback",
    "callback_method",
    "detect_entities",
    "diarize",
    "diarize_model",
    "dictation",
    "extra",
    "language_hint",
    "mip_opt_out",
    "no_delay",
    "numerals",
    "profanity_filter",
    "redact",
    "replace",
    "search",
    "tag",
    "utterance_end_ms",
    "vad_events",
    "vad_turnoff",
    "version",
    "filler_words",
];

/// A checked request for a live transcription.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListenRequest {
    /// The model.
    pub model: String,
    /// The language; Deepgram's default is English.
    pub language: String,
    /// Whether results come before they are final.
    pub interim_results: bool,
    /// Whether pauses end segments.
    pub endpointing: bool,
    /// Whether words are written with their case and punctuation.
    pub punctuate: bool,
    /// Likely words, by whichever parameter they came.
    pub terms: Vec<String>,
}

impl ListenRequest {
    /// Reads the query of a socket's address.
    ///
    /// # Errors
    /// A 400 for what Deepgram refuses, and for audio that the simulated ears do not take.
    pub fn read(query: &str) -> Result<Self, Refusal> {
        let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let mut request = Self {
            model: "base".to_owned(),
            language: "en".to_owned(),
            interim_results: false,
            endpointing: true,
            punctuate: false,
            terms: Vec::new(),
        };
        for (name, value) in &pairs {
            request.set(name, value)?;
        }
        request.check(&pairs)?;
        Ok(request)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        match name {
            "model" => value.clone_into(&mut self.model),
            "language" => value.clone_into(&mut self.language),
            "encoding" if !ENCODINGS.contains(&value) => {
                return Err(Refusal::bad_request(format_args!("unsupported encoding '{value}'")));
            }
            "sample_rate" | "channels" if value.parse::<u32>().is_err() => return Err(invalid(name, value)),
            "encoding" | "sample_rate" | "channels" => {}
            "interim_results" => self.interim_results = flag(name, value)?,
            "punctuate" | "smart_format" => self.punctuate |= flag(name, value)?,
            "multichannel" if flag(name, value)? => {
                return Err(Refusal::bad_request("the simulated ears hear one channel"));
            }
            "multichannel" => {}
            "endpointing" => self.endpointing = pause(value)?,
            "keyterm" | "keywords" => self.terms.push(value.to_owned()),
            other if WITHOUT_EFFECT.contains(&other) => {}
            other => return Err(Refusal::bad_request(format_args!("unknown parameter '{other}'"))),
        }
        Ok(())
    }

    fn check(&self, pairs: &[(String, String)]) -> Result<(), Refusal> {
        let value = |name: &str| pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let is_language = self.language.chars().all(|char| char.is_ascii_alphanumeric() || char == '-');
        if !FAMILIES.into_iter().any(|family| is_of(&self.model, family)) || !is_language || self.language.is_empty() {
            return Err(Refusal::bad_request("No such model/language/tier combination found."));
        }
        if value("encoding") != Some("mulaw")
            || value("sample_rate") != Some(&SAMPLE_RATE.to_string())
            || value("channels").is_some_and(|channels| channels != "1")
        {
            return Err(Refusal::bad_request("the simulated ears hear mulaw at 8000 Hz on one channel"));
        }
        if value("keyterm").is_some() && !is_of(&self.model, "nova-3") {
            return Err(Refusal::bad_request("keyterm is only supported by nova-3; use keywords"));
        }
        if value("keywords").is_some() && is_of(&self.model, "nova-3") {
            return Err(Refusal::bad_request("keywords are not supported by nova-3; use keyterm"));
        }
        if self.terms.len() > MAX_TERMS {
            return Err(Refusal::bad_request("too many keyterms or keywords"));
        }
        if value("utterance_end_ms").is_some() && !self.interim_results {
            return Err(Refusal::bad_request("utterance_end_ms needs interim_results"));
        }
        Ok(())
    }
}

/// A digit behind the dash is another family: nova-3 is none of nova's.
fn is_of(model: &str, family: &str) -> bool {
    let is_more = |rest: &str| rest.strip_prefix('-').is_some_and(|more| more.starts_with(char::is_alphabetic));
    model.strip_prefix(family).is_some_and(|rest| rest.is_empty() || is_more(rest))
}

fn flag(name: &str, value: &str) -> Result<bool, Refusal> {
    match value {
        "true" | "True" => Ok(true),
        "false" | "False" => Ok(false),
        _ => Err(invalid(name, value)),
    }
}

fn pause(value: &str) -> Result<bool, Refusal> {
    if value.parse::<u32>().is_ok() { Ok(true) } else { flag("endpointing", value) }
}

fn invalid(name: &str, value: &str) -> Refusal {
    Refusal::bad_request(format_args!("invalid value '{value}' for '{name}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUDIO: &str = "encoding=mulaw&sample_rate=8000";

    #[test]
    fn what_is_asked_for_is_read() {
        let query = format!(
            "model=nova-3&language=sv&{AUDIO}&interim_results=true&endpointing=false&punctuate=true&keyterm=V%C3%A4ster%C3%A5s"
        );
        let request = ListenRequest::read(&query).unwrap();
        assert_eq!((request.model.as_str(), request.language.as_str()), ("nova-3", "sv"));
        assert!(request.interim_results && !request.endpointing && request.punctuate);
        assert_eq!(request.terms, ["Västerås"]);
        assert!(ListenRequest::read(AUDIO).unwrap().endpointing);
    }

    #[test]
    fn what_deepgram_refuses_is_refused() {
        for query in [
            String::new(),
            "encoding=mulaw".to_owned(),
            "encoding=mp3&sample_rate=8000".to_owned(),
            "encoding=linear16&sample_rate=8000".to_owned(),
            format!("{AUDIO}&channels=2"),
            format!("{AUDIO}&model=nova-9"),
            format!("{AUDIO}&model=nova-30"),
            format!("{AUDIO}&model=flux-general-en"),
            format!("{AUDIO}&language="),
            format!("{AUDIO}&model=nova-2&keyterm=Anna"),
            format!("{AUDIO}&model=nova-3&keywords=Anna"),
            format!("{AUDIO}&model=nova-3{}", "&keyterm=a".repeat(101)),
            format!("{AUDIO}&interim_results=maybe"),
            format!("{AUDIO}&utterance_end_ms=1000"),
            format!("{AUDIO}&mood=good"),
        ] {
            assert_eq!(ListenRequest::read(&query).unwrap_err().status(), 400, "{query}");
        }
    }
}
