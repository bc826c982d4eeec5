//! Tools in chat: what is offered, what a model calls, and how results go back.

use serde_json::{Value, json};
use voicecall_core::ErrorKind;
use voicecall_core::model::{ChatMessage, ChatRequest, ChatRole, ToolCall, ToolSpec};
use voicecall_openai::{ChatDialect, OpenAiChat};

use crate::chat::{DONE, Outcome, ask, event, finish, request, schema, text, usage};
use crate::server::{End, Server, streamed};

fn offer() -> ToolSpec {
    let parameters = json!({"type": "object", "properties": {"at": {"type": "integer"}}, "required": ["at"]});
    ToolSpec { name: "book".into(), description: "Books a table.".into(), parameters }
}

fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
    ToolCall { id: id.into(), name: name.into(), arguments: arguments.into() }
}

fn pieces(calls: Value) -> String {
    event(&json!({"choices": [{"index": 0, "delta": {"tool_calls": calls}, "finish_reason": null}]}))
}

async fn answer(chunks: Vec<String>, end: End, request: ChatRequest) -> Outcome {
    let server = Server::start(move || streamed("text/event-stream", chunks.clone(), end)).await;
    ask(&OpenAiChat::new(server.endpoint()).unwrap(), request).await
}

async fn offered(chunks: Vec<String>) -> Outcome {
    answer(chunks, End::Close, request().with_tools(vec![offer()])).await
}

#[tokio::test]
async fn tools_calls_and_results_are_sent_as_the_protocol_has_them() {
    let server =
        Server::start(|| streamed("text/event-stream", vec![text("Klart."), finish("stop")], End::Close)).await;
    let messages = vec![
        ChatMessage::new(ChatRole::User, "Boka bord klockan sju."),
        ChatMessage::calling("", vec![call("x", "book", "{\"at\":19}")]),
        ChatMessage::tool_result("x", "booked"),
        ChatMessage::calling("Ett till.", vec![call("y", "book", "{\"at\":20}")]),
        ChatMessage::tool_result("y", ""),
    ];
    let request = ChatRequest::new(messages, 64).with_tools(vec![offer()]).with_schema(schema());
    let chat = OpenAiChat::new(server.endpoint()).unwrap().with_dialect(ChatDialect::openai());
    assert!(ask(&chat, request).await.error.is_none());

    let body = server.only_request().json();
    let function = |id: &str, arguments: &str| json!({"id": id, "type": "function", "function": {"name": "book", "arguments": arguments}});
    assert_eq!(
        body["messages"],
        json!([
            {"role": "user", "content": "Boka bord klockan sju."},
            {"role": "assistant", "content": null, "tool_calls": [function("x", "{\"at\":19}")]},
            {"role": "tool", "content": "booked", "tool_call_id": "x"},
            {"role": "assistant", "content": "Ett till.", "tool_calls": [function("y", "{\"at\":20}")]},
            {"role": "tool", "content": "", "tool_call_id": "y"},
        ])
    );
    let ToolSpec { name, description, parameters } = offer();
    let tool = json!({"name": name, "description": description, "parameters": parameters});
    assert_eq!(body["tools"], json!([{"type": "function", "function": tool}]));
    assert_eq!(body.get("tool_choice"), None);
    assert_eq!(body["response_format"]["json_schema"]["strict"], true);
}

#[tokio::test]
async fn calls_come_whole_and_in_order_behind_the_text() {
    let outcome = offered(vec![
        text("Ett ögonblick."),
        pieces(json!([{"index": 0, "id": "x", "type": "function", "function": {"name": "book", "arguments": ""}}])),
        pieces(json!([{"index": 0, "function": {"arguments": "{\"at\""}}])),
        pieces(json!([{"index": 1, "id": "y", "type": "function", "function": {"name": "look", "arguments": "{}"}}])),
        pieces(json!([{"index": 0, "function": {"arguments": ":19}"}}])),
        finish("tool_calls"),
        usage(),
        DONE.into(),
    ])
    .await;
    assert_eq!((outcome.text.as_str(), outcome.error.is_none()), ("Ett ögonblick.", true));
    assert_eq!(outcome.calls, [call("x", "book", "{\"at\":19}"), call("y", "look", "{}")]);
    assert!(outcome.usage.is_some());
}

#[tokio::test]
async fn calls_are_understood_as_compatible_servers_send_them() {
    let object = json!({"name": "book", "arguments": {"at": 19}});
    let text = json!({"name": "book", "arguments": "{\"at\":19}"});
    let message = json!({"choices": [{"message": {"content": null, "tool_calls": [{"function": text}]}, "finish_reason": "stop"}]});
    let legacy = json!({"choices": [{"delta": {"function_call": text}, "finish_reason": "function_call"}]});
    for chunks in [
        vec![pieces(json!([{"function": object}])), finish("tool_calls")],
        vec![pieces(json!([{"index": null, "id": null, "function": text}])), finish("stop")],
        vec![pieces(json!([object])), finish("tool_calls")],
        vec![pieces(json!({"index": "0", "id": "", "function": text})), finish("tool_calls")],
        vec![message.to_string()],
        vec![event(&legacy)],
        vec![pieces(json!([{"function": text}])), DONE.to_owned()],
    ] {
        let outcome = offered(chunks.clone()).await;
        assert_eq!(
            (outcome.calls, outcome.error.is_none()),
            (vec![call("call00000", "book", "{\"at\":19}")], true),
            "{chunks:?}"
        );
    }
}

#[tokio::test]
async fn malformed_arguments_are_delivered_as_they_are() {
    let odd = pieces(
        json!([{"index": 0, "id": "x", "function": {"name": "no such tool", "arguments": "{\"at\": nineteen"}}]),
    );
    let outcome = offered(vec![odd, finish("tool_calls")]).await;
    assert_eq!((outcome.calls, outcome.error.is_none()), (vec![call("x", "no such tool", "{\"at\": nineteen")], true));
}

#[tokio::test]
async fn a_call_of_half_an_answer_is_not_delivered() {
    let begun = || pieces(json!([{"index": 0, "id": "x", "function": {"name": "book", "arguments": "{\"at\":1}"}}]));
    for (chunks, end, kind) in [
        (vec![begun(), finish("length")], End::Close, ErrorKind::Rejected),
        (vec![begun(), finish("abort")], End::Close, ErrorKind::Unavailable),
        (vec![begun()], End::Cut, ErrorKind::Unavailable),
        (vec![begun()], End::Close, ErrorKind::Unavailable),
    ] {
        let outcome = answer(chunks.clone(), end, request().with_tools(vec![offer()])).await;
        assert_eq!((outcome.calls.len(), outcome.failure().0), (0, kind), "{chunks:?}");
    }
}

#[tokio::test]
async fn a_call_that_nobody_offered_is_no_answer() {
    let begun = pieces(json!([{"index": 0, "id": "x", "function": {"name": "book", "arguments": "{}"}}]));
    let outcome = answer(vec![begun.clone(), finish("tool_calls")], End::Close, request()).await;
    assert_eq!((outcome.calls.len(), outcome.failure().1), (0, Some("empty")));
    let outcome = answer(vec![text("Hej"), begun, finish("stop")], End::Close, request()).await;
    assert_eq!((outcome.calls.len(), outcome.text.as_str(), outcome.error.is_none()), (0, "Hej", true));
}
