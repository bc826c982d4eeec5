//! Whatever a client sends, the session goes on.

use proptest::prelude::*;

use super::*;

/// Values that stand in events, right and wrong ones.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec![
            "",
            "realtime",
            "audio",
            "text",
            "inf",
            "none",
            "auto",
            "root",
            "message",
            "user",
            "assistant",
            "input_text",
            "input_audio",
            "output_text",
            "function_call",
            "function_call_output",
            "item_reference",
            "audio/pcm",
            "audio/pcmu",
            "book",
            "Hej",
            "Ja, det går bra.",
            "a",
            "/////////////////////w==",
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 24, 6, |inner| {
        let name = prop::sample::select(vec![
            "type",
            "model",
            "audio",
            "input",
            "output",
            "format",
            "rate",
            "voice",
            "transcription",
            "turn_detection",
            "tools",
            "name",
            "item",
            "id",
            "role",
            "content",
            "text",
            "call_id",
            "arguments",
            "include",
            "truncation",
            "instructions",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..6).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

fn event() -> impl Strategy<Value = Value> {
    let kinds = prop::sample::select(vec![
        "session.update",
        "input_audio_buffer.append",
        "input_audio_buffer.commit",
        "input_audio_buffer.clear",
        "conversation.item.create",
        "conversation.item.retrieve",
        "conversation.item.truncate",
        "conversation.item.delete",
        "response.create",
        "response.cancel",
        "output_audio_buffer.clear",
        "x",
    ]);
    let names = prop::sample::select(vec![
        "session",
        "audio",
        "item",
        "previous_item_id",
        "item_id",
        "content_index",
        "audio_end_ms",
        "response",
        "response_id",
        "event_id",
    ]);
    (kinds, prop::collection::vec((names, value()), 0..4)).prop_map(|(kind, members)| {
        let mut event: Value = members.into_iter().collect();
        if !event.is_object() {
            event = json!({});
        }
        event["type"] = json!(kind);
        event
    })
}

/// Events that are mostly right, so that something happens between the wrong ones.
fn sensible() -> impl Strategy<Value = Value> {
    let item =
        |text: &str| json!({ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": text }] });
    prop::sample::select(vec![
        append(&[0xFF; 1600]),
        json!({ "type": "input_audio_buffer.commit" }),
        json!({ "type": "conversation.item.create", "item": item("Hej") }),
        json!({ "type": "conversation.item.create", "item": item("Boka") }),
        json!({ "type": "response.create" }),
        json!({ "type": "response.create", "response": { "conversation": "none", "max_output_tokens": 3 } }),
        json!({ "type": "response.cancel" }),
        json!({ "type": "session.update", "session": { "type": "realtime",
            "tools": [{ "type": "function", "name": "book" }],
            "audio": { "input": { "transcription": { "model": "m" } } } } }),
        json!({ "type": "conversation.item.truncate", "item_id": "LAST", "content_index": 0, "audio_end_ms": 20 }),
        json!({ "type": "conversation.item.delete", "item_id": "LAST" }),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_event_makes_a_session_panic(
        events in prop::collection::vec((prop_oneof![event(), sensible(), sensible()], 0_u64..1500), 1..16),
        garbage in "[{}\\[\\]\",:a-z0-9]{0,60}",
    ) {
        let mut client = Client::with(shared_services());
        client.session.receive(Duration::ZERO, &garbage);
        client.tell(json!({ "type": "session.update",
            "session": { "type": "realtime", "audio": { "input": { "turn_detection": null } } } }));
        for (mut event, wait) in events {
            if event["item_id"] == "LAST" {
                event["item_id"] = client.session.items().last().map_or(Value::Null, |item| item["id"].clone());
            }
            let said = [client.tell(event), client.pass(wait)].concat();
            prop_assert!(said.iter().all(|event| event["type"].is_string() && event["event_id"].is_string()));
        }
    }
}
