//! What a service brings to its messages: whose they are, and who answers.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use voicecall_core::dialogue::Dialogue;
use voicecall_core::messaging::IncomingMessage;
use voicecall_core::model::LanguageModel;
use voicecall_core::store::{Conversation, Message, Session};
use voicecall_core::{AccountName, PersonKey, Result, TenantId};

/// Messages that are to be answered.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AnswerRequest {
    /// The session they came in.
    pub session: Session,
    /// The conversation it is part of.
    pub conversation: Conversation,
    /// The messages, in order; at least one.
    pub messages: Vec<Message>,
}

/// Who answers.
#[derive(Debug)]
pub enum AnswerPlan {
    /// A dialogue, with the model it asks.
    Dialogue {
        /// What is said.
        dialogue: Box<dyn Dialogue>,
        /// Who is asked.
        model: Arc<dyn LanguageModel>,
    },
    /// These words.
    Text(String),
    /// Nobody, as when a person does.
    Nobody,
}

impl AnswerPlan {
    /// A dialogue answers, and asks this model.
    #[must_use]
    pub fn dialogue(dialogue: impl Dialogue + 'static, model: Arc<dyn LanguageModel>) -> Self {
        Self::Dialogue { dialogue: Box::new(dialogue), model }
    }
}

/// Calls that are under way.
#[async_trait]
pub trait LiveCalls: Send + Sync + Debug + 'static {
    /// Tells the call that a person is in what they wrote meanwhile, for its next turn. Returns whether they are in one.
    ///
    /// # Errors
    /// When that cannot be told now; the message is then answered as usual.
    async fn wrote(&self, tenant: TenantId, person: PersonKey, text: &str) -> Result<bool>;
}

/// The business behind the messages.
#[async_trait]
pub trait MessageHandler: Send + Sync + Debug + 'static {
    /// Whose message it is that came in to an address of `account`; nobody's unless told otherwise: it is then logged and
    /// dropped.
    ///
    /// # Errors
    /// When it cannot be told now: the carrier delivers again.
    async fn tenant_of(&self, account: AccountName, message: &IncomingMessage) -> Result<Option<TenantId>>;

    /// Who answers. Asked for each answer anew, after a crash too: a dialogue [resumes](Dialogue::resume) from its session's
    /// journal, and [recalls](Dialogue::recall) what was said before the session.
    ///
    /// # Errors
    /// Retryable ones are tried again; after others the person gets [`sorry`](crate::MessagingConfig::sorry).
    async fn answer(&self, request: &AnswerRequest) -> Result<AnswerPlan>;
}
