//! A store that can be down, slow, or refuse.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::time::Instant;
use voicecall_core::event::Event;
use voicecall_core::journal::JournalEntry;
use voicecall_core::messaging::DeliveryReport;
use voicecall_core::store::*;
use voicecall_core::*;
use voicecall_core::{ErrorKind, Result};

/// A store that can be down.
#[derive(Debug, Default)]
pub(super) struct FlakyStore {
    pub(super) inner: MemoryStore,
    down_until: Mutex<Option<Instant>>,
    failing: Mutex<Option<&'static str>>,
    failing_until: Mutex<Option<(&'static str, Instant)>>,
    refused: Mutex<Option<&'static str>>,
    loses: Mutex<Option<&'static str>>,
    delay: Mutex<Duration>,
}

impl FlakyStore {
    /// Every operation fails for this long.
    pub(super) fn is_down_for(&self, time: Duration) {
        *self.down_until.lock().unwrap() = Some(Instant::now() + time);
    }

    /// The next call of this operation fails.
    pub(super) fn fails_once(&self, operation: &'static str) {
        *self.failing.lock().unwrap() = Some(operation);
    }

    /// This operation fails for this long.
    pub(super) fn fails_for(&self, operation: &'static str, time: Duration) {
        *self.failing_until.lock().unwrap() = Some((operation, Instant::now() + time));
    }

    /// Every operation takes this long from now on.
    pub(super) fn takes(&self, time: Duration) {
        *self.delay.lock().unwrap() = time;
    }

    /// This operation fails from now on, and trying again would not help.
    pub(super) fn refuses(&self, operation: &'static str) {
        *self.refused.lock().unwrap() = Some(operation);
    }

    /// The next call of this operation does what it should, and answers that it failed.
    pub(super) fn loses_answer(&self, operation: &'static str) {
        *self.loses.lock().unwrap() = Some(operation);
    }

    fn answer<T>(&self, operation: &'static str, answer: Result<T>) -> Result<T> {
        if self.loses.lock().unwrap().take_if(|losing| *losing == operation).is_some() {
            return Err(voicecall_core::Error::new(ErrorKind::Unavailable, operation));
        }
        answer
    }

    fn check(&self, operation: &'static str) -> Result<()> {
        if *self.refused.lock().unwrap() == Some(operation) {
            return Err(voicecall_core::Error::new(ErrorKind::Internal, operation));
        }
        let down = self.down_until.lock().unwrap().is_some_and(|until| Instant::now() < until);
        let fails = self.failing.lock().unwrap().take_if(|failing| *failing == operation).is_some();
        let still = self.failing_until.lock().unwrap();
        let still = still.is_some_and(|(failing, until)| failing == operation && Instant::now() < until);
        if down || fails || still { Err(voicecall_core::Error::new(ErrorKind::Unavailable, operation)) } else { Ok(()) }
    }
}

macro_rules! flaky {
    ($($store:ident { $(fn $name:ident($($arg:ident: $type:ty),*) -> $out:ty;)* })*) => {$(
        #[async_trait]
        impl $store for FlakyStore {
            $(async fn $name(&self, $($arg: $type),*) -> Result<$out> {
                self.check(stringify!($name))?;
                let delay = *self.delay.lock().unwrap();
                if delay > Duration::ZERO {
                    tokio::time::sleep(delay).await;
                }
                let answer = self.inner.$name($($arg),*).await;
                self.answer(stringify!($name), answer)
            })*
        }
    )*};
}

flaky! {
    SessionStore {
        fn create_session(session: &NewSession) -> Session;
        fn session(tenant: TenantId, id: SessionId) -> Session;
        fn session_by_reference(tenant: TenantId, reference: &str) -> Option<Session>;
        fn change_session(tenant: TenantId, id: SessionId, change: &SessionChange) -> Session;
        fn sessions(tenant: TenantId, filter: &SessionFilter, page: PageRequest) -> Page<Session>;
        fn append_event(tenant: TenantId, event: &SessionEvent) -> ();
        fn events(tenant: TenantId, session: SessionId, page: PageRequest) -> Page<SessionEvent>;
        fn log_provider(tenant: TenantId, log: &ProviderLog) -> ();
        fn provider_logs(tenant: TenantId, session: SessionId) -> Vec<ProviderLog>;
    }
    JournalStore {
        fn append(tenant: TenantId, entries: &[JournalEntry]) -> ();
        fn journal(tenant: TenantId, session: SessionId) -> Vec<JournalEntry>;
    }
    DialStore {
        fn plan_attempt(attempt: &DialAttempt) -> ();
        fn begin_sending(tenant: TenantId, attempt: AttemptId, epoch: Epoch) -> ();
        fn settle_attempt(tenant: TenantId, attempt: AttemptId, outcome: &AttemptOutcome) -> ();
        fn finish_attempt(tenant: TenantId, attempt: AttemptId, outcome: EndReason, change: &SessionChange) -> Session;
        fn attempt(tenant: TenantId, id: AttemptId) -> DialAttempt;
        fn attempts(tenant: TenantId, session: SessionId) -> Vec<DialAttempt>;
        fn count_attempts(tenant: TenantId, sessions: &[SessionId]) -> HashMap<SessionId, u64>;
        fn charge_attempt(tenant: TenantId, attempt: AttemptId, price: &carrier::CallPrice) -> bool;
    }
    PersonStore {
        fn export_person(tenant: TenantId, person: PersonKey) -> PersonFile;
        fn erase_person(tenant: TenantId, person: PersonKey) -> Erased;
        fn forbid_calls(tenant: TenantId, person: PersonKey, at: Timestamp) -> Vec<Session>;
        fn calls_forbidden_since(tenant: TenantId, person: PersonKey) -> Option<Timestamp>;
        fn allow_calls(tenant: TenantId, person: PersonKey) -> ();
        fn forbid_messages(tenant: TenantId, person: PersonKey, channel: &Channel, at: Timestamp) -> ();
        fn messages_forbidden_since(tenant: TenantId, person: PersonKey, channel: &Channel) -> Option<Timestamp>;
        fn allow_messages(tenant: TenantId, person: PersonKey, channel: &Channel) -> ();
    }
    MessageStore {
        fn accept_message(thread: &Thread, message: &NewIncoming) -> Accepted;
        fn queue_message(thread: &Thread, message: &NewOutgoing) -> Message;
        fn answer_messages(answer: &Answer) -> Vec<Message>;
        fn begin_sending_message(tenant: TenantId, id: MessageId, at: Timestamp) -> Message;
        fn settle_message(tenant: TenantId, id: MessageId, outcome: &SendOutcome, at: Timestamp) -> Message;
        fn report_message(
            tenant: TenantId,
            id: MessageId,
            carrier_id: &CarrierMessageId,
            report: &DeliveryReport,
            at: Timestamp
        ) -> Message;
        fn message(tenant: TenantId, id: MessageId) -> Message;
        fn messages(tenant: TenantId, conversation: ConversationId, after: u64, limit: u32) -> Vec<Message>;
        fn conversation(tenant: TenantId, id: ConversationId) -> Conversation;
        fn conversation_with(tenant: TenantId, person: PersonKey) -> Option<Conversation>;
        fn conversations(tenant: TenantId, state: Option<ConversationState>, page: PageRequest) -> Page<Conversation>;
        fn change_conversation(
            tenant: TenantId,
            id: ConversationId,
            change: &ConversationChange,
            at: Timestamp
        ) -> Conversation;
    }
    MessageQueueStore {
        fn sessions_to_answer(now: Timestamp, per_tenant: u32, limit: u32) -> Vec<Session>;
        fn unanswered_messages(tenant: TenantId, session: SessionId) -> Vec<Message>;
        fn messages_to_send(now: Timestamp, per_tenant: u32, limit: u32) -> Vec<Message>;
        fn unsettled_messages(before: Timestamp, limit: u32) -> Vec<Message>;
    }
    WorkflowStore {
        fn run(tenant: TenantId, id: RunId) -> Run;
        fn runs(tenant: TenantId, filter: &RunFilter, page: PageRequest) -> Page<Run>;
        fn replay_run(tenant: TenantId, id: RunId, at: Timestamp) -> Run;
        fn drop_run(tenant: TenantId, id: RunId) -> ();
        fn put_subscription(subscription: &Subscription) -> ();
        fn subscription(tenant: TenantId, id: SubscriptionId) -> Subscription;
        fn subscriptions(tenant: TenantId) -> Vec<Subscription>;
        fn remove_subscription(tenant: TenantId, id: SubscriptionId) -> ();
    }
    WorkflowQueueStore {
        fn keep_events(keeps: bool) -> ();
        fn pending_events(limit: u32) -> Vec<Event>;
        fn start_runs(event: &Event, runs: &[Run]) -> bool;
        fn due_runs(now: Timestamp, definitions: &[String], busy: &[String], per_lane: u32, limit: u32) -> Vec<Run>;
        fn claim_run(tenant: TenantId, id: RunId, term: LeaseTerm) -> Run;
        fn save_run(run: &Run, goes_on: Option<LeaseTerm>) -> ();
        fn purge_runs(state: RunState, before: Timestamp, limit: u32) -> u64;
    }
    QueueStore {
        fn due_sessions(now: Timestamp, per_tenant: u32, limit: u32) -> Vec<Session>;
        fn count_waiting() -> u64;
        fn claim_session(tenant: TenantId, id: SessionId, claim: &Claim) -> (Session, Epoch);
        fn open_sessions() -> Vec<Session>;
        fn unpriced_attempts(since: Timestamp, limit: u32) -> Vec<(TenantId, AttemptId)>;
        fn acquire_lease(tenant: TenantId, session: SessionId, how: AcquireLease) -> Epoch;
        fn renew_leases(leases: &[Lease], term: LeaseTerm) -> Vec<Lease>;
        fn signal(tenant: TenantId, session: SessionId, signal: &Signal) -> ();
        fn take_signals(leases: &[Lease]) -> Vec<(Lease, Signal)>;
    }
    RoutingStore {
        fn route_call(carrier: &str, account: Option<AccountName>, call: &CarrierCallId) -> Option<Route>;
    }
    SealedRows {
        fn sealed_addresses(after: Option<uuid::Uuid>, limit: u32) -> Vec<(SealedRow, SealedAddress)>;
        fn reseal(rows: &[Resealed]) -> u64;
        fn renew_content(after: Option<SessionId>, sessions: u32) -> RenewedContent;
    }
    KeyStore {
        fn canaries() -> Vec<Canary>;
        fn keep_canary(canary: &Canary) -> ();
        fn forget_canary(key: &str) -> ();
    }
    MaintenanceStore {
        fn archive_events(before: Timestamp, limit: u32) -> u64;
        fn purge_provider_logs(before: Timestamp, limit: u32) -> u64;
        fn old_failed_sessions(before: Timestamp, limit: u32) -> Vec<Session>;
        fn delete_session(tenant: TenantId, session: SessionId) -> ();
        fn old_recordings(before: Timestamp, limit: u32) -> Vec<Session>;
        fn forget_recording(tenant: TenantId, session: SessionId, at: Timestamp) -> ();
        fn existing_sessions(ids: &[SessionId]) -> Vec<Session>;
        fn log_retention(run: &RetentionRun) -> ();
        fn retention_runs(limit: u32) -> Vec<RetentionRun>;
    }
}
