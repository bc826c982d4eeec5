//! Requests against the whole router, without a socket and in virtual time.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use proptest::prelude::*;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::super::server::{Server, ServiceOptions, routed};
use super::*;
use crate::wav::streaming_header;

const SCENARIO: &str = r#"
    name = "routes"
    seed = 1
    caller.answer = "busy"
    latency = { first_token = "300 ms", per_token = "10 ms", speech = "200 ms", speech_pace = 2.0, jitter = 0.0 }

    [[model.rule]]
    schema = "consent"
    caller = "Ja"
    reply = { decision = "yes" }

    [[model.rule]]
    caller = "Hej"
    reply = "Hej hej!"

    [[model.rule]]
    caller = "Boka"
    calls = [{ tool = "book", arguments = { at = 19 } }]

    [[model.rule]]
    caller = "Whole"
    calls = [{ tool = "book", arguments = { at = 19 } }, { tool = "book", arguments = "{" }]
    call_shape = "whole"

    [[model.rule]]
    caller = "Objects"
    calls = [{ tool = "book", arguments = { at = 19 } }]
    call_shape = "objects"

    [[model.rule]]
    caller = "WithoutIds"
    calls = [{ tool = "book", arguments = { at = 19 } }]
    call_shape = "without_ids"

    [[fault]]
    where = "openai.chat"
    nth = [2]
    kind = "rate_limit"
    retry_after = "1500 ms"
"#;

struct Client(Router<()>);

impl Client {
    fn new() -> Self {
        let scenario = SCENARIO.parse().unwrap();
        Self(routed(&scenario, "key", ServiceOptions::default()).0)
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, Vec<u8>) {
        let response = self.0.clone().oneshot(request).await.unwrap();
        assert!(response.headers()["x-request-id"].to_str().unwrap().starts_with("req_"));
        let status = response.status();
        (status, to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec())
    }

    async fn post(&self, path: &str, content_type: &str, body: impl Into<Body>) -> (StatusCode, Vec<u8>) {
        let request = Request::post(path).header("authorization", "Bearer key").header("content-type", content_type);
        self.send(request.body(body.into()).unwrap()).await
    }

    async fn json(&self, path: &str, body: &Value) -> (StatusCode, Vec<u8>) {
        self.post(path, "application/json", body.to_string()).await
    }
}

fn read(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap()
}

fn chat(text: &str) -> Value {
    json!({ "model": "any", "messages": [{ "role": "user", "content": text }] })
}

/// The `tool_calls` of all chunks of a streamed answer that offers the tool `book`.
async fn called(text: &str) -> Vec<Value> {
    let mut request = chat(text);
    request["stream"] = json!(true);
    request["tools"] = json!([{ "type": "function", "function": { "name": "book" } }]);
    let (status, body) = Client::new().json("/v1/chat/completions", &request).await;
    assert_eq!(status, StatusCode::OK, "{}", String::from_utf8_lossy(&body));
    let body = String::from_utf8(body).unwrap();
    let chunks = body.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap());
    let chunks: Vec<Value> = chunks.filter(|event| *event != "[DONE]").map(|event| read(event.as_bytes())).collect();
    assert_eq!(chunks.last().unwrap()["choices"][0]["finish_reason"], "tool_calls");
    let calls = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"].get("tool_calls")?.as_array());
    calls.flatten().cloned().collect()
}

#[tokio::test(start_paused = true)]
async fn calls_are_streamed_in_every_shape_of_a_server() {
    let pieces = called("Boka").await;
    assert_eq!((&pieces[0]["function"]["name"], &pieces[0]["function"]["arguments"]), (&json!("book"), &json!("")));
    assert!(pieces.len() > 2 && pieces[1..].iter().all(|piece| piece.get("id").is_none() && piece["index"] == 0));
    let arguments: String = pieces.iter().map(|piece| piece["function"]["arguments"].as_str().unwrap()).collect();
    assert_eq!(arguments, "{\"at\":19}");

    let whole = called("Whole").await;
    assert_eq!((whole.len(), &whole[0]["index"], &whole[1]["index"]), (2, &json!(0), &json!(0)));
    assert_eq!(whole[1]["function"]["arguments"], "{");
    assert_eq!(called("Objects").await[0]["function"]["arguments"], json!({ "at": 19 }));
    assert_eq!(called("WithoutIds").await, [json!({ "function": { "name": "book", "arguments": "{\"at\":19}" } })]);
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_is_not_offered_is_never_called() {
    let (status, body) = Client::new().json("/v1/chat/completions", &chat("Boka")).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(String::from_utf8(body).unwrap().contains("`book`"));
}

/// A form with a `.wav` file and the given fields.
fn form(file: &[u8], fields: &[(&str, &str)]) -> Vec<u8> {
    let mut form = Vec::new();
    for (name, value) in fields {
        form.extend(format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes());
    }
    form.extend(b"--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"turn.wav\"\r\n\r\n");
    form.extend(file);
    form.extend(b"\r\n--b--\r\n");
    form
}

const FORM: &str = "multipart/form-data; boundary=b";

#[tokio::test(start_paused = true)]
async fn a_streamed_answer_has_openais_shape() {
    let mut request = chat("Hej");
    request["stream"] = json!(true);
    request["stream_options"] = json!({ "include_usage": true });
    let asked = Instant::now();
    let (status, body) = Client::new().json("/v1/chat/completions", &request).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(asked.elapsed().as_millis(), 310);

    let body = String::from_utf8(body).unwrap();
    let mut events: Vec<&str> =
        body.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap()).collect();
    assert_eq!(events.pop(), Some("[DONE]"));
    let chunks: Vec<Value> = events.iter().map(|event| read(event.as_bytes())).collect();
    let deltas: Vec<Value> = chunks.iter().map(|chunk| chunk["choices"][0]["delta"].clone()).collect();
    assert_eq!(deltas[0], json!({ "role": "assistant", "content": "", "refusal": null }));
    assert_eq!(deltas[1..3], [json!({ "content": "Hej" }), json!({ "content": " hej!" })]);
    assert_eq!(deltas[3], json!({}));
    assert_eq!(chunks[3]["choices"][0]["finish_reason"], "stop");
    assert!(chunks[..4].iter().all(|chunk| chunk["usage"].is_null() && chunk["object"] == "chat.completion.chunk"));
    assert_eq!(chunks[4]["choices"], json!([]));
    assert_eq!(chunks[4]["usage"]["total_tokens"], 3);
    assert_eq!(chunks.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_whole_answer_has_the_schema_asked_for() {
    let mut request = chat("Ja, det går bra.");
    let schema = json!({
        "type": "object", "properties": { "decision": { "type": "string" } },
        "required": ["decision"], "additionalProperties": false,
    });
    request["response_format"] =
        json!({ "type": "json_schema", "json_schema": { "name": "consent", "strict": true, "schema": schema } });
    let (_, body) = Client::new().json("/v1/chat/completions", &request).await;
    let answer = read(&body);
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(answer["choices"][0]["message"]["content"], r#"{"decision":"yes"}"#);

    let other = "response_format/json_schema/schema/properties";
    *request.pointer_mut(&format!("/{other}")).unwrap() = json!({ "mood": { "type": "string" } });
    request["response_format"]["json_schema"]["schema"]["required"] = json!(["mood"]);
    let (status, body) = Client::new().json("/v1/chat/completions", &request).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(read(&body)["error"]["message"].as_str().unwrap().contains("`mood` is missing"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_never_invented() {
    let (status, body) = Client::new().json("/v1/chat/completions", &chat("Vad är meningen?")).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(read(&body)["error"]["message"].as_str().unwrap().contains("«Vad är meningen?»"));
}

#[tokio::test(start_paused = true)]
async fn the_fault_plan_strikes_at_its_visit() {
    let client = Client::new();
    assert_eq!(client.json("/v1/chat/completions", &chat("Hej")).await.0, StatusCode::OK);
    let request = Request::post("/v1/chat/completions").header("authorization", "Bearer key");
    let response = client.0.clone().oneshot(request.body(Body::from(chat("Hej").to_string())).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers()["retry-after"], "2");
    assert_eq!(client.json("/v1/chat/completions", &chat("Hej")).await.0, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn without_the_key_nothing_is_answered() {
    let client = Client::new();
    for key in [None, Some("Bearer wrong"), Some("key")] {
        let mut request = Request::get("/v1/models");
        if let Some(key) = key {
            request = request.header("authorization", key);
        }
        let (status, body) = client.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert_eq!(read(&body)["error"]["code"], "invalid_api_key");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_address_is_refused_in_openais_shape() {
    let (status, body) = Client::new().json("/v1/responses", &json!({})).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(read(&body)["error"]["message"], "Invalid URL (POST /v1/responses)");
}

#[tokio::test(start_paused = true)]
async fn speech_is_sent_faster_than_it_plays_and_is_understood() {
    let client = Client::new();
    let request = json!({ "model": "any", "voice": "any", "input": "Är du kvar?", "response_format": "wav" });
    let asked = Instant::now();
    let (status, wav) = client.json("/v1/audio/speech", &request).await;
    assert_eq!(status, StatusCode::OK);
    let playing = Duration::from_secs_f64((wav.len() - 44) as f64 / 48_000.0);
    let last_piece = (playing.as_millis() as u64 - 1) / 100;
    assert_eq!(asked.elapsed().as_millis() as u64, 200 + 50 * last_piece);

    let (status, body) = client.post("/v1/audio/transcriptions", FORM, form(&wav, &[("model", "any")])).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(read(&body)["text"], "Är du kvar?");
    let fields = [("model", "whisper-1"), ("response_format", "verbose_json"), ("timestamp_granularities[]", "word")];
    let (_, body) = client.post("/v1/audio/transcriptions", FORM, form(&wav, &fields)).await;
    assert_eq!(read(&body)["words"][2]["word"], "kvar?");
    let fields = [("model", "gpt-4o-transcribe"), ("include[]", "logprobs")];
    let (_, body) = client.post("/v1/audio/transcriptions", FORM, form(&wav, &fields)).await;
    let logprob = read(&body)["logprobs"][0]["logprob"].as_f64().unwrap();
    assert!((-0.3..=0.0).contains(&logprob), "{logprob}");
}

#[tokio::test]
async fn a_stopped_server_closes_its_connections() {
    let scenario = SCENARIO.replace("kind = \"rate_limit\"", "kind = \"half_open_socket\"\nat_frame = 0");
    let scenario = scenario.replace("nth = [2]", "").replace("retry_after = \"1500 ms\"", "").parse().unwrap();
    let server = Server::start(&scenario, "key").await.unwrap();
    let request = reqwest::Client::new()
        .post(format!("{}/chat/completions", server.base_url()))
        .bearer_auth("key")
        .body(chat("Hej").to_string())
        .send();
    let request = tokio::spawn(request);
    // Whether the request has arrived by then or not: it must not hang.
    reqwest::get(format!("{}/models", server.base_url())).await.unwrap();
    server.stop().await;
    assert!(request.await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn silence_is_an_empty_transcript() {
    let wav = [streaming_header(8000), vec![0; 16_000]].concat();
    let (status, body) = Client::new().post("/v1/audio/transcriptions", FORM, form(&wav, &[("model", "any")])).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(read(&body), json!({ "text": "", "usage": { "type": "duration", "seconds": 1.0 } }));
}

#[tokio::test(start_paused = true)]
async fn every_mistake_in_an_upload_is_refused_by_name() {
    let wav = [streaming_header(8000), vec![0; 160]].concat();
    for (fields, param) in [
        (&[][..], "model"),
        (&[("model", "a b")], "model"),
        (&[("model", "any"), ("response_format", "srt")], "response_format"),
        (&[("model", "gpt-transcribe"), ("response_format", "verbose_json")], "response_format"),
        (&[("model", "any"), ("timestamp_granularities[]", "word")], "timestamp_granularities"),
        (&[("model", "whisper-1"), ("include[]", "logprobs")], "include"),
        (&[("model", "any"), ("temperature", "2")], "temperature"),
        (&[("model", "any"), ("stream", "true")], "stream"),
        (&[("model", "any"), ("mood", "good")], "mood"),
    ] {
        let (status, body) = Client::new().post("/v1/audio/transcriptions", FORM, form(&wav, fields)).await;
        assert_eq!((status, &read(&body)["error"]["param"]), (StatusCode::BAD_REQUEST, &json!(param)), "{fields:?}");
    }
    for (content_type, body) in [("application/json", "{}"), (FORM, "--b--\r\n"), (FORM, "--b\r\ncontent-disp")] {
        let (status, _) = Client::new().post("/v1/audio/transcriptions", content_type, body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_upload_makes_the_server_fail(at in 0_usize..400, value in any::<u8>(), length in 0_usize..500) {
        let mut body = form(&[streaming_header(8000), vec![0; 80]].concat(), &[("model", "any"), ("language", "sv")]);
        let at = at.min(body.len() - 1);
        body[at] = value;
        body.truncate(length);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (status, _) = runtime.block_on(Client::new().post("/v1/audio/transcriptions", FORM, body));
        prop_assert!(status == StatusCode::OK || status == StatusCode::BAD_REQUEST, "{}", status);
    }
}
