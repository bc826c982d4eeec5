//! The settings of an engine.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::clock::Clock;
use voicecall_core::{Error, Result};

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
    /// How many calls may ring or be connected at once.
    pub max_live: usize,
    /// Whether other processes work on the same store. Each of them must then say so: it leaves sessions to the process
    /// that holds them, and takes over those that nobody has gone on holding. Otherwise whatever another process left is
    /// taken over at once.
    pub shares_store: bool,
    /// The time of day.
    pub clock: Clock,
    /// What is said, by the carrier's voice, to somebody whose call cannot be continued; with its BCP 47 language.
    pub farewell: (String, String),
    /// How long the application may take to decide what becomes of a call that came in; up to 10 s, because carriers hang
    /// up after 15.
    pub decision_timeout: Duration,
    /// What the carrier's voice says to callers for whom there is no room, with its BCP 47 language; without it the line is
    /// busy.
    pub busy_line: Option<(String, String)>,
}

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
            max_live: 500,
            shares_store: false,
            clock: Clock::system(),
            farewell: ("We are sorry, there is a technical problem. Goodbye.".to_owned(), "en-US".to_owned()),
            decision_timeout: Duration::from_secs(5),
            busy_line: None,
        }
    }

    pub(super) fn validate(&self) -> Result<()> {
        let scheme = self.public_url.scheme();
        if !matches!(scheme, "https" | "http") || self.public_url.cannot_be_a_base() {
            return Err(Error::config("PUBLIC_URL", "an https address"));
        }
        if self.time_limit.is_zero() || self.time_limit > Duration::from_secs(4 * 3600) {
            return Err(Error::config("time limit", "up to four hours"));
        }
        if !(Duration::from_secs(5)..=Duration::from_secs(600)).contains(&self.ring_timeout) {
            return Err(Error::config("ring timeout", "5 to 600 seconds"));
        }
        if self.decision_timeout.is_zero() || self.decision_timeout > Duration::from_secs(10) {
            return Err(Error::config("decision timeout", "up to ten seconds"));
        }
        Ok(())
    }
}
