//! The server is killed in the middle of a call: what was answered is kept, and nobody is left on the line.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

mod support;

use std::time::Duration;

use support::process::Process;
use support::until;
use support::world::World;

/// Ringing, introduction, consent and the first question, on a busy machine.
const FIRST_ANSWER: Duration = Duration::from_secs(90);

/// An apology of a few seconds, or a redirect that fails.
const CARRIER: Duration = Duration::from_secs(40);

/// As long as a whole call lasts on a busy machine.
const WHOLE_CALL: Duration = Duration::from_secs(120);

const ANSWERS: &str = "SELECT response_text FROM survey_responses ORDER BY position";

/// Runs a call until its first answer is stored, and kills the server in that moment.
async fn killed_after_the_first_answer(world: &World) -> Process {
    let mut server = world.serve().await;
    world.initiate().await;
    until("the first answer", FIRST_ANSWER, async || {
        server.must_live();
        (!world.column(ANSWERS).is_empty()).then_some(())
    })
    .await;
    server.kill();
    server
}

/// Everything that must be true of the session once it is recovered.
fn assert_closed_as_a_failure(world: &World) {
    assert_eq!(world.column(ANSWERS), ["Jag är mycket nöjd, allt gick snabbt."]);
    assert_eq!(world.column("SELECT status FROM sessions"), ["failed"]);
    assert_eq!(world.column("SELECT end_reason FROM sessions"), ["technical_failure"]);
    let events = world.column("SELECT kind FROM session_events ORDER BY position");
    assert_eq!(events.last().map(String::as_str), Some("failed"), "{events:?}");
    assert_eq!(events.iter().filter(|event| *event == "response_received").count(), 1, "{events:?}");
    assert_eq!(world.column("SELECT id FROM attempts").len(), 1, "nobody is called twice");
}

fn recovered(server: &Process, what: &str) -> bool {
    let log = server.log();
    let line = log.lines().find(|line| line.contains("open sessions recovered")).expect("a recovery at the start");
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    line["fields"][what] == 1
}

#[tokio::test]
async fn a_call_that_outlives_its_server_goes_on_with_the_next_one() {
    let world = World::behind_gateway("happy").await;
    let _killed = killed_after_the_first_answer(&world).await;
    assert_eq!(world.carrier_status().await, "in-progress", "the gateway holds the call");

    let server = world.serve().await;

    assert!(recovered(&server, "live"), "{}", server.log());
    until("the end of the session", WHOLE_CALL, async || {
        (world.column("SELECT status FROM sessions") != ["in_progress"]).then_some(())
    })
    .await;
    assert_eq!(world.column("SELECT status FROM sessions"), ["completed"], "{}", server.log());
    let answers = world.column(ANSWERS);
    assert_eq!(answers.len(), 2, "{answers:?}");
    assert_eq!(answers[0], "Jag är mycket nöjd, allt gick snabbt.");
    assert_eq!(world.column("SELECT id FROM attempts").len(), 1, "nobody is called twice");
    let facts = world.column("SELECT coalesce(fact ->> '$.kind', fact ->> '$.fact') FROM facts ORDER BY seq");
    assert_eq!(facts.iter().filter(|fact| *fact == "resumed").count(), 1, "{facts:?}");
    let asked = facts.iter().filter(|fact| *fact == "survey.asked").count();
    assert!((2..=3).contains(&asked), "only the question that broke off is asked again: {facts:?}");
    until("the end of the carrier's call", CARRIER, async || {
        (world.carrier_status().await == "completed").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_call_that_died_with_its_server_is_closed_by_the_next_one() {
    let world = World::start("happy").await;
    let _killed = killed_after_the_first_answer(&world).await;
    until("the end of the carrier's call", CARRIER, async || {
        let status = world.carrier_status().await;
        (status == "completed" || status == "failed").then_some(())
    })
    .await;
    assert_eq!(world.column("SELECT status FROM sessions"), ["in_progress"], "nobody could close it");

    let server = world.serve().await;

    assert!(recovered(&server, "closed"), "{}", server.log());
    assert_closed_as_a_failure(&world);
}
