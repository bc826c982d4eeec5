//! Servers that do not start, or break the protocol: each has its outcome, and another server goes on.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use voicecall_core::tool::{ToolEffect, ToolOutcome};
use voicecall_core::{Error, ErrorKind};
use voicecall_mcp::McpServer;

use crate::support::{INSTALLED, Lifeline, bakery, broken, failed, run, tool};

#[tokio::test]
async fn a_server_that_does_not_start_is_an_error_that_names_it() {
    for (server, kind, field) in [
        (McpServer::command("no-such-program", [""; 0]).name("broken"), ErrorKind::Config, Some("command")),
        (broken("ends at once"), ErrorKind::Unavailable, None),
        (broken("refuses"), ErrorKind::Rejected, None),
    ] {
        let error = server.start().await.unwrap_err();
        assert_eq!((error.kind(), error.field()), (kind, field), "{error}");
        assert!(error.message().unwrap().contains("`broken`"), "{error}");
    }
    let nobody = McpServer::http("http://127.0.0.1:9/mcp").start().await.unwrap_err();
    assert_eq!(nobody.kind(), ErrorKind::Unavailable, "{nobody:?}");
    assert!(nobody.message().unwrap().contains("`127.0.0.1`"), "{nobody}");
}

#[tokio::test]
async fn a_server_that_is_given_up_while_it_starts_is_killed_with_everything_it_has_started() {
    let lifeline = Lifeline::new();
    let server = lifeline.held_by(broken("says nothing")).start();
    let held = tokio::select! {
        held = lifeline.taken() => held,
        _ = server => panic!("it says nothing"),
    };
    held.cut().await;
}

/// What starting comes to if this is answered over HTTP, and what was asked.
async fn answered_with(answer: &str) -> (Error, String) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let guard = async {
        let (mut line, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 4096];
        let length = line.read(&mut request).await.unwrap();
        line.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8_lossy(&request[..length]).to_lowercase()
    };
    let server = McpServer::http(url).bearer("secret-of-the-bakery").start();
    let (server, request) = tokio::join!(server, guard);
    (server.unwrap_err(), request)
}

#[tokio::test]
async fn what_answers_at_an_address_is_told_apart() {
    for (answer, kind) in [
        ("401 Unauthorized\r\nWWW-Authenticate: Bearer\r\nContent-Length: 0\r\n\r\n", ErrorKind::Unauthenticated),
        ("403 Forbidden\r\nWWW-Authenticate: Bearer\r\nContent-Length: 0\r\n\r\n", ErrorKind::Forbidden),
        ("429 Too Many Requests\r\nContent-Length: 0\r\n\r\n", ErrorKind::RateLimited),
        ("503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", ErrorKind::Unavailable),
        ("404 Not Found\r\nContent-Length: 0\r\n\r\n", ErrorKind::Protocol),
        ("200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nbread", ErrorKind::Protocol),
        ("200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\nbread", ErrorKind::Protocol),
    ] {
        let (error, request) = answered_with(&format!("HTTP/1.1 {answer}")).await;
        assert_eq!(error.kind(), kind, "{answer}: {error:?}");
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        assert!(request.contains("authorization: bearer secret-of-the-bakery"), "{request}");
    }
}

#[tokio::test]
async fn every_broken_answer_is_an_outcome_and_another_servers_tools_go_on() {
    let other = bakery().start().await.expect(INSTALLED).tools().await.unwrap();
    let slow = || failed("the tool took too long");
    for (how, outcome) in [
        ("greets in plain words", ToolOutcome::Returned(json!("baked"))),
        ("answers no JSON", slow()),
        ("answers another request", slow()),
        ("answers more than can be read", slow()),
        ("answers an error", failed("no flour")),
        ("answers a list", ToolOutcome::Unknown),
        ("answers something else", ToolOutcome::Unknown),
        ("ends its output", ToolOutcome::Unknown),
    ] {
        let tools = broken(how).start().await.unwrap().tools().await.unwrap();
        let mut bake = tool(&tools, "bake");
        if outcome == slow() {
            bake = bake.time_limit(Duration::from_millis(500));
        }
        assert_eq!(bake.effects(), ToolEffect::Once);
        assert_eq!(run(&bake, json!({})).await, outcome, "{how}");
        let echo = run(&tool(&other, "echo"), json!({ "text": how })).await;
        assert_eq!(echo, ToolOutcome::Returned(json!({ "result": how })));
    }
}

#[tokio::test]
async fn a_list_without_end_is_an_error_that_names_the_server() {
    let error = broken("lists without end").start().await.unwrap().tools().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(error.message().unwrap().contains("`broken`"), "{error}");
}

#[tokio::test]
async fn a_list_that_cannot_be_had_is_not_an_old_one() {
    let server = broken("lists once").start().await.unwrap();
    assert_eq!(server.tools().await.unwrap().len(), 1);
    let error = server.tools().await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Rejected, Some("`broken`: no list")));
}
