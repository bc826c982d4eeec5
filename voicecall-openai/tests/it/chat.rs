//! Chat: the request on the wire, the streamed answer, and how it can go wrong.

use futures_util::StreamExt;
use proptest::prelude::*;
use serde_json::{Value, json};
use voicecall_core::model::{
    ChatDelta, ChatMessage, ChatRequest, ChatRole, LanguageModel, OutputSchema, TokenUsage, ToolCall,
};
use voicecall_core::{Error, ErrorKind};
use voicecall_openai::{ChatDialect, OpenAiChat, SchemaMode};

use crate::server::{End, MOMENT, Server, streamed};

pub(crate) fn request() -> ChatRequest {
    let messages = vec![
        ChatMessage::new(ChatRole::System, "Be brief."),
        ChatMessage::new(ChatRole::User, "Hej"),
        ChatMessage::new(ChatRole::Assistant, "Hej!"),
    ];
    ChatRequest::new(messages, 64)
}

pub(crate) fn schema() -> OutputSchema {
    let schema = json!({"type": "object", "properties": {"score": {"type": "integer"}}, "required": ["score"]});
    OutputSchema { name: "answer".into(), schema }
}

pub(crate) fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

pub(crate) fn text(content: &str) -> String {
    event(
        &json!({"id": "c", "choices": [{"index": 0, "delta": {"content": content}, "finish_reason": null}], "usage": null}),
    )
}

pub(crate) fn finish(reason: &str) -> String {
    event(&json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}))
}

pub(crate) fn usage() -> String {
    let usage = json!({"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 2}});
    event(&json!({"choices": [], "usage": usage}))
}

pub(crate) const DONE: &str = "data: [DONE]\n\n";

/// What a model gives: the text so far, the calls behind it, the usage, and the error at its end.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) text: String,
    pub(crate) calls: Vec<ToolCall>,
    pub(crate) usage: Option<TokenUsage>,
    pub(crate) error: Option<Error>,
}

impl Outcome {
    pub(crate) fn failure(&self) -> (ErrorKind, Option<&str>) {
        let error = self.error.as_ref().expect("the answer is whole");
        (error.kind(), error.code())
    }
}

pub(crate) async fn ask(chat: &OpenAiChat, request: ChatRequest) -> Outcome {
    let mut outcome = Outcome::default();
    let mut answer = chat.chat(request);
    while let Some(piece) = answer.next().await {
        assert!(outcome.error.is_none(), "an error is the end");
        match piece {
            Ok(ChatDelta::Text(text)) => {
                assert!(!text.is_empty() && outcome.usage.is_none() && outcome.calls.is_empty());
                outcome.text.push_str(&text);
            }
            Ok(ChatDelta::ToolCall(call)) => outcome.calls.push(call),
            Ok(ChatDelta::Usage(usage)) => assert!(outcome.usage.replace(usage).is_none(), "usage comes once"),
            Ok(other) => panic!("{other:?}"),
            Err(error) => outcome.error = Some(error),
        }
    }
    outcome
}

/// The outcome when a server sends these bytes.
pub(crate) async fn outcome_of(chunks: Vec<String>, end: End) -> Outcome {
    let server = Server::start(move || streamed("text/event-stream", chunks.clone(), end)).await;
    ask(&OpenAiChat::new(server.endpoint()).unwrap(), request()).await
}

async fn sent(change: impl FnOnce(OpenAiChat) -> OpenAiChat, request: ChatRequest) -> Value {
    let server =
        Server::start(|| streamed("text/event-stream", vec![text("Hej"), finish("stop"), DONE.into()], End::Close))
            .await;
    let chat = change(OpenAiChat::new(server.endpoint()).unwrap());
    assert!(ask(&chat, request).await.error.is_none());
    server.only_request().json()
}

fn messages() -> Value {
    json!([
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hej"},
        {"role": "assistant", "content": "Hej!"},
    ])
}

#[tokio::test]
async fn a_compatible_server_gets_only_what_all_of_them_take() {
    let body = sent(|chat| chat, request()).await;
    assert_eq!(body, json!({"model": "test-model", "messages": messages(), "stream": true, "max_tokens": 64}));
}

#[tokio::test]
async fn openai_gets_its_own_fields() {
    let body =
        sent(|chat| chat.with_dialect(ChatDialect::openai()), ChatRequest { schema: Some(schema()), ..request() });
    assert_eq!(
        body.await,
        json!({
            "model": "test-model",
            "messages": messages(),
            "stream": true,
            "stream_options": {"include_usage": true},
            "max_completion_tokens": 64,
            "reasoning_effort": "none",
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "strict": true, "schema": schema().schema},
            },
        })
    );
}

#[tokio::test]
async fn a_schema_stands_in_the_instructions_where_the_server_cannot_enforce_it() {
    let with_schema = ChatRequest { schema: Some(schema()), ..request() };
    let body = sent(|chat| chat, with_schema.clone()).await;
    assert_eq!(body["response_format"], json!({"type": "json_object"}));
    let instructions = body["messages"][0]["content"].as_str().unwrap();
    assert!(instructions.starts_with("Be brief.\n\n") && instructions.ends_with(&schema().schema.to_string()));

    let plain = ChatDialect::compatible().with_schema_mode(SchemaMode::Instructions);
    let without_system = ChatRequest { messages: vec![ChatMessage::new(ChatRole::User, "Hej")], ..with_schema };
    let body = sent(|chat| chat.with_dialect(plain), without_system).await;
    assert_eq!(body.get("response_format"), None);
    assert_eq!(body["messages"][0]["role"], "system");
    assert_eq!(body["messages"][1], json!({"role": "user", "content": "Hej"}));
}

#[tokio::test]
async fn extra_fields_are_sent_and_replace_others() {
    let body = sent(|chat| chat.with_extra("temperature", 0.2).with_extra("max_tokens", 5), request()).await;
    assert_eq!((&body["temperature"], &body["max_tokens"]), (&json!(0.2), &json!(5)));
}

#[tokio::test]
async fn the_path_prefix_stays_and_the_key_is_a_bearer_token() {
    let server = Server::start(|| streamed("text/event-stream", vec![finish("stop")], End::Close)).await;
    ask(&OpenAiChat::new(server.endpoint()).unwrap(), request()).await;
    let seen = server.only_request();
    assert_eq!(seen.path, "/prefix/v1/chat/completions");
    assert_eq!(seen.header("authorization"), Some("Bearer sk-test"));
    assert_eq!(seen.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn without_a_key_there_is_no_login() {
    let server = Server::start(|| streamed("text/event-stream", vec![finish("stop")], End::Close)).await;
    ask(&OpenAiChat::new(server.endpoint().with_api_key("")).unwrap(), request()).await;
    assert_eq!(server.only_request().header("authorization"), None);
}

#[tokio::test]
async fn nothing_is_asked_before_somebody_wants_to_know() {
    let server = Server::start(|| streamed("text/event-stream", vec![DONE], End::Close)).await;
    drop(OpenAiChat::new(server.endpoint()).unwrap().chat(request()));
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn an_answer_is_streamed_and_its_usage_comes_last() {
    let role = event(&json!({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}));
    let chunks = vec![role, text("Hej "), text("på dig"), finish("stop"), usage(), DONE.into()];
    let outcome = outcome_of(chunks, End::Close).await;
    assert!(outcome.error.is_none());
    assert_eq!(outcome.text, "Hej på dig");
    assert_eq!(outcome.usage, Some(TokenUsage { input: 9, cached: 2, output: 4, ..TokenUsage::default() }));
}

#[tokio::test]
async fn the_first_text_is_there_before_the_rest() {
    let server = Server::start(|| streamed("text/event-stream", vec![text("Hej")], End::Stall)).await;
    let mut answer = OpenAiChat::new(server.endpoint()).unwrap().chat(request());
    assert_eq!(answer.next().await.unwrap().unwrap(), ChatDelta::Text("Hej".into()));
}

#[tokio::test]
async fn every_way_to_end_well_is_understood() {
    for chunks in [
        vec![text("Hej"), finish("stop"), DONE.to_owned()],
        vec![text("Hej"), finish("stop")],
        vec![text("Hej"), DONE.to_owned()],
        vec![text("Hej"), "data:[DONE]".to_owned()],
        vec![text("Hej"), finish("eos_token"), DONE.to_owned()],
        vec![text("Hej").replace('\n', "\r\n"), ": ping\r\n\r\n".to_owned(), finish("stop").replace('\n', "\r\n")],
        vec![text("Hej"), event(&json!({"type": "ping"})), finish("stop")],
        vec![event(&json!({"choices": [{"delta": {"content": "Hej"}, "finish_reason": "stop"}], "usage": {}}))],
        vec![
            event(&json!({"choices": null})),
            text("Hej"),
            event(&json!({"choices": [{"index": 1, "delta": null}]})),
            DONE.to_owned(),
        ],
    ] {
        let outcome = outcome_of(chunks.clone(), End::Close).await;
        assert!(outcome.error.is_none() && outcome.text == "Hej", "{chunks:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_whole_is_an_error_after_what_came_of_it() {
    let refusal = |text: &str| event(&json!({"choices": [{"delta": {"refusal": text}}]}));
    for (end, kind, code) in [
        (vec![finish("length")], ErrorKind::Rejected, Some("length")),
        (vec![finish("content_filter")], ErrorKind::Rejected, Some("content_filter")),
        (vec![refusal("I "), refusal("cannot"), finish("stop")], ErrorKind::Rejected, Some("refusal")),
        (vec![finish("abort")], ErrorKind::Unavailable, Some("abort")),
    ] {
        let chunks = [vec![text("Hej")], end, vec![usage(), DONE.into()]].concat();
        let outcome = outcome_of(chunks, End::Close).await;
        assert_eq!((outcome.text.as_str(), outcome.failure()), ("Hej", (kind, code)));
        assert!(outcome.usage.is_some(), "what was used is paid, also for half an answer");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error() {
    for end in [End::Close, End::Cut] {
        for chunks in [vec![text("Hej")], vec![text("Hej"), "data: {\"choi".to_owned()]] {
            let outcome = outcome_of(chunks, end).await;
            let kind = outcome.failure().0;
            assert_eq!(outcome.text, "Hej");
            assert!(matches!(kind, ErrorKind::Unavailable | ErrorKind::Protocol), "{end:?}: {outcome:?}");
        }
    }
    assert_eq!(outcome_of(Vec::new(), End::Close).await.failure().0, ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_failure_in_the_middle_keeps_its_kind() {
    for (body, kind, code) in [
        (
            json!({"error": {"message": "m", "type": "server_error", "code": null}}),
            ErrorKind::Unavailable,
            "server_error",
        ),
        (json!({"error": {"message": "m", "type": "x", "code": 429}}), ErrorKind::RateLimited, "x"),
        (json!({"error": {"type": "insufficient_quota"}}), ErrorKind::Rejected, "insufficient_quota"),
        (json!({"error": "model runner has stopped"}), ErrorKind::Unavailable, "500"),
        (
            json!({"object": "error", "message": "m", "type": "BadRequestError", "code": 400}),
            ErrorKind::Rejected,
            "BadRequestError",
        ),
    ] {
        let outcome = outcome_of(vec![text("Hej"), event(&body), DONE.into()], End::Close).await;
        assert_eq!((outcome.text.as_str(), outcome.failure()), ("Hej", (kind, Some(code))), "{body}");
    }
}

#[tokio::test]
async fn garbage_is_an_error() {
    for garbage in ["data: <html>\n\n", "data: {\"choices\": \"none\"}\n\n", "data: [1]\n\n"] {
        let outcome = outcome_of(vec![text("Hej"), garbage.to_owned(), DONE.into()], End::Close).await;
        assert_eq!(outcome.failure().0, ErrorKind::Protocol, "{garbage}");
    }
}

#[tokio::test]
async fn a_model_that_never_begins_is_given_up() {
    let role = event(&json!({"choices": [{"delta": {"role": "assistant"}}]}));
    for chunks in [vec![], vec![role, ": ping\n\n".to_owned()]] {
        let server = Server::start(move || streamed("text/event-stream", chunks.clone(), End::Stall)).await;
        let endpoint = server.endpoint();
        let timeouts = endpoint.timeouts().with_first(MOMENT);
        let outcome = ask(&OpenAiChat::new(endpoint.with_timeouts(timeouts)).unwrap(), request()).await;
        assert_eq!((outcome.text.as_str(), outcome.failure().0), ("", ErrorKind::Timeout));
        assert_eq!(server.requests(), 1, "nothing is repeated");
    }
}

#[tokio::test]
async fn a_model_that_stalls_in_the_middle_is_given_up_after_what_it_said() {
    let server = Server::start(|| streamed("text/event-stream", vec![text("Hej "), text("du")], End::Stall)).await;
    let endpoint = server.endpoint();
    let timeouts = endpoint.timeouts().with_stall(MOMENT);
    let outcome = ask(&OpenAiChat::new(endpoint.with_timeouts(timeouts)).unwrap(), request()).await;
    assert_eq!((outcome.text.as_str(), outcome.failure().0), ("Hej du", ErrorKind::Timeout));
}

#[tokio::test]
async fn a_whole_answer_is_whole_however_its_connection_ends() {
    for (end, last) in [(End::Stall, finish("stop")), (End::Cut, finish("stop")), (End::Stall, finish("length"))] {
        let whole = last == finish("stop");
        let server =
            Server::start(move || streamed("text/event-stream", vec![text("Hej"), last.clone(), usage()], end)).await;
        let endpoint = server.endpoint();
        let timeouts = endpoint.timeouts().with_stall(MOMENT);
        let outcome = ask(&OpenAiChat::new(endpoint.with_timeouts(timeouts)).unwrap(), request()).await;
        assert_eq!(outcome.error.is_none(), whole, "{end:?}: {outcome:?}");
        assert_eq!((outcome.text.as_str(), outcome.usage.is_some()), ("Hej", true));
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let server = Server::start(|| streamed("text/event-stream", vec![DONE], End::Close)).await;
    let chat = OpenAiChat::new(server.endpoint()).unwrap();
    drop(server);
    // The listener closes when its task is gone.
    tokio::task::yield_now().await;
    let outcome = ask(&chat, request()).await;
    assert_eq!(outcome.failure().0, ErrorKind::Unavailable);
    let error = outcome.error.unwrap();
    assert_eq!(error.provider(), Some("openai-compatible"));
    assert!(!format!("{error:?}").contains("127.0.0.1:"), "{error:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_answer_panics(body in prop::collection::vec("(data: )?[\\[\\]{}\":,a-z0-9\n]{0,30}\n", 0..6)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(outcome_of(body, End::Close));
    }

    #[test]
    fn cuts_in_the_answer_never_change_it(cut in 1..40_usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let bytes = [text("Hej "), text("på 😀"), finish("stop"), usage(), DONE.to_owned()].concat().into_bytes();
        let outcome = runtime.block_on(async {
            let chunks: Vec<Vec<u8>> = bytes.chunks(cut).map(<[u8]>::to_vec).collect();
            let server = Server::start(move || streamed("text/event-stream", chunks.clone(), End::Close)).await;
            ask(&OpenAiChat::new(server.endpoint()).unwrap(), request()).await
        });
        prop_assert!(outcome.error.is_none() && outcome.usage.is_some());
        prop_assert_eq!(outcome.text, "Hej på 😀");
    }
}
