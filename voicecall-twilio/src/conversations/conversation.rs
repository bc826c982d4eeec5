//! Conversations: made, found, changed and deleted.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tracing::instrument;
use voicecall_core::carrier::PageToken;
use voicecall_core::{Error, Result, text_enum};

use super::{ConversationSid, TwilioConversations};
use crate::PROVIDER;
use crate::failure::{Effect, unreadable};
use crate::order::Form;
use crate::sid::debug_without_content;
use crate::wire::conversations as wire;

/// The longest friendly name, in characters, and the most conversations of a page.
const LONGEST_NAME: usize = 256;
const LARGEST_PAGE: u16 = 100;

/// The shortest times of a conversation's timers.
const SHORTEST_INACTIVE: Duration = Duration::from_secs(60);
const SHORTEST_CLOSED: Duration = Duration::from_secs(600);

text_enum! {
    /// How a conversation stands.
    ConversationState, "state" {
        /// It is being set up, and tells nobody anything yet.
        Initializing = "initializing",
        /// It takes messages.
        Active = "active",
        /// It takes messages, by which it becomes active again.
        Inactive = "inactive",
        /// It is over for good.
        Closed = "closed",
    }
}

/// A conversation.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Conversation {
    /// Its name at Twilio.
    pub sid: ConversationSid,
    /// The service it is in, `IS…`.
    pub service: Option<String>,
    /// Its name for people.
    pub friendly_name: Option<String>,
    /// Its name of the application's own.
    pub unique_name: Option<String>,
    /// How it stands. A state this version does not know counts as active.
    pub state: ConversationState,
    /// What the application keeps with it; null if it cannot be read.
    pub attributes: Value,
    /// When its timer makes it inactive.
    pub inactive_at: Option<Timestamp>,
    /// When its timer closes it.
    pub closed_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// When it was changed last.
    pub updated_at: Option<Timestamp>,
}

debug_without_content!(Conversation: sid, service, state, inactive_at, closed_at, created_at, updated_at);

/// What a conversation is made with, or what is changed of it: what is none is left as it is.
#[derive(Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ConversationSettings {
    /// A name for people, of up to 256 characters.
    pub friendly_name: Option<String>,
    /// A name by which it can be found; no other conversation of the service has it.
    pub unique_name: Option<String>,
    /// What the application keeps with it.
    pub attributes: Option<Value>,
    /// How it stands.
    pub state: Option<ConversationState>,
    /// After how long without a message it becomes inactive: a minute or more.
    pub inactive_after: Option<Duration>,
    /// After how long without a message it is closed: ten minutes or more.
    pub closed_after: Option<Duration>,
    /// The messaging service, `MG…`, whose numbers its messages go out from.
    pub messaging_service: Option<String>,
}

debug_without_content!(ConversationSettings: state, inactive_after, closed_after, messaging_service);

impl ConversationSettings {
    /// With this unique name.
    #[must_use]
    pub fn named(unique_name: impl Into<String>) -> Self {
        Self { unique_name: Some(unique_name.into()), ..Self::default() }
    }

    /// In this state.
    #[must_use]
    pub fn in_state(state: ConversationState) -> Self {
        Self { state: Some(state), ..Self::default() }
    }

    fn form(&self) -> Result<Form> {
        let mut form = Form::default();
        if self.friendly_name.as_ref().is_some_and(|name| name.chars().count() > LONGEST_NAME) {
            return Err(invalid("friendly_name", "up to 256 characters"));
        }
        if let Some(name) = &self.unique_name {
            check_name(name)?;
        }
        form.add_some("FriendlyName", self.friendly_name.as_deref());
        form.add_some("UniqueName", self.unique_name.as_deref());
        form.add_some("Attributes", self.attributes.as_ref().map(Value::to_string));
        form.add_some("State", self.state.map(ConversationState::as_str));
        let timers = [
            ("Timers.Inactive", "inactive_after", self.inactive_after, SHORTEST_INACTIVE, "a minute or more"),
            ("Timers.Closed", "closed_after", self.closed_after, SHORTEST_CLOSED, "ten minutes or more"),
        ];
        for (name, field, after, shortest, expected) in timers {
            if after.is_some_and(|after| after < shortest) {
                return Err(invalid(field, expected));
            }
            form.add_some(name, after.map(|after| format!("PT{}S", after.as_secs())));
        }
        form.add_some("MessagingServiceSid", self.messaging_service.as_deref());
        Ok(form)
    }
}

/// Which conversations to list.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ConversationQuery {
    /// Those in this state.
    pub state: Option<ConversationState>,
    /// How many on a page: 1 to 100; 0 is 50.
    pub page_size: u16,
    /// The page to read; without one, the first.
    pub page: Option<PageToken>,
}

/// A page of conversations.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ConversationPage {
    /// The conversations.
    pub conversations: Vec<Conversation>,
    /// The next page, if there is one.
    pub next: Option<PageToken>,
}

impl TwilioConversations {
    /// Makes a conversation.
    ///
    /// # Errors
    /// `Invalid` naming the setting that Twilio would refuse; `Conflict` naming `unique_name` if another has it;
    /// `UnknownOutcome` if nobody knows whether it was made.
    #[instrument(name = "twilio.create_conversation", skip_all)]
    pub async fn create(&self, settings: &ConversationSettings) -> Result<Conversation> {
        let operation = "create conversation";
        let url = self.url(&["Conversations"]);
        let form = settings.form()?;
        let made: wire::Conversation = self.client.post(operation, Effect::Creates, url, &form.pairs()).await?;
        made.read().ok_or_else(|| unreadable(operation, Effect::Creates))
    }

    /// Reads a conversation.
    ///
    /// # Errors
    /// `NotFound` if there is none.
    #[instrument(name = "twilio.fetch_conversation", skip_all, fields(%conversation))]
    pub async fn fetch(&self, conversation: &ConversationSid) -> Result<Conversation> {
        self.fetch_by(conversation.as_str()).await
    }

    /// Reads the conversation with this unique name.
    ///
    /// # Errors
    /// `NotFound` if there is none; `Invalid` naming `unique_name` for a name that none can have.
    #[instrument(name = "twilio.fetch_conversation", skip_all)]
    pub async fn fetch_named(&self, unique_name: &str) -> Result<Conversation> {
        check_name(unique_name)?;
        self.fetch_by(unique_name).await
    }

    async fn fetch_by(&self, name: &str) -> Result<Conversation> {
        let operation = "fetch conversation";
        let known: wire::Conversation = self.client.get(operation, self.url(&["Conversations", name])).await?;
        known.read().ok_or_else(|| unreadable(operation, Effect::Repeatable))
    }

    /// Lists conversations, a page at a time.
    ///
    /// # Errors
    /// `Invalid` naming `page` for a token that is of no such list.
    #[instrument(name = "twilio.list_conversations", skip_all)]
    pub async fn list(&self, query: &ConversationQuery) -> Result<ConversationPage> {
        let operation = "list conversations";
        let list = self.url(&["Conversations"]);
        let mut url = list.clone();
        match &query.page {
            Some(page) => {
                let page = self.client.product_page_url(operation, &list, page.reveal());
                url = page.map_err(|_| invalid("page", "a page of these conversations"))?;
            }
            None => {
                let size = if query.page_size == 0 { 50 } else { query.page_size.min(LARGEST_PAGE) };
                url.query_pairs_mut().append_pair("PageSize", &size.to_string());
                if let Some(state) = query.state {
                    url.query_pairs_mut().append_pair("State", state.as_str());
                }
            }
        }
        let page = self.client.product_page::<wire::Conversation>(operation, &list, url).await?;
        let conversations = page.entries.iter().filter_map(wire::Conversation::read).collect();
        Ok(ConversationPage { conversations, next: page.next.map(|next| PageToken::new(next.as_str())) })
    }

    /// Changes a conversation.
    ///
    /// # Errors
    /// As [`create`](Self::create); `NotFound` if there is none; `Closed` if it is closed.
    #[instrument(name = "twilio.update_conversation", skip_all, fields(%conversation))]
    pub async fn update(
        &self,
        conversation: &ConversationSid,
        settings: &ConversationSettings,
    ) -> Result<Conversation> {
        let operation = "update conversation";
        let (url, form) = (self.url(&["Conversations", conversation.as_str()]), settings.form()?);
        let known: wire::Conversation = self.client.post(operation, Effect::Repeatable, url, &form.pairs()).await?;
        known.read().ok_or_else(|| unreadable(operation, Effect::Repeatable))
    }

    /// Deletes a conversation with everything in it.
    ///
    /// # Errors
    /// `NotFound` if there is none.
    #[instrument(name = "twilio.delete_conversation", skip_all, fields(%conversation))]
    pub async fn delete(&self, conversation: &ConversationSid) -> Result<()> {
        self.client.delete("delete conversation", self.url(&["Conversations", conversation.as_str()])).await
    }
}

/// Whether a unique name can be a part of an address; one that looks like a SID would be taken for one.
fn check_name(name: &str) -> Result<()> {
    let is_part = !matches!(name, "" | "." | "..") && name.chars().count() <= LONGEST_NAME;
    match is_part && name.parse::<ConversationSid>().is_err() {
        true => Ok(()),
        false => Err(invalid("unique_name", "1 to 256 characters that are no SID")),
    }
}

pub(super) fn invalid(field: &'static str, expected: &'static str) -> Error {
    Error::invalid(field, expected).with_provider(PROVIDER)
}
