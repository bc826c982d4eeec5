//! The numbers that the account has.

use url::Url;
use voicecall_core::carrier::{NumberAbilities, NumberWebhooks, OwnedNumber};
use voicecall_core::{PhoneNumber, Result};

use crate::PROVIDER;
use crate::client::TwilioClient;
use crate::failure::{Effect, unreadable};
use crate::wire;

/// Numbers on a page of the list.
const PAGE_SIZE: &str = "1000";

/// A number of the account.
///
/// # Errors
/// `NotFound` naming `number` if it is not among the account's.
pub(super) async fn find(client: &TwilioClient, operation: &'static str, number: &PhoneNumber) -> Result<wire::Number> {
    let mut url = client.url("/IncomingPhoneNumbers.json")?;
    // The filter also finds numbers of which this one is a part.
    url.query_pairs_mut().append_pair("PhoneNumber", number.reveal()).append_pair("PageSize", "50");
    let page: wire::AccountPage<wire::Number> = client.get(operation, url).await?;
    let is_it = |known: &wire::Number| known.phone_number.as_deref() == Some(number.reveal());
    let known = page.entries.into_iter().find(is_it);
    known.ok_or_else(|| NumberWebhooks::not_ours(operation, PROVIDER, number))
}

/// All numbers of the account that are phone numbers.
///
/// # Errors
/// As usual; `Unsupported` for more than can be read.
pub(super) async fn all(client: &TwilioClient) -> Result<Vec<OwnedNumber>> {
    let mut url = client.url("/IncomingPhoneNumbers.json")?;
    url.query_pairs_mut().append_pair("PageSize", PAGE_SIZE);
    client.account_list("list numbers", url, owned).await
}

/// A number as Twilio tells it; nothing without a number in it.
pub(super) fn owned(known: &wire::Number) -> Option<OwnedNumber> {
    let number = known.phone_number.as_deref()?.parse().ok()?;
    Some(OwnedNumber::new(number, abilities(known.capabilities.as_ref())))
}

pub(super) fn abilities(told: Option<&wire::NumberAbilities>) -> NumberAbilities {
    let told = told.copied().unwrap_or_default();
    NumberAbilities { voice: told.voice, sms: told.sms, mms: told.mms }
}

/// The address of a number, whose name goes into the path.
pub(super) fn number_url(client: &TwilioClient, operation: &'static str, known: &wire::Number) -> Result<Url> {
    let is_plain = known.sid.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_plain {
        return Err(unreadable(operation, Effect::Repeatable));
    }
    client.url(&format!("/IncomingPhoneNumbers/{}.json", known.sid))
}
