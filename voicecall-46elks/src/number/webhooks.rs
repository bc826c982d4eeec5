//! Where calls and messages to a number are asked about.

use url::Url;
use voicecall_core::carrier::NumberWebhooks;
use voicecall_core::{PhoneNumber, Result};

use super::known::{change, find, is_refusal};
use crate::PROVIDER;
use crate::address::{About, SecretAddresses};
use crate::client::ElksClient;

/// Reads where calls to a number are asked about. An address that was not made secret by us is none of ours.
///
/// # Errors
/// `NotFound` naming `number` if it is not among the account's.
pub(crate) async fn webhooks(
    client: &ElksClient,
    addresses: &SecretAddresses,
    number: &PhoneNumber,
) -> Result<NumberWebhooks> {
    let operation = "read webhooks of number";
    let known = find(client, operation, number.reveal()).await?;
    let known = known.ok_or_else(|| NumberWebhooks::not_ours(operation, PROVIDER, number))?;
    let url: Option<Url> = known.voice_start.and_then(|url| url.parse().ok());
    Ok(NumberWebhooks { incoming: url.and_then(|url| addresses.unseal(&url, About::Incoming)), status: None })
}

/// Sets where calls to a number are asked about. How they end is told by the answer to that question.
///
/// # Errors
/// As [`webhooks`].
pub(crate) async fn set(
    client: &ElksClient,
    addresses: &SecretAddresses,
    number: &PhoneNumber,
    wanted: &NumberWebhooks,
) -> Result<()> {
    let operation = "set webhooks of number";
    let known = find(client, operation, number.reveal()).await?;
    let known = known.ok_or_else(|| NumberWebhooks::not_ours(operation, PROVIDER, number))?;
    let sealed = wanted.incoming.as_ref().map(|url| addresses.seal(url, About::Incoming).to_string());
    // "none" clears it.
    let value = sealed.as_deref().unwrap_or("none");
    change(client, operation, &known, "voice_start", value).await.map(drop)
}

/// Reads where messages to a number are told, if that is ours.
///
/// # Errors
/// `NotFound` naming `number` if it is not among the account's.
pub(crate) async fn messages_url(
    client: &ElksClient,
    addresses: &SecretAddresses,
    number: &PhoneNumber,
) -> Result<Option<Url>> {
    let operation = "read messages' address of number";
    let known = find(client, operation, number.reveal()).await?;
    let known = known.ok_or_else(|| NumberWebhooks::not_ours(operation, PROVIDER, number))?;
    let url: Option<Url> = known.sms_url.and_then(|url| url.parse().ok());
    Ok(url.and_then(|url| addresses.unseal(&url, About::Received)))
}

/// Sets where messages to a number are told, SMS and, if the number takes them, MMS.
///
/// # Errors
/// As [`messages_url`].
pub(crate) async fn set_messages_url(
    client: &ElksClient,
    addresses: &SecretAddresses,
    number: &PhoneNumber,
    url: Option<&Url>,
) -> Result<()> {
    let operation = "set messages' address of number";
    let known = find(client, operation, number.reveal()).await?;
    let known = known.ok_or_else(|| NumberWebhooks::not_ours(operation, PROVIDER, number))?;
    let sealed = url.map(|url| addresses.seal(url, About::Received).to_string());
    // "none" clears it.
    let value = sealed.as_deref().unwrap_or("none");
    change(client, operation, &known, "sms_url", value).await?;
    match change(client, operation, &known, "mms_url", value).await {
        Err(error) if !is_refusal(&error) => Err(error),
        _ => Ok(()),
    }
}
