//! Why questions were chosen or left out, as data to store and as sentences to show.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::standing::Standing;
use super::weights::Weights;
use crate::interview::Pace;
use crate::store::{Priority, QuestionConfiguration, QuestionId};

/// The reasons of a selection: with the request's inputs, enough to make it again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Explanation {
    /// The selector's name and version.
    pub algorithm: String,
    /// What it weighed with, if it weighs.
    pub weights: Option<Weights>,
    /// How long it took things to be.
    pub pace: Pace,
    /// The number of the customer.
    pub customer_count: u64,
    /// Whether all questions find time in the long run.
    pub load: Load,
    /// Every configured question, in the order in which they were considered.
    pub considered: Vec<Considered>,
}

impl Explanation {
    /// A sentence in English for each configured question, in the order in which they were considered.
    ///
    /// Such as `Asked of every 3rd customer; this is the 9th; no time left.`
    pub fn sentences(&self) -> impl Iterator<Item = (QuestionId, String)> {
        self.considered.iter().map(|considered| (considered.question, considered.sentence(self.customer_count)))
    }
}

/// What the active questions demand of an average call, beside what there is. The log's word on whether shares shrink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Load {
    /// Each active question's time divided by its frequency, summed; in milliseconds in JSON.
    #[serde(rename = "demandedMs", with = "millis")]
    pub demanded: Duration,
    /// The time budget without what a call takes around its questions; in milliseconds in JSON.
    #[serde(rename = "availableMs", with = "millis")]
    pub available: Duration,
}

impl Load {
    /// Whether, over many customers, there is time for every turn of every question.
    #[must_use]
    pub fn fits(self) -> bool {
        self.demanded <= self.available
    }
}

/// One sentence in English.
impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (demanded, available) = (self.demanded.as_secs_f64(), self.available.as_secs_f64());
        let verdict = if self.fits() { "every question reaches its share" } else { "shares shrink by priority" };
        write!(
            f,
            "The questions demand {demanded:.1} s of an average call and {available:.1} s are available: {verdict}."
        )
    }
}

/// What became of one configured question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Considered {
    /// Which.
    pub question: QuestionId,
    /// Whether it was chosen, and why not.
    pub reason: Reason,
    /// Whether it came from an earlier customer's carry-over.
    pub carried_over: bool,
    /// Its configured priority.
    pub priority: Priority,
    /// Its configured frequency.
    pub frequency: u32,
    /// What it is about.
    pub department_tags: Vec<String>,
    /// When it was configured; decides between equals.
    pub created_at: Timestamp,
    /// What it adds to the call, in milliseconds in JSON.
    #[serde(rename = "estimatedMs", with = "millis")]
    pub estimated: Duration,
    /// What its rank is made of, if it was ranked.
    pub ranking: Option<Ranking>,
    /// How often its turn came and how often it was asked, this selection included.
    pub standing: Standing,
}

impl Considered {
    pub(super) fn new(question: &QuestionConfiguration, reason: Reason, estimated: Duration) -> Self {
        Self {
            question: question.id,
            reason,
            carried_over: false,
            priority: question.priority,
            frequency: question.frequency,
            department_tags: question.department_tags.clone(),
            created_at: question.created_at,
            estimated,
            ranking: None,
            standing: Standing::default(),
        }
    }

    /// What became of it, in one English sentence for a dashboard.
    #[must_use]
    pub fn sentence(&self, customer_count: u64) -> String {
        let verdict = match self.reason {
            Reason::Selected => "chosen",
            Reason::NotDue => "not its turn",
            Reason::NoTime => "no time left",
            Reason::TooLong => "longer than a whole call may be",
            Reason::NotActive => return "Switched off, or outside its dates.".to_owned(),
            Reason::OtherTenant => return "Configured for another business.".to_owned(),
            Reason::Repeated => return "Configured twice; the first counts.".to_owned(),
        };
        let turn = match self.frequency {
            0 | 1 => "Asked of every customer".to_owned(),
            frequency => {
                format!(
                    "Asked of every {} customer; this is the {}",
                    Ordinal(frequency.into()),
                    Ordinal(customer_count)
                )
            }
        };
        let waiting = if self.carried_over { "; waiting since an earlier customer" } else { "" };
        let essential = if self.priority == Priority::High { "; essential" } else { "" };
        let Standing { demanded, granted, .. } = self.standing;
        let history =
            if demanded > 0 { format!(" So far asked {granted} of {demanded} times.") } else { String::new() };
        format!("{turn}{essential}{waiting}; {verdict}.{history}")
    }
}

/// `1st`, `2nd`, `3rd`, `11th`.
struct Ordinal(u64);

impl fmt::Display for Ordinal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = match (self.0 % 10, self.0 % 100) {
            (_, 11..=13) => "th",
            (1, _) => "st",
            (2, _) => "nd",
            (3, _) => "rd",
            _ => "th",
        };
        write!(f, "{}{suffix}", self.0)
    }
}

/// Whether a question was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// Chosen.
    Selected,
    /// Switched off, or outside its dates.
    NotActive,
    /// Not this customer's turn.
    NotDue,
    /// Due, but what goes before it had taken the time.
    NoTime,
    /// Due, but it would not fit even alone.
    TooLong,
    /// Configured for another tenant.
    OtherTenant,
    /// Configured twice with the same id; the first counts.
    Repeated,
}

/// The factors of a rank; the rank is their product.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Ranking {
    /// By priority.
    pub priority: f64,
    /// By how soon its next turn comes; this is where frequency counts.
    pub urgency: f64,
    /// By how well it suits the context.
    pub relevance: f64,
    /// By how many of its turns were lost of late.
    pub need: f64,
    /// The product.
    pub rank: f64,
}

mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}
