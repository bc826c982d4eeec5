//! The check of the check: stores that break one rule each, which the suite must notice.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Probe, broken_rules};
use crate::error::{ErrorKind, Result};
use crate::id::{AccountName, AttemptId, CarrierCallId, Epoch, SessionId, TenantId};
use crate::seal::{Canary, PersonKey, SealedAddress, SealedRow};
use crate::store::*;

mod fault;

use fault::Fault;

#[derive(Debug)]
struct Broken {
    inner: MemoryStore,
    fault: Fault,
    tenants: Mutex<Vec<TenantId>>,
}

impl Broken {
    fn new(fault: Fault) -> Self {
        Self { inner: MemoryStore::new().with_extension(Probe), fault, tenants: Mutex::default() }
    }

    /// Forgets what a session's person asked.
    async fn allow(&self, session: &Session) -> Result<()> {
        for person in session.people() {
            self.inner.allow_calls(session.tenant, person).await?;
        }
        Ok(())
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn meet(&self, tenant: TenantId) {
        self.tenants.lock().unwrap().push(tenant);
    }

    /// The tenants a leaking method tries in turn: the one who asks, then everybody.
    fn seen_as(&self, method: &'static str, tenant: TenantId) -> Vec<TenantId> {
        let mut tenants = vec![tenant];
        if self.fault == Fault::Leaks(method) {
            tenants.extend(self.tenants.lock().unwrap().iter());
        }
        tenants
    }
}

/// The first outcome of `$call` that found something, over the tenants the method takes for the caller.
macro_rules! scoped {
    ($self:ident, $method:literal, $tenant:ident, $call:expr) => {{
        let mut outcome = Err(crate::Error::new(ErrorKind::NotFound, $method));
        for $tenant in $self.seen_as($method, $tenant) {
            outcome = $call.await;
            if !matches!(&outcome, Err(error) if error.kind() == ErrorKind::NotFound) {
                break;
            }
        }
        outcome
    }};
}

// Behind the macro, which it uses.
mod across_tenants;
mod dialing;
mod journal;
mod messages;
mod person;
mod workflows;

#[async_trait]
impl SessionStore for Broken {
    async fn create_session(&self, session: &NewSession) -> Result<Session> {
        self.meet(session.tenant);
        let mut session = session.clone();
        if self.has(Fault::CallsAnybody) {
            self.allow(&Session::created(&session)).await?;
        }
        if self.has(Fault::ForgetsReferences) {
            session.reference = None;
        }
        if self.has(Fault::ChecksThenCreates)
            && let Some(reference) = session.reference.take()
        {
            let known = self.inner.session_by_reference(session.tenant, &reference).await?;
            tokio::task::yield_now().await;
            match known {
                Some(known) => return Ok(known),
                None => return self.inner.create_session(&session).await,
            }
        }
        self.inner.create_session(&session).await
    }

    async fn session(&self, tenant: TenantId, id: SessionId) -> Result<Session> {
        let mut session = scoped!(self, "session", tenant, self.inner.session(tenant, id))?;
        if let (true, Some(from)) = (self.has(Fault::ClampsDurations), session.connected_at) {
            session.ended_at = session.ended_at.map(|at| at.min(from + jiff::SignedDuration::from_mins(2)));
        }
        if self.has(Fault::ForgetsCallBacks) {
            session.call_back_at = None;
        }
        Ok(session)
    }

    async fn session_by_reference(&self, tenant: TenantId, reference: &str) -> Result<Option<Session>> {
        for tenant in self.seen_as("session_by_reference", tenant) {
            if let Some(session) = self.inner.session_by_reference(tenant, reference).await? {
                return Ok(Some(session));
            }
        }
        Ok(None)
    }

    async fn change_session(&self, tenant: TenantId, id: SessionId, change: &SessionChange) -> Result<Session> {
        let changed = scoped!(self, "change_session", tenant, self.inner.change_session(tenant, id, change));
        match (&changed, SessionEvent::of_change(id, change)) {
            (Err(_), Some(event)) if self.has(Fault::EventWithoutChange) => {
                self.inner.append_event(tenant, &event).await?;
            }
            (Err(_), _) if self.has(Fault::IgnoresTransitions) => return self.inner.session(tenant, id).await,
            _ => {}
        }
        changed
    }

    async fn sessions(&self, tenant: TenantId, filter: &SessionFilter, page: PageRequest) -> Result<Page<Session>> {
        let mut all = self.inner.sessions(tenant, filter, page).await?;
        for tenant in self.seen_as("sessions", tenant).into_iter().skip(1) {
            all.total += self.inner.sessions(tenant, filter, page).await?.total;
        }
        Ok(all)
    }

    async fn append_event(&self, tenant: TenantId, event: &SessionEvent) -> Result<()> {
        scoped!(self, "append_event", tenant, self.inner.append_event(tenant, event))
    }

    async fn events(&self, tenant: TenantId, session: SessionId, page: PageRequest) -> Result<Page<SessionEvent>> {
        let mut events = scoped!(self, "events", tenant, self.inner.events(tenant, session, page))?;
        if self.has(Fault::ChangeWithoutEvent) {
            events.items.retain(|event| event.kind != EventKind::Answered);
        }
        Ok(events)
    }

    async fn log_provider(&self, tenant: TenantId, log: &ProviderLog) -> Result<()> {
        scoped!(self, "log_provider", tenant, self.inner.log_provider(tenant, log))
    }

    async fn provider_logs(&self, tenant: TenantId, session: SessionId) -> Result<Vec<ProviderLog>> {
        scoped!(self, "provider_logs", tenant, self.inner.provider_logs(tenant, session))
    }
}

fn ended_now() -> SessionChange {
    let at = Timestamp::now();
    SessionChange::Ended { reason: EndReason::Canceled, source: EventSource::System, at }
}

async fn broken_by(fault: Fault) -> Vec<&'static str> {
    broken_rules(|_| async move { Arc::new(Broken::new(fault)) as Arc<dyn EngineStore> }).await
}

#[tokio::test]
async fn a_store_without_fault_breaks_nothing() {
    assert_eq!(broken_by(Fault::None).await, [""; 0]);
}

#[tokio::test]
async fn every_fault_is_noticed_by_its_rule() {
    for (fault, rule) in [
        (Fault::SendsAgain, "sending_is_allowed_once"),
        (Fault::SendsAgain, "sending_is_allowed_once_among_sixteen"),
        (Fault::ChecksThenSends, "sending_is_allowed_once_among_sixteen"),
        (Fault::Resettles, "a_settled_attempt_stays_settled"),
        (Fault::AcceptsStaleOwners, "an_older_owner_is_refused"),
        (Fault::RefusesTooLate, "an_older_owner_is_refused"),
        (Fault::DerivesAgain, "a_repeated_append_adds_nothing"),
        (Fault::DropsTakenNumbers, "a_taken_number_is_refused"),
        (Fault::SplitsBatches, "a_batch_is_stored_whole_or_not_at_all"),
        (Fault::EventWithoutChange, "an_invalid_transition_changes_nothing"),
        (Fault::ChangeWithoutEvent, "a_call_walks_through_its_states"),
        (Fault::IgnoresTransitions, "an_invalid_transition_changes_nothing"),
        (Fault::ForgetsReferences, "a_reference_calls_once"),
        (Fault::ChecksThenCreates, "a_reference_calls_once"),
        (Fault::KeepsRefusedFacts, "what_an_extension_refuses_is_not_stored"),
        (Fault::ErasesByHalves, "an_eraser_that_fails_erases_nothing"),
        (Fault::ForgetsAccounts, "a_call_leads_to_its_attempt"),
        (Fault::ClampsDurations, "a_long_call_is_as_long_as_it_was"),
        (Fault::ClaimsAgain, "a_turn_is_taken_once"),
        (Fault::SendsForAnybody, "whoever_was_overtaken_may_not_call"),
        (Fault::TakesWhatIsLeased, "a_session_is_leased_until_its_owner_says"),
        (Fault::TakesFromAnybody, "of_many_who_take_a_session_from_one_owner_one_gets_it"),
        (Fault::RenewsWhatIsLost, "a_session_is_leased_until_its_owner_says"),
        (Fault::CallsANumberTwice, "a_number_is_called_by_one_session_at_a_time"),
        (Fault::CallsANumberTwice, "of_many_who_want_to_call_a_number_one_does"),
        (Fault::ForgetsContactLimits, "nobody_is_called_more_often_than_allowed"),
        (Fault::ForgetsContactLimits, "a_tenant_calls_no_more_often_than_allowed"),
        (Fault::ForgetsContactLimits, "erasing_a_person_forgets_no_call"),
        (Fault::ForgetsContactLimits, "what_was_not_ordered_does_not_count"),
        (Fault::SignalsTwice, "the_owner_of_a_session_is_told_once"),
        (Fault::SignalsWhoeverAsks, "the_owner_of_a_session_is_told_once"),
        (Fault::ForgetsPriority, "who_waits_is_found_when_due_the_urgent_first"),
        (Fault::FindsTheLongestQueue, "a_tenant_with_many_who_wait_hides_nobody_elses"),
        (Fault::FinishesAgain, "an_attempt_that_ended_is_booked_once"),
        (Fault::ForgetsLimits, "archived_events_are_still_read"),
        (Fault::ForgetsLimits, "old_exchanges_are_deleted"),
        (Fault::DeletesLiveSessions, "old_failed_sessions_are_found_and_deleted_whole"),
        (Fault::ForgetsCallBacks, "who_asks_for_it_is_called_again"),
        (Fault::IgnoresTransitions, "who_asks_for_it_is_called_again"),
        (Fault::AcceptsStaleOwners, "a_wish_of_another_owner_calls_nobody"),
        (Fault::KeepsRefusedFacts, "a_wish_that_is_not_stored_calls_nobody"),
        (Fault::ChargesAgain, "a_price_is_taken_in_once"),
        (Fault::ForgetsLimits, "calls_without_a_price_are_found"),
        (Fault::CallsAnybody, "who_must_not_be_called_is_not"),
        (Fault::CallsWhoWaits, "a_wish_ends_what_waits"),
        (Fault::ForbidsTooEarly, "a_wish_that_is_refused_forbids_nothing"),
        (Fault::ErasesWishes, "a_wish_outlives_its_sessions"),
        (Fault::FindsFailedOnly, "existing_sessions_are_told_from_others"),
        (Fault::ResealsAnything, "only_what_still_stands_in_a_row_is_sealed_anew"),
        (Fault::ReplacesCanaries, "a_key_has_one_canary"),
        (Fault::FindsAnyId, "existing_sessions_are_told_from_others"),
        (Fault::TakesMessagesAgain, "a_message_is_taken_in_once"),
        (Fault::ForgetsMessageKeys, "a_key_sends_once"),
        (Fault::WritesToAnybody, "who_wants_no_messages_gets_none"),
        (Fault::ErasesWishes, "who_wants_no_messages_gets_none"),
        (Fault::SplitsAnswers, "an_answer_is_whole_or_not_at_all"),
        (Fault::AnswersAgain, "a_message_is_answered_once"),
        (Fault::AnswersWhatIsLeased, "a_message_is_answered_once"),
        (Fault::SendsMessagesAgain, "a_message_is_sent_once"),
        (Fault::SendsOutOfOrder, "what_was_not_sent_is_sent_later_and_in_order"),
        (Fault::BelievesTheLatestReport, "reports_in_any_order_give_one_state"),
        (Fault::RemembersWhateverCame, "a_conversation_is_remembered_and_closed"),
        (Fault::FindsTheLongestQueue, "many_of_one_tenant_hide_nobody_elses_messages"),
        (Fault::AlwaysTells, "what_happens_in_a_call_is_told_once_somebody_asks"),
        (Fault::ForgetsAttempts, "an_attempt_that_reached_nobody_is_told"),
        (Fault::StartsAgain, "an_event_is_taken_up_once"),
        (Fault::ClaimsRunsAgain, "a_run_is_worked_on_by_one_owner"),
        (Fault::SavesForAnybody, "a_run_is_worked_on_by_one_owner"),
        (Fault::SavesForAnybody, "a_dead_letter_is_replayed_from_where_it_failed"),
        (Fault::ForgetsOutputs, "a_run_is_worked_on_by_one_owner"),
        (Fault::RunsTooEarly, "a_run_waits_until_it_is_due"),
        (Fault::FindsTheLongestQueue, "a_full_queue_hides_no_other"),
        (Fault::ForgetsBusyLanes, "a_full_queue_hides_no_other"),
        (Fault::ReplaysAnything, "a_dead_letter_is_replayed_from_where_it_failed"),
        (Fault::ForgetsLimits, "runs_are_listed_newest_first_and_old_ones_forgotten"),
        (Fault::ForgetsSecrets, "a_subscription_reads_back_and_takes_its_runs_along"),
        (Fault::DeliversToNobody, "a_subscription_reads_back_and_takes_its_runs_along"),
    ]
    .into_iter()
    .chain(workflows::TOLD.map(|(kind, rule)| (Fault::ForgetsEvents(kind), rule)))
    {
        let broken = broken_by(fault).await;
        assert!(broken.contains(&rule), "{fault:?} broke only {broken:?}");
    }
}

#[tokio::test]
async fn a_method_that_does_not_look_at_the_tenant_is_noticed() {
    for method in [
        "session",
        "session_by_reference",
        "change_session",
        "append_event",
        "events",
        "sessions",
        "claim_session",
        "finish_attempt",
        "charge_attempt",
        "forget_recording",
        "delete_session",
        "export_person",
        "erase_person",
        "forbid_calls",
        "calls_forbidden_since",
        "allow_calls",
        "acquire_lease",
        "append",
        "journal",
        "begin_sending",
        "settle_attempt",
        "attempt",
        "attempts",
        "count_attempts",
        "plan_attempt",
        "log_provider",
        "provider_logs",
        "begin_sending_message",
        "settle_message",
        "message",
        "messages",
        "conversation",
        "conversation_with",
        "change_conversation",
        "unanswered_messages",
        "run",
        "runs",
        "replay_run",
        "drop_run",
        "claim_run",
        "put_subscription",
        "subscription",
        "subscriptions",
        "remove_subscription",
    ] {
        let broken = broken_by(Fault::Leaks(method)).await;
        let noticed = broken.iter().any(|rule| rule.starts_with("another_tenants"));
        assert!(noticed, "{method} leaks unnoticed: {broken:?}");
    }
}
