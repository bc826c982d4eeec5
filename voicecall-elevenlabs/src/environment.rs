//! The account as environment variables describe it.

use secrecy::SecretString;
use voicecall_core::{Error, ErrorKind, Result};

use crate::endpoint::Endpoint;

pub(crate) const KEY: &str = "ELEVENLABS_API_KEY";
pub(crate) const BASE_URL: &str = "ELEVENLABS_BASE_URL";
pub(crate) const VOICE: &str = "ELEVENLABS_VOICE";
pub(crate) const MODEL: &str = "ELEVENLABS_MODEL";

/// Looks a variable up; absent and empty are the same.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Looks a variable of this process up.
pub(crate) fn process(name: &str) -> Option<String> {
    std::env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// The account that the variables name.
pub(crate) fn endpoint(lookup: Lookup<'_>) -> Result<Endpoint> {
    let key = lookup(KEY).ok_or_else(|| Error::config(KEY, "a key, since ElevenLabs takes no request without one"))?;
    let endpoint = Endpoint::new(SecretString::from(key)).map_err(|error| named(error, KEY))?;
    match lookup(BASE_URL) {
        Some(url) => endpoint.with_base_url(&url).map_err(|error| named(error, BASE_URL)),
        None => Ok(endpoint),
    }
}

/// The same error, naming the variable instead of the argument.
pub(crate) fn named(error: Error, variable: &'static str) -> Error {
    let is_input = matches!(error.kind(), ErrorKind::Config | ErrorKind::Invalid);
    if is_input { Error::config(variable, error.message().unwrap_or("another value").to_owned()) } else { error }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Endpoint> {
        endpoint(&|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn a_key_is_enough_and_an_address_replaces_the_global_one() {
        let global = read(&[(KEY, "key")]).unwrap();
        assert_eq!(global.url(&["v1"]).as_str(), "https://api.elevenlabs.io/v1");
        let own = read(&[(KEY, "key"), (BASE_URL, "http://localhost:9000")]).unwrap();
        assert_eq!(own.url(&["v1"]).as_str(), "http://localhost:9000/v1");
    }

    #[test]
    fn what_is_missing_or_wrong_is_named_by_its_variable() {
        assert_eq!(read(&[]).unwrap_err().field(), Some(KEY));
        assert_eq!(read(&[(KEY, "key"), (BASE_URL, "nowhere")]).unwrap_err().field(), Some(BASE_URL));
    }
}
