//! Working on one run: its steps are begun as the plan says, and how far it has come is stored before and after each.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use jiff::Timestamp;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{error, warn};
use voicecall_core::store::{LeaseTerm, Run, RunState, StepState};
use voicecall_core::{Error, ErrorKind, Result};

use crate::plan::{self, Next};
use crate::step::{Step, StepRun};
use crate::workflow::Workflow;
use crate::{WorkflowEvent, Workflows};

/// How large what a step returns may be: it stands in the run's row and is read with it.
const LARGEST_OUTPUT: usize = 64 * 1024;

/// The pause before the store is asked again.
const STORE_PAUSE: Duration = Duration::from_millis(500);

/// A step that was tried once.
struct Attempted {
    step: &'static str,
    took: Duration,
    outcome: Result<Value>,
}

/// A run that is worked on here.
struct Work {
    run: Run,
    workflow: Arc<Workflow>,
    tasks: JoinSet<Attempted>,
    running: HashSet<&'static str>,
}

impl Workflows {
    /// Works on a run that was claimed until nothing of it is to be done now, somebody else has it, or it is told to stop: then
    /// what is under way is finished, and nothing begun.
    pub(crate) async fn work_on(&self, run: Run, workflow: Arc<Workflow>, stop: &AtomicBool) {
        let mut work = Work { run, workflow, tasks: JoinSet::new(), running: HashSet::new() };
        let is_over = loop {
            let next = self.next(&mut work, stop.load(Ordering::Relaxed));
            let rests = next.begin.is_empty() && work.running.is_empty();
            if rests {
                plan::rest(&mut work.run, next.wake_at);
            }
            work.run.updated_at = self.now();
            if !self.save(&work.run, !rests).await {
                break false;
            }
            if rests {
                break true;
            }
            for step in next.begin {
                work.running.insert(step.name);
                work.tasks.spawn(attempt(step.clone(), StepRun::new(&work.run, step.name)));
            }
            self.wait(&mut work, next.wake_at).await;
        };
        if is_over && matches!(work.run.state, RunState::Done | RunState::Dead) {
            self.tell(&WorkflowEvent::Ended { workflow: work.workflow.name, state: work.run.state });
        }
        if work.run.state == RunState::Dead {
            report(&work.run);
        }
        // Steps under way of a run that is somebody else's by now end here.
    }

    /// What is next; nothing that is to begin, if it is to stop.
    fn next(&self, work: &mut Work, stops: bool) -> Next {
        let (before, now) = (work.run.clone(), self.now());
        let next = plan::advance(&work.workflow, &mut work.run, &work.running, now);
        if stops && !next.begin.is_empty() {
            work.run = before;
            return Next { begin: Vec::new(), wake_at: Some(now) };
        }
        next
    }

    /// Until a step has ended, the lease is to be renewed, or another step is due.
    async fn wait(&self, work: &mut Work, wake_at: Option<Timestamp>) {
        let renew_at = Instant::now() + self.config.lease / 3;
        let due = wake_at.map(|at| Instant::now() + at.duration_since(self.now()).try_into().unwrap_or_default());
        tokio::select! {
            Some(ended) = work.tasks.join_next() => match ended {
                Ok(Attempted { step, took, outcome }) => {
                    work.running.remove(step);
                    let workflow = Arc::clone(&work.workflow);
                    let success = outcome.is_ok();
                    self.tell(&WorkflowEvent::StepEnded { workflow: workflow.name, step, success, took });
                    if let Some(step) = workflow.find(step) {
                        plan::finish(&mut work.run, step, outcome, self.now());
                    }
                }
                // Only whoever aborts a task ends it so, and nobody does.
                Err(error) => warn!(run = %work.run.id, %error, "a step's task was lost"),
            },
            () = sleep_until(due.unwrap_or(renew_at).min(renew_at)) => {}
        }
    }

    /// Stores how far a run has come. Returns whether it is still ours. A store that is away is asked again until the lease is
    /// over.
    async fn save(&self, run: &Run, goes_on: bool) -> bool {
        let begun = Instant::now();
        loop {
            let term = LeaseTerm { now: self.now(), length: self.config.lease };
            match self.store.save_run(run, goes_on.then_some(term)).await {
                Ok(()) => return true,
                Err(error) if error.is_retryable() && begun.elapsed() < self.config.lease => {
                    warn!(run = %run.id, %error, "how far a run has come could not be stored yet");
                    sleep(STORE_PAUSE).await;
                }
                Err(error) => {
                    warn!(run = %run.id, %error, "a run is let go: somebody else goes on with it, or it was dropped");
                    return false;
                }
            }
        }
    }
}

/// Does a step once: what panics or takes too long has failed.
async fn attempt(step: Step, given: StepRun) -> Attempted {
    let begun = Instant::now();
    let handler = Arc::clone(&step.handler);
    let done = AssertUnwindSafe(async move { handler(given).await }).catch_unwind();
    let outcome = match timeout(step.timeout, done).await {
        Ok(Ok(outcome)) => outcome.and_then(check_size),
        Ok(Err(_)) => Err(Error::new(ErrorKind::Unavailable, "run step").with_message("it panicked")),
        Err(_) => Err(Error::new(ErrorKind::Timeout, "run step")),
    };
    Attempted { step: step.name, took: begun.elapsed(), outcome }
}

fn check_size(output: Value) -> Result<Value> {
    if output.to_string().len() > LARGEST_OUTPUT {
        return Err(Error::invalid("output", format!("at most {LARGEST_OUTPUT} bytes of JSON")));
    }
    Ok(output)
}

fn report(run: &Run) {
    let failed = run.steps.iter().find(|(_, record)| record.state == StepState::Failed);
    let (step, reason) = failed.map_or(("", ""), |(name, record)| (name, record.error.as_deref().unwrap_or_default()));
    error!(run = %run.id, tenant = %run.tenant, workflow = run.workflow, step, reason, "a run failed for good");
}
