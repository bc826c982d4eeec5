//! Twilio against the suites every carrier and every media codec runs.
#![allow(clippy::unwrap_used, reason = "a test that meets an unexpected error should stop there")]

mod support;

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use support::{ACCOUNT, PUBLIC_URL, TOKEN, builder, sign};
use voicecall_core::carrier::{NumberKind, NumberOrder, RecordingId};
use voicecall_core::messaging::Media;
use voicecall_core::testing::SignedRequest;
use voicecall_core::testing::carrier_suite::{self, CarrierCase};
use voicecall_core::testing::media_codec::{self, MediaProtocol};
use voicecall_core::testing::messaging_suite::{self, MessagingCase};
use voicecall_core::testing::number_suite::{self, NumberCase};
use voicecall_core::testing::text_codec::{self, TextProtocol};
use voicecall_core::text_media::TextEvent;
use voicecall_core::{CarrierCallId, CarrierMessageId, ErrorKind};
use voicecall_sim::phone::{Answer, Silent};
use voicecall_sim::twilio::server::{ServerOptions, TwilioServer};
use voicecall_sim::twilio::{Account, Exchange, ExchangeOptions, MessageMedium, Number, NumberForSale};
use voicecall_twilio::{TwilioMedia, TwilioRelay};

/// The emulated carriers, which end with their value.
static CARRIERS: Mutex<Vec<Arc<TwilioServer>>> = Mutex::new(Vec::new());

/// An account with two numbers, no call and no recording.
async fn twilio() -> CarrierCase {
    let numbers = vec![Number::new("+467000000011"), Number::new("+46700000001")];
    let options = ExchangeOptions::new(1, vec![Account::new(ACCOUNT, TOKEN, numbers)]);
    let exchange = Exchange::new(options, |_| Box::new(Silent(Answer::Unreachable)));
    let server = TwilioServer::start(exchange, ServerOptions::default()).await.unwrap();
    let carrier = builder("127.0.0.1:1".parse().unwrap()).api_base_url(server.api()).build().unwrap();
    CARRIERS.lock().unwrap().push(Arc::new(server));
    let fields =
        [("CallSid", "CA1"), ("CallStatus", "in-progress")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let webhook = SignedRequest::new("POST", "/voice/answer", "CallSid=CA1&CallStatus=in-progress")
        .with_header("content-type", "application/x-www-form-urlencoded")
        .with_header("x-twilio-signature", sign(TOKEN, &format!("{PUBLIC_URL}/voice/answer"), &fields));
    let handshake = SignedRequest::new("GET", "/media/token", "")
        .with_header("x-twilio-signature", sign(TOKEN, "wss://calls.example/media/token", &[]));
    CarrierCase {
        carrier: Box::new(carrier),
        webhook,
        stream: "wss://calls.example/media/token".to_owned(),
        call: CarrierCallId::new("CA1"),
        handshake,
        ended: Some(CarrierCallId::new("CA1")),
        gone: Some(RecordingId::new("RE1")),
        // Twilio finds the first number as well: the second is a part of it.
        numbers: Some(("+46700000001".parse().unwrap(), "+46700000099".parse().unwrap())),
    }
}

const OURS: &str = "+46700000001";
const THEIRS: &str = "+46701234567";

/// A signed form at an address of ours.
fn form(path: &str, fields: &[(&str, &str)]) -> SignedRequest {
    let owned: Vec<_> = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    SignedRequest::new("POST", path, body)
        .with_header("content-type", "application/x-www-form-urlencoded")
        .with_header("x-twilio-signature", sign(TOKEN, &format!("{PUBLIC_URL}{path}"), &owned))
}

/// An account with a number, over SMS or WhatsApp, to which a picture was sent.
async fn messages_over(scheme: &'static str) -> MessagingCase {
    let (ours, theirs) = (format!("{scheme}{OURS}"), format!("{scheme}{THEIRS}"));
    let mut options = ExchangeOptions::new(1, vec![Account::new(ACCOUNT, TOKEN, vec![Number::new(OURS)])]);
    options.epoch = Timestamp::now();
    let exchange = Exchange::new(options, |_| Box::new(Silent(Answer::Unreachable)));
    let server = Arc::new(TwilioServer::start(exchange, ServerOptions::default()).await.unwrap());
    let picture = MessageMedium { content_type: "image/png", bytes: vec![7; 5000] };
    let sid = server.text_in(&theirs, &ours, "", vec![picture]).unwrap();
    let medium =
        format!("https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}/Media/ME{}00", &sid[2..32]);
    CARRIERS.lock().unwrap().push(Arc::clone(&server));
    let carrier = builder("127.0.0.1:1".parse().unwrap()).api_base_url(server.api()).build_messaging().unwrap();
    let incoming =
        [("MessageSid", "SM1"), ("SmsStatus", "received"), ("From", &theirs), ("To", &ours), ("Body", "Hej!")];
    let delivery = [("MessageSid", "SM2"), ("MessageStatus", "delivered"), ("From", &ours), ("To", &theirs)];
    MessagingCase {
        carrier: Box::new(carrier),
        incoming: form("/messages/incoming", &incoming),
        incoming_id: CarrierMessageId::new("SM1"),
        delivery: form("/messages/status?account=a", &delivery),
        delivery_id: CarrierMessageId::new("SM2"),
        ours: ours.parse().unwrap(),
        theirs: theirs.parse().unwrap(),
        sent: Box::new(move || {
            server.inspect(|exchange| exchange.messages().iter().filter(|message| !message.is_incoming).count())
        }),
        medium: Some((Media { url: medium.parse().unwrap(), content_type: "image/png".parse().unwrap() }, 5000)),
        numbers: Some((OURS.parse().unwrap(), "+46700000099".parse().unwrap())),
    }
}

#[tokio::test]
async fn twilio_keeps_every_rule_of_a_carrier_of_messages() {
    messaging_suite::run_all(|| messages_over("")).await;
    messaging_suite::run_all(|| messages_over("whatsapp:")).await;
}

/// An account without numbers, where two are sold.
async fn numbers() -> NumberCase {
    let mut options = ExchangeOptions::new(1, vec![Account::new(ACCOUNT, TOKEN, Vec::new())]);
    options.for_sale = ["+46766860001", "+46766860002"].map(|number| NumberForSale::new(number, "SE", "Mobile")).into();
    let exchange = Exchange::new(options, |_| Box::new(Silent(Answer::Unreachable)));
    let server = Arc::new(TwilioServer::start(exchange, ServerOptions::default()).await.unwrap());
    CARRIERS.lock().unwrap().push(Arc::clone(&server));
    let carrier = builder("127.0.0.1:1".parse().unwrap()).api_base_url(server.api()).build_numbers().unwrap();
    NumberCase {
        carrier: Box::new(carrier),
        sells: number_suite::voice_numbers("SE", NumberKind::Mobile),
        owned: Box::new(move || server.inspect(|exchange| exchange.numbers(ACCOUNT).len())),
    }
}

#[tokio::test]
async fn twilio_keeps_every_rule_about_numbers() {
    number_suite::run_all(numbers).await;
}

#[tokio::test]
async fn a_country_where_nothing_is_sold_is_named() {
    let case = numbers().await;
    let search = number_suite::voice_numbers("NO", NumberKind::Mobile);
    let error = case.carrier.search(&search).await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Rejected, Some("country")));
    let sold = NumberOrder::Chosen("+46766860009".parse().unwrap());
    let error = case.carrier.buy(&sold).await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Rejected, Some("number")));
}

#[tokio::test]
async fn twilio_keeps_every_rule_of_a_carrier() {
    carrier_suite::run_all(twilio).await;
}

#[test]
fn twilio_media_keeps_every_rule_of_a_codec() {
    media_codec::run_all(&MediaProtocol {
        codec: || Box::new(TwilioMedia::new()),
        start: r#"{"event":"start","sequenceNumber":"1","streamSid":"MZ1","start":{"streamSid":"MZ1","accountSid":"AC1","callSid":"CA1","tracks":["inbound"],"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1},"customParameters":{}}}"#,
        unknown: &[
            r#"{"event":"connected","protocol":"Call","version":"2.0.0"}"#,
            r#"{"event":"weather","streamSid":"MZ1","weather":{"sky":"blue"}}"#,
        ],
        garbage: &[
            "",
            "{",
            "[]",
            "17",
            r#"{"event":"media","streamSid":"MZ1"}"#,
            r#"{"event":"media","streamSid":"MZ1","media":{"payload":"%"}}"#,
            r#"{"event":"media","streamSid":"MZ1","media":{"payload":17}}"#,
        ],
        // Twilio repeats a mark as it was sent, and writes media in the same form.
        echo: str::to_owned,
    });
}

#[test]
fn twilio_relay_keeps_every_rule_of_a_text_codec() {
    text_codec::run_all(&TextProtocol {
        codec: || Box::new(TwilioRelay::new()),
        start: r#"{"type":"setup","sessionId":"VX1","accountSid":"AC1","callSid":"CA1","from":"+1","to":"+2","direction":"inbound","callStatus":"RINGING","customParameters":{}}"#,
        events: &[
            (
                r#"{"type":"prompt","voicePrompt":"Yes, please.","lang":"en-US","last":true}"#,
                TextEvent::Heard { words: "Yes, please.".into(), language: Some("en-US".into()) },
            ),
            (r#"{"type":"dtmf","digit":"1"}"#, TextEvent::Key('1')),
            (
                r#"{"type":"interrupt","utteranceUntilInterrupt":"We","durationUntilInterruptMs":"460"}"#,
                text_codec::interrupted("We", 460),
            ),
            (r#"{"type":"error","description":"Invalid message received"}"#, TextEvent::Failed),
        ],
        unknown: &[r#"{"type":"weather","sky":"blue"}"#, r#"{"type":"info","name":"tokensPlayed"}"#],
        garbage: &["", "{", "[]", "17", "{}", r#"{"type":7}"#, r#"{"type":"setup"}"#],
        said: |message| {
            let message: serde_json::Value = serde_json::from_str(message).ok()?;
            Some((message["token"].as_str()?.to_owned(), message["last"].as_bool()?))
        },
    });
}
