//! The endpoint as environment variables describe it.

use secrecy::SecretString;
use voicecall_core::{Error, ErrorKind, Result};

use crate::endpoint::Endpoint;

const KEY: &str = "DEEPGRAM_API_KEY";
const BASE_URL: &str = "DEEPGRAM_BASE_URL";
const MODEL: &str = "DEEPGRAM_MODEL";

/// The model that is asked for unless another is named: the one that hears Swedish.
const DEFAULT_MODEL: &str = "nova-3";

/// Looks a variable up; absent and empty are the same.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Looks a variable of this process up.
pub(crate) fn process(name: &str) -> Option<String> {
    std::env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// The endpoint that the variables name. The key goes to whatever address stands beside it: that is another region, a
/// proxy or a server of one's own.
pub(crate) fn endpoint(lookup: Lookup<'_>) -> Result<Endpoint> {
    let model = lookup(MODEL).unwrap_or_else(|| DEFAULT_MODEL.to_owned());
    let endpoint = match lookup(BASE_URL) {
        Some(url) => Endpoint::new(&url, model),
        None => Endpoint::deepgram("", model),
    };
    let endpoint = endpoint.map_err(named)?;
    let endpoint = match lookup(KEY) {
        Some(key) => endpoint.with_api_key(SecretString::from(key)),
        None => endpoint,
    };
    if endpoint.is_deepgram() && endpoint.login().is_none() {
        return Err(Error::config(KEY, "a key, since Deepgram takes no request without one"));
    }
    Ok(endpoint)
}

/// The same error, naming the variable instead of the argument.
pub(crate) fn named(error: Error) -> Error {
    let variable = match error.field() {
        Some("base_url") => BASE_URL,
        Some("model") => MODEL,
        Some("api_key") => KEY,
        _ => return error,
    };
    if error.kind() == ErrorKind::Config { error.with_field(variable) } else { error }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Endpoint> {
        endpoint(&|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn a_key_alone_means_deepgram_with_its_default_model() {
        let endpoint = read(&[(KEY, "dg")]).unwrap();
        assert_eq!((endpoint.model(), endpoint.listen().as_str()), ("nova-3", "wss://api.deepgram.com/v1/listen"));
        assert!(endpoint.login().is_some());
    }

    #[test]
    fn a_server_of_ones_own_needs_no_key() {
        let endpoint = read(&[(BASE_URL, "http://localhost:8080"), (MODEL, "nova-2")]).unwrap();
        assert_eq!((endpoint.model(), endpoint.listen().as_str()), ("nova-2", "ws://localhost:8080/v1/listen"));
        assert!(endpoint.login().is_none());
    }

    #[test]
    fn what_is_missing_or_wrong_is_named_by_its_variable() {
        for (variables, field) in [
            (&[][..], KEY),
            (&[(BASE_URL, "https://api.eu.deepgram.com")][..], KEY),
            (&[(KEY, "dg"), (BASE_URL, "nowhere")][..], BASE_URL),
            (&[(KEY, "dg"), (MODEL, "flux-general-en")][..], MODEL),
        ] {
            let error = read(variables).unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::Config, Some(field)));
            assert!(!format!("{error:?}").contains("\"dg\""));
        }
    }
}
