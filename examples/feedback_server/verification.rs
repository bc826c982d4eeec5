//! Where verified purchases come from: a server that has them elsewhere puts its own source in the place of the store.

use std::fmt::Debug;
use std::sync::Arc;

use voicecall::store::{Page, PageRequest};
use voicecall::survey::store::{CustomerVerification, VerificationId, VerificationStatus};
use voicecall::{Result, TenantId, async_trait};

use crate::store::BusinessStore;

/// Reads and writes verifications.
#[async_trait]
pub(crate) trait VerificationSource: Send + Sync + Debug + 'static {
    /// One verification of a business.
    ///
    /// # Errors
    /// `NotFound`, also for another business's.
    async fn read(&self, business: TenantId, id: VerificationId) -> Result<CustomerVerification>;

    /// A business's verifications, or those with a status, the newest purchase first.
    ///
    /// # Errors
    /// `Invalid` for a page that cannot be.
    async fn list(
        &self,
        business: TenantId,
        status: Option<VerificationStatus>,
        page: PageRequest,
    ) -> Result<Page<CustomerVerification>>;

    /// Creates or replaces a verification.
    ///
    /// # Errors
    /// `Conflict` if another business has the id.
    async fn write(&self, verification: &CustomerVerification) -> Result<()>;
}

/// The verifications of our own store.
#[derive(Debug)]
pub(crate) struct StoredVerifications(pub(crate) Arc<dyn BusinessStore>);

#[async_trait]
impl VerificationSource for StoredVerifications {
    async fn read(&self, business: TenantId, id: VerificationId) -> Result<CustomerVerification> {
        self.0.verification(business, id).await
    }

    async fn list(
        &self,
        business: TenantId,
        status: Option<VerificationStatus>,
        page: PageRequest,
    ) -> Result<Page<CustomerVerification>> {
        self.0.verifications(business, status, page).await
    }

    async fn write(&self, verification: &CustomerVerification) -> Result<()> {
        self.0.put_verification(verification).await
    }
}
