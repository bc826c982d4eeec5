//! What every store keeps to: one rule per function, each run on a fresh store.
//!
//! ```
//! use std::sync::Arc;
//! use voicecall_core::store::{MemoryStore, EngineStore};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let make_store = |probe| async move { Arc::new(MemoryStore::new().with_extension(probe)) as Arc<dyn EngineStore> };
//! voicecall_core::testing::store::run_all(make_store).await;
//! # }
//! ```

mod call_back;
mod contacts;
mod dialing;
mod do_not_call;
mod events;
mod fixture;
mod isolation;
mod journal;
mod keys;
mod maintenance;
mod messages;
mod person;
mod probe;
#[cfg(test)]
mod proof;
mod provider_log;
mod queue;
mod sessions;
mod workflows;

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt;

pub use probe::Probe;

use crate::store::EngineStore;

/// Checks every rule and panics with the names of those the store breaks. `make_store` makes an empty store with this
/// extension.
pub async fn run_all<F, S>(make_store: F)
where
    F: Fn(Probe) -> S,
    S: Future<Output = Arc<dyn EngineStore>>,
{
    let broken = broken_rules(make_store).await;
    assert!(broken.is_empty(), "the store breaks {broken:?}");
}

/// The names of the rules the store breaks. `make_store` makes an empty store with this
/// extension.
pub async fn broken_rules<F, S>(make_store: F) -> Vec<&'static str>
where
    F: Fn(Probe) -> S,
    S: Future<Output = Arc<dyn EngineStore>>,
{
    let mut broken = Vec::new();
    for rule in RULES {
        let kept = AssertUnwindSafe(rule.check(make_store(Probe).await)).catch_unwind().await;
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
    check: fn(Arc<dyn EngineStore>) -> Check,
}

type Check = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Rule {
    /// What the rule says.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Checks the rule on an empty store. Panics if the store breaks it.
    pub async fn check(&self, store: Arc<dyn EngineStore>) {
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
    sessions {
        a_created_session_reads_back,
        a_session_is_created_once,
        a_reference_calls_once,
        who_calls_us_may_withhold_the_number,
        a_long_call_is_as_long_as_it_was,
        every_reason_reads_back,
        a_call_walks_through_its_states,
        an_invalid_transition_changes_nothing,
        what_is_attached_stays,
        open_sessions_are_found,
        sessions_are_listed_newest_first,
    }
    queue {
        who_waits_is_found_when_due_the_urgent_first,
        a_tenant_with_many_who_wait_hides_nobody_elses,
        a_turn_is_taken_once,
        whoever_was_overtaken_may_not_call,
        a_session_is_leased_until_its_owner_says,
        a_lease_that_is_not_renewed_runs_out,
        of_many_who_take_a_session_from_one_owner_one_gets_it,
        the_owner_of_a_session_is_told_once,
        an_attempt_that_ended_is_booked_once,
        a_further_attempt_is_another_call_of_the_session,
        who_is_over_waits_no_more,
    }
    call_back {
        who_asks_for_it_is_called_again,
        a_wish_of_another_owner_calls_nobody,
        a_wish_that_is_not_stored_calls_nobody,
        who_called_us_is_not_called_back,
    }
    events {
        events_are_chronological,
        events_come_in_pages,
        an_event_is_stored_once,
    }
    journal {
        entries_read_back_in_order,
        a_repeated_append_adds_nothing,
        a_taken_number_is_refused,
        an_older_owner_is_refused,
        a_batch_is_stored_whole_or_not_at_all,
        what_an_extension_refuses_is_not_stored,
        concurrent_owners_do_not_share_an_epoch,
    }
    dialing {
        sending_is_allowed_once,
        sending_is_allowed_once_among_sixteen,
        a_settled_attempt_stays_settled,
        an_unknown_outcome_is_settled_later,
        nothing_is_settled_before_it_is_sent,
        a_call_belongs_to_one_attempt,
        a_call_leads_to_its_attempt,
        attempts_are_listed_oldest_first,
        attempts_of_many_sessions_are_counted_at_once,
        a_price_is_taken_in_once,
        calls_without_a_price_are_found,
    }
    provider_log {
        exchanges_read_back_in_order,
        a_failure_has_a_reason,
    }
    maintenance {
        archived_events_are_still_read,
        old_exchanges_are_deleted,
        old_failed_sessions_are_found_and_deleted_whole,
        old_recordings_are_found_until_they_are_forgotten,
        existing_sessions_are_told_from_others,
        runs_of_jobs_are_kept_newest_first,
    }
    keys {
        sealed_addresses_come_in_the_order_of_their_rows,
        only_what_still_stands_in_a_row_is_sealed_anew,
        a_key_has_one_canary,
        a_store_refuses_keys_it_was_not_written_with,
        keys_are_changed_without_losing_a_row,
        a_key_that_is_still_needed_is_kept,
    }
    person {
        one_person_is_found_and_erased_everywhere,
        a_person_is_found_by_key_and_by_address,
        what_extensions_keep_is_exported_and_erased,
        an_eraser_that_fails_erases_nothing,
    }
    do_not_call {
        who_must_not_be_called_is_not,
        a_wish_ends_what_waits,
        a_wish_that_is_refused_forbids_nothing,
        a_wish_outlives_its_sessions,
        another_tenants_wishes_are_its_own,
    }
    contacts {
        a_number_is_called_by_one_session_at_a_time,
        of_many_who_want_to_call_a_number_one_does,
        nobody_is_called_more_often_than_allowed,
        a_tenant_calls_no_more_often_than_allowed,
        what_was_not_ordered_does_not_count,
        erasing_a_person_forgets_no_call,
    }
    messages {
        a_message_is_taken_in_once,
        one_person_over_two_channels_is_one_conversation,
        a_session_of_messages_ends_when_nobody_writes,
        a_message_is_answered_once,
        an_answer_is_whole_or_not_at_all,
        a_message_is_sent_once,
        what_was_not_sent_is_sent_later_and_in_order,
        reports_in_any_order_give_one_state,
        a_key_sends_once,
        who_wants_no_messages_gets_none,
        a_conversation_is_remembered_and_closed,
        messages_are_exported_and_erased_with_their_person,
        who_left_a_conversation_is_still_answered,
        another_tenants_messages_are_its_own,
        many_of_one_tenant_hide_nobody_elses_messages,
    }
    workflows {
        what_happens_in_a_call_is_told_once_somebody_asks,
        a_transcript_is_told_where_there_is_one,
        an_attempt_that_reached_nobody_is_told,
        what_becomes_of_messages_is_told,
        what_is_told_of_somebody_is_erased_with_them,
        an_event_is_taken_up_once,
        a_run_is_worked_on_by_one_owner,
        a_run_waits_until_it_is_due,
        a_full_queue_hides_no_other,
        a_dead_letter_is_replayed_from_where_it_failed,
        runs_are_listed_newest_first_and_old_ones_forgotten,
        a_run_goes_with_its_session,
        a_subscription_reads_back_and_takes_its_runs_along,
        another_tenants_runs_are_its_own,
    }
    isolation {
        another_tenants_rows_are_not_found,
        another_tenants_ids_cannot_be_taken,
    }
}
