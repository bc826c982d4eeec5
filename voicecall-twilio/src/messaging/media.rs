//! Media that came with messages.

use reqwest::header::CONTENT_TYPE;
use voicecall_core::messaging::{Media, MediaContent};
use voicecall_core::{Error, Result};

use crate::PROVIDER;
use crate::client::{TwilioClient, read_within};

/// Reads a medium while it is not longer than `limit` bytes.
///
/// # Errors
/// `Invalid` naming `media` for an address that is not Twilio's, a type that is not taken, or one that is longer; `NotFound`
/// if it is gone; otherwise as usual.
pub(super) async fn fetch(client: &TwilioClient, media: &Media, limit: u64) -> Result<MediaContent> {
    let operation = "fetch medium";
    let invalid = |expected: String| Error::invalid("media", expected).with_provider(PROVIDER);
    let url = client.message_file_url(&media.url).ok_or_else(|| invalid("an address of Twilio's".to_owned()))?;
    let answer = client.open(operation, url).await?;
    let content_type = match answer.headers().get(CONTENT_TYPE) {
        // What it says itself counts: the webhook only announced it.
        Some(value) => value.to_str().unwrap_or_default().parse()?,
        None => media.content_type,
    };
    let bytes = read_within(operation, answer, limit).await?;
    let bytes = bytes.ok_or_else(|| invalid(format!("at most {limit} bytes")))?;
    Ok(MediaContent { content_type, bytes })
}
