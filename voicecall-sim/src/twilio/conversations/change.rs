//! What becomes of a conversation in time.

use voicecall_core::CallTime;

use super::{Conversation, Source, State};
use crate::twilio::Exchange;
use crate::twilio::exchange::Timer;

impl Exchange {
    pub(in crate::twilio) fn add_conversation(&mut self, now: CallTime, conversation: Conversation) -> usize {
        let index = self.conversations.all.len();
        self.conversations.all.push(conversation);
        self.touch(now, index);
        index
    }

    /// Lets the timers count from now.
    pub(in crate::twilio) fn touch(&mut self, now: CallTime, index: usize) {
        let conversation = &mut self.conversations.all[index];
        conversation.touched = now;
        let timers = [conversation.inactive_after, conversation.closed_after];
        for after in timers.into_iter().flatten() {
            self.at(now + after, Timer::ConversationIdle(index));
        }
    }

    /// A timer set some time ago is due; what happened since may have moved it.
    pub(in crate::twilio) fn conversation_idle(&mut self, now: CallTime, index: usize) {
        let conversation = &self.conversations.all[index];
        let idle = now.since(conversation.touched);
        let is_over = |after: Option<std::time::Duration>| after.is_some_and(|after| idle >= after);
        let to = match conversation.state {
            _ if conversation.gone => return,
            State::Active | State::Inactive if is_over(conversation.closed_after) => State::Closed,
            State::Active if is_over(conversation.inactive_after) => State::Inactive,
            _ => return,
        };
        self.change_state(now, index, to, "TIMER", Some(Source::Api));
    }

    /// Brings a conversation into another state, and tells of it if there is a source to tell of.
    pub(in crate::twilio) fn change_state(
        &mut self,
        now: CallTime,
        index: usize,
        to: State,
        reason: &str,
        source: Option<Source>,
    ) {
        let conversation = &mut self.conversations.all[index];
        let from = std::mem::replace(&mut conversation.state, to);
        conversation.updated = now;
        if from == to {
            return;
        }
        if let Some(source) = source {
            let fields = vec![
                ("StateFrom", from.as_str().to_owned()),
                ("StateTo", to.as_str().to_owned()),
                ("Reason", reason.to_owned()),
                ("StateUpdated", self.timestamp(now).to_string()),
            ];
            self.tell(now, index, "onConversationStateUpdated", source, fields);
        }
    }

    pub(in crate::twilio) fn conversation_mut(&mut self, index: usize) -> &mut Conversation {
        &mut self.conversations.all[index]
    }
}

impl Conversation {
    pub(in crate::twilio) fn new(sid: String, account: usize, service: String, now: CallTime) -> Self {
        Self {
            sid,
            account,
            service,
            messaging_service: None,
            friendly_name: None,
            unique_name: None,
            attributes: "{}".to_owned(),
            state: State::Active,
            inactive_after: None,
            closed_after: None,
            touched: now,
            created: now,
            updated: now,
            participants: Vec::new(),
            messages: Vec::new(),
            webhooks: Vec::new(),
            gone: false,
            held: None,
        }
    }
}
