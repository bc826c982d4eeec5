//! The survey's rows in a store in memory.

mod calls;
mod directory;
mod questions;

use std::collections::HashMap;

use directory::Directory;
use serde_json::Value;
use voicecall_core::journal::JournalEntry;
use voicecall_core::store::{Extension, MemoryTables};
use voicecall_core::{Error, ErrorKind, PersonKey, Result, TenantId};

use super::{CallRecord, Projection, SurveyFile, project};

/// The survey's part of a [`MemoryStore`](voicecall_core::store::MemoryStore): without it the store keeps a survey's facts
/// and nothing that follows from them.
#[derive(Debug, Clone, Copy, Default)]
pub struct MemorySurvey;

impl Extension<MemoryTables> for MemorySurvey {
    fn name(&self) -> &'static str {
        SurveyFile::NAME
    }

    fn project(&self, tables: &mut MemoryTables, tenant: TenantId, entry: &JournalEntry) -> Result<()> {
        for projection in project(entry)? {
            match projection {
                Projection::Event(event) => tables.append_event(tenant, event)?,
                other => tables.row_mut::<CallRecord>(tenant, entry.session)?.project(other, entry.at),
            }
        }
        Ok(())
    }

    fn export(&self, tables: &mut MemoryTables, tenant: TenantId, person: PersonKey) -> Result<Value> {
        let own = tables.sessions().filter(|session| session.tenant == tenant && session.is_with(person));
        let calls = own.filter_map(|session| Some((session.id, tables.row::<CallRecord>(session.id)?.clone())));
        let file = SurveyFile {
            calls: calls.collect(),
            verifications: tables.table::<Directory>().map(|table| table.of_person(tenant, person)).unwrap_or_default(),
        };
        if file.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::to_value(file).map_err(|error| Error::new(ErrorKind::Internal, "export person").with_source(error))
    }

    fn erase(&self, tables: &mut MemoryTables, tenant: TenantId, person: PersonKey) -> Result<u64> {
        Ok(tables.table_mut::<Directory>().erase(tenant, person))
    }
}

/// How many customers each tenant had.
#[derive(Debug, Clone, Default)]
struct CustomerCounts(HashMap<TenantId, u64>);

fn not_found(operation: &'static str) -> Error {
    Error::new(ErrorKind::NotFound, operation)
}

fn conflict(operation: &'static str, message: &'static str) -> Error {
    Error::new(ErrorKind::Conflict, operation).with_message(message)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use voicecall_core::store::{EngineStore, MemoryStore};

    use super::*;
    use crate::testing::{WholeStore, run_all};

    #[tokio::test]
    async fn keeps_every_rule_of_a_survey() {
        run_all(|| async { Arc::new(MemoryStore::new().with_extension(MemorySurvey)) as Arc<dyn WholeStore> }).await;
    }

    #[tokio::test]
    async fn keeps_every_rule_of_a_store_beside_the_survey() {
        voicecall_core::testing::store::run_all(|probe| async move {
            let store = MemoryStore::new().with_extension(MemorySurvey).with_extension(probe);
            Arc::new(store) as Arc<dyn EngineStore>
        })
        .await;
    }
}
