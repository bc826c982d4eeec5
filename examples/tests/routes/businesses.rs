//! Shops: how they want to call, and how they are changed.

use super::*;

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
            ("storeInfo.name", json!("x".repeat(101))),
            ("storeInfo.name", json!("Kaffe\u{202e}")),
            ("callPreferences.voice", json!("x".repeat(101))),
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
    theirs.patch(&path, &json!({}), 404).await;
    a_business_is_changed_in_part_and_only_as_it_was_seen(&ours, &path, &good).await;
    assert_eq!(ours.get("/api/businesses/x", 404).await["details"]["field"], "businessId");
    let new = Client { world: &world, token: signed_token(&[NOTHING], 60) };
    let path = format!("/api/businesses/{NOTHING}");
    new.get(&path, 404).await;
    new.patch(&path, &json!({ "storeInfo": { "name": "Ny" } }), 404).await;
    assert_eq!(new.get("/api/businesses", 200).await["businesses"], json!([]));
    assert_eq!(new.put(&path, &json!({ "storeInfo": { "name": "Ny" } }), 200).await["businessId"], NOTHING);
    let both = Client { world: &world, token: signed_token(&[SHOP, NOTHING, SHOP], 60) };
    let page = both.get("/api/businesses?limit=1&page=2", 200).await;
    assert_eq!(page["businesses"][0]["businessId"], NOTHING);
    assert_eq!(page["pagination"], json!({ "page": 2, "perPage": 1, "total": 2, "hasNext": false }));
    theirs.refuses_query("/api/businesses", &[("limit=0", "limit"), ("colour=red", "colour")]).await;
}

async fn a_business_is_changed_in_part_and_only_as_it_was_seen(ours: &Client<'_>, path: &str, good: &Value) {
    let put = ours.ask(Method::PUT, path, Some(good)).await;
    let seen = put.headers()["etag"].clone();
    assert_eq!(seen, ours.ask(Method::GET, path, None).await.headers()["etag"]);
    let patch = json!({ "storeInfo": { "name": "Te" }, "callPreferences": { "voice": null, "maxAttempts": 4 } });
    let send = async |method: Method, tag: &reqwest::header::HeaderValue, body: &Value| {
        let request = client().request(method, ours.world.url(path)).bearer_auth(&ours.token).header("if-match", tag);
        request.header("content-type", "application/merge-patch+json").body(body.to_string()).send().await.unwrap()
    };
    let changed_shop = send(Method::PATCH, &seen, &patch).await;
    let tag = changed_shop.headers()["etag"].clone();
    let expected = changed(good, "storeInfo.name", json!("Te"));
    let expected =
        changed(&changed(&expected, "callPreferences.voice", Value::Null), "callPreferences.maxAttempts", json!(4));
    assert_eq!(answer(changed_shop, 200).await, expected);
    let late = answer(send(Method::PATCH, &seen, &patch).await, 412).await;
    assert_eq!((&late["code"], &late["details"]["field"]), (&json!("changed_meanwhile"), &json!("if-match")));
    let late = client().put(ours.world.url(path)).bearer_auth(&ours.token).header("if-match", seen).json(good);
    answer(late.send().await.unwrap(), 412).await;
    assert_eq!(ours.get(path, 200).await, expected, "nobody's change was lost");
    assert_eq!(answer(send(Method::PATCH, &tag, &json!({})).await, 200).await, expected);
    let usual = ours.patch(path, &json!({ "callPreferences": null }), 200).await;
    assert_eq!(usual["callPreferences"]["maxAttempts"], 3, "as for a new shop");
    let wrong = [
        ("storeInfo", json!({ "storeInfo": null })),
        ("storeInfo.name", json!({ "storeInfo": { "name": "" } })),
        ("callPreferences.colour", json!({ "callPreferences": { "colour": "red" } })),
        ("businessId", json!({ "businessId": SILENT_SHOP })),
        ("body", json!([])),
    ];
    for (field, patch) in wrong {
        assert_eq!(ours.patch(path, &patch, 400).await["details"]["field"], field, "{patch}");
    }
}
