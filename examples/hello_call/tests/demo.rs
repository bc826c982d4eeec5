//! The demonstration, as a new user runs it.
#![allow(clippy::unwrap_used, reason = "a test that meets an unexpected result should stop there")]

use std::process::Command;

#[test]
fn the_demonstration_runs_without_keys() {
    let folder = concat!(env!("CARGO_TARGET_TMPDIR"), "/hello_call");
    std::fs::create_dir_all(folder).unwrap();
    let ran = Command::new(env!("CARGO_BIN_EXE_hello_call")).arg("demo").current_dir(folder).output().unwrap();
    let told = String::from_utf8(ran.stdout).unwrap();
    assert!(ran.status.success(), "{told}{}", String::from_utf8_lossy(&ran.stderr));
    let line = "Hello, you have reached the bakery. We are open from eight to six.";
    assert!(told.contains(line), "{told}");
    assert!(!told.contains("WARN") && !told.contains("ERROR"), "{told}");
    let recording = std::fs::metadata(format!("{folder}/out/call.wav")).unwrap();
    assert!(recording.len() > 2 * 2 * 8_000 * 2, "some seconds of two voices");
}

#[test]
fn a_program_that_does_not_start_says_so() {
    let ran = Command::new(env!("CARGO_BIN_EXE_hello_call")).arg("demo").env("VOICECALL_SPEECH_FORMAT", "x").output();
    let ran = ran.unwrap();
    let told = String::from_utf8_lossy(&ran.stderr);
    assert!(!ran.status.success(), "{told}");
    assert!(told.contains("VOICECALL_SPEECH_FORMAT") && told.contains("wait for the application to serve"), "{told}");
}
