//! What of us a program gets to read, and what of it gets into our log.

use std::io;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;
use voicecall_core::tool::ToolOutcome;

use crate::support::{INSTALLED, bakery, run, tool};

#[tokio::test]
async fn a_program_gets_no_variable_that_is_not_named() {
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some(), "ours has some");
    let server = bakery().env("BREAD", "rye").start().await.expect(INSTALLED);
    let tools = server.tools().await.unwrap();
    let ToolOutcome::Returned(names) = run(&tool(&tools, "environment"), json!({})).await else { panic!("no answer") };
    let names: Vec<_> = names.as_str().unwrap().split(',').collect();
    assert!(names.contains(&"BREAD") && names.contains(&"PATH"), "{names:?}");
    // Python adds the last itself.
    let passed_on = ["BREAD", "HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER", "LC_CTYPE"];
    assert!(names.iter().all(|name| passed_on.contains(name)), "{names:?}");
}

/// Everything that was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn standard_error_is_logged_at_debug_and_what_was_said_nowhere() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let server = bakery().start().await.expect(INSTALLED);
    let tools = server.tools().await.unwrap();
    // Its argument, its result, and a notification by which the server logs.
    run(&tool(&tools, "echo"), json!({ "text": "a secret of the model" })).await;
    run(&tool(&tools, "grow"), json!({})).await;
    while !log.text().contains("ready to bake") {
        tokio::task::yield_now().await;
    }
    let text = log.text();
    let line = text.lines().find(|line| line.contains("ready to bake")).unwrap();
    assert!(line.contains("DEBUG") && line.contains("voicecall_mcp") && line.contains("bakery"), "{line}");
    // The server's library repeats its own source there.
    let secrets: Vec<_> =
        text.lines().filter(|line| line.contains("a secret of the") && !line.contains("await context.info")).collect();
    assert!(secrets.is_empty(), "{secrets:?}");
}
