//! Businesses and verifications.

use std::collections::HashMap;

use uuid::Uuid;
use voicecall_core::store::{MemoryStore, Page, PageRequest, Resealed};
use voicecall_core::{PersonKey, Result, SealedAddress, SealedRow, TenantId, async_trait};

use super::{conflict, not_found};
use crate::store::{BusinessContext, CustomerVerification, DirectoryStore, VerificationId, VerificationStatus};

#[derive(Debug, Clone, Default)]
pub(super) struct Directory {
    businesses: HashMap<TenantId, BusinessContext>,
    verifications: HashMap<VerificationId, CustomerVerification>,
}

impl Directory {
    pub(super) fn of_person(&self, tenant: TenantId, person: PersonKey) -> Vec<CustomerVerification> {
        let own = self.verifications.values().filter(|row| is_of(row, tenant, person));
        let mut own: Vec<_> = own.cloned().collect();
        own.sort_by_key(|verification| verification.id);
        own
    }

    pub(super) fn erase(&mut self, tenant: TenantId, person: PersonKey) -> u64 {
        let all = self.verifications.len();
        self.verifications.retain(|_, row| !is_of(row, tenant, person));
        (all - self.verifications.len()) as u64
    }
}

impl Directory {
    pub(super) fn sealed_phones(&self, after: Option<Uuid>, limit: u32) -> Vec<(SealedRow, SealedAddress)> {
        let sealed = self.verifications.values().map(|row| (CustomerVerification::row(row.tenant, row.id), &row.phone));
        let mut sealed: Vec<_> = sealed.filter(|(row, _)| after.is_none_or(|after| row.id > after)).collect();
        sealed.sort_by_key(|(row, _)| row.id);
        sealed.into_iter().take(limit as usize).map(|(row, phone)| (row, phone.clone())).collect()
    }

    pub(super) fn reseal(&mut self, rows: &[Resealed]) -> u64 {
        let mut changed = 0;
        for verification in self.verifications.values_mut() {
            let own = CustomerVerification::row(verification.tenant, verification.id);
            let sealed = &mut verification.phone.sealed;
            if let Some(new) = rows.iter().find(|new| new.row == own && new.before == *sealed) {
                *sealed = new.after.clone();
                changed += 1;
            }
        }
        changed
    }
}

fn is_of(row: &CustomerVerification, tenant: TenantId, person: PersonKey) -> bool {
    row.tenant == tenant && row.phone.lookup == person.lookup()
}

#[async_trait]
impl DirectoryStore for MemoryStore {
    async fn put_business(&self, business: &BusinessContext) -> Result<()> {
        self.transaction(|tables| {
            tables.table_mut::<Directory>().businesses.insert(business.tenant, business.clone());
            Ok(())
        })
    }

    async fn business(&self, tenant: TenantId) -> Result<BusinessContext> {
        self.transaction(|tables| {
            let business = tables.table::<Directory>().and_then(|table| table.businesses.get(&tenant));
            business.cloned().ok_or_else(|| not_found("read business"))
        })
    }

    async fn put_verification(&self, verification: &CustomerVerification) -> Result<()> {
        self.transaction(|tables| {
            let rows = &mut tables.table_mut::<Directory>().verifications;
            if rows.get(&verification.id).is_some_and(|existing| existing.tenant != verification.tenant) {
                return Err(conflict("put verification", "the id is taken"));
            }
            rows.insert(verification.id, verification.clone());
            Ok(())
        })
    }

    async fn verification(&self, tenant: TenantId, id: VerificationId) -> Result<CustomerVerification> {
        self.transaction(|tables| {
            let row = tables.table::<Directory>().and_then(|table| table.verifications.get(&id));
            row.filter(|row| row.tenant == tenant).cloned().ok_or_else(|| not_found("read verification"))
        })
    }

    async fn verifications(
        &self,
        tenant: TenantId,
        status: Option<VerificationStatus>,
        page: PageRequest,
    ) -> Result<Page<CustomerVerification>> {
        page.validate()?;
        self.transaction(|tables| {
            let rows = tables.table::<Directory>().into_iter().flat_map(|table| table.verifications.values());
            let matches =
                |row: &&CustomerVerification| row.tenant == tenant && status.is_none_or(|own| own == row.status);
            let mut found: Vec<_> = rows.filter(matches).collect();
            found.sort_by_key(|row| std::cmp::Reverse((row.purchased_at, row.id)));
            let before = usize::try_from(page.offset()).unwrap_or(usize::MAX);
            let items = found.iter().skip(before).take(page.per_page as usize).map(|&row| row.clone()).collect();
            Ok(Page { items, total: found.len() as u64 })
        })
    }
}
