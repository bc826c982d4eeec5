//! The messages of a conversation in text, each known by its type.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// What every message has.
#[derive(Debug, Deserialize)]
pub(crate) struct RelayMessage<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
}

/// The types of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RelayMessageKind {
    Setup,
    Prompt,
    Dtmf,
    Interrupt,
    Error,
    Unknown,
}

impl RelayMessage<'_> {
    pub(crate) fn kind(&self) -> RelayMessageKind {
        match &*self.kind {
            "setup" => RelayMessageKind::Setup,
            "prompt" => RelayMessageKind::Prompt,
            "dtmf" => RelayMessageKind::Dtmf,
            "interrupt" => RelayMessageKind::Interrupt,
            "error" => RelayMessageKind::Error,
            _ => RelayMessageKind::Unknown,
        }
    }
}

/// Whose conversation it is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RelaySetup {
    pub(crate) session_id: Option<String>,
    pub(crate) account_sid: Option<String>,
    pub(crate) call_sid: String,
    pub(crate) custom_parameters: Option<BTreeMap<String, Value>>,
}

/// What the caller said.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RelayPrompt {
    pub(crate) voice_prompt: String,
    pub(crate) lang: Option<String>,
    last: Option<bool>,
}

impl RelayPrompt {
    /// Whether the caller is still speaking.
    pub(crate) fn is_partial(&self) -> bool {
        self.last == Some(false)
    }
}

/// What was said until the caller interrupted it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RelayInterrupt {
    #[serde(default)]
    pub(crate) utterance_until_interrupt: String,
    duration_until_interrupt_ms: Option<Value>,
}

impl RelayInterrupt {
    /// In milliseconds, which some versions write as text.
    pub(crate) fn duration_ms(&self) -> Option<u64> {
        match self.duration_until_interrupt_ms.as_ref()? {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }
}
