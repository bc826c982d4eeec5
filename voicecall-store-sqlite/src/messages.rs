//! What is done with messages: taken in once, answered once, sent once.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::Connection;
use voicecall_core::event::Event;
use voicecall_core::messaging::DeliveryReport;
use voicecall_core::store::{
    Accepted, Answer, Conversation, ConversationChange, ConversationState, Message, MessageStore, NewIncoming,
    NewOutgoing, OPTED_OUT, Page, PageRequest, SendOutcome, Thread, refuse_to_write,
};
use voicecall_core::{
    CarrierMessageId, ConversationId, Error, ErrorKind, MessageId, PersonKey, Result, TenantId, async_trait,
};

use crate::column::{At, Count, Text};
use crate::fault::Outcome;
use crate::store::Extensions;
use crate::transaction::Transaction;
use crate::{SqliteStore, conversations, journal, message_rows as rows, opt_outs, pending_events, sessions, threads};

const ANSWER: &str = "answer messages";

#[async_trait]
impl MessageStore for SqliteStore {
    async fn accept_message(&self, thread: &Thread, message: &NewIncoming) -> Result<Accepted> {
        let (thread, new) = (thread.clone(), message.clone());
        // Read and write are one transaction of the only thread that writes, under the file's lock.
        self.write("accept message", move |db| {
            if let Some(message) = rows::of_carrier(db, &thread, &new.carrier_id)? {
                return Ok(Accepted { message, is_new: false });
            }
            let message = Message::incoming(&thread, threads::go_on(db, &thread, new.at)?, &new);
            rows::insert(db, &message)?;
            Ok(Accepted { message, is_new: true })
        })
        .await
    }

    async fn queue_message(&self, thread: &Thread, message: &NewOutgoing) -> Result<Message> {
        let (thread, new) = (thread.clone(), message.clone());
        self.write("queue message", move |db| queue(db, &thread, &new)).await
    }

    async fn answer_messages(&self, answer: &Answer) -> Result<Vec<Message>> {
        let (answer, extensions) = (answer.clone(), Arc::clone(&self.extensions));
        self.write(ANSWER, move |db| answer_with(*db, &extensions, &answer)).await
    }

    async fn begin_sending_message(&self, tenant: TenantId, id: MessageId, at: Timestamp) -> Result<Message> {
        let (message, is_refused) = self.write("send message", move |db| begin_sending(db, tenant, id, at)).await?;
        // Outside of the transaction, which keeps that it failed.
        if is_refused { Err(refuse_to_write("send message")) } else { Ok(message) }
    }

    async fn settle_message(
        &self,
        tenant: TenantId,
        id: MessageId,
        outcome: &SendOutcome,
        at: Timestamp,
    ) -> Result<Message> {
        let outcome = outcome.clone();
        let settle = move |message: &mut Message| message.settle(&outcome, at);
        self.write("settle message", move |db| change(db, tenant, id, &settle)).await
    }

    async fn report_message(
        &self,
        tenant: TenantId,
        id: MessageId,
        carrier_id: &CarrierMessageId,
        report: &DeliveryReport,
        at: Timestamp,
    ) -> Result<Message> {
        let (carrier_id, report) = (carrier_id.clone(), report.clone());
        let take_in = move |message: &mut Message| message.report(&carrier_id, &report, at);
        self.write("report message", move |db| change(db, tenant, id, &take_in)).await
    }

    async fn message(&self, tenant: TenantId, id: MessageId) -> Result<Message> {
        self.read("read message", move |db| rows::find(db, tenant, id)).await
    }

    async fn messages(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Message>> {
        self.read("list messages", move |db| {
            conversations::find(db, tenant, conversation)?;
            rows::of_conversation(db, tenant, conversation, after, limit)
        })
        .await
    }

    async fn conversation(&self, tenant: TenantId, id: ConversationId) -> Result<Conversation> {
        self.read("read conversation", move |db| conversations::find(db, tenant, id)).await
    }

    async fn conversation_with(&self, tenant: TenantId, person: PersonKey) -> Result<Option<Conversation>> {
        self.read("read conversation", move |db| conversations::with(db, tenant, person)).await
    }

    async fn conversations(
        &self,
        tenant: TenantId,
        state: Option<ConversationState>,
        page: PageRequest,
    ) -> Result<Page<Conversation>> {
        page.validate()?;
        self.read("list conversations", move |db| conversations::page(db, tenant, state, page)).await
    }

    async fn change_conversation(
        &self,
        tenant: TenantId,
        id: ConversationId,
        change: &ConversationChange,
        at: Timestamp,
    ) -> Result<Conversation> {
        let change = change.clone();
        self.write("change conversation", move |db| conversations::change(db, tenant, id, &change, at)).await
    }
}

fn queue(db: &Connection, thread: &Thread, new: &NewOutgoing) -> Outcome<Message> {
    let tenant = thread.session.tenant;
    let known = new.key.as_ref().map(|key| rows::of_key(db, tenant, key)).transpose()?;
    if let Some(known) = known.flatten() {
        return Ok(known);
    }
    let (_, to) = thread.participant()?;
    if !new.despite_opt_out && opt_outs::since(db, tenant, to.person, &to.channel)?.is_some() {
        return Err(refuse_to_write("queue message").into());
    }
    let message = Message::outgoing(tenant, threads::go_on(db, thread, new.at)?, new);
    let message = message.over(&thread.session.channel, &thread.carrier, thread.session.account);
    rows::insert(db, &message)?;
    Ok(message)
}

fn answer_with(db: Transaction<'_>, extensions: &Extensions, answer: &Answer) -> Outcome<Vec<Message>> {
    let tenant = answer.tenant;
    let session = sessions::find(&db, tenant, answer.session)?;
    if session.owner != answer.epoch {
        return Err(journal::not_the_owner(ANSWER));
    }
    let waiting = rows::unanswered(&db, session.id)?;
    let Some(last) = waiting.iter().rfind(|message| message.number <= answer.up_to) else {
        let error = Error::new(ErrorKind::Conflict, ANSWER).with_field("upTo");
        return Err(error.with_message("nothing waits for this answer").into());
    };
    journal::append_all(db, extensions, tenant, &answer.entries)?;
    let update = "UPDATE messages SET state = 'answered', updated_at = ?
                  WHERE session_id = ? AND state = 'received' AND number <= ?";
    db.prepare_cached(update)?.execute((At(answer.at), Text(session.id), Count(last.number)))?;
    let mut sent = Vec::with_capacity(answer.messages.len());
    for new in &answer.messages {
        let number = conversations::take_number(&db, tenant, last.conversation, answer.at)?;
        let message = Message::outgoing(tenant, (last.conversation, session.id, number), new);
        let message = message.over(&last.channel, &last.carrier, last.account);
        rows::insert(&db, &message)?;
        sent.push(message);
    }
    Ok(sent)
}

/// The message that may be given to the carrier, or that failed, as its person wants none any more.
fn begin_sending(db: &Connection, tenant: TenantId, id: MessageId, at: Timestamp) -> Outcome<(Message, bool)> {
    let mut message = rows::find(db, tenant, id)?;
    let before = message.state;
    message.begin_sending(at)?;
    let person = sessions::find(db, tenant, message.session)?.person.filter(|_| !message.despite_opt_out);
    let since = person.map(|person| opt_outs::since(db, tenant, person, &message.channel)).transpose()?;
    let is_refused = since.flatten().is_some();
    if is_refused {
        message.settle(&SendOutcome::Rejected(OPTED_OUT.to_owned()), at)?;
    }
    rows::save(db, &message)?;
    pending_events::tell(db, Event::of_message(before, &message))?;
    Ok((message, is_refused))
}

fn change(
    db: &Connection,
    tenant: TenantId,
    id: MessageId,
    change: &impl Fn(&mut Message) -> Result<()>,
) -> Outcome<Message> {
    let mut message = rows::find(db, tenant, id)?;
    let before = message.state;
    change(&mut message)?;
    rows::save(db, &message)?;
    pending_events::tell(db, Event::of_message(before, &message))?;
    Ok(message)
}
