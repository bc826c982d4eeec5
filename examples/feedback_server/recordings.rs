//! What calls leave beside the store: a folder each, with its recording and recorded inputs.

use std::io::ErrorKind as Io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::spawn_blocking;
use voicecall::{Error, ErrorKind, Result, SessionId};

/// As the engine names it, in a folder for each session.
const FILE: &str = "recording.wav";

/// The recordings of all sessions, where the engine puts them: removed by the engine alone, which knows what it still writes.
#[derive(Debug, Clone)]
pub(crate) struct Recordings {
    folder: Arc<Path>,
}

impl Recordings {
    /// Those below `folder`.
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.into() }
    }

    /// Where the audio of a session is, if there is any.
    pub(crate) fn file(&self, session: SessionId) -> PathBuf {
        self.folder.join(session.to_string()).join(FILE)
    }

    /// The sessions that have a folder. What else lies there is not ours to judge.
    ///
    /// # Errors
    /// `Unavailable` if the folder cannot be read.
    pub(crate) async fn sessions(&self) -> Result<Vec<SessionId>> {
        let folder = Arc::clone(&self.folder);
        let read = spawn_blocking(move || sessions_below(&folder)).await.map_err(std::io::Error::other).flatten();
        read.map_err(|error| Error::new(ErrorKind::Unavailable, "read recordings").with_source(error))
    }
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
