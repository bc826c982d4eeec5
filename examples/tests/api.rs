//! The HTTP interface over real sockets: every wrong input is refused by name, nobody reads another's calls, and a
//! server that is told to stop lets its calls end.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

mod support;

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use support::process::Process;
use support::world::{
    PENDING, PENDING_PHONE, PHONE, SHOP, SILENT_PHONE, SILENT_SHOP, SILENT_VERIFIED, VERIFIED, World, signed_token,
};
use support::{Folder, client, column, until};

/// Some id that belongs to nothing.
const NOTHING: &str = "0192f0c0-0000-7000-8000-0000000000ff";

/// Longer than a whole call lasts on a busy machine, ringing included, and shorter than the server's time to drain.
const WHOLE_CALL: Duration = Duration::from_secs(120);

/// A server that has nothing to wait for.
const AT_ONCE: Duration = Duration::from_secs(10);

fn order() -> Value {
    json!({ "verificationId": VERIFIED, "businessId": SHOP, "customerPhone": PHONE })
}

fn order_with(field: &str, value: Value) -> Value {
    let mut order = order();
    order[field] = value;
    order
}

fn order_without(field: &str) -> Value {
    let mut order = order();
    order.as_object_mut().unwrap().remove(field);
    order
}

async fn post(world: &World, path: &str, token: &str, body: impl Into<reqwest::Body>) -> Response {
    let request = client().post(world.url(path)).header("content-type", "application/json").body(body);
    request.bearer_auth(token).send().await.unwrap()
}

async fn get(world: &World, path: &str, token: &str) -> Response {
    client().get(world.url(path)).bearer_auth(token).send().await.unwrap()
}

/// Every error has the same four fields, and names what is wrong.
async fn assert_error(response: Response, status: u16, code: &str, field: &str) {
    let body = support::json(response, status).await;
    let keys: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["code", "details", "error", "message"]);
    assert_eq!((body["code"].as_str(), body["details"]["field"].as_str()), (Some(code), Some(field)), "{body}");
    assert!(body["message"].as_str().unwrap().contains(field), "{body}");
    assert!(!body["error"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn every_wrong_order_is_refused_and_names_its_field() {
    let world = World::start("happy").await;
    let _server = world.serve().await;
    let token = signed_token(&[SHOP, SILENT_SHOP, NOTHING], 60);
    let cases = [
        ("body", "{".to_owned()),
        ("body", String::new()),
        ("body", "[]".to_owned()),
        ("verificationId", order_without("verificationId").to_string()),
        ("verificationId", order_with("verificationId", json!("x")).to_string()),
        ("verificationId", order_with("verificationId", json!(7)).to_string()),
        ("businessId", order_without("businessId").to_string()),
        ("businessId", order_with("businessId", json!("x")).to_string()),
        ("businessId", order_with("businessId", json!(NOTHING)).to_string()),
        ("customerPhone", order_without("customerPhone").to_string()),
        ("customerPhone", order_with("customerPhone", json!("+4712345678")).to_string()),
        ("customerPhone", order_with("customerPhone", json!("0701234567")).to_string()),
        ("customerPhone", order_with("customerPhone", json!("+46123456")).to_string()),
        ("customerPhone", order_with("customerPhone", json!("+461234567890")).to_string()),
        ("customerPhone", order_with("customerPhone", json!("+4670123456a")).to_string()),
        ("customerPhone", order_with("customerPhone", json!(PENDING_PHONE)).to_string()),
        ("priority", order_with("priority", json!("urgent")).to_string()),
        ("priority", order_with("priority", json!(1)).to_string()),
        ("colour", order_with("colour", json!("red")).to_string()),
    ];

    for base in ["/api", "/v1"] {
        for (field, body) in &cases {
            let response = post(&world, &format!("{base}/calls/initiate"), &token, body.clone()).await;
            assert_error(response, 400, "invalid", field).await;
        }
    }

    assert!(world.column("SELECT id FROM sessions").is_empty(), "nothing was begun");
}

#[tokio::test]
async fn what_cannot_be_done_is_unprocessable() {
    let world = World::start("happy").await;
    let _server = world.serve().await;
    let token = signed_token(&[SHOP, SILENT_SHOP], 60);
    let pending = json!({ "verificationId": PENDING, "businessId": SHOP, "customerPhone": PENDING_PHONE });
    let unknown = order_with("verificationId", json!(NOTHING));
    let of_another_shop = order_with("verificationId", json!(SILENT_VERIFIED));
    let silent = json!({
        "verificationId": SILENT_VERIFIED, "businessId": SILENT_SHOP, "customerPhone": SILENT_PHONE,
    });
    let cases = [
        (pending, "not_verified", "verificationId"),
        (unknown, "not_verified", "verificationId"),
        (of_another_shop, "not_verified", "verificationId"),
        (silent, "no_active_question", "businessId"),
    ];

    for (body, code, field) in cases {
        assert_error(post(&world, "/api/calls/initiate", &token, body.to_string()).await, 422, code, field).await;
    }

    assert!(world.column("SELECT id FROM sessions").is_empty(), "nothing was begun");
}

#[tokio::test]
async fn only_a_valid_token_opens_and_only_for_its_own_business() {
    let world = World::start("happy").await;
    let _server = world.serve().await;
    let routes = [
        (Method::POST, "/api/calls/initiate".to_owned()),
        (Method::GET, format!("/api/calls/{NOTHING}/status")),
        (Method::GET, format!("/api/calls/{NOTHING}/events")),
        (Method::POST, "/v1/calls/initiate".to_owned()),
    ];
    let good = signed_token(&[SHOP], 60);
    let wrong = [
        None,
        Some("Bearer ".to_owned()),
        Some("Bearer a.b.c".to_owned()),
        Some(format!("Bearer {good}x")),
        Some(format!("Basic {good}")),
        Some(format!("Bearer {}", signed_token(&[SHOP], -60))),
    ];

    for (method, path) in &routes {
        for authorization in &wrong {
            let mut request = client().request(method.clone(), world.url(path)).body(order().to_string());
            if let Some(authorization) = authorization {
                request = request.header("authorization", authorization);
            }
            assert_error(request.send().await.unwrap(), 401, "unauthenticated", "authorization").await;
        }
    }

    let others = world.token(SILENT_SHOP).await;
    let response = post(&world, "/api/calls/initiate", &others, order().to_string()).await;
    assert_error(response, 404, "not_found", "businessId").await;
    let asks =
        client().get(world.url("/api/nothing")).header("accept", "application/problem+json").send().await.unwrap();
    assert_eq!(asks.headers()["content-type"], "application/problem+json");
    let problem = support::json(asks, 404).await;
    let expected = json!({ "type": "about:blank", "title": "Not Found", "status": 404, "detail": "no such route", "error": "Not Found",
        "message": "no such route", "code": "not_found", "details": {} });
    assert_eq!(problem, expected);
}

#[tokio::test]
async fn a_session_is_found_by_its_own_business_only() {
    let world = World::start("busy").await;
    let _server = world.serve().await;
    let session = world.initiate().await;
    let (own, others) = (world.token(SHOP).await, world.token(SILENT_SHOP).await);

    for route in ["status", "events"] {
        let path = format!("/api/calls/{session}/{route}");
        support::json(get(&world, &path, &own).await, 200).await;
        support::json(get(&world, &path.replace("/api", "/v1"), &own).await, 200).await;
        assert_error(get(&world, &path, &others).await, 404, "not_found", "sessionId").await;
        for unknown in [NOTHING, "x"] {
            let path = format!("/api/calls/{unknown}/{route}");
            assert_error(get(&world, &path, &own).await, 404, "not_found", "sessionId").await;
        }
    }
    for (query, field) in
        [("limit=0", "limit"), ("limit=101", "limit"), ("limit=x", "limit"), ("page=0", "page"), ("offset=1", "offset")]
    {
        let path = format!("/api/calls/{session}/events?{query}");
        assert_error(get(&world, &path, &own).await, 400, "invalid", field).await;
    }
    let path = format!("/api/calls/{session}/events?limit=1");
    let events = support::json(get(&world, &path, &own).await, 200).await;
    assert_eq!(events["events"].as_array().unwrap().len(), 1);
    assert_eq!(events["events"][0]["eventType"], "initiated");
    assert_eq!(events["pagination"]["perPage"], 1);

    let ended = until("the end of the session", WHOLE_CALL, async || {
        let session = support::json(get(&world, &format!("/api/calls/{session}/status"), &own).await, 200).await;
        (session["status"] == "failed").then_some(session)
    })
    .await;
    assert_eq!(ended["endReason"], "busy");
}

#[tokio::test]
async fn nobody_but_the_carrier_speaks_for_it() {
    let world = World::start("happy").await;
    let _server = world.serve().await;
    let key = format!("twilio.{}", "0".repeat(64));
    let webhooks = [
        format!("/api/calls/webhooks/telephony?call={key}"),
        "/v1/calls/webhooks/telephony".to_owned(),
        format!("/voice/status?call={key}"),
        format!("/voice/{key}/answer"),
        format!("/voice/{key}/resume"),
    ];

    for path in &webhooks {
        for signature in [None, Some(""), Some("d3Jvbmc="), Some("\u{7f}not base64")] {
            let form = "CallSid=CA00000000000000000000000000000001&CallStatus=completed";
            let mut request = client().post(world.url(path)).body(form);
            request = request.header("content-type", "application/x-www-form-urlencoded");
            // What cannot be a header cannot be sent either.
            if let Some(signature) = signature.filter(|text| text.is_ascii() && !text.contains('\u{7f}')) {
                request = request.header("x-twilio-signature", signature);
            }
            assert_eq!(request.send().await.unwrap().status(), 401, "{path} {signature:?}");
        }
    }

    let mut socket = client().get(world.url("/media/guessed"));
    for (name, value) in [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ] {
        socket = socket.header(name, value);
    }
    assert_eq!(socket.send().await.unwrap().status(), 401, "refused before it is a socket");
    assert_eq!(client().get(world.url("/health")).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_server_without_calls_stops_at_once_even_while_it_still_warms_up() {
    let world = World::start("happy").await;
    let mut server = world.serve().await;

    server.terminate();

    let status = server.exit(AT_ONCE).await;
    assert!(status.success(), "{status}: {}", server.log());
}

/// Tests run beside each other, so not at the address that is the same at each start.
fn anywhere() -> (&'static str, String) {
    ("LISTEN", "127.0.0.1:0".to_owned())
}

/// The address, the token and the order of the `curl` line that a server without a carrier prints.
fn invitation(output: &str) -> Option<(String, String, Value)> {
    let between = |from: &str, to: &str| Some(output.split_once(from)?.1.split_once(to)?.0.to_owned());
    let body = serde_json::from_str(&between("-d '", "'")?).ok()?;
    Some((between("-sX POST ", " ")?, between("Bearer ", "'")?, body))
}

#[tokio::test]
async fn a_question_that_there_is_no_clip_of_is_asked_and_the_log_says_how() {
    let folder = Folder::new();
    // Where no program is there is no espeak-ng either.
    let nowhere = folder.path().display().to_string();
    let mut server = Process::start(folder.path(), &["serve", "--simulated"], &[("PATH", nowhere), anywhere()]);
    let (url, token, order) = until("the invitation", Duration::from_secs(60), async || {
        server.must_live();
        invitation(&server.output())
    })
    .await;
    assert!(
        server.log().contains("what the agent has no clip of is heard as a voice without words"),
        "{}",
        server.log()
    );
    let question = json!({
        "businessId": SHOP, "questionText": "Vad tycker du om vår nya meny?", "frequency": 1, "priority": "high",
        "departmentTags": ["besök"], "maxResponseTime": 30, "followUpPrompts": [],
    });
    let post = async |path: &str, body: &Value| {
        let url = url.replace("/calls/initiate", path);
        support::json(client().post(url).bearer_auth(&token).json(body).send().await.unwrap(), 201).await
    };
    let question = post("/questions/configurations", &question).await;
    let session = post("/calls/initiate", &order).await;
    let database = folder.path().join("out/feedback.sqlite");
    until("the end of the call", WHOLE_CALL, async || {
        server.must_live();
        (column(&database, "SELECT coalesce(end_reason, '') FROM sessions") != [""]).then_some(())
    })
    .await;
    let path = format!("/calls/{}/status", session["id"].as_str().unwrap());
    let request = client().get(url.replace("/calls/initiate", &path)).bearer_auth(&token);
    let ended = support::json(request.send().await.unwrap(), 200).await;
    assert_eq!(ended["endReason"], "completed", "{ended}");
    assert!(ended["questionsAsked"].as_array().unwrap().contains(&question["id"]), "{ended}");
}

#[tokio::test]
async fn the_printed_invitation_calls_once_and_the_call_outlives_the_wish_to_stop() {
    let folder = Folder::new();
    let mut server = Process::start(folder.path(), &["serve", "--simulated"], &[anywhere()]);
    let (url, token, order) = until("the invitation", Duration::from_secs(60), async || {
        server.must_live();
        invitation(&server.output())
    })
    .await;
    let initiate = async || {
        let request = client().post(&url).bearer_auth(&token).json(&order);
        support::json(request.send().await.unwrap(), 201).await
    };
    let (first, second) = tokio::join!(initiate(), initiate());
    let third = initiate().await;
    assert_eq!(first["id"], second["id"]);
    assert_eq!(first["id"], third["id"]);
    let database = folder.path().join("out/feedback.sqlite");
    until("the order to call", AT_ONCE, async || {
        (column(&database, "SELECT state FROM attempts") == ["accepted"]).then_some(())
    })
    .await;
    assert_eq!(column(&database, "SELECT id FROM attempts").len(), 1, "one phone rings once");

    // The phone is ringing.
    server.terminate();

    let health = url.replace("/api/calls/initiate", "/health");
    let draining = async || (client().get(&health).send().await.ok()?.status() == 503).then_some(());
    until("a server that says that it drains", AT_ONCE, draining).await;
    let status = server.exit(WHOLE_CALL).await;
    assert!(status.success(), "{status}: {}", server.log());
    assert_eq!(column(&database, "SELECT status FROM sessions"), ["completed"]);
    assert_eq!(column(&database, "SELECT response_text FROM survey_responses").len(), 2);

    // The next start takes the token of this one.
    let mut server = Process::start(folder.path(), &["serve", "--simulated"], &[anywhere()]);
    let (url, _, next) = until("the next invitation", Duration::from_secs(60), async || {
        server.must_live();
        invitation(&server.output())
    })
    .await;
    assert_ne!(next["verificationId"], order["verificationId"], "the next line calls somebody");
    let list = url.replace("/calls/initiate", &format!("/calls?businessId={SHOP}"));
    let calls = support::json(client().get(list).bearer_auth(&token).send().await.unwrap(), 200).await;
    assert_eq!(calls["calls"][0]["id"], first["id"]);
    let page = url.replace("/api/calls/initiate", "/dashboard/");
    assert!(server.output().contains(&format!("Dashboard  {page}\n")), "{}", server.output());
    assert_eq!(client().get(page).send().await.unwrap().status(), 200);
}
