//! Participants: who is in a conversation, and over what.

use jiff::Timestamp;
use serde_json::Value;
use tracing::instrument;
use voicecall_core::store::Channel;
use voicecall_core::{Address, Result};

use super::conversation::invalid;
use super::{ConversationSid, ParticipantSid, RoleSid, TwilioConversations};
use crate::failure::{Effect, unreadable};
use crate::order::Form;
use crate::sid::debug_without_content;
use crate::wire::conversations as wire;

/// Over what somebody takes part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binding {
    /// A client of Twilio's chat, by its identity.
    Chat(Identity),
    /// SMS or WhatsApp, by the address of each end, both of the same channel.
    Messaging {
        /// The participant's.
        address: Address,
        /// Ours, through which they write and are written to.
        proxy: Address,
    },
}

/// The name of a chat client, such as a user's. It is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity(String);

impl Identity {
    /// Of this name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity(***)")
    }
}

/// Somebody to add to a conversation.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct NewParticipant {
    /// Over what they take part.
    pub binding: Binding,
    /// What else holds of them; the proxy of the binding counts.
    pub settings: ParticipantSettings,
}

debug_without_content!(NewParticipant: binding, settings);

impl NewParticipant {
    /// A client of Twilio's chat.
    #[must_use]
    pub fn chat(identity: impl Into<String>) -> Self {
        Self { binding: Binding::Chat(Identity::new(identity)), settings: ParticipantSettings::default() }
    }

    /// Somebody who writes SMS or WhatsApp from `address` to `proxy`, an address of the account's.
    #[must_use]
    pub fn messaging(address: Address, proxy: Address) -> Self {
        Self { binding: Binding::Messaging { address, proxy }, settings: ParticipantSettings::default() }
    }

    fn form(&self) -> Result<Form> {
        let mut form = Form::default();
        match &self.binding {
            Binding::Chat(identity) if identity.0.is_empty() => return Err(invalid("identity", "a name")),
            Binding::Chat(identity) => form.add("Identity", identity.reveal()),
            Binding::Messaging { address, proxy } => {
                if !is_messaging(address) {
                    return Err(invalid("address", "a phone number or an address of WhatsApp"));
                }
                if proxy.channel() != address.channel() {
                    return Err(invalid("proxy", "an address of the participant's channel"));
                }
                form.add("MessagingBinding.Address", address.canonical());
                form.add("MessagingBinding.ProxyAddress", proxy.canonical());
            }
        }
        let settings = ParticipantSettings { proxy: None, ..self.settings.clone() };
        settings.add_to(&mut form)?;
        Ok(form)
    }
}

/// What is changed of a participant: what is none is left as it is.
#[derive(Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ParticipantSettings {
    /// What the application keeps with them.
    pub attributes: Option<Value>,
    /// What they may do.
    pub role: Option<RoleSid>,
    /// The address of ours through which they write; when they are changed only.
    pub proxy: Option<Address>,
    /// The index of the last message they read; when they are changed only, and of chat clients.
    pub last_read: Option<u64>,
}

debug_without_content!(ParticipantSettings: role, proxy, last_read);

impl ParticipantSettings {
    fn add_to(&self, form: &mut Form) -> Result<()> {
        if self.proxy.as_ref().is_some_and(|proxy| !is_messaging(proxy)) {
            return Err(invalid("proxy", "a phone number or an address of WhatsApp"));
        }
        form.add_some("Attributes", self.attributes.as_ref().map(Value::to_string));
        form.add_some("RoleSid", self.role.as_ref().map(RoleSid::as_str));
        form.add_some("MessagingBinding.ProxyAddress", self.proxy.as_ref().map(Address::canonical));
        form.add_some("LastReadMessageIndex", self.last_read.map(|index| index.to_string()));
        Ok(())
    }
}

/// Somebody in a conversation.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Participant {
    /// Their name at Twilio.
    pub sid: ParticipantSid,
    /// Over what they take part; none over a channel that has no address here, such as Messenger.
    pub binding: Option<Binding>,
    /// What they may do.
    pub role: Option<RoleSid>,
    /// What the application keeps with them; null if it cannot be read.
    pub attributes: Value,
    /// The index of the last message they read, if a chat client told.
    pub last_read: Option<u64>,
    /// When they were added.
    pub created_at: Option<Timestamp>,
    /// When they were changed last.
    pub updated_at: Option<Timestamp>,
}

debug_without_content!(Participant: sid, binding, role, last_read, created_at, updated_at);

impl TwilioConversations {
    /// Adds somebody to a conversation.
    ///
    /// # Errors
    /// `Invalid` naming the field that Twilio would refuse; `Conflict` naming `participant` if they are in it already, or
    /// `address` if the same two addresses are in an open conversation; `UnknownOutcome` if nobody knows whether they were
    /// added.
    #[instrument(name = "twilio.add_participant", skip_all, fields(%conversation))]
    pub async fn add_participant(
        &self,
        conversation: &ConversationSid,
        participant: &NewParticipant,
    ) -> Result<Participant> {
        let operation = "add participant";
        let (url, form) = (self.participants_url(conversation, None), participant.form()?);
        let added: wire::Participant = self.client.post(operation, Effect::Creates, url, &form.pairs()).await?;
        added.read().ok_or_else(|| unreadable(operation, Effect::Creates))
    }

    /// Reads one participant.
    ///
    /// # Errors
    /// `NotFound` if they are not in the conversation.
    #[instrument(name = "twilio.fetch_participant", skip_all, fields(%conversation, %participant))]
    pub async fn participant(
        &self,
        conversation: &ConversationSid,
        participant: &ParticipantSid,
    ) -> Result<Participant> {
        let operation = "fetch participant";
        let url = self.participants_url(conversation, Some(participant));
        let known: wire::Participant = self.client.get(operation, url).await?;
        known.read().ok_or_else(|| unreadable(operation, Effect::Repeatable))
    }

    /// All participants of a conversation.
    ///
    /// # Errors
    /// `NotFound` if there is no such conversation.
    #[instrument(name = "twilio.list_participants", skip_all, fields(%conversation))]
    pub async fn participants(&self, conversation: &ConversationSid) -> Result<Vec<Participant>> {
        let list = self.participants_url(conversation, None);
        let known = self.client.product_list::<wire::Participant>("list participants", &list, 100).await?;
        Ok(known.iter().filter_map(wire::Participant::read).collect())
    }

    /// Changes a participant.
    ///
    /// # Errors
    /// As [`participant`](Self::participant); `Invalid` naming the field that Twilio would refuse.
    #[instrument(name = "twilio.update_participant", skip_all, fields(%conversation, %participant))]
    pub async fn update_participant(
        &self,
        conversation: &ConversationSid,
        participant: &ParticipantSid,
        settings: &ParticipantSettings,
    ) -> Result<Participant> {
        let operation = "update participant";
        let mut form = Form::default();
        settings.add_to(&mut form)?;
        let url = self.participants_url(conversation, Some(participant));
        let known: wire::Participant = self.client.post(operation, Effect::Repeatable, url, &form.pairs()).await?;
        known.read().ok_or_else(|| unreadable(operation, Effect::Repeatable))
    }

    /// Takes somebody out of a conversation.
    ///
    /// # Errors
    /// `NotFound` if they are not in it.
    #[instrument(name = "twilio.remove_participant", skip_all, fields(%conversation, %participant))]
    pub async fn remove_participant(&self, conversation: &ConversationSid, participant: &ParticipantSid) -> Result<()> {
        self.client.delete("remove participant", self.participants_url(conversation, Some(participant))).await
    }

    fn participants_url(&self, conversation: &ConversationSid, participant: Option<&ParticipantSid>) -> url::Url {
        let mut parts = vec!["Conversations", conversation.as_str(), "Participants"];
        parts.extend(participant.map(ParticipantSid::as_str));
        self.url(&parts)
    }
}

fn is_messaging(address: &Address) -> bool {
    [Channel::Sms, Channel::WhatsApp].contains(&address.channel())
}
