//! The program calls servers that are not ours, and says what they do.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../python/mod.rs"]
mod python;
mod run;
mod server;
mod tls;

use serde_json::json;
use voicecall_core::testing::ReservedAddress;

use self::run::{Run, file};
use self::server::{PythonServer, TOKEN};

/// Somebody who waits for words, answers, breaks into what follows, and says goodbye.
const CONVERSATION: &str = r#"
    name = "conversation"
    seed = 1

    [caller]
    answer = { after = "0 s" }
    in_order = true

    [[caller.step]]
    hears = "how can I help"
    say = "Yes, please."

    [[caller.step]]
    hears = "*"
    interrupt_after = "800 ms"
    say = "Can I speak to the baker?"

    [[caller.step]]
    hears = "*"
    delay = "700 ms"
    say = "Thank you, bye!"

    [[caller.step]]
    hears = "*"
    delay = "300 ms"
    hang_up = true

    [expect]
    ended_by = "caller"
    hears = ["Hello, the bakery here"]
"#;

#[test]
fn a_server_in_python_talks_is_interrupted_and_is_reported() {
    let mut server = PythonServer::start(None);
    let words = ["--calls", "2", "--concurrency", "2", "--from", "+46700000001", "--custom-parameter", "tenant=a=b"];
    let signed = ["--auth-token-env", "TWILIO_AUTH_TOKEN", "--account-sid", "AC7"];
    let scenario = file("conversation.toml", CONVERSATION);
    let run = Run::of(&server.url(), &["--scenario", &scenario]).args(&words).args(&signed).token(TOKEN).run();

    assert_eq!(run.code, 0, "{}", run.stdout);
    assert_eq!(run.json["version"], 1);
    assert_eq!(run.json["scenario"], "conversation");
    assert_eq!(run.json["summary"]["passed"], 2);
    for (call, number) in run.calls().iter().zip(1..) {
        assert_eq!(
            (&call["number"], &call["connected"], &call["passed"]),
            (&json!(number), &json!(true), &json!(true))
        );
        assert_eq!(call["end"], json!({ "by": "caller" }));
        assert!(call["first_audio_ms"].is_u64());
        let turns = call["turns"].as_array().unwrap();
        let said: Vec<&str> = turns.iter().map(|turn| turn["text"].as_str().unwrap()).collect();
        assert_eq!(said, ["Yes, please.", "Can I speak to the baker?", "Thank you, bye!"]);
        assert!(turns.iter().all(|turn| turn["response_ms"].is_i64()), "{turns:#?}");
        let interrupted: Vec<bool> = turns.iter().map(|turn| turn["barge_in"]["clear_ms"].is_u64()).collect();
        assert_eq!(interrupted, [false, true, false], "{turns:#?}");
        assert_eq!(call["clears"], 1);
        assert_eq!(call["marks"], json!({ "sent": 4, "returned": 4 }));
        assert!(call["audio"]["cleared_ms"].as_u64() > Some(0));
        assert!(call["agent"]["transcript"].as_str().unwrap().starts_with("Hello, the bakery here, how can I help?"));
        assert_eq!((&call["protocol_errors"], &call["failures"]), (&json!([]), &json!([])));
    }
    let parameters = json!({ "From": "+46700000001", "tenant": "a=b" });
    assert_eq!([server.line(), server.line()], [parameters.to_string(), parameters.to_string()]);
    assert!(run.stdout.contains("call 2 passed") && run.stdout.contains("2 passed, 0 failed"), "{}", run.stdout);

    let junit = run.junit();
    assert_eq!(junit.cases, ["call 1", "call 2"]);
    assert_eq!(junit.failures, Vec::<(String, String)>::new());
}

#[test]
fn a_caller_with_labels_says_anything_and_goes_by_voice() {
    let server = PythonServer::start(None);
    let scenario = file(
        "labels.toml",
        "name = 'labels'\nseed = 1\ncaller = { answer = { after = '0 s' }, in_order = true, step = [
            { hears = '*', say = 'Guten Tag, haben Sie heute offen?' }, { hears = '*', hang_up = true } ] }",
    );
    let run = Run::of(&server.url(), &["--scenario", &scenario, "--labels"]).run();
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert!(run.calls()[0]["turns"][0]["response_ms"].is_i64(), "{}", run.stdout);
    assert_eq!(run.calls()[0]["agent"]["utterances"], 2);
}

#[test]
fn what_the_scenario_expects_and_does_not_get_is_a_failure() {
    let server = PythonServer::start(None);
    let scenario = file(
        "strict.toml",
        "name = 'strict'\nseed = 1\ncaller = { answer = { after = '0 s' }, in_order = true, step = [
            { hears = '*', say = 'Yes, please.' }, { hears = '*', hang_up = true } ] }
         expect = { first_audio = '0 s', response = '0 s', barge_in = '1 s', hears = ['goodbye'], ended_by = 'server' }",
    );
    let run = Run::of(&server.url(), &["--scenario", &scenario]).run();
    assert_eq!((run.code, run.kinds(0)), (1, vec!["ended_by", "first_audio", "hears", "response", "barge_in"]));
    let junit = run.junit();
    assert_eq!(junit.failures.len(), 1);
    assert_eq!(junit.failures[0].0, "ended_by");
    assert!(junit.failures[0].1.contains("response: the answer to \"Yes, please.\" came after"), "{junit:?}");
}

#[test]
fn each_misbehaviour_has_its_outcome() {
    let outcomes: [(&str, &str, &[&str], &[u64]); 7] = [
        ("refuses", "refused", &["not_connected"], &[]),
        ("closes", "server", &["no_audio"], &[]),
        ("breaks", "lost", &["connection_lost", "no_audio"], &[]),
        ("silent", "time_limit", &["time_limit", "no_audio"], &[]),
        ("garbage", "time_limit", &["time_limit", "protocol_error"], &[31951, 31951, 31951, 31950]),
        ("wrong_stream", "time_limit", &["time_limit", "protocol_error", "no_audio"], &[31951]),
        ("floods", "time_limit", &["time_limit", "protocol_error"], &[31931]),
    ];
    for (misbehaviour, end, kinds, codes) in outcomes {
        let server = PythonServer::start(Some(misbehaviour));
        let run = Run::of(&server.url(), &["--time-limit", "3 s"]).run();
        let call = &run.calls()[0];
        assert_eq!((run.code, call["end"]["by"].as_str()), (1, Some(end)), "{misbehaviour}: {}", run.stdout);
        let mut found = run.kinds(0);
        found.dedup();
        assert_eq!(found, kinds, "{misbehaviour}");
        let refused: Vec<u64> =
            call["protocol_errors"].as_array().unwrap().iter().map(|error| error["code"].as_u64().unwrap()).collect();
        assert_eq!(refused, codes, "{misbehaviour}");
        assert_eq!(run.junit().failures[0].0, kinds[0], "{misbehaviour}");
    }
}

#[test]
fn servers_that_check_signatures_refuse_a_wrong_one() {
    let server = PythonServer::start(None);
    let run = Run::of(&server.url(), &["--auth-token-env", "TWILIO_AUTH_TOKEN"]).token("another").run();
    assert_eq!((run.code, run.calls()[0]["end"]["status"].as_u64()), (1, Some(403)), "{}", run.stdout);
}

#[test]
fn where_nobody_listens_there_is_no_connection() {
    let nobody = ReservedAddress::new();
    let address = nobody.address();
    let run = Run::of(&format!("ws://{address}/media"), &["--calls", "2"]).run();
    assert_eq!((run.code, run.kinds(1)), (1, vec!["not_connected"]));
    assert_eq!(run.calls()[1]["end"]["by"], "unreachable");
    assert_eq!(run.json["summary"]["failed"], 2);
}

#[test]
fn wrong_use_is_told_before_anything_is_called() {
    let words = file("words.toml", CONVERSATION);
    let wrong =
        file("wrong.toml", "name = 'x'\nseed = 1\n[caller]\nanswer = 'busy'\n[[caller.step]]\nhears = '*'\nsing = 'x'");
    let unsaid = file(
        "unsaid.toml",
        "name = 'x'\nseed = 1\n[caller]\nanswer = 'busy'\n[[caller.step]]\nhears = '*'\nsay = 'Nobody says this.'",
    );
    let cases: [(&str, &[&str], &str); 7] = [
        ("http://127.0.0.1:1/", &[], "ws://"),
        ("ws://127.0.0.1:1/?token=1", &[], "custom parameters"),
        ("ws://127.0.0.1:1/", &["--scenario", "no/such/file.toml"], "no/such/file.toml"),
        ("ws://127.0.0.1:1/", &["--scenario", &wrong], "sing"),
        ("ws://127.0.0.1:1/", &["--scenario", &unsaid], "Nobody says this."),
        ("ws://127.0.0.1:1/", &["--scenario", &words, "--labels"], "caller.step.hears"),
        ("ws://127.0.0.1:1/", &["--auth-token-env", "VOICECALL_NO_SUCH_VARIABLE"], "VOICECALL_NO_SUCH_VARIABLE"),
    ];
    for (url, args, named) in cases {
        let run = Run::of(url, args).refused();
        assert_eq!(run.0, 2, "{args:?}");
        assert!(run.1.contains(named), "{args:?}: {}", run.1);
    }
}
