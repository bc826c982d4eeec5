//! Who is told of what happens in conversations.

use serde_json::json;
use voicecall_core::CallTime;

use super::{Participant, WebhookSettings};
use crate::twilio::requests::Subject;
use crate::twilio::webhook::Draft;
use crate::twilio::{Exchange, Method, WebhookKind};

/// What a change came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::twilio) enum Source {
    Api,
    Sdk,
    Sms,
    WhatsApp,
}

impl Source {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "API",
            Self::Sdk => "SDK",
            Self::Sms => "SMS",
            Self::WhatsApp => "WHATSAPP",
        }
    }

    pub(in crate::twilio) fn of(participant: &Participant) -> Self {
        match participant.channel() {
            "chat" => Self::Sdk,
            "whatsapp" => Self::WhatsApp,
            _ => Self::Sms,
        }
    }
}

impl Exchange {
    /// Tells whoever wants to know of this event: the conversation's own webhooks, and those of its service or account.
    pub(in crate::twilio) fn tell(
        &mut self,
        now: CallTime,
        conversation: usize,
        event: &str,
        source: Source,
        fields: Vec<(&str, String)>,
    ) {
        let form = self.event_form(conversation, event, source, fields);
        let known = &self.conversations.all[conversation];
        let wants = |filters: &[String]| filters.iter().any(|filter| filter == event);
        let scoped = known.webhooks.iter().filter(|webhook| !webhook.gone && wants(&webhook.filters));
        let mut addresses: Vec<(String, Method)> = scoped
            .map(|webhook| (webhook.url.clone(), if webhook.method == "get" { Method::Get } else { Method::Post }))
            .collect();
        let settings = self.webhook_settings(conversation);
        addresses.extend(settings.post.filter(|_| wants(&settings.filters)).map(|url| (url, Method::Post)));
        let sid = known.sid.clone();
        for address in addresses {
            let kind = WebhookKind::ConversationEvent;
            let draft = Draft { call: &sid, kind, address: &address, form: form.clone() };
            self.request(now, Subject::Conversation(conversation), draft);
        }
    }

    /// The webhooks of the conversation's service, or else of its account.
    pub(super) fn webhook_settings(&self, conversation: usize) -> WebhookSettings {
        let known = &self.conversations.all[conversation];
        let settings = &self.conversations.settings;
        let of_service = settings.get(&(known.account, Some(known.service.clone())));
        of_service.or_else(|| settings.get(&(known.account, None))).cloned().unwrap_or_default()
    }

    pub(super) fn event_form(
        &self,
        conversation: usize,
        event: &str,
        source: Source,
        fields: Vec<(&str, String)>,
    ) -> Vec<(String, String)> {
        let known = &self.conversations.all[conversation];
        let common = [
            ("AccountSid", self.options.accounts[known.account].sid.clone()),
            ("EventType", event.to_owned()),
            ("Source", source.as_str().to_owned()),
            ("ConversationSid", known.sid.clone()),
            ("ChatServiceSid", known.service.clone()),
        ];
        common.into_iter().chain(fields).map(|(name, value)| (name.to_owned(), value)).collect()
    }

    pub(in crate::twilio) fn message_fields(
        &self,
        conversation: usize,
        index: usize,
        date: &'static str,
        at: CallTime,
    ) -> Vec<(&'static str, String)> {
        let message = &self.conversations.all[conversation].messages[index];
        let mut fields = vec![
            ("MessageSid", message.sid.clone()),
            ("Index", index.to_string()),
            ("Author", message.author.clone()),
            ("Body", message.body.clone().unwrap_or_default()),
            ("Attributes", message.attributes.clone()),
            ("DateCreated", self.timestamp(message.created).to_string()),
        ];
        fields.extend(message.participant.clone().map(|sid| ("ParticipantSid", sid)));
        fields.extend(self.media_field(&message.media));
        if date != "DateCreated" {
            fields.push((date, self.timestamp(at).to_string()));
        }
        fields
    }

    /// What came with a message, as JSON in a field.
    pub(super) fn media_field(&self, media: &[usize]) -> Option<(&'static str, String)> {
        let files: Vec<_> = media
            .iter()
            .map(|&place| {
                let file = &self.conversations.files[place];
                let size = file.bytes.len();
                json!({"Sid": file.sid, "Filename": null, "ContentType": file.content_type, "Size": size})
            })
            .collect();
        (!files.is_empty()).then(|| ("Media", json!(files).to_string()))
    }

    pub(in crate::twilio) fn participant_fields(
        &self,
        participant: &Participant,
        date: &'static str,
        at: CallTime,
    ) -> Vec<(&'static str, String)> {
        let mut fields = vec![
            ("ParticipantSid", participant.sid.clone()),
            ("Attributes", participant.attributes.clone()),
            ("DateCreated", self.timestamp(participant.created).to_string()),
            ("MessagingBinding.Type", participant.channel().to_ascii_uppercase()),
        ];
        fields.extend(participant.identity.clone().map(|identity| ("Identity", identity)));
        fields.extend(participant.role.clone().map(|role| ("RoleSid", role)));
        fields.extend(participant.last_read.map(|index| ("LastReadMessageIndex", index.to_string())));
        if let Some((address, proxy)) = participant.binding.clone() {
            fields.extend([("MessagingBinding.Address", address), ("MessagingBinding.ProxyAddress", proxy)]);
        }
        if date != "DateCreated" {
            fields.push((date, self.timestamp(at).to_string()));
        }
        fields
    }

    pub(in crate::twilio) fn conversation_fields(
        &self,
        conversation: usize,
        date: &'static str,
        at: CallTime,
    ) -> Vec<(&'static str, String)> {
        let known = &self.conversations.all[conversation];
        vec![
            ("FriendlyName", known.friendly_name.clone().unwrap_or_default()),
            ("UniqueName", known.unique_name.clone().unwrap_or_default()),
            ("Attributes", known.attributes.clone()),
            ("State", known.state.as_str().to_owned()),
            ("DateCreated", self.timestamp(known.created).to_string()),
            (if date == "DateCreated" { "DateUpdated" } else { date }, self.timestamp(at).to_string()),
        ]
    }
}
