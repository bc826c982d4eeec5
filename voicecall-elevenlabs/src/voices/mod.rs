//! The voices of an account: found, read, set, cloned, designed, changed and deleted.
//!
//! ```no_run
//! use futures_util::TryStreamExt;
//! use voicecall_elevenlabs::voices::VoiceQuery;
//! use voicecall_elevenlabs::{ElevenLabsVoices, Endpoint};
//!
//! # async fn example() -> voicecall_core::Result<()> {
//! let voices = ElevenLabsVoices::new(Endpoint::new("key")?)?;
//! let mut found = voices.search(VoiceQuery::default().with_text("calm").with_category("premade"));
//! while let Some(voice) = found.try_next().await? {
//!     println!("{}: {}", voice.id, voice.name);
//! }
//! # Ok(())
//! # }
//! ```

mod clone;
mod design;
mod search;
mod voice;

use std::future::Future;

use reqwest::{Method, RequestBuilder};
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use voicecall_core::model::CONNECTION_LOST;
use voicecall_core::{Error, ErrorKind, Result};

pub use self::clone::{ClonedVoice, MAX_SAMPLE_BYTES, MAX_SAMPLES, NewClone, Sample, VoiceChange};
pub use self::design::{DesignPreviews, NewDesignedVoice, VoiceDesign, VoicePreview};
pub use self::search::VoiceQuery;
pub use self::voice::Voice;
use crate::PROVIDER;
use crate::client::Client;
use crate::endpoint::Endpoint;
use crate::identifier::checked;
use crate::settings::VoiceSettings;
use crate::{environment, wire};

/// The voices of an account.
///
/// Each request is sent once and takes at most [`Timeouts::total`](voicecall_core::model::Timeouts::total). Whoever asks for a new voice and
/// does not learn what became of it gets `UnknownOutcome`: look whether it is there before asking again.
#[derive(Debug, Clone)]
pub struct ElevenLabsVoices {
    client: Client,
}

impl ElevenLabsVoices {
    /// The voices of an account.
    ///
    /// # Errors
    /// `Config` if the key cannot be sent or the machine has no root certificates for an `https` address.
    pub fn new(endpoint: Endpoint) -> Result<Self> {
        Ok(Self { client: Client::new(endpoint)? })
    }

    /// The voices of the account that the environment names; see the front page for the variables.
    ///
    /// # Errors
    /// `Config` that names the variable.
    pub fn from_env() -> Result<Self> {
        Self::new(environment::endpoint(&environment::process)?)
    }

    /// One voice, with its settings.
    ///
    /// # Errors
    /// `Invalid` naming `voice` for what is no id, `NotFound`, and what the service reports.
    pub async fn get(&self, voice: &str) -> Result<Voice> {
        let path = ["v1", "voices", checked("voice", voice)?];
        let read: wire::voices::Voice = self.ask("read voice", self.client.request(Method::GET, &path)).await?;
        Ok(read.into())
    }

    /// The settings that voices have unless they have their own.
    ///
    /// # Errors
    /// What the service reports.
    pub async fn default_settings(&self) -> Result<VoiceSettings> {
        let path = ["v1", "voices", "settings", "default"];
        self.ask("read voice settings", self.client.request(Method::GET, &path)).await
    }

    /// The settings of a voice.
    ///
    /// # Errors
    /// `Invalid` naming `voice` for what is no id, `NotFound`, and what the service reports.
    pub async fn settings(&self, voice: &str) -> Result<VoiceSettings> {
        let path = ["v1", "voices", checked("voice", voice)?, "settings"];
        self.ask("read voice settings", self.client.request(Method::GET, &path)).await
    }

    /// Replaces the settings of a voice.
    ///
    /// # Errors
    /// `Config` naming the setting that is outside its range, `Invalid` naming `voice` for what is no id, `NotFound`, and
    /// what the service reports.
    pub async fn set_settings(&self, voice: &str, settings: VoiceSettings) -> Result<()> {
        let path = ["v1", "voices", checked("voice", voice)?, "settings", "edit"];
        let request = self.client.request(Method::POST, &path).json(&settings.checked()?);
        self.tell("set voice settings", request).await
    }

    /// Deletes a voice.
    ///
    /// # Errors
    /// `Invalid` naming `voice` for what is no id, `NotFound`, and what the service reports.
    pub async fn delete(&self, voice: &str) -> Result<()> {
        let path = ["v1", "voices", checked("voice", voice)?];
        self.tell("delete voice", self.client.request(Method::DELETE, &path)).await
    }

    /// Sends a request and reads its answer.
    async fn ask<T: DeserializeOwned>(&self, operation: &'static str, request: RequestBuilder) -> Result<T> {
        let body = self.within(operation, self.client.read(operation, request)).await?;
        serde_json::from_slice(&body).map_err(|_| {
            // The cause would quote what stands there.
            let error = Error::new(ErrorKind::Protocol, operation).with_provider(PROVIDER);
            error.with_message("the answer is not what it should be")
        })
    }

    /// Sends a request whose answer says nothing but that it was done.
    async fn tell(&self, operation: &'static str, request: RequestBuilder) -> Result<()> {
        self.within(operation, self.client.read(operation, request)).await.map(drop)
    }

    /// Sends a request that makes something each time it is sent.
    async fn make<T: DeserializeOwned>(&self, operation: &'static str, request: RequestBuilder) -> Result<T> {
        self.ask(operation, request).await.map_err(|error| {
            let is_lost = error.kind() == ErrorKind::Timeout || error.code() == Some(CONNECTION_LOST);
            // An answer that cannot be read, too, says that something was made.
            if is_lost || error.kind() == ErrorKind::Protocol {
                let unknown = Error::new(ErrorKind::UnknownOutcome, operation).with_provider(PROVIDER);
                unknown.with_source(error)
            } else {
                error
            }
        })
    }

    async fn within<T>(&self, operation: &'static str, answer: impl Future<Output = Result<T>>) -> Result<T> {
        let limit = self.client.timeouts().total;
        timeout(limit, answer).await.unwrap_or_else(|_| {
            let error = Error::new(ErrorKind::Timeout, operation).with_provider(PROVIDER);
            Err(error.with_message(format!("no answer within {limit:?}")))
        })
    }
}
