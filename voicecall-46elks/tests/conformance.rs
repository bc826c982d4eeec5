//! 46elks against the suites every carrier and every media codec runs.
#![allow(clippy::unwrap_used, reason = "a test that meets an unexpected error should stop there")]

mod support;

use std::sync::{Arc, Mutex};

use support::{FOREIGN, OURS, SOCKET, THEIRS, account, elks, messaging, sealed, sealed_messages, sealed_socket, serve};
use voicecall_46elks::ElksMedia;
use voicecall_core::carrier::NumberKind;
use voicecall_core::messaging::{Media, SendMessage};
use voicecall_core::testing::SignedRequest;
use voicecall_core::testing::carrier_suite::{self, CarrierCase};
use voicecall_core::testing::media_codec::{self, MediaProtocol};
use voicecall_core::testing::messaging_suite::{self, MessagingCase};
use voicecall_core::testing::number_suite::{self, NumberCase};
use voicecall_core::{CarrierCallId, CarrierMessageId};
use voicecall_sim::elks46::{ElksImage, ElksServer};

/// The emulated carriers, which end with their value.
static CARRIERS: Mutex<Vec<Arc<ElksServer>>> = Mutex::new(Vec::new());

async fn case() -> CarrierCase {
    let server = serve("127.0.0.1:1".parse().unwrap(), account()).await;
    let carrier = elks(&server);
    CARRIERS.lock().unwrap().push(Arc::new(server));
    let body =
        "callid=c1&from=%2B46701740605&to=%2B46766861001&direction=incoming&created=2018-02-20T11%3A55%3A27.756000";
    let webhook = SignedRequest::new("POST", sealed("voice/46elks/incoming").await, body);
    let handshake = SignedRequest::new("GET", sealed_socket().await, "");
    CarrierCase {
        carrier: Box::new(carrier),
        webhook,
        stream: SOCKET.to_owned(),
        call: CarrierCallId::new("c1"),
        handshake,
        ended: Some(CarrierCallId::new("c1")),
        gone: None,
        numbers: Some((OURS.parse().unwrap(), FOREIGN.parse().unwrap())),
    }
}

/// The secret address of reports, as the order of a text gives it away.
async fn sealed_report() -> String {
    let probe = serve("127.0.0.1:1".parse().unwrap(), account()).await;
    let text = SendMessage::text(THEIRS.parse().unwrap(), OURS.parse().unwrap(), "Hej")
        .reporting_to(Some("https://calls.example/messages/status?account=a".parse().unwrap()));
    voicecall_core::messaging::ConversationalBackend::send(&messaging(&probe), &text).await.unwrap();
    support::target(probe.messages()[0].whendelivered().unwrap())
}

async fn messages() -> MessagingCase {
    let server = Arc::new(serve("127.0.0.1:1".parse().unwrap(), account()).await);
    let picture = ElksImage { content_type: "image/png", bytes: vec![7; 5000] };
    let mms = server.text_in(THEIRS, OURS, "", vec![picture]);
    let medium = format!("https://api.46elks.com/a1/images/{mms}-i0.png").parse().unwrap();
    let carrier = messaging(&server);
    CARRIERS.lock().unwrap().push(Arc::clone(&server));
    let body = "id=s1&from=%2B46701740605&to=%2B46766861001&direction=incoming&message=Hej&created=2018-02-20T11%3A55%3A27.756000";
    MessagingCase {
        carrier: Box::new(carrier),
        incoming: SignedRequest::new("POST", sealed_messages("messages/46elks/incoming").await, body),
        incoming_id: CarrierMessageId::new("s1"),
        delivery: SignedRequest::new("POST", sealed_report().await, "id=s2&status=delivered"),
        delivery_id: CarrierMessageId::new("s2"),
        ours: OURS.parse().unwrap(),
        theirs: THEIRS.parse().unwrap(),
        sent: Box::new(move || server.messages().iter().filter(|message| !message.is_incoming).count()),
        medium: Some((Media { url: medium, content_type: "image/png".parse().unwrap() }, 5000)),
        numbers: Some((OURS.parse().unwrap(), FOREIGN.parse().unwrap())),
    }
}

#[tokio::test]
async fn elks_keeps_every_rule_of_a_carrier_of_messages() {
    messaging_suite::run_all(messages).await;
}

/// An account with nothing but its websocket number and one it gave back.
async fn numbers() -> NumberCase {
    let mut options = account();
    options.numbers.retain(|number| number.number != OURS);
    options.unallocated = vec![OURS.to_owned()];
    let server = Arc::new(serve("127.0.0.1:1".parse().unwrap(), options).await);
    let carrier = support::builder(server.api()).build_numbers().unwrap();
    CARRIERS.lock().unwrap().push(Arc::clone(&server));
    NumberCase {
        carrier: Box::new(carrier),
        sells: number_suite::voice_numbers("SE", NumberKind::Mobile),
        owned: Box::new(move || server.numbers().iter().filter(|known| known.is_a_phone()).count()),
    }
}

#[tokio::test]
async fn elks_keeps_every_rule_about_numbers() {
    number_suite::run_all(numbers).await;
}

#[tokio::test]
async fn elks_keeps_every_rule_of_a_carrier() {
    carrier_suite::run_all(case).await;
}

#[test]
fn elks_media_keeps_every_rule_of_a_codec() {
    media_codec::run_all(&MediaProtocol {
        codec: || Box::new(ElksMedia::new()),
        start: r#"{"t":"hello","callid":"c1","from":"+46701740605","to":"+4600700001"}"#,
        unknown: &[r#"{"t":"weather","sky":"blue"}"#, r#"{"t":"keys","keys":"1"}"#],
        garbage: &["", "{", "[]", "17", r#"{"t":17}"#, r#"{"t":"audio"}"#, r#"{"t":"audio","data":"%"}"#],
        // A sync is answered by one, and audio has one form both ways.
        echo: str::to_owned,
    });
}
