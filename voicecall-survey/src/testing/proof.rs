//! The check of the check: stores of a survey that break one rule each, which the suite must notice.

use std::sync::Arc;

use voicecall_core::journal::JournalEntry;
use voicecall_core::store::{Extension, MemoryStore, MemoryTables};
use voicecall_core::{PersonKey, Result, TenantId};

use super::{WholeStore, broken_rules};
use crate::store::{CallRecord, MemorySurvey, Projection, SurveyFact, project};

/// A fault of the survey's part of a store.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    None,
    /// A later answer takes the place of the earlier.
    Overwrites,
    /// An answer leaves no event.
    ForgetsEvents,
    /// A question that is asked again is another question.
    CountsAgain,
    /// A fact that does not read is passed over in silence.
    SwallowsBrokenFacts,
    /// What a model made of an answer is lost.
    DropsAnalyses,
    /// A customer's verifications outlive the customer.
    KeepsVerifications,
    /// An export leaves out what the survey keeps.
    ExportsNothing,
}

#[derive(Debug)]
struct Broken(Fault);

impl Extension<MemoryTables> for Broken {
    fn name(&self) -> &'static str {
        MemorySurvey.name()
    }

    fn project(&self, tables: &mut MemoryTables, tenant: TenantId, entry: &JournalEntry) -> Result<()> {
        if self.0 == Fault::SwallowsBrokenFacts && SurveyFact::read(&entry.fact).is_err() {
            return Ok(());
        }
        for projection in project(entry)? {
            let record = tables.row_mut::<CallRecord>(tenant, entry.session)?;
            match (self.0, projection) {
                (Fault::Overwrites, Projection::Response(response)) => record.replace(&response),
                (Fault::CountsAgain, Projection::Asked(question)) => record.questions_asked.push(question),
                (Fault::ForgetsEvents, Projection::Event(_)) | (Fault::DropsAnalyses, Projection::Analysis { .. }) => {}
                (_, Projection::Event(event)) => tables.append_event(tenant, event)?,
                (_, other) => record.project(other, entry.at),
            }
        }
        Ok(())
    }

    fn export(&self, tables: &mut MemoryTables, tenant: TenantId, person: PersonKey) -> Result<serde_json::Value> {
        match self.0 {
            Fault::ExportsNothing => Ok(serde_json::Value::Null),
            _ => MemorySurvey.export(tables, tenant, person),
        }
    }

    fn erase(&self, tables: &mut MemoryTables, tenant: TenantId, person: PersonKey) -> Result<u64> {
        match self.0 {
            Fault::KeepsVerifications => Ok(1),
            _ => MemorySurvey.erase(tables, tenant, person),
        }
    }
}

async fn broken_by(fault: Fault) -> Vec<&'static str> {
    let make = || async move { Arc::new(MemoryStore::new().with_extension(Broken(fault))) as Arc<dyn WholeStore> };
    broken_rules(make).await
}

#[tokio::test]
async fn a_store_without_fault_breaks_nothing() {
    assert_eq!(broken_by(Fault::None).await, [""; 0]);
}

#[tokio::test]
async fn every_fault_is_noticed_by_its_rule() {
    for (fault, rule) in [
        (Fault::Overwrites, "a_later_answer_adds_to_the_earlier"),
        (Fault::ForgetsEvents, "an_answer_becomes_a_response"),
        (Fault::CountsAgain, "asked_questions_are_kept_in_order"),
        (Fault::SwallowsBrokenFacts, "a_fact_that_does_not_read_is_not_stored"),
        (Fault::DropsAnalyses, "an_analysis_joins_its_answer"),
        (Fault::KeepsVerifications, "one_customer_is_found_and_erased_everywhere"),
        (Fault::ExportsNothing, "one_customer_is_found_and_erased_everywhere"),
    ] {
        let broken = broken_by(fault).await;
        assert!(broken.contains(&rule), "{fault:?} broke only {broken:?}");
    }
}
