//! Calls of the past as clients see them: in the contract's words, and heard for what their customers asked.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::past::Past;
use support::world::{PHONE, SHOP, VERIFIED, World, signed_token};
use support::{client, until};
use voicecall::journal::Fact;
use voicecall::store::EndReason;

const OTHER_PHONE: &str = "+46709998877";

async fn past(world: &World) -> Past {
    Past::open(&world.folder.path().join("feedback.sqlite"), world.folder.path().join("recordings")).await
}

async fn get(world: &World, path: &str, status: u16) -> Value {
    let request = client().get(world.url(path)).bearer_auth(signed_token(&[SHOP], 60));
    support::json(request.send().await.unwrap(), status).await
}

async fn post(world: &World, path: &str, body: &Value, status: u16) -> Value {
    let request = client().post(world.url(path)).bearer_auth(signed_token(&[SHOP], 60)).json(body);
    support::json(request.send().await.unwrap(), status).await
}

#[tokio::test]
async fn a_hang_up_is_told_in_the_contracts_words_everywhere() {
    let world = World::start("happy").await;
    let past = past(&world).await;
    let id = past.call(1, EndReason::RemoteHangup, OTHER_PHONE, "Det var bra.").await;
    past.note(id, Fact::Ended { reason: EndReason::RemoteHangup }).await;
    past.close().await;
    let _server = world.serve().await;

    let detail = get(&world, &format!("/api/calls/{id}"), 200).await;
    assert_eq!(detail["call"]["endReason"], "customer_hangup");
    let event = |kind: &str| {
        let events = detail["timeline"].as_array().unwrap();
        events.iter().find(|event| event["eventType"] == kind).cloned().unwrap_or_else(|| panic!("no {kind}: {detail}"))
    };
    assert_eq!(event("failed")["eventData"], json!({ "reason": "customer_hangup" }));
    assert_eq!(event("response_received")["source"], "customer");
    let list = |reason: &str| format!("/api/calls?businessId={SHOP}&endReason={reason}");
    assert_eq!(get(&world, &list("customer_hangup"), 200).await["pagination"]["total"], 1);
    assert_eq!(get(&world, &list("remote_hangup"), 400).await["details"]["field"], "endReason");
    let day = |days: i64| (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days)).strftime("%F");
    let days = format!("businessId={SHOP}&from={}&until={}", day(-2), day(1));
    let analytics = get(&world, &format!("/api/analytics?{days}"), 200).await;
    assert_eq!(analytics["endReasons"], json!([{ "reason": "customer_hangup", "count": 1 }]));
    let request = client().get(world.url(&format!("/api/analytics.csv?{days}")));
    let table = request.bearer_auth(signed_token(&[SHOP], 60)).send().await.unwrap().text().await.unwrap();
    assert!(table.contains(",failed,customer_hangup,"), "{table}");
    let export =
        post(&world, "/api/customers/export", &json!({ "businessId": SHOP, "customerPhone": OTHER_PHONE }), 200).await;
    let facts: Vec<_> =
        export["sessions"][0]["journal"].as_array().unwrap().iter().map(|entry| &entry["fact"]).collect();
    let answered = facts.iter().find(|fact| fact["fact"] == "answered").expect("the answer");
    assert_eq!(answered["text"], "Det var bra.");
    assert_eq!(**facts.last().unwrap(), json!({ "fact": "ended", "reason": "customer_hangup" }));

    let kept = json!({ "sessionId": id, "eventType": "response_received", "source": "customer" });
    assert_eq!(post(&world, "/api/calls/logs", &kept, 409).await["details"]["field"], "sessionId", "it is over");
    for (field, wrong) in [("source", "person"), ("eventType", "transferred")] {
        let mut other = kept.clone();
        other[field] = json!(wrong);
        assert_eq!(post(&world, "/api/calls/logs", &other, 400).await["details"]["field"], field);
    }
    let document = get(&world, "/api/openapi.json", 200).await;
    let words = |name: &str| document["components"]["schemas"][name]["enum"].clone();
    assert_eq!(words("EventSource"), json!(["system", "telephony", "ai", "customer"]));
    let reasons = words("EndReason");
    assert!(reasons.as_array().unwrap().contains(&json!("customer_hangup")), "{reasons}");
    assert_eq!(reasons.as_array().unwrap().len(), 20, "{reasons}");
    assert_eq!(words("CallEventType").as_array().unwrap().len(), 10);
}

#[tokio::test]
async fn who_asked_never_to_be_called_again_is_not() {
    let world = World::start("busy").await;
    let past = past(&world).await;
    let others = past.call(2, EndReason::Declined, OTHER_PHONE, "ring aldrig mer").await;
    past.note(others, Fact::DoNotCall).await;
    let id = past.call(1, EndReason::Declined, PHONE, "ring aldrig mer").await;
    past.close().await;
    let order = json!({ "verificationId": VERIFIED, "businessId": SHOP, "customerPhone": PHONE });
    let mut server = world.serve().await;
    // It is another customer who asked.
    let session = post(&world, "/api/calls/initiate", &order, 201).await;
    let path = format!("/api/calls/{}/status", session["id"].as_str().unwrap());
    until("the end of the call", Duration::from_secs(60), async || {
        (get(&world, &path, 200).await["attempts"] == 1).then_some(())
    })
    .await;
    server.terminate();
    server.exit(Duration::from_secs(240)).await;
    let past = self::past(&world).await;
    let queued = past.asked_for(PHONE, 0).await;
    past.note(id, Fact::DoNotCall).await;
    past.close().await;

    let _server = world.serve().await;
    let call = get(&world, &format!("/api/calls/{queued}"), 200).await["call"].clone();
    assert_eq!((&call["status"], &call["endReason"]), (&json!("failed"), &json!("do_not_call")));
    let listed = get(&world, &format!("/api/calls?businessId={SHOP}&endReason=do_not_call"), 200).await;
    assert_eq!(listed["pagination"]["total"], 1);
    assert!(world.column(&format!("SELECT id FROM attempts WHERE session_id = '{queued}'")).is_empty());
    let next = purchase(&world).await;
    let refused = json!({ "verificationId": next, "businessId": SHOP, "customerPhone": PHONE });
    let error = post(&world, "/api/calls/initiate", &refused, 422).await;
    assert_eq!((&error["code"], &error["details"]["field"]), (&json!("do_not_call"), &json!("customerPhone")));
    assert_eq!(world.column("SELECT count(*) || '' FROM sessions"), ["4"], "nothing was begun");
    let again = post(&world, "/api/calls/initiate", &order, 201).await;
    assert_eq!(again["id"], session["id"], "what was asked for before is the same session");

    // Whoever is erased is not forgotten to have asked.
    let customer = json!({ "businessId": SHOP, "customerPhone": PHONE });
    assert!(post(&world, "/api/customers/export", &customer, 200).await["doNotCallSince"].is_string());
    assert_eq!(post(&world, "/api/customers/erase", &customer, 200).await["sessions"], 3);
    assert_eq!(world.column("SELECT count(*) || '' FROM sessions"), ["1"], "the other customer's");
    let next = purchase(&world).await;
    let refused = json!({ "verificationId": next, "businessId": SHOP, "customerPhone": PHONE });
    assert_eq!(post(&world, "/api/calls/initiate", &refused, 422).await["code"], "do_not_call");
    assert_eq!(world.column("SELECT count(*) || '' FROM do_not_call"), ["2"]);
    // Until they change their mind.
    assert!(post(&world, "/api/customers/forbid-calls", &customer, 200).await["doNotCallSince"].is_string());
    assert_eq!(post(&world, "/api/customers/allow-calls", &customer, 200).await, json!({}));
    post(&world, "/api/calls/initiate", &refused, 201).await;
}

/// The whole way: said in a call over real sockets, and respected by all that waits and comes.
#[tokio::test]
async fn who_says_so_in_a_call_is_called_no_more() {
    let world = World::start("never_again").await;
    let past = past(&world).await;
    let queued = past.asked_for(PHONE, 1).await;
    past.close().await;
    let mut server = world.serve().await;
    let id = world.initiate().await;
    let over = std::time::Duration::from_secs(120);
    support::until("the end of the call", over, async || {
        server.must_live();
        let ended = format!("SELECT end_reason FROM sessions WHERE id = '{id}' AND ended_at IS NOT NULL");
        world.column(&ended).pop()
    })
    .await;

    assert_eq!(world.column(&format!("SELECT end_reason FROM sessions WHERE id = '{id}'")), ["declined"]);
    assert_eq!(world.column(&format!("SELECT end_reason FROM sessions WHERE id = '{queued}'")), ["do_not_call"]);
    let next = purchase(&world).await;
    let refused = json!({ "verificationId": next, "businessId": SHOP, "customerPhone": PHONE });
    assert_eq!(post(&world, "/api/calls/initiate", &refused, 422).await["code"], "do_not_call");
    assert_eq!(world.column("SELECT count(*) || '' FROM attempts"), ["1"], "the phone rang once");
    server.terminate();
    assert!(server.exit(over).await.success(), "{}", server.log());
}

/// Another purchase of the customer. Returns its id.
async fn purchase(world: &World) -> Value {
    let purchase = json!({
        "businessId": SHOP, "customerPhone": PHONE, "amount": 1, "purchasedAt": jiff::Timestamp::now(),
        "status": "verified",
    });
    post(world, "/api/verifications", &purchase, 201).await["id"].clone()
}

#[tokio::test]
async fn who_wanted_to_be_called_later_and_was_not_is_listed() {
    let world = World::start("happy").await;
    let past = past(&world).await;
    let id = past.call(1, EndReason::CallBack, OTHER_PHONE, "ring imorgon efter fem").await;
    past.note(id, Fact::CallBack { not_before: None, not_after: None, when: "imorgon efter fem".to_owned() }).await;
    past.close().await;
    let _server = world.serve().await;

    let listed = get(&world, &format!("/api/calls?businessId={SHOP}&endReason=call_back"), 200).await;
    assert_eq!(listed["calls"][0]["id"], json!(id));
    let customer = json!({ "businessId": SHOP, "customerPhone": OTHER_PHONE });
    let export = post(&world, "/api/customers/export", &customer, 200).await;
    let journal = export["sessions"][0]["journal"].as_array().unwrap().clone();
    assert_eq!(journal.last().unwrap()["fact"], json!({ "fact": "call_back", "when": "imorgon efter fem" }));
    assert_eq!(world.column("SELECT count(*) || '' FROM sessions"), ["1"], "a call that is over calls nobody");
}
