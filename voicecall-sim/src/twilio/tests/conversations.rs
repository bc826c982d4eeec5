//! Who is in which conversation, by their addresses.

use super::*;

const OTHER: &str = "+46100000002";

/// What Twilio's newer interfaces answer.
fn ask(world: &mut World, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
    let reply = world.request("POST", path, form);
    (reply.status, serde_json::from_slice(&reply.body).unwrap())
}

#[test]
fn a_pair_of_addresses_is_in_one_conversation_however_it_got_there() {
    let numbers = vec![Number::new(FROM), Number::new(OTHER)];
    let exchange =
        Exchange::new(ExchangeOptions::new(1, vec![Account::new(AC, TOKEN, numbers)]), |_| -> Box<dyn Party> {
            unreachable!("nobody is called")
        });
    let mut world = World::new(exchange, |_| String::new());
    let mut participants = |proxy| {
        let made = ask(&mut world, "/v1/Conversations", &[]).1;
        let path = format!("/v1/Conversations/{}/Participants", made["sid"].as_str().unwrap());
        let binding = [("MessagingBinding.Address", TO), ("MessagingBinding.ProxyAddress", proxy)];
        let (status, added) = ask(&mut world, &path, &binding);
        assert_eq!(status, 201, "{added}");
        format!("{path}/{}", added["sid"].as_str().unwrap())
    };
    let (first, second) = (participants(FROM), participants(OTHER));
    let mut moves = |who: &str, proxy| {
        let (status, answer) = ask(&mut world, who, &[("MessagingBinding.ProxyAddress", proxy)]);
        (status, answer["code"].as_u64())
    };
    assert_eq!(moves(&second, FROM), (409, Some(50416)), "the first one has it");
    assert_eq!(moves(&first, FROM), (200, None), "its own");
    assert_eq!(moves(&first, OTHER), (409, Some(50416)));
}
