//! C1: the carrier delivers everything one to five times, up to sixteen at once.

use std::time::Duration;

use voicecall::carrier::CallStatus;
use voicecall::journal::Fact;
use voicecall::store::{Direction, EndReason, JournalStore, PageRequest, SessionStore};
use voicecall_sim::fault::{Fault, FaultRule, Site};

use super::row::{Row, scaled};
use super::world::{Setup, World, in_virtual_time};

const SEED: u64 = 0xC1;

/// Webhooks of one call that is answered: the question, and the reports of ringing, answer, stream and end.
const WEBHOOKS_OF_A_CALL: u64 = 7;

/// Calls of one world.
const CALLS: u64 = 150;

/// Once in twenty sixteen copies at once; otherwise one to five, each as often as the others.
fn copies(site: Site) -> Vec<FaultRule> {
    [(0.05, 15), (0.2, 1), (0.25, 2), (1.0 / 3.0, 3), (0.5, 4)]
        .into_iter()
        .map(|(probability, times)| FaultRule::sometimes(site, probability, Fault::Duplicate { times }))
        .collect()
}

#[test]
fn a_webhook_that_comes_again_changes_nothing_and_gets_the_same_answer() {
    let what = "webhooks, each delivered 1 to 5 times, some 16 times at once";
    deliver_again(Row::new("C1", what, SEED), Direction::Outbound);
}

#[test]
fn a_call_that_comes_in_again_and_again_is_one() {
    let what = "webhooks of calls that come in, each delivered 1 to 5 times, some 16 times at once";
    deliver_again(Row::new("C1", what, SEED + 100), Direction::Inbound);
}

fn deliver_again(mut row: Row, direction: Direction) {
    let (mut copies_sent, mut answers, mut doubled) = (0, 0, 0);
    for world in 0..scaled(10_000).div_ceil(WEBHOOKS_OF_A_CALL * CALLS) {
        in_virtual_time(async {
            let rules = [copies(Site::WebhookVoice), copies(Site::WebhookStatus)].concat();
            let mut setup = Setup::new(SEED + world, rules);
            setup.carrier.people.busy = 0.1;
            let world = World::new(setup);
            world.begin_calls(direction, CALLS).await;
            world.until_over(Duration::from_secs(600)).await;
            let sessions = world.sessions().await;
            doubled += sessions.len().abs_diff(CALLS as usize);
            doubled += world.called_twice() + world.open().await;
            for id in sessions {
                doubled += effects_beyond_one(&world, id).await;
            }
            row.did(world.carrier.webhooks());
            copies_sent += world.carrier.deliveries() - world.carrier.webhooks();
            answers += world.carrier.contradictions();
        });
    }
    row.some("copies beyond the first", copies_sent);
    row.never("double effects", doubled);
    row.never("copies answered differently", usize::try_from(answers).unwrap());
    row.finish();
}

/// What of a session happened more than once, or not at all.
async fn effects_beyond_one(world: &World, id: voicecall::SessionId) -> usize {
    let (session, attempts) = (world.session(id).await, world.attempts(id).await);
    let [attempt] = &attempts[..] else { return 1 };
    let call = attempt.call.as_ref().and_then(|call| world.carrier.call(call)).unwrap();
    let answered = call.status == CallStatus::Completed;
    let expected = if answered { EndReason::Completed } else { EndReason::Busy };
    let times = usize::from(answered);
    let events = world.store.events(world.tenant, id, PageRequest { page: 1, per_page: 100 }).await.unwrap().items;
    let journal = world.store.journal(world.tenant, id).await.unwrap();
    let finished = world.business.outcomes().iter().filter(|outcome| outcome.session.id == id).count();
    let connected = journal.iter().filter(|entry| entry.fact == Fact::Connected).count();
    let mut kinds: Vec<_> = events.iter().map(|event| event.kind.clone()).collect();
    let all = kinds.len();
    kinds.sort();
    kinds.dedup();
    usize::from(session.end_reason != Some(expected))
        + usize::from(call.sockets as usize != times)
        + usize::from(finished != times)
        + usize::from(connected != times)
        + (all - kinds.len())
}
