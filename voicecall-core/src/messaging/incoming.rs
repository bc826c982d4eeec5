//! A message that somebody sends to us.

use std::fmt;

use jiff::Timestamp;

use super::Media;
use crate::address::Address;
use crate::store::Channel;

/// A message that came in. Nothing here is proof of who wrote it: a sender's number can be forged.
///
/// `Debug` masks every address and hides the words and the name.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IncomingMessage {
    /// Who wrote it.
    pub from: Address,
    /// Which of our addresses it was sent to, over the same channel.
    pub to: Address,
    /// The words; empty if it holds only media.
    pub text: String,
    /// What came with it, of the types that are taken.
    pub media: Vec<Media>,
    /// How many media came with it that are of none of these types.
    pub refused_media: usize,
    /// The sender's name for themselves, if the channel tells.
    pub sender_name: Option<String>,
    /// When it was sent, if the carrier tells.
    pub sent_at: Option<Timestamp>,
}

impl IncomingMessage {
    /// The most characters of a text; what is longer is cut. No carrier passes on as many.
    pub const MAX_CHARS: usize = 16_384;

    /// A text.
    #[must_use]
    pub fn new(from: Address, to: Address, text: &str) -> Self {
        let is_fit = |char: &char| !char.is_control() || matches!(char, '\n' | '\t');
        let text = text.chars().filter(is_fit).take(Self::MAX_CHARS).collect();
        Self { from, to, text, media: Vec::new(), refused_media: 0, sender_name: None, sent_at: None }
    }

    /// Adds media by address and `Content-Type`; those of a type that is not taken are counted.
    #[must_use]
    pub fn with_media<'a>(mut self, media: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        for (url, content_type) in media {
            match (url.parse(), content_type.parse()) {
                (Ok(url), Ok(content_type)) => self.media.push(Media { url, content_type }),
                _ => self.refused_media += 1,
            }
        }
        self
    }

    /// Over what it came.
    #[must_use]
    pub fn channel(&self) -> Channel {
        self.from.channel()
    }
}

impl fmt::Debug for IncomingMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingMessage")
            .field("from", &self.from)
            .field("to", &self.to)
            .field("chars", &self.text.chars().count())
            .field("media", &self.media)
            .field("refused_media", &self.refused_media)
            .finish_non_exhaustive()
    }
}
