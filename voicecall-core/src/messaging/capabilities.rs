//! What a carrier can do with messages.

use super::{MediaKind, SendMessage};
use crate::error::{Error, ErrorKind, Result};
use crate::store::Channel;

/// What a carrier can do with messages, for choosing before sending instead of failing afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessagingCapabilities {
    /// The channels it has, each with its limits.
    pub channels: Vec<(Channel, ChannelLimits)>,
    /// Webhooks are signed, body and all. Otherwise only their address is secret, and what they say needs to be
    /// [confirmed](super::ConversationalBackend::confirm).
    pub signed_webhooks: bool,
    /// It reports whether the receiver has read a message.
    pub read_receipts: bool,
    /// Messages that were sent can be looked for by receiver and time ([`ConversationalBackend::find`](super::ConversationalBackend::find)).
    pub find: bool,
    /// It can be read and set where the carrier tells of messages to a number
    /// ([`ConversationalBackend::set_incoming_url`](super::ConversationalBackend::set_incoming_url)).
    pub number_webhooks: bool,
}

/// What one message over a channel may be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChannelLimits {
    /// The longest text, in characters.
    pub max_chars: usize,
    /// The most media in one message; 0 if it carries none.
    pub max_media: usize,
    /// The kinds of media it carries.
    pub media: Vec<MediaKind>,
}

impl ChannelLimits {
    /// Texts of so many characters, without media.
    #[must_use]
    pub const fn text(max_chars: usize) -> Self {
        Self { max_chars, max_media: 0, media: Vec::new() }
    }

    /// The same with media.
    #[must_use]
    pub fn with_media(mut self, max_media: usize, kinds: &[MediaKind]) -> Self {
        self.max_media = max_media;
        self.media = kinds.to_vec();
        self
    }
}

impl MessagingCapabilities {
    /// A carrier with these channels, whose webhooks are signed.
    #[must_use]
    pub const fn new(channels: Vec<(Channel, ChannelLimits)>) -> Self {
        Self { channels, signed_webhooks: true, read_receipts: false, find: true, number_webhooks: false }
    }

    /// What a message over this channel may be; `None` if the carrier does not have it.
    #[must_use]
    pub fn limits(&self, channel: &Channel) -> Option<&ChannelLimits> {
        self.channels.iter().find(|(own, _)| own == channel).map(|(_, limits)| limits)
    }

    /// Refuses a message that the carrier could not send, as every backend does before it sends anything.
    ///
    /// # Errors
    /// `Unsupported` for a channel or a kind of media it does not have; `Invalid` naming `text` or `media`.
    pub fn check(&self, message: &SendMessage) -> Result<()> {
        message.validate()?;
        let unsupported = |what: String| Error::new(ErrorKind::Unsupported, "send message").with_message(what);
        let channel = message.channel();
        let Some(limits) = self.limits(&channel) else { return Err(unsupported(format!("no channel {channel}"))) };
        if message.text.chars().count() > limits.max_chars {
            return Err(Error::invalid("text", format!("at most {} characters", limits.max_chars)));
        }
        if message.media.len() > limits.max_media {
            return Err(Error::invalid("media", format!("at most {}", limits.max_media)));
        }
        let foreign = message.media.iter().find(|media| !limits.media.contains(&media.content_type.kind()));
        foreign.map_or(Ok(()), |media| Err(unsupported(format!("no {} over {channel}", media.content_type))))
    }
}
