//! OpenAI's own Python library accepts the emulator: chat, speech, transcription, errors and faults.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod python;

use std::path::Path;
use std::process::Command;

use voicecall_sim::openai::Server;
use voicecall_sim::scenario::Scenario;

use self::python::python;

const KEY: &str = "made-up-key";

/// Whole answers come first; the faults strike from the ninth on.
const SCENARIO: &str = r#"
    name = "official library"
    seed = 1
    caller.answer = "busy"
    latency = { first_token = "20 ms", per_token = "1 ms", speech = "20 ms", speech_pace = 50.0, transcription = "10 ms" }

    [[model.rule]]
    schema = "consent"
    caller = "Ja, det går bra"
    reply = { decision = "yes" }

    [[model.rule]]
    caller = "Hej"
    reply = "Hej hej!"

    [[model.rule]]
    result = "booked"
    reply = "Klart!"

    [[model.rule]]
    caller = "Boka"
    reply = "Ett ögonblick."
    calls = [{ tool = "book", arguments = { at = 19, name = "Åsa" } }, { tool = "look", arguments = {} }]

    [[fault]]
    where = "openai.chat"
    nth = [9]
    kind = "rate_limit"
    retry_after = "2 s"

    [[fault]]
    where = "openai.chat"
    nth = [10]
    kind = "error"
    status = 503

    [[fault]]
    where = "openai.chat"
    nth = [11]
    kind = "drop_before"

    [[fault]]
    where = "openai.chat"
    nth = [12]
    kind = "accept_then_drop"

    [[fault]]
    where = "openai.chat"
    nth = [13]
    kind = "latency"
    delay = "1 h"
"#;

#[tokio::test]
async fn the_official_python_library_works_against_the_emulator() {
    let scenario: Scenario = SCENARIO.parse().unwrap();
    let server = Server::start(&scenario, KEY).await.unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/official_openai.py");
    let url = server.base_url();
    let run = move || Command::new(python()).arg(script).env("BASE_URL", url).env("API_KEY", KEY).output().unwrap();
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && stdout.trim() == "ok", "{stdout}{stderr}");
    server.stop().await;
}
