//! The carriers of the enabled features, as configurations name them.

#[cfg(any(feature = "46elks", feature = "twilio"))]
use std::sync::Arc;

#[cfg(any(feature = "46elks", feature = "twilio"))]
use voicecall_core::Result;
#[cfg(any(feature = "46elks", feature = "twilio"))]
use voicecall_core::carrier::VoiceBackend;
#[cfg(any(feature = "46elks", feature = "twilio"))]
use voicecall_engine::AccountSettings;
use voicecall_engine::Registry;

/// A registry without accounts that knows the carriers of the enabled features by their names, such as `twilio`: for
/// [`Registry::with_file`], or to [register](Registry::register) more of them.
///
/// | carrier | keys of its accounts beside `name`, `carrier`, `numbers`, `shared_numbers`, `calls_per_second`, `prices` and `converse` |
/// |---|---|
/// | `46elks` | `api_username`, `api_password`, `websocket_number`; if wanted `webhook_secret`, `api_base_url` |
/// | `twilio` | `account_sid`, `auth_token`; if wanted `secondary_auth_token`, `api_key` and `api_secret`, `parent_account_sid` and `parent_auth_token`, `region`, `edge`, `api_base_url` |
#[must_use]
pub fn registry() -> Registry {
    let registry = Registry::new();
    #[cfg(feature = "46elks")]
    let registry = registry.register("46elks", elks46);
    #[cfg(feature = "twilio")]
    let registry = registry.register("twilio", twilio);
    registry
}

#[cfg(feature = "twilio")]
fn twilio(settings: &mut AccountSettings<'_>) -> Result<Arc<dyn VoiceBackend>> {
    use voicecall_twilio::TwilioBuilder;

    type Setting = (&'static str, fn(TwilioBuilder, String) -> TwilioBuilder);
    const TEXTS: [Setting; 4] = [
        ("account_sid", TwilioBuilder::account_sid),
        ("region", TwilioBuilder::region),
        ("edge", TwilioBuilder::edge),
        ("api_base_url", TwilioBuilder::api_base_url),
    ];
    let mut builder = TwilioBuilder::new().public_url(settings.public_url().as_str());
    for (key, set) in TEXTS {
        if let Some(text) = settings.text(key)? {
            builder = set(builder, text);
        }
    }
    if let Some(token) = settings.secret("auth_token")? {
        builder = builder.auth_token(token);
    }
    if let Some(token) = settings.secret("secondary_auth_token")? {
        builder = builder.secondary_auth_token(token);
    }
    let key = (settings.text("api_key")?, settings.secret("api_secret")?);
    if let Some((sid, secret)) = both(settings, ["api_key", "api_secret"], key)? {
        builder = builder.api_key(sid, secret);
    }
    let parent = (settings.text("parent_account_sid")?, settings.secret("parent_auth_token")?);
    if let Some((sid, token)) = both(settings, ["parent_account_sid", "parent_auth_token"], parent)? {
        builder = builder.parent_account(sid, token);
    }
    builder
        .build()
        .map(|twilio| Arc::new(twilio) as Arc<dyn VoiceBackend>)
        .map_err(|error| named(settings, "TWILIO_", error))
}

/// A name and its secret, or neither.
#[cfg(feature = "twilio")]
fn both<T>(
    settings: &AccountSettings<'_>,
    [key, secret_key]: [&'static str; 2],
    values: (Option<String>, Option<T>),
) -> Result<Option<(String, T)>> {
    match values {
        (Some(name), Some(secret)) => Ok(Some((name, secret))),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(settings.wrong(key, "is not set")),
        (Some(_), None) => Err(settings.wrong(secret_key, "is not set")),
    }
}

#[cfg(feature = "46elks")]
fn elks46(settings: &mut AccountSettings<'_>) -> Result<Arc<dyn VoiceBackend>> {
    use voicecall_46elks::ElksBuilder;

    let mut builder = ElksBuilder::new().public_url(settings.public_url().as_str());
    if let Some(username) = settings.text("api_username")? {
        builder = builder.api_username(username);
    }
    if let Some(password) = settings.secret("api_password")? {
        builder = builder.api_password(password);
    }
    if let Some(number) = settings.text("websocket_number")? {
        builder = builder.websocket_number(number);
    }
    if let Some(secret) = settings.secret("webhook_secret")? {
        builder = builder.webhook_secret(secret);
    }
    if let Some(url) = settings.text("api_base_url")? {
        builder = builder.api_base_url(url);
    }
    builder.build().map(|elks| Arc::new(elks) as Arc<dyn VoiceBackend>).map_err(|error| named(settings, "ELKS_", error))
}

/// The same error with the key of the file: builders name settings by their environment variables.
#[cfg(any(feature = "46elks", feature = "twilio"))]
fn named(settings: &AccountSettings<'_>, prefix: &str, error: voicecall_core::Error) -> voicecall_core::Error {
    match error.field().and_then(|name| name.strip_prefix(prefix)) {
        Some(name) => settings.wrong(&name.to_ascii_lowercase(), error.message().unwrap_or("is wrong").to_owned()),
        None => error,
    }
}
