//! What workflows do, for whoever counts it.

use std::fmt::Debug;
use std::time::Duration;

use voicecall_core::store::RunState;

/// Is told of everything, at once and without exception: for metrics and alerts. Must be quick and must not wait. Set by
/// [`WorkflowConfig::observer`](crate::WorkflowConfig::observer).
pub trait WorkflowObserver: Send + Sync + Debug + 'static {
    /// Something happened.
    fn observe(&self, event: &WorkflowEvent);
}

/// Something that happened to a run. Names are those of the code, never of a tenant; webhooks are runs of the workflow
/// `webhook`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum WorkflowEvent {
    /// An event started it.
    Started {
        /// The workflow's name.
        workflow: &'static str,
        /// How long the event had waited.
        waited: Duration,
    },
    /// A step was done, or failed, once; one that is tried again ends as often.
    StepEnded {
        /// The workflow's name.
        workflow: &'static str,
        /// The step's name.
        step: &'static str,
        /// Whether it was done.
        success: bool,
        /// How long it took.
        took: Duration,
    },
    /// It is over.
    Ended {
        /// The workflow's name.
        workflow: &'static str,
        /// Done, or dead.
        state: RunState,
    },
}
