//! The dashboard in a real browser: `dashboard/run.mjs` does what a shop's people do and looks at what they see.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

use std::path::Path;
use std::process::Command;

#[test]
fn the_dashboard_works_in_a_browser() {
    run(&[]);
}

/// Fails with everything the script printed. What it needs is never taken for granted: without a browser it fails and
/// says what to install.
fn run(arguments: &[&str]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dashboard/run.mjs");
    let output = Command::new("node").arg(script).args(arguments).output();
    let output = output.expect("node is missing: run scripts/node-env");
    let printed = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{printed}");
}
