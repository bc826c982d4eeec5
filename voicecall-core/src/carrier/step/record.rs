//! Recordings made by the carrier: of a call, or of a message left after a beep. Each needs consent by its type.

use std::time::Duration;

use url::Url;

use super::RecordingName;
use crate::consent::ConsentToken;

/// How a recording keeps the two sides of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingChannels {
    /// Mixed.
    Mono,
    /// Each in a channel of its own.
    Dual,
}

/// How a call is recorded. There is no way to make one without consent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordCall {
    consent: ConsentToken,
    /// How the sides are kept.
    pub channels: RecordingChannels,
    /// Whether silence at the beginning and the end is cut off.
    pub trim: bool,
    /// Where the recording's progress is reported, as
    /// [`CarrierEventKind::Recording`](crate::carrier::CarrierEventKind::Recording).
    pub status_url: Option<Url>,
}

impl RecordCall {
    /// Records both sides, each in its channel, untrimmed: so that times in the recording are times in the call.
    #[must_use]
    pub const fn new(consent: ConsentToken) -> Self {
        Self { consent, channels: RecordingChannels::Dual, trim: false, status_url: None }
    }

    /// The proof of consent it was made with.
    #[must_use]
    pub const fn consent(&self) -> &ConsentToken {
        &self.consent
    }
}

/// Begins to record the call; the next step follows at once, and the recording goes on until it is stopped or the call
/// ends.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StartRecording {
    /// How to stop it by [`CallStep::StopRecording`](crate::carrier::CallStep::StopRecording).
    pub name: RecordingName,
    /// How it is made.
    pub settings: RecordCall,
}

impl StartRecording {
    /// Begins the recording `name`.
    #[must_use]
    pub const fn new(name: RecordingName, settings: RecordCall) -> Self {
        Self { name, settings }
    }
}

/// Records a message of the caller, and asks [`next`](Self::next) when it is finished, with
/// [`CarrierEventKind::MessageRecorded`](crate::carrier::CarrierEventKind::MessageRecorded). If nothing was said, the
/// next step of the flow follows.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordMessage {
    consent: ConsentToken,
    /// Who is asked for the next steps.
    pub next: Url,
    /// The longest message. Whole seconds.
    pub max_length: Duration,
    /// How long a silence ends it. Whole seconds.
    pub silence_timeout: Duration,
    /// The key that ends it; none if no key does.
    pub finish_key: Option<char>,
    /// Whether a beep precedes it.
    pub beep: bool,
    /// Whether silence at the beginning and the end is cut off.
    pub trim: bool,
    /// Where the recording's progress is reported.
    pub status_url: Option<Url>,
}

impl RecordMessage {
    /// After a beep, two minutes at most, ended by `#` or 5 s of silence.
    #[must_use]
    pub const fn new(next: Url, consent: ConsentToken) -> Self {
        Self {
            consent,
            next,
            max_length: Duration::from_secs(120),
            silence_timeout: Duration::from_secs(5),
            finish_key: Some('#'),
            beep: true,
            trim: true,
            status_url: None,
        }
    }

    /// The proof of consent it was made with.
    #[must_use]
    pub const fn consent(&self) -> &ConsentToken {
        &self.consent
    }
}
