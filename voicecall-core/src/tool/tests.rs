//! What a handler is given, and what comes of it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;

use super::*;
use crate::id::SessionId;

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its shape matters")]
struct Booking {
    /// How many come.
    people: u8,
    name: Option<String>,
    #[serde(default)]
    wishes: Vec<Wish>,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its shape matters")]
struct Wish {
    text: String,
}

#[derive(Deserialize, JsonSchema)]
struct Nothing {}

fn booking() -> Tool {
    Tool::new("book", "Books a table")
        .handler(|args: Booking, call| async move { Ok(json!({ "people": args.people, "key": call.key() })) })
}

fn context() -> ToolContext {
    ToolContext::new(SessionId::new(), ToolCallId(3))
}

/// Every object in a schema.
fn objects(schema: &Value) -> Vec<&serde_json::Map<String, Value>> {
    match schema {
        Value::Object(fields) => {
            let own = fields.contains_key("properties").then_some(fields);
            own.into_iter().chain(fields.values().flat_map(objects)).collect()
        }
        Value::Array(items) => items.iter().flat_map(objects).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn a_schema_requires_every_property_and_allows_no_other() {
    let tool = booking();
    let schema = &tool.spec().parameters;
    assert_eq!(objects(schema).len(), 2, "{schema}");
    for object in objects(schema) {
        let mut names: Vec<_> = object["properties"].as_object().unwrap().keys().cloned().collect();
        let mut required: Vec<String> = serde_json::from_value(object["required"].clone()).unwrap();
        names.sort();
        required.sort();
        assert_eq!((names, &object["additionalProperties"]), (required, &json!(false)));
    }
    assert!(!schema.to_string().contains("$ref"), "{schema}");
    assert_eq!(schema["properties"]["people"]["description"], "How many come.");
}

#[test]
fn a_tool_without_arguments_takes_an_empty_object() {
    let tool = Tool::new("now", "The time").handler(|_: Nothing, _| async { Ok("12:00") });
    assert_eq!(tool.spec().parameters["type"], "object");
    assert_eq!(tool.spec().parameters["properties"], json!({}));
    assert_eq!(tool.validate("").unwrap(), json!({}));
}

#[test]
fn arguments_that_do_not_fit_are_refused_with_the_reason() {
    let tool = booking();
    for (arguments, reason) in [
        (r#"{"people": 300, "name": null, "wishes": []}"#, "300"),
        (r#"{"name": null}"#, "people"),
        (r#"{"people": "#, "EOF"),
        ("[]", "length 0"),
    ] {
        let error = tool.validate(arguments).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.message().is_some_and(|text| text.contains(reason)), "{arguments}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_gets_its_arguments_and_its_key() {
    let (tool, context) = (booking(), context());
    let outcome = tool.run(json!({ "people": 4, "name": null, "wishes": [] }), context.clone()).await;
    assert_eq!(outcome, ToolOutcome::Returned(json!({ "people": 4, "key": context.key() })));
    assert_ne!(context.key(), ToolContext::new(context.session(), ToolCallId(4)).key());
    assert_eq!(context.key(), ToolContext::new(context.session(), ToolCallId(3)).key());
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_an_outcome() {
    async fn broken(_: Nothing, _: ToolContext) -> Result<()> {
        std::panic::panic_any("broken")
    }
    let tool = Tool::new("x", "").handler(broken);
    assert!(matches!(tool.run(json!({}), context()).await, ToolOutcome::Failed(_)));
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_takes_too_long_is_given_up() {
    let tool = Tool::new("x", "").handler(|_: Nothing, _| std::future::pending::<Result<()>>());
    let begun = tokio::time::Instant::now();
    let outcome = tool.time_limit(Duration::from_secs(3)).run(json!({}), context()).await;
    assert_eq!(
        (outcome, begun.elapsed()),
        (ToolOutcome::Failed("the tool took too long".into()), Duration::from_secs(3))
    );
}

#[tokio::test(start_paused = true)]
async fn a_result_longer_than_64_kib_is_refused_whole() {
    for (length, fits) in [(MOST_RESULT_BYTES - 2, true), (MOST_RESULT_BYTES - 1, false)] {
        let tool = Tool::new("x", "").handler(move |_: Nothing, _| async move { Ok("x".repeat(length)) });
        let outcome = tool.run(json!({}), context()).await;
        assert_eq!(matches!(outcome, ToolOutcome::Returned(_)), fits, "{length}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_an_error_the_model_learns_the_message_alone() {
    let tool = Tool::new("x", "").handler(|_: Nothing, _| async {
        Err::<(), _>(
            Error::new(ErrorKind::Unavailable, "ask shop")
                .with_message("the shop is closed")
                .with_source(std::io::Error::other("secret")),
        )
    });
    assert_eq!(tool.run(json!({}), context()).await, ToolOutcome::Failed("the shop is closed".into()));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_matters_where_there_is_an_effect() {
    let lost = || Error::new(ErrorKind::UnknownOutcome, "book").with_message("the connection broke");
    let tool = Tool::new("x", "").handler(move |_: Nothing, _| async move { Err::<(), _>(lost()) });
    for (effect, outcome) in [
        (ToolEffect::None, ToolOutcome::Failed("the connection broke".into())),
        (ToolEffect::Idempotent, ToolOutcome::Unknown),
        (ToolEffect::Once, ToolOutcome::Unknown),
    ] {
        assert_eq!(tool.clone().effect(effect).run(json!({}), context()).await, outcome, "{effect:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_schema_given_at_run_time_is_shown_as_it_is_and_any_object_taken() {
    let schema = json!({ "type": "object", "properties": { "day": { "type": "string", "default": "Monday" } } });
    let runs = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&runs);
    let tool = Tool::new("hours", "").handler_with_schema(schema.clone(), move |arguments, call| {
        count.fetch_add(1, Ordering::Relaxed);
        async move { Ok(json!([arguments, call.key()])) }
    });
    assert_eq!(tool.spec().parameters, schema);
    assert_eq!(tool.validate(r#"{"day": 7}"#).unwrap(), json!({ "day": 7 }));
    for arguments in ["[]", "7", "null", "{"] {
        let error = tool.validate(arguments).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Invalid, Some("arguments")), "{arguments}");
    }
    assert!(matches!(tool.run(json!([]), context()).await, ToolOutcome::Failed(_)));
    assert_eq!(runs.load(Ordering::Relaxed), 0, "validating begins nothing");
    let context = context();
    let outcome = tool.run(json!({ "day": 7 }), context.clone()).await;
    assert_eq!(outcome, ToolOutcome::Returned(json!([{ "day": 7 }, context.key()])));
}

#[tokio::test(start_paused = true)]
async fn values_that_json_cannot_hold_are_an_outcome() {
    let tool = Tool::new("x", "").handler(|_: Nothing, _| async { Ok(HashMap::from([((1, 2), 3)])) });
    assert!(matches!(tool.run(json!({}), context()).await, ToolOutcome::Failed(_)));
}

#[test]
fn names_that_a_model_could_not_write_or_tell_apart_are_refused() {
    let named = |name: &str| Tool::new(name, "").handler(|_: Nothing, _| async { Ok(()) });
    let mut tools = Tools::new();
    for name in ["", "två", "a b", &"x".repeat(65)] {
        assert_eq!(tools.add(named(name)).unwrap_err().field(), Some("tool.name"), "{name}");
    }
    tools.add(named("book-2")).unwrap();
    assert_eq!(tools.add(named("book-2")).unwrap_err().field(), Some("tool.name"));
    let cancelled = named("pay").effect(ToolEffect::Once).after_interruption(AfterInterruption::Cancel);
    assert_eq!(tools.add(cancelled).unwrap_err().field(), Some("tool.after_interruption"));
    assert_eq!(tools.specs().count(), 1);
}

#[test]
fn a_confirmation_says_what_is_to_be_done() {
    let tool = booking().confirm("Shall I book for {people} in the name of {name}?");
    let question = tool.confirmation(&json!({ "people": 4, "name": "Ek" }));
    assert_eq!(question.as_deref(), Some("Shall I book for 4 in the name of Ek?"));
    assert_eq!(booking().confirmation(&json!({})), None);
}
