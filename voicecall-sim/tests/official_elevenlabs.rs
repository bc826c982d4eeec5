//! ElevenLabs's own Python library accepts the emulator: speech with timestamps, voices, errors.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod python;

use std::path::Path;
use std::process::Command;

use voicecall_sim::elevenlabs::{Server, VOICE};

use self::python::python;

const KEY: &str = "made-up-key";

const SCENARIO: &str = r#"
    name = "official library"
    seed = 1
    caller.answer = "busy"
    latency = { speech = "20 ms", speech_pace = 50.0 }
"#;

#[tokio::test]
async fn the_official_python_library_works_against_the_emulator() {
    let server = Server::start(&SCENARIO.parse().unwrap(), KEY).await.unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/official_elevenlabs.py");
    let mut command = Command::new(python());
    command.arg(script).env("BASE_URL", server.base_url()).env("API_KEY", KEY).env("VOICE", VOICE);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && stdout.trim() == "ok", "{stdout}{stderr}");
    server.stop().await;
}
