//! Calls that come in.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use voicecall_core::carrier::{Announcement, CallStatus, CarrierEvent, CarrierEventKind, IncomingCall, WebhookReply};
use voicecall_core::dialogue::Scripted;
use voicecall_core::media::MediaCommand;
use voicecall_core::store::{Direction, EndReason, PageRequest, Session, SessionFilter, SessionStore};
use voicecall_core::testing::{CarrierRequest, ScriptedCarrier};
use voicecall_core::{CarrierCallId, ErrorKind, Result};

use super::world::{Decides, OnLine, Phone, Placed, World, assert_kind, scripted_agent, settle, token};
use crate::{CallKey, DialPolicy, ReportOf};

const SECOND: Duration = Duration::from_secs(1);

impl World {
    /// The carrier asks what to do with a call.
    pub(super) async fn rings(&self, call: &str) -> Result<WebhookReply> {
        let incoming = IncomingCall::new("+46700000000".parse().unwrap())
            .with_from(Some("+46701740605".parse().unwrap()))
            .with_caller_name(Some("Anna"));
        self.rings_as(call, incoming, &format!("{call} once")).await
    }

    async fn rings_as(&self, call: &str, incoming: IncomingCall, delivery: &str) -> Result<WebhookReply> {
        let kind = CarrierEventKind::Incoming(incoming);
        let event = CarrierEvent::new(CarrierCallId::new(call), kind, delivery.to_owned());
        let request = ScriptedCarrier::webhook_of("/voice/scripted/incoming", &event);
        self.engine.incoming("scripted".parse().unwrap(), &request.request(&request.headers())).await
    }

    async fn all(&self) -> Vec<Session> {
        let all = SessionFilter::default();
        self.store.inner.sessions(self.tenant, &all, PageRequest::default()).await.unwrap().items
    }

    /// The only session, which must have ended for this reason.
    async fn ended_for(&self, reason: EndReason) {
        let all = self.all().await;
        assert_eq!(all.iter().map(|session| session.end_reason).collect::<Vec<_>>(), [Some(reason)]);
        assert_eq!(self.engine.count(), (0, 0));
    }

    /// A call that came in, with its caller on the line.
    async fn called(&self, call: &str) -> OnLine {
        let reply = self.rings(call).await.unwrap();
        let (run, peer) = self.run(self.admit(&token(&reply)).unwrap());
        let session = self.all().await[0].id;
        let key = CallKey::of(&self.last_attempt(session).await).unwrap();
        OnLine { placed: Placed { session, key, call: call.to_owned() }, run, phone: Phone::new(peer, call) }
    }
}

/// A world in which calls that come in are decided like this.
fn world(decides: Decides) -> World {
    let world = World::new();
    world.desk.decides(world.tenant, decides);
    world
}

#[tokio::test(start_paused = true)]
async fn a_call_that_comes_in_is_answered_and_conducted() {
    let world = world(Decides::Connect);
    world.desk.will_hold(Scripted::new(["Hello."]));
    let call = world.called("CA1").await;
    let (spoken, end) = tokio::join!(call.phone.listen(), call.run);
    assert!(spoken.iter().any(|command| matches!(command, MediaCommand::Audio(_))), "it was greeted");
    assert_eq!(end.unwrap().unwrap(), EndReason::Completed);
    let [session] = &*world.all().await else { panic!("one session") };
    assert_eq!((session.direction, session.end_reason), (Direction::Inbound, Some(EndReason::Completed)));
    assert_eq!(session.local.as_deref(), Some("+46700000000"));
    let from = session.open_remote(&world.vault).unwrap().unwrap();
    assert_eq!(from.canonical(), "+46701740605");
    assert_eq!((&session.metadata, session.reference.as_ref()), (&serde_json::Value::Null, None), "no name is kept");
    assert!(world.carrier.orders().is_empty(), "nobody was called");
    assert_eq!(world.desk.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_asks_again_gets_the_same_answer_and_the_application_is_asked_once() {
    let world = world(Decides::Connect);
    world.desk.decides_after(2 * SECOND);
    let (first, second) = tokio::join!(world.rings("CA1"), world.rings("CA1"));
    assert_eq!(first.as_ref().unwrap(), second.as_ref().unwrap());
    assert_eq!(world.rings("CA1").await.unwrap(), first.unwrap());
    assert_eq!((world.all().await.len(), world.desk.asked()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn another_process_goes_on_with_a_call_that_was_answered_by_one_that_is_gone() {
    let world = world(Decides::Connect);
    let first = token(&world.rings("CA1").await.unwrap());
    let next = world.restarted();
    let again = token(&next.rings("CA1").await.unwrap());
    assert_ne!(first, again);
    assert!(next.admit(&again).is_ok());
    assert_eq!((world.all().await.len(), world.desk.asked()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_connected_is_told_and_ends_its_session() {
    for (decides, told, reason) in [
        (Decides::Reject, "rejected", EndReason::Rejected),
        (Decides::Busy, "busy", EndReason::Rejected),
        (Decides::Say, "We are closed.", EndReason::Rejected),
        (Decides::Forward, "+46700000002", EndReason::Transferred),
    ] {
        let world = world(decides);
        let reply = world.rings("CA1").await.unwrap();
        assert!(reply.body.contains(told), "{}", reply.body);
        world.ended_for(reason).await;
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_is_forwarded_to_a_number_that_may_not_be_called() {
    let world =
        World::with(|config| config.rules.destinations = crate::Destinations::in_countries(["NO"]), scripted_agent());
    world.desk.decides(world.tenant, Decides::Forward);
    let reply = world.rings("CA1").await.unwrap();
    assert!(reply.body.contains("technical problem") && !reply.body.contains("+46700000002"), "{}", reply.body);
    world.ended_for(EndReason::NotAllowed).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_calls_hears_something_when_nobody_decides() {
    for decides in [Decides::Fail, Decides::Panic, Decides::Never] {
        let world = world(decides);
        let begun = Instant::now();
        let reply = world.rings("CA1").await.unwrap();
        assert!(begun.elapsed() <= 5 * SECOND && reply.body.contains("technical problem"), "{}", reply.body);
        world.ended_for(EndReason::NoDecision).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_costs_the_call_and_not_the_answer() {
    let world = world(Decides::Connect);
    world.store.fails_for("create_session", 60 * SECOND);
    assert!(world.rings("CA1").await.unwrap().body.contains("technical problem"));
    assert_eq!(world.engine.count(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_carrier_is_answered_in_time_though_every_step_is_slow() {
    let world = world(Decides::Connect);
    world.store.takes(Duration::from_secs(3));
    let begun = Instant::now();
    assert!(world.rings("CA1").await.unwrap().body.contains("technical problem"));
    assert!(begun.elapsed() <= 12 * SECOND, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_number_of_nobody_is_not_in_service() {
    let world = World::new();
    assert!(world.rings("CA1").await.unwrap().body.contains("rejected"));
    assert_eq!(world.all().await, []);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_withholds_the_number_is_one_as_well() {
    let world = world(Decides::Connect);
    let anonymous = IncomingCall::new("+46700000000".parse().unwrap());
    token(&world.rings_as("CA1", anonymous, "one").await.unwrap());
    assert_eq!(world.all().await[0].remote, None);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_hangs_up_before_anybody_is_there_has_a_session_that_says_so() {
    for status in [CallStatus::Completed, CallStatus::NoAnswer, CallStatus::Canceled] {
        let world = world(Decides::Connect);
        world.rings("CA1").await.unwrap();
        world.account_reports("CA1", status).await.unwrap();
        world.ended_for(EndReason::Abandoned).await;
        // Whoever is told of the call once more does not answer it.
        assert!(!world.restarted().rings("CA1").await.unwrap().body.contains("stream"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_hangs_up_while_it_is_decided_is_not_waited_for() {
    let world = world(Decides::Connect);
    world.desk.decides_after(2 * SECOND);
    let hangs_up = async {
        sleep(SECOND).await;
        world.account_reports("CA1", CallStatus::Completed).await.unwrap();
    };
    let (reply, ()) = tokio::join!(world.rings("CA1"), hangs_up);
    assert!(!reply.unwrap().body.contains("stream"));
    world.ended_for(EndReason::Abandoned).await;
}

#[tokio::test(start_paused = true)]
async fn nobody_is_called_back_for_a_call_that_broke() {
    let world = world(Decides::Connect);
    *world.desk.policy.lock().unwrap() = Some(DialPolicy { max_attempts: 3, ..DialPolicy::once() });
    world.desk.will_hold(Scripted::new(["Hello.", "And?", "Goodbye."]));
    let call = world.called("CA1").await;
    let (run, phone) = (call.run, call.phone);
    phone.vanish_after(SECOND).await;
    let _ = run.await;
    world.carrier.has_call("CA1", CallStatus::Completed);
    world.account_reports("CA1", CallStatus::Completed).await.unwrap();
    let _tended = world.tended();
    sleep(3600 * SECOND).await;
    assert!(world.carrier.orders().is_empty());
    world.ended_for(EndReason::TechnicalFailure).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_broke_off_goes_on_as_one_of_ours_does() {
    let world = world(Decides::Connect);
    world.desk.will_hold(Scripted::new(["Hello.", "And?", "Goodbye."]));
    let call = world.called("CA1").await;
    let (key, session) = (call.placed.key, call.placed.session);
    call.phone.vanish_after(SECOND).await;
    let _ = call.run.await;
    world.desk.will_hold(Scripted::new(["Sorry for that."]));
    let reply = world.resume(key, "CA1").await.unwrap();
    let (run, peer) = world.run(world.admit(&token(&reply)).unwrap());
    let (_, end) = tokio::join!(Phone::new(peer, "CA1").listen(), run);
    assert_eq!(end.unwrap().unwrap(), EndReason::Completed);
    assert_eq!((world.read(session).await.end_reason, world.desk.asked()), (Some(EndReason::Completed), 1));
}

#[tokio::test(start_paused = true)]
async fn a_process_that_died_leaves_no_caller_without_an_end() {
    for connected in [false, true] {
        let world = world(Decides::Connect);
        if connected {
            let call = world.called("CA1").await;
            let talk = tokio::spawn(call.phone.listen());
            settle().await;
            call.run.abort();
            talk.abort();
        } else {
            world.rings("CA1").await.unwrap();
        }
        let next = world.restarted();
        next.carrier.has_call("CA1", CallStatus::Completed);
        assert_eq!(next.engine.recover().await.unwrap().closed, 1);
        let reason = if connected { EndReason::TechnicalFailure } else { EndReason::Abandoned };
        assert_eq!(world.all().await[0].end_reason, Some(reason));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_comes_back_while_the_carrier_is_asked_about_it_is_left_alone() {
    // It is still going on when the carrier has answered, or over.
    for (lines, reason) in [(2, EndReason::RemoteHangup), (1, EndReason::Completed)] {
        let world = world(Decides::Connect);
        world.rings("CA1").await.unwrap();
        let session = world.all().await[0].id;
        let key = CallKey::of(&world.last_attempt(session).await).unwrap();
        let next = world.restarted();
        next.carrier.has_call("CA1", CallStatus::InProgress);
        next.carrier.takes(Duration::ZERO, SECOND);
        next.desk.will_hold(Scripted::new(["Sorry for that."; 2].into_iter().take(lines)));
        let comes_back = async {
            sleep(SECOND / 4).await;
            let reply = next.resume(key, "CA1").await.unwrap();
            let (run, peer) = next.run(next.admit(&token(&reply)).unwrap());
            tokio::join!(Phone::new(peer, "CA1").stop_after(3 * SECOND), run).1
        };
        let (recovered, end) = tokio::join!(next.engine.recover(), comes_back);
        assert_eq!(recovered.unwrap().left, 0);
        assert_eq!(end.unwrap().unwrap(), reason);
        sleep(20 * SECOND).await;
        let asked_back = |request: &CarrierRequest| matches!(request, CarrierRequest::UpdateCall(..));
        assert!(!next.carrier.requests().iter().any(asked_back));
        assert_eq!(next.read(session).await.end_reason, Some(reason));
    }
}

#[tokio::test(start_paused = true)]
async fn callers_for_whom_there_is_no_room_find_the_line_busy_or_are_told() {
    for line in [None, Some(Announcement::new("All lines are busy.", "en-GB"))] {
        let told = if line.is_some() { "All lines are busy." } else { "busy" };
        let configure = |config: &mut crate::EngineConfig| {
            config.rules.max_live = 1;
            config.rules.busy_line = line;
        };
        let world = World::with(configure, scripted_agent());
        world.desk.decides(world.tenant, Decides::Connect);
        token(&world.rings("CA1").await.unwrap());
        assert!(world.rings("CA2").await.unwrap().body.contains(told));
        assert_eq!(world.all().await.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_carrier_brings_calls() {
    let world = world(Decides::Connect);
    let request = ScriptedCarrier::sign("/voice/scripted/incoming", "{}");
    let forged = ScriptedCarrier::sign("/elsewhere", "{}");
    let account = "scripted".parse().unwrap();
    let of_nothing = world.engine.incoming(account, &request.request(&request.headers())).await;
    assert!(of_nothing.is_err());
    let headers = forged.headers();
    assert_kind(world.engine.incoming(account, &request.request(&headers)).await, ErrorKind::Unauthenticated);
    assert_eq!(world.all().await, []);
}

impl World {
    /// The carrier reports at the address that is set for all calls to a number.
    async fn account_reports(&self, call: &str, status: CallStatus) -> Result<bool> {
        let kind = CarrierEventKind::Status { status, duration: None, cause: None };
        let event = CarrierEvent::new(CarrierCallId::new(call), kind, format!("{call} {status:?}"));
        let request = ScriptedCarrier::webhook_of("/voice/status?account=scripted", &event);
        let about = ReportOf::Account("scripted".parse().unwrap());
        self.engine.report(about, &request.request(&request.headers())).await
    }
}
