//! Conversations and messages, broken in one way.

use super::*;
use crate::id::{CarrierMessageId, ConversationId, MessageId};
use crate::messaging::{DeliveryReport, MessageState};

#[async_trait]
impl MessageStore for Broken {
    async fn accept_message(&self, thread: &Thread, message: &NewIncoming) -> Result<Accepted> {
        self.meet(thread.session.tenant);
        let mut accepted = self.inner.accept_message(thread, message).await?;
        if self.has(Fault::TakesMessagesAgain) && !accepted.is_new {
            let again = CarrierMessageId::new(message.id.to_string());
            accepted = self.inner.accept_message(thread, &NewIncoming { carrier_id: again, ..message.clone() }).await?;
        }
        Ok(accepted)
    }

    async fn queue_message(&self, thread: &Thread, message: &NewOutgoing) -> Result<Message> {
        let key = message.key.clone().filter(|_| !self.has(Fault::ForgetsMessageKeys));
        let despite_opt_out = message.despite_opt_out || self.has(Fault::WritesToAnybody);
        self.inner.queue_message(thread, &NewOutgoing { key, despite_opt_out, ..message.clone() }).await
    }

    async fn answer_messages(&self, answer: &Answer) -> Result<Vec<Message>> {
        if self.has(Fault::SplitsAnswers) {
            self.inner.append(answer.tenant, &answer.entries).await?;
        }
        let answered = self.inner.answer_messages(answer).await;
        match answered {
            Err(error) if self.has(Fault::AnswersAgain) && error.field() == Some("upTo") => Ok(Vec::new()),
            answered => answered,
        }
    }

    async fn begin_sending_message(&self, tenant: TenantId, id: MessageId, at: Timestamp) -> Result<Message> {
        let began = scoped!(self, "begin_sending_message", tenant, self.inner.begin_sending_message(tenant, id, at));
        match began {
            Err(_) if self.has(Fault::SendsMessagesAgain) => self.inner.message(tenant, id).await,
            began => began,
        }
    }

    async fn settle_message(
        &self,
        tenant: TenantId,
        id: MessageId,
        outcome: &SendOutcome,
        at: Timestamp,
    ) -> Result<Message> {
        scoped!(self, "settle_message", tenant, self.inner.settle_message(tenant, id, outcome, at))
    }

    async fn report_message(
        &self,
        tenant: TenantId,
        id: MessageId,
        carrier_id: &CarrierMessageId,
        report: &DeliveryReport,
        at: Timestamp,
    ) -> Result<Message> {
        let mut message = self.inner.report_message(tenant, id, carrier_id, report, at).await?;
        if self.has(Fault::BelievesTheLatestReport) {
            message.state = report.state;
        }
        Ok(message)
    }

    async fn message(&self, tenant: TenantId, id: MessageId) -> Result<Message> {
        scoped!(self, "message", tenant, self.inner.message(tenant, id))
    }

    async fn messages(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Message>> {
        scoped!(self, "messages", tenant, self.inner.messages(tenant, conversation, after, limit))
    }

    async fn conversation(&self, tenant: TenantId, id: ConversationId) -> Result<Conversation> {
        scoped!(self, "conversation", tenant, self.inner.conversation(tenant, id))
    }

    async fn conversation_with(&self, tenant: TenantId, person: PersonKey) -> Result<Option<Conversation>> {
        for tenant in self.seen_as("conversation_with", tenant) {
            if let Some(found) = self.inner.conversation_with(tenant, person).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    async fn conversations(
        &self,
        tenant: TenantId,
        state: Option<ConversationState>,
        page: PageRequest,
    ) -> Result<Page<Conversation>> {
        self.inner.conversations(tenant, state, page).await
    }

    async fn change_conversation(
        &self,
        tenant: TenantId,
        id: ConversationId,
        change: &ConversationChange,
        at: Timestamp,
    ) -> Result<Conversation> {
        let mut change = change.clone();
        if let (true, ConversationChange::Remember { before, .. }) =
            (self.has(Fault::RemembersWhateverCame), &mut change)
        {
            *before = self.inner.conversation(tenant, id).await?.memory;
        }
        scoped!(self, "change_conversation", tenant, self.inner.change_conversation(tenant, id, &change, at))
    }
}

#[async_trait]
impl MessageQueueStore for Broken {
    async fn sessions_to_answer(&self, now: Timestamp, per_tenant: u32, limit: u32) -> Result<Vec<Session>> {
        let now = if self.has(Fault::AnswersWhatIsLeased) { Timestamp::MAX } else { now };
        let per_tenant = if self.has(Fault::FindsTheLongestQueue) { u32::MAX } else { per_tenant };
        self.inner.sessions_to_answer(now, per_tenant, limit).await
    }

    async fn unanswered_messages(&self, tenant: TenantId, session: SessionId) -> Result<Vec<Message>> {
        scoped!(self, "unanswered_messages", tenant, self.inner.unanswered_messages(tenant, session))
    }

    async fn messages_to_send(&self, now: Timestamp, per_tenant: u32, limit: u32) -> Result<Vec<Message>> {
        let found = self.inner.messages_to_send(now, per_tenant, limit).await?;
        if !self.has(Fault::SendsOutOfOrder) {
            return Ok(found);
        }
        let mut all = Vec::new();
        for message in found {
            let others = self.inner.messages(message.tenant, message.conversation, 0, u32::MAX).await?;
            all.extend(others.into_iter().filter(|other| other.state == MessageState::Queued));
        }
        Ok(all)
    }

    async fn unsettled_messages(&self, before: Timestamp, limit: u32) -> Result<Vec<Message>> {
        self.inner.unsettled_messages(before, limit).await
    }
}
