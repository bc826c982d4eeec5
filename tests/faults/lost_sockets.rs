//! C6: the media socket dies in the middle of a call, at any frame, up to three times.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use voicecall::dialogue::Dialogue;
use voicecall::store::{Direction, EndReason, JournalStore};
use voicecall::survey::store::{CallStore, SurveyFact};
use voicecall_sim::fault::{Fault, FaultRule, Site};

use super::questions::{QUESTIONS, Questionnaire};
use super::row::{Row, scaled};
use super::world::{Setup, World, in_virtual_time};

const SEED: u64 = 0xC6;
const CALLS: u64 = 100;

/// Within this time the caller hears us again.
const BACK_WITHIN: Duration = Duration::from_secs(3);

#[test]
fn a_call_whose_connection_ends_goes_on_by_itself() {
    let what = "sockets closed at a random frame (the carrier goes on by itself)";
    cut(what, 0, Direction::Outbound, Fault::Close { at_frame: 5 });
    let what = "sockets of calls that come in, closed at a random frame (the carrier goes on by itself)";
    cut(what, 300, Direction::Inbound, Fault::Close { at_frame: 5 });
}

#[test]
fn a_call_whose_connection_is_reset_is_asked_back() {
    let what = "sockets reset at a random frame (the carrier waits to be asked)";
    cut(what, 100, Direction::Outbound, Fault::Reset { at_frame: 5 });
    let what = "sockets of calls that come in, reset at a random frame (the carrier waits to be asked)";
    cut(what, 400, Direction::Inbound, Fault::Reset { at_frame: 5 });
}

#[test]
fn a_call_whose_connection_falls_silent_is_asked_back() {
    let half_open = Fault::HalfOpenSocket { at_frame: 5 };
    let what = "sockets on which nothing passes from a random frame on, and nobody is told";
    cut(what, 200, Direction::Outbound, half_open.clone());
    let what = "sockets of calls that come in, on which nothing passes from a random frame on, and nobody is told";
    cut(what, 500, Direction::Inbound, half_open);
}

/// Cuts the first socket of every call, and three in ten of those that follow.
fn cut(what: &'static str, offset: u64, direction: Direction, fault: Fault) {
    let seed = SEED + offset;
    let mut row = Row::new("C6", what, seed);
    let (mut breaks, mut back, mut confirmed_answers, mut lost, mut again, mut stuck, mut unfinished) =
        (0u64, 0u64, 0, 0, 0, 0, 0);
    for world in 0..scaled(500).div_ceil(CALLS) {
        in_virtual_time(async {
            let rules = vec![
                FaultRule { nth: vec![1], spread_frames: 400, ..FaultRule::always(Site::MediaSocket, fault.clone()) },
                FaultRule {
                    skip: 1,
                    spread_frames: 300,
                    ..FaultRule::sometimes(Site::MediaSocket, 0.3, fault.clone())
                },
            ];
            let confirmed = Arc::new(Mutex::new(Vec::new()));
            let mut setup = Setup::new(seed + world, rules);
            setup.carrier.packet = Duration::from_millis(20);
            setup.carrier.people.speak = Duration::from_millis(600);
            let noted = Arc::clone(&confirmed);
            let questionnaire = Questionnaire::new(move |answer| noted.lock().unwrap().push(answer));
            setup.dialogue = Arc::new(move |request| Box::new(questionnaire.dialogue(request)) as Box<dyn Dialogue>);
            let world = World::new(setup);
            world.begin_calls(direction, CALLS).await;
            world.until_over(Duration::from_secs(1200)).await;
            let sessions = world.sessions().await;
            stuck += sessions.len().abs_diff(CALLS as usize);
            stuck += world.open().await;
            stuck += world.carrier.calls().iter().filter(|call| !call.status.is_final()).count();
            let confirmed = confirmed.lock().unwrap().clone();
            confirmed_answers += confirmed.len() as u64;
            for id in sessions {
                let responses = world.store.call(world.tenant, id).await.unwrap().record.responses;
                let stored: HashSet<_> = responses.iter().map(|response| response.question).collect();
                lost += confirmed.iter().filter(|(session, of)| *session == id && !stored.contains(of)).count();
                let session = world.session(id).await;
                let complete = session.end_reason == Some(EndReason::Completed);
                let call = world.carrier.call(session.carrier_call.as_ref().unwrap()).unwrap();
                row.did(call.breaks.len() as u64);
                // Whoever loses a call a third time is told goodbye; who had answered everything is not called back.
                for broken in call.breaks.iter().take(2).filter(|broken| !complete || broken.back_at.is_some()) {
                    breaks += 1;
                    let within = broken.back_at.is_some_and(|back| back - broken.at <= BACK_WITHIN);
                    back += u64::from(within);
                }
                unfinished += usize::from(if complete { stored.len() != QUESTIONS } else { call.said.is_empty() });
                let journal = world.store.journal(world.tenant, id).await.unwrap();
                let answers = journal
                    .iter()
                    .filter(|entry| matches!(SurveyFact::read(&entry.fact), Ok(Some(SurveyFact::Answered { .. }))))
                    .count();
                again += answers - stored.len();
            }
        });
    }
    row.some("answers confirmed as stored", confirmed_answers);
    row.at_least("heard again within 3 s, of 1,000", back * 1000 / breaks.max(1), 995);
    row.never("confirmed answers lost", lost);
    row.never("answered questions asked again", again);
    row.never("calls or sessions stuck", stuck);
    row.never("sessions without their answers, or ended without a goodbye", unfinished);
    row.finish();
}
