//! The conversation.

use super::*;

fn create(place: Value, id: &str) -> Value {
    json!({ "type": "conversation.item.create", "previous_item_id": place, "item": {
        "id": id, "type": "message", "role": "user", "content": [{ "type": "input_text", "text": id }],
    } })
}

#[test]
fn items_are_put_where_the_client_says_and_keep_its_names() {
    let mut client = Client::new("");
    for (place, id, before) in [
        (Value::Null, "b", Value::Null),
        (Value::Null, "d", json!("b")),
        (json!("root"), "a", Value::Null),
        (json!("b"), "c", json!("b")),
    ] {
        let said = client.tell(create(place, id));
        assert_eq!(types(&said), ["conversation.item.added", "conversation.item.done"]);
        assert_eq!((&said[0]["previous_item_id"], &said[0]["item"]["id"]), (&before, &json!(id)));
    }
    assert_eq!(client.texts(), ["a", "b", "c", "d"]);
    let said = client.tell(json!({ "type": "conversation.item.delete", "item_id": "b" }));
    assert_eq!((&said[0]["type"], &said[0]["item_id"]), (&json!("conversation.item.deleted"), &json!("b")));
    let said = client.tell(json!({ "type": "conversation.item.retrieve", "item_id": "c" }));
    assert_eq!(only(&said, "conversation.item.retrieved")["item"]["content"][0]["text"], "c");
    assert_eq!(client.texts(), ["a", "c", "d"]);
}

#[test]
fn what_is_not_there_is_an_error() {
    let mut client = Client::new("");
    client.tell(create(Value::Null, "a"));
    let truncate = |id: &str| json!({ "type": "conversation.item.truncate", "item_id": id, "content_index": 0, "audio_end_ms": 1 });
    let output = json!({ "type": "function_call_output", "call_id": "call_0", "output": "" });
    for (wrong, code) in [
        (create(json!("x"), "b"), "invalid_value"),
        (create(Value::Null, "a"), "invalid_value"),
        (json!({ "type": "conversation.item.delete", "item_id": "x" }), "item_delete_invalid_item_id"),
        (json!({ "type": "conversation.item.retrieve", "item_id": "x" }), "item_retrieve_invalid_item_id"),
        (truncate("x"), "item_truncate_invalid_item_id"),
        (truncate("a"), "unsupported_content_type"),
        (json!({ "type": "conversation.item.create", "item": output }), "invalid_tool_call_id"),
        (json!({ "type": "conversation.item.create" }), "missing_required_parameter"),
        (json!({ "type": "conversation.item.tickle" }), "invalid_value"),
        (json!({}), "missing_required_parameter"),
    ] {
        assert_eq!(client.refused(wrong.clone())["code"], code, "{wrong}");
    }
    assert_eq!(client.texts(), ["a"]);
}

#[test]
fn what_was_cut_is_forgotten() {
    let mut client = Client::new("");
    client.write("Ja, det går bra.");
    let said = client.respond(json!({}));
    let item = &only(&said, "response.output_item.done")["item"]["id"];
    let length = sound(&said).len() as u64 / 8;
    let cut = |end: u64| json!({ "type": "conversation.item.truncate", "item_id": item, "content_index": 0, "audio_end_ms": end });
    let error = client.refused(cut(length + 1));
    assert!(error["message"].as_str().unwrap().contains("already shorter than"), "{error}");

    // The third word is in what is left, the fourth is not.
    let words = Library::bundled().by_text("agent", QUESTION).unwrap().words();
    let end = words[2].end as u64 / 8 + 1;
    let told = client.tell(cut(end));
    assert_eq!((&told[0]["type"], &told[0]["audio_end_ms"]), (&json!("conversation.item.truncated"), &json!(end)));
    let told = client.tell(json!({ "type": "conversation.item.retrieve", "item_id": item }));
    let content = &told[0]["item"]["content"][0];
    assert_eq!(content["transcript"], Value::Null);
    assert_eq!(content["audio"].as_str().unwrap().len() as u64, (end * 8).div_ceil(3) * 4);
    assert_eq!(client.refused(cut(end + 1))["param"], "audio_end_ms");

    // The model knows the three words, and no more of them than these.
    client.write("Vad sade du?");
    let said = client.respond(json!({ "output_modalities": ["text"] }));
    assert_eq!(only(&said, "response.output_text.done")["text"], "Tack.");
    client.tell(cut(1));
    let said = client.respond(json!({ "output_modalities": ["text"] }));
    assert_eq!(only(&said, "response.done")["response"]["status"], "failed");
}
