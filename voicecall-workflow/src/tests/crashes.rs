//! A process that dies at any write loses no event and repeats no effect that honours its key.

use std::sync::Arc;
use std::time::Duration;

use voicecall_core::store::{EventStore, RunState, StepState};

use super::mortal::Mortal;
use super::world::*;
use crate::*;

/// How long it takes until what a dead process held is free again.
const FREE: u64 = 40;

fn diamond(ledger: &Ledger) -> Workflow {
    on_call("diamond")
        .step(ledger.step("first", 300))
        .step(ledger.step("left", 500).after(["first"]))
        .step(ledger.failing("right", 1, away).after(["first"]))
        .step(ledger.step("last", 200).after(["left", "right"]))
}

#[tokio::test(start_paused = true)]
async fn at_whatever_write_it_dies_every_step_is_done_under_one_key() {
    let mut writes = 0;
    for is_done in [false, true] {
        for at in 0.. {
            let ledger = Ledger::default();
            let mut world = World::stopped([diamond(&ledger)]).await;
            let mortal = Arc::new(Mortal::new(Arc::clone(&world.store), at, is_done));
            let first = world.another(vec![diamond(&ledger)], Arc::clone(&mortal) as Arc<dyn EventStore>);
            let running = tokio::spawn(first.run_background(std::future::pending::<()>()));
            world.call().await;
            wait(20).await;
            running.abort();
            let _ = running.await;
            world.start();
            wait(FREE + 20).await;
            let run = world.run().await;
            assert_eq!(run.state, RunState::Done, "dead at {at} ({is_done}): {run:?}");
            for step in ["first", "left", "right", "last"] {
                let (keys, asked) = ledger.of_step(step);
                let most = if step == "right" { 3 } else { 2 };
                assert!(keys == 1 && asked <= most, "{step} at {at} ({is_done}): {keys} keys, asked {asked} times");
                assert_eq!(run.steps[step].state, StepState::Done);
            }
            if !mortal.is_dead() {
                writes = at;
                break;
            }
        }
    }
    assert!(writes >= 8, "two events, a claim, and one before and after each step: {writes}");
}

#[tokio::test(start_paused = true)]
async fn four_processes_share_one_store_and_do_everything_once() {
    let ledger = Ledger::default();
    let mut world =
        World::new([on_call("once").step(ledger.step("a", 700)).step(ledger.step("b", 300).after(["a"]))]).await;
    for _ in 0..3 {
        world.join();
    }
    for _ in 0..50 {
        world.call().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    wait(120).await;
    assert!(world.runs().await.iter().all(|run| run.state == RunState::Done));
    assert_eq!((ledger.of_step("a"), ledger.of_step("b")), ((50, 50), (50, 50)));
}

#[tokio::test(start_paused = true)]
async fn a_step_that_takes_longer_than_a_lease_is_not_taken_over() {
    let ledger = Ledger::default();
    let long = ledger.step("long", 300_000).timeout(Duration::from_secs(400));
    let mut world = World::new([on_call("long").step(long)]).await;
    world.join();
    world.call().await;
    wait(310).await;
    assert_eq!((world.run().await.state, ledger.of_step("long")), (RunState::Done, (1, 1)));
}

#[tokio::test(start_paused = true)]
async fn a_crash_counts_as_a_try_so_that_what_kills_processes_ends() {
    let ledger = Ledger::default();
    let definitions = || {
        vec![
            on_call("deadly")
                .step(ledger.step("deadly", 60_000).timeout(Duration::from_secs(100)).retry(Retry::times(2))),
        ]
    };
    let mut world = World::new(definitions()).await;
    world.call().await;
    for _ in 0..3 {
        wait(5).await;
        world.restart(definitions()).await;
        wait(FREE).await;
    }
    let run = world.run().await;
    assert_eq!((run.state, states(&run)), (RunState::Dead, vec![("deadly", StepState::Failed, 2)]));
    assert_eq!(ledger.of_step("deadly"), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn who_is_told_to_stop_finishes_the_steps_under_way() {
    let ledger = Ledger::default();
    let mut world =
        World::stopped([on_call("two").step(ledger.step("a", 5000)).step(ledger.step("b", 0).after(["a"]))]).await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(Arc::clone(&world.workflows).run_background(async { drop(stopped.await) }));
    world.call().await;
    wait(2).await;
    stop.send(()).unwrap();
    running.await.unwrap();
    assert_eq!((ledger.of_step("a"), ledger.of_step("b")), ((1, 1), (0, 0)), "and begins none");
    let run = world.run().await;
    assert_eq!((run.state, run.steps["a"].state, run.leased_until), (RunState::Waiting, StepState::Done, None));
    world.start();
    wait(1).await;
    assert_eq!((world.run().await.state, ledger.of_step("a")), (RunState::Done, (1, 1)), "the next goes on at once");
}

#[tokio::test(start_paused = true)]
async fn a_run_goes_on_with_the_version_it_began_with() {
    let ledger = Ledger::default();
    let one = || on_call("versions").step(ledger.step("a", 10_000)).step(ledger.step("b", 0).after(["a"]));
    let two = || on_call("versions").version(2).step(ledger.step("a", 0)).step(ledger.step("c", 0).after(["a"]));
    let mut world = World::new([one()]).await;
    world.call().await;
    wait(1).await;
    // Who knows only the new one leaves the old run alone, for however long.
    world.restart(vec![two()]).await;
    world.call().await;
    wait(FREE).await;
    let versions: Vec<_> = world.runs().await.iter().map(|run| (run.version, run.state)).collect();
    assert_eq!(versions, [(1, RunState::Waiting), (2, RunState::Done)]);
    // Who knows both starts the newest and finishes the other.
    world.restart(vec![one(), two()]).await;
    world.call().await;
    wait(FREE).await;
    let versions: Vec<_> = world.runs().await.iter().map(|run| (run.version, run.state)).collect();
    assert_eq!(versions, [(1, RunState::Done), (2, RunState::Done), (2, RunState::Done)]);
    assert_eq!((ledger.of_step("b").0, ledger.of_step("c").0), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_changed_definition_of_one_version_keeps_what_is_done_by_name() {
    let ledger = Ledger::default();
    let before = || on_call("changed").step(ledger.step("a", 0)).step(ledger.step("b", 10_000).after(["a"]));
    let after = || on_call("changed").step(ledger.step("a", 0)).step(ledger.step("c", 0).after(["a"]));
    let mut world = World::new([before()]).await;
    world.call().await;
    wait(1).await;
    world.restart(vec![after()]).await;
    wait(FREE).await;
    assert_eq!(world.run().await.state, RunState::Done);
    assert_eq!((ledger.of_step("a"), ledger.of_step("c")), ((1, 1), (1, 1)), "the first is not done again");
}
