//! Media of conversations, which have a service of their own.

use bytes::Bytes;
use reqwest::header::HeaderValue;
use tracing::instrument;
use url::Url;
use voicecall_core::{Error, ErrorKind, Result};

use super::conversation::invalid;
use super::{MediaSid, TwilioConversations};
use crate::PROVIDER;
use crate::client::read_within;
use crate::failure::{Effect, unreadable};
use crate::sid::debug_without_content;
use crate::wire::conversations as wire;

/// The longest medium that is uploaded, in bytes: WhatsApp's longest.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// A medium of a conversation.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Media {
    /// Its name.
    pub sid: MediaSid,
    /// What it is, as it was said, such as `image/jpeg`.
    pub content_type: Option<String>,
    /// How many bytes it has.
    pub size: Option<u64>,
    /// The name of the file, as the sender has it.
    pub file_name: Option<String>,
}

debug_without_content!(Media: sid, content_type, size);

impl TwilioConversations {
    /// Gives Twilio a medium that a message can then [have](super::NewMessage::with_media): up to 16 MB. What each channel
    /// takes is less and its own, as of any message.
    ///
    /// Media are a service's: without a [configured](crate::TwilioBuilder::conversation_service) one the account is asked
    /// first which is its default, here and whenever one is read.
    ///
    /// # Errors
    /// `Invalid` naming `content_type`, or `media` if it is empty or too long; `UnknownOutcome` if nobody knows whether it was
    /// taken, which costs nothing but its storage.
    #[instrument(name = "twilio.upload_media", skip_all, fields(bytes = bytes.len()))]
    pub async fn upload(&self, content_type: &str, bytes: Vec<u8>) -> Result<Media> {
        let operation = "upload media";
        let is_type = content_type.split_once('/').is_some_and(|(kind, rest)| !kind.is_empty() && !rest.is_empty());
        let header = HeaderValue::from_str(content_type).ok().filter(|_| is_type);
        let header = header.ok_or_else(|| invalid("content_type", "a type such as image/jpeg"))?;
        if bytes.is_empty() || bytes.len() > MAX_BYTES {
            return Err(invalid("media", "1 byte to 16 MiB"));
        }
        let url = self.media_url(&[]).await?;
        let taken: wire::Media = self.media.upload(operation, url, &header, Bytes::from(bytes)).await?;
        taken.read().ok_or_else(|| unreadable(operation, Effect::Creates))
    }

    /// Reads what is known of a medium.
    ///
    /// # Errors
    /// `NotFound` if there is none.
    #[instrument(name = "twilio.fetch_media", skip_all, fields(%media))]
    pub async fn media(&self, media: &MediaSid) -> Result<Media> {
        let operation = "fetch media";
        let known: wire::Media = self.media.get(operation, self.media_url(&[media.as_str()]).await?).await?;
        known.read().ok_or_else(|| unreadable(operation, Effect::Repeatable))
    }

    /// Reads a medium itself, if it has no more than `limit` bytes. Our credentials do not follow it to where it lies.
    ///
    /// # Errors
    /// `Invalid` naming `media` if it has more; `NotFound` if there is none.
    #[instrument(name = "twilio.read_media", skip_all, fields(%media))]
    pub async fn media_content(&self, media: &MediaSid, limit: u64) -> Result<Vec<u8>> {
        let operation = "read media";
        let answer = self.media.open(operation, self.media_url(&[media.as_str(), "Content"]).await?).await?;
        let bytes = read_within(operation, answer, limit).await?;
        bytes.ok_or_else(|| Error::invalid("media", format!("at most {limit} bytes")).with_provider(PROVIDER))
    }

    async fn media_url(&self, parts: &[&str]) -> Result<Url> {
        let service = match &self.service {
            Some(service) => service.clone(),
            None => self.default_service().await?,
        };
        let parts: Vec<&str> = ["v1", "Services", &service, "Media"].into_iter().chain(parts.iter().copied()).collect();
        Ok(self.media.product_url(&parts))
    }

    async fn default_service(&self) -> Result<String> {
        let operation = "find default service";
        let known: wire::Configuration = self.client.get(operation, self.url(&["Configuration"])).await?;
        let service = known.default_chat_service_sid.filter(|sid| crate::sid::is_sid("IS", sid));
        service.ok_or_else(|| {
            let error = Error::new(ErrorKind::NotFound, operation).with_provider(PROVIDER);
            error.with_field("TWILIO_CONVERSATION_SERVICE_SID").with_message("the account has no default service")
        })
    }
}
