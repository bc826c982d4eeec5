//! Exchanges with providers, kept without personal data.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::id::{RecordId, SessionId};
use crate::text_enum;

text_enum! {
    /// What a provider was asked to do.
    ProviderOperation, "operation" {
        /// To place a call.
        Initiate = "initiate",
        /// To connect its audio.
        Connect = "connect",
        /// To record.
        Record = "record",
        /// To end it.
        Hangup = "hangup",
        /// It told us something.
        Webhook = "webhook",
    }
}

/// An exchange with a provider.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderLog {
    /// Its id.
    pub id: RecordId,
    /// For which session.
    pub session: SessionId,
    /// With whom.
    pub provider: String,
    /// The provider's name for the call, once it has one.
    pub provider_call: Option<String>,
    /// What it was asked to do.
    pub operation: ProviderOperation,
    /// What was sent, without personal data.
    pub request: Value,
    /// What came back, without personal data.
    pub response: Value,
    /// The HTTP status, if there was an answer.
    pub status_code: Option<u16>,
    /// How long it took.
    pub latency: Duration,
    /// Whether it worked.
    pub success: bool,
    /// Why it did not; required then.
    pub error_message: Option<String>,
    /// How good the call was, if the provider tells.
    pub quality_metrics: Option<Value>,
    /// When it began.
    pub timestamp: Timestamp,
}

impl ProviderLog {
    /// Checks what every store demands.
    ///
    /// # Errors
    /// `Invalid` naming `error_message` for a failure without one.
    pub fn validate(&self) -> Result<()> {
        if self.success || self.error_message.as_ref().is_some_and(|message| !message.is_empty()) {
            Ok(())
        } else {
            Err(Error::invalid("error_message", "a reason for the failure"))
        }
    }
}
