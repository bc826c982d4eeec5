//! The carrier's own libraries, for Python and for Node, accept the emulator: requests, lists, errors, signatures.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod python;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;
use voicecall_core::CallTime;
use voicecall_sim::phone::{Answer, Silent};
use voicecall_sim::twilio::server::{ServerOptions, TwilioServer};
use voicecall_sim::twilio::{
    Account, Exchange, ExchangeOptions, MessageMedium, Number, NumberForSale, Order, RestRequest,
};

use self::python::python;

const TOKEN: &str = "made-up-token";
const SUB_TOKEN: &str = "made-up-token-of-the-sub-account";
const FROM: &str = "+46100000001";
const TO: &str = "+46700000001";
const ANSWERS: &str = "+46700000002";
const FOR_SALE: [&str; 2] = ["+46766860001", "+46766860002"];
const STOPPED: &str = "+46700000003";

fn account() -> Account {
    Account::new(
        format!("AC{:032x}", 7),
        TOKEN,
        vec![Number::new(FROM).texted_at("https://demo.example/messages?a=b%20c")],
    )
}

/// A sub-account of it, without numbers.
fn sub_account() -> Account {
    Account::new(format!("AC{:032x}", 8), SUB_TOKEN, Vec::new()).under(account().sid)
}

fn exchange() -> Exchange {
    let mut options = ExchangeOptions::new(1, vec![account(), sub_account()]);
    options.for_sale = FOR_SALE.map(|number| NumberForSale::new(number, "SE", "Mobile")).into();
    Exchange::new(options, |ring| Box::new(Silent(if ring.to == ANSWERS { Answer::AT_ONCE } else { Answer::Never })))
}

fn authorization() -> String {
    use base64::Engine as _;
    let credentials = format!("{}:{TOKEN}", account().sid);
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(credentials))
}

/// The webhooks of a call, `GET` and `POST`, and of messages in both directions, as the emulator signed them.
fn signed_webhooks() -> Vec<serde_json::Value> {
    let mut exchange = exchange();
    for method in ["POST", "GET"] {
        let form = [
            ("To", TO),
            ("From", FROM),
            ("Url", "https://demo.example/voice/1?a=b&c=%20d"),
            ("StatusCallback", "https://demo.example/status?x=1"),
            ("StatusCallbackMethod", method),
            ("StatusCallbackEvent", "initiated"),
            ("StatusCallbackEvent", "ringing"),
            ("StatusCallbackEvent", "completed"),
        ];
        let request = RestRequest {
            method: "POST".into(),
            path: format!("/2010-04-01/Accounts/{}/Calls.json", account().sid),
            query: Vec::new(),
            form: form.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(),
            authorization: Some(authorization()),
            ..RestRequest::default()
        };
        assert_eq!(exchange.rest(CallTime::ZERO, &request).status, 201);
    }
    let picture = MessageMedium { content_type: "image/png", bytes: vec![3; 900] };
    for (from, to) in [(TO.to_owned(), FROM.to_owned()), (format!("whatsapp:{TO}"), format!("whatsapp:{FROM}"))] {
        exchange.text_in(CallTime::ZERO, &from, &to, "Hej då & välkommen 🙂", vec![picture.clone()]).unwrap();
        let form = [("To", &*from), ("From", &to), ("Body", "Hej"), ("StatusCallback", "https://demo.example/m?x=1")];
        let request = RestRequest {
            method: "POST".into(),
            path: format!("/2010-04-01/Accounts/{}/Messages.json", account().sid),
            query: Vec::new(),
            form: form.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(),
            authorization: Some(authorization()),
            ..RestRequest::default()
        };
        assert_eq!(exchange.rest(CallTime::ZERO, &request).status, 201);
    }
    exchange.advance(CallTime::from_millis(120_000));
    std::iter::from_fn(|| exchange.pop())
        .filter_map(|order| match order {
            Order::Webhook(webhook) => {
                let form = if webhook.url.contains("CallSid=") { Vec::new() } else { webhook.form };
                Some(json!({"url": webhook.url, "form": form, "signature": webhook.signature}))
            }
            _ => None,
        })
        .collect()
}

/// A request by the account.
fn ordered(exchange: &mut Exchange, path: &str, form: &[(&str, &str)]) -> serde_json::Value {
    let request = RestRequest {
        method: "POST".into(),
        path: path.to_owned(),
        form: form.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(),
        authorization: Some(authorization()),
        headers: vec![("x-twilio-webhook-enabled".to_owned(), "true".to_owned())],
        ..RestRequest::default()
    };
    let reply = exchange.rest(CallTime::ZERO, &request);
    assert!(reply.status < 300, "{path}: {}", reply.status);
    serde_json::from_slice(&reply.body).unwrap()
}

/// The events of a conversation, a question among them, as the emulator signed them.
fn signed_events() -> Vec<serde_json::Value> {
    let mut exchange = exchange();
    let hooks = [
        ("PreWebhookUrl", "https://demo.example/before?a=b%20c"),
        ("PostWebhookUrl", "https://demo.example/after"),
        ("Filters", "onMessageAdd"),
        ("Filters", "onMessageAdded"),
        ("Filters", "onParticipantAdded"),
        ("Filters", "onDeliveryUpdated"),
    ];
    ordered(&mut exchange, "/v1/Configuration/Webhooks", &hooks);
    let made = ordered(&mut exchange, "/v1/Conversations", &[("FriendlyName", "Anna & Bo")]);
    let conversation = format!("/v1/Conversations/{}", made["sid"].as_str().unwrap());
    let customer = [("MessagingBinding.Address", TO), ("MessagingBinding.ProxyAddress", FROM)];
    ordered(&mut exchange, &format!("{conversation}/Participants"), &customer);
    ordered(&mut exchange, &format!("{conversation}/Messages"), &[("Author", "anna"), ("Body", "Hej då & tack 🙂")]);
    let picture = MessageMedium { content_type: "image/png", bytes: vec![3; 900] };
    exchange.text_in(CallTime::ZERO, TO, FROM, "å + ä = ö", vec![picture]).unwrap();
    exchange.advance(CallTime::from_millis(10_000));
    let orders = std::iter::from_fn(|| exchange.pop());
    orders
        .map(|order| match order {
            Order::Webhook(it) => json!({"url": it.url, "form": it.form, "signature": it.signature}),
            other => panic!("{other:?}"),
        })
        .collect()
}

/// The emulator, and what a library is to do with it.
async fn setup() -> (TwilioServer, serde_json::Value) {
    let exchange = exchange().with_recogniser(|_, _| Some(("understood".to_owned(), 0.9)));
    let server = TwilioServer::start(exchange, ServerOptions::default()).await.unwrap();
    let mut webhooks = signed_webhooks();
    // Of messages: one that came in, then sent and delivered; over WhatsApp also read.
    assert_eq!(webhooks.len(), 6 + 3 + 4);
    let events = signed_events();
    // The participant, a message, how far it came, and the question about another.
    assert_eq!(events.len(), 1 + 1 + 2 + 1);
    webhooks.extend(events);
    let _ = server.text_in(STOPPED, FROM, "STOP", Vec::new());
    let picture = MessageMedium { content_type: "image/png", bytes: vec![3; 900] };
    let received = server.text_in(TO, FROM, "", vec![picture]).unwrap();
    let setup = json!({
        "api": server.api(), "account_sid": account().sid, "auth_token": TOKEN, "from": FROM, "to": TO, "answers": ANSWERS,
        "stopped": STOPPED, "received": received, "sub_account_sid": sub_account().sid, "sub_auth_token": SUB_TOKEN,
        "for_sale": FOR_SALE,
        "answer_url": "https://demo.example/voice/1", "webhooks": webhooks,
    });
    (server, setup)
}

/// Runs one of the scripts beside this file, which ends with `ok`.
async fn run(mut program: Command, script: &str, setup: serde_json::Value) {
    program.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(script));
    let run = move || {
        let mut child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(setup.to_string().as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && stdout.trim() == "ok", "{stdout}{stderr}");
}

#[tokio::test]
async fn the_official_python_library_works_against_the_emulator() {
    let (_server, setup) = setup().await;
    run(Command::new(python()), "official_library.py", setup).await;
}

#[tokio::test]
async fn the_official_node_library_works_against_the_emulator() {
    let (_server, setup) = setup().await;
    let modules = python::target().join("node/node_modules");
    assert!(modules.join("twilio").exists(), "{} lacks twilio: run ./scripts/node-env", modules.display());
    let mut node = Command::new("node");
    node.env("NODE_PATH", modules);
    run(node, "official_library.cjs", setup).await;
}
