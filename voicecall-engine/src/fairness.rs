//! Fair between tenants: who has not been called for longest comes first, and who cannot be called is left alone.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;
use voicecall_core::TenantId;
use voicecall_core::store::Session;

/// How long a tenant is left alone whose policy failed; doubled with each failure, up to the longest.
const FIRST_DEFERRAL: Duration = Duration::from_secs(1);
const LONGEST_DEFERRAL: Duration = Duration::from_secs(60);

/// When each tenant was last given an order, counted in orders. Where an account's pace lets one session through at a
/// time, tenants take turns at it, however many sessions each has waiting.
#[derive(Debug, Default)]
pub(super) struct Turns {
    last: HashMap<TenantId, u64>,
    orders: u64,
}

impl Turns {
    /// Puts the sessions of tenants whose last turn lies further back in front; those of one tenant keep their order.
    pub(super) fn sort(&mut self, due: &mut [Session]) {
        // Whoever has nobody waiting need not be remembered.
        self.last.retain(|tenant, _| due.iter().any(|session| session.tenant == *tenant));
        due.sort_by_key(|session| self.last.get(&session.tenant).copied());
    }

    /// A session of this tenant is being called.
    pub(super) fn taken(&mut self, tenant: TenantId) {
        self.orders += 1;
        self.last.insert(tenant, self.orders);
    }
}

/// Tenants that are left alone for a while, because their policies fail.
#[derive(Debug, Default)]
pub(super) struct Deferrals(HashMap<TenantId, (Instant, Duration)>);

impl Deferrals {
    /// Whether a tenant is left alone at `now`.
    pub(super) fn holds(&self, tenant: TenantId, now: Instant) -> bool {
        self.0.get(&tenant).is_some_and(|(until, _)| *until > now)
    }

    /// Leaves a tenant alone from `now` on, for twice as long as the last time.
    pub(super) fn defer(&mut self, tenant: TenantId, now: Instant) {
        // Several sessions of a round fail together, and count once.
        if self.holds(tenant, now) {
            return;
        }
        let wait = self.0.get(&tenant).map_or(FIRST_DEFERRAL, |(_, last)| (*last * 2).min(LONGEST_DEFERRAL));
        self.0.insert(tenant, (now + wait, wait));
        // Nobody who has been fit for that long needs to be remembered.
        self.0.retain(|_, (until, _)| now.saturating_duration_since(*until) < LONGEST_DEFERRAL);
    }

    /// A tenant's policy was told.
    pub(super) fn clear(&mut self, tenant: TenantId) {
        self.0.remove(&tenant);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_tenant_that_fails_waits_longer_each_time_and_not_for_ever() {
        let (mut deferrals, tenant, start) = (Deferrals::default(), TenantId::new(), Instant::now());
        let mut at = start;
        for expected in [1, 2, 4, 8, 16, 32, 60, 60] {
            deferrals.defer(tenant, at);
            deferrals.defer(tenant, at);
            let wait = Duration::from_secs(expected);
            assert!(deferrals.holds(tenant, at + wait - Duration::from_millis(1)), "{expected}");
            at += wait;
            assert!(!deferrals.holds(tenant, at), "{expected}");
        }
        deferrals.clear(tenant);
        deferrals.defer(tenant, at);
        assert!(!deferrals.holds(tenant, at + FIRST_DEFERRAL));
    }
}
