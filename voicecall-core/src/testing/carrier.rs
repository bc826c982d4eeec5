//! A carrier that follows a script: answers are programmed, requests are remembered, webhooks are signed JSON.

mod reply;
mod signed;

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use url::Url;

use super::{ScriptedMedia, ScriptedText};
use crate::carrier::{
    CallFlow, CallPage, CallPrice, CallQuery, CallStatus, CarrierCall, CarrierEvent, CarrierRecording, Digits,
    FindCalls, NumberWebhooks, PageToken, PausedAudio, PlaceCall, RecordCall, RecordingAudio, RecordingId,
    RecordingStatus, VoiceBackend, VoiceCapabilities, WebhookReply, WebhookRequest,
};
use crate::consent::ConsentToken;
use crate::error::{Error, ErrorKind, Result};
use crate::id::CarrierCallId;
use crate::media::MediaCodec;
use crate::phone::PhoneNumber;
use crate::text_media::TextCodec;

pub use self::signed::SignedRequest;

const NAME: &str = "scripted";
pub(super) const SIGNATURE: &str = "x-signature";
const SECRET: &[u8] = b"known to the scripted carrier only";

/// Something the carrier was asked to do.
#[derive(Debug, Clone)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "a test keeps few of them, and reads them by pattern")]
pub enum CarrierRequest {
    /// To place a call.
    Place(PlaceCall),
    /// What it knows of a call.
    Fetch(CarrierCallId),
    /// Which calls match.
    Find(FindCalls),
    /// To end a call.
    HangUp(CarrierCallId),
    /// To give a call new instructions.
    UpdateCall(CarrierCallId, CallFlow),
    /// To press keys in a call and go on so.
    Press(CarrierCallId, Digits, CallFlow),
    /// To list calls.
    List(CallQuery),
    /// To begin a recording of a call.
    StartRecording(CarrierCallId, RecordCall),
    /// To pause a recording.
    PauseRecording(CarrierCallId, RecordingId, PausedAudio),
    /// To go on with a recording.
    ResumeRecording(CarrierCallId, RecordingId),
    /// To end a recording.
    StopRecording(CarrierCallId, RecordingId),
    /// Which recordings a call has.
    Recordings(CarrierCallId),
    /// What it knows of a recording.
    Recording(RecordingId),
    /// A recording's audio.
    RecordingAudio(RecordingId),
    /// To delete a recording.
    DeleteRecording(RecordingId),
    /// Where it turns to about calls to a number.
    NumberWebhooks(PhoneNumber),
    /// To turn there from now on.
    SetNumberWebhooks(PhoneNumber, NumberWebhooks),
    /// Where media sockets come to.
    MediaUrl,
    /// To let media sockets come there from now on.
    SetMediaUrl(Url),
}

/// A carrier for tests that opens no socket.
///
/// What is not programmed succeeds: placed calls are named `CA1`, `CA2`, …, an unknown call is not found, a search
/// finds nothing. Webhooks are a [`CarrierEvent`] as JSON, the media protocol is [`ScriptedMedia`].
///
/// ```
/// use voicecall_core::ErrorKind;
/// use voicecall_core::carrier::VoiceBackend;
/// use voicecall_core::testing::ScriptedCarrier;
///
/// let carrier = ScriptedCarrier::new();
/// carrier.will_place(Err(ErrorKind::UnknownOutcome));
/// carrier.will_find(Ok(vec!["CA9"]));
/// assert!(carrier.capabilities().update_call);
/// assert!(carrier.requests().is_empty());
/// ```
#[derive(Debug)]
pub struct ScriptedCarrier {
    capabilities: VoiceCapabilities,
    script: Mutex<Script>,
}

#[derive(Debug, Default)]
struct Script {
    requests: Vec<CarrierRequest>,
    placed: usize,
    calls: HashMap<CarrierCallId, CallStatus>,
    prices: HashMap<CarrierCallId, CallPrice>,
    /// The oldest first, with their audio.
    recordings: Vec<(CarrierRecording, Bytes)>,
    webhooks: HashMap<PhoneNumber, NumberWebhooks>,
    media_url: Option<Url>,
    foreign: Vec<PhoneNumber>,
    /// How long an order and a search take.
    delay: (Duration, Duration),
    place: VecDeque<Result<String, ErrorKind>>,
    find: VecDeque<Result<Vec<CarrierCall>, ErrorKind>>,
    fetch: VecDeque<ErrorKind>,
    hang_up: VecDeque<ErrorKind>,
    update_call: VecDeque<ErrorKind>,
}

impl ScriptedCarrier {
    /// A carrier that can do everything and succeeds.
    #[must_use]
    pub fn new() -> Self {
        Self { capabilities: VoiceCapabilities::all(), script: Mutex::default() }
    }

    /// The same carrier with these abilities.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: VoiceCapabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// Programs the answer to one more order: the call's name, or a failure.
    pub fn will_place(&self, answer: Result<&str, ErrorKind>) {
        self.script().place.push_back(answer.map(str::to_owned));
    }

    /// Programs the answer to one more search: the names of calls, newest first, or a failure.
    pub fn will_find(&self, answer: Result<Vec<&str>, ErrorKind>) {
        let found = |name| CarrierCall::new(CarrierCallId::new(name), CallStatus::Queued);
        self.script().find.push_back(answer.map(|calls| calls.into_iter().map(found).collect()));
    }

    /// What the next search finds, with all that is known of the calls.
    pub fn will_find_calls(&self, calls: Vec<CarrierCall>) {
        self.script().find.push_back(Ok(calls));
    }

    /// Programs one more failure of fetching.
    pub fn will_fail_to_fetch(&self, kind: ErrorKind) {
        self.script().fetch.push_back(kind);
    }

    /// Programs one more failure of hanging up.
    pub fn will_fail_to_hang_up(&self, kind: ErrorKind) {
        self.script().hang_up.push_back(kind);
    }

    /// Programs one more failure of updating a call.
    pub fn will_fail_to_update(&self, kind: ErrorKind) {
        self.script().update_call.push_back(kind);
    }

    /// Lets every order, and every search or fetch, take this long from now on.
    pub fn takes(&self, order: Duration, search: Duration) {
        self.script().delay = (order, search);
    }

    /// Says how far a call has come, for whoever fetches it.
    pub fn has_call(&self, call: &str, status: CallStatus) {
        self.script().calls.insert(CarrierCallId::new(call), status);
    }

    /// Charges this for a call from now on.
    pub fn charges(&self, call: &str, price: CallPrice) {
        self.script().prices.insert(CarrierCallId::new(call), price);
    }

    /// Has a finished recording of a call, with this audio.
    pub fn has_recording(&self, call: &str, recording: &str, audio: impl Into<Bytes>) {
        let mut finished = CarrierRecording::new(RecordingId::new(recording), RecordingStatus::Completed);
        finished.call = Some(CarrierCallId::new(call));
        self.script().recordings.push((finished, audio.into()));
    }

    /// Knows nothing of this number from now on. All others are the account's.
    pub fn does_not_own(&self, number: PhoneNumber) {
        self.script().foreign.push(number);
    }

    /// Everything it was asked to do, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<CarrierRequest> {
        self.script().requests.clone()
    }

    /// The orders it got, however they ended.
    #[must_use]
    pub fn orders(&self) -> Vec<PlaceCall> {
        let order = |request| if let CarrierRequest::Place(order) = request { Some(order) } else { None };
        self.requests().into_iter().filter_map(order).collect()
    }

    /// The calls it was asked to end.
    #[must_use]
    pub fn hang_ups(&self) -> Vec<CarrierCallId> {
        let call = |request| if let CarrierRequest::HangUp(call) = request { Some(call) } else { None };
        self.requests().into_iter().filter_map(call).collect()
    }

    /// A request as this carrier sends it.
    #[must_use]
    pub fn sign(path_and_query: &str, body: &str) -> SignedRequest {
        SignedRequest::new("POST", path_and_query, body.as_bytes())
            .with_header(SIGNATURE, signature(path_and_query, body.as_bytes()))
    }

    /// A report as this carrier sends it.
    #[must_use]
    pub fn webhook_of(path_and_query: &str, event: &CarrierEvent) -> SignedRequest {
        Self::sign(path_and_query, &serde_json::to_string(event).expect("events are plain data"))
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, request: CarrierRequest) -> MutexGuard<'_, Script> {
        let mut script = self.script();
        script.requests.push(request);
        script
    }

    /// Remembers the request if the ability is there.
    fn note_if(&self, able: bool, operation: &'static str, request: CarrierRequest) -> Result<MutexGuard<'_, Script>> {
        let script = self.note(request);
        if able { Ok(script) } else { Err(failed(ErrorKind::Unsupported, operation)) }
    }

    fn change_recording(&self, request: CarrierRequest, id: &RecordingId, status: RecordingStatus) -> Result<()> {
        let operation = "change recording";
        let mut script = self.note_if(self.capabilities.call_recordings, operation, request)?;
        let recording = script.recording(id).ok_or_else(|| failed(ErrorKind::NotFound, operation))?;
        recording.0.status = status;
        Ok(())
    }

    pub(super) fn check(operation: &'static str, request: &WebhookRequest<'_>) -> Result<()> {
        if request.header(SIGNATURE) == Some(&signature(request.path_and_query, request.body)) {
            return Ok(());
        }
        Err(refused(operation))
    }
}

pub(super) fn refused(operation: &'static str) -> Error {
    Error::new(ErrorKind::Unauthenticated, operation).with_provider(NAME)
}

impl Script {
    fn recording(&mut self, id: &RecordingId) -> Option<&mut (CarrierRecording, Bytes)> {
        self.recordings.iter_mut().find(|(recording, _)| recording.id == *id)
    }
}

impl Default for ScriptedCarrier {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl VoiceBackend for ScriptedCarrier {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> VoiceCapabilities {
        self.capabilities
    }

    async fn place(&self, request: &PlaceCall) -> Result<CarrierCall> {
        let (answer, delay) = {
            let mut script = self.note(CarrierRequest::Place(request.clone()));
            script.placed += 1;
            let name = format!("CA{}", script.placed);
            (script.place.pop_front().unwrap_or(Ok(name)), script.delay.0)
        };
        tokio::time::sleep(delay).await;
        let call = CarrierCallId::new(answer.map_err(|kind| failed(kind, "place call"))?);
        self.script().calls.entry(call.clone()).or_insert(CallStatus::Queued);
        Ok(CarrierCall::new(call, CallStatus::Queued))
    }

    async fn fetch(&self, call: &CarrierCallId) -> Result<CarrierCall> {
        let delay = self.note(CarrierRequest::Fetch(call.clone())).delay.1;
        tokio::time::sleep(delay).await;
        let mut script = self.script();
        if let Some(kind) = script.fetch.pop_front() {
            return Err(failed(kind, "fetch call"));
        }
        let status = script.calls.get(call).ok_or_else(|| failed(ErrorKind::NotFound, "fetch call"))?;
        let price = script.prices.get(call).cloned();
        Ok(CarrierCall { price, ..CarrierCall::new(call.clone(), *status) })
    }

    async fn find(&self, query: &FindCalls) -> Result<Vec<CarrierCall>> {
        let (answer, delay) = {
            let mut script = self.note(CarrierRequest::Find(query.clone()));
            (script.find.pop_front().unwrap_or_else(|| Ok(Vec::new())), script.delay.1)
        };
        tokio::time::sleep(delay).await;
        let mut found = answer.map_err(|kind| failed(kind, "find calls"))?;
        let script = self.script();
        for call in &mut found {
            call.status = script.calls.get(&call.id).copied().unwrap_or(call.status);
        }
        Ok(found)
    }

    async fn hang_up(&self, call: &CarrierCallId) -> Result<()> {
        let mut script = self.note_if(self.capabilities.hang_up, "hang up", CarrierRequest::HangUp(call.clone()))?;
        script.hang_up.pop_front().map_or(Ok(()), |kind| Err(failed(kind, "hang up")))
    }

    async fn update_call(&self, call: &CarrierCallId, flow: &CallFlow) -> Result<()> {
        let mut script = self.note(CarrierRequest::UpdateCall(call.clone(), flow.clone()));
        if !self.capabilities.update_call {
            return Err(failed(ErrorKind::Unsupported, "update call"));
        }
        script.update_call.pop_front().map_or(Ok(()), |kind| Err(failed(kind, "update call")))
    }

    fn reply(&self, flow: &CallFlow) -> Result<WebhookReply> {
        Ok(reply::reply(flow))
    }

    fn webhook_head(&self, head: &WebhookRequest<'_>) -> Result<()> {
        if head.header(SIGNATURE).is_some() { Ok(()) } else { Err(refused("read webhook")) }
    }

    fn webhook(&self, request: &WebhookRequest<'_>) -> Result<CarrierEvent> {
        Self::check("read webhook", request)?;
        serde_json::from_slice(request.body)
            .map_err(|error| Error::invalid("body", "a report").with_provider(NAME).with_source(error))
    }

    /// Without signatures only the calls known here are believed in.
    async fn confirm(&self, event: CarrierEvent) -> Result<CarrierEvent> {
        let believed = self.capabilities.signed_webhooks || event.kind.asks();
        if believed || self.script().calls.contains_key(&event.call) {
            Ok(event)
        } else {
            Err(refused("confirm report"))
        }
    }

    fn media_handshake(&self, request: &WebhookRequest<'_>) -> Result<()> {
        if self.capabilities.signed_media { Self::check("open media socket", request) } else { Ok(()) }
    }

    fn media_codec(&self) -> Box<dyn MediaCodec> {
        Box::new(ScriptedMedia::new())
    }

    fn text_codec(&self) -> Result<Box<dyn TextCodec>> {
        if self.capabilities.converse {
            Ok(Box::new(ScriptedText::new()))
        } else {
            Err(Error::new(ErrorKind::Unsupported, "converse").with_provider(NAME))
        }
    }

    async fn press(&self, call: &CarrierCallId, digits: &Digits, then: &CallFlow) -> Result<()> {
        let request = CarrierRequest::Press(call.clone(), digits.clone(), then.clone());
        self.note_if(self.capabilities.press, "press keys", request).map(drop)
    }

    /// Pages are made of the calls known here, in the order of their names, the last first.
    async fn list(&self, query: &CallQuery) -> Result<CallPage> {
        let script = self.note_if(self.capabilities.list, "list calls", CarrierRequest::List(query.clone()))?;
        let mut calls: Vec<CarrierCall> =
            script.calls.iter().map(|(id, status)| CarrierCall::new(id.clone(), *status)).collect();
        calls.retain(|call| query.status.is_none_or(|status| status == call.status));
        calls.sort_by(|one, other| other.id.cmp(&one.id));
        let first = match &query.page {
            None => 0,
            Some(page) => page.reveal().parse().map_err(|_| Error::invalid("page", "a page of this carrier"))?,
        };
        let end = first + usize::from(query.page_size.max(1));
        let next = (end < calls.len()).then(|| PageToken::new(end.to_string()));
        Ok(CallPage { calls: calls.into_iter().take(end).skip(first).collect(), next })
    }

    async fn start_recording(&self, call: &CarrierCallId, settings: &RecordCall) -> Result<CarrierRecording> {
        let request = CarrierRequest::StartRecording(call.clone(), settings.clone());
        let mut script = self.note_if(self.capabilities.call_recordings, "start recording", request)?;
        let id = RecordingId::new(format!("RE{}", script.recordings.len() + 1));
        let mut begun = CarrierRecording::new(id, RecordingStatus::InProgress);
        (begun.call, begun.channels) = (Some(call.clone()), Some(settings.channels));
        script.recordings.push((begun.clone(), Bytes::new()));
        Ok(begun)
    }

    async fn pause_recording(&self, call: &CarrierCallId, recording: &RecordingId, gap: PausedAudio) -> Result<()> {
        let request = CarrierRequest::PauseRecording(call.clone(), recording.clone(), gap);
        self.change_recording(request, recording, RecordingStatus::Paused)
    }

    async fn resume_recording(
        &self,
        call: &CarrierCallId,
        recording: &RecordingId,
        _consent: &ConsentToken,
    ) -> Result<()> {
        let request = CarrierRequest::ResumeRecording(call.clone(), recording.clone());
        self.change_recording(request, recording, RecordingStatus::InProgress)
    }

    async fn stop_recording(&self, call: &CarrierCallId, recording: &RecordingId) -> Result<()> {
        let request = CarrierRequest::StopRecording(call.clone(), recording.clone());
        self.change_recording(request, recording, RecordingStatus::Completed)
    }

    async fn recordings(&self, call: &CarrierCallId) -> Result<Vec<CarrierRecording>> {
        let request = CarrierRequest::Recordings(call.clone());
        let script = self.note_if(self.capabilities.stored_recordings, "list recordings", request)?;
        let all = script.recordings.iter().rev().map(|(recording, _)| recording);
        Ok(all.filter(|recording| recording.call.as_ref() == Some(call)).cloned().collect())
    }

    async fn recording(&self, recording: &RecordingId) -> Result<CarrierRecording> {
        let request = CarrierRequest::Recording(recording.clone());
        let mut script = self.note_if(self.capabilities.stored_recordings, "fetch recording", request)?;
        let found = script.recording(recording).map(|(recording, _)| recording.clone());
        found.ok_or_else(|| failed(ErrorKind::NotFound, "fetch recording"))
    }

    async fn recording_audio(&self, recording: &RecordingId) -> Result<RecordingAudio> {
        let operation = "fetch recording's audio";
        let request = CarrierRequest::RecordingAudio(recording.clone());
        let mut script = self.note_if(self.capabilities.stored_recordings, operation, request)?;
        let found = script.recording(recording).filter(|(recording, _)| recording.status == RecordingStatus::Completed);
        let audio = found.map(|(_, audio)| audio.clone()).ok_or_else(|| failed(ErrorKind::NotFound, operation))?;
        let length = Some(audio.len() as u64);
        Ok(RecordingAudio { length, pieces: Box::pin(futures_util::stream::iter([Ok(audio)])) })
    }

    async fn delete_recording(&self, recording: &RecordingId) -> Result<()> {
        let request = CarrierRequest::DeleteRecording(recording.clone());
        let mut script = self.note_if(self.capabilities.delete_recordings, "delete recording", request)?;
        script.recordings.retain(|(known, _)| known.id != *recording);
        Ok(())
    }

    async fn number_webhooks(&self, number: &PhoneNumber) -> Result<NumberWebhooks> {
        let operation = "read webhooks of number";
        let request = CarrierRequest::NumberWebhooks(number.clone());
        let script = self.note_if(self.capabilities.number_webhooks, operation, request)?;
        if script.foreign.contains(number) {
            return Err(NumberWebhooks::not_ours(operation, NAME, number));
        }
        Ok(script.webhooks.get(number).cloned().unwrap_or_default())
    }

    async fn set_number_webhooks(&self, number: &PhoneNumber, webhooks: &NumberWebhooks) -> Result<()> {
        let operation = "set webhooks of number";
        let request = CarrierRequest::SetNumberWebhooks(number.clone(), webhooks.clone());
        let mut script = self.note_if(self.capabilities.number_webhooks, operation, request)?;
        if script.foreign.contains(number) {
            return Err(NumberWebhooks::not_ours(operation, NAME, number));
        }
        script.webhooks.insert(number.clone(), webhooks.clone());
        Ok(())
    }

    async fn media_url(&self) -> Result<Option<Url>> {
        let able = !self.capabilities.media_addresses;
        let script = self.note_if(able, "read media address", CarrierRequest::MediaUrl)?;
        Ok(script.media_url.clone())
    }

    async fn set_media_url(&self, url: &Url) -> Result<()> {
        let able = !self.capabilities.media_addresses;
        let mut script = self.note_if(able, "set media address", CarrierRequest::SetMediaUrl(url.clone()))?;
        script.media_url = Some(url.clone());
        Ok(())
    }

    async fn health(&self) -> Result<()> {
        Ok(())
    }
}

fn failed(kind: ErrorKind, operation: &'static str) -> Error {
    Error::new(kind, operation).with_provider(NAME)
}

fn signature(path_and_query: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET).expect("a key of any length");
    mac.update(path_and_query.as_bytes());
    mac.update(b"\n");
    mac.update(body);
    STANDARD.encode(mac.finalize().into_bytes())
}
