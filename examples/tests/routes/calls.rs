//! Calls over the interface: followed, ended, counted, forgotten, and their recordings.

use super::*;

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
    let (mut world, metrics) = (World::start("happy").await, ReservedAddress::new());
    world.set("METRICS_LISTEN", metrics.address());
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
    let asked = ringing["startedAt"].as_str().unwrap();
    for (range, found) in [("from={}&until={}", 1), ("until={}", 1)] {
        let range = range.replace("{}", asked);
        assert_eq!(ours.get(&format!("{list}&{range}"), 200).await["pagination"]["total"], found, "both ends belong");
    }
    let told = events.until("cost", |cost| cost["costEstimate"].as_f64() > Some(0.0)).await;
    let status = ours.get(&format!("/api/calls/{session}/status"), 200).await;
    assert!(
        status["status"] == "in_progress" && status["costEstimate"].as_f64() >= told["costEstimate"].as_f64(),
        "{told} {status}"
    );
    let log = json!({ "sessionId": session, "eventType": "warning_sent", "timestamp": "2026-01-01T00:00:00Z" });
    let kept = ours.post("/api/calls/logs", &log, 201).await;
    let timeline = ours.get(&format!("/api/calls/{session}/events"), 200).await;
    assert!(timeline["events"].as_array().unwrap().contains(&kept), "as it is stored: {kept} {timeline}");

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
    assert_eq!(
        ends(metrics.address()).await,
        ["{reason=\"completed\",connected=\"true\"} 1"],
        "who watches the engine knows"
    );

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
    for (query, field) in [
        ("status=over", "status"),
        ("endReason=x", "endReason"),
        ("from=today", "from"),
        ("limit=0", "limit"),
        ("from=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", "until"),
    ] {
        ours.refuses_query("/api/calls", &[(&*format!("businessId={SHOP}&{query}"), field)]).await;
    }
    theirs.get(&list, 404).await;
    theirs.get(&format!("/api/calls/live?businessId={SHOP}"), 404).await;

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
        theirs.post(path, &customer, 404).await;
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
    let columns = |line: &str| line.split(',').count();
    assert!(lines[0].contains(",Hur nöjd är du med ditt senaste besök?,") && columns(lines[0]) == 14, "{table}");
    assert!(lines[1].contains(",Mycket bra.,") && columns(lines[1]) == 14, "{table}");
    for path in ["/api/analytics", "/api/analytics.csv"] {
        for (query, field) in [
            ("from=2026-01-01", "until"),
            ("from=2026-01-02&until=2026-01-01", "until"),
            ("from=2025-01-01&until=2026-01-02", "until"),
            ("from=today&until=2026-01-01", "from"),
        ] {
            ours.refuses_query(path, &[(&*format!("businessId={SHOP}&{query}"), field)]).await;
        }
        assert_eq!(theirs.ask(Method::GET, &format!("{path}?{query}"), None).await.status(), 404);
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
