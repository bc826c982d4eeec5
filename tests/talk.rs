//! A conversation led by a language model, from the greeting to the goodbye, in virtual time.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that meets an unexpected result should stop there")]

use std::collections::BTreeMap;
use std::time::Duration;

use voicecall::audio::Detection;
use voicecall::call::{CallMachine, CallSettings, Conversation, Keep};
use voicecall::dialogue::LlmDialogue;
use voicecall::journal::Fact;
use voicecall::store::EndReason;
use voicecall::tool::{Tool, ToolOutcome, ToolState};
use voicecall::twilio::TwilioMedia;
use voicecall_sim::phone::PhoneOptions;
use voicecall_sim::simulation::{CallSimulation, Report};
use voicecall_sim::twilio::StreamWire;

const BAKERY: &str = r#"
name = "bakery"
seed = 7
latency = { jitter = 0.0, speech = "0 s" }

[caller]
answer = { after = "1 s" }

[[caller.step]]
hears = "How can I help?"
say = "Are you open on Sunday?"

[[caller.step]]
hears = "from eight to two."
say = "Thank you, bye!"

[[model.rule]]
caller = "bye"
reply = ""
calls = [{ tool = "end_call", arguments = {} }]

[[model.rule]]
result = "8-14"
reply = "Yes, we are. On Sunday we are open from eight to two."

[[model.rule]]
caller = "Sunday"
reply = "Let me see."
calls = [{ tool = "opening_hours", arguments = { day = "Sunday" } }]
"#;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Day {
    #[expect(dead_code, reason = "handlers do not run in a simulated call")]
    day: String,
}

fn run() -> Report {
    let opening_hours =
        Tool::new("opening_hours", "When the shop is open on a day").handler(|_: Day, _| async { Ok("not reached") });
    let dialogue = LlmDialogue::new("You answer the phone of a bakery.")
        .greeting("Hello! How can I help?")
        .tool(opening_hours)
        .goodbye("Goodbye!");
    let mut settings = CallSettings::new("0198c0de-0000-7000-8000-000000000009".parse().unwrap());
    settings.detection = Detection::Energy;
    settings.keep = Keep::Announced("This call is recorded.".to_owned());
    let logic = Conversation::new(CallMachine::new(settings), Box::new(dialogue));
    let wire = StreamWire::new("AC1".into(), "CA1".into(), "MZ1".into(), BTreeMap::new());
    let hours = ToolOutcome::Returned("8-14".into());
    CallSimulation::with_labels(
        &BAKERY.parse().unwrap(),
        logic,
        Box::new(TwilioMedia::new()),
        Box::new(wire),
        PhoneOptions::default(),
    )
    .unwrap()
    .tool_result("opening_hours", Duration::from_millis(300), hours)
    .run(Duration::from_secs(120))
    .unwrap()
}

#[test]
fn a_caller_is_answered_with_the_help_of_a_tool() {
    let report = run();
    assert_eq!(
        report.said(),
        ["Hello! How can I help?", "Let me see.", "Yes, we are. On Sunday we are open from eight to two.", "Goodbye!"]
    );
    assert_eq!(report.heard(), ["Are you open on Sunday?", "Thank you, bye!"]);
    assert_eq!(report.reason, Some(EndReason::Completed));
    let returned = |fact: &Fact| matches!(fact, Fact::ToolReturned { state: ToolState::Returned, .. });
    assert_eq!(report.facts.iter().filter(|(_, fact)| returned(fact)).count(), 2, "the tool, and the end of the call");
}

#[test]
fn the_first_sentence_is_on_the_line_within_30_ms_of_being_complete() {
    let report = run();
    let latencies: Vec<_> = report
        .facts
        .iter()
        .filter_map(|(_, fact)| if let Fact::Latency(latency) = fact { Some(latency) } else { None })
        .collect();
    assert_eq!(latencies.len(), 2);
    for latency in latencies {
        let (complete, wire) = (latency.first_sentence.unwrap(), latency.wire.unwrap());
        assert!(wire.since(complete) <= Duration::from_millis(30), "{latency:?}");
    }
}

#[test]
fn equal_seeds_give_equal_calls() {
    assert_eq!(run().log, run().log);
}
