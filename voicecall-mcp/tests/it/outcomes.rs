//! What the tools of a server that works come to, over both transports.

use serde_json::json;
use voicecall_core::ErrorKind;
use voicecall_core::tool::{MOST_RESULT_BYTES, Tool, ToolEffect, ToolOutcome};
use voicecall_mcp::{McpServer, tools_of};

use crate::support::{HttpBakery, INSTALLED, PATIENCE, bakery, context, failed, python, run, tool};

/// Every tool of the bakery, called over one transport.
async fn assert_outcomes(server: &McpServer) {
    let tools = server.tools().await.unwrap();
    let long = "x".repeat(MOST_RESULT_BYTES - 2);
    for (name, arguments, outcome) in [
        ("echo", json!({ "text": "rye" }), ToolOutcome::Returned(json!({ "result": "rye" }))),
        ("key", json!({}), ToolOutcome::Returned(json!(context().key()))),
        ("structured", json!({}), ToolOutcome::Returned(json!({ "loaves": 3 }))),
        ("picture", json!({}), ToolOutcome::Returned(json!("[an image of type image/png, left out]\na loaf"))),
        ("resource", json!({}), ToolOutcome::Returned(json!("bread and rolls"))),
        ("many", json!({ "bytes": long.len() }), ToolOutcome::Returned(json!(long))),
        ("many", json!({ "bytes": long.len() + 1 }), failed("the result is too long")),
        ("many", json!({ "bytes": 10_000_000 }), failed("the result is too long")),
        ("fail", json!({}), failed("Error executing tool fail: the oven is cold")),
    ] {
        assert_eq!(run(&tool(&tools, name), arguments).await, outcome, "{name}");
    }
    let ToolOutcome::Failed(reason) = run(&tool(&tools, "many"), json!({ "bytes": "ten" })).await else {
        panic!("arguments that do not fit")
    };
    assert!(reason.contains("bytes"), "the server's own words: {reason}");
}

/// The server is told of what is given up, and other tools go on meanwhile.
async fn assert_given_up(server: &McpServer) {
    let tools = server.tools().await.unwrap();
    let (hang, wait) = (tool(&tools, "hang"), tool(&tools, "wait"));
    let hung = tokio::select! {
        outcome = run(&hang, json!({})) => panic!("{outcome:?}"),
        outcome = run(&wait, json!({ "for_hanging": 1, "for_cancelled": 0 })) => outcome,
    };
    assert_eq!(hung, ToolOutcome::Returned(json!("1 0")));
    let told = run(&wait, json!({ "for_hanging": 1, "for_cancelled": 1 })).await;
    assert_eq!(told, ToolOutcome::Returned(json!("1 1")));
}

/// A list that has changed is seen by whoever asks again.
async fn assert_grows(server: &McpServer) {
    let before = server.tools().await.unwrap();
    assert_eq!(run(&tool(&before, "grow"), json!({})).await, ToolOutcome::Returned(json!("grown")));
    let after = server.tools().await.unwrap();
    assert_eq!(after.len(), before.len() + 1);
    let again = run(&tool(&after, "echo_again"), json!({ "text": "rye" })).await;
    assert_eq!(again, ToolOutcome::Returned(json!({ "result": "rye" })));
    assert_eq!(
        run(&tool(&before, "echo"), json!({ "text": "rye" })).await,
        ToolOutcome::Returned(json!({ "result": "rye" }))
    );
}

#[tokio::test]
async fn over_standard_input_and_output_each_tool_has_its_outcome() {
    let server = bakery().start().await.expect(INSTALLED);
    assert_outcomes(&server).await;
    assert_given_up(&server).await;
    assert_grows(&server).await;
}

#[tokio::test]
async fn over_http_each_tool_has_its_outcome() {
    let http = HttpBakery::start();
    let server = http.server().start().await.unwrap();
    assert_outcomes(&server).await;
    assert_given_up(&server).await;
    assert_grows(&server).await;
}

#[tokio::test]
async fn hints_become_effects_and_can_be_overridden() {
    let server = bakery().only(["echo", "key", "fail"]).start().await.expect(INSTALLED);
    let tools = server.tools().await.unwrap();
    let effects: Vec<_> = tools.iter().map(|tool| (tool.name(), tool.effects())).collect();
    assert_eq!(
        effects,
        [("echo", ToolEffect::None), ("key", ToolEffect::Idempotent), ("fail", ToolEffect::Once)],
        "by readOnlyHint, by idempotentHint and destructiveHint, and without hints"
    );
    assert_eq!(tools[2].clone().effect(ToolEffect::None).effects(), ToolEffect::None);
}

#[tokio::test]
async fn the_official_time_server_tells_the_time() {
    let time =
        McpServer::command(python(), ["-m", "mcp_server_time"]).name("time").prefix("time_").start_limit(PATIENCE);
    let tools = time.start().await.expect(INSTALLED).tools().await.unwrap();
    assert_eq!(tools.iter().map(Tool::name).collect::<Vec<_>>(), ["time_get_current_time", "time_convert_time"]);
    let convert = tool(&tools, "time_convert_time");
    assert_eq!(convert.effects(), ToolEffect::None);
    assert_eq!(convert.spec().parameters["type"], "object");
    let question = json!({ "source_timezone": "Europe/Stockholm", "time": "12:00", "target_timezone": "Asia/Tokyo" });
    let ToolOutcome::Returned(answer) = run(&convert, question).await else { panic!("no answer") };
    assert!(answer["target"]["datetime"].as_str().unwrap().contains('T'), "{answer}");
    assert_eq!(answer["target"]["timezone"], "Asia/Tokyo");
    let nowhere =
        json!({ "source_timezone": "Europe/Stockholm", "time": "12:00", "target_timezone": "Moon/Tranquility" });
    let ToolOutcome::Failed(reason) = run(&convert, nowhere).await else { panic!("a time on the moon") };
    assert!(reason.contains("Moon/Tranquility"), "{reason}");
}

#[tokio::test]
async fn names_that_two_servers_share_are_told_with_both() {
    let start = |name: &'static str, prefix: &'static str| bakery().name(name).prefix(prefix).only(["echo"]).start();
    let (bread, cake) = (start("bread", "").await.expect(INSTALLED), start("cake", "").await.unwrap());
    let error = tools_of(&[bread.clone(), cake]).await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Invalid, Some("tool.name")));
    let message = error.message().unwrap();
    assert!(["`bread`", "`cake`", "`echo`"].iter().all(|name| message.contains(name)), "{message}");

    let cake = start("cake", "cake_").await.unwrap();
    let tools = tools_of(&[bread, cake]).await.unwrap();
    assert_eq!(tools.iter().map(Tool::name).collect::<Vec<_>>(), ["echo", "cake_echo"]);
}
