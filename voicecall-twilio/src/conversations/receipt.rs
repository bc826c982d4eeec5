//! Receipts: how far a message has come with each participant.

use jiff::Timestamp;
use tracing::instrument;
use voicecall_core::messaging::MessageState;
use voicecall_core::{CarrierMessageId, Result};

use super::{ConversationSid, MessageSid, ParticipantSid, ReceiptSid, TwilioConversations};
use crate::wire::conversations as wire;

/// How far a message has come with one participant who gets it by SMS or WhatsApp.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// Its name.
    pub sid: ReceiptSid,
    /// With whom.
    pub participant: Option<ParticipantSid>,
    /// The SMS or the message of WhatsApp, as [`TwilioMessaging`](crate::TwilioMessaging) knows it.
    pub channel_message: Option<CarrierMessageId>,
    /// How far: from [`MessageState::Sent`] on. A word this version does not know counts as sent.
    pub state: MessageState,
    /// Twilio's code for why no further.
    pub error: Option<String>,
    /// When it began.
    pub created_at: Option<Timestamp>,
    /// When it changed last.
    pub updated_at: Option<Timestamp>,
}

impl TwilioConversations {
    /// How far a message has come with each participant who gets it by SMS or WhatsApp.
    ///
    /// # Errors
    /// `NotFound` if the message is not in the conversation.
    #[instrument(name = "twilio.list_receipts", skip_all, fields(%conversation, %message))]
    pub async fn receipts(&self, conversation: &ConversationSid, message: &MessageSid) -> Result<Vec<Receipt>> {
        let parts = ["Conversations", conversation.as_str(), "Messages", message.as_str(), "Receipts"];
        let known = self.client.product_list::<wire::Receipt>("list receipts", &self.url(&parts), 50).await?;
        Ok(known.iter().filter_map(wire::Receipt::read).collect())
    }
}
