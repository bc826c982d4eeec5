//! Media that came with messages.

use reqwest::header::CONTENT_TYPE;
use voicecall_core::messaging::{Media, MediaContent};
use voicecall_core::{Error, Result};

use crate::PROVIDER;
use crate::client::TwilioClient;
use crate::failure::{Effect, transport};

/// Reads a medium while it is not longer than `limit` bytes.
///
/// # Errors
/// `Invalid` naming `media` for an address that is not Twilio's, a type that is not taken, or one that is longer; `NotFound`
/// if it is gone; otherwise as usual.
pub(super) async fn fetch(client: &TwilioClient, media: &Media, limit: u64) -> Result<MediaContent> {
    let operation = "fetch medium";
    let invalid = |expected: String| Error::invalid("media", expected).with_provider(PROVIDER);
    let too_long = || invalid(format!("at most {limit} bytes"));
    let url = client.message_file_url(&media.url).ok_or_else(|| invalid("an address of Twilio's".to_owned()))?;
    let mut answer = client.open(operation, url).await?;
    let content_type = match answer.headers().get(CONTENT_TYPE) {
        // What it says itself counts: the webhook only announced it.
        Some(value) => value.to_str().unwrap_or_default().parse()?,
        None => media.content_type,
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
