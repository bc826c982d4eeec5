//! Twilio's own Python library as the judge of our signatures and our TwiML.
//!
//! It runs in the interpreter named by `VOICECALL_PYTHON`, or in the one `./scripts/python-env` prepares.
#![allow(clippy::unwrap_used, reason = "a test that meets an unexpected error should stop there")]

mod support;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use support::{PUBLIC_URL, TOKEN, sign};
use url::form_urlencoded;
use voicecall_core::ErrorKind;
use voicecall_core::carrier::{CallFlow, CallStep, StreamTarget, VoiceBackend, WebhookRequest};
use voicecall_twilio::TwilioVoice;

const CASES: usize = 500;

type Fields = Vec<(String, String)>;

#[test]
fn the_official_validator_and_ours_agree() {
    let requests =
        generated((form_request(), json_request(), any::<bool>()).prop_map(
            |(form, json, is_form)| {
                if is_form { form } else { json }
            },
        ));
    let asked: Vec<_> = requests.iter().map(Request::question).collect();

    let answers = ask(&json!({"token": TOKEN, "requests": asked, "flows": []}));

    let twilio = twilio();
    for (request, answer) in requests.iter().zip(answers["checks"].as_array().unwrap()) {
        assert_eq!(answer["accepts"], true, "the official validator refuses our signature: {request:?}");
        let official = answer["signature"].as_str().unwrap();
        assert!(request.is_authentic(&twilio, official), "we refuse the official signature: {request:?}");
        assert!(!request.is_authentic(&twilio, &official.to_lowercase()), "we accept anything: {request:?}");
        if let Some(body) = &request.body {
            assert_eq!(answer["hash"], hash(body));
        }
    }
}

#[test]
fn the_official_twiml_says_the_same_as_ours() {
    let flows = generated(proptest::collection::vec(step(), 0..5));
    let asked: Vec<Vec<Value>> = flows.iter().map(|flow| flow.iter().map(question_of).collect()).collect();

    let answers = ask(&json!({"token": TOKEN, "requests": [], "flows": asked}));

    let twilio = twilio();
    for (flow, official) in flows.iter().zip(answers["twiml"].as_array().unwrap()) {
        let ours = twilio.reply(&CallFlow(flow.clone())).body;
        assert_eq!(outline(&ours), outline(official.as_str().unwrap()), "{ours}\n{official}");
    }
}

#[derive(Debug)]
struct Request {
    port: &'static str,
    target: String,
    fields: Fields,
    body: Option<String>,
}

impl Request {
    /// The address the validator is shown, always without a port; what was signed may have one.
    fn question(&self) -> Value {
        let signed_url = format!("{PUBLIC_URL}{}{}", self.port, self.target);
        json!({
            "url": format!("{PUBLIC_URL}{}", self.target),
            "signed_url": signed_url,
            "fields": self.fields,
            "body": self.body,
            "signature": sign(TOKEN, &signed_url, &self.fields),
        })
    }

    fn is_authentic(&self, twilio: &TwilioVoice, signature: &str) -> bool {
        let (content_type, body) = match &self.body {
            Some(body) => ("application/json", body.clone()),
            None => {
                let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.fields).finish();
                ("application/x-www-form-urlencoded", form)
            }
        };
        let headers = [("Content-Type", content_type), ("X-Twilio-Signature", signature)];
        let request =
            WebhookRequest { method: "POST", path_and_query: &self.target, headers: &headers, body: body.as_bytes() };
        !matches!(twilio.webhook(&request), Err(error) if error.kind() == ErrorKind::Unauthenticated)
    }
}

fn target() -> impl Strategy<Value = String> {
    "(/[A-Za-z0-9._~%+-]{0,8}){1,3}(\\?[a-z]{1,5}=[A-Za-z0-9%+'!*,/:@_.-]{1,12}(&[a-z]{1,5}=[A-Za-z0-9%+-]{1,8}){0,2})?"
}

fn port() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just(""), Just(":443")]
}

fn form_request() -> impl Strategy<Value = Request> {
    let field = ("[A-C][a-z.]{0,2}|.{1,8}", prop_oneof!["[x-z]?", ".{0,20}"]);
    (port(), target(), proptest::collection::vec(field, 0..10)).prop_map(|(port, target, fields)| Request {
        port,
        target,
        fields,
        body: None,
    })
}

fn json_request() -> impl Strategy<Value = Request> {
    (port(), target(), ".{1,60}").prop_map(|(port, target, body)| {
        let mark = if target.contains('?') { '&' } else { '?' };
        let target = format!("{target}{mark}bodySHA256={}", hash(&body));
        Request { port, target, fields: Vec::new(), body: Some(body) }
    })
}

fn hash(body: &str) -> String {
    Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Text as people write it and as they should not, within what the official builder can express.
fn text() -> impl Strategy<Value = String> {
    "[ -~åäöÅÄÖé€🙂<>&'\"]{0,40}"
}

fn url(scheme: &'static str) -> impl Strategy<Value = url::Url> {
    target().prop_map(move |target| format!("{scheme}://calls.example{target}").parse().unwrap())
}

fn step() -> impl Strategy<Value = CallStep> {
    let parameters = proptest::collection::btree_map("[a-zA-Z<&\"]{1,8}", text(), 0..4);
    let stream = (url("wss"), parameters, proptest::option::of(url("https")));
    prop_oneof![
        stream.prop_map(|(url, parameters, status_url)| CallStep::Stream(StreamTarget { url, parameters, status_url })),
        (text(), "[a-z]{2}-[A-Z]{2}").prop_map(|(text, language)| CallStep::Say { text, language }),
        url("https").prop_map(CallStep::Redirect),
        Just(CallStep::HangUp),
    ]
}

fn question_of(step: &CallStep) -> Value {
    match step {
        CallStep::Stream(target) => {
            let parameters: Fields = target.parameters.clone().into_iter().collect();
            json!({"step": "stream", "url": target.url, "parameters": parameters, "status_url": target.status_url})
        }
        CallStep::Say { text, language } => json!({"step": "say", "text": text, "language": language}),
        CallStep::Redirect(url) => json!({"step": "redirect", "url": url}),
        _ => json!({"step": "hang_up"}),
    }
}

/// What a document says, whatever way it is written.
fn outline(xml: &str) -> Vec<(usize, String, Fields, String)> {
    let document = roxmltree::Document::parse(xml).unwrap();
    let elements = document.descendants().filter(roxmltree::Node::is_element);
    elements
        .map(|element| {
            let mut attributes: Vec<_> =
                element.attributes().map(|it| (it.name().to_owned(), it.value().to_owned())).collect();
            attributes.sort();
            let text = element.text().unwrap_or_default().to_owned();
            (element.ancestors().count(), element.tag_name().name().to_owned(), attributes, text)
        })
        .collect()
}

fn generated<T: std::fmt::Debug>(strategy: impl Strategy<Value = T>) -> Vec<T> {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    (0..CASES).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

fn twilio() -> TwilioVoice {
    TwilioVoice::builder().account_sid(support::ACCOUNT).auth_token(TOKEN).public_url(PUBLIC_URL).build().unwrap()
}

fn ask(questions: &Value) -> Value {
    let python = interpreter();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/official_library.py");
    let mut child = Command::new(&python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{} does not run ({error}): run ./scripts/test", python.display()));
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(questions.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "Twilio's library cannot be asked with {}: run ./scripts/test", python.display());
    serde_json::from_slice(&output.stdout).unwrap()
}

fn interpreter() -> PathBuf {
    if let Some(python) = std::env::var_os("VOICECALL_PYTHON") {
        return python.into();
    }
    let workspace = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from(workspace).join("target"), PathBuf::from);
    let python = target.join("python/bin/python3");
    assert!(python.exists(), "{} is missing: run ./scripts/test", python.display());
    python
}
