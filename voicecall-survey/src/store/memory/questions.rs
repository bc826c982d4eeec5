//! Questions, customer counts and decisions.

use voicecall_core::store::{MemoryStore, MemoryTables};
use voicecall_core::{Result, SessionId, TenantId, async_trait};

use super::{CustomerCounts, conflict, not_found};
use crate::store::{QuestionConfiguration, QuestionId, QuestionStore, SelectionLog};

#[derive(Debug, Clone, Default)]
struct Questions(Vec<QuestionConfiguration>);

#[derive(Debug, Clone, Default)]
struct SelectionLogs(Vec<SelectionLog>);

#[async_trait]
impl QuestionStore for MemoryStore {
    async fn put_question(&self, question: &QuestionConfiguration) -> Result<()> {
        question.validate()?;
        self.transaction(|tables| {
            let questions = &mut tables.table_mut::<Questions>().0;
            match questions.iter_mut().find(|existing| existing.id == question.id) {
                Some(existing) if existing.tenant != question.tenant => {
                    return Err(conflict("put question", "the id is taken"));
                }
                Some(existing) => *existing = question.clone(),
                None => questions.push(question.clone()),
            }
            Ok(())
        })
    }

    async fn questions(&self, tenant: TenantId, active_only: bool) -> Result<Vec<QuestionConfiguration>> {
        self.transaction(|tables| {
            let wanted =
                |question: &&QuestionConfiguration| question.tenant == tenant && (question.is_active || !active_only);
            let all = tables.table::<Questions>().into_iter().flat_map(|table| &table.0);
            let mut questions: Vec<_> = all.filter(wanted).cloned().collect();
            questions.sort_by_key(|question| question.created_at);
            Ok(questions)
        })
    }

    async fn question(&self, tenant: TenantId, id: QuestionId) -> Result<QuestionConfiguration> {
        self.transaction(|tables| {
            let mut all = tables.table::<Questions>().into_iter().flat_map(|table| &table.0);
            let question = all.find(|question| question.id == id && question.tenant == tenant);
            question.cloned().ok_or_else(|| not_found("read question"))
        })
    }

    async fn count_customer(&self, tenant: TenantId) -> Result<u64> {
        self.transaction(|tables| {
            let count = tables.table_mut::<CustomerCounts>().0.entry(tenant).or_default();
            *count += 1;
            Ok(*count)
        })
    }

    async fn log_selection(&self, log: &SelectionLog) -> Result<()> {
        log.validate()?;
        self.transaction(|tables| {
            if let Some(session) = log.session {
                tables.session(log.tenant, session)?;
            }
            let logs = &mut tables.table_mut::<SelectionLogs>().0;
            let is_same = |existing: &SelectionLog| {
                existing.id == log.id || (log.session.is_some() && existing.session == log.session)
            };
            if logs.iter().any(is_same) {
                return Err(conflict("log selection", "the decision exists"));
            }
            logs.push(log.clone());
            Ok(())
        })
    }

    async fn selection_of_session(&self, tenant: TenantId, session: SessionId) -> Result<Option<SelectionLog>> {
        self.transaction(|tables| Ok(logs(tables, tenant).find(|log| log.session == Some(session))))
    }

    async fn selection_logs(&self, tenant: TenantId, limit: u32) -> Result<Vec<SelectionLog>> {
        self.transaction(|tables| {
            let mut logs: Vec<_> = logs(tables, tenant).collect();
            logs.reverse();
            logs.sort_by_key(|log| std::cmp::Reverse(log.created_at));
            logs.truncate(limit as usize);
            Ok(logs)
        })
    }
}

/// A tenant's decisions in the order they were made. One outlives its session, and does not name it any more.
fn logs(tables: &MemoryTables, tenant: TenantId) -> impl Iterator<Item = SelectionLog> {
    let all = tables.table::<SelectionLogs>().into_iter().flat_map(|table| &table.0);
    all.filter(move |log| log.tenant == tenant).map(move |log| SelectionLog {
        session: log.session.filter(|session| tables.session(tenant, *session).is_ok()),
        ..log.clone()
    })
}
