//! Questions, customer counts and decisions.

use async_trait::async_trait;

use super::{MemoryStore, conflict, not_found};
use crate::error::Result;
use crate::id::{QuestionId, SessionId, TenantId};
use crate::store::{QuestionConfiguration, QuestionStore, SelectionLog};

#[async_trait]
impl QuestionStore for MemoryStore {
    async fn put_question(&self, question: &QuestionConfiguration) -> Result<()> {
        question.validate()?;
        let questions = &mut self.lock().questions;
        match questions.iter_mut().find(|existing| existing.id == question.id) {
            Some(existing) if existing.tenant != question.tenant => {
                return Err(conflict("put question", "the id is taken"));
            }
            Some(existing) => *existing = question.clone(),
            None => questions.push(question.clone()),
        }
        Ok(())
    }

    async fn questions(&self, tenant: TenantId, active_only: bool) -> Result<Vec<QuestionConfiguration>> {
        let data = self.lock();
        let wanted =
            |question: &&QuestionConfiguration| question.tenant == tenant && (question.is_active || !active_only);
        let mut questions: Vec<_> = data.questions.iter().filter(wanted).cloned().collect();
        questions.sort_by_key(|question| question.created_at);
        Ok(questions)
    }

    async fn question(&self, tenant: TenantId, id: QuestionId) -> Result<QuestionConfiguration> {
        let data = self.lock();
        let question = data.questions.iter().find(|question| question.id == id && question.tenant == tenant);
        question.cloned().ok_or_else(|| not_found("read question"))
    }

    async fn count_customer(&self, tenant: TenantId) -> Result<u64> {
        let mut data = self.lock();
        let count = data.customer_counts.entry(tenant).or_default();
        *count += 1;
        Ok(*count)
    }

    async fn log_selection(&self, log: &SelectionLog) -> Result<()> {
        log.validate()?;
        let logs = &mut self.lock().selection_logs;
        let is_same = |existing: &SelectionLog| {
            existing.id == log.id || (log.session.is_some() && existing.session == log.session)
        };
        if logs.iter().any(is_same) {
            return Err(conflict("log selection", "the decision exists"));
        }
        logs.push(log.clone());
        Ok(())
    }

    async fn selection_of_session(&self, tenant: TenantId, session: SessionId) -> Result<Option<SelectionLog>> {
        let data = self.lock();
        let mut logs = data.selection_logs.iter();
        Ok(logs.find(|log| log.tenant == tenant && log.session == Some(session)).cloned())
    }

    async fn selection_logs(&self, tenant: TenantId, limit: u32) -> Result<Vec<SelectionLog>> {
        let data = self.lock();
        let mut logs: Vec<_> = data.selection_logs.iter().rev().filter(|log| log.tenant == tenant).collect();
        logs.sort_by_key(|log| std::cmp::Reverse(log.created_at));
        Ok(logs.into_iter().take(limit as usize).cloned().collect())
    }
}
