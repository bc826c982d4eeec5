//! Recordings and recorded inputs on their way to their files: kept by their call, written by one thread a process.
//!
//! A session has one folder: `recording.wav` holds all its connections at their times in the call, with silence where
//! nobody was connected; another call of the session, which its person asked for, follows behind the one before. Each
//! connection has its own file of inputs, because each is replayed by itself: `inputs.jsonl`, then `inputs-2.jsonl` and so
//! on. Both grow while the call goes on, so that a process that is killed loses a second. Both are sealed if content is.

mod files;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::sync::{mpsc, oneshot};
use tracing::{error, warn};

use voicecall_core::audio::{Frame, StereoWav};
use voicecall_core::call::InputRecorder;
use voicecall_core::{CallTime, ConsentToken, SessionId};
use voicecall_core::{Error, ErrorKind, Result};

use files::Inputs;
pub use files::RecordingFolder;

/// Frames of the recording handed over at a time: a second.
const BATCH: usize = 50;

/// Batches that may wait for a slow disk, of all calls together. What does not fit is kept by its call.
const WAITING_BATCHES: usize = 1024;

/// Frames that a call keeps for a slow disk: four minutes, a minute more than are held before consent.
const WAITING_FRAMES: usize = 4 * 60 * 50;

/// Set once nothing of a call may be recorded any more: what is written after that is dropped by the thread.
#[derive(Debug, Clone, Default)]
pub(super) struct Discarded(Arc<AtomicBool>);

impl Discarded {
    fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// What one call records.
#[derive(Debug)]
pub(super) struct CallRecording {
    folder: RecordingFolder,
    thread: mpsc::Sender<Job>,
    inputs: InputRecorder,
    discarded: Discarded,
    has_consent: bool,
    /// Kept until the thread has taken it.
    consent: Option<ConsentToken>,
    frames: Vec<(CallTime, Frame, Frame)>,
    lost: u64,
    is_closed: bool,
}

impl CallRecording {
    /// Records a session into its folder once there is consent, and until it is discarded.
    pub(super) fn new(
        folder: RecordingFolder,
        thread: &RecordingThread,
        inputs: InputRecorder,
        discarded: Discarded,
    ) -> Self {
        Self {
            folder,
            discarded,
            thread: thread.jobs.clone(),
            inputs,
            has_consent: false,
            consent: None,
            frames: Vec::new(),
            lost: 0,
            is_closed: false,
        }
    }

    /// The caller agreed.
    pub(super) fn start(&mut self, consent: ConsentToken) {
        self.has_consent = true;
        self.consent = Some(consent);
        self.hand_over();
    }

    /// Keeps 20 ms of both sides.
    pub(super) fn record(&mut self, at: CallTime, caller: Frame, agent: Frame) {
        if self.frames.len() < WAITING_FRAMES {
            self.frames.push((at, caller, agent));
        } else {
            if self.lost == 0 {
                error!(session = %self.folder.session, "the disk is too slow: the recording has a gap");
            }
            self.lost += 1;
        }
        if self.frames.len().is_multiple_of(BATCH) {
            self.hand_over();
        }
    }

    /// Hands over what is there, if there is room for it; otherwise with what comes next.
    fn hand_over(&mut self) {
        let thread = self.thread.clone();
        if let Ok(slot) = thread.try_reserve() {
            slot.send(Job::Write(self.batch()));
        }
    }

    fn batch(&mut self) -> Batch {
        Batch {
            folder: self.folder.clone(),
            discarded: self.discarded.clone(),
            consent: self.consent.take(),
            frames: std::mem::take(&mut self.frames),
            // What was said without consent is never taken out.
            inputs: if self.has_consent { self.inputs.take() } else { Vec::new() },
        }
    }

    /// Hands over what is left and completes the files. Returns the session's folder if there is a recording in it, be it
    /// of an earlier connection.
    pub(super) async fn finish(mut self) -> Option<PathBuf> {
        if self.lost > 0 {
            error!(session = %self.folder.session, frames = self.lost, "frames of the recording were lost");
        }
        let (done, closed) = oneshot::channel();
        let close = Job::Close(self.batch(), done);
        self.is_closed = true;
        let written = self.thread.send(close).await.is_ok() && closed.await.unwrap_or(false);
        written.then(|| self.folder.path().to_owned())
    }
}

/// A call that was broken off from outside, or panicked, leaves its recording complete.
impl Drop for CallRecording {
    fn drop(&mut self) {
        if self.is_closed || !self.has_consent {
            return;
        }
        let thread = self.thread.clone();
        match thread.try_reserve() {
            Ok(slot) => slot.send(Job::Close(self.batch(), oneshot::channel().0)),
            Err(error) => error!(session = %self.folder.session, %error, "the end of the recording was lost"),
        }
    }
}

/// The thread that writes recordings, because files block.
#[derive(Debug)]
pub(super) struct RecordingThread {
    jobs: mpsc::Sender<Job>,
}

#[derive(Debug)]
enum Job {
    Write(Batch),
    /// Writes as well, and tells whether there is a recording.
    Close(Batch, oneshot::Sender<bool>),
    /// Removes the session's folder, and tells whether there was one.
    Discard(SessionId, PathBuf, oneshot::Sender<io::Result<bool>>),
}

#[derive(Debug)]
struct Batch {
    folder: RecordingFolder,
    discarded: Discarded,
    /// There with the first batch.
    consent: Option<ConsentToken>,
    frames: Vec<(CallTime, Frame, Frame)>,
    inputs: Vec<u8>,
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

    /// Removes a session's folder below `recordings`, behind everything its call has handed over; what a live call hands
    /// over later is dropped. Returns whether there was a folder.
    ///
    /// # Errors
    /// `Unavailable` if it cannot be removed.
    pub(super) async fn discard(&self, session: SessionId, recordings: &Path, live: Option<Discarded>) -> Result<bool> {
        if let Some(discarded) = live {
            discarded.set();
        }
        let failed = |error: io::Error| Error::new(ErrorKind::Unavailable, "remove recording").with_source(error);
        let (done, removed) = oneshot::channel();
        let discard = Job::Discard(session, recordings.join(session.to_string()), done);
        self.jobs.send(discard).await.map_err(io::Error::other).map_err(failed)?;
        removed.await.map_err(io::Error::other).flatten().map_err(failed)
    }
}

/// Ends when the engine and all its calls are gone.
fn write_recordings(mut jobs: mpsc::Receiver<Job>) {
    let mut open = HashMap::new();
    while let Some(job) = jobs.blocking_recv() {
        match job {
            Job::Write(batch) => write(&mut open, &batch),
            Job::Close(batch, done) => {
                write(&mut open, &batch);
                if let Some(files) = open.remove(&batch.folder.session) {
                    files.finish(batch.folder.session);
                }
                // Nobody waits for it only if the process is ending.
                let _ = done.send(batch.folder.recording().exists());
            }
            Job::Discard(session, folder, done) => {
                open.remove(&session);
                // Whoever has gone away repeats it.
                let _ = done.send(remove_folder(&folder));
            }
        }
    }
}

/// The files of one call; each is absent if it could not be made or has broken off.
#[derive(Debug)]
struct Files {
    wav: Option<StereoWav>,
    inputs: Option<Inputs>,
}

impl Files {
    /// Completes them.
    fn finish(self, session: SessionId) {
        if let Some(Err(error)) = self.wav.map(StereoWav::finish) {
            error!(%session, %error, "the recording broke off");
        }
        if let Some(Err(error)) = self.inputs.map(Inputs::finish) {
            warn!(%session, %error, "the recorded inputs broke off");
        }
    }
}

fn write(open: &mut HashMap<SessionId, Files>, batch: &Batch) {
    let session = batch.folder.session;
    if batch.discarded.is_set() {
        return;
    }
    if let Some(consent) = &batch.consent {
        // Of a connection that was never closed: it must be complete before its file is opened again.
        open.remove(&session);
        open.insert(session, open_files(batch, consent));
    }
    let Some(files) = open.get_mut(&session) else { return };
    if let Some(wav) = &mut files.wav {
        let written = batch.frames.iter().try_for_each(|(at, caller, agent)| wav.write(*at, caller, agent));
        if let Err(error) = written {
            error!(%session, %error, "the recording broke off");
            files.wav = None;
        }
    }
    if let Some(inputs) = &mut files.inputs
        && let Err(error) = inputs.append(&batch.inputs)
    {
        warn!(%session, %error, "the recorded inputs broke off");
        files.inputs = None;
    }
}

fn open_files(batch: &Batch, consent: &ConsentToken) -> Files {
    let (folder, session) = (&batch.folder, batch.folder.session);
    let wav = folder
        .resume_recording(consent)
        .inspect_err(|error| error!(%session, %error, "the recording could not be begun"));
    let inputs =
        folder.begin_inputs().inspect_err(|error| warn!(%session, %error, "the recorded inputs could not be begun"));
    Files { wav: wav.ok(), inputs: inputs.ok() }
}

fn remove_folder(folder: &Path) -> io::Result<bool> {
    match std::fs::remove_dir_all(folder) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
