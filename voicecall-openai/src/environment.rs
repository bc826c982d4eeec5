//! The endpoints as environment variables describe them.

use secrecy::SecretString;
use voicecall_core::{Error, ErrorKind, Result};

use crate::endpoint::Endpoint;

/// A service as named in variables, and the model it is asked for unless they name another.
pub(crate) struct Service {
    prefix: &'static str,
    model: &'static str,
}

pub(crate) const CHAT: Service = Service { prefix: "CHAT", model: "gpt-6-luna" };
pub(crate) const TRANSCRIPTION: Service = Service { prefix: "TRANSCRIPTION", model: "gpt-transcribe" };
pub(crate) const SPEECH: Service = Service { prefix: "SPEECH", model: "gpt-4o-mini-tts" };

pub(crate) const REALTIME: Service = Service { prefix: "REALTIME", model: "gpt-realtime-2.1" };

/// What a server understands, as a variable says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    OpenAi,
    Compatible,
}

/// Looks a variable up; absent and empty are the same.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Looks a variable of this process up.
pub(crate) fn process(name: &str) -> Option<String> {
    std::env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

impl Service {
    /// The value of this service's own variable.
    pub(crate) fn variable(&self, setting: &str, lookup: Lookup<'_>) -> Option<String> {
        lookup(&self.variable_name(setting))
    }

    pub(crate) fn variable_name(&self, setting: &str) -> String {
        format!("VOICECALL_{}_{setting}", self.prefix)
    }

    /// What the server is said to understand, if anything is said.
    pub(crate) fn dialect(&self, lookup: Lookup<'_>) -> Result<Option<Dialect>> {
        match self.variable("DIALECT", lookup).as_deref() {
            None => Ok(None),
            Some("openai") => Ok(Some(Dialect::OpenAi)),
            Some("compatible") => Ok(Some(Dialect::Compatible)),
            Some(_) => Err(Error::config(self.variable_name("DIALECT"), "openai or compatible")),
        }
    }

    /// The endpoint: the service's own variables first, then OpenAI's.
    pub(crate) fn endpoint(&self, lookup: Lookup<'_>) -> Result<Endpoint> {
        let own_url = self.variable("BASE_URL", lookup);
        let own_key = self.variable("API_KEY", lookup);
        // The key for OpenAI must not travel to another server, which may be anybody's.
        let key = own_key.or_else(|| if own_url.is_none() { lookup("OPENAI_API_KEY") } else { None });
        let url_variable =
            if own_url.is_some() { self.variable_name("BASE_URL") } else { "OPENAI_BASE_URL".to_owned() };
        let model = self.variable("MODEL", lookup).unwrap_or_else(|| self.model.to_owned());
        let endpoint = match own_url.or_else(|| lookup("OPENAI_BASE_URL")) {
            Some(url) => Endpoint::new(&url, model).map_err(|error| named(error, url_variable))?,
            None => Endpoint::openai("", model)?,
        };
        let endpoint = match key {
            Some(key) => endpoint.with_api_key(SecretString::from(key)),
            None => endpoint,
        };
        if endpoint.is_openai() && endpoint.api_key().is_none() {
            return Err(Error::config("OPENAI_API_KEY", "a key, since OpenAI takes no request without one"));
        }
        Ok(endpoint)
    }
}

/// The same error, naming the variable instead of the argument.
fn named(error: Error, variable: String) -> Error {
    if error.kind() == ErrorKind::Config { error.with_field(variable) } else { error }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn endpoint(service: &Service, variables: &[(&str, &str)]) -> Result<Endpoint> {
        service
            .endpoint(&|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    fn key(endpoint: &Endpoint) -> Option<&str> {
        endpoint.api_key().map(|key| key.expose_secret())
    }

    #[test]
    fn a_key_alone_means_openai_with_its_current_models() {
        for (service, model) in [(CHAT, "gpt-6-luna"), (TRANSCRIPTION, "gpt-transcribe"), (SPEECH, "gpt-4o-mini-tts")] {
            let endpoint = endpoint(&service, &[("OPENAI_API_KEY", "sk")]).unwrap();
            assert_eq!(endpoint.url(&["x"]).as_str(), "https://api.openai.com/v1/x");
            assert_eq!((key(&endpoint), endpoint.model(), endpoint.name()), (Some("sk"), model, "openai"));
        }
    }

    #[test]
    fn openai_without_a_key_is_refused_at_once() {
        let error = endpoint(&CHAT, &[]).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Config, Some("OPENAI_API_KEY")));
    }

    #[test]
    fn a_service_of_its_own_never_sees_the_key_for_openai() {
        let variables = [
            ("OPENAI_API_KEY", "sk"),
            ("VOICECALL_SPEECH_BASE_URL", "http://localhost:8880/v1"),
            ("VOICECALL_SPEECH_MODEL", "kokoro"),
        ];
        let own = endpoint(&SPEECH, &variables).unwrap();
        assert_eq!((key(&own), own.model(), own.name()), (None, "kokoro", "openai-compatible"));
        assert_eq!(own.url(&["x"]).as_str(), "http://localhost:8880/v1/x");
        assert_eq!(key(&endpoint(&CHAT, &variables).unwrap()), Some("sk"));
    }

    #[test]
    fn a_service_of_its_own_has_a_key_of_its_own() {
        let variables =
            [("OPENAI_API_KEY", "sk"), ("VOICECALL_CHAT_API_KEY", "own"), ("OPENAI_BASE_URL", "https://proxy/v1")];
        let own = endpoint(&CHAT, &variables).unwrap();
        assert_eq!((key(&own), own.url(&["x"]).as_str()), (Some("own"), "https://proxy/v1/x"));
        assert_eq!(key(&endpoint(&SPEECH, &variables).unwrap()), Some("sk"));
    }

    #[test]
    fn a_dialect_is_one_of_two() {
        let dialect =
            |value: &'static str| CHAT.dialect(&|name| (name == "VOICECALL_CHAT_DIALECT").then(|| value.into()));
        assert_eq!(dialect("openai").unwrap(), Some(Dialect::OpenAi));
        assert_eq!(dialect("compatible").unwrap(), Some(Dialect::Compatible));
        assert_eq!(dialect("klingon").unwrap_err().field(), Some("VOICECALL_CHAT_DIALECT"));
        assert_eq!(CHAT.dialect(&|_| None).unwrap(), None);
    }

    #[test]
    fn a_wrong_address_names_its_variable() {
        let error = endpoint(&CHAT, &[("OPENAI_BASE_URL", "nowhere")]).unwrap_err();
        assert_eq!(error.field(), Some("OPENAI_BASE_URL"));
        let error = endpoint(&CHAT, &[("VOICECALL_CHAT_BASE_URL", "nowhere")]).unwrap_err();
        assert_eq!(error.field(), Some("VOICECALL_CHAT_BASE_URL"));
    }
}
