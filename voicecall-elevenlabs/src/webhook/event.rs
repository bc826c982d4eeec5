//! What webhooks tell.

use std::fmt;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use voicecall_core::{Error, ErrorKind, Result};

use super::OPERATION;
use crate::PROVIDER;

/// An event that ElevenLabs told. Its `Debug` prints no word of a conversation.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct WebhookEvent {
    /// When it happened.
    pub at: Option<SystemTime>,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum EventKind {
    /// A conversation with an agent of ElevenLabs is over and was looked at (`post_call_transcription`).
    Transcription {
        /// The agent.
        agent: String,
        /// The conversation.
        conversation: String,
        /// How it stands, such as `done`.
        status: Option<String>,
        /// What was said, in order.
        transcript: Vec<TranscriptTurn>,
        /// All that was told of it, for what has no field here.
        data: Value,
    },
    /// The audio of a conversation (`post_call_audio`).
    Audio {
        /// The agent.
        agent: String,
        /// The conversation.
        conversation: String,
        /// The file, MP3 so far.
        audio: Bytes,
    },
    /// A call did not come about (`call_initiation_failure`).
    CallFailed {
        /// The agent.
        agent: String,
        /// The conversation that it would have been.
        conversation: String,
        /// Why, such as `busy`, `no-answer` or `unknown`.
        reason: Option<String>,
    },
    /// A shared voice will be removed (`voice_removal_notice`).
    VoiceRemovalNotice {
        /// The voice.
        voice: String,
    },
    /// It will not be removed after all (`voice_removal_notice_withdrawn`).
    VoiceRemovalWithdrawn {
        /// The voice.
        voice: String,
    },
    /// It was removed and speaks no more (`voice_removed`).
    VoiceRemoved {
        /// The voice.
        voice: String,
    },
    /// Anything else.
    Other {
        /// ElevenLabs's name of it.
        name: String,
        /// What was told.
        data: Value,
    },
}

/// What somebody said in a conversation.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct TranscriptTurn {
    /// Who: `agent` or `user`.
    pub role: String,
    /// The words; empty for a turn in which only a tool was used.
    #[serde(default, deserialize_with = "empty_for_null")]
    pub message: String,
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "type")]
    name: String,
    #[serde(default)]
    event_timestamp: Value,
    #[serde(default)]
    data: Value,
}

#[derive(Deserialize)]
struct Conversation {
    agent_id: String,
    conversation_id: String,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    transcript: Vec<TranscriptTurn>,
    #[serde(default)]
    full_audio: Option<String>,
    #[serde(default)]
    failure_reason: Option<String>,
}

#[derive(Deserialize)]
struct SharedVoice {
    voice_id: String,
}

/// Reads the body of a webhook.
pub(super) fn read(body: &[u8]) -> Result<WebhookEvent> {
    let Envelope { name, event_timestamp, data } =
        serde_json::from_slice(body).map_err(|_| broken("the webhook is no event"))?;
    let seconds = event_timestamp.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let at = seconds.and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(seconds));
    Ok(WebhookEvent { at, kind: kind(name, data)? })
}

fn kind(name: String, data: Value) -> Result<EventKind> {
    Ok(match name.as_str() {
        "post_call_transcription" => {
            let Conversation { agent_id, conversation_id, status, transcript, .. } = typed(&data)?;
            EventKind::Transcription { agent: agent_id, conversation: conversation_id, status, transcript, data }
        }
        "post_call_audio" => {
            let read: Conversation = typed(&data)?;
            let audio = read.full_audio.ok_or_else(|| broken("the webhook has no audio"))?;
            let audio = STANDARD.decode(audio).map_err(|_| broken("the webhook's audio is no base64"))?;
            EventKind::Audio { agent: read.agent_id, conversation: read.conversation_id, audio: audio.into() }
        }
        "call_initiation_failure" => {
            let Conversation { agent_id, conversation_id, failure_reason, .. } = typed(&data)?;
            EventKind::CallFailed { agent: agent_id, conversation: conversation_id, reason: failure_reason }
        }
        "voice_removal_notice" => EventKind::VoiceRemovalNotice { voice: voice(&data)? },
        "voice_removal_notice_withdrawn" => EventKind::VoiceRemovalWithdrawn { voice: voice(&data)? },
        "voice_removed" => EventKind::VoiceRemoved { voice: voice(&data)? },
        _ => EventKind::Other { name, data },
    })
}

fn voice(data: &Value) -> Result<String> {
    typed(data).map(|SharedVoice { voice_id }| voice_id)
}

fn typed<T: DeserializeOwned>(data: &Value) -> Result<T> {
    // The cause would quote what stands there.
    T::deserialize(data).map_err(|_| broken("the webhook's data are not of its type"))
}

fn empty_for_null<'de, D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn broken(message: &'static str) -> Error {
    Error::new(ErrorKind::Protocol, OPERATION).with_provider(PROVIDER).with_message(message)
}

impl fmt::Debug for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, of) = match self {
            Self::Transcription { conversation, .. } => ("Transcription", conversation),
            Self::Audio { conversation, .. } => ("Audio", conversation),
            Self::CallFailed { conversation, .. } => ("CallFailed", conversation),
            Self::VoiceRemovalNotice { voice } => ("VoiceRemovalNotice", voice),
            Self::VoiceRemovalWithdrawn { voice } => ("VoiceRemovalWithdrawn", voice),
            Self::VoiceRemoved { voice } => ("VoiceRemoved", voice),
            Self::Other { name, .. } => ("Other", name),
        };
        f.debug_tuple(name).field(of).finish()
    }
}

impl fmt::Debug for TranscriptTurn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TranscriptTurn").field("role", &self.role).finish_non_exhaustive()
    }
}
