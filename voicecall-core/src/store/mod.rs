//! Keeping things: records, and the store traits, cut by what must happen in one transaction.
//!
//! Every call is scoped by [`TenantId`](crate::TenantId): another tenant's row is [`NotFound`](crate::ErrorKind::NotFound).
//! Implementations pass the conformance suite in `testing`.

mod dial;
mod directory;
mod log;
mod memory;
mod ownership;
mod page;
mod projection;
mod question;
mod report;
mod retention;
mod session;
mod status;
mod traits;

pub use dial::{AttemptOutcome, AttemptState, DialAttempt};
pub use directory::{
    BusinessContext, CallPreferences, CustomerVerification, StoreInfo, VerificationStatus, VoicemailAction,
};
pub use log::{
    CallEvent, CallEventType, CallResponse, EventSource, ProviderLog, ProviderOperation, check_answers, check_end,
};
pub use memory::MemoryStore;
pub use ownership::{HeldSession, TakeOver};
pub use page::{Page, PageRequest};
pub use projection::{Projection, project};
pub use question::{Priority, QuestionConfiguration, SelectionLog};
pub(crate) use report::Counting;
pub use report::{Mean, QuestionTally, Report, ReportRange, SessionFilter, Tally};
pub use retention::{Anonymised, Erased, RetentionJob, RetentionPolicy, RetentionRun, SessionFile, SubjectFile};
pub use session::{Attachment, NewSession, Session, SessionChange};
pub use status::{CallPriority, EndReason, SessionStatus};
pub use traits::{
    DialStore, DirectoryStore, JournalStore, ProviderLogStore, QuestionStore, ReportStore, RetentionStore,
    SessionStore, Store,
};
