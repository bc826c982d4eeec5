//! What every store of a survey keeps to: one rule per function, each run on a fresh store.
//!
//! ```
//! use std::sync::Arc;
//! use voicecall_core::store::MemoryStore;
//! use voicecall_survey::store::MemorySurvey;
//! use voicecall_survey::testing::{WholeStore, run_all};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let make_store = || async { Arc::new(MemoryStore::new().with_extension(MemorySurvey)) as Arc<dyn WholeStore> };
//! run_all(make_store).await;
//! # }
//! ```

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]

mod answers;
mod calls;
mod content;
mod directory;
mod fixture;
mod isolation;
#[cfg(test)]
mod proof;
mod questions;
mod report;

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt;
use voicecall_core::store::EngineStore;

use crate::store::{SurveyMaintenanceStore, SurveyStore};
pub use content::check_sealing;

/// A store that keeps sessions and a survey.
pub trait WholeStore: EngineStore + SurveyStore + SurveyMaintenanceStore {}

impl<T> WholeStore for T where T: EngineStore + SurveyStore + SurveyMaintenanceStore + ?Sized {}

/// Checks every rule and panics with the names of those the store breaks. `make_store` makes an empty store.
pub async fn run_all<F, S>(make_store: F)
where
    F: Fn() -> S,
    S: Future<Output = Arc<dyn WholeStore>>,
{
    let broken = broken_rules(make_store).await;
    assert!(broken.is_empty(), "the store breaks {broken:?}");
}

/// The names of the rules the store breaks. `make_store` makes an empty store.
pub async fn broken_rules<F, S>(make_store: F) -> Vec<&'static str>
where
    F: Fn() -> S,
    S: Future<Output = Arc<dyn WholeStore>>,
{
    let mut broken = Vec::new();
    for rule in RULES {
        let kept = AssertUnwindSafe(rule.check(make_store().await)).catch_unwind().await;
        if kept.is_err() {
            broken.push(rule.name);
        }
    }
    broken
}

/// One rule.
#[derive(Clone, Copy)]
pub struct Rule {
    name: &'static str,
    check: fn(Arc<dyn WholeStore>) -> Check,
}

type Check = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Rule {
    /// What the rule says.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Checks the rule on an empty store. Panics if the store breaks it.
    pub async fn check(&self, store: Arc<dyn WholeStore>) {
        (self.check)(store).await;
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The rules are private functions, so that one missing here is dead code and does not pass the compiler.
macro_rules! rules {
    ($($module:ident { $($rule:ident,)* })*) => {
        /// Every rule.
        pub const RULES: &[Rule] = &[$($(
            Rule { name: stringify!($rule), check: |store| Box::pin($module::$rule(store)) },
        )*)*];
    };
}

rules! {
    answers {
        an_answer_becomes_a_response,
        a_later_answer_adds_to_the_earlier,
        an_analysis_joins_its_answer,
        asked_questions_are_kept_in_order,
        scores_out_of_range_do_not_lose_the_answer,
        a_repeated_append_adds_nothing,
        a_fact_that_does_not_read_is_not_stored,
    }
    calls {
        a_call_is_read_with_its_verification,
        a_call_of_twenty_minutes_is_reported_as_long_as_a_survey_is,
        what_is_attached_stays,
        an_end_and_its_answers_are_stored_together,
        what_is_to_be_analysed_is_found_until_it_is,
        anonymising_leaves_proof_and_no_words,
        a_deleted_session_takes_its_answers_along,
        one_customer_is_found_and_erased_everywhere,
    }
    questions {
        a_question_reads_back_and_is_replaced,
        a_question_out_of_range_is_refused,
        customers_are_counted_without_gaps,
        decisions_are_kept_newest_first,
        a_session_has_one_decision,
        a_decision_out_of_range_is_refused,
    }
    directory {
        a_business_reads_back_and_is_replaced,
        a_verification_reads_back_and_is_replaced,
        verifications_are_listed_the_newest_purchase_first,
        phones_are_sealed_anew_without_losing_one,
    }
    report {
        a_report_counts_each_day_and_each_question,
    }
    isolation {
        another_tenants_rows_are_not_found,
        another_tenants_ids_cannot_be_taken,
    }
}
