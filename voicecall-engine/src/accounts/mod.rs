//! Carrier accounts: through whom calls go, from which numbers and how fast, and whether each account is fit for orders.

use std::sync::{Arc, PoisonError, RwLock};

use super::policy::DialPolicy;
use super::registry::Registry;
use super::rules::CallRules;
use voicecall_core::store::DialAttempt;
use voicecall_core::{AccountName, Error, ErrorKind, Result};

mod account;
mod config;

pub(super) use account::{Account, Admission};
pub use config::CarrierAccount;

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
                account.follow(place);
                *place = account;
            }
            None => accounts.push(account),
        }
        Ok(())
    }

    /// The account of this name.
    pub(super) fn get(&self, name: AccountName) -> Result<Arc<Account>> {
        let accounts = self.0.read().unwrap_or_else(PoisonError::into_inner);
        accounts.iter().find(|account| account.name == name).cloned().ok_or_else(|| {
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
