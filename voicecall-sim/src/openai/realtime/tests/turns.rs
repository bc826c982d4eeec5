//! The caller's side: settings, the buffer, what is written down.

use super::*;

#[test]
fn an_update_is_echoed_and_a_wrong_one_changes_nothing() {
    let mut client = Client::raw("");
    let greeted = client.session.settings();
    assert_eq!(greeted["audio"]["input"]["turn_detection"]["type"], "server_vad");
    let error = client.refused(json!({ "type": "session.update", "event_id": "mine", "session": {
        "type": "realtime", "instructions": "Var kort.", "temperature": 0.8,
    } }));
    let told = ["type", "code", "param", "event_id"].map(|name| error[name].as_str().unwrap());
    assert_eq!(told, ["invalid_request_error", "unknown_parameter", "session.temperature", "mine"]);
    assert_eq!(client.session.settings(), greeted);
    let said = client.tell(json!({ "type": "session.update",
        "session": { "type": "realtime", "instructions": "Var kort." } }));
    assert_eq!(only(&said, "session.updated")["session"], client.session.settings());
    assert_eq!(client.session.settings()["instructions"], "Var kort.");
}

#[test]
fn audio_is_refused_until_turn_detection_is_off() {
    let error = Client::raw("").refused(append(&[0xFF; 160]));
    assert_eq!(
        (&error["code"], &error["param"]),
        (&json!("not_simulated"), &json!("session.audio.input.turn_detection"))
    );
    assert!(Client::new("").tell(append(&[0xFF; 160])).is_empty());
}

#[test]
fn a_turn_is_committed_with_100_ms_of_audio_and_becomes_an_item() {
    let mut client = Client::new("");
    let commit = json!({ "type": "input_audio_buffer.commit" });
    let error = client.refused(commit.clone());
    assert_eq!(error["code"], "input_audio_buffer_commit_empty");
    client.tell(append(&[0xFF; 799]));
    assert!(client.refused(commit.clone())["message"].as_str().unwrap().contains("99.88ms"));
    assert_eq!(types(&client.tell(json!({ "type": "input_audio_buffer.clear" }))), ["input_audio_buffer.cleared"]);
    let first = client.write("Hej");
    client.tell(append(&[0xFF; 800]));
    let said = client.tell(commit);
    assert_eq!(types(&said), ["input_audio_buffer.committed", "conversation.item.added", "conversation.item.done"]);
    assert!(said.iter().all(|event| event["previous_item_id"] == *first));
    assert_eq!(said[0]["item_id"], said[2]["item"]["id"]);
    assert_eq!(said[2]["item"]["content"], json!([{ "type": "input_audio", "transcript": null }]));
    assert!(client.pass(10_000).is_empty(), "nobody asked for a transcript");
}

#[test]
fn the_format_stays_while_audio_waits() {
    let mut client = Client::new("");
    let update = |kind: &str| {
        json!({ "type": "session.update",
        "session": { "type": "realtime", "audio": { "input": { "format": { "type": kind } } } } })
    };
    client.tell(append(&[0xFF; 160]));
    assert_eq!(client.refused(update("audio/pcma"))["param"], "session.audio.input.format");
    client.tell(json!({ "type": "input_audio_buffer.clear" }));
    assert_eq!(types(&client.tell(update("audio/pcma"))), ["session.updated"]);
}

fn transcribing(faults: &str) -> Client {
    let mut client = Client::new(faults);
    client.tell(json!({ "type": "session.update", "session": {
        "type": "realtime",
        "include": ["item.input_audio_transcription.logprobs"],
        "audio": { "input": { "transcription": { "model": "gpt-transcribe" } } },
    } }));
    client
}

#[test]
fn what_the_caller_says_is_written_down_a_while_after_it() {
    let mut client = transcribing("");
    let item = client.say("Ja, det går bra.")[0]["item_id"].clone();
    assert!(client.pass(99).is_empty());
    let said = client.pass(301);
    let kind = "conversation.item.input_audio_transcription";
    assert_eq!(order(&said), [format!("{kind}.delta"), format!("{kind}.completed")]);
    assert_eq!(deltas(&said, &format!("{kind}.delta")), "Ja, det går bra.");
    let completed = said.last().unwrap();
    assert_eq!((&completed["transcript"], &completed["item_id"]), (&json!("Ja, det går bra."), &item));
    assert_eq!(completed["usage"]["type"], "tokens");
    assert_eq!(completed["logprobs"].as_array().unwrap().len(), 4);
    assert_eq!(client.texts(), ["Ja, det går bra."]);
}

#[test]
fn a_transcription_fails_or_never_comes_as_planned_and_the_model_hears_all_the_same() {
    let mut client = transcribing(
        "[[fault]]\nwhere = 'openai.realtime.transcription'\nnth = [1]\nkind = 'error'\nstatus = 500\n\
         [[fault]]\nwhere = 'openai.realtime.transcription'\nnth = [2]\nkind = 'half_open_socket'\nat_frame = 0",
    );
    client.say("Ja, det går bra.");
    let failed = client.pass(400);
    assert_eq!(types(&failed), ["conversation.item.input_audio_transcription.failed"]);
    assert_eq!(failed[0]["error"]["type"], "server_error");
    client.say("Ja, det går bra.");
    assert!(client.pass(60_000).is_empty());
    let said = client.respond(json!({ "output_modalities": ["text"] }));
    assert_eq!(only(&said, "response.output_text.done")["text"], QUESTION);
}

#[test]
fn a_session_ends_after_an_hour() {
    let mut client = Client::new("");
    assert!(client.pass(3_599_999).is_empty());
    let said = client.pass(1);
    assert_eq!(said[0]["error"]["code"], "session_expired");
    assert!(said[1]["type"].as_str().unwrap().starts_with("Close { code: 1001"), "{said:?}");
    assert!(client.tell(json!({ "type": "input_audio_buffer.clear" })).is_empty());
    assert_eq!(client.session.due(), None);
}
