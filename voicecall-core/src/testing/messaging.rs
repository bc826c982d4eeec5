//! A messaging side that follows a script: answers are programmed, messages are remembered, webhooks are signed forms.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use url::{Url, form_urlencoded};

use super::carrier::{SIGNATURE, refused};
use super::{ScriptedCarrier, SignedRequest};
use crate::address::Address;
use crate::carrier::{NumberWebhooks, WebhookReply, WebhookRequest};
use crate::error::{Error, ErrorKind, Result};
use crate::id::CarrierMessageId;
use crate::messaging::{
    CarrierMessage, ChannelLimits, ConversationalBackend, DeliveryReport, FindMessages, IncomingMessage, Media,
    MediaContent, MediaKind, MessageState, MessagingCapabilities, MessagingEvent, MessagingEventKind, SendMessage,
};
use crate::phone::PhoneNumber;
use crate::store::Channel;

const NAME: &str = "scripted";

/// The messaging side of a carrier for tests. It opens no socket.
///
/// What is not programmed succeeds: messages are named `SM1`, `SM2`, … and stay [`Sent`](MessageState::Sent) until told
/// otherwise; an unknown one is not found.
///
/// ```
/// use voicecall_core::ErrorKind;
/// use voicecall_core::testing::ScriptedMessaging;
///
/// let carrier = ScriptedMessaging::new();
/// carrier.will_refuse(ErrorKind::RateLimited);
/// carrier.will_lose_the_answer();
/// assert!(carrier.sent().is_empty());
/// ```
#[derive(Debug)]
pub struct ScriptedMessaging {
    capabilities: MessagingCapabilities,
    script: Mutex<Script>,
}

#[derive(Debug, Default)]
struct Script {
    /// What was accepted, the oldest first.
    sent: Vec<(SendMessage, CarrierMessage)>,
    next: VecDeque<ErrorKind>,
    /// Messages of others, which confirm what webhooks say.
    known: Vec<CarrierMessageId>,
    media: HashMap<Url, MediaContent>,
    /// Where messages to numbers are told.
    incoming: HashMap<PhoneNumber, Url>,
    foreign: Vec<PhoneNumber>,
}

impl ScriptedMessaging {
    /// A carrier of SMS with ten media and WhatsApp with one, texts of up to 1600 characters.
    #[must_use]
    pub fn new() -> Self {
        let limits = |media| ChannelLimits::text(1600).with_media(media, &[MediaKind::Image, MediaKind::Audio]);
        let mut able = MessagingCapabilities::new(vec![(Channel::Sms, limits(10)), (Channel::WhatsApp, limits(1))]);
        (able.read_receipts, able.number_webhooks) = (true, true);
        Self::with_capabilities(able)
    }

    /// A carrier that can do this.
    #[must_use]
    pub fn with_capabilities(capabilities: MessagingCapabilities) -> Self {
        Self { capabilities, script: Mutex::default() }
    }

    /// Refuses the next message in this way; it is not sent.
    pub fn will_refuse(&self, kind: ErrorKind) {
        self.script().next.push_back(kind);
    }

    /// Sends the next message and loses the answer: its outcome is unknown.
    pub fn will_lose_the_answer(&self) {
        self.script().next.push_back(ErrorKind::UnknownOutcome);
    }

    /// What was sent, the oldest first.
    #[must_use]
    pub fn sent(&self) -> Vec<SendMessage> {
        self.script().sent.iter().map(|(message, _)| message.clone()).collect()
    }

    /// Lets a message of ours come so far.
    pub fn reaches(&self, id: &CarrierMessageId, state: MessageState) {
        if let Some((_, known)) = self.script().sent.iter_mut().find(|(_, known)| known.id == *id) {
            known.state = state;
        }
    }

    /// Makes a message known that was not sent by us, so that it is [confirmed](ConversationalBackend::confirm).
    pub fn knows(&self, id: &CarrierMessageId) {
        self.script().known.push(id.clone());
    }

    /// Keeps a medium. Returns how it is named.
    pub fn keep(&self, content: MediaContent) -> Media {
        let mut script = self.script();
        let url: Url = format!("https://scripted.example/media/{}", script.media.len()).parse().expect("an address");
        let content_type = content.content_type;
        script.media.insert(url.clone(), content);
        Media { url, content_type }
    }

    /// The webhook of a message that came in.
    #[must_use]
    pub fn message_of(path_and_query: &str, id: &str, message: &IncomingMessage) -> SignedRequest {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("id", id);
        form.append_pair("from", &message.from.canonical()).append_pair("to", &message.to.canonical());
        form.append_pair("text", &message.text);
        form.extend_pairs(message.sender_name.iter().map(|name| ("name", name)));
        form.extend_pairs(message.media.iter().map(|media| (media.content_type.as_str(), media.url.as_str())));
        ScriptedCarrier::sign(path_and_query, &form.finish())
    }

    /// The webhook of a delivery report.
    #[must_use]
    pub fn report_of(path_and_query: &str, id: &str, report: &DeliveryReport) -> SignedRequest {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("id", id).append_pair("state", report.state.as_str());
        form.extend_pairs(report.error.iter().map(|error| ("error", error)));
        ScriptedCarrier::sign(path_and_query, &form.finish())
    }

    /// Lets a number belong to somebody else; every other is the account's.
    pub fn does_not_own(&self, number: PhoneNumber) {
        self.script().foreign.push(number);
    }

    /// The script, if the number is one of the account's.
    fn owning(&self, operation: &'static str, number: &PhoneNumber) -> Result<MutexGuard<'_, Script>> {
        let script = self.script();
        if !self.capabilities.number_webhooks {
            return Err(Error::new(ErrorKind::Unsupported, operation).with_provider(NAME));
        }
        if script.foreign.contains(number) {
            return Err(NumberWebhooks::not_ours(operation, NAME, number));
        }
        Ok(script)
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ScriptedMessaging {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl ConversationalBackend for ScriptedMessaging {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> MessagingCapabilities {
        self.capabilities.clone()
    }

    async fn send(&self, message: &SendMessage) -> Result<CarrierMessage> {
        self.capabilities.check(message)?;
        let mut script = self.script();
        let failure = script.next.pop_front();
        let error = failure.map(|kind| Error::new(kind, "send message").with_provider(NAME));
        if let Some(error) = error.filter(|error| error.kind() != ErrorKind::UnknownOutcome) {
            return Err(error);
        }
        let id = CarrierMessageId::new(format!("SM{}", script.sent.len() + 1));
        let mut known = CarrierMessage::new(id, MessageState::Sent);
        (known.to, known.from) = (Some(message.to.clone()), Some(message.from.clone()));
        known.created_at = Some(Timestamp::now());
        script.sent.push((message.clone(), known.clone()));
        failure.map_or(Ok(known), |kind| Err(Error::new(kind, "send message").with_provider(NAME)))
    }

    async fn fetch(&self, message: &CarrierMessageId) -> Result<CarrierMessage> {
        let script = self.script();
        let known = script.sent.iter().find(|(_, known)| known.id == *message).map(|(_, known)| known.clone());
        known.ok_or_else(|| Error::new(ErrorKind::NotFound, "fetch message").with_provider(NAME))
    }

    async fn find(&self, query: &FindMessages) -> Result<Vec<CarrierMessage>> {
        if !self.capabilities.find {
            return Err(Error::new(ErrorKind::Unsupported, "find messages").with_provider(NAME));
        }
        let script = self.script();
        let is_it = |(sent, known): &&(SendMessage, CarrierMessage)| {
            let is_meant = sent.to == query.to && sent.from == query.from && sent.text == query.text;
            is_meant && known.created_at >= Some(query.since)
        };
        Ok(script.sent.iter().rev().filter(is_it).map(|(_, known)| known.clone()).collect())
    }

    async fn media(&self, media: &Media, limit: u64) -> Result<MediaContent> {
        if media.url.host_str() != Some("scripted.example") {
            return Err(Error::invalid("media", "an address of the carrier's").with_provider(NAME));
        }
        let content = self.script().media.get(&media.url).cloned();
        let content = content.ok_or_else(|| Error::new(ErrorKind::NotFound, "fetch medium").with_provider(NAME))?;
        if content.bytes.len() as u64 > limit {
            return Err(Error::invalid("media", format!("at most {limit} bytes")).with_provider(NAME));
        }
        Ok(content)
    }

    fn webhook_head(&self, head: &WebhookRequest<'_>) -> Result<()> {
        if head.header(SIGNATURE).is_some() { Ok(()) } else { Err(refused("read webhook")) }
    }

    fn webhook(&self, request: &WebhookRequest<'_>) -> Result<MessagingEvent> {
        ScriptedCarrier::check("read webhook", request)?;
        let form: Vec<(String, String)> = form_urlencoded::parse(request.body).into_owned().collect();
        let get = |name: &str| form.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let missing = |name: &'static str| Error::invalid(name, "what the webhook is about").with_provider(NAME);
        let id = CarrierMessageId::new(get("id").ok_or_else(|| missing("id"))?);
        if let Some(state) = get("state") {
            let report = DeliveryReport { state: state.parse()?, error: get("error").map(str::to_owned) };
            return Ok(MessagingEvent::new(id, MessagingEventKind::Delivery(report)));
        }
        let address = |name: &'static str| get(name).ok_or_else(|| missing(name)).and_then(str::parse::<Address>);
        let media = form.iter().filter(|(name, _)| name.contains('/')).map(|(kind, url)| (url.as_str(), kind.as_str()));
        let message = IncomingMessage::new(address("from")?, address("to")?, get("text").unwrap_or_default());
        let mut message = message.with_media(media);
        message.sender_name = get("name").map(str::to_owned);
        Ok(MessagingEvent::new(id, MessagingEventKind::Received(Box::new(message))))
    }

    async fn confirm(&self, event: MessagingEvent) -> Result<MessagingEvent> {
        let script = self.script();
        let is_known =
            script.known.contains(&event.message) || script.sent.iter().any(|(_, known)| known.id == event.message);
        if self.capabilities.signed_webhooks || is_known { Ok(event) } else { Err(refused("confirm webhook")) }
    }

    fn reply(&self) -> WebhookReply {
        WebhookReply { content_type: "text/plain", body: String::new() }
    }

    async fn incoming_url(&self, number: &PhoneNumber) -> Result<Option<Url>> {
        Ok(self.owning("read messages' address of number", number)?.incoming.get(number).cloned())
    }

    async fn set_incoming_url(&self, number: &PhoneNumber, url: Option<&Url>) -> Result<()> {
        let mut script = self.owning("set messages' address of number", number)?;
        match url {
            Some(url) => script.incoming.insert(number.clone(), url.clone()),
            None => script.incoming.remove(number),
        };
        Ok(())
    }

    async fn health(&self) -> Result<()> {
        Ok(())
    }
}
