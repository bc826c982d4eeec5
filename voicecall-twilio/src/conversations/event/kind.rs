//! The events by name.

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A conversation.
    Conversation,
    /// A participant.
    Participant,
    /// A message.
    Message,
}

/// What is done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// It is made, or comes into the conversation.
    Add,
    /// It is changed.
    Update,
    /// It is deleted, or leaves the conversation.
    Remove,
}

/// An event that webhooks can be told of.
///
/// ```
/// use voicecall_twilio::conversations::{Action, EventType, Subject};
/// assert_eq!(EventType::After(Subject::Message, Action::Add).name(), "onMessageAdded");
/// assert_eq!(EventType::from_name("onMessageAdd"), Some(EventType::Before(Subject::Message, Action::Add)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventType {
    /// Twilio asks before it is done.
    Before(Subject, Action),
    /// It was done.
    After(Subject, Action),
    /// A conversation came into another state.
    StateUpdated,
    /// A message came further with one participant.
    DeliveryUpdated,
}

impl EventType {
    /// Every event.
    pub fn all() -> impl Iterator<Item = Self> {
        let subjects = [Subject::Conversation, Subject::Participant, Subject::Message];
        let changes = subjects.into_iter().flat_map(|subject| {
            [Action::Add, Action::Update, Action::Remove].into_iter().map(move |action| (subject, action))
        });
        changes
            .flat_map(|(subject, action)| [Self::Before(subject, action), Self::After(subject, action)])
            .chain([Self::StateUpdated, Self::DeliveryUpdated])
    }

    /// Its name at Twilio.
    #[must_use]
    pub fn name(self) -> String {
        let subject = |subject| match subject {
            Subject::Conversation => "Conversation",
            Subject::Participant => "Participant",
            Subject::Message => "Message",
        };
        match self {
            Self::Before(of, Action::Add) => format!("on{}Add", subject(of)),
            Self::Before(of, Action::Update) => format!("on{}Update", subject(of)),
            Self::Before(of, Action::Remove) => format!("on{}Remove", subject(of)),
            Self::After(of, Action::Add) => format!("on{}Added", subject(of)),
            Self::After(of, Action::Update) => format!("on{}Updated", subject(of)),
            Self::After(of, Action::Remove) => format!("on{}Removed", subject(of)),
            Self::StateUpdated => "onConversationStateUpdated".to_owned(),
            Self::DeliveryUpdated => "onDeliveryUpdated".to_owned(),
        }
    }

    /// The event of this name; none for one that this version does not know.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::all().find(|event| event.name() == name)
    }

    /// Whether it is asked before it is done.
    #[must_use]
    pub const fn is_before(self) -> bool {
        matches!(self, Self::Before(..))
    }
}
