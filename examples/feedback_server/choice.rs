//! Which questions a customer is asked: one decision for each session, each going on where the last one left off.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tracing::warn;
use voicecall::store::Session;
use voicecall::survey::selection::{ByFrequency, QuestionSelector, Selection, SelectionRequest};
use voicecall::survey::store::{BusinessContext, QuestionConfiguration, SelectionLog};
use voicecall::{Error, ErrorKind, RecordId, Result, TenantId};

use crate::store::BusinessStore;

/// Chooses questions and keeps the decisions.
#[derive(Debug)]
pub(crate) struct Chooser {
    store: Arc<dyn BusinessStore>,
    selector: ByFrequency,
    /// Two decisions of one business at the same time would both go on from the same one.
    turns: Mutex<HashMap<TenantId, Arc<tokio::sync::Mutex<()>>>>,
}

/// What a choice is made for.
#[derive(Debug, Default)]
pub(crate) struct Occasion {
    /// The number of the customer.
    pub(crate) customer_count: u64,
    /// The time the call may take; the business's own if it is not said.
    pub(crate) time_budget: Option<Duration>,
    /// What the visit was about.
    pub(crate) tags: Vec<String>,
}

impl Chooser {
    pub(crate) fn new(store: Arc<dyn BusinessStore>) -> Self {
        Self { store, selector: ByFrequency::default(), turns: Mutex::default() }
    }

    /// What would be chosen. Nothing is kept.
    ///
    /// # Errors
    /// What the store reports.
    pub(crate) async fn preview(&self, tenant: TenantId, occasion: Occasion) -> Result<(SelectionRequest, Selection)> {
        let request = self.request(tenant, occasion).await?;
        let selection = self.selector.select(&request);
        Ok((request, selection))
    }

    /// Chooses, and keeps the decision.
    ///
    /// # Errors
    /// What the store reports.
    pub(crate) async fn decide(&self, tenant: TenantId, occasion: Occasion) -> Result<(SelectionRequest, Selection)> {
        let turn = self.turn(tenant);
        let _turn = turn.lock().await;
        let (request, selection) = self.preview(tenant, occasion).await?;
        self.store.log_selection(&selection.to_log(RecordId::new(), &request)).await?;
        Ok((request, selection))
    }

    /// The questions of a session: chosen at its first call, the same at every further one.
    ///
    /// # Errors
    /// `Rejected` if no question is due for this customer; what the store reports.
    pub(crate) async fn of_session(&self, session: &Session) -> Result<Vec<QuestionConfiguration>> {
        let tenant = session.tenant;
        let turn = self.turn(tenant);
        let _turn = turn.lock().await;
        if let Some(made) = self.store.selection_of_session(tenant, session.id).await? {
            let configured = self.store.questions(tenant, false).await?;
            let chosen = made.selected.iter().filter_map(|id| configured.iter().find(|question| question.id == *id));
            return Ok(chosen.cloned().collect());
        }
        let customer_count = self.store.count_customer(tenant).await?;
        let (request, selection) = self.preview(tenant, Occasion { customer_count, ..Occasion::default() }).await?;
        let log = SelectionLog { session: Some(session.id), ..selection.to_log(RecordId::new(), &request) };
        self.store.log_selection(&log).await?;
        if selection.questions.is_empty() {
            return Err(Error::new(ErrorKind::Rejected, "plan call")
                .with_field("businessId")
                .with_message("no question is due for this customer"));
        }
        Ok(selection.questions)
    }

    async fn request(&self, tenant: TenantId, occasion: Occasion) -> Result<SelectionRequest> {
        let questions = self.store.questions(tenant, true).await?;
        let mut request = SelectionRequest::new(tenant, questions, occasion.customer_count, Timestamp::now());
        let own = self.store.business(tenant).await.ok().as_ref().and_then(time_budget);
        request.time_budget = occasion.time_budget.or(own).unwrap_or(request.time_budget);
        request.context_tags = occasion.tags;
        let Some(last) = self.store.selection_logs(tenant, 1).await?.pop() else { return Ok(request) };
        match request.clone().following(&last) {
            Ok(following) => Ok(following),
            // A decision of another version: begin anew.
            Err(error) => {
                warn!(%error, "the last decision cannot be followed");
                Ok(request)
            }
        }
    }

    fn turn(&self, tenant: TenantId) -> Arc<tokio::sync::Mutex<()>> {
        // An insertion cannot be left half done, so a poisoned lock is as good as any.
        Arc::clone(self.turns.lock().unwrap_or_else(PoisonError::into_inner).entry(tenant).or_default())
    }
}

/// The time a business's calls may take.
fn time_budget(business: &BusinessContext) -> Option<Duration> {
    let seconds = business.question_settings.get("timeBudgetSeconds")?.as_u64()?;
    (60..=120).contains(&seconds).then(|| Duration::from_secs(seconds))
}
