//! Conversations in text at the exchange: what it says, what it takes, how they end.

use serde_json::json;

use super::*;

const RELAY: &str = r#"<Response><Connect action="/after"><ConversationRelay url="wss://demo.example/relay" interruptible="any" dtmfDetection="true"><Parameter name="attempt" value="a1"/></ConversationRelay></Connect></Response>"#;

/// A caller who does this, at an application that answers `action` with a goodbye.
fn world(party: impl Fn() -> Box<dyn Party> + Send + 'static, script: &[Value]) -> World {
    let exchange = exchange(vec![], move |_| party())
        .with_speaker(|text, _| Some(vec![0x21; text.len() * 480]))
        .with_recogniser(|_, language| Some((format!("Yes ({language})"), 1.0)));
    let mut world = World::new(exchange, |webhook| {
        if webhook.url.ends_with("/after") { "<Response><Hangup/></Response>" } else { RELAY }.to_owned()
    });
    world.script = script.iter().map(Value::to_string).collect();
    world
}

fn silent() -> Box<dyn Party> {
    Box::new(HangsUp { party: Silent(Answer::AT_ONCE), at: Duration::from_secs(8) })
}

fn text(token: &str, last: bool) -> Value {
    json!({ "type": "text", "token": token, "last": last })
}

#[test]
fn the_setup_tells_of_the_call() {
    let mut world = world(silent, &[]);
    let call = world.place();
    world.run(S(2));
    let setup = &world.events()[0];
    let expected = json!({ "type": "setup", "callSid": call, "accountSid": AC, "from": FROM, "to": TO,
        "direction": "outbound-api", "callStatus": "IN-PROGRESS", "customParameters": { "attempt": "a1" } });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&setup[name], value, "{name}");
    }
    assert!(setup["sessionId"].as_str().unwrap().starts_with("VX"));
}

#[test]
fn a_caller_interrupts_with_the_words_until_then_and_their_words_follow() {
    // Speaks for half a second after two seconds.
    let speaks = || -> Box<dyn Party> {
        let quiet = std::iter::repeat_n(Frame::SILENCE, 100);
        Box::new(HangsUp {
            party: FixedAudio::new(quiet.chain(std::iter::repeat_n(Frame::from([0x20; 160]), 25))),
            at: Duration::from_secs(6),
        })
    };
    let mut world = world(speaks, &[text("One two three", false), text(" four five six seven eight nine ten.", true)]);
    world.place();
    world.run(S(9));
    let events = world.events();
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["setup", "interrupt", "prompt"], "{events:?}");
    assert_eq!(events[1]["utteranceUntilInterrupt"], "One two three four five six seven");
    assert!(events[1]["durationUntilInterruptMs"].is_u64());
    assert_eq!(events[2], json!({ "type": "prompt", "voicePrompt": "Yes (en-US)", "lang": "en-US", "last": true }));
}

#[test]
fn what_cannot_be_interrupted_is_not_and_keys_are_told() {
    let presses = || -> Box<dyn Party> {
        let keys = PressesKeys::new([(Duration::from_millis(500), '7')]);
        Box::new(HangsUp { party: keys, at: Duration::from_secs(2) })
    };
    let kinds = |script: &[Value]| {
        let mut world = world(presses, script);
        world.place();
        world.run(S(4));
        world.events().iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&[text("A long sentence for a caller.", true)]), ["setup", "interrupt", "dtmf"]);
    let mut firm = text("A long sentence for a caller.", true);
    firm["interruptible"] = json!(false);
    assert_eq!(kinds(&[firm]), ["setup", "dtmf"]);
}

#[test]
fn an_end_asks_the_action_with_its_data() {
    let mut world = world(silent, &[json!({ "type": "end", "handoffData": "x" })]);
    world.place();
    world.run(S(2));
    let asked = world.delivered.iter().find(|webhook| webhook.url.ends_with("/after")).unwrap();
    assert_eq!(field(asked, "HandoffData"), "x");
    assert!(field(asked, "SessionId").starts_with("VX"));
    assert_eq!(world.sockets, ["open wss://demo.example/relay", "close"]);
    assert_eq!(world.warnings(), [0; 0]);
}

#[test]
fn an_invalid_message_is_refused_and_ten_unidentified_ones_close_the_socket() {
    let invalid = json!({ "type": "sendDigits", "digits": "A" });
    let mut nine = vec![json!({ "type": "dance" }); 9];
    nine.extend([invalid, json!({ "type": "dance" })]);
    let mut world = world(silent, &nine);
    world.place();
    world.run(S(2));
    assert_eq!(world.warnings(), [64107; 11], "the tenth in a row ends it, and these were not");
    let error = json!({ "type": "error", "description": "Invalid message received" });
    assert_eq!(world.events().iter().filter(|event| **event == error).count(), 11);

    let mut world = self::world(silent, &vec![json!({ "type": "dance" }); 10]);
    world.place();
    world.run(S(2));
    assert_eq!(world.sockets, ["open wss://demo.example/relay", "break InvalidData"]);
    assert_eq!(world.warnings().last(), Some(&64105));
    assert!(world.delivered.iter().any(|webhook| webhook.url.ends_with("/after")));
}

#[test]
fn a_socket_that_is_lost_asks_the_action() {
    let mut world = world(silent, &[]);
    world.exchange = exchange(vec![FaultRule::nth(Site::MediaSocket, 1, Fault::Reset { at_frame: 50 })], |_| silent());
    world.place();
    world.run(S(3));
    assert_eq!(world.warnings(), [64105]);
    assert!(world.delivered.iter().any(|webhook| webhook.url.ends_with("/after")));
}
