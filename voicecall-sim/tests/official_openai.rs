//! OpenAI's own Python library accepts the emulator: chat, speech, transcription, the Realtime API, errors and faults.

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

/// The faults strike the seventh response, and the second socket.
const REALTIME: &str = r#"
    name = "official library, Realtime API"
    seed = 1
    caller.answer = "busy"
    latency = { first_token = "20 ms", per_token = "1 ms", speech = "20 ms", speech_pace = 20.0, transcription = "10 ms" }

    [[model.rule]]
    result = "booked"
    reply = "Klart!"

    [[model.rule]]
    caller = "Hej"
    reply = "Hej hej!"

    [[model.rule]]
    caller = "Hur nöjd är du"
    reply = "Tack. Vill du vara med?"

    [[model.rule]]
    caller = "Boka"
    calls = [{ tool = "book", arguments = { at = 19 } }]

    [[model.rule]]
    caller = "Berätta"
    reply = "Hur nöjd är du med ditt senaste besök? Tack. Vill du vara med? Hur nöjd är du med ditt senaste besök?"

    [[fault]]
    where = "openai.realtime.response"
    nth = [7]
    kind = "rate_limit"

    [[fault]]
    where = "openai.realtime"
    nth = [2]
    kind = "rate_limit"
"#;

#[tokio::test]
async fn the_official_python_library_works_against_the_emulator() {
    judge(SCENARIO, "tests/official_openai.py").await;
}

#[tokio::test]
async fn the_official_python_library_talks_to_the_realtime_api() {
    judge(REALTIME, "tests/official_realtime.py").await;
}

/// Runs a script against an emulator of this scenario.
async fn judge(scenario: &str, script: &str) {
    let scenario: Scenario = scenario.parse().unwrap();
    let server = Server::start(&scenario, KEY).await.unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(script);
    let url = server.base_url();
    let run = move || Command::new(python()).arg(script).env("BASE_URL", url).env("API_KEY", KEY).output().unwrap();
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && stdout.trim() == "ok", "{stdout}{stderr}");
    server.stop().await;
}
