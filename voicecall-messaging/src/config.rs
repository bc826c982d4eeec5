//! What a messenger is set up with.

use std::sync::Arc;
use std::time::Duration;

use url::Url;
use voicecall_core::messaging::ConversationalBackend;
use voicecall_core::{AccountName, Address, Clock, Error, Result, check_public_url};

use crate::opt_out::OptOut;

/// One account at a carrier, and the addresses it has there.
#[derive(Debug, Clone)]
pub struct MessagingAccount {
    /// Its name.
    pub name: AccountName,
    /// The carrier.
    pub backend: Arc<dyn ConversationalBackend>,
    /// Our addresses, of each channel the one to write from first.
    pub addresses: Vec<Address>,
}

impl MessagingAccount {
    /// An account with these addresses.
    #[must_use]
    pub fn new(
        name: AccountName,
        backend: impl ConversationalBackend,
        addresses: impl IntoIterator<Item = Address>,
    ) -> Self {
        Self { name, backend: Arc::new(backend), addresses: addresses.into_iter().collect() }
    }
}

/// How messages are taken in, answered and sent.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MessagingConfig {
    /// Where carriers reach us: `https`, but on this machine.
    pub public_url: Url,
    /// After how long without a message a session is over; one day if not said. The conversation goes on with the next.
    pub session_idle: Duration,
    /// How long an answer may take, tools included; 60 s if not said. After it the person gets [`sorry`](Self::sorry).
    pub answer_timeout: Duration,
    /// How long the model may say nothing; 20 s if not said.
    pub model_timeout: Duration,
    /// How often an answer is tried whose model failed; 3 if not said, at least 1. The last time the dialogue says what it
    /// says when its model has failed.
    pub attempts: u32,
    /// How many sessions are answered, and how many messages sent, at once; 32 each if not said.
    pub at_once: usize,
    /// How long a message may wait to be sent; one hour if not said. Afterwards it has failed.
    pub send_within: Duration,
    /// How many lines of what was said before are shown to a dialogue; 40 if not said. What is older is summed up.
    pub remembered_lines: usize,
    /// The reply to a message that is answered by nothing else, because that broke or took too long.
    pub sorry: String,
    /// The reply to media of a type that is not taken, beside the answer to the words that came with them.
    pub refused_media: String,
    /// By which words people ask for no more messages.
    pub opt_out: OptOut,
    /// The time of day.
    pub clock: Clock,
}

impl MessagingConfig {
    /// The defaults, in English.
    #[must_use]
    pub fn new(public_url: Url) -> Self {
        Self {
            public_url,
            session_idle: Duration::from_secs(24 * 3600),
            answer_timeout: Duration::from_secs(60),
            model_timeout: Duration::from_secs(20),
            attempts: 3,
            at_once: 32,
            send_within: Duration::from_secs(3600),
            remembered_lines: 40,
            sorry: "Sorry, something went wrong here. Please try again later.".to_owned(),
            refused_media:
                "Thanks! I can't open that kind of file, though. I can take JPEG, PNG, GIF and WebP pictures, \
                            MP4 and WebM films, and MP3, WAV, OGG and M4A sounds."
                    .to_owned(),
            opt_out: OptOut::default(),
            clock: Clock::system(),
        }
    }

    pub(crate) fn validate(&self) -> Result<()> {
        let wrong = |field: &'static str, expected: &'static str| Err(Error::config(field, expected));
        check_public_url(&self.public_url)?;
        if self.at_once == 0 {
            return wrong("at_once", "at least 1");
        }
        if self.remembered_lines == 0 {
            return wrong("remembered_lines", "at least 1");
        }
        if self.sorry.trim().is_empty() || self.refused_media.trim().is_empty() {
            return wrong("sorry", "words for people whom nothing else answers");
        }
        Ok(())
    }
}
