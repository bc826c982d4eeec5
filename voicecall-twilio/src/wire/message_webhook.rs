//! The fields of a request Twilio makes about a message: one that came in, or a report on one of ours.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::call_webhook::keep_first;

/// The most media of one message that are read.
const MOST_MEDIA: usize = 20;

/// The fields this library acts on. All others, also future ones, are signed but not read.
#[derive(Debug, Default)]
pub(crate) struct MessageWebhook<'a> {
    pub(crate) message_sid: Option<Cow<'a, str>>,
    /// Present in reports on messages of ours.
    pub(crate) message_status: Option<Cow<'a, str>>,
    /// The older name of the status; `received` for a message that came in.
    pub(crate) sms_status: Option<Cow<'a, str>>,
    pub(crate) from: Option<Cow<'a, str>>,
    pub(crate) to: Option<Cow<'a, str>>,
    pub(crate) body: Option<Cow<'a, str>>,
    /// How many media came with it.
    pub(crate) num_media: Option<Cow<'a, str>>,
    /// Each medium, by its number from 0.
    pub(crate) media: BTreeMap<usize, MediumFields<'a>>,
    /// The sender's name for themselves, in WhatsApp.
    pub(crate) profile_name: Option<Cow<'a, str>>,
    /// Of a place that was sent, in WhatsApp.
    pub(crate) latitude: Option<Cow<'a, str>>,
    pub(crate) error_code: Option<Cow<'a, str>>,
}

/// What is told of a medium.
#[derive(Debug, Default)]
pub(crate) struct MediumFields<'a> {
    pub(crate) url: Option<Cow<'a, str>>,
    pub(crate) content_type: Option<Cow<'a, str>>,
}

impl<'a> MessageWebhook<'a> {
    /// Picks the fields out of decoded names and values. Of a repeated name the first counts.
    pub(crate) fn from_pairs(pairs: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>) -> Self {
        let mut webhook = Self::default();
        for (name, value) in pairs {
            match &*name {
                "MessageSid" => keep_first(&mut webhook.message_sid, value),
                "MessageStatus" => keep_first(&mut webhook.message_status, value),
                "SmsStatus" => keep_first(&mut webhook.sms_status, value),
                "From" => keep_first(&mut webhook.from, value),
                "To" => keep_first(&mut webhook.to, value),
                "Body" => keep_first(&mut webhook.body, value),
                "NumMedia" => keep_first(&mut webhook.num_media, value),
                "ProfileName" => keep_first(&mut webhook.profile_name, value),
                "Latitude" => keep_first(&mut webhook.latitude, value),
                "ErrorCode" => keep_first(&mut webhook.error_code, value),
                name => webhook.keep_medium(name, value),
            }
        }
        webhook
    }

    fn keep_medium(&mut self, name: &str, value: Cow<'a, str>) {
        let number = |prefix: &str| name.strip_prefix(prefix)?.parse().ok().filter(|number| *number < MOST_MEDIA);
        if let Some(number) = number("MediaUrl") {
            keep_first(&mut self.media.entry(number).or_default().url, value);
        } else if let Some(number) = number("MediaContentType") {
            keep_first(&mut self.media.entry(number).or_default().content_type, value);
        }
    }
}
