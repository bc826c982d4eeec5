//! The order to send a message.

use url::Url;

use super::Media;
use crate::address::Address;
use crate::error::{Error, Result};
use crate::store::Channel;

/// The order to send a message. The channel follows from the receiver's address.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SendMessage {
    /// Who is to have it.
    pub to: Address,
    /// Which of our addresses it comes from, over the same channel.
    pub from: Address,
    /// The words; empty only if there are media.
    pub text: String,
    /// What goes with it.
    pub media: Vec<Media>,
    /// Where the carrier reports what becomes of it.
    pub report_url: Option<Url>,
}

impl SendMessage {
    /// A text.
    #[must_use]
    pub fn text(to: Address, from: Address, text: impl Into<String>) -> Self {
        Self { to, from, text: text.into(), media: Vec::new(), report_url: None }
    }

    /// Adds media.
    #[must_use]
    pub fn with_media(mut self, media: Vec<Media>) -> Self {
        self.media = media;
        self
    }

    /// Has it reported to this address what becomes of the message.
    #[must_use]
    pub fn reporting_to(mut self, url: Option<Url>) -> Self {
        self.report_url = url;
        self
    }

    /// Over what it goes.
    #[must_use]
    pub fn channel(&self) -> Channel {
        self.to.channel()
    }

    /// Checks what holds for every carrier.
    ///
    /// # Errors
    /// `Invalid` naming `text` for a message with nothing in it, or `from` for an address of another channel.
    pub fn validate(&self) -> Result<()> {
        if self.text.trim().is_empty() && self.media.is_empty() {
            return Err(Error::invalid("text", "words, or media"));
        }
        if self.from.channel() != self.channel() {
            return Err(Error::invalid("from", format!("an address for {}", self.channel())));
        }
        Ok(())
    }
}
