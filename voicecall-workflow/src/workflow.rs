//! A workflow: which events start it, and its steps.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use voicecall_core::event::{Event, EventType};
use voicecall_core::{Error, Result};

use crate::Step;

/// The most characters a name has.
const LONGEST_NAME: usize = 60;

/// The most steps a workflow has: all of them stand in one row.
const MOST_STEPS: usize = 50;

type Condition = dyn Fn(&Event) -> bool + Send + Sync;

/// A small graph of steps that certain events start.
#[derive(Clone)]
pub struct Workflow {
    pub(crate) name: &'static str,
    pub(crate) version: u32,
    pub(crate) events: Vec<EventType>,
    pub(crate) condition: Option<Arc<Condition>>,
    pub(crate) steps: Vec<Step>,
}

impl fmt::Debug for Workflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, version, events, steps, .. } = self;
        let mut all = f.debug_struct("Workflow");
        all.field("name", name).field("version", version).field("events", events).field("steps", steps);
        all.finish_non_exhaustive()
    }
}

impl Workflow {
    /// A workflow without steps that nothing starts. Its name and those of its steps are 1 to 60 characters out of `a-z 0-9 _`.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, version: 1, events: Vec::new(), condition: None, steps: Vec::new() }
    }

    /// Its version, which is 1 if not said. A run goes on with the version that it began with: whoever changes what steps mean,
    /// or which there are, counts up and lets the one before be known beside it until its runs are done. New events start the
    /// newest that is known. A run whose version nobody knows waits.
    #[must_use]
    pub const fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// Lets these events start it. May be said again.
    #[must_use]
    pub fn on(mut self, event: EventType) -> Self {
        self.events.push(event);
        self
    }

    /// Under which condition they do. Must be quick; if it panics, it holds.
    #[must_use]
    pub fn when(mut self, condition: impl Fn(&Event) -> bool + Send + Sync + 'static) -> Self {
        self.condition = Some(Arc::new(condition));
        self
    }

    /// Adds a step, which comes [after](Step::after) only such as were added before it.
    #[must_use]
    pub fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    pub(crate) fn definition(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }

    pub(crate) fn find(&self, step: &str) -> Option<&Step> {
        self.steps.iter().find(|own| own.name == step)
    }

    pub(crate) fn validate(&self) -> Result<()> {
        check_name("workflow", self.name)?;
        let wrong = |message: String| Err(Error::config(self.name, message));
        if self.name == crate::webhook::NAME {
            return wrong("another name: webhooks are delivered under this one".to_owned());
        }
        if self.events.is_empty() {
            return wrong("an event that starts it".to_owned());
        }
        if self.steps.is_empty() || self.steps.len() > MOST_STEPS {
            return wrong(format!("1 to {MOST_STEPS} steps"));
        }
        let mut known = HashSet::new();
        for step in &self.steps {
            check_name("step", step.name)?;
            if let Some(unknown) = step.after.iter().find(|before| !known.contains(*before)) {
                return wrong(format!("`{unknown}` as a step before `{}`, which comes after it", step.name));
            }
            if !known.insert(step.name) {
                return wrong(format!("each step once, and not `{}` twice", step.name));
            }
            if step.timeout.is_zero() {
                return wrong(format!("more than no time for `{}`", step.name));
            }
            step.retry.validate(step.name)?;
        }
        Ok(())
    }
}

fn check_name(field: &'static str, name: &str) -> Result<()> {
    let is_fit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(is_fit) {
        return Err(Error::config(field, format!("a name of 1 to {LONGEST_NAME} out of a-z 0-9 _, and not {name:?}")));
    }
    Ok(())
}
