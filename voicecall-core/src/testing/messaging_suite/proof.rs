//! The fake keeps every rule, and breaking one is noticed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use url::Url;

use super::*;
use crate::carrier::{WebhookReply, WebhookRequest};
use crate::error::Result;
use crate::messaging::{CarrierMessage, MediaContent, MessagingCapabilities};
use crate::testing::ScriptedMessaging;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    None,
    MixesUpWhoWrote,
    MixesUpReports,
    TellsEachTimeOtherwise,
    TrustsStrangers,
    WantsTheBodyFirst,
    IgnoresTheBody,
    BelievesHeaders,
    BelievesEverything,
    SendsTwice,
    FindsAnything,
    PretendsToFind,
    TakesAnyChannel,
    CutsTexts,
    DropsMedia,
    Replies,
    FetchesAnything,
    ReadsEverything,
    ForgetsAddresses,
    OwnsEveryNumber,
}

#[derive(Debug)]
struct Broken {
    inner: Arc<ScriptedMessaging>,
    fault: Fault,
    read: AtomicUsize,
}

impl Broken {
    /// The event of an authentic request of the same address, whatever its body says.
    fn of_its_address(&self, request: &WebhookRequest<'_>) -> Result<MessagingEvent> {
        let known = if request.path_and_query.contains("delivery") { delivery() } else { incoming() };
        if request.path_and_query != known.path_and_query || request.headers.is_empty() {
            return self.inner.webhook(request);
        }
        known.with(|request| self.inner.webhook(request))
    }
}

#[async_trait]
impl ConversationalBackend for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }

    fn capabilities(&self) -> MessagingCapabilities {
        self.inner.capabilities()
    }

    async fn send(&self, message: &SendMessage) -> Result<CarrierMessage> {
        let mut message = message.clone();
        match self.fault {
            Fault::SendsTwice => drop(self.inner.send(&message).await?),
            Fault::TakesAnyChannel if message.channel() != theirs().channel() => {
                (message.to, message.from) = (theirs(), ours());
            }
            Fault::CutsTexts => message.text = message.text.chars().take(100).collect(),
            Fault::DropsMedia => message.media.clear(),
            _ => {}
        }
        self.inner.send(&message).await
    }

    async fn fetch(&self, message: &CarrierMessageId) -> Result<CarrierMessage> {
        self.inner.fetch(message).await
    }

    async fn find(&self, query: &FindMessages) -> Result<Vec<CarrierMessage>> {
        match self.fault {
            Fault::FindsAnything => self.inner.find(&FindMessages { text: "Hello".to_owned(), ..query.clone() }).await,
            Fault::PretendsToFind => Ok(Vec::new()),
            _ => self.inner.find(query).await,
        }
    }

    async fn media(&self, media: &Media, limit: u64) -> Result<MediaContent> {
        match self.fault {
            Fault::FetchesAnything if media.url.host_str() != Some("scripted.example") => {
                Ok(MediaContent { content_type: media.content_type, bytes: Vec::new() })
            }
            Fault::ReadsEverything => self.inner.media(media, u64::MAX).await,
            _ => self.inner.media(media, limit).await,
        }
    }

    fn webhook_head(&self, head: &WebhookRequest<'_>) -> Result<()> {
        match self.fault {
            Fault::WantsTheBodyFirst => self.inner.webhook(head).map(drop),
            _ => self.inner.webhook_head(head),
        }
    }

    fn webhook(&self, request: &WebhookRequest<'_>) -> Result<MessagingEvent> {
        let mut event = match self.fault {
            Fault::IgnoresTheBody => self.of_its_address(request)?,
            Fault::TrustsStrangers if request.headers.is_empty() => {
                return incoming().with(|request| self.inner.webhook(request));
            }
            Fault::BelievesHeaders if request.header("x-forwarded-host").is_some() => {
                return Err(Error::new(ErrorKind::Unauthenticated, "read webhook"));
            }
            _ => self.inner.webhook(request)?,
        };
        match (&mut event.kind, self.fault) {
            (MessagingEventKind::Received(message), Fault::MixesUpWhoWrote) => message.from = message.to.clone(),
            (MessagingEventKind::Received(message), Fault::TellsEachTimeOtherwise) => {
                message.refused_media = self.read.fetch_add(1, Ordering::Relaxed);
            }
            (MessagingEventKind::Delivery(_), Fault::MixesUpReports) => event.message = CarrierMessageId::new("SM7"),
            _ => {}
        }
        Ok(event)
    }

    async fn confirm(&self, event: MessagingEvent) -> Result<MessagingEvent> {
        if self.fault == Fault::BelievesEverything { Ok(event) } else { self.inner.confirm(event).await }
    }

    fn reply(&self) -> WebhookReply {
        let body = if self.fault == Fault::Replies { "<Response><Message>Hi</Message></Response>" } else { "" };
        WebhookReply { body: body.to_owned(), ..self.inner.reply() }
    }

    async fn incoming_url(&self, number: &PhoneNumber) -> Result<Option<Url>> {
        match self.inner.incoming_url(number).await {
            Err(_) if self.fault == Fault::OwnsEveryNumber => Ok(None),
            read => read,
        }
    }

    async fn set_incoming_url(&self, number: &PhoneNumber, url: Option<&Url>) -> Result<()> {
        let url = url.filter(|_| self.fault != Fault::ForgetsAddresses);
        self.inner.set_incoming_url(number, url).await
    }

    async fn health(&self) -> Result<()> {
        self.inner.health().await
    }
}

fn ours() -> Address {
    "+46700000001".parse().unwrap()
}

fn theirs() -> Address {
    "+46701234567".parse().unwrap()
}

fn incoming() -> SignedRequest {
    ScriptedMessaging::message_of("/messages/incoming", "SM8", &IncomingMessage::new(theirs(), ours(), "Hello"))
}

fn delivery() -> SignedRequest {
    let report = DeliveryReport { state: MessageState::Delivered, error: None };
    ScriptedMessaging::report_of("/messages/delivery", "SM9", &report)
}

fn case(fault: Fault) -> MessagingCase {
    let mut able = ScriptedMessaging::new().capabilities();
    able.signed_webhooks = fault != Fault::BelievesEverything;
    able.find = fault != Fault::PretendsToFind;
    let inner = Arc::new(ScriptedMessaging::with_capabilities(able));
    let medium = inner.keep(MediaContent { content_type: "image/png".parse().unwrap(), bytes: vec![1; 64] });
    let sent = Arc::clone(&inner);
    let foreign: PhoneNumber = "+46700000099".parse().unwrap();
    inner.does_not_own(foreign.clone());
    MessagingCase {
        carrier: Box::new(Broken { inner, fault, read: AtomicUsize::new(0) }),
        incoming: incoming(),
        incoming_id: CarrierMessageId::new("SM8"),
        delivery: delivery(),
        delivery_id: CarrierMessageId::new("SM9"),
        ours: ours(),
        theirs: theirs(),
        sent: Box::new(move || sent.sent().len()),
        medium: Some((medium, 64)),
        numbers: Some(("+46700000001".parse().unwrap(), foreign)),
    }
}

#[tokio::test]
async fn the_scripted_carrier_keeps_every_rule() {
    run_all(|| async { case(Fault::None) }).await;
}

#[tokio::test]
async fn every_broken_rule_is_noticed() {
    let proofs = [
        (Fault::MixesUpWhoWrote, "a_message_that_came_in_tells_who_wrote_and_to_whom"),
        (Fault::MixesUpReports, "a_delivery_report_is_of_its_message"),
        (Fault::TellsEachTimeOtherwise, "duplicates_of_a_webhook_are_the_same_event"),
        (Fault::TrustsStrangers, "a_webhook_without_authenticity_is_refused"),
        (Fault::WantsTheBodyFirst, "the_head_of_an_authentic_webhook_passes"),
        (Fault::IgnoresTheBody, "a_changed_webhook_is_refused"),
        (Fault::BelievesHeaders, "headers_do_not_choose_the_address"),
        (Fault::BelievesEverything, "what_nobody_signed_is_confirmed"),
        (Fault::SendsTwice, "a_message_is_sent_once_and_known_afterwards"),
        (Fault::FindsAnything, "what_was_not_sent_is_not_found"),
        (Fault::PretendsToFind, "what_was_not_sent_is_not_found"),
        (Fault::TakesAnyChannel, "another_channel_is_refused_before_anything_is_sent"),
        (Fault::CutsTexts, "a_message_too_long_or_empty_is_refused_before_anything_is_sent"),
        (Fault::DropsMedia, "media_it_does_not_carry_are_refused_before_anything_is_sent"),
        (Fault::Replies, "an_answer_to_a_webhook_sends_nothing"),
        (Fault::FetchesAnything, "a_medium_of_somebody_else_is_not_fetched"),
        (Fault::ReadsEverything, "a_medium_longer_than_its_limit_is_not_read"),
        (Fault::ForgetsAddresses, "messages_to_a_number_are_told_where_it_was_set"),
        (Fault::OwnsEveryNumber, "a_number_of_somebody_else_is_named"),
    ];
    for (fault, rule) in proofs {
        let broken = broken_rules(|| async move { case(fault) }).await;
        assert_eq!(broken, [rule], "{fault:?}");
    }
    for (rule, _) in RULES {
        assert!(proofs.iter().any(|(_, proven)| proven == rule), "{rule} has its proof");
    }
}
