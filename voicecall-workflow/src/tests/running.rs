//! What steps are done, in which order, how often and for how long.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;
use voicecall_core::event::EventType;
use voicecall_core::store::{PageRequest, RunState, StepState};
use voicecall_core::{Error, ErrorKind};

use super::world::*;
use crate::*;

use StepState::{Done, Failed, Skipped};

#[tokio::test(start_paused = true)]
async fn branches_run_beside_each_other_and_join() {
    let ledger = Ledger::default();
    let join = Step::new("join", async |run: StepRun| {
        let sum: u64 = run.output::<serde_json::Value>("left")?["asked"].as_u64().unwrap_or_default();
        Ok(json!({ "sum": sum + 1, "known": run.outputs().len() }))
    });
    let workflow = on_call("fork")
        .step(ledger.step("first", 1000))
        .step(ledger.step("left", 2000).after(["first"]))
        .step(ledger.step("right", 2000).after(["first"]))
        .step(join.after(["left", "right"]));
    let world = World::new([workflow]).await;
    world.call().await;
    tokio::time::sleep(Duration::from_millis(3100)).await;
    let run = world.run().await;
    assert_eq!(run.state, RunState::Done, "three seconds, not five: {run:?}");
    assert_eq!(run.steps["join"].output, json!({ "sum": 2, "known": 3 }));
}

/// Keeps what it is told.
#[derive(Debug, Clone, Default)]
struct Told(Arc<Mutex<Vec<WorkflowEvent>>>);

impl WorkflowObserver for Told {
    fn observe(&self, event: &WorkflowEvent) {
        self.0.lock().unwrap().push(event.clone());
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_counts_is_told_of_each_run_and_each_attempt_of_a_step_once() {
    let (ledger, told) = (Ledger::default(), Told::default());
    let mut world = World::stopped([on_call("flaky").step(ledger.failing("ask", 1, away))]).await;
    world.config.observer = Some(Arc::new(told.clone()));
    world.workflows =
        world.another(vec![on_call("flaky").step(ledger.failing("ask", 1, away))], Arc::clone(&world.store) as _);
    world.start();
    world.join();
    world.call().await;
    wait(60).await;
    let told = told.0.lock().unwrap().clone();
    let steps: Vec<bool> = told
        .iter()
        .filter_map(|event| match event {
            WorkflowEvent::StepEnded { workflow: "flaky", step: "ask", success, .. } => Some(*success),
            _ => None,
        })
        .collect();
    assert_eq!(steps, [false, true]);
    assert!(matches!(told.first(), Some(WorkflowEvent::Started { workflow: "flaky", waited }) if waited.as_secs() < 1));
    let over = WorkflowEvent::Ended { workflow: "flaky", state: RunState::Done };
    assert_eq!((told.last(), told.len()), (Some(&over), 4), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_condition_leaves_out_is_skipped_and_what_only_follows_it_too() {
    let ledger = Ledger::default();
    let workflow = on_call("choice")
        .step(ledger.step("yes", 0).when(|run| run.event.data["direction"] == "outbound"))
        .step(ledger.step("no", 0).when(|run| run.event.data["direction"] == "inbound"))
        .step(ledger.step("after_no", 0).after(["no"]))
        .step(ledger.step("both", 0).after(["yes", "after_no"]));
    let world = World::new([workflow]).await;
    world.call().await;
    wait(1).await;
    let run = world.run().await;
    let expected = [("after_no", Skipped, 0), ("both", Done, 1), ("no", Skipped, 0), ("yes", Done, 1)];
    assert_eq!((run.state, states(&run)), (RunState::Done, expected.to_vec()));
}

#[tokio::test(start_paused = true)]
async fn what_fails_is_tried_again_after_growing_pauses() {
    let ledger = Ledger::default();
    let retry = Retry::times(4).first(Duration::from_secs(8));
    let world = World::new([on_call("flaky").step(ledger.failing("ask", 3, away).retry(retry))]).await;
    let begun = Instant::now();
    world.call().await;
    while world.runs().await.iter().all(|run| run.state != RunState::Done) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Half of 8, 16 and 32 seconds at least, and all of it at most.
    let took = begun.elapsed().as_secs();
    assert!((28..=58).contains(&took), "{took} s");
    assert_eq!(states(&world.run().await), [("ask", Done, 4)]);
    assert_eq!(ledger.of_step("ask"), (1, 4), "under one key");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_succeed_is_not_tried_again_and_what_hangs_or_panics_is() {
    let ledger = Ledger::default();
    let wrong = || Error::invalid("order", "one that exists");
    let unknown = || Error::new(ErrorKind::UnknownOutcome, "ask");
    let fast = Retry::times(2);
    let world = World::new([
        on_call("wrong").step(ledger.failing("wrong", 9, wrong)),
        on_call("unknown").step(ledger.failing("unknown", 1, unknown).retry(fast)),
        on_call("slow").step(ledger.step("slow", 60_000).timeout(Duration::from_secs(5)).retry(fast)),
        on_call("panics").step(ledger.failing("panics", 9, || panic!("a step of the test")).retry(fast)),
        on_call("condition").step(ledger.step("condition", 0).when(|_| panic!("a condition of the test"))),
        on_call("fine").step(ledger.step("fine", 0)),
    ])
    .await;
    world.call().await;
    wait(60).await;
    let runs = world.runs().await;
    let mut found: Vec<_> = runs.iter().map(|run| (run.workflow.as_str(), run.state, states(run)[0].2)).collect();
    found.sort_unstable_by_key(|(name, ..)| *name);
    let expected = [
        ("condition", RunState::Dead, 0),
        ("fine", RunState::Done, 1),
        ("panics", RunState::Dead, 2),
        ("slow", RunState::Dead, 2),
        ("unknown", RunState::Done, 2),
        ("wrong", RunState::Dead, 1),
    ];
    assert_eq!(found, expected);
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_has_its_input_and_error_and_goes_on_from_where_it_failed() {
    let ledger = Ledger::default();
    let wrong = || Error::invalid("order", "one that exists");
    let workflow = on_call("letter")
        .step(ledger.step("first", 0))
        .step(ledger.failing("second", 1, wrong).after(["first"]))
        .step(ledger.step("beside", 0).after(["first"]))
        .step(ledger.step("third", 0).after(["second"]));
    let world = World::new([workflow]).await;
    world.call().await;
    wait(1).await;
    let runs = world.workflows.runs(world.tenant);
    let dead = runs.dead_letters(PageRequest::default()).await.unwrap();
    let letter = &dead.items[0];
    assert_eq!((dead.total, letter.event.kind), (1, EventType::CallInitiated));
    assert_eq!(states(letter), [("beside", Done, 1), ("first", Done, 1), ("second", Failed, 1)]);
    assert!(letter.steps["second"].error.as_ref().unwrap().contains("order"), "{letter:?}");
    runs.replay(letter.id).await.unwrap();
    wait(1).await;
    let again = runs.get(letter.id).await.unwrap();
    assert_eq!(again.state, RunState::Done);
    assert_eq!((ledger.of_step("first"), ledger.of_step("beside")), ((1, 1), (1, 1)), "done once");
    assert_eq!((ledger.of_step("second"), ledger.of_step("third")), ((1, 2), (1, 1)), "under the same key");
    assert_eq!(runs.replay(letter.id).await.unwrap_err().kind(), ErrorKind::Conflict);
    runs.drop(letter.id).await.unwrap();
    assert_eq!(world.runs().await, []);
}

#[tokio::test(start_paused = true)]
async fn an_event_starts_what_it_is_bound_to_and_nothing_else() {
    let ledger = Ledger::default();
    let world = World::new([
        on_call("one").step(ledger.step("one", 0)),
        on_call("two").on(EventType::CallStatus).step(ledger.step("two", 0)),
        on_call("never").when(|event| event.data["direction"] == "inbound").step(ledger.step("never", 0)),
        on_call("panics").when(|_| panic!("a condition of the test")).step(ledger.step("panics", 0)),
        Workflow::new("ended").on(EventType::CallFailed).step(ledger.step("ended", 0)),
    ])
    .await;
    world.call().await;
    wait(1).await;
    let count = |step| ledger.of_step(step).0;
    assert_eq!((count("one"), count("two"), count("never"), count("panics"), count("ended")), (1, 2, 0, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_to_keep_has_failed() {
    let large = Step::new("large", async |_| Ok("x".repeat(70_000)));
    let world = World::new([on_call("large").step(large)]).await;
    world.call().await;
    wait(1).await;
    assert!(world.run().await.steps["large"].error.as_ref().unwrap().contains("output"));
}

#[tokio::test(start_paused = true)]
async fn old_runs_are_forgotten_dead_letters_later() {
    let ledger = Ledger::default();
    let wrong = || Error::invalid("order", "one that exists");
    let world = World::patient([
        on_call("done").step(ledger.step("done", 0)),
        on_call("dead").step(ledger.failing("dead", 9, wrong)),
    ])
    .await;
    world.call().await;
    wait(23 * 3600).await;
    assert_eq!(world.runs().await.len(), 2);
    wait(2 * 3600).await;
    assert_eq!(world.run().await.workflow, "dead");
    wait(30 * 24 * 3600).await;
    assert_eq!(world.runs().await, []);
}

#[tokio::test]
async fn a_workflow_that_cannot_be_says_which_and_why() {
    let step = |name| Ledger::default().step(name, 0);
    let build = |workflows: Vec<Workflow>| {
        let store = std::sync::Arc::new(voicecall_core::store::MemoryStore::new());
        let vault = std::sync::Arc::new(voicecall_core::Vault::generate().unwrap());
        Workflows::new(WorkflowConfig::default(), store, workflows, vault).map(drop)
    };
    build(vec![on_call("fine").step(step("a"))]).unwrap();
    for (field, wrong) in [
        ("workflow", vec![on_call("No spaces").step(step("a"))]),
        ("webhook", vec![on_call("webhook").step(step("a"))]),
        ("unbound", vec![Workflow::new("unbound").step(step("a"))]),
        ("empty", vec![on_call("empty")]),
        ("twice", vec![on_call("twice").step(step("a")).step(step("a"))]),
        ("circle", vec![on_call("circle").step(step("a").after(["b"])).step(step("b").after(["a"]))]),
        ("itself", vec![on_call("itself").step(step("a").after(["a"]))]),
        ("a", vec![on_call("retry").step(step("a").retry(Retry::times(0)))]),
        ("workflows", vec![on_call("same").step(step("a")), on_call("same").step(step("a"))]),
    ] {
        let error = build(wrong).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Config, Some(field)));
    }
    let none = WorkflowConfig { at_once: 0, ..WorkflowConfig::default() };
    let store = std::sync::Arc::new(voicecall_core::store::MemoryStore::new());
    let vault = std::sync::Arc::new(voicecall_core::Vault::generate().unwrap());
    assert_eq!(Workflows::new(none, store, [], vault).unwrap_err().field(), Some("at_once"));
}
