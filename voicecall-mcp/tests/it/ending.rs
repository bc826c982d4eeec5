//! Servers that end: in the middle of a call, because nobody needs them any more, or because they are told to.

use serde_json::json;
use voicecall_core::tool::{ToolEffect, ToolOutcome};

use crate::support::{HttpBakery, INSTALLED, Lifeline, bakery, broken, failed, run, tool};

#[tokio::test]
async fn a_server_that_dies_in_a_call_is_started_again_for_the_next() {
    let server = bakery().start().await.expect(INSTALLED);
    let tools = server.tools().await.unwrap();
    let first = run(&tool(&tools, "process"), json!({})).await;
    assert_eq!(run(&tool(&tools, "end"), json!({})).await, ToolOutcome::Unknown);

    let second = run(&tool(&tools, "process"), json!({})).await;
    assert!(matches!(second, ToolOutcome::Returned(_)), "{second:?}");
    assert_ne!(first, second, "another process");

    // What changes nothing has only failed.
    let end = tool(&tools, "end").effect(ToolEffect::None);
    assert_eq!(run(&end, json!({})).await, failed("the tool server ended before it answered"));
    // It ends before it has answered anything: soon the next try has to wait, and the call does not.
    let mut outcomes = Vec::new();
    while outcomes.len() < 6 && outcomes.last() != Some(&failed(LEFT_ALONE)) {
        outcomes.push(run(&end, json!({})).await);
    }
    assert_eq!(outcomes.pop(), Some(failed(LEFT_ALONE)), "after {outcomes:?}");
}

const LEFT_ALONE: &str = "the tool server is not available at the moment";

#[tokio::test]
async fn a_server_over_http_that_dies_in_a_call_is_connected_to_again_for_the_next() {
    let http = HttpBakery::start();
    let server = http.server().start().await.unwrap();
    let tools = server.tools().await.unwrap();
    let first = run(&tool(&tools, "process"), json!({})).await;
    assert_eq!(run(&tool(&tools, "end"), json!({})).await, ToolOutcome::Unknown);

    let _http = http.again();
    let second = run(&tool(&tools, "process"), json!({})).await;
    assert!(matches!(second, ToolOutcome::Returned(_)), "{second:?}");
    assert_ne!(first, second, "another process");
}

#[tokio::test]
async fn a_server_over_http_that_is_away_has_done_nothing() {
    let http = HttpBakery::start();
    let server = http.server().start().await.unwrap();
    let tools = server.tools().await.unwrap();
    drop(http);
    // Over a connection that stood nobody knows what came of a request; over none, everybody does.
    let fail = tool(&tools, "fail");
    let away = failed("the tool server cannot be reached");
    let first = run(&fail, json!({})).await;
    assert!(first == ToolOutcome::Unknown || first == away, "{first:?}");
    assert_eq!(run(&fail, json!({})).await, away);
}

#[tokio::test]
async fn the_program_ends_with_the_last_handle_and_not_before() {
    let lifeline = Lifeline::new();
    let server = lifeline.held_by(bakery()).start().await.expect(INSTALLED);
    let held = lifeline.taken().await;
    let mut tools = server.tools().await.unwrap();
    drop(server);
    let echo = tool(&tools, "echo");
    tools.clear();
    let echoed = run(&echo, json!({ "text": "rye" })).await;
    assert_eq!(echoed, ToolOutcome::Returned(json!({ "result": "rye" })));
    drop(echo);
    held.cut().await;
}

#[tokio::test]
async fn a_server_that_is_stopped_has_ended_and_its_tools_fail() {
    let lifeline = Lifeline::new();
    let server = lifeline.held_by(broken("does not end")).start().await.unwrap();
    let tools = server.tools().await.unwrap();
    let held = lifeline.taken().await;
    server.stop().await;
    held.cut().await;
    assert_eq!(run(&tool(&tools, "bake"), json!({})).await, failed("the tool server was stopped"));
}

#[test]
fn the_program_ends_with_the_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let lifeline = Lifeline::new();
    let server = runtime.block_on(lifeline.held_by(broken("does not end")).start()).unwrap();
    let held = lifeline.take();
    drop(runtime);
    held.end();
    drop(server);
}
