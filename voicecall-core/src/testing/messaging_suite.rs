//! What the messaging side of every carrier keeps to, as far as it shows without a network.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::{SignedRequest, suite};
use crate::address::Address;
use crate::error::{Error, ErrorKind};
use crate::id::CarrierMessageId;
use crate::messaging::{
    ConversationalBackend, DeliveryReport, FindMessages, IncomingMessage, Media, MediaType, MessageState,
    MessagingEvent, MessagingEventKind, SendMessage,
};
use crate::phone::PhoneNumber;

/// A carrier, with requests that it would send itself and an account at whatever stands in for it.
pub struct MessagingCase {
    /// The carrier.
    pub carrier: Box<dyn ConversationalBackend>,
    /// The webhook of a message from [`theirs`](Self::theirs) to [`ours`](Self::ours), with everything that makes it
    /// authentic; its body is not empty.
    pub incoming: SignedRequest,
    /// The message it is about.
    pub incoming_id: CarrierMessageId,
    /// The authentic webhook of a report on a message of ours that was delivered.
    pub delivery: SignedRequest,
    /// The message it is about.
    pub delivery_id: CarrierMessageId,
    /// An address of the account, from which texts are sent.
    pub ours: Address,
    /// Somebody who has them.
    pub theirs: Address,
    /// How many messages the carrier was given so far.
    pub sent: Box<dyn Fn() -> usize + Send + Sync>,
    /// A medium that came in, and its length in bytes; without one reading media is not checked.
    pub medium: Option<(Media, u64)>,
    /// A number of the account and one that is not; without them numbers are not checked.
    pub numbers: Option<(PhoneNumber, PhoneNumber)>,
}

impl fmt::Debug for MessagingCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessagingCase").field("carrier", &self.carrier).finish_non_exhaustive()
    }
}

/// Checks every rule and panics with the names of those the carrier breaks. `make_case` makes a fresh carrier.
pub async fn run_all<F, S>(make_case: F)
where
    F: Fn() -> S,
    S: Future<Output = MessagingCase>,
{
    let broken = broken_rules(make_case).await;
    assert!(broken.is_empty(), "the carrier breaks {broken:?}");
}

/// The names of the rules the carrier breaks. `make_case` makes a fresh carrier.
pub async fn broken_rules<F, S>(make_case: F) -> Vec<&'static str>
where
    F: Fn() -> S,
    S: Future<Output = MessagingCase>,
{
    suite::broken(RULES, make_case).await
}

macro_rules! rules {
    ($($rule:ident,)*) => {
        const RULES: &[suite::Rule<MessagingCase>] = &[$((stringify!($rule), |case| Box::pin($rule(case))),)*];
    };
}

rules! {
    a_message_that_came_in_tells_who_wrote_and_to_whom,
    a_delivery_report_is_of_its_message,
    duplicates_of_a_webhook_are_the_same_event,
    a_webhook_without_authenticity_is_refused,
    the_head_of_an_authentic_webhook_passes,
    a_changed_webhook_is_refused,
    headers_do_not_choose_the_address,
    what_nobody_signed_is_confirmed,
    a_message_is_sent_once_and_known_afterwards,
    what_was_not_sent_is_not_found,
    another_channel_is_refused_before_anything_is_sent,
    a_message_too_long_or_empty_is_refused_before_anything_is_sent,
    media_it_does_not_carry_are_refused_before_anything_is_sent,
    an_answer_to_a_webhook_sends_nothing,
    a_medium_of_somebody_else_is_not_fetched,
    a_medium_longer_than_its_limit_is_not_read,
    messages_to_a_number_are_told_where_it_was_set,
    a_number_of_somebody_else_is_named,
}

fn read(case: &MessagingCase, request: &SignedRequest) -> MessagingEvent {
    request.with(|request| case.carrier.webhook(request)).expect("an authentic webhook is read")
}

async fn a_message_that_came_in_tells_who_wrote_and_to_whom(case: MessagingCase) {
    let event = read(&case, &case.incoming);
    assert_eq!(event.message, case.incoming_id);
    let MessagingEventKind::Received(message) = event.kind else { panic!("it came in") };
    assert_eq!((&message.from, &message.to), (&case.theirs, &case.ours));
}

async fn a_delivery_report_is_of_its_message(case: MessagingCase) {
    let event = read(&case, &case.delivery);
    assert_eq!(event.message, case.delivery_id);
    let MessagingEventKind::Delivery(report) = event.kind else { panic!("it is a report") };
    assert_eq!(report.state, MessageState::Delivered);
}

async fn duplicates_of_a_webhook_are_the_same_event(case: MessagingCase) {
    for request in [&case.incoming, &case.delivery] {
        assert_eq!(read(&case, request), read(&case, request));
    }
}

async fn a_webhook_without_authenticity_is_refused(case: MessagingCase) {
    for request in [&case.incoming, &case.delivery] {
        let mut stranger = SignedRequest { headers: Vec::new(), ..request.clone() };
        if !case.carrier.capabilities().signed_webhooks {
            // What is secret may lie behind the path.
            stranger.path_and_query = stranger.path_and_query.split('?').next().unwrap_or_default().to_owned();
        }
        assert_refused(&case, &stranger);
        // Not even what is wrong with it is told to a stranger.
        assert_refused(&case, &SignedRequest { body: b"{".to_vec(), ..stranger });
    }
}

async fn the_head_of_an_authentic_webhook_passes(case: MessagingCase) {
    for request in [&case.incoming, &case.delivery] {
        let head = SignedRequest { body: Vec::new(), ..request.clone() };
        head.with(|head| case.carrier.webhook_head(head)).expect("its body may make it authentic");
    }
}

async fn a_changed_webhook_is_refused(case: MessagingCase) {
    for request in [&case.incoming, &case.delivery] {
        if case.carrier.capabilities().signed_webhooks {
            let mut longer = request.clone();
            longer.body.extend_from_slice(b"&More=1");
            assert_refused(&case, &longer);
        }
        let elsewhere = format!("{}0", request.path_and_query);
        assert_refused(&case, &SignedRequest { path_and_query: elsewhere, ..request.clone() });
    }
}

async fn headers_do_not_choose_the_address(case: MessagingCase) {
    let mut request = case.incoming.clone();
    for name in ["host", "x-forwarded-host", "x-forwarded-proto", "forwarded", "x-original-url"] {
        request = request.with_header(name, "elsewhere.example");
    }
    request.with(|request| case.carrier.webhook(request)).expect("only the configured address counts");
}

async fn what_nobody_signed_is_confirmed(case: MessagingCase) {
    if case.carrier.capabilities().signed_webhooks {
        return;
    }
    let delivered = DeliveryReport { state: MessageState::Delivered, error: None };
    let written = IncomingMessage::new(case.theirs.clone(), case.ours.clone(), "Hello");
    let kinds = [MessagingEventKind::Delivery(delivered), MessagingEventKind::Received(Box::new(written))];
    for kind in kinds {
        // Of the kind of id that the carrier has.
        let id = CarrierMessageId::new(format!("{}0", case.incoming_id));
        let refused = case.carrier.confirm(MessagingEvent::new(id, kind)).await.expect_err("it knows no such message");
        assert_eq!(refused.kind(), ErrorKind::Unauthenticated);
    }
}

async fn a_message_is_sent_once_and_known_afterwards(case: MessagingCase) {
    let since = Timestamp::now() - SignedDuration::from_secs(60);
    let sent = case.carrier.send(&text(&case, "Hello")).await.expect("it can be sent");
    assert_eq!((case.sent)(), 1);
    assert!(sent.state.advance(MessageState::Sent) == sent.state, "it was taken: {:?}", sent.state);
    assert_eq!(case.carrier.fetch(&sent.id).await.expect("it is known").id, sent.id);
    if case.carrier.capabilities().find {
        let found = case.carrier.find(&search(&case, "Hello", since)).await.expect("it can be looked for");
        assert_eq!(found.into_iter().map(|message| message.id).collect::<Vec<_>>(), [sent.id]);
    }
}

async fn what_was_not_sent_is_not_found(case: MessagingCase) {
    let since = Timestamp::now() - SignedDuration::from_secs(60);
    case.carrier.send(&text(&case, "Hello")).await.expect("it can be sent");
    let found = case.carrier.find(&search(&case, "Something else", since)).await;
    if case.carrier.capabilities().find {
        assert_eq!(found.expect("it can be looked for"), []);
    } else {
        assert_eq!(found.expect_err("it cannot").kind(), ErrorKind::Unsupported);
    }
}

async fn another_channel_is_refused_before_anything_is_sent(case: MessagingCase) {
    let able = case.carrier.capabilities();
    let addresses = ["+46700000017", "whatsapp:+46700000017", "client:anna", "mailto:anna@example.com"];
    for to in addresses.map(|address| address.parse::<Address>().unwrap()) {
        if able.limits(&to.channel()).is_none() {
            let message = SendMessage::text(to.clone(), to, "Hello");
            assert_eq!(refusal(&case, &message).await.kind(), ErrorKind::Unsupported);
        }
    }
    let mixed = SendMessage::text(case.theirs.clone(), "client:anna".parse().unwrap(), "Hello");
    assert_eq!(refusal(&case, &mixed).await.field(), Some("from"));
}

async fn a_message_too_long_or_empty_is_refused_before_anything_is_sent(case: MessagingCase) {
    let able = case.carrier.capabilities();
    let most = able.limits(&case.theirs.channel()).expect("the channel of the case").max_chars;
    for words in ["å".repeat(most + 1), " ".to_owned()] {
        let refused = refusal(&case, &text(&case, &words)).await;
        assert_eq!((refused.kind(), refused.field()), (ErrorKind::Invalid, Some("text")));
    }
}

async fn media_it_does_not_carry_are_refused_before_anything_is_sent(case: MessagingCase) {
    let able = case.carrier.capabilities();
    let limits = able.limits(&case.theirs.channel()).expect("the channel of the case");
    let media = |content_type: MediaType| {
        let url = "https://app.example/medium".parse().expect("an address");
        Media { url, content_type }
    };
    let (carried, foreign): (Vec<_>, Vec<_>) =
        MediaType::all().partition(|kind: &MediaType| limits.media.contains(&kind.kind()));
    let with = |media| text(&case, "Look").with_media(media);
    let some = carried.first().or(foreign.first()).copied().expect("there are media types");
    let refused = refusal(&case, &with(vec![media(some); limits.max_media + 1])).await;
    assert_eq!((refused.kind(), refused.field()), (ErrorKind::Invalid, Some("media")));
    if let Some(foreign) = foreign.first().filter(|_| limits.max_media > 0) {
        assert_eq!(refusal(&case, &with(vec![media(*foreign)])).await.kind(), ErrorKind::Unsupported);
    }
}

async fn an_answer_to_a_webhook_sends_nothing(case: MessagingCase) {
    let reply = case.carrier.reply();
    let words: String = reply.body.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect();
    assert_eq!(words.trim(), "", "a carrier may send it");
    assert!(!reply.content_type.is_empty());
}

async fn a_medium_of_somebody_else_is_not_fetched(case: MessagingCase) {
    let content_type = "image/jpeg".parse().expect("a type that is taken");
    for url in ["https://elsewhere.example/a.jpg", "http://127.0.0.1:1/a.jpg", "file:///etc/passwd"] {
        let media = Media { url: url.parse().expect("an address"), content_type };
        let refused = case.carrier.media(&media, 1000).await.expect_err("it is not the carrier's");
        assert_eq!((refused.kind(), refused.field()), (ErrorKind::Invalid, Some("media")), "{url}");
    }
}

async fn a_medium_longer_than_its_limit_is_not_read(case: MessagingCase) {
    let Some((media, length)) = case.medium else { return };
    let content = case.carrier.media(&media, length).await.expect("it is there");
    assert_eq!((content.bytes.len() as u64, content.content_type), (length, media.content_type));
    let refused = case.carrier.media(&media, length - 1).await.expect_err("it is longer");
    assert_eq!((refused.kind(), refused.field()), (ErrorKind::Invalid, Some("media")));
}

async fn messages_to_a_number_are_told_where_it_was_set(case: MessagingCase) {
    let Some((number, _)) = case.numbers.filter(|_| case.carrier.capabilities().number_webhooks) else { return };
    let url = |path: &str| Some(format!("https://calls.example/{path}").parse().expect("an address"));
    for wanted in [url("messages/first/incoming"), url("messages/second/incoming"), None] {
        case.carrier.set_incoming_url(&number, wanted.as_ref()).await.expect("a number of the account can be set");
        let set = case.carrier.incoming_url(&number).await.expect("a number of the account can be read");
        assert_eq!(set, wanted);
    }
}

async fn a_number_of_somebody_else_is_named(case: MessagingCase) {
    let Some((_, foreign)) = case.numbers.filter(|_| case.carrier.capabilities().number_webhooks) else { return };
    let url = "https://calls.example/".parse().expect("an address");
    let read = case.carrier.incoming_url(&foreign).await.expect_err("not a number of the account");
    let set = case.carrier.set_incoming_url(&foreign, Some(&url)).await.expect_err("not a number of the account");
    for error in [read, set] {
        assert_eq!((error.kind(), error.field()), (ErrorKind::NotFound, Some("number")));
        assert!(error.to_string().contains(&foreign.masked()), "{error}");
    }
}

fn text(case: &MessagingCase, text: &str) -> SendMessage {
    SendMessage::text(case.theirs.clone(), case.ours.clone(), text)
}

fn search(case: &MessagingCase, text: &str, since: Timestamp) -> FindMessages {
    FindMessages { to: case.theirs.clone(), from: case.ours.clone(), text: text.to_owned(), since }
}

/// Why the message is not sent; nothing was.
async fn refusal(case: &MessagingCase, message: &SendMessage) -> Error {
    let refused = case.carrier.send(message).await.expect_err("it cannot be sent");
    assert_eq!((case.sent)(), 0, "nothing was sent");
    refused
}

fn assert_refused(case: &MessagingCase, request: &SignedRequest) {
    let refused = request.with(|request| case.carrier.webhook(request)).expect_err("not from the carrier");
    assert_eq!(refused.kind(), ErrorKind::Unauthenticated);
}

#[cfg(test)]
mod proof;
