//! One step of a workflow.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use voicecall_core::event::Event;
use voicecall_core::store::{Run, StepState};
use voicecall_core::{Error, ErrorKind, Result, RunId, SubscriptionId};

use crate::Retry;

/// How long a step may take if it is not said.
const TIMEOUT: Duration = Duration::from_secs(30);

type Done = Pin<Box<dyn Future<Output = Result<Value>> + Send>>;
type Handler = dyn Fn(StepRun) -> Done + Send + Sync;
type Condition = dyn Fn(&StepRun) -> bool + Send + Sync;

/// A step of a workflow: what is done, after what, under which condition, how often and for how long.
#[derive(Clone)]
pub struct Step {
    pub(crate) name: &'static str,
    pub(crate) after: Vec<&'static str>,
    pub(crate) condition: Option<Arc<Condition>>,
    pub(crate) retry: Retry,
    pub(crate) timeout: Duration,
    pub(crate) handler: Arc<Handler>,
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step").field("name", &self.name).field("after", &self.after).finish_non_exhaustive()
    }
}

impl Step {
    /// A step that is done at once, is tried three times, and may take 30 s each time.
    ///
    /// It may run again although it had been done: if the process dies before that is stored. What must not be done twice
    /// is done under [`StepRun::key`]. Errors that are [retryable](Error::is_retryable) or of unknown outcome, a panic and the
    /// end of the time are tried again; other errors fail for good.
    #[must_use]
    pub fn new<F, Fut, T>(name: &'static str, handler: F) -> Self
    where
        F: Fn(StepRun) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T>> + Send + 'static,
        T: Serialize,
    {
        let handler = move |run: StepRun| -> Done {
            let done = handler(run);
            Box::pin(async move {
                let output = done.await?;
                let unreadable = |error| Error::new(ErrorKind::Internal, "write step's output").with_source(error);
                serde_json::to_value(output).map_err(unreadable)
            })
        };
        let (after, condition, handler) = (Vec::new(), None, Arc::new(handler));
        Self { name, after, condition, retry: Retry::default(), timeout: TIMEOUT, handler }
    }

    /// After which steps it is done; at once otherwise, beside every other that need not wait. It is skipped if all of them
    /// were, and never begins if one of them fails.
    #[must_use]
    pub fn after(mut self, steps: impl IntoIterator<Item = &'static str>) -> Self {
        self.after.extend(steps);
        self
    }

    /// Under which condition it is done. It is skipped otherwise.
    #[must_use]
    pub fn when(mut self, condition: impl Fn(&StepRun) -> bool + Send + Sync + 'static) -> Self {
        self.condition = Some(Arc::new(condition));
        self
    }

    /// How often it is tried.
    #[must_use]
    pub const fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// How long it may take each time.
    #[must_use]
    pub const fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }
}

/// What a step is given.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StepRun {
    /// What happened.
    pub event: Event,
    /// The run it is part of.
    pub run: RunId,
    /// By which whoever is asked knows the same request again: the same whenever this step of this run is tried.
    pub key: String,
    /// Which try it is, from 1.
    pub attempt: u32,
    pub(crate) subscription: Option<SubscriptionId>,
    outputs: BTreeMap<String, Value>,
}

impl StepRun {
    pub(crate) fn new(run: &Run, step: &str) -> Self {
        let done = run.steps.iter().filter(|(_, record)| record.state == StepState::Done);
        Self {
            event: run.event.clone(),
            run: run.id,
            key: run.key(step),
            attempt: run.steps.get(step).map_or(1, |record| record.attempts),
            subscription: run.subscription,
            outputs: done.map(|(name, record)| (name.clone(), record.output.clone())).collect(),
        }
    }

    /// What the steps that are done have returned, by their names.
    #[must_use]
    pub const fn outputs(&self) -> &BTreeMap<String, Value> {
        &self.outputs
    }

    /// What a step has returned.
    ///
    /// # Errors
    /// `Invalid` naming the step if it is not done, or returned something else.
    pub fn output<T: DeserializeOwned>(&self, step: &str) -> Result<T> {
        let output = self.outputs.get(step);
        let output = output.ok_or_else(|| Error::invalid(step.to_owned(), "a step that is done"))?;
        T::deserialize(output).map_err(|error| Error::invalid(step.to_owned(), "of this type").with_source(error))
    }
}
