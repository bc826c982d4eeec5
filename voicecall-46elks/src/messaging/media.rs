//! Pictures that came with MMS.

use reqwest::header::CONTENT_TYPE;
use voicecall_core::messaging::{Media, MediaContent};
use voicecall_core::{CarrierMessageId, Error, Result};

use crate::PROVIDER;
use crate::client::ElksClient;
use crate::failure::{Effect, transport};

/// Whether a picture is of this message: its name holds the message's id.
pub(super) fn is_of(medium: &Media, id: &CarrierMessageId) -> bool {
    let name = medium.url.path().rsplit('/').next().unwrap_or_default();
    name.strip_prefix(id.as_str()).is_some_and(|rest| rest.starts_with("-i"))
}

/// The type that the ending of a picture's address tells. 46elks tells it in no other way before the picture is fetched.
pub(super) fn type_of(url: &str) -> &'static str {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("png") => "image/png",
        Some("gif") => "image/gif",
        Some("webp") => "image/webp",
        _ => "image/jpeg",
    }
}

/// Reads a picture while it is not longer than `limit` bytes.
///
/// # Errors
/// `Invalid` naming `media` for an address that is not 46elks's, a type that is not taken, or one that is longer; `NotFound`
/// if it is gone; otherwise as usual.
pub(super) async fn fetch(client: &ElksClient, media: &Media, limit: u64) -> Result<MediaContent> {
    let operation = "fetch medium";
    let invalid = |expected: String| Error::invalid("media", expected).with_provider(PROVIDER);
    let too_long = || invalid(format!("at most {limit} bytes"));
    let url = client.image_url(&media.url).ok_or_else(|| invalid("an address of 46elks's".to_owned()))?;
    let mut answer = client.open(operation, url).await?;
    let content_type = match answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) {
        // Which types it tells is not documented; one that tells nothing leaves it at the ending.
        None | Some("" | "application/octet-stream" | "binary/octet-stream") => media.content_type,
        Some(told) => told.parse()?,
    };
    if answer.content_length().is_some_and(|length| length > limit) {
        return Err(too_long());
    }
    let mut bytes = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(|error| transport(operation, Effect::Repeatable, error))? {
        if (bytes.len() + piece.len()) as u64 > limit {
            return Err(too_long());
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(MediaContent { content_type, bytes })
}
