//! The business behind the calls: which questions, which words, which limits.

use std::sync::Arc;
use std::time::Duration;

use tracing::warn;
use voicecall::agent::{AgentSetup, VoiceAgent};
use voicecall::call::CallSettings;
use voicecall::carrier::CallFlow;
use voicecall::engine::{
    Backoff, CallHandler, CallOutcome, CallPlan, DialPolicy, PlanRequest, Voicemail, WhileDetecting,
};
use voicecall::model::{SpeechCache, SpeechOptions, TranscriptionOptions};
use voicecall::money::Money;
use voicecall::store::{Attachment, Session, SessionChange};
use voicecall::survey::interview::{Interview, InterviewPlan, PlannedQuestion, Progress};
use voicecall::survey::store::{BusinessContext, VoicemailAction};
use voicecall::{Result, async_trait};

use crate::choice::Chooser;
use crate::price;
use crate::speech;
use crate::store::BusinessStore;

/// The name the agent gives.
const AGENT: &str = "Vera";

/// The language of what the carrier's own voice says.
const CARRIER_LANGUAGE: &str = "sv-SE";

/// Beyond the interview's own limits: a limit that no dialogue can break.
const LAST_LIMIT: Duration = Duration::from_secs(150);

/// When a wait is bridged, counted from the end of the caller's turn: a filler, a second one, an apology. With the
/// 0.6 s it takes to know that a turn is over, the caller hears something within about 1.5 s.
const BRIDGES: [Duration; 3] = [Duration::from_millis(700), Duration::from_millis(1700), Duration::from_millis(4000)];

/// Feedback interviews.
#[derive(Debug)]
pub(crate) struct Feedback {
    store: Arc<dyn BusinessStore>,
    agent: Arc<dyn VoiceAgent>,
    speech: Arc<SpeechCache>,
    chooser: Arc<Chooser>,
    settings: CallLimits,
}

/// What the operator decides about calls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallLimits {
    /// The most a session may cost.
    pub(crate) cap: Money,
    /// How long to wait between attempts.
    pub(crate) backoff: Backoff,
}

impl Feedback {
    pub(crate) fn new(
        store: Arc<dyn BusinessStore>,
        agent: Arc<dyn VoiceAgent>,
        speech: Arc<SpeechCache>,
        chooser: Arc<Chooser>,
        settings: CallLimits,
    ) -> Self {
        Self { store, agent, speech, chooser, settings }
    }
}

#[async_trait]
impl CallHandler for Feedback {
    async fn plan(&self, request: &PlanRequest) -> Result<CallPlan> {
        let session = &request.session;
        let business = self.store.business(session.tenant).await?;
        let questions = self.chooser.of_session(session).await?;
        let questions = questions.iter().map(PlannedQuestion::from).collect();
        let mut plan = InterviewPlan::swedish(&business.store_info.name, AGENT, questions);
        plan.time_zone.clone_from(&business.call_preferences.time_zone);
        let mut settings = CallSettings::new(session.id);
        settings.recording = true;
        settings.keep = voicecall::call::Keep::AfterConsent;
        let options = speech_options(&business);
        settings.prepared = if request.resumed {
            speech::prepare_resumed(&self.speech, &plan, &options).await
        } else {
            speech::prepare(&self.speech, &plan, &options).await?
        };
        let bridges = plan.phrases.fillers.iter().chain([&plan.phrases.apology]);
        settings.timeouts.fillers = BRIDGES.into_iter().zip(bridges.cloned()).collect();
        settings.timeouts.farewell = plan.phrases.technical.first().cloned();
        settings.max_duration = LAST_LIMIT;
        settings.budget = Some(price::budget(request.now, &plan.phrases.goodbye)?.with_cap(self.settings.cap));
        let language = business.call_preferences.language.clone();
        let setup = AgentSetup {
            transcription: TranscriptionOptions { language: Some(language), keywords: Vec::new() },
            speech: options,
        };
        let progress = Progress::of(&request.journal, request.now);
        let progress = if request.resumed { progress } else { progress.for_new_call() };
        let dialogue = Box::new(Interview::new(plan, progress)?);
        Ok(CallPlan { agent: Arc::clone(&self.agent), settings, setup, dialogue })
    }

    async fn policy(&self, session: &Session) -> Result<DialPolicy> {
        let business = self.store.business(session.tenant).await?;
        let preferences = business.call_preferences;
        let mut policy = DialPolicy::once();
        policy.hours = Some(preferences.hours()?);
        policy.max_attempts = preferences.max_attempts;
        policy.backoff = self.settings.backoff;
        policy.voicemail = match preferences.voicemail {
            VoicemailAction::HangUp => Voicemail::HangUp(WhileDetecting::Agent),
            VoicemailAction::LeaveMessage => {
                let message = preferences.voicemail_message.unwrap_or_else(|| voicemail(&business.store_info.name));
                Voicemail::LeaveMessage(WhileDetecting::Agent, CallFlow::farewell(message, CARRIER_LANGUAGE))
            }
            VoicemailAction::Ignore => Voicemail::Undetected,
        };
        Ok(policy)
    }

    async fn finished(&self, outcome: &CallOutcome) {
        if outcome.recording.is_none() {
            return;
        }
        let (tenant, id) = (outcome.session.tenant, outcome.session.id);
        let what = Attachment { recording_url: Some(format!("/api/calls/{id}/recording")), ..Attachment::default() };
        let change = SessionChange::Attach { what, at: outcome.session.updated_at };
        if let Err(error) = self.store.change_session(tenant, id, &change).await {
            warn!(session = %id, %error, "the recording's address could not be kept");
        }
    }
}

/// What a machine is told if the business has not said it otherwise.
fn voicemail(shop: &str) -> String {
    format!(
        "Hej! Det här är en automatisk hälsning från {shop}. Vi ville höra hur du upplevde ditt besök och ringer igen."
    )
}

fn speech_options(business: &BusinessContext) -> SpeechOptions {
    let preferences = &business.call_preferences;
    SpeechOptions { voice: preferences.voice.clone(), language: Some(preferences.language.clone()) }
}
