//! How one call is conducted.

use std::sync::Arc;
use std::time::Duration;

use voicecall_core::agent::{AgentSetup, VoiceAgent};
use voicecall_core::call::{CallSettings, Keep};
use voicecall_core::dialogue::Dialogue;
use voicecall_core::money::Budget;
use voicecall_core::{Error, Result, SessionId};
use voicecall_engine::CallPlan;

/// How one call is conducted: its dialogue, and what differs from the server's defaults.
#[derive(Debug)]
pub struct CallOptions {
    dialogue: Box<dyn Dialogue>,
    agent: Option<Arc<dyn VoiceAgent>>,
    keep: Option<Keep>,
    setup: AgentSetup,
    max_duration: Option<Duration>,
    budget: Option<Budget>,
    recording: bool,
}

impl<D: Dialogue + 'static> From<D> for CallOptions {
    fn from(dialogue: D) -> Self {
        Self::new(dialogue)
    }
}

impl CallOptions {
    /// A call that is conducted by this dialogue.
    pub fn new(dialogue: impl Dialogue + 'static) -> Self {
        Self {
            dialogue: Box::new(dialogue),
            agent: None,
            keep: None,
            setup: AgentSetup::default(),
            max_duration: None,
            budget: None,
            recording: false,
        }
    }

    /// Who listens, thinks and speaks; the server's agent otherwise.
    #[must_use]
    pub fn agent(mut self, agent: Arc<dyn VoiceAgent>) -> Self {
        self.agent = Some(agent);
        self
    }

    /// What of the call is kept; the server's default otherwise, which is nothing.
    #[must_use]
    pub fn keep(mut self, keep: Keep) -> Self {
        self.keep = Some(keep);
        self
    }

    /// The language of the call, as an ISO 639-1 code such as `sv`: what is listened for, and spoken.
    #[must_use]
    pub fn language(mut self, language: impl Into<String>) -> Self {
        let language = language.into();
        self.setup.transcription.language = Some(language.clone());
        self.setup.speech.language = Some(language);
        self
    }

    /// The provider's name of the voice.
    #[must_use]
    pub fn voice(mut self, voice: impl Into<String>) -> Self {
        self.setup.speech.voice = Some(voice.into());
        self
    }

    /// The call is ended after this time, whatever anybody says; after ten minutes otherwise.
    #[must_use]
    pub const fn max_duration(mut self, limit: Duration) -> Self {
        self.max_duration = Some(limit);
        self
    }

    /// What the call may cost. Without one nothing is counted.
    #[must_use]
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Records the call, within what is [kept](Self::keep), if the engine has a place for recordings.
    #[must_use]
    pub const fn recorded(mut self) -> Self {
        self.recording = true;
        self
    }

    /// The plan of a session's call.
    pub(super) fn plan(self, session: SessionId, agent: Option<&Arc<dyn VoiceAgent>>, keep: &Keep) -> Result<CallPlan> {
        let agent = self.agent.or_else(|| agent.map(Arc::clone));
        let agent = agent.ok_or_else(|| Error::config("agent", "an agent: .agent(…), or one of the call's own"))?;
        let mut settings = CallSettings::new(session);
        settings.keep = self.keep.unwrap_or_else(|| keep.clone());
        settings.recording = self.recording;
        settings.budget = self.budget;
        settings.max_duration = self.max_duration.unwrap_or(settings.max_duration);
        if settings.keep == Keep::AfterConsent && !self.dialogue.can_grant_consent() {
            return Err(Error::config("keep", "a dialogue that can grant consent, for `AfterConsent`"));
        }
        let plan = CallPlan::new(session, agent, self.dialogue);
        Ok(CallPlan { settings, setup: self.setup, ..plan })
    }
}
