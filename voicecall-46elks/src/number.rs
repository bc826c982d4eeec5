//! The account's numbers: where calls to them are asked about, and where the audio of all calls goes.

use url::Url;
use voicecall_core::carrier::NumberWebhooks;
use voicecall_core::{Error, ErrorKind, PhoneNumber, Result};

use crate::PROVIDER;
use crate::address::{About, SecretAddresses};
use crate::call::call_id;
use crate::client::{ElksClient, MAX_PAGES};
use crate::failure::{Effect, unreadable};
use crate::wire;

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

/// Where the sockets of a websocket number come to, if that is ours.
///
/// # Errors
/// `Config` if the number is not among the account's.
pub(crate) async fn media_url(
    client: &ElksClient,
    addresses: &SecretAddresses,
    websocket_number: &str,
) -> Result<Option<Url>> {
    let known = websocket(client, "read media address", websocket_number).await?;
    let url: Option<Url> = socket_of(&known).and_then(|url| url.parse().ok());
    Ok(url.and_then(|url| addresses.unseal(&url, About::Media)))
}

/// Lets the sockets of a websocket number come here. The documentation has `websocket_url` for it, the tutorial
/// `voice_start`: the second is set if the first does not take.
///
/// # Errors
/// As [`media_url`]; `Protocol` if it is not there afterwards.
pub(crate) async fn set_media_url(
    client: &ElksClient,
    addresses: &SecretAddresses,
    websocket_number: &str,
    url: &Url,
) -> Result<()> {
    let operation = "set media address";
    let known = websocket(client, operation, websocket_number).await?;
    let sealed = addresses.seal(url, About::Media).to_string();
    for field in ["websocket_url", "voice_start"] {
        match change(client, operation, &known, field, &sealed).await {
            Err(error) if field == "websocket_url" && is_refusal(&error) => {}
            answer => {
                answer?;
            }
        }
        if socket_of(&websocket(client, operation, websocket_number).await?) == Some(&*sealed) {
            return Ok(());
        }
    }
    Err(Error::new(ErrorKind::Protocol, operation)
        .with_provider(PROVIDER)
        .with_message("the websocket number does not keep its address"))
}

/// Whether 46elks understood and said no, such as to a field it does not have.
fn is_refusal(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Rejected | ErrorKind::Invalid | ErrorKind::Forbidden)
}

/// Where a websocket number connects to, in whichever field.
fn socket_of(number: &wire::Number) -> Option<&str> {
    let fields = [&number.websocket_url, &number.voice_start];
    fields.into_iter().filter_map(|field| field.as_deref()).find(|url| url.starts_with("ws"))
}

async fn websocket(client: &ElksClient, operation: &'static str, number: &str) -> Result<wire::Number> {
    find(client, operation, number).await?.ok_or_else(|| {
        Error::config("ELKS_WEBSOCKET_NUMBER", "a websocket number of this account").with_provider(PROVIDER)
    })
}

async fn change(
    client: &ElksClient,
    operation: &'static str,
    number: &wire::Number,
    field: &str,
    value: &str,
) -> Result<wire::Number> {
    // It goes into a path.
    let id = call_id(&number.id).ok_or_else(|| unreadable(operation, Effect::Repeatable))?;
    let url = client.url(&format!("numbers/{id}"))?;
    client.post(operation, Effect::Repeatable, url, &[(field, value)]).await
}

/// The account's own number, unless it was given back.
async fn find(client: &ElksClient, operation: &'static str, number: &str) -> Result<Option<wire::Number>> {
    let mut start: Option<String> = None;
    for _ in 0..MAX_PAGES {
        let mut url = client.url("numbers")?;
        url.query_pairs_mut().append_pair("limit", "100");
        if let Some(start) = &start {
            url.query_pairs_mut().append_pair("start", start);
        }
        let page: wire::NumberPage = client.get(operation, url).await?;
        let is_it = |known: &wire::Number| {
            known.number.as_deref() == Some(number) && known.active.as_deref().is_none_or(|active| active != "no")
        };
        if let Some(known) = page.data.into_iter().find(is_it) {
            return Ok(Some(known));
        }
        match page.next {
            Some(next) if start.as_ref() != Some(&next) => start = Some(next),
            _ => return Ok(None),
        }
    }
    Err(Error::new(ErrorKind::Unsupported, operation).with_provider(PROVIDER).with_message("too many numbers"))
}
