//! What reaches a process that does not run the call: it leaves word for the one that does.

use std::time::Duration;

use super::sharing::two;
use super::world::*;
use crate::{DialPolicy, Voicemail, WhileDetecting};
use voicecall_core::carrier::{AnsweredBy, CallStatus};
use voicecall_core::dialogue::Scripted;
use voicecall_core::store::{EndReason, SessionStatus};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_call_whose_end_is_reported_to_another_process_ends_as_it_ended() {
    let (one, other) = two();
    let _tended = one.tended();
    one.desk.will_hold(Consenting { given: true, lines: Scripted::new(["One."; 20]) });
    let call = one.connected().await;
    let stops = tokio::spawn(call.phone.stop_after(3 * SECOND));
    tokio::time::sleep(3 * SECOND).await;
    other.report(call.placed.key, &call.placed.call, CallStatus::Completed).await.unwrap();
    assert_eq!(one.read(call.placed.session).await.status, SessionStatus::InProgress, "its own process ends it");
    stops.await.unwrap();
    assert_eq!(call.run.await.unwrap().unwrap(), EndReason::RemoteHangup);
    assert_eq!(one.read(call.placed.session).await.end_reason, Some(EndReason::RemoteHangup));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_stream_is_not_waited_over_once_another_process_knows_that_the_call_is_over() {
    let (one, other) = two();
    let _tended = one.tended();
    one.desk.will_hold(Consenting { given: true, lines: Scripted::new(["One."; 20]) });
    let call = one.connected().await;
    let stops = tokio::spawn(call.phone.stop_after(3 * SECOND));
    tokio::time::sleep(2 * SECOND).await;
    other.report(call.placed.key, &call.placed.call, CallStatus::Completed).await.unwrap();
    stops.await.unwrap();
    let ended = tokio::time::timeout(SECOND / 2, call.run).await.expect("its process has learnt of it");
    assert_eq!(ended.unwrap().unwrap(), EndReason::RemoteHangup);
}

#[tokio::test(start_paused = true)]
async fn a_phone_that_another_process_rings_is_not_waited_for_any_more() {
    let (one, other) = two();
    let _tended = one.tended();
    let placed = one.placed().await;
    other.report(placed.key, &placed.call, CallStatus::Busy).await.unwrap();
    tokio::time::sleep(SECOND).await;
    assert_eq!(one.read(placed.session).await.end_reason, Some(EndReason::Busy));
    assert_eq!(one.engine.count(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_another_process_learns_of_is_hung_up_on() {
    let (one, other) = two();
    let _tended = one.tended();
    let voicemail = Voicemail::HangUp(WhileDetecting::Agent);
    *one.desk.policy.lock().unwrap() = Some(DialPolicy { voicemail, ..DialPolicy::once() });
    one.desk.will_hold(Scripted::new(["One."; 20]));
    let call = one.connected().await;
    let phone = tokio::spawn(call.phone.listen());
    tokio::time::sleep(SECOND).await;
    other.detected(&call.placed, AnsweredBy::MachineStart).await.unwrap();
    assert_eq!(call.run.await.unwrap().unwrap(), EndReason::Voicemail);
    phone.await.unwrap();
    assert_eq!(one.read(call.placed.session).await.end_reason, Some(EndReason::Voicemail));
}

#[tokio::test(start_paused = true)]
async fn a_session_is_stopped_from_any_process() {
    let (one, other) = two();
    let _tended = one.tended();
    one.desk.will_hold(Consenting { given: true, lines: Scripted::new(["One."; 20]) });
    let call = one.connected().await;
    let phone = tokio::spawn(call.phone.listen());
    tokio::time::sleep(SECOND).await;
    other.engine.stop(other.tenant, call.placed.session, EndReason::Canceled).await.unwrap();
    let session = other.read(call.placed.session).await;
    assert_eq!(session.end_reason, Some(EndReason::Canceled), "it is over when the stop is answered");
    assert_eq!(call.run.await.unwrap().unwrap(), EndReason::Canceled);
    phone.await.unwrap();
    assert_eq!(one.carrier.hang_ups().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_behind_what_hangs_in_another_session() {
    let (one, other) = two();
    let _tended = one.tended();
    let placed = one.placed().await;
    one.desk.will_hold(Consenting { given: true, lines: Scripted::new(["One."; 20]) });
    let call = one.connected().await;
    let phone = tokio::spawn(call.phone.listen());
    tokio::time::sleep(SECOND).await;
    *one.desk.policy_hangs_for.lock().unwrap() = Some(one.tenant);
    other.report(placed.key, &placed.call, CallStatus::Busy).await.unwrap();
    tokio::time::sleep(SECOND).await;
    let begun = tokio::time::Instant::now();
    other.engine.stop(other.tenant, call.placed.session, EndReason::Canceled).await.unwrap();
    assert!(begun.elapsed() < SECOND, "its own process has stopped it");
    assert_eq!(call.run.await.unwrap().unwrap(), EndReason::Canceled);
    phone.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_process_does_not_answer_is_stopped_all_the_same() {
    let (dead, other) = two();
    dead.desk.will_hold(Consenting { given: true, lines: Scripted::new(["One."; 20]) });
    let call = dead.connected().await;
    let phone = tokio::spawn(call.phone.listen());
    tokio::time::sleep(SECOND).await;
    // Nothing looks for signals there.
    other.engine.stop(other.tenant, call.placed.session, EndReason::Canceled).await.unwrap();
    assert_eq!(other.read(call.placed.session).await.end_reason, Some(EndReason::Canceled));
    assert_eq!(other.carrier.hang_ups().len(), 1);
    phone.abort();
    call.run.abort();
}
