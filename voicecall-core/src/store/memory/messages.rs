//! Conversations and messages.

mod rows;

use async_trait::async_trait;
use jiff::Timestamp;

pub(super) use rows::Messages;

use super::sessions::Timeline;
use super::{MemoryStore, MemoryTables, conflict};
use crate::error::Result;
use crate::event::Event;
use crate::id::{CarrierMessageId, ConversationId, MessageId, SessionId, TenantId};
use crate::messaging::{DeliveryReport, MessageState};
use crate::seal::PersonKey;
use crate::store::{
    Accepted, Answer, Conversation, ConversationChange, ConversationState, EndReason, EventSource, Message,
    MessageStore, NewIncoming, NewOutgoing, Page, PageRequest, SendOutcome, Session, SessionChange, Thread,
    refuse_to_write,
};

#[async_trait]
impl MessageStore for MemoryStore {
    async fn accept_message(&self, thread: &Thread, new: &NewIncoming) -> Result<Accepted> {
        let tables = &mut *self.lock();
        if let Some(known) = tables.messages.of_carrier(thread, &new.carrier_id) {
            return Ok(Accepted { message: known.clone(), is_new: false });
        }
        let of = tables.continue_thread(thread, new.at)?;
        let message = Message::incoming(thread, of, new);
        tables.insert_message(&message);
        Ok(Accepted { message, is_new: true })
    }

    async fn queue_message(&self, thread: &Thread, new: &NewOutgoing) -> Result<Message> {
        let tables = &mut *self.lock();
        let tenant = thread.session.tenant;
        if let Some(known) = new.key.as_ref().and_then(|key| tables.messages.of_key(tenant, key)) {
            return Ok(known.clone());
        }
        let (_, who) = thread.participant()?;
        if !new.despite_opt_out && tables.messages.opted_out(tenant, &who).is_some() {
            return Err(refuse_to_write("queue message"));
        }
        let of = tables.continue_thread(thread, new.at)?;
        let message = Message::outgoing(tenant, of, new);
        let message = message.over(&thread.session.channel, &thread.carrier, thread.session.account);
        tables.insert_message(&message);
        Ok(message)
    }

    async fn answer_messages(&self, answer: &Answer) -> Result<Vec<Message>> {
        let tables = &mut *self.lock();
        let session = tables.session(answer.tenant, answer.session)?.clone();
        if session.owner != answer.epoch {
            return Err(conflict("answer messages", "the session has another owner").with_field("epoch"));
        }
        let waiting = tables.messages.unanswered(session.id);
        let waiting: Vec<_> = waiting.into_iter().filter(|message| message.number <= answer.up_to).collect();
        let Some(last) = waiting.last().cloned() else {
            return Err(conflict("answer messages", "nothing waits for this answer").with_field("upTo"));
        };
        self.append_within(tables, answer.tenant, &answer.entries)?;
        for message in waiting {
            tables.messages.change(message.id, |message| {
                message.state = MessageState::Answered;
                message.updated_at = answer.at;
            });
        }
        let mut sent = Vec::new();
        for new in &answer.messages {
            let number = tables.next_number(last.conversation, answer.at);
            let message = Message::outgoing(answer.tenant, (last.conversation, session.id, number), new);
            let message = message.over(&last.channel, &last.carrier, last.account);
            tables.insert_message(&message);
            sent.push(message);
        }
        Ok(sent)
    }

    async fn begin_sending_message(&self, tenant: TenantId, id: MessageId, at: Timestamp) -> Result<Message> {
        let tables = &mut *self.lock();
        let mut message = tables.messages.get("send message", tenant, id)?.clone();
        let before = message.state;
        message.begin_sending(at)?;
        let person = tables.session(tenant, message.session)?.person;
        let refused = person.is_some_and(|person| tables.messages.refuses(tenant, person, &message.channel));
        let refused = refused && !message.despite_opt_out;
        if refused {
            message.settle(&SendOutcome::Rejected(crate::store::OPTED_OUT.to_owned()), at)?;
        }
        tables.messages.change(id, |row| *row = message.clone());
        tables.tell(Event::of_message(before, &message));
        if refused { Err(refuse_to_write("send message")) } else { Ok(message) }
    }

    async fn settle_message(
        &self,
        tenant: TenantId,
        id: MessageId,
        outcome: &SendOutcome,
        at: Timestamp,
    ) -> Result<Message> {
        self.lock().change_message(tenant, id, |message| message.settle(outcome, at))
    }

    async fn report_message(
        &self,
        tenant: TenantId,
        id: MessageId,
        carrier_id: &CarrierMessageId,
        report: &DeliveryReport,
        at: Timestamp,
    ) -> Result<Message> {
        self.lock().change_message(tenant, id, |message| message.report(carrier_id, report, at))
    }

    async fn message(&self, tenant: TenantId, id: MessageId) -> Result<Message> {
        Ok(self.lock().messages.get("read message", tenant, id)?.clone())
    }

    async fn messages(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Message>> {
        let tables = self.lock();
        tables.messages.conversation("list messages", tenant, conversation)?;
        Ok(tables.messages.of_conversation(conversation, after).take(limit as usize).cloned().collect())
    }

    async fn conversation(&self, tenant: TenantId, id: ConversationId) -> Result<Conversation> {
        Ok(self.lock().messages.conversation("read conversation", tenant, id)?.clone())
    }

    async fn conversation_with(&self, tenant: TenantId, person: PersonKey) -> Result<Option<Conversation>> {
        Ok(self.lock().messages.conversation_with(tenant, person).cloned())
    }

    async fn conversations(
        &self,
        tenant: TenantId,
        state: Option<ConversationState>,
        page: PageRequest,
    ) -> Result<Page<Conversation>> {
        page.validate()?;
        let tables = self.lock();
        let own = tables.messages.conversations().filter(|own| own.tenant == tenant);
        let mut found: Vec<_> = own.filter(|own| state.is_none_or(|state| own.state == state)).collect();
        found.sort_by_key(|own| std::cmp::Reverse((own.updated_at, own.id)));
        let before = usize::try_from(page.offset()).unwrap_or(usize::MAX);
        let items = found.iter().skip(before).take(page.per_page as usize).map(|&own| own.clone()).collect();
        Ok(Page { items, total: found.len() as u64 })
    }

    async fn change_conversation(
        &self,
        tenant: TenantId,
        id: ConversationId,
        change: &ConversationChange,
        at: Timestamp,
    ) -> Result<Conversation> {
        let tables = &mut *self.lock();
        let before = tables.messages.conversation("change conversation", tenant, id)?.clone();
        let mut changed = before.clone();
        if let ConversationChange::Add(who) = change {
            let other = tables.messages.conversation_with(tenant, who.person);
            if other.is_some_and(|other| other.id != id) {
                return Err(conflict("change conversation", "the person is in another").with_field("participants"));
            }
        }
        changed.apply(change, at)?;
        tables.messages.set_conversation(changed.clone());
        tables.tell(Event::of_conversation(&before, &changed));
        if *change == ConversationChange::Close {
            tables.end_threads(tenant, id, at)?;
        }
        Ok(changed)
    }
}

impl MemoryTables {
    fn change_message(
        &mut self,
        tenant: TenantId,
        id: MessageId,
        change: impl FnOnce(&mut Message) -> Result<()>,
    ) -> Result<Message> {
        let mut message = self.messages.get("change message", tenant, id)?.clone();
        let before = message.state;
        change(&mut message)?;
        self.messages.change(id, |row| *row = message.clone());
        self.tell(Event::of_message(before, &message));
        Ok(message)
    }

    /// The place of a thread's next message, whose session and conversation begin if there are none to go on with.
    fn continue_thread(&mut self, thread: &Thread, at: Timestamp) -> Result<(ConversationId, SessionId, u64)> {
        let (fresh, who) = thread.participant()?;
        let new = &thread.session;
        let known = self.messages.conversation_with(new.tenant, who.person).map(|known| known.id);
        let conversation = known.unwrap_or(fresh);
        if self.messages.is_anothers(new.tenant, conversation) {
            return Err(conflict("take message", "the conversation exists"));
        }
        let open = known.and_then(|known| self.open_thread(known, thread));
        let goes_on = |session: &SessionId| {
            let latest = self.messages.latest_of(*session);
            latest.is_some_and(|latest| thread.goes_on(latest, at))
        };
        let session = match open.filter(goes_on) {
            Some(session) => session,
            None => {
                if let Some(over) = open {
                    self.end_session(new.tenant, over, at)?;
                }
                if self.sessions.rows.contains_key(&new.id) {
                    return Err(conflict("take message", "the session exists"));
                }
                let row = Timeline::new(&crate::store::NewSession { conversation: Some(conversation), ..new.clone() });
                self.sessions.rows.insert(new.id, row);
                new.id
            }
        };
        let before = self.messages.find_conversation(conversation).cloned();
        let number = self.messages.take_number(conversation, new.tenant, who, at);
        self.tell_of_conversation(conversation, before.as_ref());
        Ok((conversation, session, number))
    }

    fn next_number(&mut self, conversation: ConversationId, at: Timestamp) -> u64 {
        let before = self.messages.find_conversation(conversation).cloned();
        let number = self.messages.next_number(conversation, at);
        self.tell_of_conversation(conversation, before.as_ref());
        number
    }

    /// Tells how a conversation differs from what it was before it took a message.
    fn tell_of_conversation(&mut self, id: ConversationId, before: Option<&Conversation>) {
        let Some(after) = self.messages.find_conversation(id) else { return };
        let events = match before {
            Some(before) => Event::of_conversation(before, after),
            // It began before its first message, of which it knew nothing then.
            None => Event::of_new_conversation(&Conversation { last_message: 0, ..after.clone() }),
        };
        self.tell(events);
    }

    fn insert_message(&mut self, message: &Message) {
        self.messages.insert(message.clone());
        self.tell([Event::of_new_message(message)]);
    }

    /// The session that a thread's next message goes to, if it has not been idle for too long.
    fn open_thread(&self, conversation: ConversationId, thread: &Thread) -> Option<SessionId> {
        let same = |session: &&Session| {
            !session.status.is_final()
                && session.conversation == Some(conversation)
                && session.channel == thread.session.channel
                && session.account == thread.session.account
                && session.local == thread.session.local
                && session.remote.as_ref().map(|remote| remote.lookup)
                    == thread.session.remote.as_ref().map(|remote| remote.lookup)
        };
        self.messages
            .sessions_of(conversation)
            .filter_map(|id| self.sessions.rows.get(&id))
            .map(|row| &row.session)
            .find(same)
            .map(|session| session.id)
    }

    fn end_threads(&mut self, tenant: TenantId, conversation: ConversationId, at: Timestamp) -> Result<()> {
        let sessions: Vec<_> = self.messages.sessions_of(conversation).collect();
        let open = |id: &SessionId| self.sessions.rows.get(id).is_some_and(|row| !row.session.status.is_final());
        let open: Vec<_> = sessions.into_iter().filter(open).collect();
        open.into_iter().try_for_each(|session| self.end_session(tenant, session, at))
    }

    fn end_session(&mut self, tenant: TenantId, session: SessionId, at: Timestamp) -> Result<()> {
        let end = SessionChange::Ended { reason: EndReason::Completed, source: EventSource::System, at };
        self.change_session(tenant, session, &end).map(drop)
    }

    /// Forgets the conversation somebody alone was in, or that they were in one with others.
    pub(super) fn forget_person(&mut self, tenant: TenantId, person: PersonKey) {
        let before = self.messages.conversation_with(tenant, person).cloned();
        self.messages.forget_person(tenant, person);
        let is_over = before.as_ref().is_some_and(|before| self.messages.find_conversation(before.id).is_none());
        self.forget_events_of_person(tenant, person, before.as_ref().filter(|_| is_over).map(|before| before.id));
        if let Some(before) = before {
            let gone: Vec<_> = before.participants.iter().filter(|who| who.person == person).cloned().collect();
            self.tell(Event::of_erasure(&before, is_over, &gone, Timestamp::now()));
        }
    }

    /// Forgets the messages of a session.
    pub(super) fn forget_messages_of(&mut self, session: SessionId) {
        self.messages.forget_session(session);
    }
}

/// Of the waiting of all tenants.
mod queue {
    use std::collections::HashMap;

    use super::*;
    use crate::store::MessageQueueStore;

    #[async_trait]
    impl MessageQueueStore for MemoryStore {
        async fn sessions_to_answer(&self, now: Timestamp, per_tenant: u32, limit: u32) -> Result<Vec<Session>> {
            let tables = self.lock();
            let mut waiting: Vec<_> =
                tables.messages.open().filter(|row| row.state == MessageState::Received).collect();
            waiting.sort_by_key(|message| (message.at, message.number));
            let mut found: Vec<Session> = Vec::new();
            for message in waiting {
                let session = &tables.sessions.get("find messages", message.tenant, message.session)?.session;
                let is_free = session.leased_until.is_none_or(|until| until <= now);
                if is_free && found.iter().all(|other| other.id != session.id) {
                    found.push(session.clone());
                }
            }
            Ok(of_each(found, |session| session.tenant, per_tenant, limit))
        }

        async fn unanswered_messages(&self, tenant: TenantId, session: SessionId) -> Result<Vec<Message>> {
            let tables = self.lock();
            tables.sessions.get("read messages", tenant, session)?;
            Ok(tables.messages.unanswered(session))
        }

        async fn messages_to_send(&self, now: Timestamp, per_tenant: u32, limit: u32) -> Result<Vec<Message>> {
            let tables = self.lock();
            let unsent = |row: &&Message| matches!(row.state, MessageState::Queued | MessageState::Sending);
            let mut first: HashMap<SessionId, &Message> = HashMap::new();
            for message in tables.messages.open().filter(unsent) {
                let place = first.entry(message.session).or_insert(message);
                if message.number < place.number {
                    *place = message;
                }
            }
            let due = |row: &&Message| row.state == MessageState::Queued && row.due_at <= now;
            let mut due: Vec<_> = first.into_values().filter(due).cloned().collect();
            due.sort_by_key(|message| (message.due_at, message.id));
            Ok(of_each(due, |message| message.tenant, per_tenant, limit))
        }

        async fn unsettled_messages(&self, before: Timestamp, limit: u32) -> Result<Vec<Message>> {
            let tables = self.lock();
            let is_open = |row: &&Message| matches!(row.state, MessageState::Sending | MessageState::Unknown);
            let mut found: Vec<_> =
                tables.messages.open().filter(is_open).filter(|row| row.updated_at < before).cloned().collect();
            found.sort_by_key(|message| (message.updated_at, message.id));
            found.truncate(limit as usize);
            Ok(found)
        }
    }

    /// At most so many of each tenant, and in all, in their order.
    fn of_each<T>(all: Vec<T>, tenant: impl Fn(&T) -> TenantId, per_tenant: u32, limit: u32) -> Vec<T> {
        let mut taken = HashMap::new();
        let fits = |item: &T| {
            let taken = taken.entry(tenant(item)).or_insert(0_u32);
            *taken += 1;
            *taken <= per_tenant
        };
        all.into_iter().filter(fits).take(limit as usize).collect()
    }
}
