//! Live transcriptions: begun and ended in a call that is on.

use jiff::Timestamp;
use tracing::instrument;
use url::Url;
use voicecall_core::{CarrierCallId, ConsentToken, Result, text_enum};

use super::client::invalid;
use super::{LiveTranscriptionSid, TwilioTranscriptions};
use crate::call::call_id;
use crate::config::has_underscore;
use crate::failure::{Effect, unreadable};
use crate::order::Form;
use crate::wire::transcriptions as wire;

text_enum! {
    /// Whose words are written down.
    Tracks, "track" {
        /// Those of the person at the other end of the call.
        Inbound = "inbound_track",
        /// What they hear.
        Outbound = "outbound_track",
        /// Both.
        Both = "both_tracks",
    }
}

text_enum! {
    /// Who understands them.
    Engine, "engine" {
        /// Google, Twilio's default.
        Google = "google",
        /// Deepgram.
        Deepgram = "deepgram",
    }
}

/// How a call is to be transcribed. Whoever is transcribed has to have agreed to it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StartTranscription {
    consent: ConsentToken,
    /// Where its words are told.
    pub report_url: Url,
    /// Its name, of the application's own, unique within the call.
    pub name: Option<String>,
    /// Whose words.
    pub tracks: Tracks,
    /// Whether what may still change is told as well.
    pub partial_results: bool,
    /// The language, such as `sv-SE`; Twilio's default is `en-US`.
    pub language: Option<String>,
    /// Who understands them; none is Twilio's choice.
    pub engine: Option<Engine>,
    /// The engine's model; none is Twilio's choice.
    pub model: Option<String>,
    /// Words that are likely to be said.
    pub hints: Vec<String>,
    /// A service of Conversational Intelligence that keeps the words as a [transcript](super::Transcript).
    pub service: Option<super::IntelligenceServiceSid>,
}

impl StartTranscription {
    /// Both tracks, whole sentences only.
    #[must_use]
    pub fn new(consent: ConsentToken, report_url: Url) -> Self {
        Self {
            consent,
            report_url,
            name: None,
            tracks: Tracks::Both,
            partial_results: false,
            language: None,
            engine: None,
            model: None,
            hints: Vec::new(),
            service: None,
        }
    }

    /// The proof of consent it was made with.
    #[must_use]
    pub const fn consent(&self) -> &ConsentToken {
        &self.consent
    }

    fn form(&self, twilio: &TwilioTranscriptions) -> Result<Form> {
        if has_underscore(&self.report_url) {
            return Err(invalid("report_url", "a host without underscore"));
        }
        let mut form = Form::default();
        form.add("StatusCallbackUrl", twilio.overrides.apply(&self.report_url));
        form.add("StatusCallbackMethod", "POST");
        form.add_some("Name", self.name.as_deref());
        form.add("Track", self.tracks.as_str());
        form.add("PartialResults", if self.partial_results { "true" } else { "false" });
        form.add_some("LanguageCode", self.language.as_deref());
        form.add_some("TranscriptionEngine", self.engine.map(Engine::as_str));
        form.add_some("SpeechModel", self.model.as_deref());
        form.add_some("Hints", Some(self.hints.join(",")).filter(|hints| !hints.is_empty()));
        form.add_some("IntelligenceService", self.service.as_ref().map(super::IntelligenceServiceSid::as_str));
        Ok(form)
    }
}

/// A live transcription.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LiveTranscription {
    /// Its name at Twilio.
    pub sid: LiveTranscriptionSid,
    /// The call.
    pub call: Option<CarrierCallId>,
    /// Whether it goes on.
    pub is_live: bool,
    /// When it was changed last.
    pub updated_at: Option<Timestamp>,
}

impl TwilioTranscriptions {
    /// Begins to transcribe a call that is on.
    ///
    /// # Errors
    /// `Invalid` naming `call` or `report_url`; `Closed` if the call is not on; `UnknownOutcome` if nobody knows whether it
    /// began: its first [event](super::TranscriptionEventKind::Started) says it then, if it did.
    #[instrument(name = "twilio.start_transcription", skip_all, fields(%call))]
    pub async fn start(&self, call: &CarrierCallId, settings: &StartTranscription) -> Result<LiveTranscription> {
        let operation = "start transcription";
        let url = self.live_url(call, "")?;
        let form = settings.form(self)?;
        let begun: wire::Live = self.client.post(operation, Effect::Creates, url, &form.pairs()).await?;
        begun.read().ok_or_else(|| unreadable(operation, Effect::Creates))
    }

    /// Ends a live transcription before its call does.
    ///
    /// # Errors
    /// `NotFound` if there is none; `Closed` if the call is over.
    #[instrument(name = "twilio.stop_transcription", skip_all, fields(%call, %transcription))]
    pub async fn stop(&self, call: &CarrierCallId, transcription: &LiveTranscriptionSid) -> Result<LiveTranscription> {
        let operation = "stop transcription";
        let url = self.live_url(call, &format!("/{transcription}"))?;
        let form = [("Status", "stopped")];
        let ended: wire::Live = self.client.post(operation, Effect::Repeatable, url, &form).await?;
        ended.read().ok_or_else(|| unreadable(operation, Effect::Repeatable))
    }

    fn live_url(&self, call: &CarrierCallId, rest: &str) -> Result<Url> {
        let call = call_id(call.as_str()).ok_or_else(|| invalid("call", "a call's SID"))?;
        self.client.url(&format!("/Calls/{call}/Transcriptions{rest}.json"))
    }
}
