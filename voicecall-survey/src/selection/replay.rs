//! Makes a logged decision again and says what differs.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::QuestionSelector;
use super::by_frequency::ByFrequency;
use super::explanation::{Considered, Reason};
use super::in_order::InOrder;
use super::request::{Criteria, Selection, SelectionRequest};
use crate::store::{QuestionConfiguration, QuestionId, SelectionLog};
use voicecall_core::{Error, ErrorKind, Result};

/// Stores may keep durations as seconds in floating point.
const SAME: Duration = Duration::from_millis(1);

/// A logged decision beside the same decision made now.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Replay {
    /// What is chosen now, from the logged inputs and the given configurations.
    pub selection: Selection,
    /// What differs; empty if the decision is confirmed.
    pub differences: Vec<Difference>,
}

impl Replay {
    /// Whether the decision is confirmed in every part.
    #[must_use]
    pub const fn is_confirmed(&self) -> bool {
        self.differences.is_empty()
    }
}

/// A way in which a logged decision differs from the one made now. Prints as an English sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// A question that was considered then is not among the configurations now.
    Missing(QuestionId),
    /// A configuration was not considered then.
    Added(QuestionId),
    /// A question's configuration, or what it was, has changed since.
    Changed {
        /// Which.
        question: QuestionId,
        /// What of it: `priority`, `frequency`, `departmentTags`, `createdAt`, `estimatedMs` (its text or answer time).
        field: &'static str,
    },
    /// Something else became of a question.
    Decided {
        /// Which.
        question: QuestionId,
        /// What the log says.
        logged: Reason,
        /// What is found now.
        found: Reason,
    },
    /// A question was ranked by other figures or counts.
    Weighed(QuestionId),
    /// Other questions, or in another order.
    Selected {
        /// What the log says.
        logged: Vec<QuestionId>,
        /// What is found now.
        found: Vec<QuestionId>,
    },
    /// Other questions are carried over, or in another order.
    CarriedOver {
        /// What the log says.
        logged: Vec<QuestionId>,
        /// What is found now.
        found: Vec<QuestionId>,
    },
    /// Another length of the call.
    Duration {
        /// What the log says.
        logged: Duration,
        /// What is found now.
        found: Duration,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(question) => write!(f, "Question {question} was considered and is not configured now."),
            Self::Added(question) => write!(f, "Question {question} is configured now and was not considered."),
            Self::Changed { question, field } => write!(f, "The {field} of question {question} has changed."),
            Self::Decided { question, logged, found } => {
                write!(f, "Question {question} was logged as {logged:?} and is found to be {found:?}.")
            }
            Self::Weighed(question) => write!(f, "Question {question} was ranked by other figures."),
            Self::Selected { logged, found } => {
                write!(f, "Logged as chosen: {}. Found: {}.", Ids(logged), Ids(found))
            }
            Self::CarriedOver { logged, found } => {
                write!(f, "Logged as carried over: {}. Found: {}.", Ids(logged), Ids(found))
            }
            Self::Duration { logged, found } => {
                write!(f, "Logged as taking {:.1} s. Found: {:.1} s.", logged.as_secs_f64(), found.as_secs_f64())
            }
        }
    }
}

struct Ids<'a>(&'a [QuestionId]);

impl fmt::Display for Ids<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (place, id) in self.0.iter().enumerate() {
            write!(f, "{}{id}", if place == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// Makes a logged decision again from its own inputs and from the configurations as they were, and compares.
///
/// The row holds every input but the texts, the answer times and the dates of the configurations. Where a given
/// configuration is not what it was, the difference names it, so that a changed question is told from a wrong decision.
/// For [`InOrder`] the configurations must be given in the order they had.
///
/// # Errors
/// `Invalid` naming `criteria` if they cannot be read; `Unsupported` naming the algorithm if it is of another version.
pub fn replay(log: &SelectionLog, configurations: Vec<QuestionConfiguration>) -> Result<Replay> {
    let supported = [ByFrequency::ALGORITHM, InOrder::ALGORITHM];
    if !supported.contains(&log.algorithm.as_str()) {
        return Err(Error::new(ErrorKind::Unsupported, "replay selection")
            .with_field("algorithm")
            .with_message(format!("one of {}", supported.join(", "))));
    }
    let Criteria { now, context_tags, carried_over, history, carry_over, explanation } = Criteria::read(&log.criteria)?;
    let request = SelectionRequest {
        tenant: log.tenant,
        configurations,
        customer_count: log.customer_count,
        time_budget: log.time_budget,
        now,
        context_tags,
        carried_over,
        history,
    };
    let selection = if log.algorithm == InOrder::ALGORITHM {
        InOrder { pace: explanation.pace }.select(&request)
    } else {
        ByFrequency::new(explanation.weights.unwrap_or_default(), explanation.pace).select(&request)
    };
    let mut differences = compare_all(&explanation.considered, &selection.explanation.considered);
    let found: Vec<_> = selection.questions.iter().map(|question| question.id).collect();
    if log.selected != found {
        differences.push(Difference::Selected { logged: log.selected.clone(), found });
    }
    if carry_over != selection.carry_over {
        let found = selection.carry_over.clone();
        differences.push(Difference::CarriedOver { logged: carry_over, found });
    }
    if log.estimated_duration.abs_diff(selection.estimated_duration) > SAME {
        let (logged, found) = (log.estimated_duration, selection.estimated_duration);
        differences.push(Difference::Duration { logged, found });
    }
    Ok(Replay { selection, differences })
}

/// Compares question by question, in the order of the log. Of a repeated question the first counts.
fn compare_all(logged: &[Considered], found: &[Considered]) -> Vec<Difference> {
    let first_of_each = |all: &[Considered]| {
        let firsts = all.iter().filter(|considered| considered.reason != Reason::Repeated);
        firsts.cloned().map(|considered| (considered.question, considered)).collect::<BTreeMap<_, _>>()
    };
    let (logged, mut found) = (first_of_each(logged), first_of_each(found));
    let mut differences = Vec::new();
    for (&question, before) in &logged {
        match found.remove(&question) {
            None => differences.push(Difference::Missing(question)),
            Some(now) => compare(before, &now, &mut differences),
        }
    }
    differences.extend(found.into_keys().map(Difference::Added));
    differences
}

fn compare(logged: &Considered, found: &Considered, differences: &mut Vec<Difference>) {
    let question = logged.question;
    let fields = [
        ("priority", logged.priority == found.priority),
        ("frequency", logged.frequency == found.frequency),
        ("departmentTags", logged.department_tags == found.department_tags),
        ("createdAt", logged.created_at == found.created_at),
        ("estimatedMs", logged.estimated == found.estimated),
    ];
    let changed = fields.iter().filter(|(_, same)| !same);
    differences.extend(changed.map(|&(field, _)| Difference::Changed { question, field }));
    if logged.reason != found.reason {
        differences.push(Difference::Decided { question, logged: logged.reason, found: found.reason });
    }
    let rank = |considered: &Considered| considered.ranking.map(|ranking| ranking.rank);
    let same_rank = match (rank(logged), rank(found)) {
        // JSON may lose the last bit of a number.
        (Some(logged), Some(found)) => (logged - found).abs() <= logged.abs() * 1e-9,
        (logged, found) => logged == found,
    };
    if !same_rank || logged.standing != found.standing {
        differences.push(Difference::Weighed(question));
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::store::Priority;
    use voicecall_core::{RecordId, TenantId};

    fn question(tenant: TenantId, number: u128, frequency: u32) -> QuestionConfiguration {
        let configured = QuestionConfiguration::new(tenant, "Hur var ditt besök hos oss?", Timestamp::UNIX_EPOCH);
        QuestionConfiguration { id: QuestionId::from_uuid(uuid::Uuid::from_u128(number)), frequency, ..configured }
    }

    /// A decision late in a history, with things carried over.
    fn decided() -> (SelectionLog, Vec<QuestionConfiguration>) {
        let tenant = TenantId::new();
        let mut configurations: Vec<_> =
            (1..=12).map(|n| question(tenant, n, u32::try_from(n).unwrap() % 4 + 1)).collect();
        configurations[3].priority = Priority::High;
        let decide = |count, earlier: Option<&SelectionLog>| {
            let mut request = SelectionRequest::new(tenant, configurations.clone(), count, Timestamp::UNIX_EPOCH);
            request.context_tags = vec!["general".to_owned()];
            if let Some(earlier) = earlier {
                request = request.following(earlier).unwrap();
            }
            ByFrequency::default().select(&request).to_log(RecordId::new(), &request)
        };
        let log = (2..=24).fold(decide(1, None), |earlier, count| decide(count, Some(&earlier)));
        (log, configurations)
    }

    #[test]
    fn a_decision_is_confirmed_from_its_row_alone() {
        let (log, mut configurations) = decided();
        assert!(!log.criteria["carriedOver"].as_array().unwrap().is_empty() && !log.selected.is_empty());
        let text = log.criteria.to_string();
        assert!(!text.contains("besök"), "the texts stay out of the log");
        let stored = SelectionLog { criteria: serde_json::from_str(&text).unwrap(), ..log };
        configurations.reverse();
        assert_eq!(replay(&stored, configurations).unwrap().differences, []);
    }

    #[test]
    fn a_falsified_row_is_found_out() {
        let (log, configurations) = decided();
        let mut falsified = log.clone();
        falsified.selected.swap(0, 1);
        let found = replay(&falsified, configurations.clone()).unwrap();
        assert!(matches!(found.differences[..], [Difference::Selected { .. }]), "{:?}", found.differences);

        let mut falsified = log.clone();
        falsified.criteria["explanation"]["considered"][0]["reason"] = "no_time".into();
        falsified.estimated_duration += Duration::from_secs(1);
        let found = replay(&falsified, configurations.clone()).unwrap();
        assert!(matches!(found.differences[..], [Difference::Decided { .. }, Difference::Duration { .. }]));

        let mut falsified = log;
        falsified.criteria["carryOver"] = serde_json::json!([]);
        let found = replay(&falsified, configurations).unwrap();
        assert!(matches!(found.differences[..], [Difference::CarriedOver { .. }]), "{:?}", found.differences);
        assert!(found.differences[0].to_string().starts_with("Logged as carried over: none. Found: "));
    }

    #[test]
    fn changed_configurations_are_named() {
        let (log, mut configurations) = decided();
        let added = question(log.tenant, 99, 100);
        let removed = configurations.remove(5).id;
        configurations[0].text.push_str(" Berätta gärna mer.");
        let changed = configurations[0].id;
        configurations.push(added.clone());
        let differences = replay(&log, configurations).unwrap().differences;
        assert!(differences.contains(&Difference::Missing(removed)));
        assert!(differences.contains(&Difference::Added(added.id)));
        assert!(differences.contains(&Difference::Changed { question: changed, field: "estimatedMs" }));
        assert!(differences.iter().all(|difference| difference.to_string().ends_with('.')));
    }

    #[test]
    fn rows_that_cannot_be_replayed_say_why() {
        let (log, configurations) = decided();
        let older = SelectionLog { algorithm: "frequency-priority-context/1".to_owned(), ..log.clone() };
        let error = replay(&older, configurations.clone()).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Unsupported, Some("algorithm")));
        for criteria in [serde_json::Value::Null, serde_json::json!({ "now": 1 }), serde_json::json!([])] {
            let broken = SelectionLog { criteria, ..log.clone() };
            assert_eq!(replay(&broken, configurations.clone()).unwrap_err().field(), Some("criteria"));
        }
    }
}
