//! Messages: sent once, fetched and looked for.

use std::time::Duration;

use voicecall_core::messaging::{ConversationalBackend, FindMessages, Media, MessageState, SendMessage};
use voicecall_core::{CarrierMessageId, ErrorKind};
use voicecall_twilio::{ConnectionOverrides, TwilioMessaging};

use crate::field;
use crate::support::{ACCOUNT, Answer, Emulator, builder};

const CREATED: &str = "Fri, 20 Nov 2026 10:00:00 +0000";

pub(crate) async fn scripted(answers: impl IntoIterator<Item = Answer>) -> (TwilioMessaging, Emulator) {
    let (emulator, address) = Emulator::start(answers).await;
    (builder(address).build_messaging().unwrap(), emulator)
}

fn message() -> SendMessage {
    SendMessage::text("+46701234567".parse().unwrap(), "+15005550006".parse().unwrap(), "Hej då!")
        .reporting_to(Some("https://calls.example/messages/status".parse().unwrap()))
}

fn json(sid: &str, body: &str, status: &str, created: &str) -> String {
    format!(
        r#"{{"sid":"{sid}","status":"{status}","direction":"outbound-api","body":"{body}","to":"+46701234567","from":"+15005550006","num_segments":"1","num_media":"0","price":null,"price_unit":"usd","error_code":null,"date_created":"{created}","date_sent":null}}"#
    )
}

fn query() -> FindMessages {
    let SendMessage { to, from, text, .. } = message();
    FindMessages { to, from, text, since: "2026-11-20T10:00:00.7Z".parse().unwrap() }
}

fn picture(url: &str) -> Media {
    Media { url: url.parse().unwrap(), content_type: "image/jpeg".parse().unwrap() }
}

#[tokio::test]
async fn sending_is_one_complete_order() {
    let (twilio, emulator) = scripted([Answer::new(201, json("SM1", "Hej då!", "queued", CREATED))]).await;

    let sent = twilio.send(&message()).await.unwrap();

    assert_eq!((sent.id, sent.state, sent.parts), (CarrierMessageId::new("SM1"), MessageState::Sent, Some(1)));
    let [seen] = &emulator.seen()[..] else { panic!("one request") };
    assert_eq!((&*seen.method, &*seen.target), ("POST", &*format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json")));
    let expected = [
        ("To", "+46701234567"),
        ("From", "+15005550006"),
        ("Body", "Hej då!"),
        ("StatusCallback", "https://calls.example/messages/status"),
    ];
    assert_eq!(seen.fields, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[tokio::test]
async fn media_whatsapp_a_service_and_overrides_are_asked_for() {
    let answer = || Answer::new(201, json("MM1", "", "accepted", CREATED));
    let (emulator, address) = Emulator::start([answer(), answer()]).await;
    let service = ACCOUNT.replace("AC", "MG");
    let overrides = ConnectionOverrides::new().retries(3);
    let twilio =
        builder(address).connection_overrides(overrides).messaging_service(&service).build_messaging().unwrap();
    let mut mms =
        message().with_media(vec![picture("https://app.example/a.jpg"), picture("https://app.example/b.jpg")]);
    mms.text.clear();
    let (to, from) = ("whatsapp:+46701234567".parse().unwrap(), "whatsapp:+15005550006".parse().unwrap());

    twilio.send(&mms).await.unwrap();
    twilio.send(&SendMessage::text(to, from, "Hej")).await.unwrap();

    let seen = emulator.seen();
    assert_eq!(field(&seen[0].fields, "MediaUrl"), ["https://app.example/a.jpg", "https://app.example/b.jpg"]);
    assert_eq!(field(&seen[0].fields, "MessagingServiceSid"), [service]);
    assert_eq!(field(&seen[0].fields, "StatusCallback"), ["https://calls.example/messages/status#rc=3"]);
    assert!(field(&seen[0].fields, "From").is_empty() && field(&seen[0].fields, "Body").is_empty());
    assert_eq!(field(&seen[1].fields, "To"), ["whatsapp:+46701234567"]);
}

#[tokio::test]
async fn a_refused_message_was_not_sent_and_is_not_sent_again() {
    let refusals = [
        (Answer::error(400, 21610), ErrorKind::Rejected, Some("to"), "21610"),
        (Answer::error(400, 21211), ErrorKind::Rejected, Some("to"), "21211"),
        (Answer::error(400, 21614), ErrorKind::Rejected, Some("to"), "21614"),
        (Answer::error(400, 21612), ErrorKind::Rejected, Some("to"), "21612"),
        (Answer::error(400, 21608), ErrorKind::Rejected, Some("to"), "21608"),
        (Answer::error(400, 63016), ErrorKind::Rejected, None, "63016"),
        (Answer::error(401, 20003), ErrorKind::Unauthenticated, None, "20003"),
    ];
    for (answer, kind, field, code) in refusals {
        let (twilio, emulator) = scripted([answer]).await;
        let error = twilio.send(&message()).await.unwrap_err();
        assert_eq!((error.kind(), error.field(), error.code()), (kind, field, Some(code)));
        assert!(!format!("{error} {error:?}").contains("701234567"));
        assert_eq!(emulator.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_message_that_may_have_left_is_never_sent_again() {
    let lost =
        [Answer::new(500, ""), Answer::new(503, ""), Answer::new(408, ""), Answer::new(302, ""), Answer::new(201, "{")];
    for answer in lost {
        let (twilio, emulator) = scripted([answer]).await;
        assert_eq!(twilio.send(&message()).await.unwrap_err().kind(), ErrorKind::UnknownOutcome);
        assert_eq!(emulator.seen().len(), 1);
    }
}

#[tokio::test]
async fn too_much_was_certainly_not_sent_and_is_repeated() {
    let sent = Answer::new(201, json("SM1", "Hej", "queued", CREATED));
    let (twilio, emulator) = scripted([Answer::error(429, 20429), sent]).await;
    twilio.send(&message()).await.unwrap();
    assert_eq!(emulator.seen().len(), 2);

    let (emulator, address) = Emulator::start([Answer::error(429, 20429)]).await;
    let impatient = builder(address).retry_rate_limited_for(Duration::ZERO).build_messaging().unwrap();
    assert_eq!(impatient.send(&message()).await.unwrap_err().kind(), ErrorKind::RateLimited);
    assert_eq!(emulator.seen().len(), 1);
}

#[tokio::test]
async fn what_twilio_would_refuse_is_not_sent() {
    let (twilio, emulator) = scripted([]).await;
    let odd = message().reporting_to(Some("https://my_calls.example/s".parse().unwrap()));
    assert_eq!(twilio.send(&odd).await.unwrap_err().field(), Some("report_url"));
    assert!(emulator.seen().is_empty());
}

#[tokio::test]
async fn a_message_is_fetched_by_an_id_that_stays_in_its_path() {
    let (twilio, emulator) = scripted([Answer::new(200, json("SM1", "Hej", "read", CREATED))]).await;
    let known = twilio.fetch(&CarrierMessageId::new("SM1")).await.unwrap();
    assert_eq!((known.state, known.to.unwrap().canonical()), (MessageState::Read, "+46701234567".to_owned()));
    assert_eq!(emulator.seen()[0].target, format!("/2010-04-01/Accounts/{ACCOUNT}/Messages/SM1.json"));
    for id in ["", "..", "SM1/../../x", "SM1.json?x=1"] {
        let refused = twilio.fetch(&CarrierMessageId::new(id)).await.unwrap_err();
        assert_eq!((refused.kind(), refused.field()), (ErrorKind::Invalid, Some("message")), "{id}");
    }
    assert_eq!(emulator.seen().len(), 1);
}

#[tokio::test]
async fn a_message_is_looked_for_by_its_ends_its_words_and_its_time_over_all_pages() {
    let next = format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json?PageSize=200&Page=1&PageToken=PA1");
    let page = |messages: &[String], next: &str| {
        Answer::new(200, format!(r#"{{"messages":[{}],"next_page_uri":{next}}}"#, messages.join(",")))
    };
    let first = [json("SM4", "Hej", "sent", CREATED), json("SM3", "Hej då!", "sent", CREATED)];
    let last = [
        json("SM2", "Hej då!", "sent", "Fri, 20 Nov 2026 10:00:05 +0000"),
        json("SM1", "Hej då!", "sent", "Fri, 20 Nov 2026 09:59:59 +0000"),
        json("SM0", "Hej då!", "received", CREATED).replace("outbound-api", "inbound"),
    ];
    let (twilio, emulator) = scripted([page(&first, &format!("\"{next}\"")), page(&last, "null")]).await;

    let found = twilio.find(&query()).await.unwrap();

    assert_eq!(found.iter().map(|message| message.id.as_str()).collect::<Vec<_>>(), ["SM2", "SM3"]);
    let seen = emulator.seen();
    let filters = "?To=%2B46701234567&From=%2B15005550006&PageSize=200";
    assert_eq!(seen[0].target, format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json{filters}"));
    assert_eq!(seen[1].target, next);
}

#[tokio::test]
async fn a_page_elsewhere_does_not_get_the_credentials() {
    let page = r#"{"messages":[],"next_page_uri":"https://elsewhere.example/x"}"#;
    let (twilio, emulator) = scripted([Answer::new(200, page)]).await;
    assert_eq!(twilio.find(&query()).await.unwrap_err().kind(), ErrorKind::Protocol);
    assert_eq!(emulator.seen().len(), 1);
}

#[tokio::test]
async fn health_asks_for_the_account_or_with_a_key_for_a_message() {
    let (twilio, emulator) = scripted([Answer::new(200, r#"{"status":"active"}"#)]).await;
    twilio.health().await.unwrap();
    assert_eq!(emulator.seen()[0].target, format!("/2010-04-01/Accounts/{ACCOUNT}.json"));

    let (emulator, address) = Emulator::start([Answer::new(200, r#"{"messages":[]}"#)]).await;
    let key = format!("SK{}", "0".repeat(32));
    builder(address).api_key(key, "key-secret").build_messaging().unwrap().health().await.unwrap();
    assert_eq!(emulator.seen()[0].target, format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json?PageSize=1"));
}
