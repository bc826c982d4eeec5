//! The carriers of the enabled features, as configurations name them.

#[cfg(feature = "twilio")]
use std::sync::Arc;

#[cfg(feature = "twilio")]
use voicecall_engine::AccountSettings;
use voicecall_engine::Registry;

/// A registry without accounts that knows the carriers of the enabled features by their names, such as `twilio`: for
/// [`Registry::with_file`], or to [register](Registry::register) more of them.
///
/// | carrier | keys of its accounts beside `name`, `carrier`, `numbers`, `calls_per_second` and `prices` |
/// |---|---|
/// | `twilio` | `account_sid`, `auth_token`; if wanted `secondary_auth_token`, `api_key_sid` and `api_key_secret`, `region`, `edge`, `api_base_url` |
#[must_use]
pub fn registry() -> Registry {
    let registry = Registry::new();
    #[cfg(feature = "twilio")]
    let registry = registry.register("twilio", twilio);
    registry
}

#[cfg(feature = "twilio")]
fn twilio(
    settings: &mut AccountSettings<'_>,
) -> voicecall_core::Result<Arc<dyn voicecall_core::carrier::VoiceBackend>> {
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
    match (settings.text("api_key_sid")?, settings.secret("api_key_secret")?) {
        (Some(sid), Some(secret)) => builder = builder.api_key(sid, secret),
        (None, None) => {}
        (None, Some(_)) => return Err(settings.wrong("api_key_sid", "is not set")),
        (Some(_), None) => return Err(settings.wrong("api_key_secret", "is not set")),
    }
    // It names settings by their environment variables.
    let built = builder.build().map_err(|error| match error.field().and_then(|name| name.strip_prefix("TWILIO_")) {
        Some(name) => settings.wrong(&name.to_ascii_lowercase(), error.message().unwrap_or("is wrong").to_owned()),
        None => error,
    });
    Ok(Arc::new(built?))
}
