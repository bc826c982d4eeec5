//! Sessions that wait: called when they are due and it is permitted, called again, and given up.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::time;

use super::world::*;
use crate::*;
use voicecall_core::Clock;
use voicecall_core::carrier::CallStatus;
use voicecall_core::dialogue::{Action, Dialogue, DialogueEvent, Scripted};
use voicecall_core::journal::Fact;
use voicecall_core::store::*;
use voicecall_core::{CallHours, CallTime, CarrierCallId, ErrorKind, SessionId};

const MINUTE: Duration = Duration::from_secs(60);

pub(super) fn policy(change: impl FnOnce(&mut DialPolicy)) -> DialPolicy {
    let mut policy = DialPolicy::once();
    policy.max_attempts = 3;
    change(&mut policy);
    policy
}

pub(super) fn new_session(world: &World, priority: CallPriority) -> NewSession {
    NewSession { priority, ..world.call_to_somebody(world.tenant) }
}

#[tokio::test(start_paused = true)]
async fn whoever_watches_knows_that_a_session_ended_because_its_person_must_not_be_called() {
    let world = World::new();
    let session = submit(&world, CallPriority::Normal).await;
    let person = world.read(session).await.people().next().unwrap();
    let mut events = world.engine.subscribe();
    // The wish comes when the session was read and is about to be claimed.
    let waiting = world.read(session).await;
    world.store.inner.forbid_calls(world.tenant, person, world.engine.config.clock.now()).await.unwrap();
    let refused = world.engine.place(&waiting).await.unwrap_err();
    assert!(world.carrier.orders().is_empty());
    let told = std::iter::from_fn(|| events.try_recv().ok());
    let told =
        told.filter(|event| matches!(event.kind, LiveEventKind::Ended { reason: EndReason::DoNotCall, .. })).count();
    assert_eq!((refused.kind(), told), (ErrorKind::Conflict, 1), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_wish_told_in_a_call_ends_what_waits_for_the_same_person_and_whoever_watches_knows_at_once() {
    let world = World::new();
    world.desk.will_hold(SaysNeverAgain(Scripted::new(["Goodbye."])));
    let session = world.session().await;
    // Somebody has ordered another call to the same person.
    let (again, remote) = (SessionId::new(), session.remote.clone().unwrap());
    let again = NewSession { id: again, ..NewSession::outbound(world.tenant, remote, at("2026-11-20T10:00:00Z")) };
    world.store.create_session(&again).await.unwrap();
    let mut events = world.engine.subscribe();
    let placed = world.engine.place(&session).await.unwrap();
    let (key, call) = (CallKey::of(&world.attempt(session.id).await).unwrap(), placed.carrier_call.unwrap());
    let ticket = world.admit(&token(&world.answer(key, call.as_str()).await.unwrap())).unwrap();
    let (run, peer) = world.run(ticket);
    Phone::new(peer, call.as_str()).listen().await;
    run.await.unwrap().unwrap();

    assert_eq!(world.read(again.id).await.end_reason, Some(EndReason::DoNotCall));
    let told = std::iter::from_fn(|| events.try_recv().ok()).filter(|event| {
        event.session == again.id && matches!(event.kind, LiveEventKind::Ended { reason: EndReason::DoNotCall, .. })
    });
    assert_eq!(told.count(), 1);
}

/// Hears as soon as it is connected that the person must not be called again.
#[derive(Debug)]
struct SaysNeverAgain(Scripted);

impl Dialogue for SaysNeverAgain {
    fn handle(&mut self, event: &DialogueEvent, now: CallTime, actions: &mut Vec<Action>) {
        if *event == DialogueEvent::Connected {
            actions.push(Action::Journal(Fact::DoNotCall));
        }
        self.0.handle(event, now, actions);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_watches_knows_whom_an_operator_forbids_to_call() {
    let world = World::new();
    let session = submit(&world, CallPriority::Normal).await;
    let person = world.read(session).await.people().next().unwrap();
    let mut events = world.engine.subscribe();
    let ended = world.engine.forbid_calls(world.tenant, person).await.unwrap();
    assert_eq!(ended.iter().map(|ended| ended.id).collect::<Vec<_>>(), [session]);
    assert!(matches!(events.try_recv().unwrap().kind, LiveEventKind::Ended { reason: EndReason::DoNotCall, .. }));
    assert!(world.engine.forbid_calls(world.tenant, person).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn whoever_watches_knows_how_far_somebody_else_has_brought_a_session() {
    let world = World::new();
    let session = world.session().await;
    let mut events = world.engine.subscribe();
    let told =
        |events: &mut tokio::sync::broadcast::Receiver<LiveEvent>| events.try_recv().ok().map(|event| event.kind);
    world.engine.announce(&session);
    assert_eq!(told(&mut events), None);
    let at = session.started_at;
    let (call, reason, source) = (CarrierCallId::new("CA1"), EndReason::RemoteHangup, EventSource::Telephony);
    for change in [
        SessionChange::Connecting { call, at },
        SessionChange::Connected { at },
        SessionChange::Ended { reason, source, at },
    ] {
        let changed = world.store.change_session(world.tenant, session.id, &change).await.unwrap();
        world.engine.announce(&changed);
    }
    assert_eq!((told(&mut events), told(&mut events)), (Some(LiveEventKind::Placed), Some(LiveEventKind::Connected)));
    assert!(matches!(told(&mut events), Some(LiveEventKind::Ended { connected: true, .. })));
}

pub(super) async fn submit(world: &World, priority: CallPriority) -> SessionId {
    world.engine.submit(&new_session(world, priority)).await.unwrap().id
}

/// The carrier reports how the session's newest call ended.
pub(super) async fn ends(world: &World, session: SessionId, status: CallStatus) {
    let attempt = world.last_attempt(session).await;
    let key = CallKey::of(&attempt).unwrap();
    world.report(key, attempt.call.unwrap().as_str(), status).await.unwrap();
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_submitted_session_is_called_within_a_second() {
    let world = World::new();
    let _tended = world.tended();
    settle().await;
    let session = submit(&world, CallPriority::Normal).await;
    settle().await;
    assert_eq!(world.carrier.orders().len(), 1);
    assert_eq!(world.read(session).await.status, SessionStatus::Connecting);
}

#[tokio::test(start_paused = true)]
async fn who_is_not_reached_is_called_again_until_the_attempts_are_used_up() {
    for (status, reason, waits) in [
        (CallStatus::Busy, EndReason::Busy, [10, 20]),
        (CallStatus::NoAnswer, EndReason::NoAnswer, [60, 120]),
        (CallStatus::Failed, EndReason::CallFailed, [5, 10]),
    ] {
        let world = World::new();
        *world.desk.policy.lock().unwrap() = Some(policy(|_| {}));
        let _tended = world.tended();
        let session = submit(&world, CallPriority::Normal).await;
        settle().await;
        for (attempt, wait) in (1..).zip(waits) {
            assert_eq!(world.carrier.orders().len(), attempt, "{reason}");
            ends(&world, session, status).await;
            // The second report of the same end changes nothing.
            ends(&world, session, status).await;
            let waiting = world.read(session).await;
            assert_eq!(waiting.status, SessionStatus::Connecting);
            let until = waiting.due_at.unwrap().duration_since(world.engine.config.clock.now());
            assert_eq!(until.as_mins(), wait, "{reason} {attempt}");
            tokio::time::sleep(MINUTE * u32::try_from(wait).unwrap() - Duration::from_secs(2)).await;
            assert_eq!(world.carrier.orders().len(), attempt, "not earlier");
            tokio::time::sleep(Duration::from_secs(4)).await;
        }
        ends(&world, session, status).await;
        let ended = world.read(session).await;
        assert_eq!((ended.status, ended.end_reason), (SessionStatus::Failed, Some(reason)));
        tokio::time::sleep(MINUTE * 600).await;
        assert_eq!(world.carrier.orders().len(), 3);
        let outcomes: Vec<_> =
            world.store.attempts(world.tenant, session).await.unwrap().iter().map(|row| row.outcome).collect();
        assert_eq!(outcomes, [Some(reason); 3]);
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_is_called_outside_the_permitted_hours() {
    let world = World::with(|config| config.clock = Clock::from(at("2026-11-20T19:59:45Z")), scripted_agent());
    let hours = CallHours::new(time(8, 0, 0, 0), time(21, 0, 0, 0), "Europe/Stockholm").unwrap();
    *world.desk.policy.lock().unwrap() = Some(policy(|policy| policy.hours = Some(hours)));
    let _tended = world.tended();
    // At 20:59:45 the phone would still ring at nine.
    let session = submit(&world, CallPriority::Normal).await;
    settle().await;
    assert_eq!(world.read(session).await.due_at, Some(at("2026-11-21T07:00:00Z")));
    tokio::time::sleep(MINUTE * 660).await;
    assert!(world.carrier.orders().is_empty());
    tokio::time::sleep(MINUTE).await;
    assert_eq!(world.carrier.orders().len(), 1);
    // A retry that would fall into the night waits for the morning as well.
    *world.desk.policy.lock().unwrap() = Some(policy(|policy| {
        policy.backoff.busy = MINUTE * 60 * 14;
        policy.hours = Some(CallHours::new(time(8, 0, 0, 0), time(21, 0, 0, 0), "Europe/Stockholm").unwrap());
    }));
    ends(&world, session, CallStatus::Busy).await;
    assert_eq!(world.read(session).await.due_at, Some(at("2026-11-22T07:00:00Z")));
}

#[tokio::test(start_paused = true)]
async fn a_call_the_carrier_kept_until_the_hours_had_passed_is_not_held() {
    let world = World::with(|config| config.clock = Clock::from(at("2026-11-20T19:58:00Z")), scripted_agent());
    let hours = CallHours::new(time(8, 0, 0, 0), time(21, 0, 0, 0), "Europe/Stockholm").unwrap();
    *world.desk.policy.lock().unwrap() = Some(policy(|policy| policy.hours = Some(hours)));
    let placed = world.placed().await;
    tokio::time::sleep(MINUTE * 3).await;
    let reply = world.answer(placed.key, &placed.call).await.unwrap();
    assert_eq!(reply.body, r#"["hang_up"]"#);
    let session = world.read(placed.session).await;
    assert_eq!(session.due_at, Some(at("2026-11-21T07:00:00Z")), "called again in the morning");
}

#[tokio::test(start_paused = true)]
async fn a_call_the_carrier_still_keeps_when_the_hours_have_passed_is_taken_back() {
    let world = World::with(|config| config.clock = Clock::from(at("2026-11-20T19:58:00Z")), scripted_agent());
    let hours = CallHours::new(time(8, 0, 0, 0), time(21, 0, 0, 0), "Europe/Stockholm").unwrap();
    *world.desk.policy.lock().unwrap() = Some(policy(|policy| policy.hours = Some(hours)));
    let _tended = world.tended();
    // Twenty reports come meanwhile, so that nobody asks after it.
    let placed = world.placed().await;
    tokio::time::sleep(MINUTE - Duration::from_secs(7)).await;
    assert!(world.carrier.hang_ups().is_empty(), "it may still ring");
    world.carrier.has_call(&placed.call, CallStatus::Queued);
    tokio::time::sleep(MINUTE + Duration::from_secs(10)).await;
    assert_eq!(world.carrier.hang_ups().len(), 1);
    let session = world.read(placed.session).await;
    assert_eq!(session.due_at, Some(at("2026-11-21T07:00:00Z")), "called again in the morning");
    world.report(placed.key, &placed.call, CallStatus::Canceled).await.unwrap();
    assert_eq!(world.read(placed.session).await, session, "its own end is no news");
    assert_eq!(world.answer(placed.key, &placed.call).await.unwrap().body, r#"["hang_up"]"#);
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_fails_is_left_alone_and_used_again_when_it_is_healthy() {
    let world = World::new();
    for _ in 0..8 {
        world.carrier.will_place(Err(ErrorKind::UnknownOutcome));
    }
    for _ in 0..30 {
        submit(&world, CallPriority::Normal).await;
    }
    let _tended = world.tended();
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert_eq!(world.carrier.orders().len(), 5, "no more than shows that it fails");
    tokio::time::sleep(Duration::from_secs(45)).await;
    let before = world.carrier.orders().len();
    assert!((8..=9).contains(&before), "one each time it says that it is healthy: {before}");
    tokio::time::sleep(MINUTE).await;
    assert_eq!(world.carrier.orders().len(), 30, "everybody is called, once");
}

#[tokio::test(start_paused = true)]
async fn the_urgent_go_first_and_orders_keep_their_distance() {
    let world = World::paced(0.5);
    let mut normal = Vec::new();
    for _ in 0..3 {
        normal.push(submit(&world, CallPriority::Normal).await);
    }
    let high = submit(&world, CallPriority::High).await;
    let _tended = world.tended();
    let mut called = Vec::new();
    for place in 1..=4 {
        settle().await;
        assert_eq!(world.carrier.orders().len(), place, "one every two seconds");
        for session in normal.iter().chain([&high]) {
            if world.read(*session).await.due_at.is_none() && !called.contains(session) {
                called.push(*session);
            }
        }
        tokio::time::sleep(Duration::from_millis(1800)).await;
    }
    assert_eq!(called, [high, normal[0], normal[1], normal[2]]);
}

#[tokio::test(start_paused = true)]
async fn an_order_the_carrier_had_no_room_for_spends_no_attempt() {
    let world = World::new();
    *world.desk.policy.lock().unwrap() = Some(policy(|policy| policy.max_attempts = 1));
    for _ in 0..3 {
        world.carrier.will_place(Err(ErrorKind::RateLimited));
    }
    let _tended = world.tended();
    let session = submit(&world, CallPriority::Normal).await;
    tokio::time::sleep(MINUTE * 10).await;
    assert_eq!(world.carrier.orders().len(), 4);
    assert_eq!(world.read(session).await.status, SessionStatus::Connecting);
    ends(&world, session, CallStatus::Busy).await;
    assert_eq!(world.read(session).await.end_reason, Some(EndReason::Busy));
}

#[tokio::test(start_paused = true)]
async fn who_cannot_be_called_for_too_long_is_given_up() {
    let world = World::new();
    *world.desk.policy.lock().unwrap() = Some(policy(|policy| policy.give_up_after = MINUTE * 5));
    for _ in 0..20 {
        world.carrier.will_place(Err(ErrorKind::Unavailable));
    }
    let _tended = world.tended();
    let session = submit(&world, CallPriority::Normal).await;
    tokio::time::sleep(MINUTE * 10).await;
    let ended = world.read(session).await;
    assert_eq!((ended.status, ended.end_reason), (SessionStatus::Failed, Some(EndReason::CallFailed)));
    assert!(world.carrier.orders().len() <= 6, "{}", world.carrier.orders().len());
}

#[tokio::test(start_paused = true)]
async fn a_session_is_stopped_whatever_it_does() {
    let world = World::new();
    *world.desk.policy.lock().unwrap() = Some(policy(|_| {}));
    for _ in 0..2 {
        world.desk.will_hold(voicecall_core::dialogue::Scripted::new(["One.", "Two."]));
    }
    let waiting = world.session().await.id;
    let ringing = world.placed().await;
    let live = world.connected().await;
    let phone = tokio::spawn(live.phone.listen());
    settle().await;
    for session in [waiting, ringing.session, live.placed.session] {
        world.engine.stop(world.tenant, session, EndReason::Canceled).await.unwrap();
    }
    live.run.await.unwrap().unwrap();
    phone.await.unwrap();
    for session in [waiting, ringing.session, live.placed.session] {
        assert_eq!(world.read(session).await.end_reason, Some(EndReason::Canceled));
        assert_kind(world.engine.stop(world.tenant, session, EndReason::Canceled).await, ErrorKind::Conflict);
    }
    assert_kind(world.engine.stop(world.tenant, SessionId::new(), EndReason::Canceled).await, ErrorKind::NotFound);
    let ended: Vec<_> = world.carrier.hang_ups().iter().map(|call| call.as_str().to_owned()).collect();
    assert_eq!(ended, [ringing.call, live.placed.call]);
    assert_eq!((world.engine.count(), world.engine.count_waiting().await.unwrap()), ((0, 0), 0));
}

#[tokio::test(start_paused = true)]
async fn a_session_stopped_while_it_is_ordered_does_not_ring_on() {
    let world = World::new();
    world.carrier.takes(Duration::from_secs(5), Duration::ZERO);
    let session = world.session().await;
    let (placed, stopped) = tokio::join!(world.engine.place(&session), async {
        settle().await;
        world.engine.stop(world.tenant, session.id, EndReason::Canceled).await
    });
    stopped.unwrap();
    assert_eq!(placed.unwrap().end_reason, Some(EndReason::Canceled));
    assert_eq!(world.carrier.hang_ups().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_report_is_lost_is_asked_after() {
    let world = World::new();
    *world.desk.policy.lock().unwrap() = Some(policy(|_| {}));
    let _tended = world.tended();
    let session = submit(&world, CallPriority::Normal).await;
    settle().await;
    world.carrier.has_call("CA1", CallStatus::NoAnswer);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let waiting = world.read(session).await;
    assert_eq!((waiting.status, waiting.due_at.is_some()), (SessionStatus::Connecting, true));
    assert_eq!(world.last_attempt(session).await.outcome, Some(EndReason::NoAnswer));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_outlives_its_limit_is_ended_from_outside() {
    let world = World::with(|config| config.rules.time_limit = 10 * MINUTE, std::sync::Arc::new(Stuck));
    let _tended = world.tended();
    let (placed, token) = world.answered().await;
    let (run, peer) = world.run(world.admit(&token).unwrap());
    let phone = tokio::spawn(Phone::new(peer, &placed.call).listen());
    settle().await;
    // It keeps the limit it began with.
    world.engine.change_rules(|rules| rules.time_limit = MINUTE).unwrap();
    tokio::time::sleep(9 * MINUTE).await;
    assert_eq!(world.engine.count(), (0, 1));
    tokio::time::sleep(MINUTE + Duration::from_secs(20)).await;
    assert_kind(run.await.unwrap(), ErrorKind::Internal);
    let ended = world.read(placed.session).await;
    assert_eq!((ended.status, world.engine.count()), (SessionStatus::Failed, (0, 0)));
    assert_eq!(world.carrier.hang_ups().len(), 1);
    phone.abort();
}

/// An agent that never opens: the call's own task hangs.
#[derive(Debug)]
struct Stuck;

#[async_trait::async_trait]
impl voicecall_core::agent::VoiceAgent for Stuck {
    fn owns_turns(&self) -> bool {
        false
    }

    fn speaks_verbatim(&self) -> bool {
        true
    }

    async fn open(
        &self,
        _: &voicecall_core::agent::AgentSetup,
    ) -> voicecall_core::Result<Box<dyn voicecall_core::agent::AgentSession>> {
        std::future::pending().await
    }
}
