//! A carrier of messages that does as it is told, faults included.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use voicecall_core::carrier::{WebhookReply, WebhookRequest};
use voicecall_core::messaging::*;
use voicecall_core::store::Channel;
use voicecall_core::{CarrierMessageId, Error, ErrorKind, Result, async_trait};

/// What becomes of a request to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Send {
    Fine,
    /// It went out, but the answer was lost.
    Lost,
    /// It did not go out, and the answer was lost.
    Unsent,
    Fails(ErrorKind),
    /// It is answered only after this many seconds.
    Slow(u64),
}

#[derive(Debug, Default)]
struct Inner {
    /// What went out: name, receiver, words.
    sent: Vec<(CarrierMessageId, SendMessage)>,
    script: VecDeque<Send>,
    requests: usize,
}

/// A carrier that keeps what it sent. Clones are the same carrier.
#[derive(Debug, Clone, Default)]
pub(super) struct FakeCarrier(Arc<Mutex<Inner>>);

impl FakeCarrier {
    pub(super) fn then(&self, what: impl IntoIterator<Item = Send>) {
        self.0.lock().unwrap().script.extend(what);
    }

    pub(super) fn sent(&self) -> Vec<(String, String)> {
        let inner = self.0.lock().unwrap();
        inner.sent.iter().map(|(_, order)| (order.to.canonical(), order.text.clone())).collect()
    }

    pub(super) fn texts(&self) -> Vec<String> {
        self.sent().into_iter().map(|(_, text)| text).collect()
    }

    pub(super) fn last_order(&self) -> (CarrierMessageId, SendMessage) {
        self.0.lock().unwrap().sent.last().unwrap().clone()
    }

    pub(super) fn requests(&self) -> usize {
        self.0.lock().unwrap().requests
    }
}

#[async_trait]
impl ConversationalBackend for FakeCarrier {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn capabilities(&self) -> MessagingCapabilities {
        let limits = ChannelLimits::text(200).with_media(1, &[MediaKind::Image]);
        MessagingCapabilities::new(vec![(Channel::Sms, limits.clone()), (Channel::WhatsApp, limits)])
    }

    async fn send(&self, message: &SendMessage) -> Result<CarrierMessage> {
        self.capabilities().check(message)?;
        let what = {
            let mut inner = self.0.lock().unwrap();
            inner.requests += 1;
            inner.script.pop_front().unwrap_or(Send::Fine)
        };
        let unknown = Error::new(ErrorKind::UnknownOutcome, "send message");
        if let Send::Slow(seconds) = what {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
        }
        match what {
            Send::Fails(kind) => return Err(Error::new(kind, "send message").with_code("30000")),
            Send::Unsent => return Err(unknown),
            _ => {}
        }
        let id = {
            let mut inner = self.0.lock().unwrap();
            let id = CarrierMessageId::new(format!("OUT{}", inner.sent.len()));
            inner.sent.push((id.clone(), message.clone()));
            id
        };
        if what == Send::Lost { Err(unknown) } else { Ok(CarrierMessage::new(id, MessageState::Sent)) }
    }

    async fn fetch(&self, message: &CarrierMessageId) -> Result<CarrierMessage> {
        Ok(CarrierMessage::new(message.clone(), MessageState::Sent))
    }

    async fn find(&self, query: &FindMessages) -> Result<Vec<CarrierMessage>> {
        let inner = self.0.lock().unwrap();
        let same = |order: &SendMessage| order.to == query.to && order.from == query.from && order.text == query.text;
        let found = inner.sent.iter().filter(|(_, order)| same(order));
        Ok(found.map(|(id, _)| CarrierMessage::new(id.clone(), MessageState::Sent)).collect())
    }

    async fn media(&self, _media: &Media, _limit: u64) -> Result<MediaContent> {
        Err(Error::new(ErrorKind::NotFound, "fetch media"))
    }

    /// `secret|in|id|from|to|media type|text`, or `secret|report|id|state`.
    fn webhook(&self, request: &WebhookRequest<'_>) -> Result<MessagingEvent> {
        let body = String::from_utf8_lossy(request.body).into_owned();
        let mut fields = body.splitn(7, '|');
        let mut field = || fields.next().unwrap_or_default().to_owned();
        if field() != "secret" {
            return Err(Error::new(ErrorKind::Unauthenticated, "read webhook"));
        }
        let kind = field();
        let id = CarrierMessageId::new(field());
        if kind == "report" {
            let report = DeliveryReport { state: field().parse()?, error: None };
            return Ok(MessagingEvent::new(id, MessagingEventKind::Delivery(report)));
        }
        let (from, to, media, text) = (field().parse()?, field().parse()?, field(), field());
        let message = IncomingMessage::new(from, to, &text);
        let media = (!media.is_empty()).then_some(("https://fake.example/media", media.as_str()));
        Ok(MessagingEvent::new(id, MessagingEventKind::Received(Box::new(message.with_media(media)))))
    }

    fn reply(&self) -> WebhookReply {
        WebhookReply { content_type: "text/plain", body: String::new() }
    }

    async fn health(&self) -> Result<()> {
        Ok(())
    }
}
