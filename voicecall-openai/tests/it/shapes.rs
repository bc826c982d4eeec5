//! Chat answers in the shapes that compatible servers really send: the words are kept, half an answer is not a whole one.

use serde_json::{Value, json};
use voicecall_core::ErrorKind;
use voicecall_core::model::TokenUsage;
use voicecall_openai::{ChatDialect, OpenAiChat};

use crate::chat::{DONE, Outcome, ask, event, finish, outcome_of, request, schema, text};
use crate::server::{End, Server, streamed};

fn choice(choice: Value) -> String {
    event(&json!({ "choices": [choice] }))
}

/// The text, if the answer is whole.
async fn said(pieces: Vec<String>) -> Result<String, String> {
    let Outcome { text, error, .. } = outcome_of(pieces.clone(), End::Close).await;
    match error {
        None => Ok(text),
        Some(error) => Err(format!("{pieces:?}: {text:?}, then {error}")),
    }
}

#[tokio::test]
async fn heartbeats_of_every_kind_are_passed_over() {
    for beat in [
        "data:\n\n",
        "data: \n\n",
        "data\n\n",
        ": OPENROUTER PROCESSING\n\n",
        "retry: 3000\n\n",
        "event: ping\ndata:\n\n",
        "event: ping\ndata: now\n\n",
        "event: heartbeat\ndata: {\"beat\": 1}\n\n",
        "data: ping\n\n",
        "data: {\"type\": \"ping\"}\n\n",
    ] {
        let beat = beat.to_owned();
        let pieces = vec![beat.clone(), text("Hej"), beat.clone(), text(" du"), finish("stop"), beat, DONE.into()];
        assert_eq!(said(pieces).await, Ok("Hej du".into()));
    }
}

#[tokio::test]
async fn an_answer_that_did_not_end_by_itself_is_text_and_then_an_error() {
    let failed =
        |reason: &str, error: Value| vec![choice(json!({"delta": {}, "finish_reason": reason, "error": error}))];
    for (end, kind, code) in [
        (vec![finish("abort")], ErrorKind::Unavailable, "abort"),
        (vec![finish("error")], ErrorKind::Unavailable, "error"),
        (vec![finish("cancelled")], ErrorKind::Unavailable, "cancelled"),
        (vec![finish("never heard of")], ErrorKind::Unavailable, "unknown"),
        (vec![finish("timeout")], ErrorKind::Timeout, "timeout"),
        (vec![finish("SAFETY")], ErrorKind::Rejected, "content_filter"),
        (vec![finish("model_length")], ErrorKind::Rejected, "length"),
        (failed("error", json!({"code": 429, "message": "m"})), ErrorKind::RateLimited, "429"),
        (failed("stop", json!("upstream failed")), ErrorKind::Unavailable, "500"),
        (vec!["event: error\ndata: {\"code\": 503}\n\n".into()], ErrorKind::Unavailable, "503"),
        (vec!["event: error\ndata: out of memory\n\n".into()], ErrorKind::Unavailable, "500"),
    ] {
        let outcome = outcome_of([vec![text("Kaffet var")], end.clone(), vec![DONE.into()]].concat(), End::Close).await;
        assert_eq!((outcome.text.as_str(), outcome.failure()), ("Kaffet var", (kind, Some(code))), "{end:?}");
    }
}

#[tokio::test]
async fn an_empty_answer_is_an_error() {
    for pieces in [
        vec![finish("stop"), DONE.to_owned()],
        vec![DONE.to_owned()],
        vec![text(""), text(" \n"), finish("stop")],
        vec![text("<think>He greets."), text("</think>"), finish("stop")],
        vec![finish("tool_calls"), DONE.to_owned()],
    ] {
        let outcome = outcome_of(pieces.clone(), End::Close).await;
        assert_eq!(outcome.failure(), (ErrorKind::Unavailable, Some("empty")), "{pieces:?}");
    }
}

#[tokio::test]
async fn words_are_kept_wherever_they_stand() {
    let part = json!([{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Hej"}]);
    let whole =
        |text: &str| choice(json!({"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}));
    let document = json!({"choices": [{"message": {"content": "Hej"}, "finish_reason": "stop"}]});
    for pieces in [
        vec![choice(json!({"delta": {"content": part}})), finish("stop")],
        vec![choice(json!({"index": 3, "text": "Hej"})), finish("stop")],
        vec![whole("Hej")],
        vec![text("He"), text("j"), whole("Hej")],
        vec![document.to_string()],
        vec![format!("\n{document:#}\n")],
        vec![choice(json!({"delta": {"content": "Hej", "refusal": false}, "finish_reason": ""})), finish("stop")],
        vec![text("<thi"), text("nk>He gre"), text("ets.</think>\n\n"), text("Hej"), finish("stop")],
    ] {
        assert_eq!(said(pieces).await, Ok("Hej".into()));
    }
}

#[tokio::test]
async fn what_stands_beside_the_words_costs_nothing() {
    for beside in [
        json!({"usage": {"prompt_tokens": 12.0, "completion_tokens": 3.5}}),
        json!({"usage": {"prompt_tokens": 12, "completion_tokens": -1}}),
        json!({"usage": ""}),
        json!({"usage": [1]}),
        json!({"error": ""}),
        json!({"error": {}}),
        json!({"error": false}),
        json!({"id": 7, "created": "now", "model": null, "object": {}}),
    ] {
        let mut chunk = json!({"choices": [{"index": "0", "delta": {"content": "Hej"}, "finish_reason": 0}]});
        chunk.as_object_mut().unwrap().extend(beside.as_object().unwrap().clone());
        assert_eq!(said(vec![event(&chunk), finish("stop")]).await, Ok("Hej".into()), "{beside}");
    }
    let usage = event(&json!({"choices": [], "usage": {"prompt_tokens": 9.0, "completion_tokens": "4"}}));
    let outcome = outcome_of(vec![text("Hej"), finish("stop"), usage], End::Close).await;
    assert_eq!(outcome.usage, Some(TokenUsage { input: 9, cached: 0, output: 4, ..TokenUsage::default() }));
}

#[tokio::test]
async fn half_an_emoji_does_not_cost_the_answer() {
    let raw = |content: &str| format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{content}\"}}}}]}}\n\n");
    assert_eq!(said(vec![raw("Hej \\ud83d"), raw("\\ude00 du"), finish("stop")]).await, Ok("Hej  du".into()));
}

#[tokio::test]
async fn an_object_that_was_whole_before_the_limit_is_whole() {
    let object = "{\"score\":4}";
    for (before, behind) in [("", "\n\n\n\n"), ("", ""), ("```json\n", "\n```\n\n"), ("Here: ", "\nMore tex")] {
        let pieces = vec![text(before), text(object), text(behind), finish("length"), DONE.to_owned()];
        let server = Server::start(move || streamed("text/event-stream", pieces.clone(), End::Close)).await;
        let chat = OpenAiChat::new(server.endpoint()).unwrap();
        assert!(ask(&chat, request().with_schema(schema())).await.error.is_none(), "{before:?}, {behind:?}");
        let free = ask(&chat, request()).await;
        assert_eq!(free.error.is_none(), before.is_empty(), "free text around it was cut: {before:?}, {behind:?}");
    }
    for half in ["{\"score\":", "{\"score\":{\"stars\":4},\"wor", "{\"score\":4}{\"sc"] {
        let pieces = vec![text(half), finish("length")];
        let server = Server::start(move || streamed("text/event-stream", pieces.clone(), End::Close)).await;
        let outcome = ask(&OpenAiChat::new(server.endpoint()).unwrap(), request().with_schema(schema())).await;
        assert_eq!(outcome.failure(), (ErrorKind::Rejected, Some("length")), "{half}");
    }
}

#[tokio::test]
async fn a_model_that_reasons_gets_room_for_it() {
    let server = Server::start(|| streamed("text/event-stream", vec![text("Hej"), finish("stop")], End::Close)).await;
    let dialect = ChatDialect::compatible().with_reasoning_headroom(2000);
    ask(&OpenAiChat::new(server.endpoint()).unwrap().with_dialect(dialect), request()).await;
    assert_eq!(server.only_request().json()["max_tokens"], 2064);
}
