//! What calls leave beside the store: a folder each, with its recording and recorded inputs.

use std::io::ErrorKind as Io;
use std::path::Path;
use std::sync::Arc;

use tokio::task::spawn_blocking;
use voicecall::engine::RecordingFolder;
use voicecall::store::{MaintenanceStore, Session};
use voicecall::{ContentSeal, Error, ErrorKind, Result, SessionId};

/// How many sessions are looked for at once.
const BATCH: usize = 200;

/// The recordings of all sessions, where the engine puts them: removed by the engine alone, which knows what it still writes.
#[derive(Debug, Clone)]
pub(crate) struct Recordings {
    folder: Arc<Path>,
    seal: ContentSeal,
}

impl Recordings {
    /// Those below `folder`, sealed or not.
    pub(crate) fn new(folder: &Path, seal: ContentSeal) -> Self {
        Self { folder: folder.into(), seal }
    }

    /// What a session left here, if it left anything.
    pub(crate) fn of(&self, session: &Session) -> RecordingFolder {
        RecordingFolder::new(&self.folder, (session.tenant, session.id), &self.seal)
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
