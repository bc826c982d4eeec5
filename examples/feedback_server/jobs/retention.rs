//! Forgetting what is old: each job in small steps, files before rows, every run kept so that it can be shown.

use jiff::{SignedDuration, Timestamp};
use tracing::{info, warn};
use voicecall::server::CancellationToken;
use voicecall::store::{RetentionJob, RetentionRun, Session};
use voicecall::{Error, ErrorKind, Result, SessionId};

use super::Dependencies;
use super::anonymise::Anonymiser;

/// How many rows one transaction moves or deletes. Calls write in between.
const STEP: u32 = 500;

/// How many sessions are looked at at a time.
const BATCH: u32 = 100;

/// All retention jobs.
#[derive(Debug)]
pub(super) struct Retention {
    dependencies: Dependencies,
    stop: CancellationToken,
}

/// What has come of a job so far.
#[derive(Debug, Default)]
struct Progress {
    affected: u64,
    /// The first failure.
    error: Option<Error>,
}

impl Progress {
    fn fail(&mut self, error: Error) {
        self.error.get_or_insert(error);
    }

    /// Counts an outcome. A session that is gone in the meantime is what was wanted.
    fn count(&mut self, session: SessionId, outcome: Result<bool>) {
        match outcome {
            Ok(did) => self.affected += u64::from(did),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                warn!(%session, %error, "what a session left cannot be forgotten now");
                self.fail(error);
            }
        }
    }
}

impl Retention {
    pub(super) const fn new(dependencies: Dependencies, stop: CancellationToken) -> Self {
        Self { dependencies, stop }
    }

    /// Runs every job once, and keeps what came of it. A job that fails is run again the next time.
    pub(super) async fn run(&self) {
        for &job in RetentionJob::ALL {
            let at = self.dependencies.clock.now();
            let before = self.before(job, at);
            let mut progress = Progress::default();
            self.carry_out(job, before, &mut progress).await;
            let Progress { affected, error } = progress;
            match &error {
                Some(error) => warn!(%job, %before, affected, %error, "a retention job stopped early"),
                None => info!(%job, %before, affected, "a retention job ran"),
            }
            let run = RetentionRun { job, at, before, affected, error: error.map(|error| error.to_string()) };
            if let Err(error) = self.dependencies.store.log_retention(&run).await {
                warn!(%job, %error, "the run of a retention job could not be kept");
            }
        }
    }

    /// What is older than this is concerned by a job.
    fn before(&self, job: RetentionJob, at: Timestamp) -> Timestamp {
        let policy = &self.dependencies.policy;
        let period = match job {
            RetentionJob::ArchiveEvents => policy.events,
            RetentionJob::PurgeProviderLogs => policy.provider_logs,
            RetentionJob::PurgeFailedSessions => policy.failed_sessions,
            RetentionJob::DeleteRecordings => policy.recordings,
            RetentionJob::Anonymise => policy.transcripts,
        };
        let period = SignedDuration::try_from(period).unwrap_or(SignedDuration::MAX);
        at.checked_sub(period).unwrap_or(Timestamp::MIN)
    }

    async fn carry_out(&self, job: RetentionJob, before: Timestamp, progress: &mut Progress) {
        match job {
            RetentionJob::ArchiveEvents | RetentionJob::PurgeProviderLogs => self.rows(job, before, progress).await,
            RetentionJob::PurgeFailedSessions | RetentionJob::Anonymise => self.sessions(job, before, progress).await,
            RetentionJob::DeleteRecordings => {
                self.sessions(job, before, progress).await;
                if let Err(error) = self.folders(before, progress).await {
                    progress.fail(error);
                }
            }
        }
    }

    /// Jobs that need nothing but the store: step by step, until one finds less than it could take.
    async fn rows(&self, job: RetentionJob, before: Timestamp, progress: &mut Progress) {
        let store = &self.dependencies.store;
        while self.goes_on(progress) {
            let step = match job {
                RetentionJob::ArchiveEvents => store.archive_events(before, STEP).await,
                _ => store.purge_provider_logs(before, STEP).await,
            };
            match step {
                Ok(affected) => {
                    progress.affected += affected;
                    if affected < u64::from(STEP) {
                        return;
                    }
                }
                Err(error) => progress.fail(error),
            }
        }
    }

    /// Jobs that deal with each session by itself. One that fails does not keep the others from their turn; what has
    /// failed would be found again at once, so that the next sessions have to wait for the next run.
    async fn sessions(&self, job: RetentionJob, before: Timestamp, progress: &mut Progress) {
        let anonymiser = Anonymiser::new(&self.dependencies, before);
        while self.goes_on(progress) {
            let found = match self.find(job, before).await {
                Ok(found) => found,
                Err(error) => return progress.fail(error),
            };
            for session in &found {
                if self.is_stopping(progress) {
                    return;
                }
                let outcome = match job {
                    RetentionJob::PurgeFailedSessions => self.purge(session).await,
                    RetentionJob::DeleteRecordings => self.delete_recording(session).await,
                    _ => anonymiser.anonymise(session).await.map(|()| true),
                };
                progress.count(session.id, outcome);
            }
            if found.len() < BATCH as usize {
                return;
            }
        }
    }

    async fn find(&self, job: RetentionJob, before: Timestamp) -> Result<Vec<Session>> {
        let store = &self.dependencies.store;
        match job {
            RetentionJob::PurgeFailedSessions => store.old_failed_sessions(before, BATCH).await,
            RetentionJob::DeleteRecordings => store.old_recordings(before, BATCH).await,
            _ => {
                let calls = store.old_transcripts(before, BATCH).await?;
                Ok(calls.into_iter().map(|call| call.session).collect())
            }
        }
    }

    /// Files first: once the row is gone, nobody knows whose they were.
    async fn purge(&self, session: &Session) -> Result<bool> {
        self.dependencies.engine.remove_recordings(session).await?;
        self.dependencies.store.delete_session(session.tenant, session.id).await?;
        Ok(true)
    }

    /// Files first: a row without an address is not looked at again.
    async fn delete_recording(&self, session: &Session) -> Result<bool> {
        self.dependencies.engine.remove_recordings(session).await?;
        self.dependencies.store.forget_recording(session.tenant, session.id, self.dependencies.clock.now()).await?;
        Ok(true)
    }

    /// Folders no address leads to: what a call left that broke off, and those of sessions that are no more.
    async fn folders(&self, before: Timestamp, progress: &mut Progress) -> Result<()> {
        let folders = self.dependencies.recordings.sessions().await?;
        let mut unknown: Vec<SessionId> = Vec::new();
        for ids in folders.chunks(BATCH as usize) {
            let known = self.dependencies.store.existing_sessions(ids).await?;
            unknown.extend(ids.iter().copied().filter(|id| known.iter().all(|session| session.id != *id)));
            for session in known.iter().filter(|session| session.ended_at.is_some_and(|ended| ended < before)) {
                if self.is_stopping(progress) {
                    return Ok(());
                }
                progress.count(session.id, self.delete_recording(session).await);
            }
        }
        if !unknown.is_empty() && unknown.len() == folders.len() {
            // More likely the wrong store than one that has forgotten them all.
            return Err(Error::config("DATABASE_PATH", "the store of the recordings: it knows none of their sessions"));
        }
        for session in unknown {
            warn!(%session, "the recording of a session that is no more is removed");
            progress.count(session, self.dependencies.engine.discard_recording(session).await);
        }
        Ok(())
    }

    fn goes_on(&self, progress: &mut Progress) -> bool {
        progress.error.is_none() && !self.is_stopping(progress)
    }

    fn is_stopping(&self, progress: &mut Progress) -> bool {
        let stopping = self.stop.is_cancelled();
        if stopping {
            progress.fail(Error::new(ErrorKind::Closed, "run retention job").with_message("the server stopped"));
        }
        stopping
    }
}
