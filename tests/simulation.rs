//! Whole applications in virtual time: built with `Server`, called and calling, without a carrier, a key or a socket.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that meets an unexpected result should stop there")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use voicecall::call::Keep;
use voicecall::carrier::{CallStatus, IncomingCall};
use voicecall::dialogue::{LlmDialogue, Scripted};
use voicecall::engine::DialPolicy;
use voicecall::sim::carrier::Colleague;
use voicecall::sim::fault::{Fault, FaultPlan, FaultRule, Site};
use voicecall::sim::openai::ScriptedLlm;
use voicecall::sim::phone::Answer;
use voicecall::sim::scenario::{Caller, Rule};
use voicecall::sim::simulation::Simulation;
use voicecall::store::EndReason;
use voicecall::tool::{Tool, ToolEffect};
use voicecall::{Address, Call, CallOptions, ErrorKind, IncomingDecision, PhoneNumber, Server, ServerBuilder};

const THEIRS: &str = "+46701740606";

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Day {
    day: String,
}

/// A bakery that counts what it is asked to book.
fn bakery(booked: &Arc<AtomicUsize>) -> ServerBuilder {
    let hours = Tool::new("opening_hours", "When the shop is open").handler(|asked: Day, _call| async move {
        Ok(json!({ "until": if asked.day == "Sunday" { 14 } else { 18 } }))
    });
    let booked = Arc::clone(booked);
    let book = Tool::new("book", "Books a table")
        .handler(move |_: Day, _call| {
            let booked = Arc::clone(&booked);
            async move { Ok(json!({ "table": booked.fetch_add(1, Ordering::SeqCst) + 1 })) }
        })
        .effect(ToolEffect::Once);
    Server::builder().on_incoming(move |_call| {
        let dialogue = LlmDialogue::new("You answer the phone of a bakery.")
            .greeting("Hello, how can I help?")
            .goodbye("Goodbye!")
            .tool(hours.clone())
            .tool(book.clone());
        async { Ok(IncomingDecision::connect(dialogue)) }
    })
}

#[test]
fn a_caller_is_answered_by_the_applications_own_tools() {
    let booked = Arc::default();
    let report = Simulation::new(bakery(&booked))
        .model(ScriptedLlm::new([
            Rule::calls("opening_hours", &json!({ "day": "Sunday" })),
            Rule::says("On Sunday until two."),
            Rule::calls("book", &json!({ "day": "Sunday" })),
            Rule::says("You have table one."),
            Rule::calls("end_call", &json!({})),
        ]))
        .caller(Caller::says(["When are you open on Sunday?", "Then book me a table.", "Thank you, bye!"]))
        .run()
        .unwrap();
    assert_eq!(report.heard(), "Hello, how can I help? On Sunday until two. You have table one. Goodbye!");
    assert_eq!(report.said(), "When are you open on Sunday? Then book me a table. Thank you, bye!");
    assert_eq!(booked.load(Ordering::SeqCst), 1);
    assert_eq!(report.sessions[0].end_reason, Some(EndReason::Completed));
    let told = |message: &voicecall::model::ChatMessage| message.content.contains("\"until\":14");
    assert!(
        report.asked.iter().any(|asked| asked.messages.iter().any(told)),
        "the model is told what the tool returned"
    );
}

#[test]
fn who_interrupts_is_heard_and_the_rest_was_not_said() {
    let app = Server::builder().on_incoming(async |_call| {
        let dialogue = LlmDialogue::new("You tell stories.").greeting("What shall I tell?").goodbye("Bye.");
        Ok(IncomingDecision::connect(dialogue))
    });
    let story = "Once upon a time there was a baker who baked the largest bread of all and nobody could eat it up.";
    let report = Simulation::new(app)
        .model(ScriptedLlm::new([story.into(), Rule::says("As you like."), Rule::calls("end_call", &json!({}))]))
        .caller(
            Caller::silent()
                .says_when("What shall I tell?", "Tell me a story.")
                .interrupts_when("there was a baker", 2, "No, another one please!")
                .says_when("As you like.", "Good bye."),
        )
        .run()
        .unwrap();
    assert!(report.heard().contains("there was a baker who baked"), "{}", report.heard());
    assert!(!report.heard().contains("eat it up"), "{}", report.heard());
    let context: Vec<&str> = report.asked[1].messages.iter().map(|message| message.content.as_str()).collect();
    let told = context.iter().find(|content| content.contains("Once upon a time")).unwrap();
    assert!(!told.contains("eat it up"), "the model is told what was heard: {told}");
}

#[test]
fn who_is_called_answers_and_who_is_not_there_is_called_again() {
    let person = Caller::silent().says_when("Your order is ready.", "Merci, j'arrive !");
    let app = Server::builder().on_outgoing(async |_session| Ok(Scripted::new(["Your order is ready."]).into()));
    let report = Simulation::new(app)
        .answering(THEIRS, Caller::silent().answers(Answer::Never))
        .answering(THEIRS, person)
        .run_with(async |calls| {
            let mut policy = DialPolicy::once();
            policy.max_attempts = 2;
            let call = calls.place(Call::to(THEIRS).policy(policy).reference("order-17")).await?;
            assert_eq!(call.ended().await?.end_reason, Some(EndReason::Completed));
            Ok(())
        })
        .unwrap();
    let statuses: Vec<CallStatus> = report.calls.iter().map(|call| call.status).collect();
    assert_eq!(statuses, [CallStatus::NoAnswer, CallStatus::Completed]);
    assert_eq!(report.callers[0].log.heard(), "");
    assert_eq!(report.callers[1].log.heard(), "Your order is ready.");
}

#[test]
fn callers_are_turned_away_forwarded_and_told_something_without_an_agent() {
    let baker: PhoneNumber = THEIRS.parse().unwrap();
    let decide = move |call: IncomingCall| {
        let baker = baker.clone();
        async move {
            Ok(match call.caller_name.as_deref() {
                Some("busy") => IncomingDecision::busy(),
                Some("reject") => IncomingDecision::reject(),
                Some("say") => IncomingDecision::say("We are closed.", "en-US"),
                _ => IncomingDecision::forward(baker),
            })
        }
    };
    let call = |name| {
        let to: PhoneNumber = "+46700000001".parse().unwrap();
        IncomingCall::new(Address::from(to)).with_caller_name(Some(name))
    };
    let simulation = Simulation::new(Server::builder().on_incoming(decide));
    let simulation = ["busy", "reject", "say", "forward"]
        .into_iter()
        .fold(simulation, |simulation, name| simulation.caller_of(call(name), Caller::silent()));
    let report = simulation.run().unwrap();
    let statuses: Vec<CallStatus> = report.calls.iter().map(|call| call.status).collect();
    assert_eq!(statuses, [CallStatus::Busy, CallStatus::NoAnswer, CallStatus::Completed, CallStatus::Completed]);
    assert_eq!(report.calls[2].said, ["We are closed."]);
    assert_eq!(report.calls[3].connected_to.as_ref().map(PhoneNumber::reveal), Some(THEIRS));
}

/// A bakery that passes callers to the baker, who hears of them first.
fn reception() -> ServerBuilder {
    Server::builder().on_incoming(async |_call| {
        let dialogue = LlmDialogue::new("You answer the phone of a bakery.").greeting("Hello, how can I help?");
        Ok(IncomingDecision::connect(dialogue.warm_transfer_to("the baker", THEIRS.parse()?)))
    })
}

fn passes_on() -> [Rule; 1] {
    let about = json!({ "to": "the baker", "announcement": "Anna wants a cake for Sunday." });
    [Rule::calls("transfer_call", &about)]
}

#[test]
fn a_caller_is_announced_to_somebody_who_takes_the_call() {
    let report = Simulation::new(reception())
        .model(ScriptedLlm::new(passes_on()))
        .caller(Caller::says(["The baker, please, it's about a cake."]))
        .run()
        .unwrap();
    assert_eq!(report.heard(), "Hello, how can I help? One moment, I'll put you through.");
    assert_eq!(report.calls[0].announced, ["Anna wants a cake for Sunday. Press 1 to take the call."]);
    assert_eq!(report.calls[0].connected_to.as_ref().map(PhoneNumber::reveal), Some(THEIRS));
    assert_eq!(report.sessions[0].end_reason, Some(EndReason::Completed));
}

#[test]
fn a_caller_whom_nobody_takes_goes_on_with_the_agent_who_knows_why() {
    for (colleague, times) in [(Colleague::Declines, 2), (Colleague::Absent, 0)] {
        let after = [
            Rule::says("Shall I take a message?"),
            Rule::says("I will tell her."),
            Rule::calls("end_call", &json!({})),
        ];
        let report = Simulation::new(reception().keep(Keep::Announced("This call is kept.".to_owned())))
            .colleague(THEIRS, colleague)
            .model(ScriptedLlm::new(passes_on().into_iter().chain(after)))
            .caller(
                Caller::silent()
                    .says_when("how can I help", "The baker, please, it's about a cake.")
                    .says_when("Shall I take a message?", "Yes, please. A cake for Sunday.")
                    .says_when("I will tell her.", "Thank you, bye."),
            )
            .run()
            .unwrap();
        let heard = report.heard();
        assert!(heard.contains("Sorry, nobody can take your call there right now. Shall I take a message?"), "{heard}");
        assert_eq!((report.calls[0].announced.len(), &report.calls[0].connected_to), (times, &None));
        assert_eq!((report.calls.len(), report.calls[0].sockets), (1, 2), "the same call, over a second socket");
        let told = report.asked.iter().flat_map(|request| &request.messages);
        assert!(told.clone().any(|message| message.content.contains("could not be transferred to the baker")));
        assert!(
            told.clone().any(|message| message.content.contains("it's about a cake")),
            "what was said before is known"
        );
        assert_eq!(report.sessions[0].end_reason, Some(EndReason::Completed));
    }
}

#[test]
fn an_application_that_asks_a_model_nobody_scripted_fails_the_run() {
    let run = |model: Option<ScriptedLlm>| {
        let simulation = Simulation::new(bakery(&Arc::default())).caller(Caller::says(["Hello?"]));
        let error = model.into_iter().fold(simulation, Simulation::model).run().unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Config, Some("model")));
        error.to_string()
    };
    assert!(run(None).contains("ScriptedLlm::new"), "{}", run(None));
    let unknown = run(Some(ScriptedLlm::new([Rule::says("Yes.").when_caller_says("Sunday")])));
    assert!(unknown.contains("Hello?"), "{unknown}");
}

#[test]
fn what_goes_wrong_is_drawn_from_one_seed() {
    let run = || {
        let slow = FaultRule::always(
            Site::OpenaiTranscription,
            Fault::Latency { delay: Duration::from_secs(2), jitter: Duration::ZERO },
        );
        Simulation::new(bakery(&Arc::default()))
            .faults(FaultPlan::new(7, vec![slow]).unwrap())
            .model(ScriptedLlm::new(["Yes, we are.", "Bye."]))
            .caller(Caller::says(["Are you open?"]))
            .run()
            .unwrap()
    };
    let entries = |report: &voicecall::sim::simulation::SimulationReport| {
        report.callers[0].entries().iter().map(|entry| (entry.from, entry.until)).collect::<Vec<_>>()
    };
    let (first, second) = (run(), run());
    assert_eq!(entries(&first), entries(&second));
    let heard = first.callers[0].entries();
    let waited = heard[2].from.since(heard[1].until);
    assert!(waited > Duration::from_secs(2), "the transcript came late: {waited:?}");
}

#[test]
fn callers_of_two_languages_are_talked_to_at_the_same_time() {
    let app = Server::builder().on_incoming(async |call| {
        let french = call.caller_name.as_deref() == Some("Marie");
        let text = if french { "Bonjour, la boulangerie." } else { "Hello, the bakery." };
        let options = CallOptions::new(Scripted::new([text])).language(if french { "fr" } else { "en" });
        Ok(IncomingDecision::connect(options))
    });
    let call = |name| {
        let to: PhoneNumber = "+46700000001".parse().unwrap();
        IncomingCall::new(Address::from(to)).with_caller_name(Some(name))
    };
    let report = Simulation::new(app)
        .caller_of(call("Marie"), Caller::silent())
        .caller_of(call("Mary"), Caller::silent())
        .run()
        .unwrap();
    let heard: Vec<String> = report.callers.iter().map(|caller| caller.log.heard()).collect();
    assert_eq!(heard, ["Bonjour, la boulangerie.", "Hello, the bakery."]);
}

/// Two questions, as `survey::interview` asks them.
fn interview() -> voicecall::Result<CallOptions> {
    use voicecall::survey::interview::{Interview, InterviewPlan, PlannedQuestion, Progress};
    use voicecall::survey::store::QuestionId;
    let question = |(number, text): (u8, &str)| PlannedQuestion {
        id: format!("00000000-0000-7000-8000-00000000000{number}").parse::<QuestionId>().unwrap(),
        text: text.to_owned(),
        max_response_time: Duration::from_secs(30),
        follow_up_prompts: Vec::new(),
    };
    let questions = [(1, "How was the coffee?"), (2, "How was the service?")].map(question).to_vec();
    let plan = InterviewPlan::english("The Coffee Shop", "Vera", questions);
    Ok(CallOptions::new(Interview::new(plan, Progress::default())?).keep(Keep::AfterConsent).language("en"))
}

#[test]
fn who_wants_to_be_called_later_is_and_the_interview_goes_on_where_it_stopped() {
    let app = Server::builder().on_outgoing(async |_session| interview());
    let liked = json!({
        "outcome": "answered", "answer": "Good.", "sentiment": 0.5, "confidence": 0.9, "topics": ["coffee"],
        "acknowledgement": "Thank you.",
    });
    let report = Simulation::new(app)
        .model(ScriptedLlm::new([Rule::says(liked.to_string()), Rule::says(liked.to_string())]))
        .answering(THEIRS, Caller::says(["Yes, sure.", "The coffee was good.", "Can you call me back in two hours?"]))
        .answering(THEIRS, Caller::says(["Yes, sure.", "The service was quick."]))
        .run_with(async |calls| {
            let call = calls.place(Call::to(THEIRS).reference("order-17")).await?;
            assert_eq!(call.ended().await?.end_reason, Some(EndReason::Completed));
            let same = calls.place(Call::to(THEIRS).reference("order-17")).await?;
            assert_eq!(same.id(), call.id(), "one session has called twice");
            Ok(())
        })
        .unwrap();
    assert_eq!(report.calls.len(), 2);
    let [first, second] = [0, 1].map(|place: usize| report.callers[place].log.heard());
    assert!(first.contains("How was the coffee?") && first.contains("How was the service?"), "{first}");
    assert!(second.contains("AI") && second.contains("How was the service?"), "{second}");
    assert!(!second.contains("How was the coffee?"), "what was answered is not asked again: {second}");
    let waited = report.calls[1].ordered_at - report.calls[0].ended_at.unwrap();
    assert!((118..=120).contains(&(waited.as_secs() / 60)), "{waited:?}");
}
