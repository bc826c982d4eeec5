//! Counting for reports.

use async_trait::async_trait;

use super::MemoryStore;
use crate::error::Result;
use crate::id::TenantId;
use crate::store::{Counting, Report, ReportRange, ReportStore};

#[async_trait]
impl ReportStore for MemoryStore {
    async fn report(&self, tenant: TenantId, range: &ReportRange) -> Result<Report> {
        let mut counting = Counting::new(range);
        for row in self.lock().sessions.rows.values().filter(|row| row.session.tenant == tenant) {
            counting.add(&row.session, &row.responses);
        }
        Ok(counting.finish())
    }
}
