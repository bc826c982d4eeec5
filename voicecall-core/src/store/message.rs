//! Messages as stored, and what can happen to them.

use std::time::Duration;

use jiff::Timestamp;

use super::{Channel, Direction, NewSession, Participant};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{AccountName, CarrierMessageId, ConversationId, Epoch, MessageId, SessionId, TenantId};
use crate::journal::JournalEntry;
use crate::messaging::{DeliveryReport, Media, MessageState};
use crate::seal::PersonKey;

/// The [code](Error::code) of the refusal to write to somebody who asked for no more messages.
pub const OPTED_OUT: &str = "opted_out";

/// A message as stored.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// Whose.
    pub tenant: TenantId,
    /// The conversation it is part of.
    pub conversation: ConversationId,
    /// The session it came or goes in, which says with whom.
    pub session: SessionId,
    /// Its place in the conversation, from 1, over all channels.
    pub number: u64,
    /// Over what.
    pub channel: Channel,
    /// Who wrote it.
    pub direction: Direction,
    /// How far it has come.
    pub state: MessageState,
    /// The words.
    pub text: String,
    /// What came or goes with them.
    pub media: Vec<Media>,
    /// The application's name for one of ours: two of a tenant never have the same.
    pub key: Option<String>,
    /// Whether it is sent to somebody who asked for no more: only what confirms that is.
    pub despite_opt_out: bool,
    /// From when on one of ours may be sent.
    pub due_at: Timestamp,
    /// The carrier's name.
    pub carrier: String,
    /// The account it came to, or goes through.
    pub account: Option<AccountName>,
    /// The carrier's name for it, once it has one.
    pub carrier_id: Option<CarrierMessageId>,
    /// The carrier's code for why it was not delivered.
    pub error: Option<String>,
    /// When it came, or was written.
    pub at: Timestamp,
    /// When the row last changed.
    pub updated_at: Timestamp,
}

/// Who takes the messages of a person over one channel: the session in which they are kept together.
///
/// A message goes to the open session over the same channel, account and pair of addresses, unless that one has had no message
/// for `idle`: it is then over, and this one begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Thread {
    /// The session that begins if there is none to go on with. Its `conversation` is the one that begins if its person is in
    /// none, and its `person` is set.
    pub session: NewSession,
    /// The carrier's name.
    pub carrier: String,
    /// After how long without a message the open session is over.
    pub idle: Duration,
}

/// A message that came in.
#[derive(Debug, Clone, PartialEq)]
pub struct NewIncoming {
    /// Its id.
    pub id: MessageId,
    /// The carrier's name for it: what comes twice is stored once.
    pub carrier_id: CarrierMessageId,
    /// The words.
    pub text: String,
    /// What came with them.
    pub media: Vec<Media>,
    /// Whether it is to be answered.
    pub wants_answer: bool,
    /// When it came.
    pub at: Timestamp,
}

/// A message of ours.
#[derive(Debug, Clone, PartialEq)]
pub struct NewOutgoing {
    /// Its id.
    pub id: MessageId,
    /// The words.
    pub text: String,
    /// What goes with them.
    pub media: Vec<Media>,
    /// The application's name for it.
    pub key: Option<String>,
    /// Whether it confirms that somebody asked for no more messages, and goes to them nevertheless.
    pub despite_opt_out: bool,
    /// When it was written.
    pub at: Timestamp,
}

impl NewOutgoing {
    /// A text.
    #[must_use]
    pub fn text(text: impl Into<String>, at: Timestamp) -> Self {
        let (id, media, key) = (MessageId::new(), Vec::new(), None);
        Self { id, text: text.into(), media, key, despite_opt_out: false, at }
    }
}

/// What was made of a message that came in.
#[derive(Debug, Clone, PartialEq)]
pub struct Accepted {
    /// The message as stored.
    pub message: Message,
    /// Whether it is new: otherwise it had come before.
    pub is_new: bool,
}

/// The answer of a session's owner to what came in.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Whose.
    pub tenant: TenantId,
    /// Which session.
    pub session: SessionId,
    /// Its owner, who answers.
    pub epoch: Epoch,
    /// The number of the last message that is answered; all of the session's up to it are.
    pub up_to: u64,
    /// What is journaled with it.
    pub entries: Vec<JournalEntry>,
    /// What is sent; may be nothing.
    pub messages: Vec<NewOutgoing>,
    /// When.
    pub at: Timestamp,
}

/// What became of the request to send a message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendOutcome {
    /// The carrier took it.
    Accepted(CarrierMessageId),
    /// The carrier did not take it and will not: its code.
    Rejected(String),
    /// It was certainly not sent, and is to be sent again from then on.
    Postponed(Timestamp),
    /// Nobody knows whether the carrier took it.
    Unknown,
}

impl Message {
    /// A message that came in, as it is right after it was stored.
    #[must_use]
    pub fn incoming(thread: &Thread, of: (ConversationId, SessionId, u64), new: &NewIncoming) -> Self {
        let state = if new.wants_answer { MessageState::Received } else { MessageState::Answered };
        Self {
            direction: Direction::Inbound,
            state,
            carrier_id: Some(new.carrier_id.clone()),
            text: new.text.clone(),
            media: new.media.clone(),
            ..Self::new(new.id, thread.session.tenant, of, new.at)
        }
        .over(&thread.session.channel, &thread.carrier, thread.session.account)
    }

    /// A message of ours, as it is right after it was stored.
    #[must_use]
    pub fn outgoing(tenant: TenantId, of: (ConversationId, SessionId, u64), new: &NewOutgoing) -> Self {
        Self {
            text: new.text.clone(),
            media: new.media.clone(),
            key: new.key.clone(),
            despite_opt_out: new.despite_opt_out,
            ..Self::new(new.id, tenant, of, new.at)
        }
    }

    /// The same over this channel, through this account.
    #[must_use]
    pub fn over(mut self, channel: &Channel, carrier: &str, account: Option<AccountName>) -> Self {
        self.channel = channel.clone();
        carrier.clone_into(&mut self.carrier);
        self.account = account;
        self
    }

    fn new(id: MessageId, tenant: TenantId, of: (ConversationId, SessionId, u64), at: Timestamp) -> Self {
        let (conversation, session, number) = of;
        Self {
            id,
            tenant,
            conversation,
            session,
            number,
            channel: Channel::Sms,
            direction: Direction::Outbound,
            state: MessageState::Queued,
            text: String::new(),
            media: Vec::new(),
            key: None,
            despite_opt_out: false,
            due_at: at,
            carrier: String::new(),
            account: None,
            carrier_id: None,
            error: None,
            at,
            updated_at: at,
        }
    }

    /// Takes the one step that allows the request to the carrier, as every store does inside its transaction.
    ///
    /// # Errors
    /// `Conflict` unless it waits to be sent.
    pub fn begin_sending(&mut self, at: Timestamp) -> Result<()> {
        if self.state != MessageState::Queued {
            return Err(Error::new(ErrorKind::Conflict, "send message")
                .with_field("state")
                .with_message(format!("the message is {}", self.state)));
        }
        self.state = MessageState::Sending;
        self.updated_at = at;
        Ok(())
    }

    /// Records what became of the request, as every store does inside its transaction. What is known stays.
    ///
    /// # Errors
    /// `Conflict` if the carrier has another message for it, or it was never to be sent.
    pub fn settle(&mut self, outcome: &SendOutcome, at: Timestamp) -> Result<()> {
        let conflict = |message| Err(Error::new(ErrorKind::Conflict, "settle message").with_message(message));
        if self.direction == Direction::Inbound || self.state == MessageState::Queued {
            return conflict("the message was not being sent");
        }
        let is_open = matches!(self.state, MessageState::Sending | MessageState::Unknown);
        match outcome {
            SendOutcome::Accepted(id) => {
                if self.carrier_id.as_ref().is_some_and(|known| known != id) {
                    return conflict("the carrier has another message for it");
                }
                self.carrier_id = Some(id.clone());
                self.state = self.state.advance(MessageState::Sent);
            }
            SendOutcome::Rejected(code) if is_open => {
                self.state = MessageState::Failed;
                self.error = Some(code.clone());
            }
            SendOutcome::Postponed(until) if self.state == MessageState::Sending => {
                self.state = MessageState::Queued;
                self.due_at = *until;
            }
            SendOutcome::Unknown if is_open => self.state = MessageState::Unknown,
            _ => return Ok(()),
        }
        self.updated_at = at;
        Ok(())
    }

    /// Takes in a report of the carrier, as every store does inside its transaction. Reports may be late, repeated and in any
    /// order; one about a message that is still being sent shows that the carrier took it.
    ///
    /// # Errors
    /// `Conflict` if the carrier has another message for it, or it was not sent yet.
    pub fn report(&mut self, id: &CarrierMessageId, report: &DeliveryReport, at: Timestamp) -> Result<()> {
        self.settle(&SendOutcome::Accepted(id.clone()), at)?;
        let state = self.state.advance(report.state);
        if state != self.state {
            self.error = report.error.clone();
            self.state = state;
        }
        Ok(())
    }
}

impl Thread {
    /// Who it is with, and over what.
    ///
    /// # Errors
    /// `Invalid` naming `person`, `remote` or `conversation` if that is missing.
    pub fn participant(&self) -> Result<(ConversationId, Participant)> {
        let person: Option<PersonKey> = self.session.person;
        let person = person.ok_or_else(|| Error::invalid("person", "who the messages are with"))?;
        if self.session.remote.is_none() {
            return Err(Error::invalid("remote", "whom the messages are with"));
        }
        let conversation = self.session.conversation;
        let conversation = conversation.ok_or_else(|| Error::invalid("conversation", "one that may begin"))?;
        Ok((conversation, Participant { person, channel: self.session.channel.clone() }))
    }

    /// Whether a message at `at` still belongs to a session whose latest message was at `latest`.
    #[must_use]
    pub fn goes_on(&self, latest: Timestamp, at: Timestamp) -> bool {
        at.duration_since(latest).unsigned_abs() < self.idle || at < latest
    }
}

/// What every store answers to `operation`, if that would write to somebody who asked for no more messages.
#[must_use]
pub fn refuse_to_write(operation: &'static str) -> Error {
    Error::new(ErrorKind::Conflict, operation)
        .with_code(OPTED_OUT)
        .with_field("to")
        .with_message("the person asked for no more messages")
}
