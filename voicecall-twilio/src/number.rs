//! The account's numbers, and where calls to them are asked about.

use url::Url;
use voicecall_core::carrier::NumberWebhooks;
use voicecall_core::{PhoneNumber, Result};

use crate::PROVIDER;
use crate::client::TwilioClient;
use crate::failure::{Effect, unreadable};
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
    let is_plain = known.sid.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_plain {
        return Err(unreadable(operation, Effect::Repeatable));
    }
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
    let url = client.url(&format!("/IncomingPhoneNumbers/{}.json", known.sid))?;
    let _: wire::Number = client.post(operation, Effect::Repeatable, url, &form).await?;
    Ok(())
}

async fn find(client: &TwilioClient, operation: &'static str, number: &PhoneNumber) -> Result<wire::Number> {
    let mut url = client.url("/IncomingPhoneNumbers.json")?;
    // The filter also finds numbers of which this one is a part.
    url.query_pairs_mut().append_pair("PhoneNumber", number.reveal()).append_pair("PageSize", "50");
    let page: wire::NumberPage = client.get(operation, url).await?;
    let is_it = |known: &wire::Number| known.phone_number.as_deref() == Some(number.reveal());
    let known = page.incoming_phone_numbers.into_iter().find(is_it);
    known.ok_or_else(|| NumberWebhooks::not_ours(operation, PROVIDER, number))
}

fn is_tied(sid: &Option<String>) -> bool {
    sid.as_ref().is_some_and(|sid| !sid.is_empty())
}
