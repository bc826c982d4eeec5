//! The demonstration, as a new user runs it.
#![allow(clippy::unwrap_used, reason = "a test that meets an unexpected result should stop there")]

use std::process::Command;

#[test]
fn the_demonstration_runs_without_keys() {
    let folder = concat!(env!("CARGO_TARGET_TMPDIR"), "/webhook_server");
    std::fs::create_dir_all(folder).unwrap();
    let ran = Command::new(env!("CARGO_BIN_EXE_webhook_server")).arg("demo").current_dir(folder).output().unwrap();
    let told = String::from_utf8(ran.stdout).unwrap();
    assert!(ran.status.success(), "{told}{}", String::from_utf8_lossy(&ran.stderr));
    for line in [
        "health: http://",
        "metrics: http://",
        "receiver: conversation.created active",
        "receiver: participant.added",
        "receiver: message.added received",
        "receiver: message.delivery.updated delivered",
        "receiver: call.initiated initiated",
        "receiver: call.answered in-progress",
        "receiver: stream.started",
        "receiver: stream.ended",
        "receiver: transcription.completed",
        "receiver: call.completed completed",
        "workflow: the owner is told by text",
        "receiver: message.delivery.updated undelivered",
        "workflow: a text was not delivered, tried over WhatsApp",
        "workflow: ALERT, a message reached nobody (30003), attempt 1",
    ] {
        assert!(told.contains(line), "{line} in {told}");
    }
    assert!(!told.contains("refused") && !told.contains("WARN") && !told.contains("ERROR"), "{told}");
    for once in ["workflow: the owner is told", "workflow: ALERT", "receiver: call.completed"] {
        assert_eq!(told.matches(once).count(), 1, "{once} in {told}");
    }
}
