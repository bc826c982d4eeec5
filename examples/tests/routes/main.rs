//! Every route of the HTTP interface: what it does, and by which name it refuses what is wrong.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

mod businesses;
mod calls;
mod form;
#[path = "../support/mod.rs"]
mod support;
mod webhooks;

use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use sha2::Sha256;
use support::past::Past;
use support::world::{
    PENDING, PENDING_PHONE, PHONE, SHOP, SILENT_SHOP, VERIFIED, WEBHOOK_SECRET, World, scoped_token, signed_token,
};
use support::{client, json as answer};
use voicecall_core::testing::ReservedAddress;

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
    let off = ours.get(&format!("{list}&active=false"), 200).await;
    assert_eq!((&off["pagination"]["total"], &off["configurations"][0]["id"]), (&json!(1), &made["id"]));
    assert_eq!(ours.get(&format!("{list}&active=true"), 200).await["pagination"]["total"], 5);

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
        ("followUpPrompts", json!(vec!["Varför?"; 11])),
        ("followUpPrompts[0]", json!("x".repeat(501))),
        ("departmentTags", json!(vec!["kaffe"; 21])),
        ("questionText", json!("Hur var kaffet\u{0} idag?")),
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

    assert_eq!(theirs.post(ALL, &good, 404).await["details"]["field"], "businessId");
    assert_eq!(theirs.get(&list, 404).await["code"], "not_found");
    theirs.put(&path, &good, 404).await;
    theirs.put(&path, &changed(&good, "businessId", json!(SILENT_SHOP)), 404).await;
    assert_eq!(theirs.ask(Method::DELETE, &path, None).await.status(), 404);
    for unknown in [NOTHING, "x"] {
        let path = format!("{ALL}/{unknown}");
        assert_eq!(ours.put(&path, &good, 404).await["details"]["field"], "questionId");
        assert_eq!(ours.ask(Method::DELETE, &path, None).await.status(), 404);
    }
}

#[tokio::test]
async fn a_request_with_a_key_is_done_once() {
    let world = World::start("happy").await;
    let _server = world.serve().await;
    let ours = ours(&world);
    let send = async |path: &str, key: &str, body: &Value, token: &str| {
        let request = client().post(world.url(path)).bearer_auth(token).header("idempotency-key", key);
        request.json(body).send().await.unwrap()
    };
    const ALL: &str = "/api/questions/configurations";
    let good =
        json!({ "businessId": SHOP, "questionText": "Hur var kaffet idag?", "frequency": 3, "priority": "high" });

    let first = send(ALL, "a", &good, &ours.token).await;
    assert!(first.headers().get("idempotent-replayed").is_none());
    let first = answer(first, 201).await;
    let again = send(ALL, "a", &good, &signed_token(&[SHOP], 90)).await;
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    assert_eq!(answer(again, 201).await, first, "with another token of the business too");
    assert_eq!(ours.get(&format!("{ALL}?businessId={SHOP}"), 200).await["pagination"]["total"], 6);
    let other = changed(&good, "frequency", json!(4));
    let refused = answer(send(ALL, "a", &other, &ours.token).await, 422).await;
    assert_eq!((&refused["code"], &refused["details"]["field"]), (&json!("key_used"), &json!("idempotency-key")));
    assert_ne!(answer(send(ALL, "b", &good, &ours.token).await, 201).await["id"], first["id"]);
    for wrong in ["", "a b", &"x".repeat(256)] {
        assert_eq!(
            answer(send(ALL, wrong, &good, &ours.token).await, 400).await["details"]["field"],
            "idempotency-key"
        );
    }
    let of_others = changed(&good, "businessId", json!(SILENT_SHOP));
    let made = answer(send(ALL, "a", &of_others, &theirs(&world).token).await, 201).await;
    assert_eq!(made["businessId"], SILENT_SHOP, "a key is each business's own");

    // What is over can be cancelled only once, and whoever did not get the answer gets it again.
    let session = world.initiate().await;
    let cancel = format!("/api/calls/{session}/cancel");
    let cancelled = answer(send(&cancel, "c", &json!({}), &ours.token).await, 200).await;
    assert_eq!(answer(send(&cancel, "c", &json!({}), &ours.token).await, 200).await, cancelled);
    assert_eq!(answer(send(&cancel, "d", &json!({}), &ours.token).await, 409).await["code"], "conflict");
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
    theirs.post(SELECT, &good, 404).await;
    theirs.get(&query, 404).await;
    theirs.get(&kept, 404).await;
}

#[tokio::test]
async fn a_purchase_is_verified_before_its_customer_is_called() {
    let world = World::start("busy").await;
    let _server = world.serve().await;
    let (ours, theirs) = (ours(&world), theirs(&world));
    const ALL: &str = "/api/verifications";
    let phone = "+46701112233";
    let yesterday = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24);
    let yesterday = jiff::Timestamp::from_second(yesterday.as_second()).unwrap();
    let in_sweden = yesterday.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(2)));
    let good = json!({
        "id": NOTHING, "businessId": SHOP, "purchasedAt": in_sweden.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        "amount": 129.5,
        "customerPhone": phone,
    });

    let made = ours.post(ALL, &good, 201).await;
    assert_eq!(
        made,
        json!({
            "id": NOTHING, "businessId": SHOP, "purchasedAt": yesterday, "amount": 129.5,
            "customerPhone": "+46*******33", "status": "pending",
        })
    );
    let path = format!("{ALL}/{NOTHING}");
    assert_eq!(ours.get(&path, 200).await, made);
    let old = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(91 * 24);
    let to_come = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    for (field, wrong) in [
        ("customerPhone", json!("+46900123456")),
        ("customerPhone", json!("+46939123456")),
        ("purchasedAt", json!(old)),
        ("purchasedAt", json!(to_come)),
    ] {
        let mut nobody = good.clone();
        nobody[field] = wrong;
        assert_eq!(ours.post(ALL, &nobody, 422).await["details"]["field"], field);
    }
    assert_eq!(ours.post(ALL, &good, 409).await["details"]["field"], "id");
    let order = json!({ "verificationId": NOTHING, "businessId": SHOP, "customerPhone": phone, "priority": "high" });
    assert_eq!(ours.post("/api/calls/initiate", &order, 422).await["code"], "not_verified");
    assert_eq!(ours.patch(&path, &json!({ "status": "verified" }), 200).await["status"], "verified");
    let session = ours.post("/api/calls/initiate", &order, 201).await;
    assert_eq!(session["customerPhone"], "+46*******33");
    let list = format!("{ALL}?businessId={SHOP}");
    let verified = ours.get(&format!("{list}&status=verified&limit=1&page=2"), 200).await;
    assert_eq!(verified["verifications"], json!([changed(&made, "status", json!("verified"))]), "the older one");
    assert_eq!(verified["pagination"], json!({ "page": 2, "perPage": 1, "total": 2, "hasNext": false }));
    assert_eq!(ours.get(&list, 200).await["pagination"]["total"], 3);
    theirs.get(&list, 404).await;
    let wrong = [("", "businessId"), ("status=maybe", "status"), ("colour=red", "colour")];
    ours.refuses_query(ALL, &wrong).await;
    const SEARCH: &str = "/api/calls/search";
    let search = json!({ "businessId": SHOP, "customerPhone": phone, "page": 1, "limit": 10 });
    let found = ours.post(SEARCH, &search, 200).await;
    assert_eq!((&found["calls"][0]["id"], &found["pagination"]["total"]), (&session["id"], &json!(1)));
    let nobody = changed(&search, "customerPhone", json!(PENDING_PHONE));
    assert_eq!(ours.post(SEARCH, &nobody, 200).await["calls"], json!([]));
    let wrong =
        [("customerPhone", json!("x")), ("businessId", Value::Null), ("limit", json!(0)), ("colour", json!("red"))];
    ours.refuses(Method::POST, SEARCH, &search, &wrong).await;
    theirs.post(SEARCH, &search, 404).await;

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
    theirs.post(ALL, &good, 404).await;
    theirs.get(&path, 404).await;
    theirs.patch(&path, &verified, 404).await;
    let taken = changed(&good, "businessId", json!(SILENT_SHOP));
    assert_eq!(theirs.post(ALL, &taken, 409).await["code"], "conflict");
    assert_eq!(ours.get("/api/verifications/x", 404).await["details"]["field"], "verificationId");
}

#[tokio::test]
async fn an_event_is_kept_in_the_timeline_of_its_session() {
    let world = World::start("busy").await;
    let past = Past::open(&world.folder.path().join("feedback.sqlite"), world.folder.path().join("recordings")).await;
    let session = past.asked_for(PHONE, 5).await.to_string();
    past.close().await;
    let _server = world.serve().await;
    let (ours, theirs) = (ours(&world), theirs(&world));
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
    for (field, value) in [("eventData", json!({ "a": "x".repeat(5000) })), ("metadata", json!({ "a": "\u{202e}" }))] {
        ours.refuses(Method::POST, LOGS, &good, &[(field, value)]).await;
    }
    for (field, value) in
        [("eventType", json!("completed")), ("eventType", json!("answered")), ("source", json!("telephony"))]
    {
        let error = ours.post(LOGS, &changed(&good, field, value), 422).await;
        assert_eq!((&error["code"], &error["details"]["field"]), (&json!("not_yours"), &json!(field)), "{error}");
    }
    let future = changed(&good, "timestamp", json!("2999-01-01T00:00:00Z"));
    assert_eq!(ours.post(LOGS, &future, 422).await["details"]["field"], "timestamp");
    ours.post(LOGS, &changed(&good, "sessionId", json!(NOTHING)), 404).await;
    theirs.post(LOGS, &good, 404).await;

    let database = rusqlite::Connection::open(world.folder.path().join("feedback.sqlite")).unwrap();
    let kept = "SELECT count(*) FROM session_events WHERE session_id = ?";
    let kept = database.query_row(kept, [&session], |row| row.get::<_, u32>(0)).unwrap();
    let long = "x".repeat(100_000);
    for n in kept..1000 {
        // Some are as long as they could be before they were bounded.
        let data = json!({ "text": if n % 10 == 0 { &*long } else { "" } }).to_string();
        let insert = "INSERT INTO session_events (id, session_id, kind, data, at, source)
            SELECT ?, ?, 'warning_sent', ?, max(at), 'system' FROM session_events WHERE session_id = ?2";
        let id = format!("0192f0c0-0000-7000-8000-{n:012}");
        database.execute(insert, (id, &session, data)).unwrap();
    }
    drop(database);
    assert_eq!(ours.post(LOGS, &good, 409).await["details"]["field"], "sessionId", "a timeline is full one day");
    let call = ours.ask(Method::GET, &format!("/api/calls/{session}"), None).await.bytes().await.unwrap();
    assert!((500_000..1_300_000).contains(&call.len()), "{} bytes", call.len());
    ours.post(&format!("/api/calls/{session}/cancel"), &json!({}), 200).await;
    let error = ours.post(LOGS, &good, 409).await;
    assert!(error["message"].as_str().unwrap().contains("over"), "{error}");
}

/// What a token may do, and for how long.
#[tokio::test]
async fn a_token_does_what_its_scope_says_until_it_is_taken_back() {
    let world = World::start("busy").await;
    let mut server = world.serve().await;
    let with = |scope: &str| Client { world: &world, token: scoped_token(&[SHOP], 600, scope) };
    let (read, operate) = (with("read"), with("operate"));
    let (privacy, admin) = (with("privacy"), with("admin"));
    let calls = format!("/api/calls?businessId={SHOP}");
    let shop = format!("/api/businesses/{SHOP}");
    let order = json!({ "verificationId": VERIFIED, "businessId": SHOP, "customerPhone": PHONE });
    let customer = json!({ "businessId": SHOP, "customerPhone": "+46709999999" });
    let name = json!({ "storeInfo": { "name": "Kaffe" } });
    for other in [&operate, &privacy, &admin] {
        assert_eq!(other.get(&calls, 403).await["details"]["field"], "authorization");
    }
    for other in [&read, &privacy, &admin] {
        assert_eq!(other.post("/api/calls/initiate", &order, 403).await["code"], "forbidden");
    }
    for other in [&read, &operate, &admin] {
        other.post("/api/customers/erase", &customer, 403).await;
        other.post("/v1/customers/export", &customer, 403).await;
    }
    for other in [&read, &operate, &privacy] {
        other.put(&shop, &name, 403).await;
    }
    assert_eq!(read.get(&calls, 200).await["calls"], json!([]), "nobody was called");
    operate.post("/api/calls/initiate", &order, 201).await;
    privacy.post("/api/customers/export", &customer, 200).await;
    admin.put(&shop, &name, 200).await;
    // The command line's own are the least if nothing is said.
    let printed = Client { world: &world, token: world.run(&["token", SHOP]).await.trim().to_owned() };
    printed.get(&calls, 200).await;
    printed.post("/api/calls/initiate", &order, 403).await;

    let stream = read.ask(Method::GET, &format!("/api/calls/live?businessId={SHOP}"), None).await;
    let claims = base64::Engine::decode(
        &base64::engine::general_purpose::URL_SAFE_NO_PAD,
        read.token.split('.').nth(1).unwrap(),
    );
    let claims: Value = serde_json::from_slice(&claims.unwrap()).unwrap();
    let id = claims["jti"].as_str().unwrap();
    world.run(&["revoke", id]).await;
    assert_eq!(read.get(&calls, 401).await["code"], "unauthenticated");
    let rest = tokio::time::timeout(std::time::Duration::from_secs(10), stream.bytes()).await;
    assert!(rest.is_ok(), "who reads already is cut off");
    server.kill();
    let _server = world.serve().await;
    read.get(&calls, 401).await;
    operate.ask(Method::GET, &calls, None).await;
    printed.get(&calls, 200).await;
}

#[tokio::test]
async fn nobody_keeps_answers_and_no_token_reads_too_much_at_once() {
    let world = World::start("busy").await;
    let _server = world.serve().await;
    let ours = ours(&world);
    for path in [format!("/api/calls?businessId={SHOP}"), format!("/v1/calls/{NOTHING}"), "/api/nothing".to_owned()] {
        let response = ours.ask(Method::GET, &path, None).await;
        assert_eq!(response.headers()["cache-control"], "private, no-store", "{path}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff", "{path}");
    }
    let live = format!("/api/calls/live?businessId={SHOP}");
    let mut streams = Vec::new();
    for _ in 0..10 {
        let stream = ours.ask(Method::GET, &live, None).await;
        assert_eq!(stream.status(), 200);
        streams.push(stream);
    }
    let refused = ours.ask(Method::GET, &live, None).await;
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (429, &"1".parse().unwrap()));
    assert_eq!(theirs(&world).ask(Method::GET, &live.replace(SHOP, SILENT_SHOP), None).await.status(), 200);
    drop(streams);
    let free = async || (ours.ask(Method::GET, &live, None).await.status() == 200).then_some(());
    support::until("a free stream", std::time::Duration::from_secs(10), free).await;
}
