//! The dashboard in a real browser: `dashboard/run.mjs` does what a shop's people do and looks at what they see. Its
//! pictures are in `dashboard` in the target folder, those of the real server with names that begin with `server-`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

mod support;

use std::path::Path;
use std::process::Command;

use support::world::{SHOP, World};

#[test]
fn the_dashboard_works_in_a_browser() {
    run(&[]);
}

/// The customer interrupts, so there are words that were not heard.
#[tokio::test]
async fn the_dashboard_shows_a_real_call_from_its_order_to_its_figures() {
    let world = World::start("interrupts").await;
    let mut server = world.serve().await;
    let (url, token) = (world.url(""), world.token(SHOP).await);
    tokio::task::spawn_blocking(move || run(&["--server", &url, "--token", &token])).await.unwrap();
    server.must_live();
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
