//! What holds for calls, and may be changed while there are some.

use std::collections::HashMap;
use std::time::Duration;

use super::accounts::Accounts;
use super::destinations::Destinations;
use voicecall_core::carrier::Announcement;
use voicecall_core::money::Money;
use voicecall_core::store::{CallsWithin, ContactLimits};
use voicecall_core::{CallHours, Error, Result};

/// The rules by which an engine calls and answers. They can be [changed](super::CallEngine::change_rules) while it runs.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CallRules {
    /// Whether sessions that are due are called; they wait otherwise, and calls that are on the line go on.
    pub places_calls: bool,
    /// Whether calls that come in are answered; for their callers there is no room otherwise.
    pub answers_calls: bool,
    /// How long a phone rings.
    pub ring_timeout: Duration,
    /// When the carrier ends a call by itself: a limit of last resort, beyond every limit of ours. An hour; up to four.
    pub time_limit: Duration,
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
    /// How many calls may ring or be connected at once.
    pub max_live: usize,
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

impl Default for CallRules {
    fn default() -> Self {
        Self {
            places_calls: true,
            answers_calls: true,
            ring_timeout: Duration::from_secs(40),
            time_limit: Duration::from_secs(3600),
            destinations: Destinations::default(),
            hours: None,
            contact_limits: ContactLimits { per_number: vec![TEN_A_DAY], per_tenant: Vec::new() },
            exchange_rates: HashMap::new(),
            max_live: 500,
            farewell: Announcement::new("We are sorry, there is a technical problem. Goodbye.", "en-US"),
            decision_timeout: Duration::from_secs(5),
            busy_line: None,
        }
    }
}

impl CallRules {
    /// Makes sure that every carrier can say what it is to say when nothing else can: not only once it is needed.
    pub(super) fn check_lines(&self, accounts: &Accounts) -> Result<()> {
        let lines = [("farewell", Some(&self.farewell)), ("busy_line", self.busy_line.as_ref())];
        for account in accounts.all() {
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
