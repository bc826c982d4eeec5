//! 46elks against the suites every carrier and every media codec runs.
#![allow(clippy::unwrap_used, reason = "a test that meets an unexpected error should stop there")]

mod support;

use std::sync::Mutex;

use support::{FOREIGN, OURS, SOCKET, account, elks, sealed, sealed_socket, serve};
use voicecall_46elks::ElksMedia;
use voicecall_core::CarrierCallId;
use voicecall_core::testing::SignedRequest;
use voicecall_core::testing::carrier_suite::{self, CarrierCase};
use voicecall_core::testing::media_codec::{self, MediaProtocol};
use voicecall_sim::elks46::ElksServer;

/// The emulated carriers, which end with their value.
static CARRIERS: Mutex<Vec<ElksServer>> = Mutex::new(Vec::new());

async fn case() -> CarrierCase {
    let server = serve("127.0.0.1:1".parse().unwrap(), account()).await;
    let carrier = elks(&server);
    CARRIERS.lock().unwrap().push(server);
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
