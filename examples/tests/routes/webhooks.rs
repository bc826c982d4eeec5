//! Webhooks in our own form: signed, fresh, and read by nobody else.

use super::*;

/// A signature of ours, made `seconds` ago.
fn signature(body: &str, secret: &str, seconds: i64) -> String {
    let time = jiff::Timestamp::now().as_second() - seconds;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{time}.{body}").as_bytes());
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={time},v1={hex}")
}

async fn send(world: &World, path: &str, body: &Value, signature: &str) -> Response {
    let request = client().post(world.url(path)).header("x-voicecall-signature", signature);
    request.header("content-type", "application/json").body(body.to_string()).send().await.unwrap()
}

async fn tell(world: &World, path: &str, body: &Value, status: u16) -> Value {
    let signature = signature(&body.to_string(), WEBHOOK_SECRET, 0);
    answer(send(world, path, body, &signature).await, status).await
}

const TELEPHONY: &str = "/api/calls/webhooks/telephony";
const AI: &str = "/api/calls/webhooks/ai";

#[tokio::test]
async fn a_carrier_without_a_form_of_its_own_reports_in_ours() {
    let (mut world, metrics) = (World::start("happy").await, ReservedAddress::new());
    world.set("METRICS_LISTEN", metrics.address());
    let _server = world.serve().await;
    let ours = ours(&world);
    let session = world.initiate().await;
    let call = world.column("SELECT carrier_call FROM attempts").pop().unwrap();
    let event = |kind: &str, data: Value| json!({ "eventType": kind, "callId": call, "sessionId": session, "timestamp": "2026-01-01T00:00:00Z", "data": data });

    let again = tell(&world, TELEPHONY, &event("call_initiated", json!({})), 200).await;
    assert_eq!(again, json!({ "changed": false }), "it is known that it rings");
    let other = changed(&event("call_failed", json!({})), "callId", json!("CAother"));
    assert_eq!(tell(&world, TELEPHONY, &other, 409).await["details"]["field"], "callId");
    let busy = event("call_failed", json!({ "reason": "busy", "vendorCode": 17 }));
    assert_eq!(tell(&world, TELEPHONY, &busy, 200).await["changed"], true);
    assert_eq!(tell(&world, TELEPHONY, &busy, 200).await["changed"], false, "twice is once");
    assert_eq!(
        ends(metrics.address()).await,
        ["{reason=\"busy\",connected=\"false\"} 1"],
        "who watches the engine knows"
    );
    let mut recording = event("recording_available", json!({ "recordingUrl": "https://example.com/r.wav" }));
    recording["businessId"] = json!(SHOP);
    assert_eq!(tell(&world, TELEPHONY, &recording, 200).await["changed"], true);
    assert_eq!(tell(&world, TELEPHONY, &recording, 200).await["changed"], false, "replayed");

    let status = ours.get(&format!("/api/calls/{session}/status"), 200).await;
    assert_eq!((&status["status"], &status["endReason"]), (&json!("failed"), &json!("busy")));
    assert_eq!(status["recordingUrl"], "https://example.com/r.wav");
    for (field, value) in [
        ("eventType", json!("call_exploded")),
        ("callId", json!("")),
        ("sessionId", json!("x")),
        ("timestamp", Value::Null),
        ("data", json!([])),
        ("data.recordingUrl", json!("not an address")),
        ("data.recordingUrl", json!("javascript:alert(1)")),
        ("data.recordingUrl", json!("http://example.com/r.wav")),
        ("data.recordingUrl", Value::Null),
        ("colour", json!("red")),
    ] {
        let error = tell(&world, TELEPHONY, &changed(&recording, field, value), 400).await;
        assert_eq!(error["details"]["field"], field, "{error}");
    }
    tell(&world, TELEPHONY, &changed(&recording, "sessionId", json!(NOTHING)), 404).await;
    tell(&world, TELEPHONY, &changed(&recording, "businessId", json!(SILENT_SHOP)), 404).await;
}

#[tokio::test]
async fn an_ai_service_reports_and_its_words_are_not_kept() {
    let world = World::start("busy").await;
    let _server = world.serve().await;
    let ours = ours(&world);
    let session = world.initiate().await;
    let event = |kind: &str, data: Value| {
        json!({
            "eventType": kind, "sessionId": session, "businessId": SHOP, "timestamp": "2026-01-01T00:00:00Z", "data": data,
        })
    };

    let started = event("session_started", json!({ "aiSessionId": "sess_1" }));
    assert_eq!(tell(&world, AI, &started, 200).await["changed"], true);
    let response = event("response_generated", json!({ "responseId": "r1", "latencyMs": 640, "text": "SECRET WORDS" }));
    for is_news in [true, false, false, false] {
        assert_eq!(tell(&world, AI, &response, 200).await["changed"], is_news, "replayed");
    }
    assert_eq!(tell(&world, AI, &started, 200).await["changed"], false);
    tell(&world, AI, &event("error_occurred", json!({ "code": "overloaded" })), 200).await;
    assert_eq!(tell(&world, AI, &event("session_ended", json!({})), 200).await["changed"], false);

    let events = ours.get(&format!("/api/calls/{session}/events"), 200).await["events"].clone();
    let by_ai: Vec<_> = events.as_array().unwrap().iter().filter(|event| event["source"] == "ai").collect();
    let kinds: Vec<_> = by_ai.iter().map(|event| event["eventType"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["ai_connected", "response_received", "failed"]);
    assert_eq!(
        by_ai[1]["eventData"],
        json!({ "eventType": "response_generated", "responseId": "r1", "latencyMs": 640.0 })
    );
    assert_eq!(world.column("SELECT ai_session_id FROM survey_calls"), ["sess_1"]);
    for file in ["feedback.sqlite", "feedback.sqlite-wal"] {
        let bytes = std::fs::read(world.folder.path().join(file)).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&bytes).contains("SECRET WORDS"), "{file}");
    }
    assert_eq!(world.column("SELECT provider FROM provider_logs WHERE provider = 'ai'").len(), 4);

    for (field, value) in [
        ("eventType", json!("session_exploded")),
        ("sessionId", Value::Null),
        ("timestamp", json!(0)),
        ("data.aiSessionId", Value::Null),
        ("data.latencyMs", json!(-1)),
        ("colour", json!("red")),
    ] {
        let error = tell(&world, AI, &changed(&started, field, value), 400).await;
        assert_eq!(error["details"]["field"], field, "{error}");
    }
    tell(&world, AI, &changed(&started, "sessionId", json!(NOTHING)), 404).await;
}

#[tokio::test]
async fn only_a_fresh_signature_of_the_very_body_opens_a_webhook() {
    let world = World::start("happy").await;
    let _server = world.serve().await;
    let body = json!({ "eventType": "session_ended", "sessionId": NOTHING, "timestamp": "2026-01-01T00:00:00Z" });
    let text = body.to_string();
    for path in [TELEPHONY, AI] {
        for wrong in [
            String::new(),
            "t=1,v1=00".to_owned(),
            signature(&text, "another secret of sufficient length", 0),
            signature(&text, WEBHOOK_SECRET, 400),
            signature(&text, WEBHOOK_SECRET, -400),
            signature(&format!("{text} "), WEBHOOK_SECRET, 0),
        ] {
            let error = answer(send(&world, path, &body, &wrong).await, 401).await;
            assert_eq!(error["details"]["field"], "x-voicecall-signature", "{error}");
        }
        let token = signed_token(&[SHOP], 60);
        let request = client().post(world.url(path)).bearer_auth(token).json(&body);
        assert_eq!(request.send().await.unwrap().status(), 401, "a token is no signature");
    }
    assert_eq!(
        send(&world, AI, &body, &signature(&text, WEBHOOK_SECRET, 200)).await.status(),
        404,
        "signed, not known"
    );
}
