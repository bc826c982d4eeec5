//! People who ask on the line to be called again: the same session calls them, when they want and the policy allows it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::world::*;
use crate::*;
use voicecall_core::carrier::CallStatus;
use voicecall_core::dialogue::{Action, Dialogue, DialogueEvent, Scripted};
use voicecall_core::journal::Fact;
use voicecall_core::store::*;
use voicecall_core::{CallHours, CallTime};

const HOUR: Duration = Duration::from_secs(3600);

/// Hears as soon as it is connected that the person wants to be called so long after the call began, and says goodbye.
#[derive(Debug)]
struct HearsLater {
    not_before: Option<Duration>,
    not_after: Option<Duration>,
    and_then: Option<Fact>,
    began: Timestamp,
    says: Scripted,
}

impl HearsLater {
    fn after(not_before: impl Into<Option<Duration>>) -> Self {
        Self {
            not_before: not_before.into(),
            not_after: None,
            and_then: None,
            began: Timestamp::UNIX_EPOCH,
            says: Scripted::new(["Goodbye."]),
        }
    }

    fn at(&self, after: Option<Duration>) -> Option<Timestamp> {
        after.map(|after| self.began + SignedDuration::try_from(after).unwrap())
    }
}

impl Dialogue for HearsLater {
    fn begin(&mut self, at: Timestamp) {
        self.began = at;
    }

    fn handle(&mut self, event: &DialogueEvent, now: CallTime, actions: &mut Vec<Action>) {
        if *event == DialogueEvent::Connected {
            let (not_before, not_after) = (self.at(self.not_before), self.at(self.not_after));
            actions.push(Action::Journal(Fact::CallBack { not_before, not_after, when: "later".to_owned() }));
            actions.extend(self.and_then.clone().map(Action::Journal));
        }
        self.says.handle(event, now, actions);
    }
}

/// A world whose first call goes so, held to its end; its session afterwards.
async fn called(world: &World, dialogue: HearsLater) -> Session {
    world.desk.will_hold(dialogue);
    let call = world.connected().await;
    let phone = tokio::spawn(call.phone.listen());
    call.run.await.unwrap().unwrap();
    phone.await.unwrap();
    world.read(call.placed.session).await
}

fn with_policy(change: impl FnOnce(&mut DialPolicy)) -> World {
    let world = World::new();
    let mut policy = DialPolicy::once();
    change(&mut policy);
    *world.desk.policy.lock().unwrap() = Some(policy);
    world
}

fn ended(session: &Session) -> Option<EndReason> {
    session.end_reason
}

/// In how many whole minutes it is called.
fn minutes(world: &World, session: &Session) -> Option<i64> {
    session.due_at.map(|at| at.duration_since(world.engine.config.clock.now()).as_mins())
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_it_is_called_again_by_the_same_session() {
    let world = with_policy(|_| {});
    let mut events = world.engine.subscribe();
    let waiting = called(&world, HearsLater::after(HOUR * 5)).await;
    assert_eq!((waiting.status, ended(&waiting)), (SessionStatus::Connecting, None));
    assert_eq!(minutes(&world, &waiting), Some(5 * 60 - 1));
    let told = std::iter::from_fn(|| events.try_recv().ok());
    let told = told.filter(|event| matches!(event.kind, LiveEventKind::Postponed { reason: EndReason::CallBack, .. }));
    assert_eq!(told.count(), 1);
    let first = world.last_attempt(waiting.id).await;
    assert_eq!(first.outcome, Some(EndReason::CallBack));
    world.report(CallKey::of(&first).unwrap(), first.call.unwrap().as_str(), CallStatus::Completed).await.unwrap();
    assert_eq!(world.read(waiting.id).await, waiting, "the end of the first call is no news");

    world.desk.will_hold(HearsLater::after(HOUR));
    tokio::time::advance(HOUR * 5 - Duration::from_secs(120)).await;
    let _tended = world.tended();
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(world.carrier.orders().len(), 1, "not yet");
    tokio::time::sleep(Duration::from_secs(95)).await;
    assert_eq!(world.carrier.orders().len(), 2);
    let attempt = world.last_attempt(waiting.id).await;
    let (key, call) = (CallKey::of(&attempt).unwrap(), attempt.call.unwrap());
    let ticket = world.admit(&token(&world.answer(key, call.as_str()).await.unwrap())).unwrap();
    let (run, peer) = world.run(ticket);
    Phone::new(peer, call.as_str()).listen().await;
    run.await.unwrap().unwrap();
    let session = world.read(waiting.id).await;
    assert!(session.status.is_final(), "one more call, and no third: {session:?}");
    let connected = world.journal(session.id).await.iter().filter(|entry| entry.fact == Fact::Connected).count();
    assert_eq!((connected, world.carrier.orders().len()), (2, 2), "two calls in one journal");
    assert!(!world.desk.planned.lock().unwrap().last().unwrap().1, "a new call, not the old one going on");
}

#[tokio::test(start_paused = true)]
async fn a_wish_without_a_time_waits_as_the_policy_says_and_others_for_permitted_hours() {
    let world = with_policy(|policy| policy.call_back.wait = HOUR * 3);
    let waiting = called(&world, HearsLater::after(None)).await;
    assert_eq!(minutes(&world, &waiting), Some(3 * 60));

    // It is ten o'clock.
    let time = |hour| jiff::civil::time(hour, 0, 0, 0);
    let hours = CallHours::new(time(8), time(20), "UTC").unwrap();
    let world = with_policy(|policy| policy.hours = Some(hours));
    let waiting = called(&world, HearsLater::after(HOUR * 12)).await;
    assert_eq!(waiting.due_at, Some("2026-11-21T08:00:00Z".parse().unwrap()), "not at ten in the evening");
}

#[tokio::test(start_paused = true)]
async fn what_the_policy_or_the_person_does_not_allow_ends_as_before() {
    let never = with_policy(|policy| policy.call_back.calls = 0);
    let session = called(&never, HearsLater::after(HOUR)).await;
    assert_eq!((session.due_at, session.status.is_final()), (None, true));

    let session = called(&World::new(), HearsLater::after(HOUR * 24 * 15)).await;
    assert!(session.status.is_final(), "too far ahead: {session:?}");

    let narrow = HearsLater { not_after: Some(Duration::from_secs(60)), ..HearsLater::after(None) };
    let session = called(&World::new(), narrow).await;
    assert!(session.status.is_final(), "two hours are beyond the minute that was asked for: {session:?}");

    let world = World::new();
    let never_again = HearsLater { and_then: Some(Fact::DoNotCall), ..HearsLater::after(HOUR) };
    let session = called(&world, never_again).await;
    assert!(session.status.is_final() && session.call_back_at.is_none(), "{session:?}");
}

#[tokio::test(start_paused = true)]
async fn who_asks_not_to_be_called_while_it_waits_is_not() {
    let world = with_policy(|_| {});
    let waiting = called(&world, HearsLater::after(HOUR)).await;
    let person = waiting.people().next().unwrap();
    world.store.forbid_calls(world.tenant, person, world.engine.config.clock.now()).await.unwrap();
    assert_eq!(ended(&world.read(waiting.id).await), Some(EndReason::DoNotCall));
    assert!(world.engine.place(&waiting).await.is_err());
    assert_eq!(world.carrier.orders().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn patience_with_a_call_that_was_asked_for_counts_from_its_time() {
    let world = with_policy(|policy| policy.max_attempts = 2);
    let waiting = called(&world, HearsLater::after(HOUR * 24 * 5)).await;
    tokio::time::advance(HOUR * 24 * 5).await;
    world.engine.place(&waiting).await.unwrap();
    let attempt = world.last_attempt(waiting.id).await;
    let key = CallKey::of(&attempt).unwrap();
    world.report(key, attempt.call.unwrap().as_str(), CallStatus::Busy).await.unwrap();
    let busy = world.read(waiting.id).await;
    assert_eq!((ended(&busy), busy.due_at.is_some()), (None, true), "one of two attempts is left, and it is not old");
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_behind_the_wish_leaves_it_to_the_next() {
    let world = with_policy(|_| {});
    world.desk.will_hold(HearsLater::after(HOUR * 5));
    let call = world.connected().await;
    let session = call.placed.session;
    let phone = tokio::spawn(call.phone.freeze_after(HOUR));
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(world.read(session).await.call_back_at.is_some());
    call.run.abort();
    phone.abort();
    let next = world.restarted();
    next.carrier.has_call(&call.placed.call, CallStatus::Completed);
    next.engine.recover().await.unwrap();
    let waiting = next.read(session).await;
    assert_eq!((ended(&waiting), waiting.due_at.is_some()), (None, true), "{waiting:?}");
}
