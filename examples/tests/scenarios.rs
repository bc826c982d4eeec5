//! Every bundled scenario over real sockets: server, store and simulator as they are, one process each.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

mod support;

use std::time::Duration;

use serde_json::Value;
use support::process::Process;
use support::{Folder, column};

/// Longer than the longest call, ringing included, on a busy machine.
const CALL: Duration = Duration::from_secs(240);

/// What the preferred carrier does not find out, and the other one does.
const TOLD_BY_TWILIO: [&str; 3] = ["busy", "no_answer", "voicemail"];

/// Runs the demo with a scenario. Returns status and reason of its session, and how many answers it left.
async fn outcome(scenario: &str) -> (String, String, usize) {
    let folder = Folder::new();
    let out = folder.path().join("out");
    let arguments = ["demo", "--scenario", scenario, "--out", out.to_str().unwrap()];
    let twilio = [("CARRIERS", "twilio".to_owned())];
    let environment = if TOLD_BY_TWILIO.contains(&scenario) { &twilio[..] } else { &[] };
    let mut demo = Process::start(folder.path(), &arguments, environment);
    let status = demo.exit(CALL).await;
    assert!(status.success(), "{}\n{}", demo.output(), demo.log());
    let database = out.join("feedback.sqlite");
    let one = |field: &str| column(&database, &format!("SELECT {field} FROM sessions")).remove(0);
    let answers = column(&database, "SELECT response_text FROM survey_responses").len();
    if scenario == "declines" {
        // Nothing but the refusal is kept.
        assert!(!out.join("recording.wav").exists() && !out.join("inputs.jsonl").exists());
        let words = "SELECT fact FROM facts WHERE fact ->> '$.fact' IN ('said', 'heard', 'custom')";
        assert_eq!(column(&database, words).len(), 0);
        assert_eq!(column(&database, "SELECT transcript FROM survey_calls WHERE transcript IS NOT NULL").len(), 0);
    }
    let report: Value = serde_json::from_slice(&std::fs::read(out.join("report.json")).unwrap()).unwrap();
    (one("status"), report["endReason"].as_str().unwrap().to_owned(), answers)
}

macro_rules! scenarios {
    ($($name:ident => $status:literal, $reason:literal, $answers:literal;)*) => {$(
        #[tokio::test]
        async fn $name() {
            assert_eq!(outcome(stringify!($name)).await, ($status.to_owned(), $reason.to_owned(), $answers));
        }
    )*};
}

scenarios! {
    declines => "completed", "declined", 0;
    never_again => "completed", "declined", 0;
    silent => "failed", "no_response", 0;
    interrupts => "completed", "completed", 2;
    thin_answer => "completed", "completed", 2;
    does_not_understand => "completed", "completed", 2;
    hangs_up => "failed", "customer_hangup", 1;
    over_long => "completed", "completed", 2;
    other_language => "completed", "other_language", 0;
    busy => "failed", "busy", 0;
    no_answer => "failed", "no_answer", 0;
    voicemail => "failed", "voicemail", 0;
}
