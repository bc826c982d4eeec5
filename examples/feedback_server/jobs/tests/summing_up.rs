//! Which calls are summed up, when, and how often it is tried.

use tokio::sync::Notify;
use voicecall::ErrorKind;
use voicecall::model::{ChatDelta, TokenUsage};
use voicecall::survey::analysis::CallSummary;
use voicecall::survey::store::Anonymised;
use voicecall_core::testing::Script;

use super::super::summaries::Summaries;
use super::*;

const GOOD: &str = r#"{"summary":"Kunden var nöjd.","sentiment":0.5,"topics":["kaffe"],"follow_up_wanted":true}"#;

fn script(reply: &str) -> Script<ChatDelta> {
    let used = TokenUsage { input: 1_000_000, cached: 0, output: 0, ..TokenUsage::default() };
    Script::new().item(ChatDelta::Text(reply.to_owned())).item(ChatDelta::Usage(used))
}

#[tokio::test]
async fn a_call_in_which_something_was_said_is_summed_up_once() {
    let world = World::new().await;
    let held = world.held(EndReason::Completed).await;
    let silent = world.asked_for().await.id;
    let ended = SessionChange::Ended { reason: EndReason::NoAnswer, source: EventSource::System, at: day(0) };
    world.change(silent, ended).await;
    let model = Arc::new(ScriptedModel::new().with_script(script(GOOD)));
    let dependencies =
        Dependencies { model: Arc::<ScriptedModel>::clone(&model), ..world.dependencies(day(1), ScriptedModel::new()) };
    let mut summaries = Summaries::new(dependencies);

    summaries.catch_up().await.unwrap();
    summaries.catch_up().await.unwrap();

    assert_eq!(model.requests().len(), 1, "once");
    let asked = &model.requests()[0].messages;
    assert!(asked[0].content.contains("Kaffebutiken") && asked[1].content.contains("zorbax"));
    let call = world.call(held).await;
    let summary: CallSummary = serde_json::from_value(call.record.analysis.unwrap()).unwrap();
    assert_eq!((summary.summary.as_str(), summary.follow_up_wanted), ("Kunden var nöjd.", true));
    // A million tokens at the list price of the model, and what the call had cost before.
    assert_eq!(call.session.cost_micros, Some(1_000 + 400_000));
    assert_eq!(world.call(silent).await.record.analysis, None);
}

#[tokio::test]
async fn what_is_too_old_or_anonymised_is_left_alone() {
    let world = World::new().await;
    let id = world.held(EndReason::Completed).await;
    let model = Arc::new(ScriptedModel::new());
    let dependencies = |now| Dependencies {
        model: Arc::<ScriptedModel>::clone(&model),
        ..world.dependencies(now, ScriptedModel::new())
    };
    Summaries::new(dependencies(day(8))).catch_up().await.unwrap();
    let texts = Anonymised { transcript: None, analysis: None, responses: vec![], at: day(1) };
    world.store().anonymise_call(world.tenant, id, &texts).await.unwrap();
    Summaries::new(dependencies(day(1))).catch_up().await.unwrap();
    assert_eq!(model.requests().len(), 0);
}

#[tokio::test]
async fn a_summary_the_model_gets_wrong_is_tried_three_times_and_keeps_no_other_waiting() {
    let world = World::new().await;
    let wrong = world.held(EndReason::Completed).await;
    // A reply is asked for three times before it counts as wrong.
    let model = (0..3).fold(ScriptedModel::new(), |model, _| model.with_script(script("{}")));
    let model = (0..6).fold(model.with_script(script(GOOD)), |model, _| model.with_script(script("{}")));
    let model = Arc::new(model);
    let dependencies =
        Dependencies { model: Arc::<ScriptedModel>::clone(&model), ..world.dependencies(day(1), ScriptedModel::new()) };
    let right = world.held(EndReason::Completed).await;
    let mut summaries = Summaries::new(dependencies);

    for _ in 0..5 {
        summaries.catch_up().await.unwrap();
    }

    assert_eq!(model.requests().len(), 3 + 1 + 6);
    assert!(world.call(right).await.record.analysis.is_some());
    let call = world.call(wrong).await;
    assert_eq!(call.record.analysis, None);
    assert_eq!(call.session.cost_micros, Some(1_000 + 9 * 400_000), "what failed was used as well");
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_away_is_left_alone_for_a_while_and_asked_again() {
    let world = World::new().await;
    let id = world.held(EndReason::Completed).await;
    let away = || Script::new().fail(ErrorKind::Unavailable);
    let model = ScriptedModel::new().with_script(away()).with_script(away()).with_script(script(GOOD));
    let ended = Arc::new(Notify::new());
    let stop = CancellationToken::new();
    let begun = tokio::time::Instant::now();
    let running = tokio::spawn(Summaries::new(world.dependencies(day(1), model)).run(Arc::clone(&ended), stop.clone()));
    while world.call(id).await.record.analysis.is_none() {
        ended.notify_one();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(begun.elapsed().as_secs() / 10, 9, "30 s and 60 s, however many calls end");

    // What ends last is summed up before the server stops.
    let last = world.held(EndReason::Completed).await;
    stop.cancel();
    running.await.unwrap();
    assert!(world.call(last).await.record.analysis.is_none(), "this model has no more replies");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_ends_is_summed_up_at_once_and_the_last_one_before_the_server_stops() {
    let world = World::new().await;
    let model = ScriptedModel::new().with_script(script(GOOD)).with_script(script(GOOD));
    let ended = Arc::new(Notify::new());
    let stop = CancellationToken::new();
    let running = tokio::spawn(Summaries::new(world.dependencies(day(1), model)).run(Arc::clone(&ended), stop.clone()));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let first = world.held(EndReason::Completed).await;
    let begun = tokio::time::Instant::now();
    ended.notify_one();
    while world.call(first).await.record.analysis.is_none() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(begun.elapsed() < Duration::from_secs(1));

    let last = world.held(EndReason::Completed).await;
    stop.cancel();
    running.await.unwrap();

    assert!(world.call(last).await.record.analysis.is_some());
}
