//! Whole applications in virtual time whose calls are conducted in text: the simulated carrier hears and speaks, and the
//! application exchanges words with it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that meets an unexpected result should stop there")]

use std::time::Duration;

use serde_json::json;
use voicecall::call::Keep;
use voicecall::carrier::{ConverseSettings, InterruptedBy};
use voicecall::dialogue::{LlmDialogue, Scripted};
use voicecall::sim::fault::{Fault, FaultPlan, FaultRule, Site};
use voicecall::sim::openai::ScriptedLlm;
use voicecall::sim::scenario::{Caller, Rule};
use voicecall::sim::simulation::{Simulation, SimulationReport};
use voicecall::store::EndReason;
use voicecall::tool::Tool;
use voicecall::{Call, IncomingDecision, Server, ServerBuilder};

const THEIRS: &str = "+46701740606";
const ANNOUNCED: &str = "This call is kept.";

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Day {
    day: String,
}

fn bakery() -> ServerBuilder {
    let hours = Tool::new("opening_hours", "When the shop is open").handler(|asked: Day, _call| async move {
        Ok(json!({ "until": if asked.day == "Sunday" { 14 } else { 18 } }))
    });
    Server::builder().keep(Keep::Announced(ANNOUNCED.to_owned())).on_incoming(move |_call| {
        let dialogue = LlmDialogue::new("You answer the phone of a bakery.")
            .greeting("Hello, how can I help?")
            .goodbye("Goodbye!")
            .tool(hours.clone());
        async { Ok(IncomingDecision::connect(dialogue)) }
    })
}

fn in_text() -> ConverseSettings {
    ConverseSettings::new("en-GB").with_announcement(ANNOUNCED)
}

fn history(report: &SimulationReport, request: usize) -> Vec<&str> {
    report.asked[request].messages.iter().map(|message| message.content.as_str()).collect()
}

#[test]
fn a_caller_talks_with_the_same_dialogue_and_tools_as_over_audio() {
    let run = |simulation: Simulation<ServerBuilder>| {
        simulation
            .model(ScriptedLlm::new([
                Rule::calls("opening_hours", &json!({ "day": "Sunday" })),
                Rule::says("On Sunday until two."),
                Rule::calls("end_call", &json!({})),
            ]))
            .caller(Caller::says(["When are you open on Sunday?", "Thank you, bye!"]))
            .run()
            .unwrap()
    };
    let audio = run(Simulation::new(bakery()));
    let text = run(Simulation::new(bakery()).converse(in_text()));
    assert_eq!(text.heard(), "Hello, how can I help? On Sunday until two. Goodbye!");
    assert_eq!(text.said(), "When are you open on Sunday? Thank you, bye!");
    assert_eq!(text.sessions[0].end_reason, Some(EndReason::Completed));
    assert_eq!(audio.heard(), format!("{ANNOUNCED} {}", text.heard()), "of audio the machine announces by itself");
    assert_eq!(text.calls[0].said, [ANNOUNCED], "of text the carrier does");
    assert_eq!(text.asked.len(), audio.asked.len());
}

#[test]
fn who_interrupts_is_heard_and_the_rest_was_not_said() {
    let story = "Once upon a time there was a baker who baked the largest bread of all and nobody could eat it up.";
    let report = Simulation::new(bakery())
        .converse(in_text())
        .model(ScriptedLlm::new([story.into(), Rule::says("As you like."), Rule::calls("end_call", &json!({}))]))
        .caller(
            Caller::silent()
                .says_when("how can I help?", "Tell me a story.")
                .interrupts_when("there was a baker", 2, "No, another one please!")
                .says_when("As you like.", "Good bye."),
        )
        .run()
        .unwrap();
    assert!(report.heard().contains("there was a baker who"), "{}", report.heard());
    assert!(!report.heard().contains("eat it up"), "{}", report.heard());
    let told = history(&report, 1);
    let told = told.iter().find(|content| content.contains("Once upon a time")).unwrap();
    assert!(!told.contains("eat it up"), "the model is told what was heard: {told}");
}

#[test]
fn what_does_not_interrupt_is_not_heard() {
    let app = || {
        Server::builder().on_incoming(async |_call| {
            let long = "We are open from eight to six, and on Sundays from ten to two.";
            Ok(IncomingDecision::connect(Scripted::new([long])))
        })
    };
    let heard = |by: InterruptedBy| {
        let report = Simulation::new(app())
            .converse(ConverseSettings::new("en-GB").with_interrupted_by(by))
            .caller(Caller::silent().interrupts_when("We are open", 3, "Yes yes, fine, thank you!"))
            .run()
            .unwrap();
        report.heard()
    };
    assert!(heard(InterruptedBy::Nothing).ends_with("from ten to two."));
    assert!(heard(InterruptedBy::Keys).ends_with("from ten to two."));
    assert!(!heard(InterruptedBy::Speech).contains("from ten to two."));
}

#[test]
fn keys_are_heard() {
    let report = Simulation::new(bakery())
        .converse(in_text())
        .model(ScriptedLlm::new([Rule::says("You pressed two."), Rule::calls("end_call", &json!({}))]))
        .caller(Caller::silent().presses_when("how can I help?", "2").says_when("You pressed two.", "Right, bye."))
        .run()
        .unwrap();
    assert!(history(&report, 0).iter().any(|content| content.contains('2')), "{:?}", history(&report, 0));
    assert!(report.heard().ends_with("You pressed two. Goodbye!"), "{}", report.heard());
}

#[test]
fn somebody_is_called_and_talked_to_in_text() {
    let app = Server::builder().on_outgoing(async |_session| Ok(Scripted::new(["Your order is ready."]).into()));
    let report = Simulation::new(app)
        .converse(ConverseSettings::new("en-GB"))
        .answering(THEIRS, Caller::silent().says_when("Your order is ready.", "Thank you!"))
        .run_with(async |calls| {
            let call = calls.place(Call::to(THEIRS).reference("order-17")).await?;
            assert_eq!(call.ended().await?.end_reason, Some(EndReason::Completed));
            Ok(())
        })
        .unwrap();
    assert_eq!(report.heard(), "Your order is ready.");
}

#[test]
fn a_call_whose_socket_breaks_goes_on_with_its_history() {
    for fault in [Fault::Close { at_frame: 400 }, Fault::Reset { at_frame: 400 }] {
        let rule = FaultRule::nth(Site::MediaSocket, 1, fault);
        let report = Simulation::new(bakery())
            .converse(in_text())
            .faults(FaultPlan::new(1, vec![rule]).unwrap())
            .model(ScriptedLlm::new([
                Rule::says("On Sunday from ten to two."),
                Rule::says("Until two."),
                Rule::calls("end_call", &json!({})),
            ]))
            .caller(
                Caller::silent()
                    .says_when("how can I help?", "When are you open on Sunday?")
                    .says_when("where were we", "Until when, please?")
                    .says_when("Until two.", "Thank you, bye."),
            )
            .limit(Duration::from_secs(600))
            .run()
            .unwrap();
        assert_eq!((report.calls.len(), report.calls[0].sockets), (1, 2), "the same call, over a second socket");
        let told = history(&report, 1);
        assert!(told.iter().any(|content| content.contains("When are you open on Sunday?")), "{told:?}");
        assert_eq!(report.sessions[0].end_reason, Some(EndReason::Completed), "{}", report.heard());
    }
}
