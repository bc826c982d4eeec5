//! A summary of each call in which the customer took part, made once it is over. What is to be done stands in the store.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio::time::sleep;
use tracing::{info, warn};
use voicecall::journal::{Speaker, TranscriptLine, transcript};
use voicecall::server::CancellationToken;
use voicecall::survey::analysis::{FinishedCall, summarise};
use voicecall::survey::store::{CallAttachment, SurveyCall};
use voicecall::{CallTime, Error, ErrorKind, Result, SessionId};

use super::Dependencies;
use crate::price;

/// Calls that ended longer ago are not summed up any more.
const OLDEST: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How often is looked for calls that ended without our being told, and how many are read at a time.
const LOOK: Duration = Duration::from_secs(60);
const BATCH: u32 = 50;

/// How long the model may think about one call.
const WITHIN: Duration = Duration::from_secs(30);

/// How often a call is tried whose summary the model gets wrong, until the next start.
const MOST_TRIES: u32 = 3;

/// How long a model that is away is left alone, doubled each time up to the second.
const AWAY: Duration = Duration::from_secs(30);
const LONGEST_AWAY: Duration = Duration::from_secs(3600);

/// Makes the summaries, one at a time.
#[derive(Debug)]
pub(super) struct Summaries {
    dependencies: Dependencies,
    /// How often a call's summary has failed.
    tries: HashMap<SessionId, u32>,
}

impl Summaries {
    pub(super) fn new(dependencies: Dependencies) -> Self {
        Self { dependencies, tries: HashMap::new() }
    }

    /// Sums up what is over and not summed up yet, again and again, until told to stop; then once more.
    pub(super) async fn run(mut self, ended: Arc<Notify>, stop: CancellationToken) {
        let mut away = AWAY;
        loop {
            let last = stop.is_cancelled();
            let caught_up = self.catch_up().await;
            if last {
                return;
            }
            let wait = match &caught_up {
                Ok(()) => {
                    away = AWAY;
                    LOOK
                }
                Err(error) => {
                    warn!(%error, seconds = away.as_secs(), "calls are summed up later");
                    let wait = away;
                    away = (away * 2).min(LONGEST_AWAY);
                    wait
                }
            };
            tokio::select! {
                () = sleep(wait) => {}
                // Another call is no reason to ask a model that is away.
                () = ended.notified(), if caught_up.is_ok() => {}
                () = stop.cancelled() => if caught_up.is_err() { return },
            }
        }
    }

    /// Sums up all calls that can be.
    ///
    /// # Errors
    /// The first failure that will befall the next call as well.
    pub(super) async fn catch_up(&mut self) -> Result<()> {
        let period =
            SignedDuration::try_from(self.dependencies.policy.transcripts).map_or(OLDEST, |period| period.min(OLDEST));
        let mut tried = HashSet::new();
        loop {
            let since = self.dependencies.clock.now().checked_sub(period).unwrap_or(Timestamp::MIN);
            // Those that are given up are found as well.
            let limit = BATCH.saturating_add(u32::try_from(self.tries.len()).unwrap_or(u32::MAX));
            let found = self.dependencies.store.unanalysed_calls(since, limit).await?;
            self.tries.retain(|id, _| found.iter().any(|call| call.session.id == *id));
            let is_given_up =
                |call: &SurveyCall| self.tries.get(&call.session.id).is_some_and(|tries| *tries >= MOST_TRIES);
            let new: Vec<_> = found.iter().filter(|call| !is_given_up(call) && tried.insert(call.session.id)).collect();
            if new.is_empty() {
                return Ok(());
            }
            for call in new {
                match self.sum_up(call).await {
                    Ok(()) => {}
                    // Erased in the meantime.
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(error) => self.failed(call.session.id, error)?,
                }
            }
        }
    }

    fn failed(&mut self, session: SessionId, error: Error) -> Result<()> {
        // A service that is away says nothing about this call; one that takes too long may do so because of it.
        if error.is_retryable() && error.kind() != ErrorKind::Timeout {
            return Err(error);
        }
        let tries = self.tries.entry(session).or_insert(0);
        *tries += 1;
        warn!(%session, %error, tries, most = MOST_TRIES, "a call could not be summed up");
        if error.is_retryable() { Err(error) } else { Ok(()) }
    }

    async fn sum_up(&self, call: &SurveyCall) -> Result<()> {
        let Dependencies { store, model, clock, .. } = &self.dependencies;
        let (tenant, id) = (call.session.tenant, call.session.id);
        let business = store.business(tenant).await?.store_info.name;
        let lines = match transcript(&store.journal(tenant, id).await?) {
            // Somebody else held the conversation and gave us its text.
            lines if lines.is_empty() => call.transcript.iter().flat_map(|text| text.lines()).map(line).collect(),
            lines => lines,
        };
        let finished = FinishedCall { business: &business, lines: &lines, answers: &call.record.responses };
        let summarised = summarise(&**model, &finished, WITHIN).await;
        // What failed was used as well.
        price::charge(&**store, &call.session, summarised.usage, clock.now()).await?;
        let analysis = serde_json::to_value(summarised.summary?)
            .map_err(|error| Error::new(ErrorKind::Internal, "keep summary").with_source(error))?;
        let what = CallAttachment { analysis: Some(analysis), ..CallAttachment::default() };
        store.attach_to_call(tenant, id, &what, clock.now()).await?;
        info!(session = %id, "a call is summed up");
        Ok(())
    }
}

/// A line of a transcript as [`TranscriptLine`] prints it; the caller's if nothing is said of it.
fn line(text: &str) -> TranscriptLine {
    let (speaker, text) = match text.split_once(": ") {
        Some(("agent", text)) => (Speaker::Agent, text),
        Some(("caller", text)) => (Speaker::Caller, text),
        _ => (Speaker::Caller, text),
    };
    let (from, until) = (CallTime::ZERO, CallTime::ZERO);
    TranscriptLine { speaker, from, until, text: text.to_owned(), unheard: String::new(), estimated: false }
}
