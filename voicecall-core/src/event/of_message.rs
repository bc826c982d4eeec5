//! Events of messages and conversations.

use jiff::Timestamp;
use serde_json::json;

use super::{Event, EventType};
use crate::messaging::MessageState;
use crate::store::{Conversation, Direction, Message, Participant};

impl Event {
    /// What a message makes that was just stored.
    #[must_use]
    pub fn of_new_message(message: &Message) -> Self {
        of_message(message, EventType::MessageAdded, message.at)
    }

    /// What a change of a message makes: one of ours whose carrier has said more than before.
    #[must_use]
    pub fn of_message(before: MessageState, message: &Message) -> Option<Self> {
        let is_told = matches!(
            message.state,
            MessageState::Sent
                | MessageState::Delivered
                | MessageState::Read
                | MessageState::Undelivered
                | MessageState::Failed
        );
        let is_news = is_told && message.direction == Direction::Outbound && before != message.state;
        is_news.then(|| of_message(message, EventType::MessageDeliveryUpdated, message.updated_at))
    }

    /// What a conversation makes that just began.
    #[must_use]
    pub fn of_new_conversation(new: &Conversation) -> Vec<Self> {
        let created = of_conversation(new, EventType::ConversationCreated, new.created_at);
        std::iter::once(created).chain(new.participants.iter().map(|who| added(new, who))).collect()
    }

    /// What a change of a conversation makes.
    #[must_use]
    pub fn of_conversation(before: &Conversation, after: &Conversation) -> Vec<Self> {
        let mut events = Vec::new();
        if before.state != after.state {
            events.push(of_conversation(after, EventType::ConversationStateUpdated, after.updated_at));
        }
        if before.memory != after.memory {
            events.push(of_conversation(after, EventType::ConversationUpdated, after.updated_at));
        }
        events.extend(
            before.participants.iter().filter(|who| !after.participants.contains(who)).map(|who| Self {
                person: Some(who.person),
                ..of_participant(after, who, EventType::ParticipantRemoved)
            }),
        );
        events.extend(
            after.participants.iter().filter(|who| !before.participants.contains(who)).map(|who| added(after, who)),
        );
        events
    }

    /// What the erasure of a person makes of the conversation they were in. Nothing in it says who they were.
    #[must_use]
    pub fn of_erasure(before: &Conversation, is_over: bool, gone: &[Participant], at: Timestamp) -> Vec<Self> {
        let before = Conversation { updated_at: at, ..before.clone() };
        if is_over {
            // Only its id is left, and it is not forgotten with the conversation.
            let deleted = of_conversation(&before, EventType::ConversationDeleted, at);
            return vec![Self { data: json!({}), ..deleted }];
        }
        gone.iter().map(|who| of_participant(&before, who, EventType::ParticipantRemoved)).collect()
    }
}

fn of_message(message: &Message, kind: EventType, at: Timestamp) -> Event {
    Event {
        session: Some(message.session),
        conversation: Some(message.conversation),
        message: Some(message.id),
        data: json!({
            "state": message.state,
            "direction": message.direction,
            "channel": message.channel,
            "number": message.number,
            "media": message.media.len(),
            "account": message.account.map(|account| account.to_string()),
            "error": message.error,
        }),
        ..Event::new(message.tenant, kind, at, &[message.id.as_uuid().as_bytes(), message.state.as_str().as_bytes()])
    }
}

fn of_conversation(of: &Conversation, kind: EventType, at: Timestamp) -> Event {
    let when = of.updated_at.as_nanosecond().to_be_bytes();
    Event {
        conversation: Some(of.id),
        data: json!({ "state": of.state, "messages": of.last_message }),
        ..Event::new(of.tenant, kind, at, &[of.id.as_uuid().as_bytes(), &when])
    }
}

fn added(to: &Conversation, who: &Participant) -> Event {
    Event { person: Some(who.person), ..of_participant(to, who, EventType::ParticipantAdded) }
}

fn of_participant(of: &Conversation, who: &Participant, kind: EventType) -> Event {
    let when = of.updated_at.as_nanosecond().to_be_bytes();
    let (person, channel) = (who.person.lookup(), who.channel.as_str());
    Event {
        conversation: Some(of.id),
        data: json!({ "channel": who.channel }),
        ..Event::new(
            of.tenant,
            kind,
            of.updated_at,
            &[of.id.as_uuid().as_bytes(), person.as_bytes(), channel.as_bytes(), &when],
        )
    }
}
