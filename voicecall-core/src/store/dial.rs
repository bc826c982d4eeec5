//! Attempts to reach a phone.

use jiff::Timestamp;

use super::status::EndReason;
use crate::carrier::CallPrice;
use crate::error::Error;
use crate::id::{AccountName, AttemptId, CarrierCallId, Epoch, SessionId, TenantId};
use crate::text_enum;

text_enum! {
    /// How far an attempt has come: `planned -> sending -> accepted | rejected | unknown`, and
    /// `unknown -> accepted | rejected` once it is settled.
    AttemptState, "state" {
        /// Written; the carrier was not asked.
        Planned = "planned",
        /// The carrier is being asked. After a crash here the outcome is unknown.
        Sending = "sending",
        /// The carrier has the call.
        Accepted = "accepted",
        /// The carrier has no call.
        Rejected = "rejected",
        /// Nobody knows whether the carrier has the call.
        Unknown = "unknown",
    }
}

/// One call of a session at one carrier: a try of ours to reach a phone, or the call that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialAttempt {
    /// Its id, which is part of every address the carrier is given.
    pub id: AttemptId,
    /// Whose.
    pub tenant: TenantId,
    /// For which session.
    pub session: SessionId,
    /// Through which carrier.
    pub carrier: String,
    /// Through which account at the carrier; the only one if `None`.
    pub account: Option<AccountName>,
    /// How far it has come.
    pub state: AttemptState,
    /// Who asked the carrier.
    pub epoch: Option<Epoch>,
    /// The carrier's name for the call.
    pub call: Option<CarrierCallId>,
    /// Why it was rejected.
    pub reason: Option<String>,
    /// How the call ended without reaching anybody, once that is known.
    pub outcome: Option<EndReason>,
    /// What the carrier charges for the call, once it has told.
    pub price: Option<CallPrice>,
    /// When it was planned.
    pub created_at: Timestamp,
}

impl DialAttempt {
    /// A planned attempt.
    #[must_use]
    pub fn planned(tenant: TenantId, session: SessionId, carrier: &str, created_at: Timestamp) -> Self {
        Self {
            id: AttemptId::new(),
            tenant,
            session,
            carrier: carrier.to_owned(),
            account: None,
            state: AttemptState::Planned,
            epoch: None,
            call: None,
            reason: None,
            outcome: None,
            price: None,
            created_at,
        }
    }

    /// The one-way step to `sending`, as every store does inside its transaction.
    ///
    /// # Errors
    /// `Conflict` unless it is planned.
    pub fn begin_sending(&mut self, epoch: Epoch) -> Result<(), Error> {
        if self.state != AttemptState::Planned {
            return Err(Error::new(crate::ErrorKind::Conflict, "begin to send").with_field("state"));
        }
        self.state = AttemptState::Sending;
        self.epoch = Some(epoch);
        Ok(())
    }

    /// Takes in how the attempt ended.
    ///
    /// # Errors
    /// `Conflict` if that is known.
    pub fn finish(&mut self, outcome: EndReason) -> Result<(), Error> {
        if self.outcome.is_some() {
            return Err(Error::new(crate::ErrorKind::Conflict, "finish attempt").with_field("outcome"));
        }
        self.outcome = Some(outcome);
        Ok(())
    }

    /// Whether the carrier has a call that it may charge for, and has not told what. Nobody charges for a phone that rang.
    #[must_use]
    pub fn may_be_charged(&self) -> bool {
        let was_not_answered = matches!(
            self.outcome,
            Some(EndReason::Busy | EndReason::NoAnswer | EndReason::CallFailed | EndReason::Canceled)
        );
        self.state == AttemptState::Accepted && self.price.is_none() && !was_not_answered
    }

    /// Takes in what the carrier charges. Returns whether that is news: the first price stays.
    pub fn charge(&mut self, price: &CallPrice) -> bool {
        let is_news = self.price.is_none();
        self.price.get_or_insert_with(|| price.clone());
        is_news
    }

    /// Takes in what became of the request.
    ///
    /// # Errors
    /// `Conflict` if it contradicts what is settled.
    pub fn settle(&mut self, outcome: &AttemptOutcome) -> Result<(), Error> {
        let contradiction = || Error::new(crate::ErrorKind::Conflict, "settle attempt").with_field("state");
        match (self.state, outcome) {
            (AttemptState::Accepted, AttemptOutcome::Accepted(call)) if self.call.as_ref() == Some(call) => Ok(()),
            // A webhook may have settled it while the request's own answer was lost.
            (AttemptState::Accepted | AttemptState::Rejected, AttemptOutcome::Unknown) => Ok(()),
            (AttemptState::Sending | AttemptState::Unknown, _) => {
                match outcome {
                    AttemptOutcome::Accepted(call) => {
                        self.state = AttemptState::Accepted;
                        self.call = Some(call.clone());
                    }
                    AttemptOutcome::Rejected(reason) => {
                        self.state = AttemptState::Rejected;
                        self.reason = Some(reason.clone());
                    }
                    AttemptOutcome::Unknown => self.state = AttemptState::Unknown,
                }
                Ok(())
            }
            _ => Err(contradiction()),
        }
    }
}

/// What became of the request to place a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The carrier has the call, under this name.
    Accepted(CarrierCallId),
    /// The carrier certainly has no call, for this reason.
    Rejected(String),
    /// Nobody knows.
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt() -> DialAttempt {
        DialAttempt::planned(TenantId::new(), SessionId::new(), "twilio", Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn sending_is_allowed_once() {
        let mut attempt = attempt();
        assert!(attempt.begin_sending(Epoch::FIRST).is_ok());
        assert!(attempt.begin_sending(Epoch::FIRST).is_err());
    }

    #[test]
    fn a_webhook_may_settle_before_the_answer_is_lost() {
        let mut attempt = attempt();
        attempt.begin_sending(Epoch::FIRST).unwrap();
        let accepted = AttemptOutcome::Accepted(CarrierCallId::new("CA1"));
        attempt.settle(&accepted).unwrap();
        attempt.settle(&AttemptOutcome::Unknown).unwrap();
        attempt.settle(&accepted).unwrap();
        assert_eq!(attempt.state, AttemptState::Accepted);
        assert!(attempt.settle(&AttemptOutcome::Rejected("busy".into())).is_err());
    }
}
