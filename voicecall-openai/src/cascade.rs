//! The agent of all three services, as the environment describes it.

use std::sync::Arc;

use voicecall_core::agent::Cascade;
use voicecall_core::{Error, ErrorKind, Result};

use crate::chat::OpenAiChat;
use crate::environment::{self, Lookup};
use crate::speech::OpenAiSpeech;
use crate::transcription::OpenAiTranscription;

/// The agent whose services the environment names, each behind a [breaker](Cascade::with_breakers); see the front page for the variables.
///
/// # Errors
/// `Config` whose field names every variable that is missing or wrong, once each.
pub fn cascade_from_env() -> Result<Arc<Cascade>> {
    from_lookup(&environment::process)
}

pub(crate) fn from_lookup(lookup: Lookup<'_>) -> Result<Arc<Cascade>> {
    let ear = OpenAiTranscription::from_lookup(lookup);
    let mind = OpenAiChat::from_lookup(lookup);
    let voice = OpenAiSpeech::from_lookup(lookup);
    match (ear, mind, voice) {
        (Ok(ear), Ok(mind), Ok(voice)) => {
            let cascade = Cascade::new(Arc::new(ear), Arc::new(mind), Arc::new(voice));
            Ok(Arc::new(cascade.with_breakers()))
        }
        (ear, mind, voice) => Err(joined([ear.err(), mind.err(), voice.err()].into_iter().flatten().collect())),
    }
}

/// One error for several: the first, naming what all of them name.
pub(crate) fn joined(errors: Vec<Error>) -> Error {
    let mut fields: Vec<String> = Vec::new();
    for field in errors.iter().filter_map(Error::field).flat_map(|fields| fields.split(", ")) {
        if !fields.iter().any(|known| known == field) {
            fields.push(field.to_owned());
        }
    }
    let first = errors.into_iter().next().unwrap_or_else(|| Error::new(ErrorKind::Config, "read environment"));
    if fields.len() < 2 { first } else { first.with_field(fields.join(", ")) }
}

#[cfg(test)]
mod tests {
    use voicecall_core::agent::VoiceAgent;
    use voicecall_core::model::ServiceHealth;

    use super::*;

    fn build(variables: &[(&str, &str)]) -> Result<Arc<Cascade>> {
        from_lookup(&|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn one_key_is_enough_and_so_is_one_address() {
        let services = build(&[("OPENAI_API_KEY", "sk")]).unwrap().services();
        assert_eq!(services.iter().map(ServiceHealth::name).collect::<Vec<_>>(), ["transcription", "chat", "speech"]);
        build(&[("OPENAI_BASE_URL", "http://localhost:8000/v1")]).unwrap();
    }

    #[test]
    fn everything_that_is_missing_or_wrong_is_named_at_once() {
        let error = build(&[]).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Config, Some("OPENAI_API_KEY")));
        let error = build(&[
            ("VOICECALL_TRANSCRIPTION_BASE_URL", "localhost"),
            ("VOICECALL_SPEECH_BASE_URL", "http://localhost:8880/v1"),
            ("VOICECALL_SPEECH_FORMAT", "mp3"),
        ])
        .unwrap_err();
        let all = "VOICECALL_TRANSCRIPTION_BASE_URL, OPENAI_API_KEY, VOICECALL_SPEECH_FORMAT";
        assert_eq!((error.kind(), error.field()), (ErrorKind::Config, Some(all)));
    }
}
