//! Each side of an account, built of its settings.

use voicecall_core::{Error, Result};

use super::check::{check_sid, required};
use super::{Checked, ClientConfig, TwilioBuilder, region};
use crate::{
    TwilioAccessTokens, TwilioConversations, TwilioMessaging, TwilioNumbers, TwilioTranscriptions, TwilioVoice,
};

/// The interface for media of conversations.
const MEDIA: &str = "mcs";

impl TwilioBuilder {
    /// Checks the settings and builds the voice side. Nothing is sent.
    ///
    /// # Errors
    /// [`Config`](voicecall_core::ErrorKind::Config) naming the first setting that is missing or wrong.
    pub fn build(self) -> Result<TwilioVoice> {
        let Checked { client, public_url, tokens } = self.check()?;
        TwilioVoice::new(client, public_url, tokens, self.connection_overrides)
    }

    /// Checks the settings and builds the messaging side. Nothing is sent.
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn build_messaging(self) -> Result<TwilioMessaging> {
        let Checked { client, public_url, tokens } = self.check()?;
        if let Some(sid) = &self.messaging_service {
            check_sid("TWILIO_MESSAGING_SERVICE_SID", "MG", sid)?;
        }
        TwilioMessaging::new(client, public_url, tokens, self.connection_overrides, self.messaging_service)
    }

    /// Checks the settings and builds the side that Twilio's Conversations are on. Nothing is sent.
    ///
    /// # Errors
    /// As [`build`](Self::build). A [`parent_account`](Self::parent_account) is refused: the conversations would be the
    /// parent's, because their addresses name no account.
    pub fn build_conversations(self) -> Result<TwilioConversations> {
        let Checked { client, public_url, tokens } = self.check()?;
        self.signs_in_itself()?;
        if let Some(sid) = &self.conversation_service {
            check_sid("TWILIO_CONVERSATION_SERVICE_SID", "IS", sid)?;
        }
        let conversations = self.of_product(&client, "conversations")?;
        let media = self.of_product(&client, MEDIA)?;
        TwilioConversations::new(conversations, media, public_url, tokens, self.conversation_service)
    }

    /// Checks the settings and builds the side that transcribes calls and recordings. Nothing is sent.
    ///
    /// # Errors
    /// As [`build`](Self::build). A [`parent_account`](Self::parent_account) is refused: transcripts would be the parent's,
    /// because their addresses name no account.
    pub fn build_transcriptions(self) -> Result<TwilioTranscriptions> {
        let Checked { client, public_url, tokens } = self.check()?;
        self.signs_in_itself()?;
        let intelligence = self.of_product(&client, "intelligence")?;
        TwilioTranscriptions::new(client, intelligence, public_url, tokens, self.connection_overrides)
    }

    /// Checks the settings and builds the side that buys numbers and gives them back. Nothing is sent.
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn build_numbers(self) -> Result<TwilioNumbers> {
        TwilioNumbers::new(self.check()?.client)
    }

    /// Checks the settings and builds what makes access tokens for browsers and apps: of the account, its API key and its
    /// region; the others are not needed. Nothing is sent.
    ///
    /// # Errors
    /// [`Config`](voicecall_core::ErrorKind::Config) naming the first of them that is missing or wrong.
    pub fn build_access_tokens(self) -> Result<TwilioAccessTokens> {
        let account_sid = required("TWILIO_ACCOUNT_SID", self.account_sid.clone())?;
        check_sid("TWILIO_ACCOUNT_SID", "AC", &account_sid)?;
        region::product_url("api", self.edge.as_deref(), self.region.as_deref())?;
        let key = required("TWILIO_API_KEY", self.key()?)?;
        Ok(TwilioAccessTokens::new(account_sid, key, self.region))
    }

    /// For interfaces whose addresses name no account: whoever signs in is meant.
    fn signs_in_itself(&self) -> Result<()> {
        match &self.parent_account_sid {
            Some(_) => Err(Error::config("TWILIO_PARENT_ACCOUNT_SID", "not with what is of the account that signs in")),
            None => Ok(()),
        }
    }

    /// The settings for another of Twilio's interfaces, which has a host of its own.
    fn of_product(&self, client: &ClientConfig, product: &str) -> Result<ClientConfig> {
        let mut client = client.clone();
        if self.api_base_url.is_none() {
            client.api_base_url = match product {
                MEDIA => region::media_url(self.region.as_deref())?,
                product => region::product_url(product, self.edge.as_deref(), self.region.as_deref())?,
            };
        }
        Ok(client)
    }
}
