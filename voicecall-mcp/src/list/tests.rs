//! From what a server offers to tools of a call.

use std::time::Duration;

use serde_json::json;
use voicecall_core::dialogue::{Dialogue, LlmDialogue};
use voicecall_core::tool::ToolEffect;

use super::*;
use crate::McpServer;

fn offer(name: &str) -> Offer {
    offered(json!({ "name": name, "description": "Does it", "inputSchema": { "type": "object" } }))
}

fn offered(offer: Value) -> Offer {
    serde_json::from_value(offer).unwrap()
}

fn tools(settings: &Settings, offers: impl IntoIterator<Item = Offer>) -> Result<Vec<Tool>> {
    let link = Link::new(settings.name.clone(), Duration::from_secs(1), std::future::pending);
    super::tools(&Arc::new(link), settings, offers.into_iter().collect())
}

fn bakery() -> Settings {
    McpServer::http("http://bakery").settings
}

#[tokio::test]
async fn what_is_offered_is_what_the_model_is_shown() {
    let offer = offered(json!({
        "name": "files.read",
        "description": "Reads a file",
        "inputSchema": {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "type": "object",
            "properties": { "path": { "type": "string", "default": "/" } },
        },
        "annotations": { "readOnlyHint": true },
    }));
    let [tool] = tools(&bakery(), [offer]).unwrap().try_into().unwrap();
    assert_eq!((tool.name(), tool.effects()), ("files_read", ToolEffect::None));
    assert_eq!(tool.spec().description, "Reads a file");
    let parameters = json!({ "type": "object", "properties": { "path": { "type": "string", "default": "/" } } });
    assert_eq!(tool.spec().parameters, parameters);
}

#[tokio::test]
async fn a_tool_without_a_description_is_described_by_its_title_and_one_without_properties_has_none() {
    let offer = offered(json!({ "name": "now", "title": "The time", "inputSchema": {} }));
    let [tool] = tools(&bakery(), [offer]).unwrap().try_into().unwrap();
    assert_eq!(tool.spec().description, "The time");
    assert_eq!(tool.spec().parameters, json!({ "type": "object", "properties": {} }));
    assert_eq!(tool.effects(), ToolEffect::Once);
}

#[tokio::test]
async fn any_name_a_server_gives_is_one_that_a_dialogue_takes() {
    let names = ["book", "files.read", "två", "a/b", &"x".repeat(128), &format!("{}y", "x".repeat(127))];
    let tools = tools(&bakery(), names.map(offer)).unwrap();
    assert_eq!(tools.len(), names.len());
    LlmDialogue::new("You are a bakery.").tools(tools).validate().unwrap();
}

#[tokio::test]
async fn names_get_the_prefix_and_only_some_are_taken() {
    let settings = McpServer::http("http://bakery").prefix("bakery_").only(["b", "a"]).settings;
    let tools = tools(&settings, ["a", "b", "c"].map(offer)).unwrap();
    assert_eq!(tools.iter().map(Tool::name).collect::<Vec<_>>(), ["bakery_a", "bakery_b"]);
}

#[tokio::test]
async fn what_cannot_be_told_apart_or_found_is_an_error_that_names_server_and_tool() {
    let error = tools(&bakery(), ["a.b", "a_b"].map(offer)).unwrap_err();
    assert_eq!(error.field(), Some("tool.name"));
    let message = error.message().unwrap();
    assert!(["`a.b`", "`a_b`", "`bakery`"].iter().all(|name| message.contains(name)), "{message}");

    let settings = McpServer::http("http://bakery").only(["bake"]).settings;
    let error = tools(&settings, [offer("book")]).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Config, Some("only")));
    let message = error.message().unwrap();
    assert!(["`bake`", "`bakery`", "book"].iter().all(|name| message.contains(name)), "{message}");

    let error = tools(&bakery(), [offer("")]).unwrap_err();
    assert!(error.message().unwrap().contains("`bakery`"), "{error}");
}
