//! 46elks as a carrier.

use async_trait::async_trait;
use secrecy::SecretString;
use tracing::instrument;
use url::Url;
use voicecall_core::carrier::{
    CallFlow, CallPage, CallQuery, CarrierCall, CarrierEvent, CarrierEventKind, CarrierRecording, FindCalls,
    NumberWebhooks, PlaceCall, RecordingAudio, RecordingId, VoiceBackend, VoiceCapabilities, WebhookReply,
    WebhookRequest,
};
use voicecall_core::media::MediaCodec;
use voicecall_core::{CarrierCallId, Error, ErrorKind, PhoneNumber, Result};

use crate::action::{self, Names};
use crate::address::{About, SecretAddresses};
use crate::ask_back::ask_back;
use crate::call::{call_id, carrier_call};
use crate::client::ElksClient;
use crate::config::{ClientConfig, ElksBuilder};
use crate::failure::{Effect, unreadable, unsupported};
use crate::media::ElksMedia;
use crate::order::order;
use crate::recording::{carrier_recording, of_call, recording_id};
use crate::{PROVIDER, listing, number, webhook, wire};

/// The voice side of one account, or subaccount, at 46elks.
///
/// No request is ever repeated. 46elks refuses nothing as too much that is known of; if it does (429), the error says so.
#[derive(Debug)]
pub struct ElksVoice {
    client: ElksClient,
    addresses: SecretAddresses,
    websocket_number: String,
}

impl ElksVoice {
    /// Starts a configuration.
    pub fn builder() -> ElksBuilder {
        ElksBuilder::new()
    }

    /// Builds the backend from the environment; see the crate's front page for the variables.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) naming the first variable that is missing or wrong.
    pub fn from_env() -> Result<Self> {
        ElksBuilder::from_env().build()
    }

    pub(crate) fn new(
        client: ClientConfig,
        secret: SecretString,
        public_url: &Url,
        websocket_number: String,
    ) -> Result<Self> {
        let addresses = SecretAddresses::new(secret, public_url);
        Ok(Self { client: ElksClient::new(client)?, addresses, websocket_number })
    }

    fn names(&self) -> Names<'_> {
        Names { addresses: &self.addresses, websocket_number: &self.websocket_number }
    }

    async fn call(&self, operation: &'static str, call: &CarrierCallId) -> Result<wire::Call> {
        let id = call_id(call.as_str()).ok_or_else(|| Error::invalid("call", "a call's id").with_provider(PROVIDER))?;
        self.client.get(operation, self.client.url(&format!("calls/{id}"))?).await
    }

    /// The address of a recording, or of its audio (`.wav`).
    fn recording_url(&self, recording: &RecordingId, ending: &str) -> Result<Url> {
        let id = recording_id(recording.as_str())
            .ok_or_else(|| Error::invalid("recording", "a recording's id").with_provider(PROVIDER))?;
        self.client.url(&format!("recordings/{id}{ending}"))
    }

    /// What the interface says of a report: none if it is not as far yet.
    async fn asked_back(&self, event: &CarrierEvent) -> Result<Option<CarrierEventKind>> {
        match &event.kind {
            CarrierEventKind::Status { cause, .. } => {
                let call = self.call("confirm report", &event.call).await?;
                let call = carrier_call(&call, None).ok_or_else(|| unreadable("confirm report", Effect::Repeatable))?;
                let (status, duration, cause) = (call.status, call.duration, cause.clone());
                Ok(status.is_final().then_some(CarrierEventKind::Status { status, duration, cause }))
            }
            CarrierEventKind::Recording(recording) => {
                Ok(Some(CarrierEventKind::Recording(self.recording(&recording.id).await?)))
            }
            other => Ok(Some(other.clone())),
        }
    }

    /// Which message it was that was recorded last.
    async fn last_message(&self, event: CarrierEvent) -> Result<CarrierEvent> {
        let CarrierEventKind::MessageRecorded { hung_up, .. } = event.kind else { return Ok(event) };
        let recordings = of_call(&self.client, &event.call).await?;
        let kind = recordings.into_iter().next().map(|newest| CarrierEventKind::MessageRecorded {
            recording: newest.id,
            duration: newest.duration,
            hung_up,
        });
        Ok(match kind {
            Some(kind) => CarrierEvent::new(event.call, kind, event.delivery),
            None => event,
        })
    }
}

#[async_trait]
impl VoiceBackend for ElksVoice {
    fn name(&self) -> &'static str {
        PROVIDER
    }

    fn capabilities(&self) -> VoiceCapabilities {
        let mut able = VoiceCapabilities::none();
        (able.flow_recordings, able.stored_recordings, able.list, able.number_webhooks) = (true, true, true, true);
        able
    }

    /// The ring timeout is 1 to 600 s, in whole seconds.
    #[instrument(name = "46elks.place", skip_all)]
    async fn place(&self, request: &PlaceCall) -> Result<CarrierCall> {
        let form = order(request, &self.addresses)?;
        let pairs: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let url = self.client.url("calls")?;
        let call: wire::Call = self.client.post("place call", Effect::Dials, url, &pairs).await?;
        // Without an id of its own a call that was accepted cannot be followed: it has to be looked for.
        carrier_call(&call, None).ok_or_else(|| unreadable("place call", Effect::Dials))
    }

    #[instrument(name = "46elks.fetch", skip_all, fields(%call))]
    async fn fetch(&self, call: &CarrierCallId) -> Result<CarrierCall> {
        let call = self.call("fetch call", call).await?;
        // Prices are in the account's currency, which only the account names.
        let currency = if call.cost.is_null() { None } else { self.client.currency().await };
        carrier_call(&call, currency).ok_or_else(|| unreadable("fetch call", Effect::Repeatable))
    }

    /// 46elks has no filter: the list is read back to [`since`](FindCalls::since). Give `since` some slack for the
    /// difference of the clocks.
    #[instrument(name = "46elks.find", skip_all)]
    async fn find(&self, query: &FindCalls) -> Result<Vec<CarrierCall>> {
        listing::find(&self.client, query).await
    }

    /// 46elks has no request for it: a call ends with its media socket, or by the answer to its next question.
    async fn hang_up(&self, _call: &CarrierCallId) -> Result<()> {
        Err(unsupported("hang up", "call"))
    }

    async fn update_call(&self, _call: &CarrierCallId, _flow: &CallFlow) -> Result<()> {
        Err(unsupported("update call", "call"))
    }

    fn reply(&self, flow: &CallFlow) -> Result<WebhookReply> {
        let action = action::render(flow, self.names())?;
        Ok(WebhookReply { content_type: action::CONTENT_TYPE, body: action.to_string() })
    }

    fn webhook_head(&self, head: &WebhookRequest<'_>) -> Result<()> {
        self.addresses.check(head.path_and_query).map(drop)
    }

    fn webhook(&self, request: &WebhookRequest<'_>) -> Result<CarrierEvent> {
        webhook::read(request, self.addresses.check(request.path_and_query)?)
    }

    /// Nothing is signed: a report is what the REST interface says of its call.
    #[instrument(name = "46elks.confirm", skip_all, fields(call = %event.call))]
    async fn confirm(&self, event: CarrierEvent) -> Result<CarrierEvent> {
        if event.kind.asks() {
            return self.last_message(event).await;
        }
        let kind = ask_back("confirm report", || self.asked_back(&event)).await?;
        Ok(CarrierEvent::new(event.call, kind, event.delivery))
    }

    fn media_handshake(&self, request: &WebhookRequest<'_>) -> Result<()> {
        match self.addresses.check(request.path_and_query)? {
            About::Media => Ok(()),
            _ => Err(Error::new(ErrorKind::Unauthenticated, "open media socket").with_provider(PROVIDER)),
        }
    }

    fn media_codec(&self) -> Box<dyn MediaCodec> {
        Box::new(ElksMedia::new())
    }

    /// Times are those of the order. There is no filter by number or status.
    #[instrument(name = "46elks.list", skip_all)]
    async fn list(&self, query: &CallQuery) -> Result<CallPage> {
        listing::list(&self.client, query).await
    }

    #[instrument(name = "46elks.recordings", skip_all, fields(%call))]
    async fn recordings(&self, call: &CarrierCallId) -> Result<Vec<CarrierRecording>> {
        of_call(&self.client, call).await
    }

    #[instrument(name = "46elks.recording", skip_all, fields(%recording))]
    async fn recording(&self, recording: &RecordingId) -> Result<CarrierRecording> {
        let operation = "fetch recording";
        let known: wire::Recording = self.client.get(operation, self.recording_url(recording, "")?).await?;
        carrier_recording(&known).ok_or_else(|| unreadable(operation, Effect::Repeatable))
    }

    #[instrument(name = "46elks.recording_audio", skip_all, fields(%recording))]
    async fn recording_audio(&self, recording: &RecordingId) -> Result<RecordingAudio> {
        self.client.download("fetch recording's audio", self.recording_url(recording, ".wav")?).await
    }

    #[instrument(name = "46elks.number_webhooks", skip_all)]
    async fn number_webhooks(&self, number: &PhoneNumber) -> Result<NumberWebhooks> {
        number::webhooks(&self.client, &self.addresses, number).await
    }

    #[instrument(name = "46elks.set_number_webhooks", skip_all)]
    async fn set_number_webhooks(&self, number: &PhoneNumber, webhooks: &NumberWebhooks) -> Result<()> {
        number::set(&self.client, &self.addresses, number, webhooks).await
    }

    #[instrument(name = "46elks.media_url", skip_all)]
    async fn media_url(&self) -> Result<Option<Url>> {
        number::media_url(&self.client, &self.addresses, &self.websocket_number).await
    }

    #[instrument(name = "46elks.set_media_url", skip_all)]
    async fn set_media_url(&self, url: &Url) -> Result<()> {
        number::set_media_url(&self.client, &self.addresses, &self.websocket_number, url).await
    }

    #[instrument(name = "46elks.health", skip_all)]
    async fn health(&self) -> Result<()> {
        self.client.account("check health").await.map(drop)
    }
}
