//! Numbers that Twilio sells.

use url::Url;
use voicecall_core::Result;
use voicecall_core::carrier::{AvailableNumber, NumberKind, NumberSearch};

use super::known::abilities;
use crate::client::TwilioClient;
use crate::wire;

/// Where numbers of this kind are searched.
pub(super) fn search_url(client: &TwilioClient, search: &NumberSearch) -> Result<Url> {
    let kind = match search.kind {
        NumberKind::Local => "Local",
        NumberKind::Mobile => "Mobile",
        NumberKind::National => "National",
        NumberKind::TollFree => "TollFree",
    };
    let mut url = client.url(&format!("/AvailablePhoneNumbers/{}/{kind}.json", search.country))?;
    let mut query = url.query_pairs_mut();
    let wanted = [
        ("VoiceEnabled", search.abilities.voice),
        ("SmsEnabled", search.abilities.sms),
        ("MmsEnabled", search.abilities.mms),
    ];
    // Twilio takes "false" for "must not".
    for (name, _) in wanted.iter().filter(|(_, is_wanted)| *is_wanted) {
        query.append_pair(name, "true");
    }
    if let Some(digits) = &search.digits {
        query.append_pair("Contains", digits);
    }
    query.append_pair("PageSize", &search.limit.to_string());
    drop(query);
    Ok(url)
}

/// A number as Twilio tells it; nothing without a number in it.
pub(super) fn available(told: &wire::AvailableNumber) -> Option<AvailableNumber> {
    let number = told.phone_number.as_deref()?.parse().ok()?;
    let mut found = AvailableNumber::new(number, abilities(told.capabilities.as_ref()));
    found.locality = told.locality.clone().filter(|place| !place.is_empty());
    found.needs_address = told.address_requirements.as_deref().is_some_and(|needed| needed != "none");
    Some(found)
}
