//! Transcriptions: each request as it goes out, each answer as it is read.

use std::time::Duration;

use serde_json::json;
use voicecall_core::carrier::{RecordingId, WebhookRequest};
use voicecall_core::{CarrierCallId, ConsentToken, ErrorKind, SessionId};
use voicecall_twilio::TwilioTranscriptions;
use voicecall_twilio::transcriptions::{
    Engine, LiveTranscriptionSid, RecordingTranscriptionSid, StartTranscription, Tracks, TranscriptSid,
    TranscriptStatus, TranscriptionStatus,
};

use crate::field;
use crate::support::{ACCOUNT, Answer, Emulator, PUBLIC_URL, TOKEN, builder, sign};

fn sid(prefix: &str, number: u32) -> String {
    format!("{prefix}{number:032x}")
}

async fn scripted(answers: impl IntoIterator<Item = Answer>) -> (TwilioTranscriptions, Emulator) {
    let (emulator, address) = Emulator::start(answers).await;
    (builder(address).build_transcriptions().unwrap(), emulator)
}

fn settings() -> StartTranscription {
    let consent = ConsentToken::operator_declares_legal_basis(SessionId::new());
    StartTranscription::new(consent, "https://calls.example/words".parse().unwrap())
}

fn recording() -> RecordingId {
    RecordingId::new("RE1")
}

#[tokio::test]
async fn a_live_transcription_is_ordered_whole_and_ended() {
    let live = |status: &str| json!({"sid": sid("GT", 1), "call_sid": "CA1", "status": status, "date_updated": "Fri, 20 Nov 2026 10:00:00 +0000"});
    let (twilio, emulator) =
        scripted([Answer::new(200, live("in-progress").to_string()), Answer::new(200, live("stopped").to_string())])
            .await;
    let call = CarrierCallId::new("CA1");
    let mut settings = settings();
    (settings.tracks, settings.partial_results) = (Tracks::Inbound, true);
    (settings.language, settings.engine) = (Some("sv-SE".to_owned()), Some(Engine::Deepgram));
    settings.hints = vec!["paket".to_owned(), "leverans".to_owned()];

    let begun = twilio.start(&call, &settings).await.unwrap();
    let ended = twilio.stop(&call, &begun.sid).await.unwrap();

    assert_eq!((begun.is_live, ended.is_live, begun.call), (true, false, Some(call)));
    let seen = emulator.seen();
    let path = format!("/2010-04-01/Accounts/{ACCOUNT}/Calls/CA1/Transcriptions");
    assert_eq!((&seen[0].target, &seen[1].target), (&format!("{path}.json"), &format!("{path}/{}.json", begun.sid)));
    let expected = [
        ("StatusCallbackUrl", "https://calls.example/words"),
        ("StatusCallbackMethod", "POST"),
        ("Track", "inbound_track"),
        ("PartialResults", "true"),
        ("LanguageCode", "sv-SE"),
        ("TranscriptionEngine", "deepgram"),
        ("Hints", "paket,leverans"),
    ];
    assert_eq!(seen[0].fields, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(field(&seen[1].fields, "Status"), ["stopped"]);
}

#[tokio::test]
async fn a_call_that_is_over_is_closed_and_doubt_is_not_repeated() {
    for (answer, kind) in [
        (Answer::error(400, 21220), ErrorKind::Closed),
        (Answer::error(404, 20404), ErrorKind::NotFound),
        (Answer::error(500, 20500), ErrorKind::UnknownOutcome),
        (Answer::new(200, r#"{"sid":"GT1"}"#), ErrorKind::UnknownOutcome),
    ] {
        let (twilio, emulator) = scripted([answer.clone()]).await;
        let error = twilio.start(&CarrierCallId::new("CA1"), &settings()).await.unwrap_err();
        assert_eq!((error.kind(), emulator.seen().len()), (kind, 1), "{answer:?}");
    }
    let (twilio, emulator) = scripted([]).await;
    let mut odd = settings();
    odd.report_url = "https://my_calls.example/w".parse().unwrap();
    assert_eq!(twilio.start(&CarrierCallId::new("CA1"), &odd).await.unwrap_err().field(), Some("report_url"));
    let elsewhere = CarrierCallId::new("../CA1");
    assert_eq!(twilio.start(&elsewhere, &settings()).await.unwrap_err().field(), Some("call"));
    assert!(emulator.seen().is_empty());
}

#[tokio::test]
async fn transcriptions_of_a_recording_are_read_and_deleted() {
    let known = |status: &str, price: serde_json::Value| json!({"sid": sid("TR", 2), "recording_sid": "RE1", "status": status, "transcription_text": "secret words", "duration": "7", "price": price, "price_unit": "USD", "date_created": "Fri, 20 Nov 2026 10:00:00 +0000"});
    let next = format!("/2010-04-01/Accounts/{ACCOUNT}/Recordings/RE1/Transcriptions.json?Page=1");
    let page = |entry: serde_json::Value, next: Option<&str>| {
        Answer::new(200, json!({"transcriptions": [entry], "next_page_uri": next}).to_string())
    };
    let (twilio, emulator) = scripted([
        page(known("completed", json!(-0.05)), Some(&next)),
        page(known("brand-new", json!("-0.05")), None),
        Answer::new(200, known("failed", json!(null)).to_string()),
        Answer::new(204, ""),
    ])
    .await;
    let found = twilio.of_recording(&recording()).await.unwrap();
    assert_eq!((found[0].status, found[0].text.as_deref()), (TranscriptionStatus::Completed, Some("secret words")));
    assert_eq!((found[0].duration, found[1].status), (Some(Duration::from_secs(7)), TranscriptionStatus::InProgress));
    assert_eq!(found[0].price, found[1].price, "a number, or a string that is one");
    assert!(!format!("{found:?}").contains("secret"));
    let transcription: RecordingTranscriptionSid = sid("TR", 2).parse().unwrap();
    assert_eq!(twilio.fetch(&transcription).await.unwrap().status, TranscriptionStatus::Failed);
    twilio.delete(&transcription).await.unwrap();
    assert_eq!(
        emulator.seen()[3].target,
        format!("/2010-04-01/Accounts/{ACCOUNT}/Transcriptions/{transcription}.json")
    );
    assert_eq!(twilio.of_recording(&RecordingId::new("../x")).await.unwrap_err().field(), Some("recording"));
}

#[tokio::test]
async fn a_transcript_is_ordered_and_its_sentences_are_read_page_by_page() {
    let transcript = |status: &str| json!({"sid": sid("GT", 3), "service_sid": sid("GA", 4), "status": status, "language_code": "en-US", "duration": 12, "redaction": true, "date_created": "2026-11-20T10:00:00Z"});
    let sentence = |index: u32, start: serde_json::Value| json!({"media_channel": 1, "sentence_index": index, "start_time": start, "end_time": "2.75", "transcript": "secret words", "confidence": "0.91", "words": null});
    let list = format!("/v2/Transcripts/{}/Sentences", sid("GT", 3));
    let next = format!("https://intelligence.twilio.com{list}?Redacted=true&PageSize=1000&Page=1&PageToken=PA1");
    let page = |key: &str, entry: serde_json::Value, next: Option<&str>| {
        Answer::new(200, json!({"meta": {"next_page_url": next}, key: [entry]}).to_string())
    };
    let (twilio, emulator) = scripted([
        Answer::new(202, transcript("queued").to_string()),
        page("transcripts", transcript("completed"), None),
        page("sentences", sentence(1, json!(1.5)), Some(&next)),
        page("sentences", sentence(0, json!("0.25")), None),
        Answer::new(204, ""),
    ])
    .await;
    let made = twilio.create_transcript(&sid("GA", 4).parse().unwrap(), &recording()).await.unwrap();
    assert_eq!(
        (made.status, made.duration, made.is_redacted),
        (TranscriptStatus::Queued, Some(Duration::from_secs(12)), true)
    );
    assert_eq!(twilio.transcripts_of(&recording()).await.unwrap()[0].status, TranscriptStatus::Completed);
    let sentences = twilio.sentences(&made.sid, true).await.unwrap();
    let times: Vec<_> = sentences.iter().map(|it| (it.index, it.start.unwrap().as_millis())).collect();
    assert_eq!(times, [(0, 250), (1, 1500)]);
    assert_eq!((sentences[0].channel, sentences[0].confidence), (1, Some(0.91)));
    assert!(!format!("{sentences:?}").contains("secret"));
    twilio.delete_transcript(&made.sid).await.unwrap();
    let seen = emulator.seen();
    assert_eq!(field(&seen[0].fields, "Channel"), [r#"{"media_properties":{"source_sid":"RE1"}}"#]);
    assert_eq!(seen[1].target, "/v2/Transcripts?SourceSid=RE1&PageSize=1000");
    assert_eq!(seen[2].target, format!("{list}?Redacted=true&PageSize=1000"));
    assert_eq!(seen[3].target, format!("{list}?Redacted=true&PageSize=1000&Page=1&PageToken=PA1"));
}

#[tokio::test]
async fn what_is_told_is_read_only_with_the_right_signature() {
    let (twilio, _emulator) = scripted([]).await;
    let sha = |body: &str| {
        use sha2::Digest as _;
        sha2::Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let told = |body: &str, token: &str| {
        let target = format!("/intelligence?bodySHA256={}", sha(body));
        let signature = sign(token, &format!("{PUBLIC_URL}{target}"), &[]);
        let headers = [("content-type", "application/json"), ("x-twilio-signature", signature.as_str())];
        let request =
            WebhookRequest { method: "POST", path_and_query: &target, headers: &headers, body: body.as_bytes() };
        twilio.transcript_webhook(&request)
    };
    let body = json!({"account_sid": ACCOUNT, "service_sid": sid("GA", 4), "transcript_sid": sid("GT", 3), "event_type": "voice_intelligence_transcript_available"}).to_string();
    assert_eq!(told(&body, TOKEN).unwrap().transcript, sid("GT", 3).parse::<TranscriptSid>().unwrap());
    assert_eq!(told(&body, "another token").unwrap_err().kind(), ErrorKind::Unauthenticated);
    assert_eq!(told("{}", TOKEN).unwrap_err().field(), Some("transcript_sid"));
    assert_eq!(told(&body.replace("available", "gone"), TOKEN).unwrap_err().field(), Some("event_type"));
    let fields = [
        ("CallSid", "CA1".to_owned()),
        ("TranscriptionSid", sid("GT", 1)),
        ("TranscriptionEvent", "transcription-stopped".to_owned()),
    ];
    let fields: Vec<(String, String)> = fields.map(|(name, value)| (name.to_owned(), value)).into();
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
    for (token, is_right) in [(TOKEN, true), ("another token", false)] {
        let signature = sign(token, &format!("{PUBLIC_URL}/words"), &fields);
        let headers =
            [("content-type", "application/x-www-form-urlencoded"), ("x-twilio-signature", signature.as_str())];
        let request =
            WebhookRequest { method: "POST", path_and_query: "/words", headers: &headers, body: body.as_bytes() };
        let event = twilio.webhook(&request);
        assert_eq!(event.is_ok(), is_right);
        if let Ok(event) = event {
            assert_eq!(event.transcription, sid("GT", 1).parse::<LiveTranscriptionSid>().unwrap());
        }
    }
    let huge = vec![b'x'; 256 * 1024 + 1];
    let request = WebhookRequest { method: "POST", path_and_query: "/words", headers: &[], body: &huge };
    assert_eq!(twilio.webhook(&request).unwrap_err().field(), Some("body"));
}
