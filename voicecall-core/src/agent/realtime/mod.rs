//! An agent of one speech-to-speech model, with a cascade at its side.

mod answer;
mod items;
mod link;
mod protocol;
mod session;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{AgentSession, AgentSetup, Cascade, VoiceAgent};
use crate::error::Result;
use crate::model::{RealtimeModel, ServiceHealth};
use session::RealtimeSession;

/// A [`VoiceAgent`] whose conversations are heard and answered by one model, speech to speech.
///
/// The model hears the caller's turns and answers [`Respond`](super::AgentTask::Respond), with its own voice and no text in
/// between. What must be said word for word, such as a disclosure, is spoken by the synthesiser of the
/// [`Cascade`] at its side, and what is to be answered in text goes to the cascade's chat model. If the model's connection is lost or silent,
/// the cascade takes over in the middle of the call, with the conversation as it was, until the model is back: three
/// times it is connected again, then no more. An answer of which nothing was heard yet is given by the cascade then; of one
/// that is being heard the rest is lost, and the dialogue is told so.
///
/// The conversation is the dialogue's, as with any agent: the model is told what was said elsewhere, and only what the caller
/// heard of its own words stays in it. Turns end where the call machine says so.
///
/// ```
/// # #[cfg(feature = "testing")] {
/// use std::sync::Arc;
/// use voicecall_core::agent::{Cascade, Realtime, VoiceAgent};
/// use voicecall_core::testing::{ScriptedModel, ScriptedRealtime, ScriptedTranscriber, ScriptedVoice};
///
/// let cascade = Cascade::new(
///     Arc::new(ScriptedTranscriber::new()),
///     Arc::new(ScriptedModel::new()),
///     Arc::new(ScriptedVoice::new()),
/// );
/// let agent = Realtime::new(Arc::new(ScriptedRealtime::new()), cascade);
/// assert!(agent.speaks_verbatim() && !agent.owns_turns());
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Realtime {
    model: Arc<dyn RealtimeModel>,
    cascade: Cascade,
    health: ServiceHealth,
    answers_ahead: bool,
    mute_after: Duration,
}

impl Realtime {
    /// An agent that converses with `model`, and has everything else done by `cascade`.
    #[must_use]
    pub fn new(model: Arc<dyn RealtimeModel>, cascade: Cascade) -> Self {
        Self {
            model,
            cascade,
            health: ServiceHealth::new("realtime"),
            answers_ahead: true,
            mute_after: Duration::from_secs(3),
        }
    }

    /// Whether the model answers a turn as soon as it is over, before its words are known; it does unless told otherwise. The
    /// caller waits as much less as the transcript takes. If the dialogue then wants anything but the answer to these words, what
    /// was made is thrown away unheard, and was paid for.
    #[must_use]
    pub const fn with_answers_ahead(mut self, answers_ahead: bool) -> Self {
        self.answers_ahead = answers_ahead;
        self
    }

    /// How long the model may keep silent when asked before the cascade answers instead. Default 3 s.
    #[must_use]
    pub const fn with_mute_after(mut self, mute_after: Duration) -> Self {
        self.mute_after = mute_after;
        self
    }
}

#[async_trait]
impl VoiceAgent for Realtime {
    fn owns_turns(&self) -> bool {
        false
    }

    fn speaks_verbatim(&self) -> bool {
        true
    }

    fn services(&self) -> Vec<ServiceHealth> {
        let mut services = vec![self.health.clone()];
        services.extend(self.cascade.services());
        services
    }

    async fn open(&self, setup: &AgentSetup) -> Result<Box<dyn AgentSession>> {
        let cascade = self.cascade.open(setup).await?;
        Ok(Box::new(RealtimeSession::new(self.clone(), setup, cascade)))
    }
}
