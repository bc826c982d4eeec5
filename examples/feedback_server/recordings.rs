//! What a call leaves outside the store: a folder with its recording and recorded inputs, and what the carrier keeps.

use std::io::ErrorKind as Io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::spawn_blocking;
use voicecall::carrier::VoiceBackend;
use voicecall::store::{Session, Store};
use voicecall::{CarrierCallId, Error, ErrorKind, Result, SessionId};

/// As the engine names it, in a folder for each session.
const FILE: &str = "recording.wav";

/// The recordings of all sessions.
#[derive(Debug, Clone)]
pub(crate) struct Recordings {
    folder: Arc<Path>,
    carrier: Arc<dyn VoiceBackend>,
}

impl Recordings {
    /// Those below `folder`, where the engine puts them, and at the carrier.
    pub(crate) fn new(folder: &Path, carrier: Arc<dyn VoiceBackend>) -> Self {
        Self { folder: folder.into(), carrier }
    }

    /// Where the audio of a session is, if there is any.
    pub(crate) fn file(&self, session: SessionId) -> PathBuf {
        self.folder.join(session.to_string()).join(FILE)
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
