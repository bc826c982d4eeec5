//! Businesses and verifications.

use async_trait::async_trait;

use super::{MemoryStore, conflict, not_found};
use crate::error::Result;
use crate::id::{TenantId, VerificationId};
use crate::store::{BusinessContext, CustomerVerification, DirectoryStore};

#[async_trait]
impl DirectoryStore for MemoryStore {
    async fn put_business(&self, business: &BusinessContext) -> Result<()> {
        self.lock().businesses.insert(business.tenant, business.clone());
        Ok(())
    }

    async fn business(&self, tenant: TenantId) -> Result<BusinessContext> {
        self.lock().businesses.get(&tenant).cloned().ok_or_else(|| not_found("read business"))
    }

    async fn put_verification(&self, verification: &CustomerVerification) -> Result<()> {
        let mut data = self.lock();
        if data.verifications.get(&verification.id).is_some_and(|existing| existing.tenant != verification.tenant) {
            return Err(conflict("put verification", "the id is taken"));
        }
        data.verifications.insert(verification.id, verification.clone());
        Ok(())
    }

    async fn verification(&self, tenant: TenantId, id: VerificationId) -> Result<CustomerVerification> {
        let data = self.lock();
        let verification = data.verifications.get(&id).filter(|verification| verification.tenant == tenant);
        verification.cloned().ok_or_else(|| not_found("read verification"))
    }
}
