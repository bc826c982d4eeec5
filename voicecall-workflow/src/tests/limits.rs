//! What hangs, fails or comes in masses delays nobody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use voicecall_core::event::EventType;
use voicecall_core::messaging::{DeliveryReport, MessageState};
use voicecall_core::store::{MessageStore, NewOutgoing, NewSession, RunState, SendOutcome, Thread, WorkflowQueueStore};
use voicecall_core::{CarrierMessageId, ConversationId, TenantId};

use super::world::*;
use crate::*;

/// A workflow that notes how long after the call its first step began, in milliseconds.
fn timed(slowest: &Arc<AtomicU32>, clock: voicecall_core::Clock) -> Workflow {
    let slowest = Arc::clone(slowest);
    on_call("timed").step(Step::new("note", move |run: StepRun| {
        let took = clock.now().duration_since(run.event.at).as_millis();
        slowest.fetch_max(took as u32, Ordering::SeqCst);
        async { Ok(()) }
    }))
}

#[tokio::test(start_paused = true)]
async fn an_event_begins_its_first_step_at_once() {
    let slowest = Arc::new(AtomicU32::new(0));
    let clock = voicecall_core::Clock::from(at("2026-11-28T08:00:00Z"));
    let world = World::new([timed(&slowest, clock)]).await;
    for _ in 0..100 {
        world.call().await;
        tokio::time::sleep(Duration::from_millis(37)).await;
    }
    assert_eq!(world.runs().await.len(), 100);
    let slowest = slowest.load(Ordering::SeqCst);
    assert!(slowest < 10, "{slowest} ms");
}

#[tokio::test(start_paused = true)]
async fn a_poisoned_workflow_delays_no_other() {
    let slowest = Arc::new(AtomicU32::new(0));
    let clock = voicecall_core::Clock::from(at("2026-11-28T08:00:00Z"));
    let hangs = Step::new("hang", async |_| {
        std::future::pending::<()>().await;
        Ok(())
    });
    let poisoned = on_call("poisoned").step(hangs.timeout(Duration::from_secs(3600)).retry(Retry::times(1000)));
    let world = World::new([poisoned, timed(&slowest, clock)]).await;
    for _ in 0..200 {
        world.call().await;
        tokio::time::sleep(Duration::from_millis(37)).await;
    }
    wait(5).await;
    let slowest = slowest.load(Ordering::SeqCst);
    assert!(slowest < 10, "{slowest} ms");
    let filter =
        voicecall_core::store::RunFilter { workflow: Some("poisoned".to_owned()), state: Some(RunState::Waiting) };
    let waiting = world.workflows.runs(world.tenant).list(&filter, Default::default()).await.unwrap();
    assert_eq!(waiting.total, 200, "they wait their turn");
}

#[tokio::test(start_paused = true)]
async fn a_tenant_with_much_delays_no_other() {
    let ledger = Ledger::default();
    let world = World::stopped([on_call("slow").step(ledger.step("slow", 2000))]).await;
    for _ in 0..500 {
        world.call().await;
    }
    let other = TenantId::new();
    world.call_of(other).await;
    let running = tokio::spawn(Arc::clone(&world.workflows).run_background(std::future::pending::<()>()));
    wait(4).await;
    let theirs = world.workflows.runs(other).list(&Default::default(), Default::default()).await.unwrap();
    assert_eq!((theirs.total, theirs.items[0].state), (1, RunState::Done));
    assert!(ledger.of_step("slow").0 < 20, "of one tenant and workflow few at once");
    running.abort();
}

/// Reports of a message in any order, some of them twice, start what depends on it once.
#[tokio::test(start_paused = true)]
async fn reports_in_any_order_and_repeated_start_the_same() {
    use MessageState::{Delivered, Read, Sent};
    let orders = [
        [Sent, Delivered, Read],
        [Sent, Read, Delivered],
        [Delivered, Sent, Read],
        [Delivered, Read, Sent],
        [Read, Sent, Delivered],
        [Read, Delivered, Sent],
    ];
    for order in orders {
        for repeated in 0..3 {
            let ledger = Ledger::default();
            let read = Workflow::new("read").on(EventType::MessageDeliveryUpdated);
            let world =
                World::new([read.when(|event| event.data["state"] == "read").step(ledger.step("read", 0))]).await;
            let (tenant, id) = send(&world).await;
            let carrier = CarrierMessageId::new("SM1");
            let mut all = order.to_vec();
            all.push(order[repeated]);
            for state in all {
                let report = DeliveryReport { state, error: None };
                let now = world.config.clock.now();
                world.store.report_message(tenant, id, &carrier, &report, now).await.unwrap();
                world.workflows.wake();
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            wait(1).await;
            assert_eq!(ledger.of_step("read"), (1, 1), "{order:?}, {repeated} again");
        }
    }
}

async fn send(world: &World) -> (TenantId, voicecall_core::MessageId) {
    let (tenant, now) = (world.tenant, world.config.clock.now());
    let to = "+46701740605".parse().unwrap();
    let new = NewSession::inbound_from(&world.vault, tenant, Some(&to), now).unwrap();
    let session = NewSession {
        channel: to.channel(),
        conversation: Some(ConversationId::new()),
        person: Some(world.vault.person(tenant, &to)),
        ..new
    };
    let thread = Thread { session, carrier: "carrier".to_owned(), idle: Duration::from_secs(60) };
    let message = world.store.queue_message(&thread, &NewOutgoing::text("hej", now)).await.unwrap();
    world.store.begin_sending_message(tenant, message.id, now).await.unwrap();
    let sent = SendOutcome::Accepted(CarrierMessageId::new("SM1"));
    world.store.settle_message(tenant, message.id, &sent, now).await.unwrap();
    (tenant, message.id)
}

#[tokio::test(start_paused = true)]
async fn without_anybody_to_wake_it_an_event_is_found_soon() {
    let ledger = Ledger::default();
    let mut world = World::stopped([on_call("found").step(ledger.step("found", 0))]).await;
    world.join();
    wait(1).await;
    let begun = Instant::now();
    world.call().await;
    while ledger.of_step("found").0 == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(begun.elapsed() <= Duration::from_millis(260), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_nobody_wants_does_not_pile_up() {
    let world = World::new([]).await;
    for _ in 0..100 {
        world.call().await;
    }
    wait(5).await;
    assert_eq!(world.store.pending_events(10).await.unwrap(), []);
    assert_eq!(world.runs().await, []);
}
