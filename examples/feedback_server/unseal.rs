//! `unseal`: the recording of a session and its recorded inputs as plain files, for whoever has the keys.

use std::error::Error;
use std::fs::File;
use std::io;
use std::path::Path;

use voicecall::engine::RecordingFolder;
use voicecall::store::{MaintenanceStore, check_keys};
use voicecall::{ErrorKind, SessionId};

use crate::files::{create_private, private_folder};
use crate::{rekey, settings};

/// Writes what a session left into `out`, and says what that was.
///
/// # Errors
/// When a key is missing or wrong, there is no such session or nothing of it, it opens with no key, or a file is there already.
pub(crate) async fn run(session: SessionId, out: &Path) -> Result<(), Box<dyn Error>> {
    let Some((store, vault, seal)) = rekey::open().await? else { return Ok(()) };
    check_keys(&store, &vault).await?;
    let found = store.existing_sessions(&[session]).await?.pop();
    store.close().await;
    let found = found.ok_or_else(|| voicecall::Error::new(ErrorKind::NotFound, "find session"))?;
    let folder = RecordingFolder::new(&settings::recordings(), (found.tenant, found.id), &seal);
    private_folder(out)?;
    let mut recording = folder.open_recording()?;
    copy(&mut recording, &out.join("recording.wav"))?;
    for name in folder.inputs() {
        copy(&mut folder.open_inputs(&name)?, &out.join(name))?;
    }
    if !recording.is_complete() {
        println!("The end may be missing: it was recorded openly, or its process was killed.");
    }
    Ok(())
}

fn copy(from: &mut impl io::Read, to: &Path) -> io::Result<()> {
    let mut file: File = create_private(to)?;
    io::copy(from, &mut file)?;
    println!("{}", to.display());
    Ok(())
}
