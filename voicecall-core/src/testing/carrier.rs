//! A carrier that follows a script: answers are programmed, requests are remembered, webhooks are signed JSON.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;
use sha2::Sha256;

use super::ScriptedMedia;
use crate::carrier::{
    CallFlow, CallStatus, CallStep, CarrierCall, CarrierEvent, FindCalls, PlaceCall, VoiceBackend, VoiceCapabilities,
    WebhookReply, WebhookRequest,
};
use crate::error::{Error, ErrorKind, Result};
use crate::id::CarrierCallId;
use crate::media::MediaCodec;

const NAME: &str = "scripted";
const SIGNATURE: &str = "x-signature";
const SECRET: &[u8] = b"known to the scripted carrier only";

/// Something the carrier was asked to do.
#[derive(Debug, Clone)]
#[non_exhaustive]
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
    Steer(CarrierCallId, CallFlow),
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
/// assert!(carrier.capabilities().steer);
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
    /// How long an order and a search take.
    delay: (Duration, Duration),
    place: VecDeque<Result<String, ErrorKind>>,
    find: VecDeque<Result<Vec<String>, ErrorKind>>,
    fetch: VecDeque<ErrorKind>,
    hang_up: VecDeque<ErrorKind>,
    steer: VecDeque<ErrorKind>,
}

impl ScriptedCarrier {
    /// A carrier that can do everything and succeeds.
    #[must_use]
    pub fn new() -> Self {
        let all = VoiceCapabilities { steer: true, resumes_after_stream: true, keys: true, signed_media: true };
        Self { capabilities: all, script: Mutex::default() }
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
        self.script().find.push_back(answer.map(|calls| calls.into_iter().map(str::to_owned).collect()));
    }

    /// Programs one more failure of fetching.
    pub fn will_fail_to_fetch(&self, kind: ErrorKind) {
        self.script().fetch.push_back(kind);
    }

    /// Programs one more failure of hanging up.
    pub fn will_fail_to_hang_up(&self, kind: ErrorKind) {
        self.script().hang_up.push_back(kind);
    }

    /// Programs one more failure of steering.
    pub fn will_fail_to_steer(&self, kind: ErrorKind) {
        self.script().steer.push_back(kind);
    }

    /// Lets every order and every search take this long from now on.
    pub fn takes(&self, order: Duration, search: Duration) {
        self.script().delay = (order, search);
    }

    /// Says how far a call has come, for whoever fetches it.
    pub fn has_call(&self, call: &str, status: CallStatus) {
        self.script().calls.insert(CarrierCallId::new(call), status);
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

    fn check(operation: &'static str, request: &WebhookRequest<'_>) -> Result<()> {
        if request.header(SIGNATURE) == Some(&signature(request.path_and_query, request.body)) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Unauthenticated, operation).with_provider(NAME))
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
        let mut script = self.note(CarrierRequest::Fetch(call.clone()));
        if let Some(kind) = script.fetch.pop_front() {
            return Err(failed(kind, "fetch call"));
        }
        let status = script.calls.get(call).ok_or_else(|| failed(ErrorKind::NotFound, "fetch call"))?;
        Ok(CarrierCall::new(call.clone(), *status))
    }

    async fn find(&self, query: &FindCalls) -> Result<Vec<CarrierCall>> {
        let (answer, delay) = {
            let mut script = self.note(CarrierRequest::Find(query.clone()));
            (script.find.pop_front().unwrap_or_else(|| Ok(Vec::new())), script.delay.1)
        };
        tokio::time::sleep(delay).await;
        let names = answer.map_err(|kind| failed(kind, "find calls"))?;
        let script = self.script();
        let call = |name| {
            let id = CarrierCallId::new(name);
            let status = script.calls.get(&id).copied().unwrap_or(CallStatus::Queued);
            CarrierCall::new(id, status)
        };
        Ok(names.into_iter().map(call).collect())
    }

    async fn hang_up(&self, call: &CarrierCallId) -> Result<()> {
        let mut script = self.note(CarrierRequest::HangUp(call.clone()));
        script.hang_up.pop_front().map_or(Ok(()), |kind| Err(failed(kind, "hang up")))
    }

    async fn steer(&self, call: &CarrierCallId, flow: &CallFlow) -> Result<()> {
        let mut script = self.note(CarrierRequest::Steer(call.clone(), flow.clone()));
        if !self.capabilities.steer {
            return Err(failed(ErrorKind::Unsupported, "steer call"));
        }
        script.steer.pop_front().map_or(Ok(()), |kind| Err(failed(kind, "steer call")))
    }

    fn reply(&self, flow: &CallFlow) -> WebhookReply {
        let steps = flow.0.iter().map(|step| match step {
            CallStep::Stream(target) => json!({ "stream": target.url, "parameters": target.parameters }),
            CallStep::Say { text, language } => json!({ "say": text, "language": language }),
            CallStep::Redirect(url) => json!({ "redirect": url }),
            CallStep::HangUp => json!("hang_up"),
        });
        WebhookReply { content_type: "application/json", body: json!(steps.collect::<Vec<_>>()).to_string() }
    }

    fn webhook(&self, request: &WebhookRequest<'_>) -> Result<CarrierEvent> {
        Self::check("read webhook", request)?;
        serde_json::from_slice(request.body)
            .map_err(|error| Error::invalid("body", "a report").with_provider(NAME).with_source(error))
    }

    fn media_handshake(&self, request: &WebhookRequest<'_>) -> Result<()> {
        if self.capabilities.signed_media { Self::check("open media socket", request) } else { Ok(()) }
    }

    fn media_codec(&self) -> Box<dyn MediaCodec> {
        Box::new(ScriptedMedia::new())
    }

    async fn health(&self) -> Result<()> {
        Ok(())
    }
}

/// A request that owns its parts, as tests keep it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRequest {
    /// The method in upper case.
    pub method: String,
    /// Path and query as sent.
    pub path_and_query: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The raw body.
    pub body: Vec<u8>,
}

impl SignedRequest {
    /// A request without headers.
    pub fn new(method: &str, path_and_query: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        let (path_and_query, body) = (path_and_query.into(), body.into());
        Self { method: method.to_owned(), path_and_query, headers: Vec::new(), body }
    }

    /// The same request with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Calls `use_it` with the request in the form backends take.
    pub fn with<T>(&self, use_it: impl FnOnce(&WebhookRequest<'_>) -> T) -> T {
        let headers = self.headers();
        use_it(&self.request(&headers))
    }

    /// The headers as backends take them.
    #[must_use]
    pub fn headers(&self) -> Vec<(&str, &str)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// The request as backends take it, over `headers` from [`headers`](Self::headers).
    #[must_use]
    pub fn request<'a>(&'a self, headers: &'a [(&'a str, &'a str)]) -> WebhookRequest<'a> {
        WebhookRequest { method: &self.method, path_and_query: &self.path_and_query, headers, body: &self.body }
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
