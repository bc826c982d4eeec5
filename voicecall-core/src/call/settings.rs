//! How a call is conducted: everything the machine needs to know before its first input.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::turn::TurnSettings;
use crate::audio::Detection;
use crate::id::SessionId;
use crate::model::WordTiming;
use crate::money::Budget;

/// What of a call is kept: what was said, how it sounded, what tools were called with and returned. That it took place,
/// when, how it ended and what it cost is always kept, and so is that a tool was called, by name, key and state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// Nothing of it. A call that breaks off goes on without a memory.
    #[default]
    Nothing,
    /// Everything, from the call's beginning on, once the dialogue says that the caller agreed; until then it stays in
    /// memory, and of tools called before it what they were called with and returned is not kept.
    AfterConsent,
    /// Everything, once the caller has heard this to its end, which is the first thing they hear and cannot be interrupted.
    /// The operator answers for it being enough.
    Announced(String),
}

/// The settings of one call. Part of a recorded call, so that it can be replayed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CallSettings {
    /// Whose call.
    pub session: SessionId,
    /// How voice is detected.
    pub detection: Detection,
    /// How turns are judged.
    pub turn: TurnSettings,
    /// How far audio is sent ahead of the phone's clock; up to 2 s.
    pub lead: Duration,
    /// What is said to bridge a wait, and when.
    pub timeouts: Timeouts,
    /// The call is ended after this time, whatever anybody says.
    pub max_duration: Duration,
    /// How long the call had been running before this connection: zero, unless it broke off and goes on. The call's
    /// clock, and with it every limit, goes on from there.
    #[serde(default)]
    pub elapsed: Duration,
    /// To whom the call was [offered](crate::journal::open_offer), if this connection begins because they did not take it.
    #[serde(default)]
    pub returned_from: Option<String>,
    /// The number of the first fact: 1, or the one behind the last that earlier connections of the session journaled;
    /// see [`next_seq`](crate::journal::next_seq).
    #[serde(default = "first")]
    pub first_seq: u64,
    /// What the call may cost. Without one, nothing is counted.
    #[serde(default)]
    pub budget: Option<Budget>,
    /// What of the call is kept.
    #[serde(default)]
    pub keep: Keep,
    /// Whether the call is to be recorded, within what is [kept](Self::keep).
    pub recording: bool,
    /// Speech that was synthesised before and needs no service.
    pub prepared: Vec<PreparedSpeech>,
}

impl CallSettings {
    /// The defaults, for this session.
    #[must_use]
    pub fn new(session: SessionId) -> Self {
        Self {
            session,
            detection: Detection::default(),
            turn: TurnSettings::default(),
            lead: Duration::from_millis(300),
            timeouts: Timeouts::default(),
            max_duration: Duration::from_secs(600),
            elapsed: Duration::ZERO,
            returned_from: None,
            first_seq: first(),
            budget: None,
            keep: Keep::default(),
            recording: false,
            prepared: Vec::new(),
        }
    }

    /// The prepared speech of this text.
    #[must_use]
    pub fn prepared(&self, text: &str) -> Option<&PreparedSpeech> {
        self.prepared.iter().find(|speech| speech.text == text)
    }
}

/// Speech that is ready to be played.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreparedSpeech {
    /// The words.
    pub text: String,
    /// Mu-law, 8 kHz, mono.
    #[serde(with = "prepared_audio")]
    pub audio: Bytes,
    /// Where the words are, if the synthesiser told.
    pub words: Vec<WordTiming>,
}

/// How waiting is dealt with. All texts must be among the [`CallSettings::prepared`]; those that are not, are not said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Timeouts {
    /// What to say when an answer takes long, and how long after the end of the caller's turn. In order of time. One is
    /// held back for up to 400 ms while the answer is visibly near, which would otherwise wait for its end.
    pub fillers: Vec<(Duration, String)>,
    /// What to say before giving up on a voice that cannot be had any more.
    pub farewell: Option<String>,
    /// The dialogue is told of silence when nobody has spoken for this time.
    pub silence: Duration,
    /// A transcript that is not there after this time is asked for once more, then done without.
    pub transcript: Duration,
    /// A model that has not finished after this time is not waited for.
    pub thought: Duration,
    /// A model that answers aloud and has not begun after this time is not waited for.
    pub first_token: Duration,
    /// A model that answers aloud and has begun is not waited for when nothing more comes for this time. There is no limit
    /// on the whole.
    pub between_tokens: Duration,
    /// A call that is still here this long after it was to be transferred goes on here.
    pub transfer: Duration,
    /// A voice that says nothing for this time is asked once more, at most three times.
    pub speech: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            fillers: Vec::new(),
            farewell: None,
            silence: Duration::from_secs(5),
            transcript: Duration::from_secs(4),
            thought: Duration::from_secs(6),
            first_token: Duration::from_secs(6),
            between_tokens: Duration::from_secs(3),
            transfer: Duration::from_secs(10),
            speech: Duration::from_secs(3),
        }
    }
}

const fn first() -> u64 {
    1
}

mod prepared_audio {
    use bytes::Bytes;
    use serde::{Deserializer, Serializer};

    use crate::media::audio_bytes;

    pub(super) fn serialize<S: Serializer>(audio: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        audio_bytes::serialize(audio, serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        audio_bytes::deserialize(deserializer).map(|audio| Bytes::from(audio.into_owned()))
    }
}
