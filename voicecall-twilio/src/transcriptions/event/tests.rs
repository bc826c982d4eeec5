use proptest::prelude::*;

use super::*;

const TRANSCRIPTION: &str = "GT00000000000000000000000000000001";

fn form(event: &str, more: &[(&str, &str)]) -> String {
    let fields = [("CallSid", "CA1"), ("TranscriptionSid", TRANSCRIPTION), ("TranscriptionEvent", event)];
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).extend_pairs(more).finish()
}

fn read_form(body: &str) -> Result<TranscriptionEvent> {
    read(&WebhookRequest { method: "POST", path_and_query: "/t", headers: &[], body: body.as_bytes() })
}

fn content(more: &[(&str, &str)]) -> Result<Speech> {
    match read_form(&form("transcription-content", more))?.kind {
        TranscriptionEventKind::Speech(speech) => Ok(speech),
        other => panic!("{other:?}"),
    }
}

#[test]
fn final_words_have_a_confidence_and_others_a_stability() {
    let whole = [
        ("Track", "inbound_track"),
        ("TranscriptionData", r#"{"transcript":"Hej då","confidence":0.98}"#),
        ("Final", "true"),
        ("LanguageCode", "sv-SE"),
    ];
    let said = content(&whole).unwrap();
    assert_eq!((said.text.as_str(), said.is_final, said.confidence), ("Hej då", true, Some(0.98)));
    assert_eq!((said.track, said.language.as_deref()), (Some(Track::Inbound), Some("sv-SE")));
    assert!(!format!("{said:?}").contains("Hej"));
    let partial = [
        ("Track", "outbound_track"),
        ("TranscriptionData", r#"{"transcript":"Hej"}"#),
        ("Final", "false"),
        ("Stability", "0.8"),
    ];
    let said = content(&partial).unwrap();
    assert_eq!((said.is_final, said.confidence, said.stability), (false, None, Some(0.8)));
    let odd =
        [("TranscriptionData", r#"{"transcript":"","confidence":7}"#), ("Track", "third_track"), ("Stability", "NaN")];
    let said = content(&odd).unwrap();
    assert_eq!((said.track, said.confidence, said.stability), (None, None, None));
}

#[test]
fn the_beginning_the_end_and_a_failure_are_told() {
    let kind = |event: &str, more: &[(&str, &str)]| read_form(&form(event, more)).unwrap().kind;
    let language = Some("sv-SE".to_owned());
    assert_eq!(
        kind("transcription-started", &[("LanguageCode", "sv-SE")]),
        TranscriptionEventKind::Started { language }
    );
    assert_eq!(kind("transcription-stopped", &[]), TranscriptionEventKind::Stopped);
    let code = Some("32650".to_owned());
    assert_eq!(
        kind("transcription-error", &[("TranscriptionErrorCode", "32650")]),
        TranscriptionEventKind::Failed { code }
    );
    assert_eq!(kind("transcription-paused", &[]), TranscriptionEventKind::Unknown);
}

#[test]
fn a_time_is_read_in_either_form() {
    for (text, at) in [
        ("2026-11-20T10:00:00.5Z", "2026-11-20T10:00:00.5Z"),
        ("Fri, 20 Nov 2026 10:00:00 +0000", "2026-11-20T10:00:00Z"),
    ] {
        let event = read_form(&form("transcription-stopped", &[("Timestamp", text)])).unwrap();
        assert_eq!(event.at.unwrap().to_string(), at);
    }
}

#[test]
fn a_malformed_event_names_the_field_and_not_the_words() {
    let field = |body: &str| read_form(body).unwrap_err().field().unwrap().to_owned();
    assert_eq!(field(""), "CallSid");
    assert_eq!(field("CallSid=CA1&TranscriptionSid=GT1"), "TranscriptionSid");
    assert_eq!(field(&format!("CallSid=CA1&TranscriptionSid={TRANSCRIPTION}")), "TranscriptionEvent");
    for data in ["", "secret words", r#"{"transcript":5}"#, "[]"] {
        let error = content(&[("TranscriptionData", data)]).unwrap_err();
        assert_eq!(error.field(), Some("TranscriptionData"));
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
}

#[test]
fn an_event_is_known_again_by_its_number() {
    let delivery = |number: &str, more: &str| {
        let fields = [("SequenceId", number), ("TranscriptionData", r#"{"transcript":"a"}"#), ("More", more)];
        read_form(&form("transcription-content", &fields)).unwrap().delivery
    };
    assert_eq!(delivery("3", "x"), delivery("3", "y"));
    assert_ne!(delivery("3", "x"), delivery("4", "x"));
    let unnumbered = |more: &str| read_form(&form("transcription-stopped", &[("More", more)])).unwrap().delivery;
    assert_ne!(unnumbered("x"), unnumbered("y"));
}

proptest! {
    #[test]
    fn nothing_makes_reading_panic(method in "GET|POST|.{0,4}", target in ".{0,60}", body: Vec<u8>, data in ".{0,40}") {
        let _ = read(&WebhookRequest { method: &method, path_and_query: &target, headers: &[], body: &body });
        let _ = content(&[("TranscriptionData", &data), ("Final", &data), ("Stability", &data)]);
    }
}
