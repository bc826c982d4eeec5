use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const SECRET: &str = "wsec_canary";
const AT: u64 = 1_790_000_000;

fn verifier() -> WebhookVerifier {
    WebhookVerifier::new(SECRET).unwrap()
}

fn after(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(AT + seconds)
}

/// A signature of the body at this time.
fn signature(secret: &str, time: u64, body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    let code = mac.chain_update(format!("{time}.")).chain_update(body).finalize().into_bytes();
    code.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn header(body: &[u8]) -> String {
    format!("t={AT},v0={}", signature(SECRET, AT, body))
}

fn read(name: &str, data: &Value) -> Result<EventKind> {
    let body = json!({ "type": name, "event_timestamp": AT, "data": data }).to_string();
    verifier().verify(&header(body.as_bytes()), body.as_bytes(), after(0)).map(|event| event.kind)
}

#[test]
fn a_signature_made_elsewhere_is_right() {
    // Made with `openssl dgst -sha256 -hmac wsec_canary` of `1790000000.{"type":"x"}`.
    let code = "e6156e58fc2dc87b56293447fbdf504f13bfd9c8cc5a2f3021dc20f47dcb1d6f";
    let event = verifier().verify(&format!("t={AT},v0={code}"), br#"{"type":"x"}"#, after(60)).unwrap();
    assert_eq!(event, WebhookEvent { at: None, kind: EventKind::Other { name: "x".into(), data: Value::Null } });
}

#[test]
fn every_known_event_is_typed_and_any_other_kept() {
    let ids = json!({"agent_id": "a", "conversation_id": "c"});
    let with = |more: Value| {
        let mut data = ids.clone();
        data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        data
    };
    let (agent, conversation) = ("a".to_owned(), "c".to_owned());
    let said = with(json!({"status": "done", "more": 1,
        "transcript": [{"role": "agent", "message": "Hej"}, {"role": "user", "message": null}]}));
    let turn = |role: &str, message: &str| TranscriptTurn { role: role.into(), message: message.into() };
    let expected = EventKind::Transcription {
        agent: agent.clone(),
        conversation: conversation.clone(),
        status: Some("done".into()),
        transcript: vec![turn("agent", "Hej"), turn("user", "")],
        data: said.clone(),
    };
    assert_eq!(read("post_call_transcription", &said).unwrap(), expected);
    assert!(!format!("{expected:?}").contains("Hej"));
    let audio = EventKind::Audio { agent: agent.clone(), conversation: conversation.clone(), audio: "Hej".into() };
    assert_eq!(read("post_call_audio", &with(json!({"full_audio": "SGVq"}))).unwrap(), audio);
    let failed = EventKind::CallFailed { agent, conversation, reason: Some("busy".into()) };
    assert_eq!(read("call_initiation_failure", &with(json!({"failure_reason": "busy"}))).unwrap(), failed);
    let (data, voice) = (json!({"voice_id": "v"}), || "v".to_owned());
    assert_eq!(read("voice_removal_notice", &data).unwrap(), EventKind::VoiceRemovalNotice { voice: voice() });
    let withdrawn = EventKind::VoiceRemovalWithdrawn { voice: voice() };
    assert_eq!(read("voice_removal_notice_withdrawn", &data).unwrap(), withdrawn);
    assert_eq!(read("voice_removed", &data).unwrap(), EventKind::VoiceRemoved { voice: voice() });
    assert_eq!(read("new", &data).unwrap(), EventKind::Other { name: "new".into(), data });
}

#[test]
fn what_is_signed_and_no_event_is_a_broken_protocol() {
    for body in ["", "[]", "{}", "not json", r#"{"type":7}"#, r#"{"type":"voice_removed","data":{}}"#] {
        let error = verifier().verify(&header(body.as_bytes()), body.as_bytes(), after(0)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{body}");
    }
    let audio = json!({"agent_id": "a", "conversation_id": "c", "full_audio": "ö"});
    assert_eq!(read("post_call_audio", &audio).unwrap_err().kind(), ErrorKind::Protocol);
}

#[test]
fn a_webhook_is_taken_within_the_tolerance_only() {
    let body = br#"{"type":"x"}"#;
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    for (verifier, tolerated) in [(verifier(), minutes(30)), (verifier().with_tolerance(minutes(5)), minutes(5))] {
        for (apart, is_taken) in [(tolerated, true), (tolerated + Duration::from_secs(1), false)] {
            for now in [after(0) + apart, after(0) - apart] {
                let taken = verifier.verify(&header(body), body, now);
                assert_eq!(taken.is_ok(), is_taken, "{apart:?}");
                assert!(taken.is_ok() || taken.unwrap_err().kind() == ErrorKind::Unauthenticated);
            }
        }
    }
}

#[test]
fn one_right_signature_of_several_is_enough() {
    let body = br#"{"type":"x"}"#;
    let (right, old) = (signature(SECRET, AT, body), signature("old", AT, body));
    for header in [
        format!("t={AT},v0={old},v0={right}"),
        format!("v0={right}, v0={old}, v1=unknown, t={AT}"),
        format!("t={AT},v0=zz,v0={}", right.to_uppercase()),
    ] {
        assert!(verifier().verify(&header, body, after(0)).is_ok(), "{header}");
    }
    for (header, message) in [
        (String::new(), "no time"),
        (format!("v0={right}"), "no time"),
        (format!("t={AT}"), "no signature of version 0"),
        (format!("t={AT},v1={right}"), "no signature of version 0"),
        (format!("t={AT},t={AT},v0={right}"), "more than one time"),
        (format!("t=now,v0={right}"), "no number"),
        (format!("t={},v0={right}", u64::MAX), "time"),
        (format!("t={AT},v0={old}"), "no signature is right"),
    ] {
        let error = verifier().verify(&header, body, after(0)).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Unauthenticated, Some(SIGNATURE_HEADER)));
        assert!(error.message().unwrap().contains(message), "{header}: {error}");
    }
}

#[test]
fn what_is_too_long_is_refused_before_anything_is_computed() {
    let body = br#"{"type":"x"}"#;
    let error = verifier().with_max_body(body.len() - 1).verify(&header(body), body, after(0)).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Invalid, Some("body")));
    assert!(verifier().with_max_body(body.len()).verify(&header(body), body, after(0)).is_ok());
}

#[test]
fn the_secret_is_not_printed_and_must_be_one() {
    let error = verifier().verify("", b"", after(0)).unwrap_err();
    assert!(!format!("{:?}{error:?}", verifier()).contains("canary"));
    assert_eq!(WebhookVerifier::new(" ").unwrap_err().field(), Some("secret"));
}

proptest! {
    #[test]
    fn no_webhook_but_the_signed_one_is_taken(
        at in 0..60_usize,
        change in 1..=255_u8,
        other in "(t=[0-9]{0,22}|v0=[0-9a-f]{0,70}|,|å|v1=| ){0,8}",
        garbage in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let body = br#"{"type":"voice_removed","data":{"voice_id":"v"}}"#.to_vec();
        let verifier = verifier();
        prop_assert!(verifier.verify(&header(&body), &body, after(0)).is_ok());
        let mut forged = body.clone();
        let place = at % forged.len();
        forged[place] ^= change;
        let kind = verifier.verify(&header(&body), &forged, after(0)).unwrap_err().kind();
        prop_assert_eq!(kind, ErrorKind::Unauthenticated);
        let kind = verifier.verify(&header(&body), &garbage, after(0)).unwrap_err().kind();
        prop_assert_eq!(kind, ErrorKind::Unauthenticated);
        let kind = verifier.verify(&other, &body, after(0)).unwrap_err().kind();
        prop_assert_eq!(kind, ErrorKind::Unauthenticated);
        // Rightly signed garbage is no event, and no panic.
        let _ = verifier.verify(&header(&garbage), &garbage, after(0));
    }
}
