//! What a call leaves outside the store: a folder with its recording and recorded inputs, and what the carrier keeps.

use std::io::ErrorKind as Io;
use std::path::Path;
use std::sync::Arc;

use tokio::task::spawn_blocking;
use voicecall::carrier::VoiceBackend;
use voicecall::engine::RecordingFolder;
use voicecall::store::{MaintenanceStore, Session, Store};
use voicecall::{CarrierCallId, ContentSeal, Error, ErrorKind, Result, SessionId};

/// How many sessions are looked for at once.
const BATCH: usize = 200;

/// The recordings of all sessions.
#[derive(Debug, Clone)]
pub(crate) struct Recordings {
    folder: Arc<Path>,
    seal: ContentSeal,
    carrier: Arc<dyn VoiceBackend>,
}

impl Recordings {
    /// Those below `folder`, where the engine puts them, sealed or not, and at the carrier.
    pub(crate) fn new(folder: &Path, seal: ContentSeal, carrier: Arc<dyn VoiceBackend>) -> Self {
        Self { folder: folder.into(), seal, carrier }
    }

    /// What a session left here, if it left anything.
    pub(crate) fn of(&self, session: &Session) -> RecordingFolder {
        RecordingFolder::new(&self.folder, (session.tenant, session.id), &self.seal)
    }

    /// Removes all that a session left outside the store, here and at the carrier. Returns whether there was anything.
    ///
    /// # Errors
    /// `Unavailable` if a file cannot be removed; what the carrier or the store reports. What was removed stays removed,
    /// and it can be repeated.
    pub(crate) async fn remove(&self, store: &dyn Store, session: &Session) -> Result<bool> {
        let here = self.remove_folder(session.id).await?;
        // Nobody was ever on the line: there is nothing to ask the carrier for.
        if session.connected_at.is_none() && session.recording_url.is_none() {
            return Ok(here);
        }
        let attempts = store.attempts(session.tenant, session.id).await?;
        let mut there = false;
        for call in attempts.iter().filter_map(|attempt| attempt.call.as_ref()) {
            there |= self.remove_from_carrier(call).await?;
        }
        Ok(here || there)
    }

    /// Removes a session's folder. Returns whether there was one.
    ///
    /// # Errors
    /// `Unavailable` if it cannot be removed.
    pub(crate) async fn remove_folder(&self, session: SessionId) -> Result<bool> {
        let folder = self.folder.join(session.to_string());
        let remove = move || match std::fs::remove_dir_all(folder) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == Io::NotFound => Ok(false),
            Err(error) => Err(error),
        };
        blocking("remove recording", remove).await
    }

    async fn remove_from_carrier(&self, call: &CarrierCallId) -> Result<bool> {
        if !self.carrier.capabilities().stored_recordings {
            return Ok(false);
        }
        let kept = match self.carrier.recordings(call).await {
            Ok(kept) => kept,
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        for recording in &kept {
            self.carrier.delete_recording(&recording.id).await?;
        }
        Ok(!kept.is_empty())
    }

    /// The sessions that have a folder. What else lies there is not ours to judge.
    ///
    /// # Errors
    /// `Unavailable` if the folder cannot be read.
    pub(crate) async fn sessions(&self) -> Result<Vec<SessionId>> {
        let folder = Arc::clone(&self.folder);
        blocking("read recordings", move || sessions_below(&folder)).await
    }
}

async fn blocking<T: Send + 'static>(
    operation: &'static str,
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T> {
    let done = spawn_blocking(work).await.map_err(std::io::Error::other).flatten();
    done.map_err(|error| Error::new(ErrorKind::Unavailable, operation).with_source(error))
}

/// What sealing recordings anew did.
#[derive(Debug, Default)]
pub(crate) struct Renewed {
    /// Files that were sealed, or whose keys were.
    pub(crate) files: u64,
    /// Sessions with a file that no key opens.
    pub(crate) unreadable: Vec<SessionId>,
}

/// Seals the recordings below `folder` as `seal` says, those of sessions that the store knows.
///
/// # Errors
/// `Unavailable` if a file cannot be read or written; what the store reports. What was done stays done.
pub(crate) async fn renew(store: &impl MaintenanceStore, folder: &Path, seal: &ContentSeal) -> Result<Renewed> {
    let mut done = Renewed::default();
    let sessions = sessions_below(folder);
    let sessions =
        sessions.map_err(|error| Error::new(ErrorKind::Unavailable, "read recordings").with_source(error))?;
    for batch in sessions.chunks(BATCH) {
        for session in store.existing_sessions(batch).await? {
            let files = RecordingFolder::new(folder, (session.tenant, session.id), seal);
            let renew = move || match files.renew() {
                Err(error) if error.kind() == Io::InvalidData => Ok(None),
                renewed => renewed.map(Some),
            };
            match blocking("seal recording", renew).await? {
                Some(files) => done.files += files,
                None => done.unreadable.push(session.id),
            }
        }
    }
    Ok(done)
}

/// The sessions that have a folder below this one.
pub(crate) fn sessions_below(folder: &Path) -> std::io::Result<Vec<SessionId>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        // Nothing was ever recorded.
        Err(error) if error.kind() == Io::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut sessions = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        // Only a name as we write it: a UUID can be written in several ways.
        let session = name.to_str().and_then(|name| name.parse::<SessionId>().ok().filter(|id| id.to_string() == name));
        if let Some(session) = session.filter(|_| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
            sessions.push(session);
        }
    }
    Ok(sessions)
}
