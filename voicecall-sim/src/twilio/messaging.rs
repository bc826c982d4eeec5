//! Messages: those that people write to the accounts' numbers, and those that go out and come further in time.

mod forms;

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use voicecall_core::CallTime;

use super::exchange::Timer;
use super::requests::Subject;
use super::sid::sid;
use super::webhook::Draft;
use super::{Exchange, LogEvent, Method, Webhook, WebhookKind};

/// Words by which a receiver of SMS ends messages from a number, and lets them come again.
const STOP: [&str; 6] = ["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"];
const START: [&str; 3] = ["START", "UNSTOP", "YES"];

/// The carrier's code for a phone that cannot be reached.
const UNREACHABLE: u32 = 30003;

/// What becomes of messages.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessagingOptions {
    /// How long a message takes from one status to the next.
    pub step: Duration,
    /// Whether receivers in WhatsApp read what they get.
    pub reads: bool,
    /// Addresses to which nothing can be delivered.
    pub unreachable: BTreeSet<String>,
}

impl Default for MessagingOptions {
    /// Everything is delivered, and read, half a second a status.
    fn default() -> Self {
        Self { step: Duration::from_millis(500), reads: true, unreachable: BTreeSet::new() }
    }
}

/// How far a message has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MessageStatus {
    /// It waits.
    Queued,
    /// It is being passed on.
    Sending,
    /// The network has it.
    Sent,
    /// The receiver has it.
    Delivered,
    /// The receiver has read it.
    Read,
    /// The network could not deliver it.
    Undelivered,
    /// It came in.
    Received,
}

impl MessageStatus {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Undelivered => "undelivered",
            Self::Received => "received",
        }
    }
}

/// A medium that somebody sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageMedium {
    /// Its type, such as `image/jpeg`.
    pub content_type: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A message, in either direction.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// `SM`, or `MM` with media, and 32 hexadecimal digits.
    pub sid: String,
    /// Whether somebody wrote it to an account.
    pub is_incoming: bool,
    /// Who is to have it, as on the wire.
    pub to: String,
    /// Who sent it.
    pub from: String,
    /// The words.
    pub body: String,
    /// What came with it.
    pub media: Vec<MessageMedium>,
    /// Where what goes with it is.
    pub media_urls: Vec<String>,
    /// How far it has come.
    pub status: MessageStatus,
    /// Why no further.
    pub error_code: Option<u32>,
    pub(super) account: usize,
    pub(super) service: Option<String>,
    pub(super) callback: Option<String>,
    pub(super) created: CallTime,
    pub(super) updated: CallTime,
    pub(super) sent: Option<CallTime>,
    pub(super) deleted: bool,
}

impl Message {
    pub(super) fn is_whatsapp(&self) -> bool {
        self.to.starts_with("whatsapp:")
    }

    /// How many parts it takes; characters outside of Latin-1 make them shorter. The carrier's alphabet is a little smaller.
    pub(super) fn segments(&self) -> usize {
        let count = self.body.chars().count();
        let (whole, part) = if self.body.chars().all(|char| u32::from(char) < 256) { (160, 153) } else { (70, 67) };
        if count <= whole { 1 } else { count.div_ceil(part) }
    }

    /// The name of a medium that came with it.
    pub(super) fn medium_sid(&self, place: usize) -> String {
        format!("ME{}{place:02x}", self.sid.get(2..32).unwrap_or_default())
    }
}

/// All messages, and who wants none.
#[derive(Debug, Default)]
pub(super) struct Messages {
    /// Messages are only ever added, so an index stays valid.
    pub(super) all: Vec<Message>,
    /// Reports that are to arrive after their successor, by message.
    held: Vec<Option<Webhook>>,
    /// Pairs of a receiver and a number of an account.
    opted_out: BTreeSet<(String, String)>,
}

impl Messages {
    pub(super) fn account(&self, message: usize) -> usize {
        self.all[message].account
    }

    pub(super) fn held_report(&mut self, message: usize) -> &mut Option<Webhook> {
        &mut self.held[message]
    }

    pub(super) fn has_opted_out(&self, to: &str, from: &str) -> bool {
        self.opted_out.contains(&(to.to_owned(), from.to_owned()))
    }

    /// Does what words to that end ask for.
    fn heed(&mut self, message: &Message) {
        let word = message.body.trim().to_ascii_uppercase();
        let pair = (message.from.clone(), message.to.clone());
        if STOP.contains(&&*word) {
            self.opted_out.insert(pair);
        } else if START.contains(&&*word) {
            self.opted_out.remove(&pair);
        }
    }
}

impl Exchange {
    /// All messages, in the order in which they came.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages.all
    }

    /// Somebody writes to a number of an account's, `whatsapp:` in front of both addresses for WhatsApp. Returns the
    /// message's sid if there is such a number.
    ///
    /// What comes from an address that takes part in an open conversation goes there, and its sid is none until it is added.
    ///
    /// Of SMS the carrier heeds the words by which people end and resume messages, and passes them on all the same.
    pub fn text_in(
        &mut self,
        now: CallTime,
        from: &str,
        to: &str,
        body: &str,
        media: Vec<MessageMedium>,
    ) -> Option<String> {
        self.advance(now);
        let number = to.trim_start_matches("whatsapp:");
        let owns = |account: &super::Account| account.numbers.iter().position(|own| own.number == number);
        let mut accounts = self.options.accounts.iter().enumerate();
        let (account, place) = accounts.find_map(|(index, account)| Some((index, owns(account)?)))?;
        if let Some((conversation, participant)) = self.conversations.bound(account, from, to) {
            return Some(self.written_into(now, conversation, participant, body, media));
        }
        let sms_url = self.options.accounts[account].numbers[place].sms_url.clone();
        let mut message = self.new_message(now, account, to, from, body);
        (message.is_incoming, message.status) = (true, MessageStatus::Received);
        if !media.is_empty() {
            message.sid.replace_range(..2, "MM");
        }
        message.media = media;
        let sid = message.sid.clone();
        let index = self.add_message(now, message);
        let message = &self.messages.all[index];
        if !message.is_whatsapp() {
            let message = message.clone();
            self.messages.heed(&message);
        }
        if let Some(address) = sms_url {
            let form = self.incoming_form(index);
            self.request(
                now,
                Subject::Message(index),
                Draft { call: &sid, kind: WebhookKind::Message, address: &address, form },
            );
        }
        Some(sid)
    }

    /// A message that waits.
    pub(super) fn new_message(&mut self, now: CallTime, account: usize, to: &str, from: &str, body: &str) -> Message {
        Message {
            sid: sid("SM", &mut self.rng),
            is_incoming: false,
            to: to.to_owned(),
            from: from.to_owned(),
            body: body.to_owned(),
            media: Vec::new(),
            media_urls: Vec::new(),
            status: MessageStatus::Queued,
            error_code: None,
            account,
            service: None,
            callback: None,
            created: now,
            updated: now,
            sent: None,
            deleted: false,
        }
    }

    /// Keeps a message; one that goes out comes further by itself.
    pub(super) fn add_message(&mut self, now: CallTime, message: Message) -> usize {
        let index = self.messages.all.len();
        self.note(now, None, LogEvent::Message { message: message.sid.clone(), status: message.status });
        if !message.is_incoming {
            self.at(now + self.options.messaging.step, Timer::Message(index));
        }
        self.messages.all.push(message);
        self.messages.held.push(None);
        index
    }

    /// A message comes one status further.
    pub(super) fn message_moves_on(&mut self, now: CallTime, index: usize) {
        let options = &self.options.messaging;
        let message = &self.messages.all[index];
        let is_unreachable = options.unreachable.contains(&message.to);
        let next = match message.status {
            MessageStatus::Queued => MessageStatus::Sending,
            MessageStatus::Sending => MessageStatus::Sent,
            MessageStatus::Sent if is_unreachable => MessageStatus::Undelivered,
            MessageStatus::Sent => MessageStatus::Delivered,
            MessageStatus::Delivered if message.is_whatsapp() && options.reads => MessageStatus::Read,
            _ => return,
        };
        let step = options.step;
        let message = &mut self.messages.all[index];
        (message.status, message.updated) = (next, now);
        match next {
            MessageStatus::Sent => message.sent = Some(now),
            MessageStatus::Undelivered => message.error_code = Some(UNREACHABLE),
            _ => {}
        }
        let (sid, callback) = (message.sid.clone(), message.callback.clone());
        self.note(now, None, LogEvent::Message { message: sid.clone(), status: next });
        self.at(now + step, Timer::Message(index));
        if let Some(url) = callback.filter(|_| next != MessageStatus::Sending) {
            let (form, address) = (self.status_form(index), (url, Method::Post));
            let draft = Draft { call: &sid, kind: WebhookKind::MessageStatus, address: &address, form };
            self.request(now, Subject::Message(index), draft);
        }
    }
}
