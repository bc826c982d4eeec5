//! From events to runs.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use tracing::{error, warn};
use voicecall_core::event::Event;
use voicecall_core::store::{Run, Subscription};
use voicecall_core::{Result, TenantId};

use crate::webhook;
use crate::workflow::Workflow;
use crate::{WorkflowEvent, Workflows};

/// How many events are read at once.
const BATCH: u32 = 64;

impl Workflows {
    /// Starts the runs of what has happened. Returns whether there may be more.
    pub(crate) async fn take_up_events(&self) -> bool {
        let events = match self.store.pending_events(BATCH).await {
            Ok(events) => events,
            Err(error) => {
                warn!(%error, "events could not be read");
                return false;
            }
        };
        let mut subscriptions = HashMap::new();
        let mut taken = 0;
        for event in &events {
            if let Err(error) = self.take_up(event, &mut subscriptions).await {
                warn!(event = %event.id, %error, "an event could not be taken up yet");
                // A store that is away is so for all of them; what is wrong with one is so for this one.
                if error.is_retryable() {
                    return false;
                }
            } else {
                taken += 1;
            }
        }
        taken == BATCH as usize
    }

    async fn take_up(&self, event: &Event, known: &mut HashMap<TenantId, Vec<Subscription>>) -> Result<()> {
        let now = self.now();
        let run = |workflow: &Workflow, subscription| {
            Run::new(event.clone(), workflow.name, workflow.version, subscription, now)
        };
        let started: Vec<_> = self.started_by(event).collect();
        let mut names: Vec<_> = started.iter().map(|workflow| workflow.name).collect();
        let mut runs: Vec<_> = started.into_iter().map(|workflow| run(workflow, None)).collect();
        if let Some(delivery) = self.definitions.get(&webhook::definition()) {
            let of_tenant = match known.entry(event.tenant) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(self.store.subscriptions(event.tenant).await?),
            };
            let wanted = of_tenant.iter().filter(|row| row.wants(event.kind));
            runs.extend(wanted.map(|row| run(delivery, Some(row.id))));
            names.resize(runs.len(), delivery.name);
        }
        // If it was not pending, who took it up has started the same.
        if self.store.start_runs(event, &runs).await? {
            let waited = now.duration_since(event.at).try_into().unwrap_or_default();
            names.into_iter().for_each(|workflow| self.tell(&WorkflowEvent::Started { workflow, waited }));
        }
        Ok(())
    }

    /// The newest version of each workflow that an event starts.
    fn started_by<'a>(&'a self, event: &'a Event) -> impl Iterator<Item = &'a Workflow> {
        let mut bound: Vec<_> = self.definitions.values().filter(|workflow| workflow.name != webhook::NAME).collect();
        bound.sort_by_key(|workflow| (workflow.name, std::cmp::Reverse(workflow.version)));
        let mut seen = HashSet::new();
        bound.retain(|workflow| seen.insert(workflow.name));
        bound.into_iter().map(|workflow| &**workflow).filter(|workflow| starts(workflow, event))
    }
}

fn starts(workflow: &Workflow, event: &Event) -> bool {
    let Some(condition) = &workflow.condition else { return workflow.events.contains(&event.kind) };
    workflow.events.contains(&event.kind) && catch_unwind(AssertUnwindSafe(|| condition(event))).unwrap_or_else(|_| {
        error!(workflow = workflow.name, event = %event.id, "a workflow's condition panicked, and is taken to hold");
        true
    })
}
