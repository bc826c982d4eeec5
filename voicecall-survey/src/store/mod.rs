//! What a survey keeps beside sessions: questions and how they were chosen, businesses and purchases, answers and reports.
//!
//! A store that keeps sessions keeps these rows too, in the same transactions: what follows from a
//! [`SurveyFact`] is written with the fact, by an [`Extension`](voicecall_core::store::Extension) of the store.
//!
//! ```
//! use voicecall_core::TenantId;
//! use voicecall_core::store::MemoryStore;
//! use voicecall_survey::store::{MemorySurvey, QuestionStore};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> voicecall_core::Result<()> {
//! let store = MemoryStore::new().with_extension(MemorySurvey);
//! let shop = TenantId::new();
//! assert_eq!(store.count_customer(shop).await?, 1);
//! assert_eq!(store.count_customer(shop).await?, 2);
//! # Ok(())
//! # }
//! ```

mod call;
mod directory;
mod fact;
mod id;
mod memory;
mod person;
mod projection;
mod question;
mod report;
mod response;
mod sealing;
mod traits;

pub use call::{Anonymised, CallAttachment, CallRecord, SurveyCall};
pub use directory::{
    BusinessContext, CallPreferences, CustomerVerification, StoreInfo, VerificationStatus, VoicemailAction,
};
pub use fact::{QUESTION_ASKED, RESPONSE_RECEIVED, SurveyFact};
pub use id::{QuestionId, VerificationId};
pub use memory::MemorySurvey;
pub use person::SurveyFile;
pub use projection::{Projection, project};
pub use question::{Priority, QuestionConfiguration, SelectionLog};
pub use report::{CountedTopics, Counting, Mean, QuestionTally, Report, ReportRange, Tally};
pub use response::{CallResponse, check_answers, check_end};
pub use traits::{CallStore, DirectoryStore, QuestionStore, SealedSurvey, SurveyMaintenanceStore, SurveyStore};
