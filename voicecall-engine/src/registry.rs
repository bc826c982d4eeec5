//! The accounts of a process, put together in code or read from TOML.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use url::Url;

use super::CallEngine;
use super::accounts::{Account, CarrierAccount};
use super::settings::{AccountSettings, Source, accounts_of};
#[cfg(doc)]
use voicecall_core::carrier::ConverseSettings;
use voicecall_core::carrier::VoiceBackend;
use voicecall_core::money::{CarrierPrice, DestinationPrices};
use voicecall_core::store::{Direction, Session};
use voicecall_core::{Error, Result};

type Factory = Arc<dyn Fn(&mut AccountSettings<'_>) -> Result<Arc<dyn VoiceBackend>> + Send + Sync>;

/// The accounts of a process, the preferred one first, and how the accounts of each kind of carrier are made.
///
/// ```
/// use std::sync::Arc;
/// use voicecall_core::testing::ScriptedCarrier;
/// use voicecall_engine::Registry;
///
/// let registry = Registry::new()
///     .register("scripted", |settings| {
///         let token = settings.secret("token")?.ok_or_else(|| settings.wrong("token", "is not set"))?;
///         let _ = token; // What a carrier signs in with.
///         Ok(Arc::new(ScriptedCarrier::new()))
///     })
///     .with_toml(
///         r#"
///         [[account]]
///         name = "main"
///         carrier = "scripted"
///         numbers = ["+46700000001"]
///         calls_per_second = 5
///         token = "made up"
///         prices = { "+46" = { per_minute = 14_000 } }
///         "#,
///         &"https://calls.example".parse().unwrap(),
///     )?;
/// assert_eq!(registry.accounts()[0].name().as_str(), "main");
/// # Ok::<(), voicecall_core::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Registry {
    accounts: Vec<CarrierAccount>,
    factories: BTreeMap<String, Factory>,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let carriers: Vec<_> = self.factories.keys().collect();
        f.debug_struct("Registry").field("accounts", &self.accounts).field("carriers", &carriers).finish()
    }
}

impl Registry {
    /// No accounts yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an account behind those there are.
    #[must_use]
    pub fn with(mut self, account: CarrierAccount) -> Self {
        self.accounts.push(account);
        self
    }

    /// Adds a kind of carrier, by the name that configurations call it. The factory makes the carrier of one account; keys
    /// that it does not ask for are errors.
    #[must_use]
    pub fn register<F>(mut self, carrier: impl Into<String>, factory: F) -> Self
    where
        F: Fn(&mut AccountSettings<'_>) -> Result<Arc<dyn VoiceBackend>> + Send + Sync + 'static,
    {
        self.factories.insert(carrier.into(), Arc::new(factory));
        self
    }

    /// Adds the accounts of a TOML text, in its order: each an `[[account]]` with a `name`, its `carrier`, and what the
    /// carrier's factory reads. `numbers` (calls come from the first one), `shared_numbers` (see
    /// [`CarrierAccount::shared_numbers`]), `calls_per_second` (1 unless it is said), `prices` by destination (see
    /// [`CarrierAccount::prices`]) and `converse`, a table of [`ConverseSettings`] (see [`CarrierAccount::converse`]), are
    /// optional. In the place of any text but those in the two tables may stand
    /// `{ env = "NAME" }`, an environment variable; for `numbers` one that holds them separated by commas.
    ///
    /// `public_url` is where carriers reach this server.
    ///
    /// # Errors
    /// `Config` naming the key, such as `account[1].carrier`, and the line. No value is part of it: it may be a secret.
    pub fn with_toml(self, text: &str, public_url: &Url) -> Result<Self> {
        self.read(&Source { text, file: None, public_url, variable: &|name| std::env::var(name).ok() })
    }

    /// Adds the accounts of a file, as [`with_toml`](Self::with_toml) does.
    ///
    /// # Errors
    /// `Config` naming the file if it cannot be read; as [`with_toml`](Self::with_toml).
    pub fn with_file(self, path: impl AsRef<Path>, public_url: &Url) -> Result<Self> {
        let file = path.as_ref().display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::config(file.clone(), format!("a file with accounts: {error}")).with_source(error)
        })?;
        self.read(&Source { text: &text, file: Some(&file), public_url, variable: &|name| std::env::var(name).ok() })
    }

    pub(super) fn read(mut self, source: &Source<'_>) -> Result<Self> {
        for mut settings in accounts_of(source)? {
            let account = self.account(&mut settings)?;
            settings.finish()?;
            self.accounts.push(account);
        }
        Ok(self)
    }

    fn account(&self, settings: &mut AccountSettings<'_>) -> Result<CarrierAccount> {
        let name = settings.text("name")?.ok_or_else(|| settings.wrong("name", "is not set"))?;
        let name = name
            .parse()
            .map_err(|error: Error| settings.wrong("name", error.message().unwrap_or_default().to_owned()))?;
        if self.accounts.iter().any(|other| other.name() == name) {
            return Err(settings.wrong("name", format!("only one account called {name}")));
        }
        let carrier = settings.text("carrier")?.ok_or_else(|| settings.wrong("carrier", "is not set"))?;
        let factory = self.factories.get(&carrier).ok_or_else(|| {
            let there_are: Vec<_> = self.factories.keys().map(String::as_str).collect();
            settings.wrong("carrier", format!("no carrier `{carrier}`; there are: {}", there_are.join(", ")))
        })?;
        let (numbers, rate) = (settings.numbers()?, settings.number("calls_per_second")?);
        let prices = settings.table::<DestinationPrices>("prices")?.unwrap_or_default();
        let (shared, converse) = (settings.flag("shared_numbers")?.unwrap_or(false), settings.table("converse")?);
        let account = CarrierAccount::new(name, factory(settings)?).prices(prices).shared_numbers(shared);
        let account = rate.into_iter().fold(account, CarrierAccount::calls_per_second);
        let account = converse.into_iter().fold(account, CarrierAccount::converse);
        let account = numbers.into_iter().fold(account, CarrierAccount::number);
        account.validate().map_err(|error| {
            settings.wrong(error.field().unwrap_or_default(), error.message().unwrap_or_default().to_owned())
        })?;
        Ok(account)
    }

    /// The accounts in order of preference.
    #[must_use]
    pub fn accounts(&self) -> &[CarrierAccount] {
        &self.accounts
    }

    pub(super) fn into_accounts(self) -> Vec<CarrierAccount> {
        self.accounts
    }
}

impl From<CarrierAccount> for Registry {
    fn from(account: CarrierAccount) -> Self {
        Self::new().with(account)
    }
}

impl CallEngine {
    /// What the account charges for a session's call, if its price of that destination is known. Of calls that come in it
    /// is not: they are charged by the number that was called.
    pub(super) fn price_of(&self, account: &Account, session: &Session) -> Option<CarrierPrice> {
        let number = (session.direction == Direction::Outbound).then(|| self.phone_of(session).ok()).flatten()?;
        account.price_to(&number)
    }
}
