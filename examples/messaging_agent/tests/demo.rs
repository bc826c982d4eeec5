//! The demonstration, as a new user runs it.
#![allow(clippy::unwrap_used, reason = "a test that meets an unexpected result should stop there")]

use std::process::Command;

#[test]
fn the_demonstration_runs_without_keys() {
    let folder = concat!(env!("CARGO_TARGET_TMPDIR"), "/messaging_agent");
    std::fs::create_dir_all(folder).unwrap();
    let ran = Command::new(env!("CARGO_BIN_EXE_messaging_agent")).arg("demo").current_dir(folder).output().unwrap();
    let told = String::from_utf8(ran.stdout).unwrap();
    assert!(ran.status.success(), "{told}{}", String::from_utf8_lossy(&ran.stderr));
    for line in [
        "tool: opening hours of Sunday: 8 to 14",
        "agent (sms):  On Sunday we are open from eight to two.",
        "agent (whatsapp):  And for whom is it?",
        "tool: booked table 1",
        "I have a table for two at ten on Sunday for Anna.",
        "agent (sms):  It is table 1, for two at ten on Sunday, for Anna.",
    ] {
        assert!(told.contains(line), "{line} in {told}");
    }
    assert!(!told.contains("WARN") && !told.contains("ERROR"), "{told}");
}
