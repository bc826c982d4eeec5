//! The settings of an engine.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::accounts::Accounts;
use super::destinations::Destinations;
use voicecall_core::Clock;
use voicecall_core::carrier::Announcement;
use voicecall_core::model::ServiceHealth;
use voicecall_core::money::Money;
use voicecall_core::store::{CallsWithin, ContactLimits};
use voicecall_core::{CallHours, ContentSeal, Error, Result, check_public_url};

/// How an engine places calls and where carriers reach it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EngineConfig {
    /// The address by which carriers reach this server: `https`, and the same host for the media socket as `wss`.
    /// Configuration, never taken from a request.
    pub public_url: Url,
    /// The path carriers report to, relative to `public_url`.
    pub status_path: String,
    /// How long a phone rings.
    pub ring_timeout: Duration,
    /// When the carrier ends a call by itself: a limit of last resort, beyond every limit of ours. An hour; up to four.
    pub time_limit: Duration,
    /// Where recordings go, one folder a session; without it nothing is recorded.
    pub recordings: Option<PathBuf>,
    /// Whether recordings and recorded inputs are sealed, over the engine's vault; they are not unless told. The store is told
    /// the same.
    pub seal: ContentSeal,
    /// Which numbers may be called: those that people have, where the accounts' own numbers are, unless told otherwise.
    pub destinations: Destinations,
    /// When anybody may be called at all, whatever a policy says; always unless told otherwise.
    pub hours: Option<CallHours>,
    /// How often. One number is called ten times a day at most, and by one session at a time, whoever's; a tenant calls as
    /// often as it likes unless told otherwise. A session that must wait does.
    pub contact_limits: ContactLimits,
    /// What one unit of a currency, by its ISO 4217 code, is worth: prices of carriers are kept in US dollars then, and in their own
    /// currency otherwise. Empty unless told otherwise.
    pub exchange_rates: HashMap<String, Money>,
    /// How the AI services of its calls fare, for whoever looks after the process. A server built with an agent has that agent's.
    pub services: Vec<ServiceHealth>,
    /// How many calls may ring or be connected at once.
    pub max_live: usize,
    /// Whether other processes work on the same store; taken for granted of one that
    /// [is made for that](voicecall_core::store::QueueStore::is_shared). Each of them must then say so: it leaves sessions to the process
    /// that holds them, and takes over those that nobody has gone on holding. Otherwise whatever another process left is
    /// taken over at once.
    pub shares_store: bool,
    /// The time of day.
    pub clock: Clock,
    /// What the carrier says to somebody whose call cannot be continued.
    pub farewell: Announcement,
    /// How long the application may take to decide what becomes of a call that came in; up to 10 s, because carriers hang
    /// up after 15.
    pub decision_timeout: Duration,
    /// What the carrier says to callers for whom there is no room; without it the line is busy.
    pub busy_line: Option<Announcement>,
}

/// How often anybody is called unless told otherwise.
const TEN_A_DAY: CallsWithin = CallsWithin { calls: 10, within: Duration::from_secs(24 * 3600) };

impl EngineConfig {
    /// The defaults, for a server at this address.
    #[must_use]
    pub fn new(public_url: Url) -> Self {
        Self {
            public_url,
            status_path: "voice/status".to_owned(),
            ring_timeout: Duration::from_secs(40),
            time_limit: Duration::from_secs(3600),
            recordings: None,
            seal: ContentSeal::Off,
            destinations: Destinations::default(),
            hours: None,
            contact_limits: ContactLimits { per_number: vec![TEN_A_DAY], per_tenant: Vec::new() },
            exchange_rates: HashMap::new(),
            services: Vec::new(),
            max_live: 500,
            shares_store: false,
            clock: Clock::system(),
            farewell: Announcement::new("We are sorry, there is a technical problem. Goodbye.", "en-US"),
            decision_timeout: Duration::from_secs(5),
            busy_line: None,
        }
    }

    /// Makes sure that every carrier can say what it is to say when nothing else can: not only once it is needed.
    pub(super) fn check_lines(&self, accounts: &Accounts) -> Result<()> {
        let lines = [("farewell", Some(&self.farewell)), ("busy_line", self.busy_line.as_ref())];
        for account in accounts.iter() {
            for (field, line) in lines.iter().filter_map(|(field, line)| Some((*field, (*line)?))) {
                line.flow(&**account.backend()).map_err(|error| {
                    let expected =
                        format!("what the carrier of the account {} can say, or a sound file", account.name());
                    Error::config(field, expected).with_source(error)
                })?;
            }
        }
        Ok(())
    }

    pub(super) fn validate(&self) -> Result<()> {
        check_public_url(&self.public_url)?;
        if self.time_limit.is_zero() || self.time_limit > Duration::from_secs(4 * 3600) {
            return Err(Error::config("time limit", "up to four hours"));
        }
        if !(Duration::from_secs(5)..=Duration::from_secs(600)).contains(&self.ring_timeout) {
            return Err(Error::config("ring timeout", "5 to 600 seconds"));
        }
        if self.decision_timeout.is_zero() || self.decision_timeout > Duration::from_secs(10) {
            return Err(Error::config("decision timeout", "up to ten seconds"));
        }
        if self.exchange_rates.values().any(|unit| *unit <= Money::ZERO) {
            return Err(Error::config("exchange rates", "more than nothing"));
        }
        let limits = self.contact_limits.per_number.iter().chain(&self.contact_limits.per_tenant);
        if limits.into_iter().any(|limit| limit.within > ContactLimits::LONGEST) {
            return Err(Error::config("contact limits", "times of up to 31 days"));
        }
        Ok(())
    }
}
