//! Where a call's facts and audio go: the journal's writer, one task a call, and the recordings' thread, one a process.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, timeout};
use tracing::{error, warn};

use super::observe::{EventBus, LiveEventKind};
use super::voicemail::{AmdResult, assume_person};
use voicecall_core::CallTime;
use voicecall_core::audio::{Frame, StereoWav};
use voicecall_core::call::{CallSink, Effect, Exchange};
use voicecall_core::journal::{Fact, JournalEntry};
use voicecall_core::store::{EndReason, SessionChange, Store};
use voicecall_core::{Epoch, SessionId, TenantId};
use voicecall_core::{Error, ErrorKind, Result};

/// Facts that may wait for a slow store. A call has some hundreds; one that has more loses the newest, with an error.
const WAITING_FACTS: usize = 4096;

/// How long the end of a call waits for a store that is down.
const LAST_PATIENCE: Duration = Duration::from_secs(60);

/// How long facts wait to learn whether a machine has answered: longer than a carrier tries to find out.
const LONGEST_DETECTION: Duration = Duration::from_secs(35);

/// Frames of the recording handed over at a time.
const BATCH: usize = 50;

/// Batches that may wait for a slow disk, of all calls together. Frames that do not fit are kept by their call.
const WAITING_BATCHES: usize = 1024;

/// A call's sink.
#[derive(Debug)]
pub(super) struct EngineSink {
    tenant: TenantId,
    session: SessionId,
    epoch: Epoch,
    /// The instant from which the call's time counts.
    answered_at: Timestamp,
    entries: mpsc::Sender<JournalEntry>,
    stored: mpsc::Receiver<u64>,
    events: Arc<EventBus>,
    amd: watch::Sender<AmdResult>,
    hang_up: Option<oneshot::Sender<EndReason>>,
    recording: Option<CallRecording>,
    reason: Option<EndReason>,
    lost: bool,
}

#[derive(Debug)]
struct CallRecording {
    folder: PathBuf,
    thread: mpsc::Sender<Job>,
    frames: Vec<(Frame, Frame)>,
    open: bool,
}

/// What is left of a sink when the call is over.
pub(super) struct SinkEnd {
    /// Why the call ended.
    pub(super) reason: Option<EndReason>,
    /// Whether the call may be connected again.
    pub(super) lost: bool,
    /// The folder of the recording, if one was made.
    pub(super) folder: Option<PathBuf>,
}

impl EngineSink {
    /// A sink, and the task that must run for it to store anything.
    pub(super) fn new(
        store: Arc<dyn Store>,
        owner: (TenantId, SessionId, Epoch),
        answered_at: Timestamp,
        events: Arc<EventBus>,
        amd: watch::Sender<AmdResult>,
        hang_up: oneshot::Sender<EndReason>,
        recording: Option<(PathBuf, &RecordingThread)>,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (tenant, session, epoch) = owner;
        let (entries, waiting) = mpsc::channel(WAITING_FACTS);
        let (done, stored) = mpsc::channel(WAITING_FACTS);
        let (answered, told) = (amd.subscribe(), Arc::clone(&events));
        let sink = Self {
            tenant,
            session,
            events,
            amd,
            epoch,
            answered_at,
            entries,
            stored,
            hang_up: Some(hang_up),
            recording: recording.map(|(folder, thread)| CallRecording {
                folder,
                thread: thread.jobs.clone(),
                frames: Vec::new(),
                open: false,
            }),
            reason: None,
            lost: false,
        };
        (sink, write_journal((store, told, tenant), answered, waiting, done))
    }

    /// Hands over what is left. The journal's task ends once it has stored everything.
    pub(super) async fn finish(mut self) -> SinkEnd {
        let mut folder = None;
        if let Some(recording) = self.recording.take().filter(|recording| recording.open) {
            let (done, closed) = oneshot::channel();
            let frames = Job::Frames(self.session, recording.frames);
            let close = Job::Close(self.session, done);
            let handed = recording.thread.send(frames).await.is_ok() && recording.thread.send(close).await.is_ok();
            if handed && closed.await.is_ok_and(|written| written) {
                folder = Some(recording.folder);
            }
        }
        SinkEnd { reason: self.reason, lost: self.lost, folder }
    }
}

impl CallSink for EngineSink {
    fn journal(&mut self, seq: u64, at: CallTime, fact: Fact) {
        let told = match &fact {
            Fact::Latency(latency) => Some(LiveEventKind::Turn(*latency)),
            Fact::Consent { given: true } => {
                assume_person(&self.amd);
                None
            }
            Fact::Cost(cost) => Some(LiveEventKind::Cost { micros: cost.total().micros() }),
            _ => None,
        };
        if let Some(told) = told {
            self.events.tell_at(self.tenant, self.session, at, told);
        }
        let since = SignedDuration::try_from(at.since(CallTime::ZERO)).unwrap_or_default();
        let entry = JournalEntry {
            session: self.session,
            epoch: self.epoch,
            seq,
            at: self.answered_at + since,
            offset: at,
            fact,
        };
        if self.entries.try_send(entry).is_err() {
            error!(session = %self.session, seq, "a fact could not be kept: the store is too slow or refuses us");
        }
    }

    fn record(&mut self, caller: Frame, agent: Frame) {
        let Some(recording) = &mut self.recording else { return };
        recording.frames.push((caller, agent));
        if recording.frames.len() % BATCH == 0
            && let Ok(slot) = recording.thread.try_reserve()
        {
            slot.send(Job::Frames(self.session, std::mem::take(&mut recording.frames)));
        }
    }

    fn effect(&mut self, effect: Effect) {
        match effect {
            Effect::StartRecording(consent) => {
                let Some(recording) = &mut self.recording else { return };
                let open = Job::Open(self.session, recording.folder.clone(), consent);
                recording.open = recording.thread.try_send(open).is_ok();
                if !recording.open {
                    warn!(session = %self.session, "the recording could not be started");
                    self.recording = None;
                }
            }
            Effect::HangUp(reason) => {
                self.reason = Some(reason);
                if let Some(hang_up) = self.hang_up.take() {
                    // Whoever hangs up has gone only if the process is ending.
                    let _ = hang_up.send(reason);
                }
            }
            Effect::Reconnect => {
                self.reason = Some(EndReason::TechnicalFailure);
                self.lost = true;
            }
            effect => error!(session = %self.session, ?effect, "an effect this engine does not know"),
        }
    }

    fn exchanged(&mut self, exchange: Exchange) {
        self.events.tell(self.tenant, self.session, LiveEventKind::Agent(exchange));
    }

    async fn stored(&mut self) -> u64 {
        match self.stored.recv().await {
            Some(seq) => seq,
            None => std::future::pending().await,
        }
    }
}

/// Appends facts as they come, several at a time if they come fast, until the sink is gone and all is stored. Begins when
/// it is known that a person has answered; of a call to a machine only its cost is kept.
async fn write_journal(
    (store, events, tenant): (Arc<dyn Store>, Arc<EventBus>, TenantId),
    mut amd: watch::Receiver<AmdResult>,
    mut entries: mpsc::Receiver<JournalEntry>,
    stored: mpsc::Sender<u64>,
) {
    let known = amd.wait_for(|amd| *amd != AmdResult::Unknown);
    let is_machine = match timeout(LONGEST_DETECTION, known).await {
        Ok(Ok(amd)) => matches!(*amd, AmdResult::Machine(_)),
        // Whoever is not known to be a machine by then is a person.
        _ => false,
    };
    let mut batch = Vec::new();
    while entries.recv_many(&mut batch, 64).await > 0 {
        if is_machine {
            batch.retain(|entry| matches!(entry.fact, Fact::Cost(_)));
        }
        let mut wait = Duration::from_millis(50);
        let begun = Instant::now();
        while let Err(error) = append(&*store, &events, tenant, &batch).await {
            let patient = !entries.is_closed() || begun.elapsed() < LAST_PATIENCE;
            if !error.is_retryable() || !patient {
                error!(%error, facts = batch.len(), "facts could not be stored");
                return;
            }
            warn!(%error, "facts are kept until the store is back");
            sleep(wait).await;
            wait = (wait * 2).min(Duration::from_secs(5));
        }
        for entry in batch.drain(..) {
            // The call does not wait for this any more once it is over.
            let _ = stored.try_send(entry.seq);
        }
    }
}

/// Repeats what a store that is down refused, for as long as the end of a call waits.
pub(super) async fn retry<T, F: Future<Output = Result<T>>>(attempt: impl Fn() -> F) -> Result<T> {
    let (begun, mut wait) = (Instant::now(), Duration::from_millis(50));
    loop {
        match attempt().await {
            Err(error) if error.is_retryable() && begun.elapsed() < LAST_PATIENCE => {
                warn!(%error, "the end of a call waits until the store is back");
                sleep(wait).await;
                wait = (wait * 2).min(Duration::from_secs(5));
            }
            result => return result,
        }
    }
}

async fn append(store: &dyn Store, events: &EventBus, tenant: TenantId, entries: &[JournalEntry]) -> Result<()> {
    for entry in entries.iter().filter(|entry| entry.fact == Fact::Connected) {
        let change = SessionChange::Connected { at: entry.at };
        match store.change_session(tenant, entry.session, &change).await {
            Ok(_) => events.tell_at(tenant, entry.session, entry.offset, LiveEventKind::Connected),
            // Already connected: the same batch is tried again.
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            Err(error) => return Err(error),
        }
    }
    store.append(tenant, entries).await
}

/// The thread that writes recordings, because files block.
#[derive(Debug)]
pub(super) struct RecordingThread {
    jobs: mpsc::Sender<Job>,
}

#[derive(Debug)]
enum Job {
    Open(SessionId, PathBuf, voicecall_core::ConsentToken),
    Frames(SessionId, Vec<(Frame, Frame)>),
    Close(SessionId, oneshot::Sender<bool>),
}

impl RecordingThread {
    pub(super) fn start() -> Result<Self> {
        let (jobs, waiting) = mpsc::channel(WAITING_BATCHES);
        thread::Builder::new()
            .name("voicecall-recordings".to_owned())
            .spawn(|| write_recordings(waiting))
            .map_err(|error| Error::new(ErrorKind::Internal, "start recording thread").with_source(error))?;
        Ok(Self { jobs })
    }
}

/// Ends when the engine and all its calls are gone.
fn write_recordings(mut jobs: mpsc::Receiver<Job>) {
    let mut open = std::collections::HashMap::new();
    while let Some(job) = jobs.blocking_recv() {
        match job {
            Job::Open(session, folder, consent) => {
                let created = std::fs::create_dir_all(&folder)
                    .and_then(|()| StereoWav::create(folder.join("recording.wav"), &consent));
                match created {
                    Ok(wav) => {
                        open.insert(session, wav);
                    }
                    Err(error) => warn!(%session, %error, "the recording could not be created"),
                }
            }
            Job::Frames(session, frames) => {
                let Some(wav) = open.get_mut(&session) else { continue };
                let written = frames.iter().try_for_each(|(caller, agent)| wav.write(caller, agent));
                if let Err(error) = written {
                    warn!(%session, %error, "the recording broke off");
                    open.remove(&session);
                }
            }
            Job::Close(session, done) => {
                let written = open.remove(&session).is_some_and(|wav| {
                    wav.finish().inspect_err(|error| warn!(%session, %error, "the recording broke off")).is_ok()
                });
                // Nobody waits for it only if the process is ending.
                let _ = done.send(written);
            }
        }
    }
}
