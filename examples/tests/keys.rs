//! The keys of personal data and the environment they come from: refused when they are wrong, changed without losing anybody.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

mod support;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use support::past::Past;
use support::process::Process;
use support::world::{DATA_KEY, INDEX_KEY, PHONE, SHOP, World, signed_token};
use support::{client, json as answer};
use voicecall::Vault;
use voicecall::store::EndReason;

/// Longer than a program takes that ends by itself.
const AT_ONCE: Duration = Duration::from_secs(20);

const NEW_KEY: [u8; 32] = *b"the next made-up key of 32 byte.";

fn key(bytes: [u8; 32]) -> String {
    STANDARD.encode(bytes)
}

/// Starts a server that must refuse to, and returns why.
async fn refused(world: &World) -> String {
    let mut server = world.begin(&["serve"]);
    assert!(!server.exit(AT_ONCE).await.success(), "it serves");
    server.log()
}

async fn get(world: &World, path: &str) -> Value {
    let request = client().get(world.url(path)).bearer_auth(signed_token(&[SHOP], 60));
    answer(request.send().await.unwrap(), 200).await
}

async fn erase(world: &World, phone: &str) -> Value {
    let customer = json!({ "businessId": SHOP, "customerPhone": phone });
    let request = client().post(world.url("/api/customers/erase")).bearer_auth(signed_token(&[SHOP], 60));
    answer(request.json(&customer).send().await.unwrap(), 200).await
}

async fn stop(mut server: Process) {
    server.terminate();
    assert!(server.exit(AT_ONCE).await.success(), "{}", server.log());
}

async fn with_a_call(world: &World) {
    let past = Past::open(&world.folder.path().join("feedback.sqlite"), world.folder.path().join("recordings")).await;
    past.call(1, EndReason::Completed, PHONE, "kanarie").await;
    past.close().await;
}

#[tokio::test]
async fn keys_are_changed_and_nobody_is_lost() {
    let mut world = World::start("happy").await;
    with_a_call(&world).await;
    stop(world.serve().await).await;

    world.set("INDEX_KEY", key(NEW_KEY));
    let why = refused(&world).await;
    assert!(why.contains("INDEX_KEY: another one than"), "{why}");
    world.set("INDEX_KEY", key(INDEX_KEY));
    world.set("DATA_KEYS", key(NEW_KEY));
    let why = refused(&world).await;
    assert!(why.contains("DATA_KEYS: the store holds what key "), "{why}");

    world.set("DATA_KEYS", format!("{},{}", key(NEW_KEY), key(DATA_KEY)));
    stop(world.serve().await).await;
    // The call and the three customers of the seed.
    assert!(world.run(&["rekey"]).await.starts_with("4 numbers sealed anew, 0 were already"));
    assert!(world.run(&["rekey"]).await.starts_with("0 numbers sealed anew, 4 were already"));

    world.set("DATA_KEYS", key(NEW_KEY));
    let _server = world.serve().await;
    let calls = get(&world, &format!("/api/calls?businessId={SHOP}")).await;
    assert_eq!(calls["calls"][0]["customerPhone"], "+46*******67");
    assert_eq!(erase(&world, PHONE).await, json!({ "sessions": 1, "recordings": 1, "verifications": 1 }));
}

#[tokio::test]
async fn a_number_that_does_not_open_hides_no_other() {
    let world = World::start("happy").await;
    with_a_call(&world).await;
    with_a_call(&world).await;
    let database = rusqlite::Connection::open(world.folder.path().join("feedback.sqlite")).unwrap();
    // One customer's number in another's row.
    let copy = "UPDATE sessions SET remote = (SELECT remote FROM sessions ORDER BY id LIMIT 1)";
    assert_eq!(database.execute(copy, []).unwrap(), 2);
    drop(database);
    let _server = world.serve().await;
    let calls = get(&world, &format!("/api/calls?businessId={SHOP}")).await;
    let mut phones: Vec<_> =
        calls["calls"].as_array().unwrap().iter().map(|call| call["customerPhone"].clone()).collect();
    phones.sort_by_key(Value::is_null);
    assert_eq!(phones, [json!("+46*******67"), Value::Null]);
    let mut rekey = world.begin(&["rekey"]);
    assert!(!rekey.exit(AT_ONCE).await.success());
    assert!(rekey.output().contains("cannot be opened: "), "{}", rekey.output());
    assert_eq!(erase(&world, PHONE).await["sessions"], 2, "found by the hash, whatever the number is");
}

#[tokio::test]
async fn a_server_without_its_variables_names_them_all_and_simulates_nothing() {
    let mut world = World::start("happy").await;
    for name in ["TWILIO_ACCOUNT_SID", "JWT_SECRET", "INDEX_KEY", "VOICECALL_CHAT_MODEL"] {
        world.unset(name);
    }
    world.set("TWILIO_ACOUNT_SID", "AC00000000000000000000000000000001");
    world.set("PUBLIC_URL", "http://calls.example.com");
    world.set("DATA_KEYS", key([0; 32]));
    world.set("WEBHOOK_SECRET", "a".repeat(32));
    world.set("RETENTION_EVENTS_DAYS", "soon");
    world.set("ALERT_CALL_COST", "much");
    let why = refused(&world).await;
    for name in [
        "TWILIO_ACCOUNT_SID",
        "JWT_SECRET",
        "INDEX_KEY",
        "PUBLIC_URL",
        "DATA_KEYS",
        "WEBHOOK_SECRET",
        "RETENTION_EVENTS_DAYS",
        "ALERT_CALL_COST",
    ] {
        assert!(why.contains(&format!("\n  {name}: ")), "{name}: {why}");
    }
    assert!(!why.contains("TWILIO_NUMBER"), "what is right is not named: {why}");
    assert!(!world.folder.path().join("out").exists(), "nothing is simulated");
    let nothing = Process::start(world.folder.path(), &["serve"], &[]).exit(AT_ONCE).await;
    assert!(!nothing.success());
}

#[tokio::test]
async fn an_old_key_opens_whatever_it_is_and_seals_nothing() {
    let mut world = World::start("happy").await;
    let (weak, good) = (key([7; 32]), Vault::generate_key().unwrap());
    let good = secrecy::ExposeSecret::expose_secret(&good).to_owned();
    world.set("DATA_KEYS", format!("{good},{weak}"));
    world.set("INDEX_KEY", &weak);
    stop(world.serve().await).await;
    world.set("DATA_KEYS", format!("{weak},{good}"));
    let why = refused(&world).await;
    assert!(why.contains("DATA_KEYS: 32 random bytes"), "{why}");
}
