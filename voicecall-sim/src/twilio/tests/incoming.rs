//! Calls to the account's own numbers.

use super::*;

#[test]
fn an_incoming_call_is_answered_by_its_instructions_or_rejected() {
    let caller = || Box::new(HangsUp { party: FixedAudio::default(), at: Duration::from_secs(3) });
    let mut world = World::new(exchange(vec![], hangs_up_after(1)), |_| STREAM.to_owned());
    assert!(world.exchange.call_in(CallTime::ZERO, TO, FROM, caller()).is_some());
    world.run(S(10));
    assert_eq!(field(&world.delivered[0], "CallStatus"), "ringing");
    assert_eq!(field(&world.delivered[0], "Direction"), "inbound");
    assert_eq!(world.statuses(), [CallStatus::InProgress, CallStatus::Completed]);

    let reject = r#"<Response><Reject reason="busy"/></Response>"#;
    let mut world = World::new(exchange(vec![], hangs_up_after(1)), move |_| reject.to_owned());
    world.exchange.call_in(CallTime::ZERO, TO, FROM, caller());
    world.run(S(10));
    assert_eq!(world.statuses(), [CallStatus::Busy]);
    assert!(world.exchange.call_in(world.now, TO, "+46999999999", caller()).is_none());
}

/// What an order to call `THEM` becomes, which is a number of the account's own: the order's and the other call's direction
/// and status in the end, and what the order's recording holds.
fn order_to_own_number(answer: &'static str) -> (Vec<(String, String)>, bool) {
    const THEM: &str = "+46100000002";
    let numbers = vec![Number::new(FROM), Number::answered_by(THEM, "https://demo.example/voice")];
    let options = ExchangeOptions::new(1, vec![Account::new(AC, TOKEN, numbers)]);
    let nobody = |_: &Ring| -> Box<dyn Party> { panic!("no person has that number") };
    let exchange = Exchange::new(options, nobody).with_speaker(|_, _| Some(vec![0x00; 8000]));
    let mut world = World::new(exchange, move |webhook| {
        assert_eq!([field(webhook, "From"), field(webhook, "To")], [FROM, THEM]);
        assert_eq!([field(webhook, "Direction"), field(webhook, "CallStatus")], ["inbound", "ringing"]);
        answer.to_owned()
    });
    let pause = "<Response><Pause length='30'/></Response>";
    let form = [("To", THEM), ("From", FROM), ("Twiml", pause), ("Record", "true"), ("Trim", "do-not-trim")];
    assert_eq!(world.rest("POST", "/Calls.json", &form).0, 201);
    world.run(S(60));
    let calls = world.rest("GET", "/Calls.json", &[]).1;
    let text = |call: &Value, name: &str| call[name].as_str().unwrap().to_owned();
    let calls = calls["calls"].as_array().unwrap();
    let ends = calls.iter().rev().map(|call| (text(call, "direction"), text(call, "status"))).collect();
    (ends, world.exchange.recordings.iter().any(|recording| recording.has_speech()))
}

#[test]
fn an_order_to_call_an_own_number_rings_there_and_is_heard() {
    let both = |status: &str| ["outbound-api", "inbound"].map(|direction| (direction.to_owned(), status.to_owned()));
    let says = "<Response><Say>Hello.</Say></Response>";
    assert_eq!(order_to_own_number(says), (both("completed").to_vec(), true));
    let rejects = "<Response><Reject reason='busy'/></Response>";
    assert_eq!(order_to_own_number(rejects), (both("busy").to_vec(), false));
}
