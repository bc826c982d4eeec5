//! What faults of the plan do to responses.

use super::*;

/// Types of what is said of a spoken response that a fault strikes, in a minute.
fn struck(fault: &str) -> Vec<Value> {
    let mut client = Client::new(&format!("[[fault]]\nwhere = 'openai.realtime.response'\n{fault}"));
    client.write("Hej");
    let mut said = client.tell(json!({ "type": "response.create" }));
    said.extend(client.pass(60_000));
    said
}

fn ending(fault: &str) -> Value {
    only(&struck(fault), "response.done")["response"].clone()
}

#[test]
fn each_fault_does_to_a_response_what_it_is_named_for() {
    let whole = types(&struck("nth = [2]\nkind = 'drop_before'")).len();
    assert!(struck("kind = 'half_open_socket'\nat_frame = 0").is_empty());
    let silent = struck("kind = 'half_open_socket'\nat_frame = 4");
    assert_eq!(types(&silent).last(), Some(&"response.output_audio_transcript.delta"));
    assert_eq!(types(&struck("kind = 'drop_before'")), ["Drop"]);
    let broken = struck("kind = 'accept_then_drop'");
    assert_eq!(types(&broken).last(), Some(&"Drop"));
    assert!((4..whole).contains(&broken.len()));

    let limited = ending("kind = 'rate_limit'");
    assert_eq!(
        (&limited["status"], &limited["status_details"]["error"]["code"]),
        (&json!("failed"), &json!("rate_limit_exceeded"))
    );
    let failed = ending("kind = 'error'\nstatus = 500");
    assert_eq!(
        (&failed["status"], &failed["status_details"]["error"]["type"]),
        (&json!("failed"), &json!("server_error"))
    );
    assert_eq!(failed["output"][0]["status"], "incomplete");
    let stumbled = struck("kind = 'error'\nstatus = 500\naccepted = true");
    assert_eq!(only(&stumbled, "error")["error"]["type"], "server_error");
    assert_eq!(only(&stumbled, "response.done")["response"]["status"], "completed");
    assert_eq!(stumbled.len(), whole + 1);
}

#[test]
fn a_late_response_comes_late_and_a_stalled_one_goes_on() {
    for (fault, at_once) in [("kind = 'latency'\ndelay = '10 s'", 0), ("kind = 'stall'\nlength = '10 s'", 2)] {
        let mut client = Client::new(&format!("[[fault]]\nwhere = 'openai.realtime.response'\n{fault}"));
        client.write("Hej");
        assert_eq!(client.tell(json!({ "type": "response.create" })).len(), at_once, "{fault}");
        client.until("response.done");
        assert!((10_000..12_000).contains(&client.now.as_millis()), "{fault}: {:?}", client.now);
    }
}

#[test]
fn a_silent_response_can_be_cancelled() {
    let mut client = Client::new(
        "[[fault]]\nwhere = 'openai.realtime.response'\nnth = [1]\nkind = 'half_open_socket'\nat_frame = 6",
    );
    client.write("Hej");
    client.tell(json!({ "type": "response.create" }));
    client.pass(60_000);
    let said = client.tell(json!({ "type": "response.cancel" }));
    assert_eq!(only(&said, "response.done")["response"]["status"], "cancelled");
    assert_eq!(only(&client.respond(json!({})), "response.done")["response"]["status"], "completed");
}
