//! What is to be done next in a run, and what follows from what was done. Waits for nothing; time is an argument.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use voicecall_core::store::{Run, RunState, StepRecord, StepState};
use voicecall_core::{Error, ErrorKind};

use crate::step::{Step, StepRun};
use crate::workflow::Workflow;

/// What is next.
#[derive(Debug)]
pub(crate) struct Next {
    /// Steps that are to begin now; they count as begun.
    pub(crate) begin: Vec<Step>,
    /// When the next one is due that waits for its next try.
    pub(crate) wake_at: Option<Timestamp>,
}

/// Decides what is next. Steps that are `running` here are waited for; others that had begun were cut off by a crash, which
/// counts as a try.
pub(crate) fn advance(workflow: &Workflow, run: &mut Run, running: &HashSet<&'static str>, now: Timestamp) -> Next {
    let mut next = Next { begin: Vec::new(), wake_at: None };
    for step in &workflow.steps {
        let state = run.steps.get(step.name).map(|record| record.state);
        let begins = match state {
            Some(StepState::Done | StepState::Skipped | StepState::Failed) => false,
            Some(StepState::Begun) if running.contains(step.name) => false,
            Some(StepState::Begun) => {
                let cut_off =
                    Error::new(ErrorKind::Unavailable, "run step").with_message("the process ended meanwhile");
                let attempts = run.steps.get(step.name).map_or(0, |record| record.attempts);
                let again = attempts < step.retry.attempts();
                if !again {
                    fail(run, step, &cut_off, now);
                }
                again
            }
            Some(StepState::Retrying) => {
                let due = run.steps.get(step.name).and_then(|record| record.due_at).unwrap_or(now);
                if due > now {
                    next.wake_at = Some(next.wake_at.map_or(due, |other| other.min(due)));
                }
                due <= now
            }
            None => may_begin(run, step),
        };
        if begins {
            let record = record(run, step);
            (record.state, record.attempts, record.due_at) = (StepState::Begun, record.attempts + 1, None);
            next.begin.push(step.clone());
        }
    }
    next
}

/// Whether a step that was not begun begins; it may be skipped instead, or fail for its condition.
fn may_begin(run: &mut Run, step: &Step) -> bool {
    let before: Vec<_> = step.after.iter().map(|name| run.steps.get(*name).map(|record| record.state)).collect();
    let is_over = |state: &Option<StepState>| matches!(state, Some(StepState::Done | StepState::Skipped));
    if !before.iter().all(is_over) {
        return false;
    }
    let is_cut_off = !before.is_empty() && before.iter().all(|state| *state == Some(StepState::Skipped));
    let given = StepRun::new(run, step.name);
    let holds = |condition: &_| holds(condition, &given);
    match step.condition.as_deref().map_or(Ok(true), holds) {
        Ok(true) if !is_cut_off => true,
        Ok(_) => {
            record(run, step).state = StepState::Skipped;
            false
        }
        Err(message) => {
            let record = record(run, step);
            (record.state, record.error) = (StepState::Failed, Some(message));
            false
        }
    }
}

fn holds(condition: &(dyn Fn(&StepRun) -> bool + Send + Sync), given: &StepRun) -> Result<bool, String> {
    catch_unwind(AssertUnwindSafe(|| condition(given))).map_err(|_| "its condition panicked".to_owned())
}

/// Takes in how a step ended.
pub(crate) fn finish(run: &mut Run, step: &Step, outcome: Result<Value, Error>, now: Timestamp) {
    match outcome {
        Ok(output) => {
            let record = record(run, step);
            (record.state, record.output, record.error) = (StepState::Done, output, None);
        }
        Err(error) => fail(run, step, &error, now),
    }
}

fn fail(run: &mut Run, step: &Step, error: &Error, now: Timestamp) {
    let key = run.key(step.name);
    let record = record(run, step);
    record.error = Some(error.to_string());
    // The key makes it safe to do again what may have been done.
    let is_worth_it = error.is_retryable() || error.kind() == ErrorKind::UnknownOutcome;
    let pause = step.retry.pause(record.attempts, &key, error.retry_after()).filter(|_| is_worth_it);
    match pause {
        Some(pause) => (record.state, record.due_at) = (StepState::Retrying, Some(later(now, pause))),
        None => record.state = StepState::Failed,
    }
}

/// What becomes of a run of which nothing is under way or to begin: it waits for its next try, or it is over.
pub(crate) fn rest(run: &mut Run, wake_at: Option<Timestamp>) {
    match wake_at {
        Some(at) => run.due_at = at,
        None if run.steps.values().any(|record| record.state == StepState::Failed) => run.state = RunState::Dead,
        None => run.state = RunState::Done,
    }
}

pub(crate) fn later(now: Timestamp, pause: Duration) -> Timestamp {
    now.saturating_add(SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX)).unwrap_or(Timestamp::MAX)
}

fn record<'a>(run: &'a mut Run, step: &Step) -> &'a mut StepRecord {
    run.steps.entry(step.name.to_owned()).or_insert_with(|| StepRecord {
        state: StepState::Begun,
        attempts: 0,
        due_at: None,
        output: Value::Null,
        error: None,
    })
}
