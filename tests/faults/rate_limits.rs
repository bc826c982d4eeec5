//! C12: the carrier refuses three in ten orders because there are too many.

use std::time::Duration;

use voicecall::ErrorKind;
use voicecall::store::EndReason;
use voicecall_sim::fault::{Fault, FaultRule, Site};

use super::row::{Row, scaled};
use super::world::{Setup, World, in_virtual_time};

const SEED: u64 = 0xC12;
const JOBS: u64 = 500;
const PER_SECOND: usize = 20;

#[test]
fn an_order_that_was_refused_for_now_is_sent_again_and_never_too_fast() {
    let mut row = Row::new("C12", "jobs of whose orders 30 % are refused with 429", SEED);
    let (mut refused, mut wrong, mut hasty, mut fastest) = (0, 0, 0, 0);
    for world in 0..scaled(10_000).div_ceil(JOBS) {
        in_virtual_time(async {
            let retry_after = Some(Duration::from_secs(3));
            let limit = FaultRule::sometimes(Site::RestCreate, 0.3, Fault::RateLimit { retry_after });
            let mut setup = Setup::new(SEED + world, vec![limit]);
            setup.calls_per_second = PER_SECOND as f64;
            let world = World::new(setup);
            let sessions = world.submit_all(JOBS).await;
            world.until_over(Duration::from_secs(3600)).await;
            for id in &sessions {
                wrong += usize::from(world.session(*id).await.end_reason != Some(EndReason::Completed));
            }
            wrong += sessions.len().abs_diff(world.carrier.calls().len()) + world.called_twice();
            let orders = world.carrier.orders();
            refused += orders.iter().filter(|order| order.error == Some(ErrorKind::RateLimited)).count() as u64;
            for (at, order) in orders.iter().enumerate() {
                // In the second that begins with this order.
                let second = orders[at..].iter().take_while(|next| next.at < order.at + Duration::from_secs(1)).count();
                fastest = fastest.max(second);
                let again = orders[at + 1..].iter().find(|next| next.to == order.to);
                let waited = again.zip(order.retry_after).is_none_or(|(next, wait)| next.at >= order.at + wait);
                hasty += usize::from(!waited);
            }
            row.did(JOBS);
        });
    }
    row.some("orders refused", refused);
    row.never("jobs without exactly one call", wrong);
    row.never("orders repeated before Retry-After", hasty);
    row.at_most("orders in any second, at most", fastest, PER_SECOND);
    row.finish();
}
