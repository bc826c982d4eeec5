//! Every route of the HTTP interface: what it does, and by which name it refuses what is wrong.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

mod support;

use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use sha2::Sha256;
use support::world::{
    PENDING, PENDING_PHONE, PHONE, SHOP, SILENT_SHOP, VERIFIED, WEBHOOK_SECRET, World, free_address, signed_token,
};
use support::{client, json as answer};

/// Some id that belongs to nothing.
const NOTHING: &str = "0192f0c0-0000-7000-8000-0000000000ff";

/// Longer than a whole call lasts on a busy machine.
const WHOLE_CALL: std::time::Duration = std::time::Duration::from_secs(120);

/// A server, and who asks it.
struct Client<'a> {
    world: &'a World,
    token: String,
}

impl Client<'_> {
    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Response {
        let mut request = client().request(method, self.world.url(path)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().await.unwrap()
    }

    async fn get(&self, path: &str, status: u16) -> Value {
        answer(self.ask(Method::GET, path, None).await, status).await
    }

    async fn post(&self, path: &str, body: &Value, status: u16) -> Value {
        answer(self.ask(Method::POST, path, Some(body)).await, status).await
    }

    async fn put(&self, path: &str, body: &Value, status: u16) -> Value {
        answer(self.ask(Method::PUT, path, Some(body)).await, status).await
    }

    async fn patch(&self, path: &str, body: &Value, status: u16) -> Value {
        answer(self.ask(Method::PATCH, path, Some(body)).await, status).await
    }

    /// Each change of a good body is refused with 400 and by its name.
    async fn refuses(&self, method: Method, path: &str, good: &Value, changes: &[(&str, Value)]) {
        for (field, value) in changes {
            let body = changed(good, field, value.clone());
            let error = answer(self.ask(method.clone(), path, Some(&body)).await, 400).await;
            assert_eq!(error["code"], "invalid", "{error}");
            assert_eq!(error["details"]["field"], *field, "{body}: {error}");
        }
    }

    /// Each query is refused with 400 and by the name of its parameter.
    async fn refuses_query(&self, path: &str, queries: &[(&str, &str)]) {
        for (query, field) in queries {
            let error = self.get(&format!("{path}?{query}"), 400).await;
            assert_eq!(error["details"]["field"], *field, "{query}: {error}");
        }
    }
}

fn ours(world: &World) -> Client<'_> {
    Client { world, token: signed_token(&[SHOP], 60) }
}

fn theirs(world: &World) -> Client<'_> {
    Client { world, token: signed_token(&[SILENT_SHOP], 60) }
}

/// How many sessions the metrics say have ended.
async fn ends(metrics: std::net::SocketAddr) -> Vec<String> {
    let scraped = client().get(format!("http://{metrics}/metrics")).send().await.unwrap().text().await.unwrap();
    let lines = scraped.lines().filter_map(|line| line.strip_prefix("voicecall_calls_ended_total"));
    lines.map(ToOwned::to_owned).collect()
}

/// The same object with another value at a path such as `data.recordingUrl` or `responses[0].askedAt`; without it for
/// null.
fn changed(good: &Value, path: &str, value: Value) -> Value {
    let mut body = good.clone();
    let pointer = format!("/{}", path.replace(['.', '['], "/").replace(']', ""));
    match body.pointer_mut(&pointer) {
        Some(place) if !value.is_null() => *place = value,
        _ => {
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            let parent = body.pointer_mut(parent).unwrap().as_object_mut().unwrap();
            if value.is_null() {
                parent.remove(name)
            } else {
                parent.insert(name.to_owned(), value)
            };
        }
    }
    body
}

#[tokio::test]
async fn questions_are_added_replaced_and_switched_off() {
    let world = World::start("happy").await;
    let _server = world.serve().await;
    let (ours, theirs) = (ours(&world), theirs(&world));
    let good = json!({
        "businessId": SHOP, "questionText": "Hur var kaffet idag?", "frequency": 3, "priority": "high",
    });
    const ALL: &str = "/api/questions/configurations";
    let list = format!("{ALL}?businessId={SHOP}");

    let made = ours.post(ALL, &good, 201).await;
    assert_eq!(made["departmentTags"], json!(["general"]));
    assert_eq!((&made["maxResponseTime"], &made["isActive"]), (&json!(30), &json!(true)));
    assert_eq!(made["followUpPrompts"], json!([]));
    let page = ours.get(&format!("{list}&limit=1&page=6"), 200).await;
    assert_eq!(page["configurations"], json!([made]), "the sixth and last");
    assert_eq!(page["pagination"], json!({ "page": 6, "perPage": 1, "total": 6, "hasNext": false }));
    assert_eq!(ours.get(&format!("{list}&limit=5"), 200).await["pagination"]["hasNext"], true);

    let path = format!("{ALL}/{}", made["id"].as_str().unwrap());
    let mut other = changed(&good, "questionText", json!("Hur var kaffet igår?"));
    for (field, value) in [
        ("departmentTags", json!(["kaffe"])),
        ("activeFrom", json!("2026-01-01T00:00:00Z")),
        ("activeUntil", json!("2026-01-01T00:00:00Z")),
        ("maxResponseTime", json!(60)),
        ("followUpPrompts", json!(["Varför?"])),
    ] {
        other[field] = value;
    }
    let replaced = ours.put(&path, &other, 200).await;
    for field in other.as_object().unwrap().keys() {
        assert_eq!(replaced[field], other[field], "{field}");
    }
    assert_eq!((&replaced["id"], &replaced["createdAt"]), (&made["id"], &made["createdAt"]));

    assert_eq!(ours.ask(Method::DELETE, &path, None).await.status(), 204);
    assert_eq!(ours.get(&list, 200).await["pagination"]["total"], 5);
    let all = ours.get(&format!("{list}&active=false"), 200).await;
    assert_eq!(all["configurations"][5]["isActive"], false);

    let wrong = [
        ("businessId", Value::Null),
        ("businessId", json!("x")),
        ("questionText", Value::Null),
        ("questionText", json!("för kort!")),
        ("questionText", json!("å".repeat(501))),
        ("frequency", Value::Null),
        ("frequency", json!(0)),
        ("frequency", json!(101)),
        ("frequency", json!(1.5)),
        ("priority", Value::Null),
        ("priority", json!("normal")),
        ("departmentTags", json!([])),
        ("departmentTags", json!("kaffe")),
        ("departmentTags[0]", json!(" ")),
        ("activeFrom", json!("yesterday")),
        ("activeUntil", json!("2025-01-01T00:00:00Z")),
        ("maxResponseTime", json!(9)),
        ("maxResponseTime", json!(61)),
        ("followUpPrompts[0]", json!(1)),
        ("isActive", json!("no")),
        ("colour", json!("red")),
    ];
    let whole = changed(&other, "isActive", json!(true));
    ours.refuses(Method::POST, ALL, &whole, &wrong).await;
    ours.refuses(Method::PUT, &path, &whole, &wrong).await;
    ours.refuses_query(ALL, &[("", "businessId"), ("businessId=x", "businessId"), ("colour=red", "colour")]).await;
    ours.refuses_query(
        ALL,
        &[(&*format!("businessId={SHOP}&active=1"), "active"), (&*format!("businessId={SHOP}&limit=0"), "limit")],
    )
    .await;

    assert_eq!(theirs.post(ALL, &good, 403).await["details"]["field"], "businessId");
    assert_eq!(theirs.get(&list, 403).await["code"], "forbidden");
    theirs.put(&path, &good, 403).await;
    theirs.put(&path, &changed(&good, "businessId", json!(SILENT_SHOP)), 404).await;
    assert_eq!(theirs.ask(Method::DELETE, &path, None).await.status(), 404);
    for unknown in [NOTHING, "x"] {
        let path = format!("{ALL}/{unknown}");
        assert_eq!(ours.put(&path, &good, 404).await["details"]["field"], "questionId");
        assert_eq!(ours.ask(Method::DELETE, &path, None).await.status(), 404);
    }
}

#[tokio::test]
async fn a_selection_explains_itself_and_only_a_posted_one_is_kept() {
    let world = World::start("happy").await;
    let _server = world.serve().await;
    let (ours, theirs) = (ours(&world), theirs(&world));
    const SELECT: &str = "/api/questions/select";
    let kept = format!("/api/questions/selections?businessId={SHOP}");
    let good = json!({
        "businessId": SHOP, "customerCount": 7, "timeBudgetSeconds": 90, "customerContext": { "tags": ["personal"] },
    });

    let query = format!("{SELECT}?businessId={SHOP}&customerCount=7&tags=personal");
    let preview = ours.get(&query, 200).await;
    assert_eq!(ours.get(&kept, 200).await["selections"], json!([]), "a preview is not kept");
    let selected = ours.post(SELECT, &good, 200).await;

    assert_eq!(preview, selected);
    let texts: Vec<_> =
        selected["selectedQuestions"].as_array().unwrap().iter().map(|question| &question["questionText"]).collect();
    assert_eq!(texts, ["Hur nöjd är du med ditt senaste besök?", "Hur var bemötandet från personalen?"]);
    assert!(selected["estimatedDuration"].as_f64().unwrap() <= 90.0);
    let considered = selected["selectionCriteria"]["considered"].as_array().unwrap();
    assert_eq!(considered.len(), 5);
    assert!(considered.iter().all(|one| one["sentence"].as_str().is_some_and(|text| text.ends_with('.'))));
    let log = &ours.get(&kept, 200).await["selections"][0];
    assert_eq!(log["customerCount"], 7);
    assert_eq!(log["selectedQuestions"].as_array().unwrap().len(), 2);
    assert_eq!(log["selectionCriteria"]["contextTags"], json!(["personal"]));

    ours.refuses(
        Method::POST,
        SELECT,
        &good,
        &[
            ("businessId", Value::Null),
            ("customerCount", Value::Null),
            ("customerCount", json!(0)),
            ("customerCount", json!("7")),
            ("timeBudgetSeconds", json!(59)),
            ("timeBudgetSeconds", json!(121)),
            ("customerContext", json!([])),
            ("customerContext.tags", json!("personal")),
            ("customerContext.name", json!("Eva")),
            ("colour", json!("red")),
        ],
    )
    .await;
    for (query, field) in [
        ("customerCount=0", "customerCount"),
        ("customerCount=7&timeBudgetSeconds=59", "timeBudgetSeconds"),
        ("customerCount=7&colour=red", "colour"),
        ("", "customerCount"),
    ] {
        ours.refuses_query(SELECT, &[(&*format!("businessId={SHOP}&{query}"), field)]).await;
    }
    ours.refuses_query("/api/questions/selections", &[("", "businessId"), ("page=1", "page")]).await;
    theirs.post(SELECT, &good, 403).await;
    theirs.get(&query, 403).await;
    theirs.get(&kept, 403).await;
}

#[tokio::test]
async fn a_business_says_how_it_wants_to_call() {
    let world = World::start("happy").await;
    let _server = world.serve().await;
    let (ours, theirs) = (ours(&world), theirs(&world));
    let path = format!("/api/businesses/{SHOP}");

    let before = ours.get(&path, 200).await;
    assert_eq!(before["storeInfo"]["name"], "Kaffebutiken");
    assert_eq!(before["callPreferences"]["fromHour"], "00:00", "as the seed says");
    assert_eq!(ours.put(&path, &before, 200).await, before, "what is read can be written");
    let good = json!({
        "businessId": SHOP,
        "storeInfo": { "name": "Kaffe & Te" },
        "questionSettings": { "timeBudgetSeconds": 75 },
        "callPreferences": {
            "fromHour": "10:30", "untilHour": "18:00", "timeZone": "Europe/Helsinki", "voice": "Astrid", "language": "sv",
            "maxAttempts": 2, "voicemail": "leave_message", "voicemailMessage": "Vi ringer igen.",
        },
    });
    assert_eq!(ours.put(&path, &good, 200).await, good);
    assert_eq!(ours.get(&path, 200).await, good);
    let least = ours.put(&path, &json!({ "storeInfo": { "name": "Kaffe" } }), 200).await;
    let usual = json!({
        "fromHour": "08:00", "untilHour": "21:00", "timeZone": "Europe/Stockholm", "language": "sv", "maxAttempts": 3,
        "voicemail": "hang_up",
    });
    assert_eq!(least["callPreferences"], usual, "what is not said is as for a new shop");

    ours.refuses(
        Method::PUT,
        &path,
        &good,
        &[
            ("businessId", json!(SILENT_SHOP)),
            ("storeInfo", Value::Null),
            ("storeInfo", json!(["Kaffe"])),
            ("storeInfo.name", Value::Null),
            ("storeInfo.name", json!(" ")),
            ("storeInfo.street", json!("Storgatan")),
            ("questionSettings.timeBudgetSeconds", json!(59)),
            ("questionSettings.timeBudgetSeconds", json!(121)),
            ("callPreferences.fromHour", json!("8:00")),
            ("callPreferences.untilHour", json!("24:00")),
            ("callPreferences.untilHour", json!("10:30")),
            ("callPreferences.timeZone", json!("Europe/Atlantis")),
            ("callPreferences.voice", json!("")),
            ("callPreferences.language", json!("swe")),
            ("callPreferences.maxAttempts", json!(0)),
            ("callPreferences.maxAttempts", json!(11)),
            ("callPreferences.voicemail", json!("record")),
            ("callPreferences.voicemailMessage", json!("")),
            ("callPreferences.voicemailMessage", json!("x".repeat(501))),
            ("callPreferences.colour", json!("red")),
            ("colour", json!("red")),
        ],
    )
    .await;
    theirs.get(&path, 404).await;
    theirs.put(&path, &good, 404).await;
    assert_eq!(ours.get("/api/businesses/x", 404).await["details"]["field"], "businessId");
    let new = Client { world: &world, token: signed_token(&[NOTHING], 60) };
    let path = format!("/api/businesses/{NOTHING}");
    new.get(&path, 404).await;
    assert_eq!(new.put(&path, &json!({ "storeInfo": { "name": "Ny" } }), 200).await["businessId"], NOTHING);
}

#[tokio::test]
async fn a_purchase_is_verified_before_its_customer_is_called() {
    let world = World::start("busy").await;
    let _server = world.serve().await;
    let (ours, theirs) = (ours(&world), theirs(&world));
    const ALL: &str = "/api/verifications";
    let phone = "+46701112233";
    let good = json!({
        "id": NOTHING, "businessId": SHOP, "purchasedAt": "2026-05-01T12:00:00+02:00", "amount": 129.5,
        "customerPhone": phone,
    });

    let made = ours.post(ALL, &good, 201).await;
    assert_eq!(
        made,
        json!({
            "id": NOTHING, "businessId": SHOP, "purchasedAt": "2026-05-01T10:00:00Z", "amount": 129.5,
            "customerPhone": "+46*******33", "status": "pending",
        })
    );
    let path = format!("{ALL}/{NOTHING}");
    assert_eq!(ours.get(&path, 200).await, made);
    assert_eq!(ours.post(ALL, &good, 409).await["details"]["field"], "id");
    let order = json!({ "verificationId": NOTHING, "businessId": SHOP, "customerPhone": phone, "priority": "high" });
    assert_eq!(ours.post("/api/calls/initiate", &order, 422).await["code"], "not_verified");
    assert_eq!(ours.patch(&path, &json!({ "status": "verified" }), 200).await["status"], "verified");
    let session = ours.post("/api/calls/initiate", &order, 201).await;
    assert_eq!(session["customerPhone"], "+46*******33");

    ours.refuses(
        Method::POST,
        ALL,
        &good,
        &[
            ("id", json!("x")),
            ("businessId", Value::Null),
            ("purchasedAt", Value::Null),
            ("purchasedAt", json!("2026-05-01")),
            ("amount", Value::Null),
            ("amount", json!(-0.01)),
            ("amount", json!("129")),
            ("amount", json!(1e10)),
            ("customerPhone", json!("0701112233")),
            ("status", json!("maybe")),
            ("colour", json!("red")),
        ],
    )
    .await;
    let verified = json!({ "status": "verified" });
    ours.refuses(Method::PATCH, &path, &verified, &[("status", json!("maybe")), ("amount", json!(1))]).await;
    theirs.post(ALL, &good, 403).await;
    theirs.get(&path, 404).await;
    theirs.patch(&path, &verified, 404).await;
    let taken = changed(&good, "businessId", json!(SILENT_SHOP));
    assert_eq!(theirs.post(ALL, &taken, 409).await["code"], "conflict");
    assert_eq!(ours.get("/api/verifications/x", 404).await["details"]["field"], "verificationId");
}

#[tokio::test]
async fn an_event_is_kept_in_the_timeline_of_its_session() {
    let world = World::start("busy").await;
    let _server = world.serve().await;
    let (ours, theirs) = (ours(&world), theirs(&world));
    let session = world.initiate().await;
    const LOGS: &str = "/api/calls/logs";
    let good = json!({
        "sessionId": session, "eventType": "ai_connected", "eventData": { "model": "x" }, "source": "ai",
        "timestamp": "2020-01-01T00:00:00Z", "metadata": { "by": "test" },
    });

    let event = ours.post(LOGS, &good, 201).await;
    let least = ours.post(LOGS, &json!({ "sessionId": session, "eventType": "warning_sent" }), 201).await;

    assert_eq!(least["source"], "system");
    let events = ours.get(&format!("/api/calls/{session}/events"), 200).await["events"].clone();
    let kept = events.as_array().unwrap().iter().find(|kept| kept["id"] == event["id"]).unwrap();
    assert_eq!((&kept["eventData"], &kept["metadata"]), (&good["eventData"], &good["metadata"]));
    assert!(kept["timestamp"].as_str() > Some("2026"), "a timeline does not go back: {kept}");
    ours.refuses(
        Method::POST,
        LOGS,
        &good,
        &[
            ("sessionId", Value::Null),
            ("sessionId", json!("x")),
            ("eventType", Value::Null),
            ("eventType", json!("exploded")),
            ("eventData", json!([])),
            ("timestamp", json!("noon")),
            ("source", json!("nobody")),
            ("metadata", json!("x")),
            ("colour", json!("red")),
        ],
    )
    .await;
    let future = changed(&good, "timestamp", json!("2999-01-01T00:00:00Z"));
    assert_eq!(ours.post(LOGS, &future, 422).await["details"]["field"], "timestamp");
    ours.post(LOGS, &changed(&good, "sessionId", json!(NOTHING)), 404).await;
    theirs.post(LOGS, &good, 404).await;
}

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
    let (mut world, metrics) = (World::start("happy").await, free_address());
    world.set("METRICS_LISTEN", metrics);
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
    assert_eq!(ends(metrics).await, ["{reason=\"busy\",connected=\"false\"} 1"], "who watches the engine knows");
    let mut recording = event("recording_available", json!({ "recordingUrl": "https://example.com/r.wav" }));
    recording["businessId"] = json!(SHOP);
    assert_eq!(tell(&world, TELEPHONY, &recording, 200).await["changed"], true);

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
    tell(&world, AI, &response, 200).await;
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

#[tokio::test]
async fn what_is_not_a_request_for_a_route_is_an_error_of_the_same_shape() {
    let world = World::start("happy").await;
    let _server = world.serve().await;
    let ours = ours(&world);
    let shape = |error: &Value| {
        let keys: Vec<_> = error.as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["code", "details", "error", "message"], "{error}");
    };

    shape(&ours.get("/api/nothing", 404).await);
    shape(&ours.get("/v1/nothing", 404).await);
    let response = ours.ask(Method::GET, "/api/calls/initiate", None).await;
    assert_eq!(response.headers()["allow"], "POST");
    shape(&answer(response, 405).await);
    let long = json!({ "questionText": "x".repeat(300_000) });
    shape(&ours.post("/api/questions/configurations", &long, 413).await);
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"] {
        let request = client().post(world.url("/api/calls/initiate")).bearer_auth(&ours.token);
        let response = request.header("content-type", content_type).body("{}").send().await.unwrap();
        let error = answer(response, 415).await;
        shape(&error);
        assert_eq!(error["details"]["field"], "content-type");
    }
    let request = client().post(world.url("/api/calls/initiate")).bearer_auth(&ours.token).body("{}");
    assert_eq!(request.send().await.unwrap().status(), 415, "no type is no JSON");
    let order = json!({ "verificationId": PENDING, "businessId": SHOP, "customerPhone": PENDING_PHONE });
    let request = client().post(world.url("/api/calls/initiate")).bearer_auth(&ours.token).body(order.to_string());
    let request = request.header("content-type", "Application/JSON; charset=utf-8");
    assert_eq!(request.send().await.unwrap().status(), 422);
}

#[tokio::test]
async fn every_answer_carries_the_name_of_its_request() {
    let world = World::start("happy").await;
    let mut server = world.serve().await;
    let ask = async |path: &str, id: Option<&str>| {
        let mut request = client().get(world.url(path));
        if let Some(id) = id {
            request = request.header("x-request-id", id);
        }
        let response = request.send().await.unwrap();
        response.headers()["x-request-id"].to_str().unwrap().to_owned()
    };

    for path in ["/api/nothing", &format!("/api/calls/{NOTHING}/status"), "/health", "/api/openapi.json"] {
        assert_eq!(ask(path, Some("trace-1.2_3")).await, "trace-1.2_3", "{path}");
        for id in [None, Some("a b"), Some("{\"x\":1}"), Some(&*"a".repeat(129))] {
            let given = ask(path, id).await;
            assert_eq!(given.len(), 36, "{path}: {given}");
        }
    }
    server.must_live();
}

#[tokio::test]
async fn whoever_asks_too_much_is_told_when_to_come_back() {
    let mut world = World::start("busy").await;
    world.set("RATE_PER_TOKEN", "1");
    world.set("RATE_BURST", "5");
    world.set("RATE_CALLS_PER_BUSINESS", "2");
    let _server = world.serve().await;
    let path = format!("/api/businesses/{SHOP}");
    let ours = ours(&world);

    let mut refused = None;
    for _ in 0..20 {
        let response = ours.ask(Method::GET, &path, None).await;
        if response.status() == 429 {
            refused = Some(response);
            break;
        }
    }
    let refused = refused.expect("a limit");
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(answer(refused, 429).await["code"], "rate_limited");
    let other = Client { world: &world, token: signed_token(&[SHOP], 61) };
    other.get(&path, 200).await;

    let order = json!({ "verificationId": VERIFIED, "businessId": SHOP, "customerPhone": PHONE });
    let mut refused = None;
    for seconds in 0..4 {
        // A token each: the limit is the business's.
        let client = Client { world: &world, token: signed_token(&[SHOP], 70 + seconds) };
        let response = client.ask(Method::POST, "/api/calls/initiate", Some(&order)).await;
        if response.status() == 429 {
            refused = Some(response);
            break;
        }
        assert_eq!(response.status(), 201);
    }
    let refused = refused.expect("a limit");
    let seconds: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert_eq!(answer(refused, 429).await["details"]["field"], "businessId");
}

#[tokio::test]
async fn the_documentation_is_a_page_that_loads_nothing_from_elsewhere() {
    let world = World::start("happy").await;
    let _server = world.serve().await;
    for base in ["/api", "/v1"] {
        let page = client().get(world.url(&format!("{base}/docs/"))).send().await.unwrap();
        assert_eq!(page.status(), 200);
        let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        let text = page.text().await.unwrap();
        assert!(!text.contains("http://") && !text.contains("https://"), "{text}");
        assert!(!text.contains("<script>"), "no script in the page itself: {text}");
        let script = client().get(world.url(&format!("{base}/docs/swagger-initializer.js"))).send().await.unwrap();
        assert!(script.text().await.unwrap().contains(&format!("{base}/openapi.json")));
        for asset in ["swagger-ui-bundle.js", "swagger-ui.css"] {
            let asset = client().get(world.url(&format!("{base}/docs/{asset}"))).send().await.unwrap();
            assert_eq!(asset.status(), 200);
        }
        let moved = client().get(world.url(&format!("{base}/docs"))).send().await.unwrap();
        assert_eq!(moved.status(), 200, "the address without the slash leads there");
    }
}

/// A stream of events, read until one is there that is looked for.
struct Events {
    response: Response,
    text: String,
}

impl Events {
    async fn of(client: &Client<'_>) -> Self {
        let response = client.ask(Method::GET, &format!("/api/calls/live?businessId={SHOP}"), None).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    async fn until(&mut self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let wait = async {
            loop {
                while let Some((event, rest)) = self.text.split_once("\n\n") {
                    let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                    let found =
                        (field("event:") == Some(name)).then(|| serde_json::from_str(field("data:").unwrap()).unwrap());
                    self.text = rest.to_owned();
                    if let Some(data) = found.filter(|data| wanted(data)) {
                        return data;
                    }
                }
                let chunk = self.response.chunk().await.unwrap().expect("the stream goes on");
                self.text.push_str(std::str::from_utf8(&chunk).unwrap());
            }
        };
        tokio::time::timeout(WHOLE_CALL, wait).await.unwrap_or_else(|_| panic!("no {name} event"))
    }
}

#[tokio::test]
async fn a_call_is_followed_ended_counted_and_forgotten() {
    let (mut world, metrics) = (World::start("happy").await, free_address());
    world.set("METRICS_LISTEN", metrics);
    let _server = world.serve().await;
    let (ours, theirs) = (Client { world: &world, token: signed_token(&[SHOP], 600) }, theirs(&world));
    let mut events = Events::of(&ours).await;

    let session = world.initiate().await;
    let ringing = events.until("call", |call| call["status"] == "connecting").await;
    assert_eq!((&ringing["id"], &ringing["attempts"]), (&json!(session), &json!(1)));
    events.until("call", |call| call["status"] == "in_progress").await;
    let said = events.until("said", |said| said["speaker"] == "agent").await;
    assert!(said["text"].as_str().is_some_and(|text| !text.is_empty()));
    let list = format!("/api/calls?businessId={SHOP}");
    assert_eq!(ours.get(&format!("{list}&status=live"), 200).await["calls"][0]["id"], json!(session));
    assert_eq!(ours.get(&format!("{list}&status=completed"), 200).await["calls"], json!([]));

    let question = "0192f0c0-0000-7000-8000-000000000011";
    let path = format!("/api/calls/{session}/complete");
    let good = json!({
        "reason": "completed",
        "transcript": "caller: Mycket bra.",
        "responses": [{
            "questionId": question, "responseText": "Mycket bra.", "askedAt": "2026-01-01T00:00:00Z",
            "questionText": "Hur var det?", "responseDuration": 2.5, "confidenceScore": 0.9, "sentimentScore": -1,
            "respondedAt": "2026-01-01T00:00:05Z",
        }],
    });
    ours.refuses(
        Method::POST,
        &path,
        &good,
        &[
            ("reason", json!("no_answer")),
            ("transcript", json!(7)),
            ("responses", json!({})),
            ("responses[0]", json!(["x"])),
            ("responses[0].questionId", Value::Null),
            ("responses[0].responseText", Value::Null),
            ("responses[0].askedAt", Value::Null),
            ("responses[0].questionText", json!("")),
            ("responses[0].responseDuration", json!(60.5)),
            ("responses[0].confidenceScore", json!(1.1)),
            ("responses[0].sentimentScore", json!(-1.1)),
            ("responses[0].respondedAt", json!("2025-12-31T23:59:59Z")),
            ("responses[0].colour", json!("red")),
            ("colour", json!("red")),
        ],
    )
    .await;
    let unknown = changed(&good, "responses[0].questionId", json!(NOTHING));
    assert_eq!(ours.post(&path, &unknown, 422).await["details"]["field"], "responses[0].questionId");
    let future = changed(&good, "responses[0].askedAt", json!("2999-01-01T00:00:00Z"));
    assert_eq!(ours.post(&path, &future, 422).await["code"], "in_the_future");
    theirs.post(&path, &good, 404).await;

    let ended = ours.post(&path, &good, 200).await;
    assert_eq!((&ended["status"], &ended["endReason"]), (&json!("completed"), &json!("completed")));
    assert_eq!(ours.post(&path, &good, 409).await["code"], "conflict");
    ours.post(&format!("/api/calls/{session}/cancel"), &json!({}), 409).await;
    events.until("ended", |call| call["id"] == json!(session)).await;
    assert_eq!(ends(metrics).await, ["{reason=\"completed\",connected=\"true\"} 1"], "who watches the engine knows");

    // The call itself ends a moment later. If the customer had agreed by then, its own words are the transcript.
    support::until("no live call", WHOLE_CALL, async || {
        let health = answer(client().get(world.url("/health")).send().await.unwrap(), 200).await;
        (health["live"] == 0).then_some(())
    })
    .await;
    let detail = ours.get(&format!("/api/calls/{session}"), 200).await;
    let response = &detail["responses"][0];
    assert_eq!(response["questionText"], "Hur var det?");
    assert_eq!(
        (&response["responseDuration"], &response["confidenceScore"], &response["sentimentScore"]),
        (&json!(2.5), &json!(0.9), &json!(-1.0))
    );
    let consented = detail["consent"]["given"] == true;
    assert!(consented || detail["transcript"] == json!([]), "what was said is kept with consent only: {detail}");
    assert_eq!((&detail["attempts"][0]["carrier"], &detail["anonymised"]), (&json!("twilio"), &json!(false)));
    assert_eq!(detail["timeline"][0]["eventType"], "initiated");
    theirs.get(&format!("/api/calls/{session}"), 404).await;
    for (query, field) in
        [("status=over", "status"), ("endReason=x", "endReason"), ("from=today", "from"), ("limit=0", "limit")]
    {
        ours.refuses_query("/api/calls", &[(&*format!("businessId={SHOP}&{query}"), field)]).await;
    }
    theirs.get(&list, 403).await;
    theirs.get(&format!("/api/calls/live?businessId={SHOP}"), 403).await;

    the_recording_is_read_in_parts(&world, &ours, &theirs, &session).await;
    it_is_counted(&ours, &theirs, &session).await;

    let customer = json!({ "businessId": SHOP, "customerPhone": PHONE });
    let export = ours.post("/api/customers/export", &customer, 200).await;
    assert_eq!(export["customerPhone"], PHONE);
    let transcript = export["sessions"][0]["transcript"].as_str().unwrap();
    assert!(consented || transcript == "caller: Mycket bra.", "{transcript}");
    assert_eq!(export["verifications"][0]["id"], VERIFIED);
    for path in ["/api/customers/export", "/api/customers/erase"] {
        let wrong = [("customerPhone", json!("x")), ("businessId", Value::Null), ("colour", json!("red"))];
        ours.refuses(Method::POST, path, &customer, &wrong).await;
        theirs.post(path, &customer, 403).await;
    }
    let erased = ours.post("/api/customers/erase", &customer, 200).await;
    assert_eq!(erased, json!({ "sessions": 1, "recordings": 1, "verifications": 1 }));
    ours.get(&format!("/api/calls/{session}"), 404).await;
    assert!(!world.folder.path().join("recordings").join(&session).exists());
    assert_eq!(ours.post("/api/customers/export", &customer, 200).await["sessions"], json!([]));
}

async fn the_recording_is_read_in_parts(world: &World, ours: &Client<'_>, theirs: &Client<'_>, session: &str) {
    let path = format!("/api/calls/{session}/recording");
    let folder = world.folder.path().join("recordings").join(session);
    // The call may have come as far as the consent.
    let _ = std::fs::remove_dir_all(&folder);
    ours.get(&path, 404).await;
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("recording.wav"), b"0123456789").unwrap();
    for (range, status, content_range, body) in [
        (None, 200, None, "0123456789"),
        (Some("bytes=2-4"), 206, Some("bytes 2-4/10"), "234"),
        (Some("bytes=-3"), 206, Some("bytes 7-9/10"), "789"),
        (Some("lines=1"), 200, None, "0123456789"),
    ] {
        let mut request = client().get(world.url(&path)).bearer_auth(&ours.token);
        if let Some(range) = range {
            request = request.header("range", range);
        }
        let response = request.send().await.unwrap();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-type"]),
            (status, &"audio/wav".parse().unwrap())
        );
        assert_eq!(response.headers().get("content-range").map(|value| value.to_str().unwrap()), content_range);
        assert_eq!(response.text().await.unwrap(), body);
    }
    let beyond = client().get(world.url(&path)).bearer_auth(&ours.token).header("range", "bytes=10-");
    let beyond = beyond.send().await.unwrap();
    assert_eq!(beyond.headers()["content-range"], "bytes */10");
    answer(beyond, 416).await;
    theirs.get(&path, 404).await;
}

async fn it_is_counted(ours: &Client<'_>, theirs: &Client<'_>, session: &str) {
    let day = |days: i64| {
        let now = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days);
        now.to_zoned(jiff::tz::TimeZone::get("Europe/Stockholm").unwrap()).date().to_string()
    };
    let query = format!("businessId={SHOP}&from={}&until={}", day(-1), day(1));
    let analytics = ours.get(&format!("/api/analytics?{query}"), 200).await;
    let totals = &analytics["totals"];
    assert_eq!(
        (&totals["calls"], &totals["completed"], &totals["completionRate"]),
        (&json!(1), &json!(1), &json!(1.0))
    );
    assert_eq!(totals["averageSentiment"], -1.0);
    assert_eq!(analytics["days"].as_array().unwrap().len(), 3);
    assert_eq!(analytics["endReasons"], json!([{ "reason": "completed", "count": 1 }]));
    let nobody = ours.get(&format!("/api/analytics?{query}&questionId={NOTHING}"), 200).await;
    assert_eq!(nobody["totals"]["calls"], 0);
    let table = ours.ask(Method::GET, &format!("/api/analytics.csv?{query}"), None).await;
    assert_eq!(table.headers()["content-type"], "text/csv; charset=utf-8");
    let table = table.text().await.unwrap();
    let lines: Vec<_> = table.lines().collect();
    assert!(lines[0].starts_with("id,startedAt,status,endReason,"), "{table}");
    assert!(lines[1].starts_with(session) && lines[1].contains(",completed,completed,"), "{table}");
    assert_eq!(lines.len(), 2, "{table}");
    for path in ["/api/analytics", "/api/analytics.csv"] {
        for (query, field) in [
            ("from=2026-01-01", "until"),
            ("from=2026-01-02&until=2026-01-01", "until"),
            ("from=2025-01-01&until=2026-01-02", "until"),
            ("from=today&until=2026-01-01", "from"),
        ] {
            ours.refuses_query(path, &[(&*format!("businessId={SHOP}&{query}"), field)]).await;
        }
        assert_eq!(theirs.ask(Method::GET, &format!("{path}?{query}"), None).await.status(), 403);
    }
}

#[tokio::test]
async fn a_call_that_rings_can_be_cancelled() {
    let world = World::start("happy").await;
    let _server = world.serve().await;
    let (ours, theirs) = (ours(&world), theirs(&world));
    let session = world.initiate().await;
    let path = format!("/api/calls/{session}/cancel");
    theirs.post(&path, &json!({}), 404).await;

    let cancelled = ours.post(&path, &json!({}), 200).await;

    assert_eq!((&cancelled["status"], &cancelled["endReason"]), (&json!("failed"), &json!("canceled")));
    ours.post(&path, &json!({}), 409).await;
    assert_ne!(world.carrier_status().await, "in-progress");
}
