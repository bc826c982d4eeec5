//! What a survey keeps about one customer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use voicecall_core::store::PersonFile;
use voicecall_core::{Error, ErrorKind, Result, SessionId};

use super::{CallRecord, CustomerVerification};

/// What a survey keeps about one customer: its part of an export.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SurveyFile {
    /// The customer's verifications.
    pub verifications: Vec<CustomerVerification>,
    /// What is kept of the customer's calls.
    pub calls: BTreeMap<SessionId, CallRecord>,
}

impl SurveyFile {
    /// The name under which it stands in an export.
    pub const NAME: &'static str = "survey";

    /// Whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.verifications.is_empty() && self.calls.is_empty()
    }

    /// Reads the survey's part of an export.
    ///
    /// # Errors
    /// `Internal` if it was not written by this version.
    pub fn read(file: &PersonFile) -> Result<Self> {
        let Some(kept) = file.extensions.get(Self::NAME) else { return Ok(Self::default()) };
        Self::deserialize(kept)
            .map_err(|error| Error::new(ErrorKind::Internal, "read export of survey").with_source(error))
    }
}
