//! What holds for every route: errors of one shape, names of requests, rates, and the documentation.

use super::*;

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

    // A token each: the limit is the business's.
    let initiate = async |order: Value, seconds: i64| {
        let client = Client { world: &world, token: signed_token(&[SHOP], 70 + seconds) };
        if order["verificationId"] != VERIFIED {
            let now = jiff::Timestamp::now();
            let purchase = json!({
                "id": order["verificationId"], "businessId": SHOP, "purchasedAt": now, "amount": 1, "status": "verified",
                "customerPhone": order["customerPhone"],
            });
            client.post("/api/verifications", &purchase, 201).await;
        }
        client.ask(Method::POST, "/api/calls/initiate", Some(&order)).await
    };
    let order = json!({ "verificationId": VERIFIED, "businessId": SHOP, "customerPhone": PHONE });
    let first = answer(initiate(order.clone(), 0).await, 201).await;
    for again in 1..4 {
        let same = answer(initiate(order.clone(), again).await, 201).await;
        assert_eq!(same["id"], first["id"], "asking again is no other call");
    }
    let wrong = changed(&order, "customerPhone", json!("+46701112200"));
    assert_eq!(answer(initiate(wrong, 4).await, 400).await["details"]["field"], "customerPhone");
    let another = |number: i64| {
        let id = changed(&order, "verificationId", json!(voicecall::RecordId::new()));
        changed(&id, "customerPhone", json!(format!("+4670111221{number}")))
    };
    answer(initiate(another(1), 5).await, 201).await;
    let refused = initiate(another(2), 6).await;
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
