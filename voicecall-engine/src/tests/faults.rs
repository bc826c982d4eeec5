//! A store, an agent, a carrier or a dialogue that breaks.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::world::*;
use voicecall_core::agent::{AgentSession, AgentSetup, VoiceAgent};
use voicecall_core::dialogue::{Action, Dialogue, DialogueEvent, Scripted};
use voicecall_core::journal::Fact;
use voicecall_core::store::{AcquireLease, EndReason, LeaseTerm, QueueStore, SessionStatus};
use voicecall_core::{Error, ErrorKind, Result};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_store_that_was_down_has_every_fact_in_the_end() {
    let world = World::new();
    world.desk.will_hold(Consenting { given: true, lines: Scripted::new(["Is now a good time?", "Goodbye."]) });
    let call = world.connected().await;
    let phone = tokio::spawn(call.phone.talk(SECOND, SECOND));
    settle().await;
    // Beyond the end of the call.
    world.store.is_down_for(30 * SECOND);
    assert_eq!(call.run.await.unwrap().unwrap(), EndReason::Completed);
    let session = world.read(call.placed.session).await;
    assert_eq!(session.status, SessionStatus::Completed);
    let transcript = "agent: Is now a good time?\ncaller: Yes, please\nagent: Goodbye.";
    assert_eq!(world.transcript(session.id).await.as_deref(), Some(transcript));
    let journal = world.journal(session.id).await;
    assert!(journal.iter().map(|entry| entry.seq).eq(1..=journal.len() as u64), "without gaps");
    assert_eq!(world.desk.outcomes.lock().unwrap().len(), 1);
    phone.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_end_the_store_refused_once_is_stored() {
    let world = World::new();
    let call = world.connected().await;
    let phone = tokio::spawn(call.phone.listen());
    settle().await;
    world.store.fails_once("change_session");
    assert_eq!(call.run.await.unwrap().unwrap(), EndReason::Completed);
    assert_eq!(world.read(call.placed.session).await.status, SessionStatus::Completed);
    phone.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_panicking_dialogue_ends_its_own_call_only() {
    let world = World::new();
    world.desk.will_hold(Panics);
    let (bad, good) = (world.connected().await, world.connected().await);
    let good_phone = tokio::spawn(good.phone.listen());
    bad.phone.listen().await;
    assert_kind(bad.run.await.unwrap(), ErrorKind::Internal);
    let session = world.read(bad.placed.session).await;
    assert_eq!((session.status, session.end_reason), (SessionStatus::Failed, Some(EndReason::TechnicalFailure)));
    assert_eq!(good.run.await.unwrap().unwrap(), EndReason::Completed);
    assert_eq!(world.read(good.placed.session).await.status, SessionStatus::Completed);
    assert_eq!(world.engine.count(), (0, 0));
    let reply = world.resume(bad.placed.key, &bad.placed.call).await.unwrap();
    assert!(reply.body.contains("We are sorry"));
    good_phone.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_cannot_be_opened_fails_the_session() {
    let world = World::with(|_| {}, Arc::new(Unreachable));
    let (placed, token) = world.answered().await;
    let (run, peer) = world.run(world.admit(&token).unwrap());
    let phone = Phone::new(peer, &placed.call);
    phone.start().await;
    assert_kind(run.await.unwrap(), ErrorKind::Unavailable);
    let session = world.read(placed.session).await;
    assert_eq!((session.status, session.end_reason), (SessionStatus::Failed, Some(EndReason::TechnicalFailure)));
    assert_eq!(world.engine.count(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn hanging_up_is_tried_again() {
    let world = World::new();
    world.carrier.will_fail_to_hang_up(ErrorKind::Unavailable);
    world.carrier.will_fail_to_hang_up(ErrorKind::Timeout);
    let call = world.connected().await;
    call.phone.listen().await;
    call.run.await.unwrap().unwrap();
    assert_eq!(world.carrier.hang_ups().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_cannot_be_told_of_a_lost_socket_is_hung_up() {
    let world = World::new();
    world.desk.will_hold(Scripted::new(["One.", "Two."]));
    // Neither to come back nor to hear an apology.
    world.carrier.will_fail_to_update(ErrorKind::Unavailable);
    world.carrier.will_fail_to_update(ErrorKind::Unavailable);
    let call = world.connected().await;
    call.phone.vanish_after(SECOND).await;
    assert_eq!(call.run.await.unwrap().unwrap(), EndReason::TechnicalFailure);
    tokio::time::sleep(15 * SECOND).await;
    assert_eq!(world.carrier.hang_ups().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_was_replaced_writes_nothing_more() {
    let world = World::new();
    world.desk.will_hold(Consenting { given: true, lines: Scripted::new(["Is now a good time?", "Goodbye."]) });
    let call = world.connected().await;
    let phone = tokio::spawn(call.phone.talk(SECOND, SECOND));
    settle().await;
    let how = AcquireLease::from_anybody(LeaseTerm { now: jiff::Timestamp::now(), length: Duration::ZERO });
    world.store.acquire_lease(world.tenant, call.placed.session, how).await.unwrap();
    let _ = call.run.await.unwrap();
    let journal = world.journal(call.placed.session).await;
    assert!(journal.iter().all(|entry| !matches!(entry.fact, Fact::Heard(_) | Fact::Ended { .. })), "{journal:?}");
    phone.await.unwrap();
}

/// A dialogue with a bug.
#[derive(Debug)]
struct Panics;

impl Dialogue for Panics {
    fn can_grant_consent(&self) -> bool {
        true
    }

    fn handle(&mut self, _: &DialogueEvent, _: voicecall_core::CallTime, _: &mut Vec<Action>) {
        panic!("a dialogue panics");
    }
}

/// An agent whose services are down.
#[derive(Debug)]
struct Unreachable;

#[async_trait]
impl VoiceAgent for Unreachable {
    fn owns_turns(&self) -> bool {
        false
    }

    fn speaks_verbatim(&self) -> bool {
        true
    }

    async fn open(&self, _: &AgentSetup) -> Result<Box<dyn AgentSession>> {
        Err(Error::new(ErrorKind::Unavailable, "open agent"))
    }
}
