//! What is known of a business and of a customer before a call.

use jiff::{Timestamp, civil};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use voicecall_core::{CallHours, Result, SealedAddress, SealedRow, TenantId, text_enum};

use super::VerificationId;

/// A business and how it wants its calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusinessContext {
    /// The business.
    pub tenant: TenantId,
    /// The name the agent says, and anything else about the shop.
    pub store_info: StoreInfo,
    /// Settings of its questions, such as the time budget.
    pub question_settings: Value,
    /// How to call.
    pub call_preferences: CallPreferences,
}

/// What the agent knows of a shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreInfo {
    /// The name as spoken.
    pub name: String,
}

/// How a business wants to call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CallPreferences {
    /// Not before this local time.
    pub from_hour: civil::Time,
    /// Not after this local time.
    pub until_hour: civil::Time,
    /// The IANA time zone of both.
    pub time_zone: String,
    /// The synthesiser's voice.
    pub voice: Option<String>,
    /// The language as an ISO 639-1 code.
    pub language: String,
    /// How often a customer is tried.
    pub max_attempts: u32,
    /// What becomes of calls that a machine answers.
    pub voicemail: VoicemailAction,
    /// What a machine is told that is left a message; the service's own words if absent.
    pub voicemail_message: Option<String>,
}

impl CallPreferences {
    /// The hours in which customers may be called.
    ///
    /// # Errors
    /// `Invalid` naming `untilHour` or `timeZone`.
    pub fn hours(&self) -> Result<CallHours> {
        CallHours::new(self.from_hour, self.until_hour, &self.time_zone)
    }
}

impl Default for CallPreferences {
    fn default() -> Self {
        Self {
            from_hour: civil::time(8, 0, 0, 0),
            until_hour: civil::time(21, 0, 0, 0),
            time_zone: "Europe/Stockholm".to_owned(),
            voice: None,
            language: "sv".to_owned(),
            max_attempts: 3,
            voicemail: VoicemailAction::HangUp,
            voicemail_message: None,
        }
    }
}

text_enum! {
    /// What becomes of a call that a machine answers.
    VoicemailAction, "voicemail" {
        /// It is hung up on, and the customer is tried again.
        HangUp = "hang_up",
        /// The first machine is left a message, and the customer is tried again.
        LeaveMessage = "leave_message",
        /// Nobody finds out: it is talked to like a person.
        Ignore = "ignore",
    }
}

text_enum! {
    /// Whether a customer's purchase was confirmed.
    VerificationStatus, "status" {
        /// Not decided.
        Pending = "pending",
        /// Confirmed: may be called.
        Verified = "verified",
        /// Refused: must not be called.
        Rejected = "rejected",
    }
}

/// A customer's purchase, from which a call may follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerVerification {
    /// Its id.
    pub id: VerificationId,
    /// Whose customer.
    pub tenant: TenantId,
    /// When the purchase was.
    pub purchased_at: Timestamp,
    /// How much, in millionths of the currency.
    pub amount_micros: i64,
    /// Whom to call; sealed for this [row](Self::row).
    pub phone: SealedAddress,
    /// Whether it was confirmed.
    pub status: VerificationStatus,
}

impl CustomerVerification {
    /// The row that a verification's phone is sealed for.
    #[must_use]
    pub const fn row(tenant: TenantId, id: VerificationId) -> SealedRow {
        SealedRow { tenant, kind: "verification", id: *id.as_uuid() }
    }
}
