//! What is done without being asked: events are taken up, and runs worked on.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep_until};
use tracing::warn;
use voicecall_core::ErrorKind;
use voicecall_core::store::{LeaseTerm, Run, RunState};

use crate::Workflows;
use crate::plan::later;

/// How often old runs are looked for, and how many are forgotten at once.
const PURGE_EVERY: Duration = Duration::from_secs(600);
const PURGE_AT_ONCE: u32 = 1000;

/// Everything under way. Nothing is begun twice here; other processes are kept off by the store.
#[derive(Debug, Default)]
struct Work {
    tasks: JoinSet<()>,
    /// In which lane each of them is.
    lanes: HashMap<Id, String>,
    of_lane: HashMap<String, u32>,
    /// Whether nothing more is to begin.
    stops: Arc<AtomicBool>,
}

impl Workflows {
    /// Takes up events and works on runs until `stop` comes to its end; then finishes the steps that are under way, for as
    /// long as a step may take. What is left waits in the store.
    pub async fn run_background(self: Arc<Self>, stop: impl Future<Output = ()> + Send) {
        let mut work = Work::default();
        let mut purge_at = Instant::now();
        tokio::pin!(stop);
        loop {
            let is_more = self.take_up_events().await;
            self.begin_runs(&mut work).await;
            if purge_at <= Instant::now() {
                purge_at = Instant::now() + PURGE_EVERY;
                self.forget_old_runs().await;
            }
            let again = Instant::now() + if is_more { Duration::ZERO } else { self.config.look_every };
            tokio::select! {
                () = &mut stop => break,
                () = self.changed.notified() => {}
                Some(ended) = work.tasks.join_next_with_id() => work.finish(match ended {
                    Ok((id, ())) => id,
                    Err(error) => {
                        warn!(%error, "working on a run has failed");
                        error.id()
                    }
                }),
                () = sleep_until(again) => {}
            }
        }
        work.stops.store(true, Ordering::Relaxed);
        while work.tasks.join_next().await.is_some() {}
    }

    async fn begin_runs(self: &Arc<Self>, work: &mut Work) {
        let room = self.config.at_once.saturating_sub(work.tasks.len());
        if room == 0 {
            return;
        }
        let definitions: Vec<_> = self.definitions.keys().cloned().collect();
        let limit = u32::try_from(room).unwrap_or(u32::MAX);
        let per_lane = self.config.per_lane;
        let due = self.store.due_runs(self.now(), &definitions, &work.full_lanes(per_lane), per_lane, limit).await;
        let due = match due {
            Ok(due) => due,
            Err(error) => return warn!(%error, "due runs could not be read"),
        };
        for run in due {
            if work.of_lane.get(&run.lane()).is_none_or(|count| *count < per_lane) {
                self.begin_run(run, work).await;
            }
        }
    }

    async fn begin_run(self: &Arc<Self>, run: Run, work: &mut Work) {
        let Some(workflow) = self.definitions.get(&run.definition()).cloned() else { return };
        let term = LeaseTerm { now: self.now(), length: self.config.lease };
        match self.store.claim_run(run.tenant, run.id, term).await {
            Ok(run) => {
                let (lane, workflows, stops) = (run.lane(), Arc::clone(self), Arc::clone(&work.stops));
                let task = work.tasks.spawn(async move { workflows.work_on(run, workflow, &stops).await });
                work.lanes.insert(task.id(), lane.clone());
                *work.of_lane.entry(lane).or_default() += 1;
            }
            // Somebody else was first.
            Err(error) if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::NotFound) => {}
            Err(error) => warn!(run = %run.id, %error, "a run could not be claimed"),
        }
    }

    async fn forget_old_runs(&self) {
        for (state, kept) in [(RunState::Done, self.config.keep_done), (RunState::Dead, self.config.keep_dead)] {
            let before = later(self.now(), Duration::ZERO)
                .checked_sub(jiff::SignedDuration::try_from(kept).unwrap_or(jiff::SignedDuration::MAX));
            let before = before.unwrap_or(jiff::Timestamp::MIN);
            loop {
                match self.store.purge_runs(state, before, PURGE_AT_ONCE).await {
                    Ok(gone) if gone == u64::from(PURGE_AT_ONCE) => {}
                    Ok(_) => break,
                    Err(error) => return warn!(%error, "old runs could not be forgotten"),
                }
            }
        }
    }
}

impl Work {
    fn full_lanes(&self, per_lane: u32) -> Vec<String> {
        self.of_lane.iter().filter(|(_, count)| **count >= per_lane).map(|(lane, _)| lane.clone()).collect()
    }

    fn finish(&mut self, task: Id) {
        let Some(lane) = self.lanes.remove(&task) else { return };
        if let Some(count) = self.of_lane.get_mut(&lane) {
            *count -= 1;
            if *count == 0 {
                self.of_lane.remove(&lane);
            }
        }
    }
}
