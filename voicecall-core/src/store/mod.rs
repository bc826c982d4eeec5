//! Keeping things: records, and the store traits, cut by what must happen in one transaction.
//!
//! Every call of a [`Store`] is scoped by [`TenantId`](crate::TenantId): another tenant's row is
//! [`NotFound`](crate::ErrorKind::NotFound). What works across tenants is on traits of its own, which together with a store
//! make an [`EngineStore`]. A module that keeps rows beside sessions is an [`Extension`] of a store.
//! Implementations pass the conformance suite in `testing`.

mod across_tenants;
mod arc;
mod call_back;
mod channel;
mod contact;
mod conversation;
mod dial;
mod do_not_call;
mod event;
mod extension;
mod filter;
mod keys;
mod lease;
mod maintenance;
mod memory;
mod message;
mod messages;
mod page;
mod past;
mod person;
mod projection;
mod provider_log;
mod run;
mod session;
mod signal;
mod status;
mod subscription;
mod traits;
mod workflows;

pub use across_tenants::{EngineStore, MaintenanceStore, QueueStore, Route, RoutingStore};
pub use channel::{Channel, Direction};
pub use contact::{
    CONTACT_LIMIT, CallsWithin, Claim, ContactLimits, NUMBER_IN_CALL, NumberKey, refuse_by_limit, refuse_second_call,
};
pub use conversation::{Conversation, ConversationChange, ConversationState, Participant};
pub use dial::{AttemptOutcome, AttemptState, DialAttempt};
pub use do_not_call::{DO_NOT_CALL, refuse_to_call};
pub use event::{EventKind, EventSource, SessionEvent};
pub use extension::Extension;
pub use filter::SessionFilter;
pub use keys::{KeyStore, Rekeyed, RenewedContent, Resealed, SealedRows, check_keys, rekey};
pub use lease::{AcquireLease, Lease, LeaseTerm};
pub use maintenance::{RetentionJob, RetentionPolicy, RetentionRun};
pub use memory::{MemoryStore, MemoryTables};
pub use message::{
    Accepted, Answer, Message, NewIncoming, NewOutgoing, OPTED_OUT, SendOutcome, Thread, refuse_to_write,
};
pub use messages::{MessageQueueStore, MessageStore};
pub use page::{Page, PageRequest};
pub use past::{Memory, past};
pub use person::{Erased, PersonFile, SessionFile};
pub use projection::event_of;
pub use provider_log::{ProviderLog, ProviderOperation};
pub use run::{Run, RunFilter, RunState, StepRecord, StepState};
pub use session::{Attachment, NewSession, Session, SessionChange};
pub use signal::Signal;
pub use status::{CallPriority, EndReason, SessionStatus};
pub use subscription::{Subscription, SubscriptionState};
pub use traits::{DialStore, JournalStore, PersonStore, SessionStore, Store};
pub use workflows::{EventStore, WorkflowQueueStore, WorkflowStore};
