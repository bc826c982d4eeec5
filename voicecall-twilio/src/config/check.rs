//! How single settings are checked.

use secrecy::{ExposeSecret, SecretString};
use url::Url;
use voicecall_core::{Error, Result};

use crate::sid::is_sid;

pub(super) fn required<T>(setting: &'static str, value: Option<T>) -> Result<T> {
    value.ok_or_else(|| Error::config(setting, "is not set"))
}

pub(super) fn check_sid(setting: &'static str, prefix: &str, sid: &str) -> Result<()> {
    if is_sid(prefix, sid) {
        Ok(())
    } else {
        Err(Error::config(setting, format!("{prefix} and 32 hexadecimal digits")))
    }
}

pub(super) fn check_secret(setting: &'static str, secret: &SecretString) -> Result<()> {
    if secret.expose_secret().trim().is_empty() { Err(Error::config(setting, "is empty")) } else { Ok(()) }
}

pub(super) fn parse_url(setting: &'static str, text: &str) -> Result<Url> {
    let url = Url::parse(text)
        .map_err(|error| Error::config(setting, "an address such as https://calls.example").with_source(error))?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Error::config(setting, "an address without query and fragment"));
    }
    Ok(url)
}

pub(super) fn check_public_url(text: &str) -> Result<Url> {
    let url = parse_url("PUBLIC_URL", text)?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(Error::config("PUBLIC_URL", "an http or https address"));
    }
    if has_underscore(&url) {
        return Err(Error::config("PUBLIC_URL", "a host without underscore: Twilio refuses it"));
    }
    Ok(url)
}

/// Whether the host's name has a character Twilio refuses in callback addresses.
pub(crate) fn has_underscore(url: &Url) -> bool {
    url.host_str().is_some_and(|host| host.contains('_'))
}

/// A SID with its secret, both or neither.
pub(super) fn pair(
    (sid_setting, prefix, sid): (&'static str, &str, &Option<String>),
    (secret_setting, secret): (&'static str, &Option<SecretString>),
) -> Result<Option<(String, SecretString)>> {
    if sid.is_none() && secret.is_none() {
        return Ok(None);
    }
    let sid = required(sid_setting, sid.clone())?;
    check_sid(sid_setting, prefix, &sid)?;
    let secret = required(secret_setting, secret.clone())?;
    check_secret(secret_setting, &secret)?;
    Ok(Some((sid, secret)))
}
