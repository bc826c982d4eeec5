//! What is done with messages: taken in once, answered once, sent once.

use std::sync::Arc;

use jiff::Timestamp;
use voicecall_core::event::Event;
use voicecall_core::messaging::DeliveryReport;
use voicecall_core::store::{
    Accepted, Answer, Conversation, ConversationChange, ConversationState, Message, MessageStore, NewIncoming,
    NewOutgoing, OPTED_OUT, Page, PageRequest, SendOutcome, Thread, refuse_to_write,
};
use voicecall_core::{
    CarrierMessageId, ConversationId, Error, ErrorKind, MessageId, PersonKey, Result, TenantId, async_trait,
};

use crate::column::params;
use crate::connection::Db;
use crate::fault::Outcome;
use crate::store::Extensions;
use crate::{PostgresStore, conversations, journal, message_rows as rows, opt_outs, pending_events, sessions, threads};

const ANSWER: &str = "answer messages";

#[async_trait]
impl MessageStore for PostgresStore {
    async fn accept_message(&self, thread: &Thread, message: &NewIncoming) -> Result<Accepted> {
        unless_late(|| {
            let (thread, new) = (thread.clone(), message.clone());
            let tenant = thread.session.tenant;
            self.write("accept message", tenant, move |db| async move { accept(&db, &thread, &new).await })
        })
        .await
    }

    async fn queue_message(&self, thread: &Thread, message: &NewOutgoing) -> Result<Message> {
        unless_late(|| {
            let (thread, new) = (thread.clone(), message.clone());
            let tenant = thread.session.tenant;
            self.write("queue message", tenant, move |db| async move { queue(&db, &thread, &new).await })
        })
        .await
    }

    async fn answer_messages(&self, answer: &Answer) -> Result<Vec<Message>> {
        let (answer, extensions) = (answer.clone(), self.extensions());
        self.write(ANSWER, answer.tenant, move |db| async move { answer_with(&db, &extensions, answer).await }).await
    }

    async fn begin_sending_message(&self, tenant: TenantId, id: MessageId, at: Timestamp) -> Result<Message> {
        let began =
            self.write("send message", tenant, move |db| async move { begin_sending(&db, tenant, id, at).await });
        let (message, is_refused) = began.await?;
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
        self.write("settle message", tenant, move |db| async move {
            change(&db, tenant, id, |message| message.settle(&outcome, at)).await
        })
        .await
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
        self.write("report message", tenant, move |db| async move {
            change(&db, tenant, id, |message| message.report(&carrier_id, &report, at)).await
        })
        .await
    }

    async fn message(&self, tenant: TenantId, id: MessageId) -> Result<Message> {
        self.read("read message", tenant, move |db| async move { rows::find(&db, tenant, id).await }).await
    }

    async fn messages(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Message>> {
        self.read("list messages", tenant, move |db| async move {
            conversations::find(&db, tenant, conversation).await?;
            rows::of_conversation(&db, tenant, conversation, after, limit).await
        })
        .await
    }

    async fn conversation(&self, tenant: TenantId, id: ConversationId) -> Result<Conversation> {
        self.read("read conversation", tenant, move |db| async move { conversations::find(&db, tenant, id).await })
            .await
    }

    async fn conversation_with(&self, tenant: TenantId, person: PersonKey) -> Result<Option<Conversation>> {
        self.read("read conversation", tenant, move |db| async move { conversations::with(&db, tenant, person).await })
            .await
    }

    async fn conversations(
        &self,
        tenant: TenantId,
        state: Option<ConversationState>,
        page: PageRequest,
    ) -> Result<Page<Conversation>> {
        page.validate()?;
        self.read(
            "list conversations",
            tenant,
            move |db| async move { conversations::page(&db, tenant, state, page).await },
        )
        .await
    }

    async fn change_conversation(
        &self,
        tenant: TenantId,
        id: ConversationId,
        change: &ConversationChange,
        at: Timestamp,
    ) -> Result<Conversation> {
        let change = change.clone();
        self.write("change conversation", tenant, move |db| async move {
            conversations::change(&db, tenant, id, &change, at).await
        })
        .await
    }
}

/// Does what was asked for, or finds what somebody else did first: a unique index has then undone the first try whole.
async fn unless_late<T, F: Future<Output = Result<T>>>(attempt: impl Fn() -> F) -> Result<T> {
    match attempt().await {
        Err(error) if error.kind() == ErrorKind::Conflict => attempt().await,
        done => done,
    }
}

async fn accept(db: &Db, thread: &Thread, new: &NewIncoming) -> Outcome<Accepted> {
    if let Some(message) = rows::of_carrier(db, thread, &new.carrier_id).await? {
        return Ok(Accepted { message, is_new: false });
    }
    let message = Message::incoming(thread, threads::go_on(db, thread, new.at).await?, new);
    rows::insert(db, &message).await?;
    Ok(Accepted { message, is_new: true })
}

async fn queue(db: &Db, thread: &Thread, new: &NewOutgoing) -> Outcome<Message> {
    let tenant = thread.session.tenant;
    if let Some(key) = &new.key
        && let Some(known) = rows::of_key(db, tenant, key).await?
    {
        return Ok(known);
    }
    let (_, to) = thread.participant()?;
    if !new.despite_opt_out && opt_outs::since(db, tenant, to.person, &to.channel).await?.is_some() {
        return Err(refuse_to_write("queue message").into());
    }
    let message = Message::outgoing(tenant, threads::go_on(db, thread, new.at).await?, new);
    let message = message.over(&thread.session.channel, &thread.carrier, thread.session.account);
    rows::insert(db, &message).await?;
    Ok(message)
}

async fn answer_with(db: &Db, extensions: &Arc<Extensions>, answer: Answer) -> Outcome<Vec<Message>> {
    let tenant = answer.tenant;
    // The conversation before the session, as whoever takes a message in does.
    if let Some(conversation) = sessions::find(db, tenant, answer.session).await?.conversation {
        conversations::lock(db, tenant, conversation).await?;
    }
    let session = sessions::lock(db, tenant, answer.session).await?;
    if session.owner != answer.epoch {
        return Err(journal::not_the_owner(ANSWER));
    }
    let waiting = rows::unanswered(db, tenant, session.id).await?;
    let Some(last) = waiting.iter().rfind(|message| message.number <= answer.up_to) else {
        let error = Error::new(ErrorKind::Conflict, ANSWER).with_field("upTo");
        return Err(error.with_message("nothing waits for this answer").into());
    };
    journal::append_all(db, extensions, tenant, answer.entries).await?;
    let update = "UPDATE voicecall.messages SET state = 'answered', updated_at = $4
        WHERE tenant_id = $1 AND session_id = $2 AND state = 'received' AND number <= $3";
    db.execute(update, params![tenant, session.id, last.number, answer.at]).await?;
    let mut sent = Vec::with_capacity(answer.messages.len());
    for new in &answer.messages {
        let number = conversations::take_number(db, tenant, last.conversation, answer.at).await?;
        let message = Message::outgoing(tenant, (last.conversation, session.id, number), new);
        let message = message.over(&last.channel, &last.carrier, last.account);
        rows::insert(db, &message).await?;
        sent.push(message);
    }
    Ok(sent)
}

/// The message that may be given to the carrier, or that failed, as its person wants none any more.
async fn begin_sending(db: &Db, tenant: TenantId, id: MessageId, at: Timestamp) -> Outcome<(Message, bool)> {
    let mut message = rows::lock(db, tenant, id).await?;
    let before = message.state;
    message.begin_sending(at)?;
    let person = sessions::find(db, tenant, message.session).await?.person.filter(|_| !message.despite_opt_out);
    let is_refused = match person {
        Some(person) => opt_outs::since(db, tenant, person, &message.channel).await?.is_some(),
        None => false,
    };
    if is_refused {
        message.settle(&SendOutcome::Rejected(OPTED_OUT.to_owned()), at)?;
    }
    rows::save(db, &message).await?;
    pending_events::tell(db, Event::of_message(before, &message)).await?;
    Ok((message, is_refused))
}

async fn change(
    db: &Db,
    tenant: TenantId,
    id: MessageId,
    change: impl FnOnce(&mut Message) -> Result<()>,
) -> Outcome<Message> {
    let mut message = rows::lock(db, tenant, id).await?;
    let before = message.state;
    change(&mut message)?;
    rows::save(db, &message).await?;
    pending_events::tell(db, Event::of_message(before, &message)).await?;
    Ok(message)
}
