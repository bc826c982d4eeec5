//! Where calls and messages to a number are asked about.

use url::Url;
use voicecall_core::carrier::NumberWebhooks;
use voicecall_core::{PhoneNumber, Result};

use super::known::{find, number_url};
use crate::client::TwilioClient;
use crate::failure::Effect;
use crate::wire;

/// Reads where calls to a number are asked about.
///
/// # Errors
/// `NotFound` naming `number` if it is not among the account's.
pub(crate) async fn webhooks(client: &TwilioClient, number: &PhoneNumber) -> Result<NumberWebhooks> {
    let known = find(client, "read webhooks of number", number).await?;
    if is_tied(&known.voice_application_sid) || is_tied(&known.trunk_sid) {
        return Ok(NumberWebhooks::default());
    }
    let url = |text: Option<String>| text.and_then(|text| text.parse().ok());
    Ok(NumberWebhooks { incoming: url(known.voice_url), status: url(known.status_callback) })
}

/// Sets where calls to a number are asked about.
///
/// # Errors
/// As [`webhooks`].
pub(crate) async fn set(client: &TwilioClient, number: &PhoneNumber, wanted: &NumberWebhooks) -> Result<()> {
    let operation = "set webhooks of number";
    let known = find(client, operation, number).await?;
    let url = number_url(client, operation, &known)?;
    let text = |url: &Option<Url>| url.as_ref().map(ToString::to_string).unwrap_or_default();
    let (incoming, status) = (text(&wanted.incoming), text(&wanted.status));
    let mut form = vec![
        ("VoiceUrl", incoming.as_str()),
        ("VoiceMethod", "POST"),
        ("StatusCallback", status.as_str()),
        ("StatusCallbackMethod", "POST"),
    ];
    // Either of them goes before the address.
    for (name, tie) in [("VoiceApplicationSid", &known.voice_application_sid), ("TrunkSid", &known.trunk_sid)] {
        if is_tied(tie) {
            form.push((name, ""));
        }
    }
    let _: wire::Number = client.post(operation, Effect::Repeatable, url, &form).await?;
    Ok(())
}

/// Reads where messages to a number are told.
///
/// # Errors
/// As [`webhooks`].
pub(crate) async fn incoming_url(client: &TwilioClient, number: &PhoneNumber) -> Result<Option<Url>> {
    let known = find(client, "read messages' address of number", number).await?;
    let is_untied = !is_tied(&known.sms_application_sid);
    Ok(known.sms_url.filter(|_| is_untied).and_then(|url| url.parse().ok()))
}

/// Sets where messages to a number are told.
///
/// # Errors
/// As [`webhooks`].
pub(crate) async fn set_incoming_url(client: &TwilioClient, number: &PhoneNumber, url: Option<&Url>) -> Result<()> {
    let operation = "set messages' address of number";
    let known = find(client, operation, number).await?;
    let mut form = vec![("SmsUrl", url.map_or("", Url::as_str)), ("SmsMethod", "POST")];
    // It goes before the address.
    if is_tied(&known.sms_application_sid) {
        form.push(("SmsApplicationSid", ""));
    }
    let url = number_url(client, operation, &known)?;
    let _: wire::Number = client.post(operation, Effect::Repeatable, url, &form).await?;
    Ok(())
}

fn is_tied(sid: &Option<String>) -> bool {
    sid.as_ref().is_some_and(|sid| !sid.is_empty())
}
