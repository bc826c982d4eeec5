//! The rows of conversations and messages, and by what they are found.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use crate::error::Result;
use crate::id::{AccountName, CarrierMessageId, ConversationId, MessageId, SessionId, TenantId};
use crate::messaging::MessageState;
use crate::seal::PersonKey;
use crate::store::memory::not_found;
use crate::store::{Channel, Conversation, Direction, Message, Participant, Thread};

type OfCarrier = (TenantId, String, Option<AccountName>, CarrierMessageId);

#[derive(Default)]
pub(in crate::store::memory) struct Messages {
    rows: BTreeMap<MessageId, Message>,
    conversations: BTreeMap<ConversationId, Conversation>,
    /// The conversation that each person is in.
    of_person: HashMap<(TenantId, PersonKey), ConversationId>,
    in_order: BTreeMap<(ConversationId, u64), MessageId>,
    of_session: HashMap<SessionId, BTreeSet<(u64, MessageId)>>,
    of_carrier: HashMap<OfCarrier, MessageId>,
    of_key: HashMap<(TenantId, String), MessageId>,
    /// Those with which something is still to be done.
    open: BTreeSet<MessageId>,
    opt_outs: HashMap<(TenantId, PersonKey, Channel), Timestamp>,
}

impl Messages {
    pub(super) fn get(&self, operation: &'static str, tenant: TenantId, id: MessageId) -> Result<&Message> {
        self.rows.get(&id).filter(|row| row.tenant == tenant).ok_or_else(|| not_found(operation))
    }

    pub(super) fn insert(&mut self, message: Message) {
        let id = message.id;
        self.in_order.insert((message.conversation, message.number), id);
        self.of_session.entry(message.session).or_default().insert((message.number, id));
        if let Some(carrier_id) = &message.carrier_id {
            let name = (message.tenant, message.carrier.clone(), message.account, carrier_id.clone());
            self.of_carrier.insert(name, id);
        }
        self.of_key.extend(message.key.clone().map(|key| ((message.tenant, key), id)));
        self.open.insert(id);
        self.rows.insert(id, message);
        self.change(id, |_| ());
    }

    pub(super) fn change(&mut self, id: MessageId, change: impl FnOnce(&mut Message)) {
        let Some(row) = self.rows.get_mut(&id) else { return };
        change(row);
        let is_open = matches!(
            row.state,
            MessageState::Received | MessageState::Queued | MessageState::Sending | MessageState::Unknown
        );
        if is_open {
            self.open.insert(id);
        } else {
            self.open.remove(&id);
        }
    }

    pub(super) fn open(&self) -> impl Iterator<Item = &Message> {
        self.open.iter().filter_map(|id| self.rows.get(id))
    }

    pub(super) fn of_carrier(&self, thread: &Thread, id: &CarrierMessageId) -> Option<&Message> {
        let new = &thread.session;
        self.rows.get(self.of_carrier.get(&(new.tenant, thread.carrier.clone(), new.account, id.clone()))?)
    }

    pub(super) fn of_key(&self, tenant: TenantId, key: &str) -> Option<&Message> {
        self.rows.get(self.of_key.get(&(tenant, key.to_owned()))?)
    }

    pub(super) fn of_conversation(&self, id: ConversationId, after: u64) -> impl Iterator<Item = &Message> {
        let numbers = (id, after.saturating_add(1))..=(id, u64::MAX);
        self.in_order.range(numbers).filter_map(|(_, id)| self.rows.get(id))
    }

    pub(super) fn unanswered(&self, session: SessionId) -> Vec<Message> {
        let all = self.of_session.get(&session).into_iter().flatten().filter_map(|(_, id)| self.rows.get(id));
        all.filter(|row| row.state == MessageState::Received).cloned().collect()
    }

    pub(in crate::store::memory) fn of_whole_session(&self, session: SessionId) -> Vec<Message> {
        let all = self.of_session.get(&session).into_iter().flatten();
        all.filter_map(|(_, id)| self.rows.get(id)).cloned().collect()
    }

    /// When a session's latest message came or was written.
    pub(super) fn latest_of(&self, session: SessionId) -> Option<Timestamp> {
        let (_, id) = self.of_session.get(&session)?.last()?;
        self.rows.get(id).map(|row| row.at)
    }

    /// The sessions in which a conversation's messages are.
    pub(super) fn sessions_of(&self, conversation: ConversationId) -> impl Iterator<Item = SessionId> {
        let sessions: BTreeSet<_> = self.of_conversation(conversation, 0).map(|message| message.session).collect();
        sessions.into_iter()
    }

    pub(super) fn conversations(&self) -> impl Iterator<Item = &Conversation> {
        self.conversations.values()
    }

    pub(super) fn conversation(
        &self,
        operation: &'static str,
        tenant: TenantId,
        id: ConversationId,
    ) -> Result<&Conversation> {
        self.conversations.get(&id).filter(|row| row.tenant == tenant).ok_or_else(|| not_found(operation))
    }

    pub(super) fn find_conversation(&self, id: ConversationId) -> Option<&Conversation> {
        self.conversations.get(&id)
    }

    pub(super) fn conversation_with(&self, tenant: TenantId, person: PersonKey) -> Option<&Conversation> {
        self.conversations.get(self.of_person.get(&(tenant, person))?)
    }

    pub(super) fn set_conversation(&mut self, conversation: Conversation) {
        let (id, tenant) = (conversation.id, conversation.tenant);
        for before in self.conversations.get(&id).into_iter().flat_map(|row| &row.participants) {
            self.of_person.remove(&(tenant, before.person));
        }
        self.of_person.extend(conversation.participants.iter().map(|who| ((tenant, who.person), id)));
        self.conversations.insert(id, conversation);
    }

    /// The number of a conversation's next message; the conversation begins with it.
    pub(super) fn take_number(
        &mut self,
        id: ConversationId,
        tenant: TenantId,
        with: Participant,
        at: Timestamp,
    ) -> u64 {
        self.of_person.insert((tenant, with.person), id);
        let begin = || Conversation::new(id, tenant, with.clone(), at);
        self.conversations.entry(id).or_insert_with(begin).take_message(Some(with), at)
    }

    /// The number of the next message that answers somebody, who need not be in the conversation any more: what they wrote
    /// is answered although it may be gone.
    pub(super) fn next_number(&mut self, id: ConversationId, at: Timestamp) -> u64 {
        if let Some(row) = self.conversations.get_mut(&id) {
            return row.take_message(None, at);
        }
        let last = self.in_order.range((id, 0)..=(id, u64::MAX)).next_back();
        last.map_or(1, |((_, number), _)| number + 1)
    }

    /// Whether another tenant has a conversation with this id.
    pub(super) fn is_anothers(&self, tenant: TenantId, id: ConversationId) -> bool {
        self.conversations.get(&id).is_some_and(|row| row.tenant != tenant)
    }

    pub(super) fn opted_out(&self, tenant: TenantId, who: &Participant) -> Option<Timestamp> {
        self.opt_outs.get(&(tenant, who.person, who.channel.clone())).copied()
    }

    pub(super) fn refuses(&self, tenant: TenantId, person: PersonKey, channel: &Channel) -> bool {
        self.opt_outs.contains_key(&(tenant, person, channel.clone()))
    }

    pub(in crate::store::memory) fn opt_outs(&mut self) -> &mut HashMap<(TenantId, PersonKey, Channel), Timestamp> {
        &mut self.opt_outs
    }

    pub(super) fn forget_session(&mut self, session: SessionId) {
        for (_, id) in self.of_session.remove(&session).unwrap_or_default() {
            let Some(row) = self.rows.remove(&id) else { continue };
            self.open.remove(&id);
            self.in_order.remove(&(row.conversation, row.number));
            if let Some(key) = row.key {
                self.of_key.remove(&(row.tenant, key));
            }
            // Only what came in is found by it.
            if let Some(carrier_id) = row.carrier_id.filter(|_| row.direction == Direction::Inbound) {
                self.of_carrier.remove(&(row.tenant, row.carrier, row.account, carrier_id));
            }
        }
    }

    /// Forgets the conversations somebody alone was in, and that they were in others.
    pub(in crate::store::memory) fn forget_person(&mut self, tenant: TenantId, person: PersonKey) {
        let Some(id) = self.of_person.remove(&(tenant, person)) else { return };
        if let Some(row) = self.conversations.get_mut(&id) {
            row.participants.retain(|who| who.person != person);
            if row.participants.is_empty() {
                self.conversations.remove(&id);
            }
        }
    }
}
