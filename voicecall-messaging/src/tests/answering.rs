//! Answers: once, in order, from what was said before.

use std::sync::Arc;

use futures_util::future::join_all;
use voicecall_core::dialogue::LlmDialogue;
use voicecall_core::messaging::MessageState;
use voicecall_core::testing::{Script, ScriptedModel};
use voicecall_core::{Error, ErrorKind};

use super::world::*;
use crate::AnswerPlan;

#[tokio::test(start_paused = true)]
async fn a_message_is_answered_and_the_answer_sent() {
    let (world, model) = World::new(says(["From 8 to 18."]));
    world.write(ANNA, "When do you open?").await;
    world.wait(1).await;
    assert_eq!(world.carrier.sent(), [(ANNA.to_owned(), "From 8 to 18.".to_owned())]);
    assert!(shown(&model, 0).ends_with("User: When do you open?\n"));
    let states: Vec<_> = world.messages().await.iter().map(|message| message.state).collect();
    assert_eq!(states, [MessageState::Answered, MessageState::Sent]);
}

#[tokio::test(start_paused = true)]
async fn what_is_delivered_many_times_is_answered_once() {
    let (world, model) = World::new(says(["Yes."]));
    let body = format!("secret|in|IN7|{ANNA}|{OURS}||Open?");
    for delivered in join_all((0..16).map(|_| world.deliver(&body))).await {
        delivered.unwrap();
    }
    world.wait(30).await;
    world.deliver(&body).await.unwrap();
    world.wait(30).await;
    assert_eq!((world.carrier.texts(), model.requests().len()), (vec!["Yes.".to_owned()], 1));
}

#[tokio::test(start_paused = true)]
async fn a_forged_message_changes_nothing() {
    let (world, model) = World::new(says(["Yes."]));
    let forged = world.deliver(&format!("guess|in|IN7|{ANNA}|{OURS}||Open?")).await;
    assert_eq!(forged.unwrap_err().kind(), ErrorKind::Unauthenticated);
    world.wait(30).await;
    assert_eq!((world.carrier.requests(), model.requests().len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn messages_that_come_together_are_answered_together_and_in_order() {
    let slow = Script::new().pause(std::time::Duration::from_secs(5)).item(text("A cake and bread, noted."));
    let model = ScriptedModel::new().with_script(slow).with_answer(["And two buns."]);
    let (world, model) = World::new(model);
    world.write(ANNA, "A cake, please.").await;
    world.write(ANNA, "And bread.").await;
    world.wait(2).await;
    world.write(ANNA, "And two buns.").await;
    world.wait(10).await;
    assert_eq!(world.carrier.texts(), ["A cake and bread, noted.", "And two buns."]);
    assert!(shown(&model, 0).contains("User: A cake, please.\nAnd bread.\n"), "{}", shown(&model, 0));
    assert!(shown(&model, 1).ends_with("Assistant: A cake and bread, noted.\nUser: And two buns.\n"));
}

#[tokio::test(start_paused = true)]
async fn a_person_is_known_over_another_channel_and_after_days() {
    let (world, model) = World::new(says(["Noted, Anna.", "A cake for four.", "Still for four."]));
    world.write(ANNA, "I'm Anna, a cake for four please.").await;
    world.wait(5).await;
    world.write(ANNA_WHATSAPP, "What did I order?").await;
    world.wait(3 * 86_400).await;
    world.write(ANNA, "And now?").await;
    world.wait(5).await;
    assert_eq!(world.carrier.sent()[1], (ANNA_WHATSAPP.to_owned(), "A cake for four.".to_owned()));
    for request in [1, 2] {
        let shown = shown(&model, request);
        assert!(shown.contains("I'm Anna, a cake for four please."), "{shown}");
        assert!(shown.contains("Assistant: Noted, Anna."), "{shown}");
    }
    assert!(shown(&model, 2).contains("[whatsapp, 2026-11-28] What did I order?"));
    assert_eq!(world.messages().await.len(), 6, "one conversation holds them all");
}

#[tokio::test(start_paused = true)]
async fn a_model_that_fails_is_asked_again_and_the_person_hears_once() {
    let fails = || Script::new().fail(ErrorKind::Unavailable);
    let model = ScriptedModel::new().with_script(fails()).with_script(Script::new().stall()).with_answer(["Yes."]);
    let (world, _) = World::new(model);
    world.write(ANNA, "Open?").await;
    world.wait(40).await;
    assert_eq!(world.carrier.texts(), ["Yes."]);

    let model = (0..3).fold(ScriptedModel::new(), |model, _| model.with_script(fails()));
    let (world, _) = World::new(model);
    world.write(ANNA, "Open?").await;
    world.wait(40).await;
    let apology = voicecall_core::dialogue::Phrases::english().no_answer;
    assert_eq!(world.carrier.texts(), [apology], "the dialogue's own words");
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_will_not_pass_is_told_at_once() {
    let model = ScriptedModel::new().with_script(Script::new().fail(ErrorKind::Rejected)).with_answer(["Yes."]);
    let (world, model) = World::new(model);
    world.write(ANNA, "Open?").await;
    world.wait(1).await;
    let apology = voicecall_core::dialogue::Phrases::english().no_answer;
    assert_eq!((world.carrier.texts(), model.requests().len()), (vec![apology], 1));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_summary() {
    let slow = Script::new().pause(std::time::Duration::from_secs(15)).item(text("Notes."));
    let model = (0..3).fold(ScriptedModel::new(), |model, _| model.with_answer(["Yes."]));
    let (mut world, _) = World::new(model.with_script(slow).with_answer(["At once."]));
    world.config.remembered_lines = 4;
    world.crash().await;
    for number in 0..3 {
        world.write(ANNA, &format!("{number}?")).await;
        world.wait(1).await;
    }
    world.write(ANNA, "And now?").await;
    world.wait(2).await;
    assert_eq!(world.carrier.texts().last().unwrap(), "At once.");
}

#[tokio::test(start_paused = true)]
async fn whatever_breaks_the_person_gets_an_answer() {
    let world = World::with_plan(|_| Err(Error::new(ErrorKind::Internal, "plan")));
    world.write(ANNA, "Open?").await;
    world.wait(10).await;
    let sorry = world.config.sorry.clone();
    assert_eq!(world.carrier.texts(), std::slice::from_ref(&sorry));

    let (tool, ran) = counting("slow", 3600);
    let tool = tool.time_limit(std::time::Duration::from_secs(7200));
    let model: Arc<ScriptedModel> = Arc::new(ScriptedModel::new().with_script(calls("slow", "{}")));
    let world = World::with_dialogue(move || LlmDialogue::new("x").tool(tool.clone()), model);
    world.write(ANNA, "Open?").await;
    world.wait(62).await;
    assert_eq!((world.carrier.texts(), ran.load(std::sync::atomic::Ordering::SeqCst)), (vec![sorry], 1));

    let world = World::with_plan(|_| panic!("a broken handler"));
    world.write(ANNA, "Open?").await;
    world.wait(200).await;
    world.plan(|_| Ok(AnswerPlan::Text("Yes.".to_owned())));
    world.wait(200).await;
    assert_eq!(world.carrier.texts(), ["Yes."], "a message outlives what panics");
}

#[tokio::test(start_paused = true)]
async fn nobody_answers_if_a_person_does() {
    let world = World::with_plan(|_| Ok(AnswerPlan::Nobody));
    world.write(ANNA, "Open?").await;
    world.wait(60).await;
    assert_eq!((world.carrier.requests(), world.messages().await[0].state), (0, MessageState::Answered));
}

#[tokio::test(start_paused = true)]
async fn a_long_answer_is_several_messages() {
    let long = "This is a sentence of some length. ".repeat(12);
    let (world, _) = World::new(says([long.as_str()]));
    world.write(ANNA, "Tell me.").await;
    world.wait(5).await;
    let texts = world.carrier.texts();
    assert_eq!(texts.len(), 3);
    assert!(texts.iter().all(|text| text.chars().count() <= 200 && text.ends_with('.')));
    assert_eq!(texts.join(" "), long.trim());
}

#[tokio::test(start_paused = true)]
async fn media_are_told_to_the_model_and_others_politely_refused() {
    let (world, model) = World::new(says(["A nice cake.", "Noted."]));
    world.write_with(ANNA, "image/jpeg", "Look!").await;
    world.wait(5).await;
    assert!(shown(&model, 0).ends_with("User: [image] Look!\n"));
    world.write_with(ANNA, "application/pdf", "").await;
    world.wait(5).await;
    let refused = world.config.refused_media.clone();
    assert_eq!(world.carrier.texts(), ["A nice cake.".to_owned(), refused.clone()]);
    assert_eq!(model.requests().len(), 1);
    // Words that came with it are answered as well.
    world.write_with(ANNA, "application/pdf", "My order").await;
    world.wait(5).await;
    let mut both = world.carrier.texts().split_off(2);
    both.sort();
    assert_eq!(both, ["Noted.".to_owned(), refused]);
}

#[tokio::test(start_paused = true)]
async fn what_is_too_long_to_be_shown_is_summed_up() {
    let is_summary =
        |request: &voicecall_core::model::ChatRequest| request.messages[0].content.starts_with("You keep the notes");
    let mut model = ScriptedModel::new();
    for _ in 0..200 {
        model = model.with_answer(["NOTES: Anna is allergic to nuts."]);
    }
    let (mut world, model) = World::new(model);
    world.config.remembered_lines = 8;
    world.crash().await;
    world.write(ANNA, "I'm Anna, allergic to nuts.").await;
    world.wait(5).await;
    for number in 0..20 {
        world.write(ANNA, &format!("Question {number}?")).await;
        world.wait(5).await;
    }
    world.write(ANNA_WHATSAPP, "What am I allergic to?").await;
    world.wait(5).await;
    let requests = model.requests();
    let summaries: Vec<_> = requests.iter().filter(|request| is_summary(request)).collect();
    assert!((2..12).contains(&summaries.len()), "{}", summaries.len());
    assert!(summaries[0].messages[1].content.contains("Person: I'm Anna, allergic to nuts."));
    assert!(summaries[1].messages[1].content.contains("Notes so far:\nNOTES: Anna"));
    let last = requests.iter().rfind(|request| !is_summary(request)).unwrap();
    let shown: Vec<&str> = last.messages.iter().map(|message| message.content.as_str()).collect();
    assert!(shown[1].starts_with("[What was said earlier, summed up: NOTES: Anna is allergic"), "{shown:?}");
    assert!(shown.len() < 30, "{}", shown.len());
    assert!(shown.iter().any(|line| line.contains("Question 19?")), "{shown:?}");
}

fn text(text: &str) -> voicecall_core::model::ChatDelta {
    voicecall_core::model::ChatDelta::Text(text.to_owned())
}

/// Calls of which one is under way.
#[derive(Debug, Default)]
struct Calls(std::sync::Mutex<Vec<String>>);

#[voicecall_core::async_trait]
impl crate::LiveCalls for Calls {
    async fn wrote(
        &self,
        _: voicecall_core::TenantId,
        _: voicecall_core::PersonKey,
        text: &str,
    ) -> voicecall_core::Result<bool> {
        self.0.lock().unwrap().push(text.to_owned());
        if text == "broken" { Err(Error::new(ErrorKind::Unavailable, "x")) } else { Ok(text != "later") }
    }
}

#[tokio::test(start_paused = true)]
async fn who_writes_during_a_call_is_answered_there() {
    let (world, model) = World::new(says(["Hello.", "Hello."]));
    let calls = Arc::new(Calls::default());
    world.messenger.hand_to_calls(Arc::clone(&calls) as Arc<_>);
    world.write(ANNA, "My address is Storgatan 1").await;
    world.wait(5).await;
    assert_eq!(*calls.0.lock().unwrap(), ["My address is Storgatan 1"]);
    assert_eq!((world.carrier.requests(), model.requests().len()), (0, 0));
    for text in ["later", "broken"] {
        world.write(ANNA, text).await;
        world.wait(5).await;
    }
    assert_eq!(world.carrier.texts(), ["Hello.", "Hello."]);
    assert!(shown(&model, 0).contains("My address is Storgatan 1"), "it is known nevertheless");
}
