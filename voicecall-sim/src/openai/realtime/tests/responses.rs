//! The model's side.

use super::*;

#[test]
fn a_spoken_response_comes_in_its_order_and_faster_than_it_plays() {
    let mut client = Client::new("");
    client.say("Ja, det går bra.");
    let said = client.tell(json!({ "type": "response.create" }));
    assert_eq!(types(&said), ["response.created", "rate_limits.updated"]);
    assert_eq!(said[0]["response"]["status"], "in_progress");
    assert!(client.pass(299).is_empty());
    let said = client.until("response.done");
    assert_eq!(
        types(&said)[..4],
        [
            "response.output_item.added",
            "conversation.item.added",
            "response.content_part.added",
            "response.output_audio_transcript.delta",
        ]
    );
    let ending = types(&said).len() - 6;
    assert_eq!(
        types(&said)[ending..],
        [
            "response.output_audio.done",
            "response.output_audio_transcript.done",
            "response.content_part.done",
            "response.output_item.done",
            "conversation.item.done",
            "response.done",
        ]
    );
    assert_eq!(deltas(&said, "response.output_audio_transcript.delta"), QUESTION);
    let clip = Library::bundled().by_text("agent", QUESTION).unwrap().audio();
    assert_eq!(sound(&said), clip);
    assert!(client.now.as_millis() < 600 + clip.len() as u128 / 8 / 4, "{:?}", client.now);

    let done = &only(&said, "response.done")["response"];
    assert_eq!((&done["status"], &done["status_details"]), (&json!("completed"), &Value::Null));
    assert_eq!(done["output"][0]["content"], json!([{ "type": "output_audio", "transcript": QUESTION }]));
    let usage = &done["usage"];
    assert_eq!(usage["output_token_details"]["audio_tokens"], (clip.len() as u64 / 8).div_ceil(50));
    let heard = Library::bundled().by_text("caller", "Ja, det går bra.").unwrap().audio().len() as u64 / 8;
    assert_eq!(usage["input_token_details"]["audio_tokens"], heard.div_ceil(100));
    assert_eq!(usage["input_token_details"]["cached_tokens"], 0);
    assert_eq!(client.texts(), [QUESTION], "the caller's transcript was not asked for");
}

#[test]
fn each_format_carries_the_same_speech() {
    let mut client = Client::new("");
    client.write("Hej");
    let lengths = [
        json!({ "type": "audio/pcmu" }),
        json!({ "type": "audio/pcma" }),
        json!({ "type": "audio/pcm", "rate": 24000 }),
    ]
    .map(|format| {
        sound(&client.respond(json!({ "conversation": "none", "audio": { "output": { "format": format } } }))).len()
    });
    assert_eq!(lengths, [lengths[0], lengths[0], lengths[0] * 6]);
    assert!(client.texts() == ["Hej"], "nothing of these is in the conversation");
}

#[test]
fn a_written_response_is_text_alone_and_what_was_read_before_is_cached() {
    let mut client = Client::new("");
    client.write("Hej");
    let said = client.respond(json!({ "output_modalities": ["text"], "metadata": { "turn": "1" } }));
    assert_eq!(
        order(&said),
        [
            "response.created",
            "rate_limits.updated",
            "response.output_item.added",
            "conversation.item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "conversation.item.done",
            "response.done",
        ]
    );
    assert_eq!(deltas(&said, "response.output_text.delta"), "Är du kvar?");
    assert_eq!(only(&said, "response.done")["response"]["metadata"], json!({ "turn": "1" }));
    let usage = |said: &[Value]| only(said, "response.done")["response"]["usage"]["input_token_details"].clone();
    let first = usage(&said);
    client.write("Hej");
    let second = usage(&client.respond(json!({ "output_modalities": ["text"] })));
    assert_eq!(second["cached_tokens"], first["text_tokens"]);
    assert!(second["text_tokens"].as_u64() > first["text_tokens"].as_u64());
}

#[test]
fn a_tool_is_called_and_its_result_answered() {
    let mut client = Client::new("");
    client.write("Boka bord.");
    let refused = client.respond(json!({ "output_modalities": ["text"] }));
    let details = &only(&refused, "response.done")["response"]["status_details"];
    assert!(details["error"]["message"].as_str().unwrap().contains("does not offer"), "{details}");

    let tools = json!([{ "type": "function", "name": "book", "parameters": { "type": "object" } }]);
    client.tell(json!({ "type": "session.update", "session": { "type": "realtime", "tools": tools } }));
    let said = client.respond(json!({}));
    assert_eq!(
        order(&said)[2..],
        [
            "response.output_item.added",
            "conversation.item.added",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "response.output_item.done",
            "conversation.item.done",
            "response.done",
        ]
    );
    let done = only(&said, "response.function_call_arguments.done");
    assert_eq!((&done["name"], &done["arguments"]), (&json!("book"), &json!("{\"at\":19}")));
    assert_eq!(deltas(&said, "response.function_call_arguments.delta"), "{\"at\":19}");
    let call = &only(&said, "response.done")["response"]["output"][0];
    assert_eq!(
        (&call["type"], &call["call_id"], &call["status"]),
        (&json!("function_call"), &done["call_id"], &json!("completed"))
    );

    let output = json!({ "type": "function_call_output", "call_id": call["call_id"], "output": "booked" });
    client.tell(json!({ "type": "conversation.item.create", "item": output }));
    let said = client.respond(json!({ "output_modalities": ["text"] }));
    assert_eq!(only(&said, "response.output_text.done")["text"], "Tack.");
    let none = client.respond(json!({ "tool_choice": "none", "input": [
        { "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "Boka" }] },
    ] }));
    assert_eq!(only(&none, "response.done")["response"]["status"], "failed");
}

#[test]
fn one_response_at_a_time_and_others_beside_it() {
    let mut client = Client::new("");
    client.write("Hej");
    let create = json!({ "type": "response.create" });
    client.tell(create.clone());
    assert_eq!(client.refused(create.clone())["code"], "conversation_already_has_active_response");
    let aside = client.tell(
        json!({ "type": "response.create", "response": { "conversation": "none", "output_modalities": ["text"] } }),
    );
    let id = &aside[0]["response"]["id"];
    assert_eq!(aside[0]["response"]["conversation_id"], Value::Null);
    let said = client.until("response.done");
    let done = &only(&said, "response.done")["response"];
    assert_eq!((&done["id"], done["output"][0]["content"][0]["text"].as_str()), (id, Some("Är du kvar?")));
    client.until("response.done");
    assert_eq!(client.texts(), ["Hej", "Är du kvar?"]);
    assert_eq!(types(&client.tell(create))[0], "response.created");
}

#[test]
fn what_is_answered_can_be_given_with_the_request() {
    let mut client = Client::new("");
    let item = client.write("Hej");
    client.write("Vad?");
    let text = json!({ "output_modalities": ["text"] });
    let ask = |client: &mut Client, input: Value| {
        let mut response = text.clone();
        response["input"] = input;
        let said = client.respond(response);
        only(&said, "response.done")["response"]["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(ask(&mut client, json!([{ "type": "item_reference", "id": item }])), "completed");
    assert_eq!(ask(&mut client, json!([])), "failed", "no rule covers nothing");
    let error = client.refused(
        json!({ "type": "response.create", "response": { "input": [{ "type": "item_reference", "id": "x" }] } }),
    );
    assert_eq!(error["param"], "response.input[0].id");
}

#[test]
fn a_response_is_cancelled_where_it_is() {
    let mut client = Client::new("");
    client.write("Ja, det går bra.");
    assert_eq!(client.refused(json!({ "type": "response.cancel" }))["code"], "response_cancel_not_active");
    client.tell(json!({ "type": "response.create" }));
    let mut said = client.until("response.output_audio.delta");
    said.extend(client.pass(100));
    said.extend(client.tell(json!({ "type": "response.cancel" })));
    let done = &only(&said, "response.done")["response"];
    assert_eq!(
        (&done["status"], &done["status_details"]),
        (&json!("cancelled"), &json!({ "type": "cancelled", "reason": "client_cancelled" }))
    );
    assert_eq!(done["output"][0]["status"], "incomplete");
    assert!(client.pass(60_000).is_empty());
    let item = client.session.items().remove(1);
    assert_eq!(item["status"], "incomplete");
    assert_eq!(item["content"][0]["audio"], format::encode(&sound(&said)));
    let whole = Library::bundled().by_text("agent", QUESTION).unwrap().audio();
    assert!(whole.starts_with(&sound(&said)) && sound(&said).len() < whole.len());
}

#[test]
fn a_response_ends_where_it_has_as_many_tokens_as_it_may() {
    let mut client = Client::new("");
    client.write("Ja, det går bra.");
    for (modality, kind) in
        [("text", "response.output_text.delta"), ("audio", "response.output_audio_transcript.delta")]
    {
        let said =
            client.respond(json!({ "output_modalities": [modality], "max_output_tokens": 12, "conversation": "none" }));
        let done = &only(&said, "response.done")["response"];
        if modality == "text" {
            assert_eq!(done["status"], "completed", "it has 8 tokens");
            continue;
        }
        assert_eq!(
            (&done["status"], &done["status_details"]["reason"]),
            (&json!("incomplete"), &json!("max_output_tokens"))
        );
        assert!(done["usage"]["output_tokens"].as_u64().unwrap() <= 12, "{done}");
        assert!(QUESTION.starts_with(&deltas(&said, kind)));
        assert_eq!(done["output"][0]["status"], "incomplete");
    }
    let said = client.respond(json!({ "output_modalities": ["text"], "max_output_tokens": 2 }));
    assert_eq!(only(&said, "response.output_text.done")["text"], "Hur nöjd");
}

#[test]
fn nothing_is_made_up() {
    let mut client = Client::new("");
    for (text, part) in [("Vad är meningen?", "no [[model.rule]]"), ("Sing!", "La la la.")] {
        client.write(text);
        let said = client.respond(json!({}));
        let done = &only(&said, "response.done")["response"];
        assert_eq!((&done["status"], &done["output"]), (&json!("failed"), &json!([])));
        let message = done["status_details"]["error"]["message"].as_str().unwrap();
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn the_voice_is_fixed_once_it_was_heard() {
    let mut client = Client::new("");
    let voice = |name: &str| json!({ "type": "session.update", "session": { "type": "realtime", "audio": { "output": { "voice": name } } } });
    client.tell(voice("marin"));
    client.write("Hej");
    client.respond(json!({}));
    assert_eq!(client.refused(voice("cedar"))["code"], "cannot_update_voice");
    assert_eq!(types(&client.tell(voice("marin"))), ["session.updated"]);
}
