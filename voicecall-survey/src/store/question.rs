//! Questions as configured, and the log of how they were chosen.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use voicecall_core::{Error, RecordId, Result, SessionId, TenantId, text_enum};

use super::QuestionId;

text_enum! {
    /// How important a question is.
    Priority, "priority" {
        /// Goes first.
        High = "high",
        /// Goes next.
        Medium = "medium",
        /// Goes last.
        Low = "low",
    }
}

/// A question a business wants answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuestionConfiguration {
    /// Its id.
    pub id: QuestionId,
    /// Whose.
    pub tenant: TenantId,
    /// What to ask; 10 to 500 characters.
    pub text: String,
    /// Ask every so many customers; 1 to 100.
    pub frequency: u32,
    /// How important it is.
    pub priority: Priority,
    /// What it is about; not empty.
    pub department_tags: Vec<String>,
    /// Not before.
    pub active_from: Option<Timestamp>,
    /// Not after; not before `active_from`.
    pub active_until: Option<Timestamp>,
    /// Whether it is switched on.
    pub is_active: bool,
    /// How long an answer may be; 10 to 60 s.
    pub max_response_time: Duration,
    /// What to ask when an answer is too thin.
    pub follow_up_prompts: Vec<String>,
    /// When it was created.
    pub created_at: Timestamp,
}

impl QuestionConfiguration {
    /// The answer time if none is configured.
    pub const DEFAULT_RESPONSE_TIME: Duration = Duration::from_secs(30);

    /// A question asked of every customer, with the defaults.
    #[must_use]
    pub fn new(tenant: TenantId, text: impl Into<String>, created_at: Timestamp) -> Self {
        Self {
            id: QuestionId::new(),
            tenant,
            text: text.into(),
            frequency: 1,
            priority: Priority::Medium,
            department_tags: vec!["general".to_owned()],
            active_from: None,
            active_until: None,
            is_active: true,
            max_response_time: Self::DEFAULT_RESPONSE_TIME,
            follow_up_prompts: Vec::new(),
            created_at,
        }
    }

    /// Whether it may be asked at `now`.
    #[must_use]
    pub fn is_active_at(&self, now: Timestamp) -> bool {
        self.is_active
            && self.active_from.is_none_or(|from| from <= now)
            && self.active_until.is_none_or(|until| now <= until)
    }

    /// Checks every range.
    ///
    /// # Errors
    /// `Invalid` naming the field as the HTTP interface spells it.
    pub fn validate(&self) -> Result<()> {
        let length = self.text.chars().count();
        if !(10..=500).contains(&length) {
            return Err(Error::invalid("questionText", "10 to 500 characters"));
        }
        if !(1..=100).contains(&self.frequency) {
            return Err(Error::invalid("frequency", "1 to 100"));
        }
        if self.department_tags.is_empty() || self.department_tags.iter().any(|tag| tag.trim().is_empty()) {
            return Err(Error::invalid("departmentTags", "at least one, none of them empty"));
        }
        if let (Some(from), Some(until)) = (self.active_from, self.active_until)
            && from > until
        {
            return Err(Error::invalid("activeUntil", "not before activeFrom"));
        }
        if !(Duration::from_secs(10)..=Duration::from_secs(60)).contains(&self.max_response_time) {
            return Err(Error::invalid("maxResponseTime", "10 to 60 seconds"));
        }
        Ok(())
    }
}

/// A decision about which questions to ask, kept so that it can be replayed and explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectionLog {
    /// Its id.
    pub id: RecordId,
    /// Whose.
    pub tenant: TenantId,
    /// The session it was made for, if it was made for one. A session has one decision, however often it is called.
    pub session: Option<SessionId>,
    /// The number of the customer; from 1.
    pub customer_count: u64,
    /// What was chosen, in the order to ask.
    pub selected: Vec<QuestionId>,
    /// The selector's name and version.
    pub algorithm: String,
    /// The inputs and what was weighed.
    pub criteria: Value,
    /// The time there was; 60 to 120 s.
    pub time_budget: Duration,
    /// The time the choice needs; at most the budget.
    pub estimated_duration: Duration,
    /// When.
    pub created_at: Timestamp,
}

impl SelectionLog {
    /// Checks every range.
    ///
    /// # Errors
    /// `Invalid` naming the field as the HTTP interface spells it.
    pub fn validate(&self) -> Result<()> {
        if self.customer_count == 0 {
            return Err(Error::invalid("customerCount", "from 1"));
        }
        if !(Duration::from_secs(60)..=Duration::from_secs(120)).contains(&self.time_budget) {
            return Err(Error::invalid("timeBudgetSeconds", "60 to 120 seconds"));
        }
        if self.estimated_duration > self.time_budget {
            return Err(Error::invalid("estimatedDuration", "at most the time budget"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_range_names_its_field() {
        let good = QuestionConfiguration::new(TenantId::new(), "Hur var besöket?", Timestamp::UNIX_EPOCH);
        assert!(good.validate().is_ok());
        let wrong = |change: fn(&mut QuestionConfiguration)| {
            let mut question = good.clone();
            change(&mut question);
            question.validate().unwrap_err().field().unwrap().to_owned()
        };
        assert_eq!(wrong(|q| q.text = "Kort".into()), "questionText");
        assert_eq!(wrong(|q| q.frequency = 0), "frequency");
        assert_eq!(wrong(|q| q.department_tags.clear()), "departmentTags");
        assert_eq!(wrong(|q| q.max_response_time = Duration::from_secs(9)), "maxResponseTime");
        assert_eq!(
            wrong(|q| {
                q.active_from = Some(Timestamp::MAX);
                q.active_until = Some(Timestamp::UNIX_EPOCH);
            }),
            "activeUntil"
        );
    }
}
