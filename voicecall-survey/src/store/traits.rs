//! The survey's store, cut by what must happen in one transaction.

use std::fmt::Debug;

use jiff::Timestamp;
use uuid::Uuid;
use voicecall_core::store::{
    Page, PageRequest, RenewedContent, Resealed, SealedRows, Session, SessionChange, SessionFilter,
};
use voicecall_core::{Result, SealedAddress, SealedRow, SessionId, TenantId, async_trait};

use super::{
    Anonymised, BusinessContext, CallAttachment, CallResponse, CustomerVerification, QuestionConfiguration, QuestionId,
    Report, ReportRange, SelectionLog, SurveyCall, VerificationId, VerificationStatus,
};

/// Questions and how they were chosen.
#[async_trait]
pub trait QuestionStore: Send + Sync {
    /// Creates or replaces a question.
    ///
    /// # Errors
    /// `Conflict` if another tenant has the id; `Invalid` as [`QuestionConfiguration::validate`].
    async fn put_question(&self, question: &QuestionConfiguration) -> Result<()>;

    /// A tenant's questions in the order they were created; with `active_only` those switched on.
    ///
    /// # Errors
    /// As every store call.
    async fn questions(&self, tenant: TenantId, active_only: bool) -> Result<Vec<QuestionConfiguration>>;

    /// One question.
    ///
    /// # Errors
    /// `NotFound`.
    async fn question(&self, tenant: TenantId, id: QuestionId) -> Result<QuestionConfiguration>;

    /// Counts one more customer of the tenant and returns the new count, from 1.
    ///
    /// # Errors
    /// As every store call.
    async fn count_customer(&self, tenant: TenantId) -> Result<u64>;

    /// Keeps a decision.
    ///
    /// # Errors
    /// `Invalid` as [`SelectionLog::validate`]; `Conflict` if it exists, or its session has one.
    async fn log_selection(&self, log: &SelectionLog) -> Result<()>;

    /// The decision made for a session.
    ///
    /// # Errors
    /// As every store call.
    async fn selection_of_session(&self, tenant: TenantId, session: SessionId) -> Result<Option<SelectionLog>>;

    /// The newest `limit` decisions, newest first.
    ///
    /// # Errors
    /// As every store call.
    async fn selection_logs(&self, tenant: TenantId, limit: u32) -> Result<Vec<SelectionLog>>;
}

/// What is known of businesses and their customers before a call.
#[async_trait]
pub trait DirectoryStore: Send + Sync {
    /// Creates or replaces a business.
    ///
    /// # Errors
    /// As every store call.
    async fn put_business(&self, business: &BusinessContext) -> Result<()>;

    /// One business.
    ///
    /// # Errors
    /// `NotFound`.
    async fn business(&self, tenant: TenantId) -> Result<BusinessContext>;

    /// Creates or replaces a verification.
    ///
    /// # Errors
    /// `Conflict` if another tenant has the id.
    async fn put_verification(&self, verification: &CustomerVerification) -> Result<()>;

    /// One verification.
    ///
    /// # Errors
    /// `NotFound`, also for another tenant's.
    async fn verification(&self, tenant: TenantId, id: VerificationId) -> Result<CustomerVerification>;

    /// The tenant's verifications, or those with a status, the newest purchase first.
    ///
    /// # Errors
    /// `Invalid` for a page that cannot be.
    async fn verifications(
        &self,
        tenant: TenantId,
        status: Option<VerificationStatus>,
        page: PageRequest,
    ) -> Result<Page<CustomerVerification>>;
}

/// Sessions with what the survey keeps of them.
#[async_trait]
pub trait CallStore: Send + Sync {
    /// One call.
    ///
    /// # Errors
    /// `NotFound`, also for another tenant's.
    async fn call(&self, tenant: TenantId, session: SessionId) -> Result<SurveyCall>;

    /// A tenant's calls that match, newest first.
    ///
    /// # Errors
    /// `Invalid` for a page that cannot be.
    async fn calls(&self, tenant: TenantId, filter: &SessionFilter, page: PageRequest) -> Result<Page<SurveyCall>>;

    /// Keeps what became known of a call.
    ///
    /// # Errors
    /// `NotFound`.
    async fn attach_to_call(
        &self,
        tenant: TenantId,
        session: SessionId,
        what: &CallAttachment,
        at: Timestamp,
    ) -> Result<()>;

    /// Ends a session and keeps what came with the news, or does neither. An answer to a question that has one replaces
    /// it.
    ///
    /// # Errors
    /// As [`SessionStore::change_session`](voicecall_core::store::SessionStore::change_session); `Invalid` if `change` is
    /// not an end or an answer is of another session.
    async fn complete_call(
        &self,
        tenant: TenantId,
        session: SessionId,
        change: &SessionChange,
        responses: &[CallResponse],
    ) -> Result<Session>;

    /// What a tenant's calls add up to.
    ///
    /// # Errors
    /// As every store call.
    async fn report(&self, tenant: TenantId, range: &ReportRange) -> Result<Report>;

    /// Replaces a call's texts, and deletes from its journal every fact that holds what somebody said
    /// ([`Fact::needs_consent`](voicecall_core::journal::Fact::needs_consent)).
    ///
    /// # Errors
    /// `Conflict` if the session is not over; `Invalid` for an answer of another session; `NotFound`.
    async fn anonymise_call(&self, tenant: TenantId, session: SessionId, texts: &Anonymised) -> Result<()>;
}

/// What works on the calls of all tenants, for the jobs of whoever runs the service.
#[async_trait]
pub trait SurveyMaintenanceStore: Send + Sync {
    /// Calls that ended at or after `since`, in which something was said and of which no model made anything yet, those
    /// that ended first before the others; at most `limit`. Anonymised ones are none of them.
    ///
    /// # Errors
    /// As every store call.
    async fn unanalysed_calls(&self, since: Timestamp, limit: u32) -> Result<Vec<SurveyCall>>;

    /// Calls that ended before `before` and are not anonymised, oldest first; at most `limit`.
    ///
    /// # Errors
    /// As every store call.
    async fn old_transcripts(&self, before: Timestamp, limit: u32) -> Result<Vec<SurveyCall>>;

    /// Verifications with their phones, as [`SealedRows::sealed_addresses`](voicecall_core::store::SealedRows::sealed_addresses).
    ///
    /// # Errors
    /// As every store call.
    async fn sealed_phones(&self, after: Option<Uuid>, limit: u32) -> Result<Vec<(SealedRow, SealedAddress)>>;

    /// Other ciphertext for phones, as [`SealedRows::reseal`](voicecall_core::store::SealedRows::reseal).
    ///
    /// # Errors
    /// As every store call.
    async fn reseal_phones(&self, rows: &[Resealed]) -> Result<u64>;

    /// What is kept of the next `sessions`, in the form in which it would be written now, as
    /// [`SealedRows::renew_content`](voicecall_core::store::SealedRows::renew_content).
    ///
    /// # Errors
    /// As every store call.
    async fn renew_answers(&self, after: Option<SessionId>, sessions: u32) -> Result<RenewedContent>;
}

/// A store's verifications and answers, to be sealed anew by [`rekey`](voicecall_core::store::rekey).
#[derive(Debug, Clone, Copy)]
pub struct SealedSurvey<'a, S: ?Sized>(pub &'a S);

#[async_trait]
impl<S: SurveyMaintenanceStore + ?Sized> SealedRows for SealedSurvey<'_, S> {
    async fn sealed_addresses(&self, after: Option<Uuid>, limit: u32) -> Result<Vec<(SealedRow, SealedAddress)>> {
        self.0.sealed_phones(after, limit).await
    }

    async fn reseal(&self, rows: &[Resealed]) -> Result<u64> {
        self.0.reseal_phones(rows).await
    }

    async fn renew_content(&self, after: Option<SessionId>, sessions: u32) -> Result<RenewedContent> {
        self.0.renew_answers(after, sessions).await
    }
}

/// Everything a survey keeps for one tenant at a time.
pub trait SurveyStore: QuestionStore + DirectoryStore + CallStore + Debug + 'static {}

impl<T> SurveyStore for T where T: QuestionStore + DirectoryStore + CallStore + Debug + 'static + ?Sized {}
