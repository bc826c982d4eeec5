//! Carrier accounts: through whom calls go, from which numbers and how fast, and whether each account is fit for orders.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::Instant;
use tracing::{error, info, warn};

use super::breaker::{Breaker, Trust};
use super::health::{AccountHealth, ConnectionState, HealthStatus};
use super::policy::DialPolicy;
use super::registry::Registry;
use super::rules::CallRules;
use voicecall_core::carrier::{CallFlow, VoiceBackend, WebhookReply};
use voicecall_core::money::{CarrierPrice, DestinationPrices};
use voicecall_core::store::DialAttempt;
use voicecall_core::{AccountName, CarrierCallId, Error, ErrorKind, PhoneNumber, Result};

/// One account at a carrier, with the numbers it owns. Two accounts of one carrier are two of these.
#[derive(Debug, Clone)]
pub struct CarrierAccount {
    name: AccountName,
    backend: Arc<dyn VoiceBackend>,
    numbers: Vec<PhoneNumber>,
    are_numbers_shared: bool,
    calls_per_second: f64,
    prices: DestinationPrices,
}

impl CarrierAccount {
    /// An account without numbers that is given one order a second.
    #[must_use]
    pub fn new(name: AccountName, backend: Arc<dyn VoiceBackend>) -> Self {
        let (numbers, prices) = (Vec::new(), DestinationPrices::new());
        Self { name, backend, numbers, are_numbers_shared: false, calls_per_second: 1.0, prices }
    }

    /// An account named like its carrier.
    ///
    /// # Errors
    /// `Invalid` if the carrier has a name no account can have.
    pub fn of(backend: Arc<dyn VoiceBackend>) -> Result<Self> {
        Ok(Self::new(backend.name().parse()?, backend))
    }

    /// Adds a number it owns. Calls come from the first one unless the policy says otherwise.
    #[must_use]
    pub fn number(mut self, number: PhoneNumber) -> Self {
        self.numbers.push(number);
        self
    }

    /// Whether other applications place calls from these numbers as well; they do not unless told otherwise. Carriers do not
    /// tell who ordered a call, so that after an order without an answer a call from such a number is never taken for the
    /// one that was ordered: only a report of the carrier that names it settles it.
    #[must_use]
    pub const fn shared_numbers(mut self, shared: bool) -> Self {
        self.are_numbers_shared = shared;
        self
    }

    /// How many calls are ordered in a second at most; 0.001 to 10,000. Carriers take more and let them wait, then ring
    /// at any hour.
    #[must_use]
    pub const fn calls_per_second(mut self, rate: f64) -> Self {
        self.calls_per_second = rate;
        self
    }

    /// The same account at another carrier.
    #[must_use]
    pub fn with_backend(mut self, backend: Arc<dyn VoiceBackend>) -> Self {
        self.backend = backend;
        self
    }

    /// What it charges by destination. Calls that have a budget are counted at these prices, in the place of the budget's
    /// price of the carrier, as far as there is one for the number that is called.
    #[must_use]
    pub fn prices(mut self, prices: DestinationPrices) -> Self {
        self.prices = prices;
        self
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> AccountName {
        self.name
    }

    /// The carrier.
    #[must_use]
    pub const fn backend(&self) -> &Arc<dyn VoiceBackend> {
        &self.backend
    }

    /// Its numbers.
    #[must_use]
    pub fn numbers(&self) -> &[PhoneNumber] {
        &self.numbers
    }

    /// Whether other applications place calls from them as well.
    #[must_use]
    pub const fn are_numbers_shared(&self) -> bool {
        self.are_numbers_shared
    }

    /// What a call to `number` is charged with, if it is known.
    #[must_use]
    pub fn price_to(&self, number: &PhoneNumber) -> Option<CarrierPrice> {
        self.prices.price_to(number)
    }

    pub(super) fn validate(&self) -> Result<()> {
        if !(0.001..=10_000.0).contains(&self.calls_per_second) {
            return Err(Error::config("calls_per_second", "0.001 to 10,000"));
        }
        self.prices.validate().map_err(|error| {
            let field = format!("prices.{}", error.field().unwrap_or_default());
            error.with_field(field)
        })
    }
}

/// The name of the account an attempt went through: that of its carrier, if there was only one account.
pub(super) fn account_of(attempt: &DialAttempt) -> Result<AccountName> {
    attempt.account.map_or_else(|| attempt.carrier.parse(), Ok)
}

/// The accounts as the engine uses them.
#[derive(Debug)]
pub(super) struct Accounts(RwLock<Vec<Arc<Account>>>);

impl Accounts {
    /// Takes a registry in.
    pub(super) fn new(registry: Registry) -> Result<Self> {
        let accounts = registry.into_accounts();
        if accounts.is_empty() {
            return Err(Error::config("carrier", "at least one account"));
        }
        for (at, account) in accounts.iter().enumerate() {
            account.validate()?;
            if accounts[..at].iter().any(|other| other.name == account.name) {
                return Err(Error::config("account name", format!("only one account called {}", account.name)));
            }
        }
        Ok(Self(RwLock::new(accounts.into_iter().map(|account| Arc::new(Account::new(account))).collect())))
    }

    /// Puts an account in the place of the one of its name, or behind all others.
    pub(super) fn set(&self, account: CarrierAccount, rules: &CallRules) -> Result<()> {
        account.validate()?;
        let account = Arc::new(Account::new(account));
        rules.check_lines(&Self(RwLock::new(vec![Arc::clone(&account)])))?;
        let mut accounts = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match accounts.iter_mut().find(|other| other.name == account.name) {
            Some(place) => {
                account.state().follow(&place.state(), Arc::ptr_eq(&account.backend, &place.backend));
                *place = account;
            }
            None => accounts.push(account),
        }
        Ok(())
    }

    /// The account of this name.
    pub(super) fn get(&self, name: AccountName) -> Result<Arc<Account>> {
        let account = self.all().into_iter().find(|account| account.name == name);
        account.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "find account")
                .with_field("account")
                .with_message("no account of this name")
        })
    }

    /// The account an attempt went through. It may have been taken out of the configuration since.
    pub(super) fn of(&self, attempt: &DialAttempt) -> Result<Arc<Account>> {
        self.get(account_of(attempt)?)
    }

    /// The accounts that a new call may go through, the preferred one first: the one that was asked for, or all that have the
    /// number it is to come from.
    pub(super) fn for_call(&self, policy: &DialPolicy) -> Result<Vec<Arc<Account>>> {
        if let Some(name) = policy.account {
            return Ok(vec![self.get(name)?]);
        }
        let mut all = self.all();
        let able: Vec<_> =
            all.iter().filter(|account| account.caller_id(policy.from.as_ref()).is_ok()).cloned().collect();
        // Without any, the first one tells what is missing.
        all.truncate(1);
        Ok(if able.is_empty() { all } else { able })
    }

    /// All of them as they are now.
    pub(super) fn all(&self) -> Vec<Arc<Account>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// An account with what is known of its health and its pace.
pub(super) struct Account {
    config: CarrierAccount,
    state: Mutex<State>,
}

struct State {
    breaker: Breaker,
    next_order: Instant,
    rests: bool,
    /// What the carrier last made of a request, in the words of its error.
    last: Option<Result<(), (ErrorKind, String)>>,
}

impl State {
    /// Goes on where the same account was before it was changed. What is known of its health holds for the same way to the
    /// carrier only.
    fn follow(&mut self, before: &Self, same_way: bool) {
        (self.next_order, self.rests) = (before.next_order, before.rests);
        if same_way {
            self.breaker = before.breaker;
            self.last.clone_from(&before.last);
        }
    }

    fn heard(&mut self, outcome: std::result::Result<(), &Error>) {
        self.last = Some(outcome.map_err(|error| (error.kind(), error.to_string())));
    }

    fn ordered(&mut self, now: Instant, rate: f64) {
        self.breaker.ordered();
        self.next_order = now + Duration::from_secs_f64(rate.recip());
    }
}

/// Whether an account may be given an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It may, and the order is counted.
    Now,
    /// It may from this instant on.
    At(Instant),
    /// It fails.
    Unfit,
}

impl Account {
    fn new(config: CarrierAccount) -> Self {
        let state = State { breaker: Breaker::default(), next_order: Instant::now(), rests: false, last: None };
        Self { config, state: Mutex::new(state) }
    }

    pub(super) const fn config(&self) -> &CarrierAccount {
        &self.config
    }

    /// The number a call comes from: the one that was asked for, if it is the account's, else its first.
    pub(super) fn caller_id(&self, wanted: Option<&PhoneNumber>) -> Result<PhoneNumber> {
        let number = match wanted {
            Some(wanted) => self.numbers.iter().find(|number| *number == wanted),
            None => self.numbers.first(),
        };
        number.cloned().ok_or_else(|| {
            let message = if wanted.is_some() { "a number of the account" } else { "an account with a number" };
            Error::config("caller id", message)
        })
    }

    /// The answer that gives a call these steps; one that ends it, if they hold something the carrier cannot do.
    pub(super) fn reply(&self, flow: &CallFlow) -> Result<WebhookReply> {
        self.backend.reply(flow).or_else(|error| {
            error!(account = %self.name, %error, "the carrier cannot do what a call is to be told; it is ended");
            self.backend.reply(&CallFlow::hang_up())
        })
    }

    /// Ends a call, if the carrier has a request for it. At one that has none the call ends with its media socket, or by the
    /// answer to its next webhook.
    pub(super) async fn hang_up(&self, call: &CarrierCallId) -> Result<()> {
        if self.backend.capabilities().hang_up { self.backend.hang_up(call).await } else { Ok(()) }
    }

    /// When the next order is due by the account's pace.
    pub(super) fn next_order(&self) -> Instant {
        self.state().next_order
    }

    /// Whether it may be given an order at `now`; if so, that order is counted.
    pub(super) fn admit(&self, now: Instant) -> Admission {
        let mut state = self.state();
        if state.rests || state.breaker.trust(now) != Trust::Orders {
            return Admission::Unfit;
        }
        if state.next_order > now {
            return Admission::At(state.next_order);
        }
        state.ordered(now, self.calls_per_second);
        Admission::Now
    }

    /// Whether it is known to fail, or rests.
    pub(super) fn is_unfit(&self) -> bool {
        let state = self.state();
        state.rests || state.breaker.trust(Instant::now()) != Trust::Orders
    }

    /// Whether it is not to be used for now.
    pub(super) fn rests(&self) -> bool {
        self.state().rests
    }

    pub(super) fn rest(&self, rests: bool) {
        self.state().rests = rests;
    }

    /// How it fares, by what the carrier last answered.
    pub(super) fn health(&self) -> AccountHealth {
        let state = self.state();
        let connection = match &state.last {
            None => ConnectionState::Disconnected,
            Some(Err((kind, _))) if ConnectionState::is_lost(*kind) => ConnectionState::Disconnected,
            Some(Err((ErrorKind::Unauthenticated | ErrorKind::Forbidden | ErrorKind::Config, _))) => {
                ConnectionState::Error
            }
            Some(_) => ConnectionState::Connected,
        };
        let status = match (state.breaker.trust(Instant::now()), &state.last) {
            (Trust::Ask | Trust::Nothing, _) => HealthStatus::Unhealthy,
            (Trust::Orders, Some(Err(_))) if connection == ConnectionState::Error => HealthStatus::Unhealthy,
            (Trust::Orders, Some(Err((kind, _))))
                if *kind == ErrorKind::RateLimited || ConnectionState::is_lost(*kind) =>
            {
                HealthStatus::Degraded
            }
            (Trust::Orders, _) if state.rests => HealthStatus::Degraded,
            (Trust::Orders, _) => HealthStatus::Healthy,
        };
        let reason = match (status, state.rests, &state.last) {
            (HealthStatus::Healthy, ..) => None,
            (HealthStatus::Degraded, true, _) => Some("it rests".to_owned()),
            (.., Some(Err((_, error)))) => Some(error.clone()),
            _ => Some("it is being tried again".to_owned()),
        };
        AccountHealth { account: self.name, carrier: self.backend.name(), connection, status, reason }
    }

    /// Asks the carrier how it fares.
    pub(super) async fn check(&self) -> Result<()> {
        let health = self.backend.health().await;
        self.state().heard(health.as_ref().copied());
        health
    }

    /// Counts an order that is given whatever the pace.
    pub(super) fn ordered(&self) {
        self.state().ordered(Instant::now(), self.calls_per_second);
    }

    /// Takes in that an admitted order was not given after all.
    pub(super) fn withdraw(&self) {
        self.state().breaker.withdraw();
    }

    /// Takes in what became of an order.
    pub(super) fn record(&self, outcome: std::result::Result<(), &Error>) {
        let mut state = self.state();
        state.heard(outcome);
        state.breaker.record(outcome, Instant::now());
    }

    /// Asks an account that failed, now and then, whether it is healthy again.
    pub(super) async fn probe(&self) {
        if self.state().breaker.trust(Instant::now()) != Trust::Ask {
            return;
        }
        let health = self.check().await;
        let breaker = &mut self.state().breaker;
        match &health {
            Ok(()) => {
                info!(account = %self.name, "the carrier says that it is healthy again");
                breaker.is_healthy();
            }
            Err(error) => {
                warn!(account = %self.name, %error, "nobody is called through an account that fails");
                breaker.record_unhealthy(Instant::now());
            }
        }
    }

    /// Plain assignments leave nothing half done, so a poisoned lock is as good as any.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::ops::Deref for Account {
    type Target = CarrierAccount;

    fn deref(&self) -> &CarrierAccount {
        &self.config
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Account").field(&self.config).finish()
    }
}
