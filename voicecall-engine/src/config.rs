//! The settings of an engine.

use std::path::PathBuf;

use url::Url;

use super::rules::CallRules;
use voicecall_core::Clock;
use voicecall_core::model::ServiceHealth;
use voicecall_core::{ContentSeal, Result, check_public_url};

/// How an engine places calls and where carriers reach it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EngineConfig {
    /// The address by which carriers reach this server: `https`, and the same host for the media socket as `wss`.
    /// Configuration, never taken from a request.
    pub public_url: Url,
    /// The path carriers report to, relative to `public_url`.
    pub status_path: String,
    /// What holds for calls until it is [changed](super::CallEngine::change_rules).
    pub rules: CallRules,
    /// Where recordings go, one folder a session; without it nothing is recorded.
    pub recordings: Option<PathBuf>,
    /// Whether recordings and recorded inputs are sealed, over the engine's vault; they are not unless told. The store is told
    /// the same.
    pub seal: ContentSeal,
    /// How the AI services of its calls fare, for whoever looks after the process. A server built with an agent has that agent's.
    pub services: Vec<ServiceHealth>,
    /// Whether other processes work on the same store; taken for granted of one that
    /// [is made for that](voicecall_core::store::QueueStore::is_shared). Each of them must then say so: it leaves sessions to the process
    /// that holds them, and takes over those that nobody has gone on holding. Otherwise whatever another process left is
    /// taken over at once.
    pub shares_store: bool,
    /// The time of day.
    pub clock: Clock,
}

impl EngineConfig {
    /// The defaults, for a server at this address.
    #[must_use]
    pub fn new(public_url: Url) -> Self {
        Self {
            public_url,
            status_path: "voice/status".to_owned(),
            rules: CallRules::default(),
            recordings: None,
            seal: ContentSeal::Off,
            services: Vec::new(),
            shares_store: false,
            clock: Clock::system(),
        }
    }

    pub(super) fn validate(&self) -> Result<()> {
        check_public_url(&self.public_url)?;
        self.rules.validate()
    }
}
