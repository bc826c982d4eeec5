//! Conversations: their participants, messages, receipts, timers and webhooks.

mod change;
mod delivery;
mod events;
mod json;
mod written;

use std::collections::BTreeMap;
use std::time::Duration;

use voicecall_core::CallTime;

pub(super) use self::events::Source;
pub(super) use self::json::{conversation, file, message, participant, receipt, settings, webhook};
use self::written::Waiting;
use super::Webhook;

/// How a conversation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Initializing,
    Active,
    Inactive,
    Closed,
}

impl State {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Initializing => "initializing",
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Closed => "closed",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::Initializing, Self::Active, Self::Inactive, Self::Closed].into_iter().find(|it| it.as_str() == name)
    }
}

#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) sid: String,
    pub(super) account: usize,
    /// `IS…`.
    pub(super) service: String,
    pub(super) messaging_service: Option<String>,
    pub(super) friendly_name: Option<String>,
    pub(super) unique_name: Option<String>,
    pub(super) attributes: String,
    pub(super) state: State,
    pub(super) inactive_after: Option<Duration>,
    pub(super) closed_after: Option<Duration>,
    /// The last time something happened in it, from which its timers count.
    pub(super) touched: CallTime,
    pub(super) created: CallTime,
    pub(super) updated: CallTime,
    /// Entries are only ever marked as gone, so an index stays valid.
    pub(super) participants: Vec<Participant>,
    pub(super) messages: Vec<Message>,
    pub(super) webhooks: Vec<ScopedWebhook>,
    pub(super) gone: bool,
    held: Option<Webhook>,
}

#[derive(Debug, Clone)]
pub(super) struct Participant {
    pub(super) sid: String,
    pub(super) identity: Option<String>,
    /// Their address and ours.
    pub(super) binding: Option<(String, String)>,
    pub(super) role: Option<String>,
    pub(super) attributes: String,
    pub(super) last_read: Option<u64>,
    pub(super) created: CallTime,
    pub(super) updated: CallTime,
    pub(super) gone: bool,
}

impl Participant {
    pub(super) fn channel(&self) -> &'static str {
        match &self.binding {
            None => "chat",
            Some((address, _)) if address.starts_with("whatsapp:") => "whatsapp",
            Some(_) => "sms",
        }
    }
}

/// A message; its index is its place.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) sid: String,
    pub(super) author: String,
    pub(super) participant: Option<String>,
    pub(super) body: Option<String>,
    /// Places among the files.
    pub(super) media: Vec<usize>,
    pub(super) attributes: String,
    pub(super) receipts: Vec<Receipt>,
    pub(super) created: CallTime,
    pub(super) updated: CallTime,
    pub(super) gone: bool,
}

/// How far a message has come with one participant.
#[derive(Debug, Clone)]
pub(super) struct Receipt {
    pub(super) sid: String,
    pub(super) participant: usize,
    pub(super) channel_message: String,
    pub(super) status: Option<&'static str>,
    pub(super) error: u32,
    pub(super) created: CallTime,
    pub(super) updated: CallTime,
}

/// A webhook of one conversation.
#[derive(Debug, Clone)]
pub(super) struct ScopedWebhook {
    pub(super) sid: String,
    pub(super) target: String,
    pub(super) url: String,
    pub(super) method: String,
    pub(super) filters: Vec<String>,
    pub(super) created: CallTime,
    pub(super) gone: bool,
}

/// The webhooks of an account, or of a service.
#[derive(Debug, Clone, Default)]
pub(super) struct WebhookSettings {
    pub(super) pre: Option<String>,
    pub(super) post: Option<String>,
    pub(super) filters: Vec<String>,
}

/// A file of the media service.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) sid: String,
    pub(super) account: usize,
    pub(super) service: String,
    pub(super) content_type: String,
    pub(super) bytes: Vec<u8>,
    pub(super) created: CallTime,
}

/// All conversations.
#[derive(Debug, Default)]
pub(super) struct Conversations {
    /// Only ever added to, so an index stays valid.
    pub(super) all: Vec<Conversation>,
    pub(super) files: Vec<File>,
    /// By account, and by service if one was named.
    pub(super) settings: BTreeMap<(usize, Option<String>), WebhookSettings>,
    /// What was written and is being asked about, by the number of the question.
    waiting: BTreeMap<u64, Waiting>,
}

impl Conversations {
    pub(super) fn account(&self, conversation: usize) -> usize {
        self.all[conversation].account
    }

    pub(super) fn held_report(&mut self, conversation: usize) -> &mut Option<Webhook> {
        &mut self.all[conversation].held
    }

    /// Where what this address writes to that one goes: the open conversation, and the participant.
    pub(super) fn bound(&self, account: usize, from: &str, to: &str) -> Option<(usize, usize)> {
        let open = |it: &Conversation| it.account == account && !it.gone && it.state != State::Closed;
        let binds = |it: &Participant| {
            !it.gone && it.binding.as_ref().is_some_and(|(address, proxy)| address == from && proxy == to)
        };
        let mut all = self.all.iter().enumerate().filter(|(_, conversation)| open(conversation));
        all.find_map(|(index, conversation)| Some((index, conversation.participants.iter().position(binds)?)))
    }

    /// The place of a conversation by its sid or its unique name.
    pub(super) fn find(&self, account: usize, service: &str, name: &str) -> Option<usize> {
        self.all.iter().position(|it| {
            let is_named = it.sid == name || it.unique_name.as_deref() == Some(name);
            it.account == account && it.service == service && !it.gone && is_named
        })
    }
}

/// The service an account's conversations are in unless another is named.
pub(super) fn default_service(account: usize) -> String {
    format!("IS{account:032x}")
}
