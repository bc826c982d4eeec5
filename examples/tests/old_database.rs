//! A server on the database of an older version: what waited in it is called, what was live is settled, and what was said
//! is shown. `scripts/make-old-database` made it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

mod support;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use support::world::{DATA_KEY, PHONE, SHOP, World, signed_token};
use support::{client, until};

/// Longer than a whole call lasts on a busy machine.
const WHOLE_CALL: Duration = Duration::from_secs(150);

#[tokio::test]
async fn a_call_that_waited_in_an_older_version_is_made_by_this_one() {
    let mut world = World::start("happy").await;
    // What it was sealed and indexed with then; a good key seals from now on.
    let (good, old) = (STANDARD.encode(DATA_KEY), STANDARD.encode([7; 32]));
    world.set("DATA_KEYS", format!("{good},{old}"));
    world.set("INDEX_KEY", old);
    let database = world.folder.path().join("feedback.sqlite");
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/../voicecall-store-sqlite/tests/fixtures/version-4.sqlite");
    std::fs::copy(fixture, &database).unwrap();
    let old = rusqlite::Connection::open(&database).unwrap();
    // The next customer is asked what the simulated one has answers to.
    old.execute("UPDATE customer_counts SET customer_count = 6 WHERE business_id = ?", [SHOP]).unwrap();
    let one = |query: &str| old.query_row(query, [], |row| row.get::<_, String>(0)).unwrap();
    let waiting = one("SELECT id FROM call_sessions WHERE status = 'initiated'");
    let live = one("SELECT id FROM call_sessions WHERE status = 'in_progress'");
    let demo = one("SELECT call_session_id FROM question_selection_logs WHERE call_session_id IS NOT NULL");
    // The simulated person answers one call as it should, and the one that rang would be called again at the same time.
    let rang = "UPDATE call_sessions SET status = 'failed', end_reason = 'no_answer', ended_at = updated_at
        WHERE status = 'connecting' AND due_at IS NULL";
    assert_eq!(old.execute(rang, []).unwrap(), 1);
    drop(old);

    let mut server = world.serve().await;

    let mut ended = async |id: &str| {
        let query = format!("SELECT end_reason FROM sessions WHERE id = '{id}' AND ended_at IS NOT NULL");
        until("the end of a call", WHOLE_CALL, async || {
            server.must_live();
            world.column(&query).pop()
        })
        .await
    };
    let (end_of_waiting, end_of_live) = (ended(&waiting).await, ended(&live).await);
    assert_eq!(end_of_waiting, "completed", "{}\n{}", world.story(&waiting), server.log());
    let answers =
        format!("SELECT response_text FROM survey_responses WHERE session_id = '{waiting}' ORDER BY position");
    let expected = ["Jag är mycket nöjd, allt gick snabbt.", "Personalen var trevlig och hjälpsam."];
    assert_eq!(world.column(&answers), expected, "{}\n{}", world.story(&waiting), server.log());
    // The carrier knows nothing of the call that was live; nobody is called twice for it.
    assert_ne!(end_of_live, "completed");
    assert_eq!(world.column(&format!("SELECT id FROM attempts WHERE session_id = '{live}'")).len(), 1);

    let token = signed_token(&[SHOP], 60);
    let request = client().get(world.url(&format!("/api/calls/{demo}"))).bearer_auth(&token);
    let call = support::json(request.send().await.unwrap(), 200).await;
    let answers: Vec<_> = call["responses"].as_array().unwrap().iter().map(|answer| &answer["responseText"]).collect();
    assert_eq!(answers, expected.iter().collect::<Vec<_>>(), "{call}");
    let customer = json!({ "businessId": SHOP, "customerPhone": PHONE });
    let request = client().post(world.url("/api/customers/export")).bearer_auth(&token).json(&customer);
    let export = support::json(request.send().await.unwrap(), 200).await;
    assert_eq!(export["sessions"][0]["call"]["id"], json!(demo));
    server.terminate();
    assert!(server.exit(WHOLE_CALL).await.success(), "{}", server.log());
}
