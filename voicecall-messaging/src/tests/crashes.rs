//! A process that dies at any moment loses no message, doubles none, and repeats no effect.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use voicecall_core::dialogue::{LlmDialogue, Phrases};
use voicecall_core::testing::ScriptedModel;
use voicecall_core::tool::ToolEffect;

use super::carrier::Send;
use super::world::*;

/// How long it takes until what a dead process held is free again.
const FREE: u64 = 80;

#[tokio::test(start_paused = true)]
async fn a_tool_under_way_at_a_crash_runs_as_it_declared() {
    for (effect, runs) in [(ToolEffect::None, 2), (ToolEffect::Idempotent, 2), (ToolEffect::Once, 1)] {
        let (tool, ran) = counting("book", 5);
        let tool = tool.effect(effect);
        // What has no effect is not journaled before the answer: the model is asked again.
        let again = if effect == ToolEffect::None { "book" } else { "" };
        let mut model = ScriptedModel::new().with_script(calls("book", "{}"));
        if again == "book" {
            model = model.with_script(calls("book", "{}"));
        }
        let model = Arc::new(model.with_answer(["That's all."]));
        let mut world = World::with_dialogue(move || LlmDialogue::new("x").tool(tool.clone()), model);
        world.write(ANNA, "Book it").await;
        world.wait(2).await;
        assert_eq!(ran.load(Ordering::SeqCst), 1);
        world.crash().await;
        world.wait(FREE + 20).await;
        assert_eq!(ran.load(Ordering::SeqCst), runs, "{effect:?}");
        let unknown = Phrases::english().outcome_unknown;
        let told = world.carrier.texts().concat().contains(&unknown);
        assert_eq!(told, effect == ToolEffect::Once, "{effect:?}: {:?}", world.carrier.texts());
        assert!(world.carrier.texts().concat().ends_with("That's all."), "{effect:?}: {:?}", world.carrier.texts());
    }
}

#[tokio::test(start_paused = true)]
async fn at_whatever_moment_it_dies_one_answer_goes_out() {
    for millis in (0..4000).step_by(200) {
        let pause = std::time::Duration::from_secs(1);
        let slow = || {
            voicecall_core::testing::Script::new()
                .pause(pause)
                .item(voicecall_core::model::ChatDelta::Text("Yes.".to_owned()))
        };
        let model = ScriptedModel::new().with_script(slow()).with_script(slow());
        let (mut world, _) = World::new(model);
        world.carrier.then([Send::Slow(1), Send::Slow(1)]);
        world.write(ANNA, "Open?").await;
        tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
        world.crash().await;
        world.wait(FREE + 20).await;
        let texts = world.carrier.texts();
        // A request that broke off before the carrier had it is not sent again: nobody knows.
        let broke_off = world.messages().await.iter().any(|message| message.state.as_str() == "unknown");
        assert!(texts == ["Yes."] || broke_off && texts.is_empty(), "after {millis} ms: {texts:?}");
        assert_eq!(world.messages().await.len(), 2, "after {millis} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_told_to_stop_finishes_what_is_under_way() {
    let slow = voicecall_core::testing::Script::new()
        .pause(std::time::Duration::from_secs(5))
        .item(voicecall_core::model::ChatDelta::Text("Yes.".to_owned()));
    let (world, _) = World::new(ScriptedModel::new().with_script(slow));
    let other = world.another();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(async move { other.run_background(async { drop(stopped.await) }).await });
    world.write(ANNA, "Open?").await;
    world.wait(2).await;
    stop.send(()).unwrap();
    running.await.unwrap();
    world.wait(10).await;
    assert_eq!(world.carrier.texts(), ["Yes."]);
}

#[tokio::test(start_paused = true)]
async fn an_agent_sends_one_text_for_each_call_of_the_tool() {
    let model = ScriptedModel::new().with_script(calls("send_text_message", r#"{"text":"Storgatan 1"}"#));
    let model: Arc<ScriptedModel> = Arc::new(model.with_answer(["I have sent it."]));
    let world = World::with_plan(|_| Ok(crate::AnswerPlan::Nobody));
    let (messenger, tenant) = (Arc::clone(&world.messenger), world.bakery.tenant);
    world.plan(move |_| {
        let dialogue = LlmDialogue::new("x").tool(messenger.text_tool(tenant));
        Ok(crate::AnswerPlan::dialogue(dialogue, Arc::clone(&model) as Arc<_>))
    });
    world.write(ANNA_WHATSAPP, "Where are you?").await;
    world.wait(5).await;
    let sent = world.carrier.sent();
    assert_eq!(sent[0], (ANNA.to_owned(), "Storgatan 1".to_owned()));
    assert_eq!(sent[1], (ANNA_WHATSAPP.to_owned(), "I have sent it.".to_owned()));
    assert_eq!(world.messages().await.len(), 3, "all in one conversation");
}

#[tokio::test(start_paused = true)]
async fn of_many_who_find_the_same_messages_one_asks_a_model() {
    let slow = || {
        let pause = std::time::Duration::from_secs(1);
        voicecall_core::testing::Script::new()
            .pause(pause)
            .item(voicecall_core::model::ChatDelta::Text("Yes.".to_owned()))
    };
    let (world, model) = World::new((0..9).fold(ScriptedModel::new(), |model, _| model.with_script(slow())));
    world.write(ANNA, "Open?").await;
    let session = world.messages().await[0].session;
    let session =
        voicecall_core::store::SessionStore::session(&*world.store, world.bakery.tenant, session).await.unwrap();
    let others = (0..8).map(|_| {
        let (other, session) = (world.another(), session.clone());
        async move { other.answer_session(session).await }
    });
    futures_util::future::join_all(others).await;
    world.wait(10).await;
    assert_eq!((world.carrier.texts(), model.requests().len()), (vec!["Yes.".to_owned()], 1));
}
