//! Twilio as a carrier.

use async_trait::async_trait;
use secrecy::SecretString;
use tracing::instrument;
use url::Url;
use voicecall_core::carrier::{
    CallFlow, CallPage, CallQuery, CallStep, CarrierCall, CarrierEvent, CarrierEventKind, CarrierRecording, Digits,
    FindCalls, NumberWebhooks, PausedAudio, PlaceCall, RecordCall, RecordingAudio, RecordingChannels, RecordingId,
    VoiceBackend, VoiceCapabilities, WebhookReply, WebhookRequest,
};
use voicecall_core::media::MediaCodec;
use voicecall_core::text_media::TextCodec;
use voicecall_core::{CarrierCallId, ConsentToken, Error, ErrorKind, PhoneNumber, Result};

use crate::call::{call_id, carrier_call};
use crate::client::TwilioClient;
use crate::config::{ClientConfig, TwilioBuilder};
use crate::failure::{Effect, unreadable};
use crate::media::TwilioMedia;
use crate::order::{Form, order, recording as recording_form};
use crate::overrides::ConnectionOverrides;
use crate::recording::{carrier_recording, recording_id};
use crate::relay::TwilioRelay;
use crate::signature::SignatureCheck;
use crate::warn_once::WarnOnce;
use crate::{PROVIDER, health, listing, number, twiml, webhook, wire};

/// The longest TwiML a live call takes, in characters.
const MAX_TWIML: usize = 4000;

/// Calls on a page of a list.
const PAGE_SIZE: &str = "200";

/// The voice side of one Twilio account.
///
/// Requests that Twilio refuses as too much (429) were certainly not processed; every operation, placing included,
/// repeats them up to four times after growing waits, not earlier than `Retry-After` says and within
/// [`retry_rate_limited_for`](TwilioBuilder::retry_rate_limited_for). Nothing else is ever repeated.
#[derive(Debug)]
pub struct TwilioVoice {
    client: TwilioClient,
    signatures: SignatureCheck,
    overrides: ConnectionOverrides,
    unknown: WarnOnce,
}

impl TwilioVoice {
    /// Starts a configuration.
    pub fn builder() -> TwilioBuilder {
        TwilioBuilder::new()
    }

    /// Builds the backend from the environment; see the crate's front page for the variables.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) naming the first variable that is missing or wrong.
    pub fn from_env() -> Result<Self> {
        TwilioBuilder::from_env().build()
    }

    pub(crate) fn new(
        client: ClientConfig,
        public_url: Url,
        tokens: Vec<SecretString>,
        overrides: ConnectionOverrides,
    ) -> Result<Self> {
        Ok(Self {
            client: TwilioClient::new(client)?,
            signatures: SignatureCheck::new(public_url, tokens),
            overrides,
            unknown: WarnOnce::default(),
        })
    }

    /// The address of a call, or of what belongs to it, such as `/Recordings`.
    fn call_url(&self, call: &CarrierCallId, part: &str) -> Result<Url> {
        let call =
            call_id(call.as_str()).ok_or_else(|| Error::invalid("call", "a call's SID").with_provider(PROVIDER))?;
        self.client.url(&format!("/Calls/{call}{part}.json"))
    }

    /// The address of a recording, of its metadata (`json`) or its audio (`wav`).
    fn recording_url(&self, recording: &RecordingId, ending: &str) -> Result<Url> {
        self.client.url(&format!("/Recordings/{}.{ending}", plain(recording)?))
    }

    async fn change_recording(
        &self,
        operation: &'static str,
        call: &CarrierCallId,
        recording: &RecordingId,
        form: &[(&str, &str)],
    ) -> Result<()> {
        let url = self.call_url(call, &format!("/Recordings/{}", plain(recording)?))?;
        let _: wire::Recording = self.client.post(operation, Effect::Repeatable, url, form).await?;
        Ok(())
    }
}

/// The recording's id, which goes into a path.
fn plain(recording: &RecordingId) -> Result<RecordingId> {
    recording_id(recording.as_str())
        .ok_or_else(|| Error::invalid("recording", "a recording's SID").with_provider(PROVIDER))
}

#[async_trait]
impl VoiceBackend for TwilioVoice {
    fn name(&self) -> &'static str {
        PROVIDER
    }

    fn capabilities(&self) -> VoiceCapabilities {
        VoiceCapabilities::all()
    }

    /// Times are whole seconds at Twilio; a fraction is cut off. The ring timeout is 1 to 600 s (some networks add about
    /// 5 s), the time limit 1 s to 24 h.
    #[instrument(name = "twilio.place", skip_all)]
    async fn place(&self, request: &PlaceCall) -> Result<CarrierCall> {
        let form = order(request, &self.overrides)?;
        let url = self.client.url("/Calls.json")?;
        let call: wire::Call = self.client.post("place call", Effect::Dials, url, &form.pairs()).await?;
        // Without an id of its own a call that was accepted cannot be followed: it has to be looked for.
        carrier_call(&call).ok_or_else(|| unreadable("place call", Effect::Dials))
    }

    #[instrument(name = "twilio.fetch", skip_all, fields(%call))]
    async fn fetch(&self, call: &CarrierCallId) -> Result<CarrierCall> {
        let call: wire::Call = self.client.get("fetch call", self.call_url(call, "")?).await?;
        carrier_call(&call).ok_or_else(|| unreadable("fetch call", Effect::Repeatable))
    }

    /// Twilio's own filter by time asks for the start, which a call that still waits in its queue may not have; so it is
    /// not used, and the time of the order is compared here. Twilio tells it to the second: a call of the same second as
    /// [`since`](FindCalls::since) counts, and so does one without a time. Give `since` some slack for the difference of
    /// the clocks.
    #[instrument(name = "twilio.find", skip_all)]
    async fn find(&self, query: &FindCalls) -> Result<Vec<CarrierCall>> {
        let since = query.since.as_second();
        let mut url = self.client.url("/Calls.json")?;
        url.query_pairs_mut()
            .append_pair("To", query.to.reveal())
            .append_pair("From", query.from.reveal())
            .append_pair("PageSize", PAGE_SIZE);
        let is_newer = |call: &CarrierCall| call.created_at.is_none_or(|created| created.as_second() >= since);
        let read = |call: &wire::Call| carrier_call(call).filter(is_newer);
        let mut found = self.client.account_list("find calls", url, read).await?;
        found.sort_by_key(|call| std::cmp::Reverse(call.created_at));
        Ok(found)
    }

    #[instrument(name = "twilio.hang_up", skip_all, fields(%call))]
    async fn hang_up(&self, call: &CarrierCallId) -> Result<()> {
        let url = self.call_url(call, "")?;
        let form = [("Status", "completed")];
        let answer: Result<wire::Call> = self.client.post("hang up", Effect::Repeatable, url, &form).await;
        match answer {
            Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Closed) => Err(error),
            _ => Ok(()),
        }
    }

    #[instrument(name = "twilio.update_call", skip_all, fields(%call))]
    async fn update_call(&self, call: &CarrierCallId, flow: &CallFlow) -> Result<()> {
        let twiml = twiml::render(flow, &self.overrides);
        if twiml.chars().count() > MAX_TWIML {
            return Err(Error::invalid("flow", "at most 4000 characters of TwiML").with_provider(PROVIDER));
        }
        let form = [("Twiml", twiml.as_str())];
        let _: wire::Call =
            self.client.post("update call", Effect::Repeatable, self.call_url(call, "")?, &form).await?;
        Ok(())
    }

    fn reply(&self, flow: &CallFlow) -> Result<WebhookReply> {
        Ok(WebhookReply { content_type: twiml::CONTENT_TYPE, body: twiml::render(flow, &self.overrides) })
    }

    fn webhook_head(&self, head: &WebhookRequest<'_>) -> Result<()> {
        self.signatures.head(head)
    }

    fn webhook(&self, request: &WebhookRequest<'_>) -> Result<CarrierEvent> {
        self.signatures.webhook(request)?;
        let event = webhook::read(request)?;
        if event.kind == CarrierEventKind::Unknown {
            self.unknown
                .run(|| tracing::warn!(provider = PROVIDER, "unknown webhooks are answered and otherwise ignored"));
        }
        Ok(event)
    }

    fn media_handshake(&self, request: &WebhookRequest<'_>) -> Result<()> {
        self.signatures.handshake(request)
    }

    fn media_codec(&self) -> Box<dyn MediaCodec> {
        Box::new(TwilioMedia::new())
    }

    fn text_codec(&self) -> Result<Box<dyn TextCodec>> {
        Ok(Box::new(TwilioRelay::new()))
    }

    /// Twilio has no request for it, so the call is given new steps: the keys, then `then`.
    #[instrument(name = "twilio.press", skip_all, fields(%call))]
    async fn press(&self, call: &CarrierCallId, digits: &Digits, then: &CallFlow) -> Result<()> {
        let mut flow = then.clone();
        flow.0.insert(0, CallStep::Press(digits.clone()));
        self.update_call(call, &flow).await
    }

    /// Twilio compares times to the second.
    #[instrument(name = "twilio.list", skip_all)]
    async fn list(&self, query: &CallQuery) -> Result<CallPage> {
        let url = listing::address(&self.client, query)?;
        let page: wire::AccountPage<wire::Call> = self.client.get("list calls", url).await?;
        Ok(listing::page(&page))
    }

    #[instrument(name = "twilio.start_recording", skip_all, fields(%call))]
    async fn start_recording(&self, call: &CarrierCallId, settings: &RecordCall) -> Result<CarrierRecording> {
        let (operation, url) = ("start recording", self.call_url(call, "/Recordings")?);
        let mut form = Form::default();
        recording_form(&mut form, settings, &self.overrides)?;
        let begun: wire::Recording = self.client.post(operation, Effect::Records, url, &form.pairs()).await?;
        carrier_recording(&begun).ok_or_else(|| unreadable(operation, Effect::Records))
    }

    #[instrument(name = "twilio.pause_recording", skip_all, fields(%call, %recording))]
    async fn pause_recording(&self, call: &CarrierCallId, recording: &RecordingId, gap: PausedAudio) -> Result<()> {
        let gap = match gap {
            PausedAudio::Silence => "silence",
            PausedAudio::Nothing => "skip",
        };
        let form = [("Status", "paused"), ("PauseBehavior", gap)];
        self.change_recording("pause recording", call, recording, &form).await
    }

    #[instrument(name = "twilio.resume_recording", skip_all, fields(%call, %recording))]
    async fn resume_recording(
        &self,
        call: &CarrierCallId,
        recording: &RecordingId,
        _consent: &ConsentToken,
    ) -> Result<()> {
        self.change_recording("resume recording", call, recording, &[("Status", "in-progress")]).await
    }

    /// Of a call that is over Twilio refuses to end the recording, which has ended with it.
    #[instrument(name = "twilio.stop_recording", skip_all, fields(%call, %recording))]
    async fn stop_recording(&self, call: &CarrierCallId, recording: &RecordingId) -> Result<()> {
        match self.change_recording("stop recording", call, recording, &[("Status", "stopped")]).await {
            Err(error) if error.kind() == ErrorKind::Closed => Ok(()),
            other => other,
        }
    }

    #[instrument(name = "twilio.recordings", skip_all, fields(%call))]
    async fn recordings(&self, call: &CarrierCallId) -> Result<Vec<CarrierRecording>> {
        let mut url = self.call_url(call, "/Recordings")?;
        url.query_pairs_mut().append_pair("PageSize", PAGE_SIZE);
        let mut found = self.client.account_list("list recordings", url, carrier_recording).await?;
        found.sort_by_key(|recording| std::cmp::Reverse(recording.started_at));
        Ok(found)
    }

    #[instrument(name = "twilio.recording", skip_all, fields(%recording))]
    async fn recording(&self, recording: &RecordingId) -> Result<CarrierRecording> {
        let operation = "fetch recording";
        let known: wire::Recording = self.client.get(operation, self.recording_url(recording, "json")?).await?;
        carrier_recording(&known).ok_or_else(|| unreadable(operation, Effect::Repeatable))
    }

    /// A recording of two channels is asked for with both.
    #[instrument(name = "twilio.recording_audio", skip_all, fields(%recording))]
    async fn recording_audio(&self, recording: &RecordingId) -> Result<RecordingAudio> {
        let channels = self.recording(recording).await?.channels;
        let mut url = self.recording_url(recording, "wav")?;
        if channels == Some(RecordingChannels::Dual) {
            url.query_pairs_mut().append_pair("RequestedChannels", "2");
        }
        self.client.download("fetch recording's audio", url).await
    }

    #[instrument(name = "twilio.delete_recording", skip_all, fields(%recording))]
    async fn delete_recording(&self, recording: &RecordingId) -> Result<()> {
        match self.client.delete("delete recording", self.recording_url(recording, "json")?).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// A number that an application or a SIP trunk of Twilio's answers has no address of its own.
    #[instrument(name = "twilio.number_webhooks", skip_all)]
    async fn number_webhooks(&self, wanted: &PhoneNumber) -> Result<NumberWebhooks> {
        number::webhooks(&self.client, wanted).await
    }

    /// Unties the number from an application or a SIP trunk of Twilio's.
    #[instrument(name = "twilio.set_number_webhooks", skip_all)]
    async fn set_number_webhooks(&self, wanted: &PhoneNumber, webhooks: &NumberWebhooks) -> Result<()> {
        number::set(&self.client, wanted, webhooks).await
    }

    /// Fetches the account, which must be active. An API key may not be allowed to, so with one a call is listed instead.
    #[instrument(name = "twilio.health", skip_all)]
    async fn health(&self) -> Result<()> {
        health::check(&self.client, "/Calls.json").await
    }
}
