//! How an engine and its accounts fare, for whoever looks after the process.

use super::CallEngine;
use voicecall_core::model::Trust;
use voicecall_core::{AccountName, ErrorKind, Result};

/// How fit something is for calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum HealthStatus {
    /// All is well.
    Healthy,
    /// Calls are taken, fewer or slower than they should be.
    Degraded,
    /// No calls are taken.
    Unhealthy,
}

impl HealthStatus {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// Whether a carrier's REST interface is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectionState {
    /// The last request was answered.
    Connected,
    /// Nothing was asked yet, or the last request was not answered.
    Disconnected,
    /// The carrier does not know us, or forbids what we ask.
    Error,
}

impl ConnectionState {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
            Self::Error => "error",
        }
    }

    /// Whether a request that failed so was not answered.
    pub(super) const fn is_lost(kind: ErrorKind) -> bool {
        matches!(kind, ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::UnknownOutcome)
    }
}

/// How one account fares.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountHealth {
    /// Which.
    pub account: AccountName,
    /// At which carrier.
    pub carrier: &'static str,
    /// Whether the carrier is reached.
    pub connection: ConnectionState,
    /// Whether calls go through it.
    pub status: HealthStatus,
    /// Why it is not healthy, in the carrier's words where it has any.
    pub reason: Option<String>,
}

/// How an engine fares, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineHealth {
    /// The whole.
    pub status: HealthStatus,
    /// Whether it serves: its store answers and it is not shutting down. Without it the process is of no use to a load
    /// balancer; that carriers fail is no reason to take it from the calls that are on the line.
    pub is_serving: bool,
    /// Why it is not healthy, the worst first; without what carriers say, so that anybody may read it.
    pub reasons: Vec<String>,
    /// The accounts, the preferred one first.
    pub accounts: Vec<AccountHealth>,
    /// How many calls ring.
    pub ringing: usize,
    /// How many are connected.
    pub live: usize,
}

impl CallEngine {
    /// How it fares, by what is known already; only the store is asked.
    pub async fn health(&self) -> EngineHealth {
        let (rules, (ringing, live)) = (self.rules(), self.count());
        let accounts: Vec<_> = self.accounts.all().iter().map(|account| account.health()).collect();
        let mut found = Vec::new();
        if self.count_waiting().await.is_err() {
            found.push((HealthStatus::Unhealthy, "the store does not answer".to_owned()));
        }
        if self.is_draining() {
            found.push((HealthStatus::Unhealthy, "the server is shutting down".to_owned()));
        }
        let is_serving = found.is_empty();
        if accounts.iter().all(|account| account.status == HealthStatus::Unhealthy) {
            found.push((HealthStatus::Unhealthy, "no account is fit for calls".to_owned()));
        }
        if ringing + live >= rules.max_live {
            found.push((HealthStatus::Degraded, "there is no room for more calls".to_owned()));
        }
        for (is_on, what) in [(rules.places_calls, "nobody is called"), (rules.answers_calls, "nobody is answered")] {
            found.extend((!is_on).then(|| (HealthStatus::Degraded, format!("{what} for now"))));
        }
        for account in accounts.iter().filter(|account| account.status > HealthStatus::Healthy) {
            found.push((
                HealthStatus::Degraded,
                format!("the account {} is {}", account.account, account.status.as_str()),
            ));
        }
        for service in self.services().iter().filter(|service| service.trust() != Trust::Trusted) {
            found.push((HealthStatus::Degraded, format!("the AI service {} fails", service.name())));
        }
        let status = found.iter().map(|(status, _)| *status).max().unwrap_or(HealthStatus::Healthy);
        let reasons = found.into_iter().map(|(_, reason)| reason).collect();
        EngineHealth { status, is_serving, reasons, accounts, ringing, live }
    }

    /// Asks the carrier of an account whether it knows us and can be reached; [`health`](Self::health) tells of it afterwards.
    ///
    /// # Errors
    /// `NotFound` if there is no such account; what the carrier reports.
    pub async fn check_account(&self, name: AccountName) -> Result<()> {
        let account = self.accounts.get(name)?;
        account.check().await
    }
}
