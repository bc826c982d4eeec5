//! What goes to Twilio's REST interface, and what its answers mean.
#![allow(clippy::unwrap_used, reason = "a test that meets an unexpected error should stop there")]

mod conversations;
mod media;
mod messages;
mod numbers;
mod recordings;
#[path = "../support/mod.rs"]
mod support;
mod transcriptions;

use std::time::Duration;

use support::{ACCOUNT, Answer, Emulator, builder, call_json};
use voicecall_core::carrier::{
    CallFlow, CallQuery, CallStatus, FindCalls, MachineDetection, PageToken, PlaceCall, RecordCall, VoiceBackend,
};
use voicecall_core::{CarrierCallId, ConsentToken, ErrorKind, SessionId};
use voicecall_twilio::{ConnectionOverrides, TwilioVoice};

fn order() -> PlaceCall {
    let mut order = PlaceCall::new(
        "+46701234567".parse().unwrap(),
        "+15005550006".parse().unwrap(),
        "https://calls.example/answer/7".parse().unwrap(),
        "https://calls.example/status/7".parse().unwrap(),
    );
    order.ring_timeout = Duration::from_secs(25);
    order.time_limit = Duration::from_millis(135_900);
    order
}

fn consent() -> ConsentToken {
    ConsentToken::operator_declares_legal_basis(SessionId::new())
}

fn query() -> FindCalls {
    let PlaceCall { to, from, .. } = order();
    FindCalls { to, from, since: "2026-11-20T10:00:00.7Z".parse().unwrap() }
}

fn call() -> CarrierCallId {
    CarrierCallId::new("CA1")
}

async fn scripted(answers: impl IntoIterator<Item = Answer>) -> (TwilioVoice, Emulator) {
    let (emulator, address) = Emulator::start(answers).await;
    (builder(address).build().unwrap(), emulator)
}

fn field<'a>(fields: &'a [(String, String)], name: &str) -> Vec<&'a str> {
    fields.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
}

#[tokio::test]
async fn placing_sends_one_complete_order() {
    let (twilio, emulator) = scripted([Answer::call(201, "queued")]).await;

    let placed = twilio.place(&order()).await.unwrap();

    assert_eq!((placed.id, placed.status), (call(), CallStatus::Queued));
    assert_eq!(placed.created_at.unwrap().to_string(), "2026-11-20T10:00:00Z");
    let [seen] = &emulator.seen()[..] else { panic!("one request") };
    assert_eq!(seen.method, "POST");
    assert_eq!(seen.target, format!("/2010-04-01/Accounts/{ACCOUNT}/Calls.json"));
    assert_eq!(seen.authorization, "Basic QUMwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjoxMjM0NQ==");
    assert_eq!(seen.content_type, "application/x-www-form-urlencoded");
    let expected = [
        ("To", vec!["+46701234567"]),
        ("From", vec!["+15005550006"]),
        ("Url", vec!["https://calls.example/answer/7"]),
        ("Method", vec!["POST"]),
        ("StatusCallback", vec!["https://calls.example/status/7"]),
        ("StatusCallbackMethod", vec!["POST"]),
        ("StatusCallbackEvent", vec!["initiated", "ringing", "answered", "completed"]),
        ("Timeout", vec!["25"]),
        ("TimeLimit", vec!["135"]),
    ];
    for (name, values) in &expected {
        assert_eq!(&field(&seen.fields, name), values, "{name}");
    }
    assert_eq!(seen.fields.len(), 12, "nothing else: {:?}", seen.fields);
}

#[tokio::test]
async fn an_api_key_signs_in_and_the_account_stays_in_the_path() {
    let (emulator, address) = Emulator::start([Answer::call(201, "queued"), Answer::new(200, r#"{"calls":[]}"#)]).await;
    let key = format!("SK{}", "0".repeat(32));
    let twilio = builder(address).api_key(&key, "key-secret").build().unwrap();

    twilio.place(&order()).await.unwrap();
    twilio.health().await.unwrap();

    let seen = emulator.seen();
    assert_eq!(seen[0].authorization, "Basic U0swMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDprZXktc2VjcmV0");
    assert!(seen[0].target.contains(ACCOUNT));
    assert_eq!(seen[1].target, format!("/2010-04-01/Accounts/{ACCOUNT}/Calls.json?PageSize=1"));
}

#[tokio::test]
async fn overrides_travel_in_the_fragments() {
    let (emulator, address) = Emulator::start([Answer::call(201, "queued")]).await;
    let twilio = builder(address).connection_overrides(ConnectionOverrides::new().retries(3)).build().unwrap();

    twilio.place(&order()).await.unwrap();

    let fields = &emulator.seen()[0].fields;
    assert_eq!(field(fields, "Url"), ["https://calls.example/answer/7#rc=3"]);
    assert_eq!(field(fields, "StatusCallback"), ["https://calls.example/status/7#rc=3"]);
}

#[tokio::test]
async fn an_order_twilio_would_refuse_is_not_sent() {
    let (twilio, emulator) = scripted([]).await;
    let odd: url::Url = "https://my_calls.example/s".parse().unwrap();
    let detection = |change: fn(&mut MachineDetection)| {
        let mut detection = MachineDetection::before_instructions();
        change(&mut detection);
        Some(detection)
    };
    type Change<'a> = &'a dyn Fn(&mut PlaceCall);
    let wrong: [(Change<'_>, &str); 11] = [
        (&|order| order.ring_timeout = Duration::from_millis(999), "ring_timeout"),
        (&|order| order.ring_timeout = Duration::from_secs(601), "ring_timeout"),
        (&|order| order.time_limit = Duration::ZERO, "time_limit"),
        (&|order| order.status_url = odd.clone(), "status_url"),
        (&|order| order.fallback_url = Some(odd.clone()), "fallback_url"),
        (&|order| order.reason = Some("x".repeat(51)), "reason"),
        (
            &|order| order.machine_detection = detection(|it| it.timeout = Duration::from_secs(60)),
            "machine_detection.timeout",
        ),
        (
            &|order| order.machine_detection = detection(|it| it.silence_timeout = Some(Duration::ZERO)),
            "machine_detection",
        ),
        (
            &|order| order.machine_detection = Some(MachineDetection::in_background(odd.clone())),
            "machine_detection.report_url",
        ),
        (
            &|order| {
                let mut record = RecordCall::new(consent());
                record.status_url = Some(odd.clone());
                order.record = Some(record);
            },
            "recording.status_url",
        ),
        (
            &|order| {
                order.digits = Some("1".parse().unwrap());
                order.machine_detection = Some(MachineDetection::before_instructions());
            },
            "digits",
        ),
    ];
    for (change, name) in wrong {
        let mut order = order();
        change(&mut order);
        let error = twilio.place(&order).await.unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Invalid, Some(name)));
    }
    assert!(emulator.seen().is_empty());
}

#[tokio::test]
async fn a_refused_order_was_not_placed_and_is_not_sent_again() {
    let refusals = [
        (Answer::error(401, 20003), ErrorKind::Unauthenticated),
        (Answer::error(404, 20404), ErrorKind::NotFound),
        (Answer::error(400, 21211), ErrorKind::Invalid),
        (Answer::error(400, 21215), ErrorKind::Rejected),
        (Answer::new(400, "not json"), ErrorKind::Rejected),
    ];
    for (answer, kind) in refusals {
        let (twilio, emulator) = scripted([answer]).await;
        let error = twilio.place(&order()).await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(!format!("{error:?}").contains("4670123"), "{error:?}");
        assert_eq!(emulator.seen().len(), 1);
    }
}

#[tokio::test]
async fn an_order_answered_with_trouble_is_in_doubt_and_not_sent_again() {
    let doubtful = [
        Answer::error(500, 20500),
        Answer::new(502, ""),
        Answer::new(503, "").header("Retry-After", "0"),
        Answer::new(307, "").header("Location", "/elsewhere"),
        Answer::new(201, "not json"),
        Answer::new(201, r#"{"sid":"../x","status":"queued"}"#),
    ];
    for answer in doubtful {
        let (twilio, emulator) = scripted([answer.clone()]).await;
        let error = twilio.place(&order()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownOutcome, "{answer:?}");
        assert!(!error.is_retryable());
        assert_eq!(emulator.seen().len(), 1, "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn too_many_requests_are_repeated_after_growing_waits() {
    let limited = Answer::error(429, 20429);
    let answers = [limited.clone(), limited.clone(), limited, Answer::call(201, "queued")];
    let (twilio, emulator) = scripted(answers).await;
    let started = tokio::time::Instant::now();

    twilio.place(&order()).await.unwrap();

    assert_eq!(emulator.seen().len(), 4);
    let waited = started.elapsed();
    assert!((Duration::from_millis(620)..Duration::from_millis(780)).contains(&waited), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn the_wait_twilio_asks_for_is_kept() {
    let answers = [Answer::error(429, 20429).header("Retry-After", "3"), Answer::call(201, "queued")];
    let (twilio, emulator) = scripted(answers).await;
    let started = tokio::time::Instant::now();

    twilio.place(&order()).await.unwrap();

    assert_eq!(emulator.seen().len(), 2);
    assert!(started.elapsed() >= Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_patience_is_handed_to_the_caller() {
    let (twilio, emulator) = scripted([Answer::error(429, 20429).header("Retry-After", "60")]).await;
    let started = tokio::time::Instant::now();

    let error = twilio.place(&order()).await.unwrap_err();

    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimited, Some(Duration::from_secs(60))));
    assert_eq!(emulator.seen().len(), 1);
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn patience_ends_after_four_repetitions() {
    let (twilio, emulator) = scripted(vec![Answer::new(429, ""); 9]).await;
    assert_eq!(twilio.fetch(&call()).await.unwrap_err().kind(), ErrorKind::RateLimited);
    assert_eq!(emulator.seen().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn doubt_after_a_repetition_ends_the_repeating() {
    let (twilio, emulator) = scripted([Answer::new(429, ""), Answer::new(500, ""), Answer::call(201, "queued")]).await;
    assert_eq!(twilio.place(&order()).await.unwrap_err().kind(), ErrorKind::UnknownOutcome);
    assert_eq!(emulator.seen().len(), 2);
}

#[tokio::test]
async fn fetching_reads_one_call() {
    let (twilio, emulator) = scripted([Answer::call(200, "completed")]).await;

    let fetched = twilio.fetch(&call()).await.unwrap();

    assert_eq!((fetched.status, fetched.duration), (CallStatus::Completed, Some(Duration::from_secs(12))));
    let seen = &emulator.seen()[0];
    assert_eq!(
        (seen.method.as_str(), &*seen.target),
        ("GET", &*format!("/2010-04-01/Accounts/{ACCOUNT}/Calls/CA1.json"))
    );
}

#[tokio::test]
async fn fetching_reports_what_went_wrong() {
    let failures = [
        (Answer::error(404, 20404), ErrorKind::NotFound),
        (Answer::error(401, 20003), ErrorKind::Unauthenticated),
        (Answer::new(500, ""), ErrorKind::Unavailable),
        (Answer::new(200, "not json"), ErrorKind::Protocol),
    ];
    for (answer, kind) in failures {
        let (twilio, _) = scripted([answer]).await;
        assert_eq!(twilio.fetch(&call()).await.unwrap_err().kind(), kind);
    }
}

#[tokio::test]
async fn an_id_that_would_leave_its_path_is_not_sent() {
    let (twilio, emulator) = scripted([]).await;
    for id in ["", "..", "CA1/../../x", "CA1.json?x=1", "CA1#x"] {
        let id = CarrierCallId::new(id);
        assert_eq!(twilio.fetch(&id).await.unwrap_err().field(), Some("call"));
        assert_eq!(twilio.hang_up(&id).await.unwrap_err().field(), Some("call"));
        assert_eq!(twilio.update_call(&id, &CallFlow::hang_up()).await.unwrap_err().field(), Some("call"));
    }
    assert!(emulator.seen().is_empty());
}

#[tokio::test]
async fn finding_reads_all_pages_and_sorts_the_newest_first() {
    let page = |calls: &[String], next: &str| {
        Answer::new(200, format!(r#"{{"calls":[{}],"next_page_uri":{next}}}"#, calls.join(",")))
    };
    let next = format!("/2010-04-01/Accounts/{ACCOUNT}/Calls.json?To=x&Page=1&PageToken=PA1");
    let (twilio, emulator) = scripted([
        page(
            &[
                call_json("CAold", "completed", "Fri, 20 Nov 2026 09:59:59 +0000"),
                call_json("CAsame", "queued", "Fri, 20 Nov 2026 10:00:00 +0000"),
            ],
            &format!("\"{next}\""),
        ),
        page(
            &[call_json("CAnew", "ringing", "Fri, 20 Nov 2026 10:00:09 +0000"), call_json("CAundated", "queued", "")],
            "null",
        ),
    ])
    .await;

    let found = twilio.find(&query()).await.unwrap();

    let ids: Vec<_> = found.iter().map(|call| call.id.as_str()).collect();
    assert_eq!(ids, ["CAnew", "CAsame", "CAundated"]);
    let seen = emulator.seen();
    assert_eq!(
        seen[0].target,
        format!("/2010-04-01/Accounts/{ACCOUNT}/Calls.json?To=%2B46701234567&From=%2B15005550006&PageSize=200")
    );
    assert_eq!(seen[1].target, next);
}

#[tokio::test]
async fn a_page_elsewhere_does_not_get_the_credentials() {
    let (elsewhere, address) = Emulator::start([Answer::new(200, r#"{"calls":[]}"#)]).await;
    let page = format!(r#"{{"calls":[],"next_page_uri":"http://{address}/x"}}"#);
    let (twilio, _) = scripted([Answer::new(200, page)]).await;
    assert_eq!(twilio.find(&query()).await.unwrap_err().kind(), ErrorKind::Protocol);
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn pages_without_end_are_an_error_and_not_an_empty_result() {
    let page = Answer::new(200, r#"{"calls":[],"next_page_uri":"/2010-04-01/again"}"#);
    let (twilio, emulator) = scripted(vec![page; 60]).await;
    assert!(twilio.find(&query()).await.is_err());
    assert_eq!(emulator.seen().len(), 50);
}

#[tokio::test]
async fn hanging_up_completes_the_call() {
    let (twilio, emulator) = scripted([Answer::call(200, "completed")]).await;
    twilio.hang_up(&call()).await.unwrap();
    let seen = &emulator.seen()[0];
    assert_eq!(seen.target, format!("/2010-04-01/Accounts/{ACCOUNT}/Calls/CA1.json"));
    assert_eq!(seen.fields, [("Status".to_owned(), "completed".to_owned())]);
}

#[tokio::test]
async fn hanging_up_an_ended_or_unknown_call_succeeds() {
    for answer in [Answer::error(404, 20404), Answer::new(404, ""), Answer::error(400, 21220)] {
        let (twilio, _) = scripted([answer]).await;
        twilio.hang_up(&call()).await.unwrap();
    }
    let (twilio, _) = scripted([Answer::new(500, "")]).await;
    assert_eq!(twilio.hang_up(&call()).await.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn steering_sends_the_new_instructions() {
    let (twilio, emulator) = scripted([Answer::call(200, "in-progress"), Answer::error(400, 21220)]).await;
    twilio.update_call(&call(), &CallFlow::farewell("Hej då!", "sv-SE")).await.unwrap();
    let twiml = r#"<?xml version="1.0" encoding="UTF-8"?><Response><Say language="sv-SE">Hej då!</Say><Hangup></Hangup></Response>"#;
    assert_eq!(emulator.seen()[0].fields, [("Twiml".to_owned(), twiml.to_owned())]);

    let ended = twilio.update_call(&call(), &CallFlow::hang_up()).await.unwrap_err();
    assert_eq!(ended.kind(), ErrorKind::Closed);

    let long = twilio.update_call(&call(), &CallFlow::farewell("x".repeat(4000), "sv-SE")).await.unwrap_err();
    assert_eq!(long.field(), Some("flow"));
    assert_eq!(emulator.seen().len(), 2);
}

#[tokio::test]
async fn health_asks_for_the_account() {
    let (twilio, emulator) = scripted([
        Answer::new(200, r#"{"status":"active"}"#),
        Answer::new(200, r#"{"status":"suspended"}"#),
        Answer::error(401, 20003),
    ])
    .await;
    twilio.health().await.unwrap();
    assert_eq!(emulator.seen()[0].target, format!("/2010-04-01/Accounts/{ACCOUNT}.json"));
    assert_eq!(twilio.health().await.unwrap_err().kind(), ErrorKind::Forbidden);
    assert_eq!(twilio.health().await.unwrap_err().kind(), ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn an_order_with_everything_says_everything_and_every_address_carries_the_overrides() {
    let (emulator, address) = Emulator::start([Answer::call(201, "queued")]).await;
    let twilio = builder(address).connection_overrides(ConnectionOverrides::new().retries(3)).build().unwrap();
    let mut order = order();
    order.fallback_url = Some("https://calls.example/fallback".parse().unwrap());
    let mut detection = MachineDetection::in_background("https://calls.example/amd".parse().unwrap()).after_greeting();
    detection.speech_threshold = Some(Duration::from_millis(2000));
    detection.speech_end_threshold = Some(Duration::from_millis(900));
    detection.silence_timeout = Some(Duration::from_millis(4000));
    order.machine_detection = Some(detection);
    let mut record = RecordCall::new(consent());
    record.status_url = Some("https://calls.example/recorded".parse().unwrap());
    order.record = Some(record);
    order.reason = Some("Your visit".to_owned());

    twilio.place(&order).await.unwrap();

    let fields = &emulator.seen()[0].fields;
    let expected = [
        ("FallbackUrl", "https://calls.example/fallback#rc=3"),
        ("FallbackMethod", "POST"),
        ("MachineDetection", "DetectMessageEnd"),
        ("MachineDetectionTimeout", "30"),
        ("MachineDetectionSpeechThreshold", "2000"),
        ("MachineDetectionSpeechEndThreshold", "900"),
        ("MachineDetectionSilenceTimeout", "4000"),
        ("AsyncAmd", "true"),
        ("AsyncAmdStatusCallback", "https://calls.example/amd#rc=3"),
        ("AsyncAmdStatusCallbackMethod", "POST"),
        ("Record", "true"),
        ("RecordingChannels", "dual"),
        ("RecordingTrack", "both"),
        ("Trim", "do-not-trim"),
        ("RecordingStatusCallback", "https://calls.example/recorded#rc=3"),
        ("RecordingStatusCallbackMethod", "POST"),
        ("RecordingStatusCallbackEvent", "in-progress completed absent"),
        ("CallReason", "Your visit"),
    ];
    for (name, value) in expected {
        assert_eq!(field(fields, name), [value], "{name}");
    }
    assert_eq!(fields.len(), 12 + expected.len(), "nothing else: {fields:?}");
}

#[tokio::test]
async fn a_page_is_asked_for_by_filters_and_the_next_by_its_token() {
    let next = format!("/2010-04-01/Accounts/{ACCOUNT}/Calls.json?Status=completed&PageSize=2&Page=1&PageToken=PA1");
    let first = format!(
        r#"{{"calls":[{}],"next_page_uri":"{next}"}}"#,
        call_json("CA1", "completed", "Fri, 20 Nov 2026 10:00:00 +0000")
    );
    let (twilio, emulator) = scripted([Answer::new(200, first), Answer::new(200, r#"{"calls":[]}"#)]).await;
    let mut query = CallQuery::new();
    query.status = Some(CallStatus::Completed);
    query.started_after = Some("2026-11-20T10:00:00.7Z".parse().unwrap());
    query.page_size = 2;

    let page = twilio.list(&query).await.unwrap();
    query.page = page.next.clone();
    let last = twilio.list(&query).await.unwrap();

    assert_eq!((page.calls.len(), last.calls.len(), last.next), (1, 0, None));
    let seen = emulator.seen();
    assert_eq!(
        seen[0].target,
        format!(
            "/2010-04-01/Accounts/{ACCOUNT}/Calls.json?Status=completed&StartTime%3E=2026-11-20T10%3A00%3A00Z&PageSize=2"
        )
    );
    assert_eq!(seen[1].target, next);
}

#[tokio::test]
async fn a_page_that_is_not_of_this_accounts_calls_is_not_asked_for() {
    let (twilio, emulator) = scripted([]).await;
    let other = format!("/2010-04-01/Accounts/AC{}/Calls.json?Page=1", "0".repeat(32));
    for token in ["", "https://elsewhere.example/", "//elsewhere.example/x", &other, "/2010-04-01/../x?"] {
        let mut query = CallQuery::new();
        query.page = Some(PageToken::new(token));
        assert_eq!(twilio.list(&query).await.unwrap_err().field(), Some("page"), "{token}");
    }
    assert!(emulator.seen().is_empty());
}

#[tokio::test]
async fn pressing_keys_gives_the_call_new_steps() {
    let (twilio, emulator) = scripted([Answer::call(200, "in-progress")]).await;
    twilio.press(&call(), &"1W2".parse().unwrap(), &CallFlow::hang_up()).await.unwrap();
    let twiml = &emulator.seen()[0].fields[0].1;
    assert!(twiml.ends_with(r#"<Response><Play digits="1ww2"></Play><Hangup></Hangup></Response>"#), "{twiml}");
}
