//! Deepgram's own Python library accepts the emulator: live transcription, refusals and faults.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod python;

use std::path::Path;
use std::process::Command;

use voicecall_sim::clips::Library;
use voicecall_sim::deepgram::Server;
use voicecall_sim::scenario::Scenario;

use self::python::python;

const KEY: &str = "made-up-key";
const SENTENCE: &str = "Kaffet var kallt och jag fick vänta länge.";

/// The faults strike from the sixth socket on.
const SCENARIO: &str = r#"
    name = "official library"
    seed = 1
    caller.answer = "busy"

    [[fault]]
    where = "deepgram.listen"
    nth = [6]
    kind = "error"
    status = 402

    [[fault]]
    where = "deepgram.listen"
    nth = [7]
    kind = "rate_limit"
    retry_after = "2 s"

    [[fault]]
    where = "deepgram.listen"
    nth = [8]
    kind = "close"
    at_frame = 60
"#;

#[tokio::test]
async fn the_official_python_library_works_against_the_emulator() {
    let scenario: Scenario = SCENARIO.parse().unwrap();
    let server = Server::start(&scenario, KEY).await.unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/official_deepgram.py");
    let clip = std::env::temp_dir().join(format!("voicecall-deepgram-{}.ulaw", std::process::id()));
    std::fs::write(&clip, Library::bundled().voice("caller", SENTENCE).unwrap().audio).unwrap();
    let (url, audio) = (server.base_url(), clip.clone());
    let run = move || {
        let mut python = Command::new(python());
        python.arg(script).arg(audio).arg(SENTENCE).env("BASE_URL", url).env("API_KEY", KEY).output().unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    std::fs::remove_file(clip).unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && stdout.trim() == "ok", "{stdout}{stderr}");
    server.stop().await;
}
