//! Every nth customer, the important first, as much as fits, related questions together.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::{Deserialize, Serialize};

use super::QuestionSelector;
use super::explanation::{Considered, Explanation, Reason};
use super::packing::Packing;
use super::request::{Selection, SelectionRequest};
use super::weights::Weights;
use crate::interview::Pace;
use crate::store::{Priority, QuestionConfiguration};

/// Chooses by frequency, priority and context.
///
/// 1. *Due* is what is active now and whose frequency divides the customer's number, and what was carried over.
/// 2. Due questions are ranked by [`Weights`]: by priority, by how soon the turn would be lost, by relevance, and by
///    how many turns were lost before. Of equals the one carried over goes first, then the one asked least often, then
///    the older one. High priority stands before everything else.
/// 3. In this order each is taken if it still fits the time budget, by [`Pace`]: its words, an average answer, the
///    turnaround, beside 20 s for introduction and goodbye. What does not fit is carried over.
/// 4. Asked is by department: the group (a question's first tag) with the best question first, inside a group by rank.
///
/// A turn is lost only if the next one comes while the question still waits. As long as there is time for all turns,
/// each question reaches its share, one in `frequency` customers; otherwise shares shrink in proportion to the weights of
/// the priorities, because a lost turn raises the rank of the next. The [explanation](Explanation) says which.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ByFrequency {
    /// What counts how much.
    pub weights: Weights,
    /// How long questions take.
    pub pace: Pace,
}

impl ByFrequency {
    pub(super) const ALGORITHM: &'static str = "frequency-priority-context/2";

    /// A selector with its own weights and pace.
    #[must_use]
    pub const fn new(weights: Weights, pace: Pace) -> Self {
        Self { weights, pace }
    }
}

/// A due question on its way into the selection.
struct Candidate<'a> {
    question: &'a QuestionConfiguration,
    considered: Considered,
    rank: f64,
}

impl Candidate<'_> {
    fn is_essential(&self) -> bool {
        self.question.priority == Priority::High
    }
}

impl QuestionSelector for ByFrequency {
    fn algorithm(&self) -> &'static str {
        Self::ALGORITHM
    }

    fn select(&self, request: &SelectionRequest) -> Selection {
        let mut packing = Packing::new(&self.pace, request.time_budget);
        let (mut candidates, left_out) = self.sort_out(request, &mut packing);
        candidates.sort_by(|a, b| {
            (b.is_essential().cmp(&a.is_essential()))
                .then_with(|| b.rank.total_cmp(&a.rank))
                .then_with(|| b.considered.carried_over.cmp(&a.considered.carried_over))
                .then_with(|| a.considered.standing.granted.cmp(&b.considered.standing.granted))
                .then_with(|| a.question.created_at.cmp(&b.question.created_at))
                .then_with(|| a.question.id.cmp(&b.question.id))
        });
        let mut carry_over = Vec::new();
        for Candidate { question, considered, .. } in &mut candidates {
            if packing.take(considered.estimated) {
                considered.standing.grant();
            } else {
                considered.reason =
                    if packing.could_take(considered.estimated) { Reason::NoTime } else { Reason::TooLong };
                carry_over.push(question.id);
            }
        }
        let chosen = candidates.iter().filter(|candidate| candidate.considered.reason == Reason::Selected);
        let questions = grouped(chosen.map(|candidate| candidate.question));
        let considered = candidates.into_iter().map(|candidate| candidate.considered).chain(left_out).collect();
        Selection {
            questions,
            estimated_duration: packing.duration(),
            carry_over,
            explanation: Explanation {
                algorithm: self.algorithm().to_owned(),
                weights: Some(self.weights),
                pace: self.pace,
                customer_count: request.customer_count,
                load: packing.load(),
                considered,
            },
        }
    }
}

impl ByFrequency {
    /// Parts what is due from what is not.
    fn sort_out<'a>(
        &self,
        request: &'a SelectionRequest,
        packing: &mut Packing<'_>,
    ) -> (Vec<Candidate<'a>>, Vec<Considered>) {
        let context: BTreeSet<_> = request.context_tags.iter().map(String::as_str).collect();
        let carried: HashSet<_> = request.carried_over.iter().collect();
        let mut seen = HashSet::with_capacity(request.configurations.len());
        let (mut due, mut left_out) = (Vec::new(), Vec::new());
        for question in &request.configurations {
            let carried_over = carried.contains(&question.id);
            let is_turn = request.customer_count.is_multiple_of(u64::from(question.frequency.max(1)));
            let reason = if question.tenant != request.tenant {
                Reason::OtherTenant
            } else if !seen.insert(question.id) {
                Reason::Repeated
            } else if !question.is_active_at(request.now) {
                Reason::NotActive
            } else if is_turn || carried_over {
                Reason::Selected
            } else {
                Reason::NotDue
            };
            let mut considered = Considered::new(question, reason, packing.estimate(question));
            considered.carried_over = carried_over;
            considered.standing = request.history.get(&question.id).copied().unwrap_or_default();
            if matches!(reason, Reason::Selected | Reason::NotDue) {
                packing.demand(question, considered.estimated);
            }
            if reason != Reason::Selected {
                left_out.push(considered);
                continue;
            }
            if is_turn {
                considered.standing.demand(carried_over);
            }
            let ranking = self.weights.ranking(question, request.customer_count, &context, considered.standing);
            considered.ranking = Some(ranking);
            due.push(Candidate { question, considered, rank: ranking.rank });
        }
        (due, left_out)
    }
}

/// Questions with the same first tag together, groups in the order of their best question.
fn grouped<'a>(ranked: impl Iterator<Item = &'a QuestionConfiguration>) -> Vec<QuestionConfiguration> {
    let mut places = BTreeMap::new();
    let mut questions: Vec<_> = ranked
        .enumerate()
        .map(|(place, question)| {
            let group = question.department_tags.first().map(String::as_str);
            (*places.entry(group).or_insert(place), question)
        })
        .collect();
    // Stable: inside a group the order of rank stays.
    questions.sort_by_key(|&(group, _)| group);
    questions.into_iter().map(|(_, question)| question.clone()).collect()
}
