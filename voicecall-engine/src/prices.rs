//! What carriers charge for calls, which they tell some time after the end: asked for until they do, for a day.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::{debug, warn};

use super::CallEngine;
use voicecall_core::carrier::CallPrice;
use voicecall_core::{AttemptId, ErrorKind, Result, TenantId};

/// How often it is looked for calls without a price.
const EVERY: Duration = Duration::from_secs(15);
/// How long a carrier is asked for a call's price, counted from its order.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);
/// How many calls are looked at in a round, and how many of them are asked for.
const BATCH: u32 = 1_000;
const ASKED: usize = 20;
/// The first and the longest wait before a call is asked about again.
const FIRST_WAIT: Duration = Duration::from_secs(30);
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// When calls are asked for next.
#[derive(Debug, Default)]
struct Waits(HashMap<AttemptId, (Instant, Duration)>);

impl Waits {
    /// Forgets those that are not looked at any more.
    fn retain(&mut self, attempts: &[(TenantId, AttemptId)]) {
        if self.0.len() > attempts.len() {
            self.0.retain(|known, _| attempts.iter().any(|(_, attempt)| attempt == known));
        }
    }

    /// Whether it is a call's turn, which is then over.
    fn is_due(&mut self, attempt: AttemptId, now: Instant) -> bool {
        let (at, wait) = self.0.entry(attempt).or_insert((now, FIRST_WAIT));
        if *at > now {
            return false;
        }
        (*at, *wait) = (now + *wait, (*wait * 2).min(LONGEST_WAIT));
        true
    }
}

impl CallEngine {
    /// Asks carriers for prices until the engine drains. Whatever is open then is asked for by the next process.
    pub(super) async fn ask_for_prices(self: &Arc<Self>) {
        let mut waits = Waits::default();
        let mut tick = interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let round = async {
                tick.tick().await;
                self.price_round(&mut waits).await
            };
            tokio::select! {
                // Nobody who shuts down waits for a carrier because of a price.
                () = self.drains() => return,
                priced = round => if let Err(error) = priced {
                    warn!(%error, "it is not known which calls have no price yet");
                }
            }
        }
    }

    async fn price_round(&self, waits: &mut Waits) -> Result<()> {
        let since = self.now().checked_sub(LONGEST).unwrap_or(Timestamp::MIN);
        let unpriced = self.store.unpriced_attempts(since, BATCH).await?;
        waits.retain(&unpriced);
        let now = Instant::now();
        let due: Vec<_> = unpriced.into_iter().filter(|(_, attempt)| waits.is_due(*attempt, now)).take(ASKED).collect();
        for (tenant, attempt) in due {
            match self.ask_for_price(tenant, attempt).await {
                Ok(()) => {}
                // Everything else would be refused as well.
                Err(error) if error.kind() == ErrorKind::RateLimited => return Ok(()),
                Err(error) => debug!(%attempt, %error, "a carrier does not tell what it charges for a call"),
            }
        }
        Ok(())
    }

    /// Asks what one call costs, and keeps it. A call that is not over has no price.
    async fn ask_for_price(&self, tenant: TenantId, attempt: AttemptId) -> Result<()> {
        let attempt = self.store.attempt(tenant, attempt).await?;
        let session = self.store.session(tenant, attempt.session).await?;
        let is_over = session.status.is_final() || session.due_at.is_some() || attempt.outcome.is_some();
        let Some(call) = attempt.call.as_ref().filter(|_| is_over) else { return Ok(()) };
        let known = self.accounts.of(&attempt)?.backend().fetch(call).await?;
        if let Some(price) = known.price.filter(|_| known.status.is_final()) {
            self.store.charge_attempt(tenant, attempt.id, &self.converted(price)).await?;
        }
        Ok(())
    }

    /// A price in US dollars, if there is a rate for its currency.
    fn converted(&self, price: CallPrice) -> CallPrice {
        let rules = self.rules();
        let unit = rules.exchange_rates.get(&price.currency);
        unit.and_then(|unit| price.in_dollars(*unit)).unwrap_or(price)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_asked_about_ever_less_often_and_forgotten() {
        let (mut waits, attempt, start) = (Waits::default(), AttemptId::new(), Instant::now());
        let asked: Vec<_> =
            (0..86_400).step_by(15).filter(|s| waits.is_due(attempt, start + Duration::from_secs(*s))).collect();
        assert_eq!(asked[..5], [0, 30, 90, 210, 450]);
        assert!((30..35).contains(&asked.len()), "in a day: {}", asked.len());
        waits.retain(&[]);
        assert!(waits.0.is_empty());
    }
}
