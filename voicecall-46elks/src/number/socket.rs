//! Where the sockets of a websocket number come to.

use url::Url;
use voicecall_core::{Error, ErrorKind, Result};

use super::known::{change, find, is_refusal};
use crate::PROVIDER;
use crate::address::{About, SecretAddresses};
use crate::client::ElksClient;
use crate::wire;

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
