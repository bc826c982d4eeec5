//! A dialogue whose model uses a server's tool, from the caller's words to the answer.

use std::time::Duration;

use serde_json::Value;
use voicecall_core::CallTime;
use voicecall_core::agent::Respond;
use voicecall_core::dialogue::{Action, CallerTurn, Dialogue, DialogueEvent, LlmDialogue, UtteranceId};
use voicecall_core::model::{ChatRole, ToolCall};
use voicecall_mcp::McpServer;

use crate::support::{INSTALLED, PATIENCE, bakery, broken, context, python};

/// The actions that follow from an event.
fn tell(dialogue: &mut LlmDialogue, event: &DialogueEvent) -> Vec<Action> {
    let mut actions = Vec::new();
    dialogue.handle(event, CallTime::ZERO, &mut actions);
    actions
}

fn response(actions: Vec<Action>) -> (UtteranceId, Respond) {
    let found = actions.into_iter().find_map(|action| match action {
        Action::Respond { utterance, request } => Some((utterance, request)),
        _ => None,
    });
    found.expect("the model is asked")
}

/// The caller says something, the model calls a tool, and reads this.
async fn read_by_the_model(dialogue: &mut LlmDialogue, tool: &str, arguments: &str) -> String {
    let words = CallerTurn {
        turn: 1,
        text: Some("What time is it in Tokyo?".to_owned()),
        confidence: None,
        language: None,
        started: CallTime::ZERO,
        ended: CallTime::ZERO,
        voiced: Duration::ZERO,
        cut_off: false,
    };
    let (utterance, request) = response(tell(dialogue, &DialogueEvent::Heard(words)));
    assert!(request.tools.iter().any(|offered| offered.name == tool), "{:?}", request.tools);
    let call = ToolCall { id: "1".to_owned(), name: tool.to_owned(), arguments: arguments.to_owned() };
    tell(dialogue, &DialogueEvent::ToolCall { utterance, call });
    let actions = tell(dialogue, &DialogueEvent::Written { utterance, text: String::new() });
    let Some(Action::CallTool { call, name, arguments, .. }) = actions.into_iter().next() else { panic!("no call") };
    let outcome = Dialogue::tool(dialogue, &name).unwrap().time_limit(PATIENCE).run(arguments, context()).await;
    let (utterance, request) = response(tell(dialogue, &DialogueEvent::ToolResult { call, outcome }));
    tell(dialogue, &DialogueEvent::Written { utterance, text: "Let me see.".to_owned() });
    let result = request.messages.into_iter().rfind(|message| message.role == ChatRole::Tool);
    result.expect("a result").content
}

#[tokio::test]
async fn a_model_uses_the_tools_of_servers_and_learns_of_their_trouble() {
    let time =
        McpServer::command(python(), ["-m", "mcp_server_time"]).start_limit(PATIENCE).start().await.expect(INSTALLED);
    let shop = bakery().only(["end"]).prefix("shop_").start().await.unwrap();
    let oven = broken("answers an error").start().await.unwrap();
    let mut dialogue = LlmDialogue::new("You answer the phone of a bakery.")
        .greeting("Hello!")
        .tools(time.tools().await.unwrap())
        .tools(shop.tools().await.unwrap())
        .tools(oven.tools().await.unwrap());
    dialogue.validate().unwrap();
    tell(&mut dialogue, &DialogueEvent::Connected);

    let lost = read_by_the_model(&mut dialogue, "shop_end", "{}").await;
    assert!(lost.contains("nobody knows whether this was done"), "{lost}");
    let refused = read_by_the_model(&mut dialogue, "bake", "{}").await;
    assert_eq!(refused, r#"{"error":"no flour"}"#);
    let tokyo = read_by_the_model(&mut dialogue, "get_current_time", r#"{"timezone":"Asia/Tokyo"}"#).await;
    let tokyo: Value = serde_json::from_str(&tokyo).unwrap();
    assert_eq!(tokyo["timezone"], "Asia/Tokyo");
}
