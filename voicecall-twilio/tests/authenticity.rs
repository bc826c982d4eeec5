//! Webhooks and handshakes through the public interface: nothing is read before its authenticity is certain.
#![allow(clippy::unwrap_used, reason = "a test that meets an unexpected error should stop there")]

mod support;

use proptest::prelude::*;
use support::{PUBLIC_URL, TOKEN, sign};
use url::form_urlencoded;
use voicecall_core::ErrorKind;
use voicecall_core::carrier::{CallStatus, CarrierEventKind, VoiceBackend, WebhookRequest};
use voicecall_twilio::TwilioVoice;

fn twilio() -> TwilioVoice {
    TwilioVoice::builder()
        .account_sid(support::ACCOUNT)
        .auth_token("new token")
        .secondary_auth_token(TOKEN)
        .public_url(PUBLIC_URL)
        .build()
        .unwrap()
}

fn form(fields: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

fn ringing() -> Vec<(String, String)> {
    let fields = [
        ("CallSid", "CA1"),
        ("CallStatus", "ringing"),
        ("CallbackSource", "call-progress-events"),
        ("SequenceNumber", "1"),
    ];
    fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

#[test]
fn a_signed_webhook_is_read() {
    let signature = sign(TOKEN, &format!("{PUBLIC_URL}/status/7?a=b"), &ringing());
    let headers =
        [("content-type", "application/x-www-form-urlencoded; charset=UTF-8"), ("x-twilio-signature", &*signature)];
    let body = form(&ringing());
    let request =
        WebhookRequest { method: "POST", path_and_query: "/status/7?a=b", headers: &headers, body: body.as_bytes() };

    let event = twilio().webhook(&request).unwrap();

    assert_eq!((event.call.as_str(), event.sequence), ("CA1", Some(1)));
    assert_eq!(event.kind, CarrierEventKind::Status { status: CallStatus::Ringing, duration: None, cause: None });
}

#[test]
fn an_unsigned_webhook_is_refused_before_it_is_read() {
    let body = b"CallSid=";
    let request = WebhookRequest { method: "POST", path_and_query: "/status/7", headers: &[], body };
    assert_eq!(twilio().webhook(&request).unwrap_err().kind(), ErrorKind::Unauthenticated);
}

#[test]
fn only_a_signed_handshake_passes() {
    let signature = sign(TOKEN, "wss://calls.example/media/7", &[]);
    let headers = [("x-twilio-signature", &*signature)];
    let request = |target| WebhookRequest { method: "GET", path_and_query: target, headers: &headers, body: b"" };
    assert!(twilio().media_handshake(&request("/media/7")).is_ok());
    assert_eq!(twilio().media_handshake(&request("/media/8")).unwrap_err().kind(), ErrorKind::Unauthenticated);
}

proptest! {
    #[test]
    fn any_signed_form_is_authentic_and_no_changed_one_is(
        mut fields in proptest::collection::vec(("[A-Za-z.]{1,12}", any::<String>()), 0..8),
        target in "/[a-z0-9/%=&?.-]{0,30}",
        extra in "[a-z]{1,8}",
    ) {
        fields.push(("CallSid".to_owned(), "CA1".to_owned()));
        let twilio = twilio();
        let signature = sign(TOKEN, &format!("{PUBLIC_URL}{target}"), &fields);
        let headers = [("Content-Type", "application/x-www-form-urlencoded"), ("X-Twilio-Signature", &*signature)];
        let authentic = |target: &str, fields: &[(String, String)]| {
            let body = form(fields);
            let request = WebhookRequest { method: "POST", path_and_query: target, headers: &headers, body: body.as_bytes() };
            !matches!(twilio.webhook(&request), Err(error) if error.kind() == ErrorKind::Unauthenticated)
        };
        prop_assert!(authentic(&target, &fields));
        let elsewhere = format!("{target}{extra}");
        prop_assert!(!authentic(&elsewhere, &fields));
        fields.push((format!("~{extra}"), String::new()));
        prop_assert!(!authentic(&target, &fields));
    }
}
