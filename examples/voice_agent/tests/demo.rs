//! The demonstration, as a new user runs it.
#![allow(clippy::unwrap_used, reason = "a test that meets an unexpected result should stop there")]

use std::process::Command;

/// Runs the demonstration in a folder of its own, and returns what it tells.
fn demo(arguments: &[&str]) -> String {
    let folder = format!("{}/voice_agent{}", env!("CARGO_TARGET_TMPDIR"), arguments.join(""));
    std::fs::create_dir_all(&folder).unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_voice_agent"));
    let ran = program.arg("demo").args(arguments).current_dir(&folder).output().unwrap();
    let told = String::from_utf8(ran.stdout).unwrap();
    assert!(ran.status.success(), "{told}{}", String::from_utf8_lossy(&ran.stderr));
    for line in [
        "tool: opening hours of Sunday: 8 to 14",
        "On Sunday we are open from eight to two.",
        "tool: booked table 1",
        "I have a table for two at ten on Sunday for Anna.",
        "Thank you for calling, goodbye.",
    ] {
        assert!(told.contains(line), "{line} in {told}");
    }
    assert!(!told.contains("WARN") && !told.contains("ERROR"), "{told}");
    let recording = std::fs::metadata(format!("{folder}/out/call.wav")).unwrap();
    assert!(recording.len() > 2 * 2 * 8_000 * 2, "some seconds of two voices");
    told
}

#[test]
fn the_demonstration_runs_without_keys() {
    let told = demo(&[]);
    assert!(
        told.contains("Heard by the simulated Deepgram") && told.contains("Spoken by the simulated ElevenLabs"),
        "{told}"
    );
}

#[test]
fn one_model_hears_and_answers_the_same_call() {
    let told = demo(&["--engine", "realtime"]);
    assert!(told.contains("Answered by the simulated Realtime API") && !told.contains("simulated Deepgram"), "{told}");
}
