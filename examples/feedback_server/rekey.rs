//! `rekey`: seals everything with the first of `DATA_KEYS`, so that the others can be dropped, and brings what people said into
//! the form that `SEAL_AT_REST` gives it.

use std::error::Error;
use std::sync::Arc;

use voicecall::sqlite::{SqliteOptions, SqliteStore, SqliteSurvey};
use voicecall::store::{check_keys, rekey};
use voicecall::survey::store::SealedSurvey;
use voicecall::{ContentSeal, Vault};

use crate::recordings;
use crate::settings::{self, Keys, Problems};

/// Seals everything anew, and says what that came to.
///
/// # Errors
/// When a key is missing or wrong, the database or a recording cannot be written, or something opens with no key: then the keys
/// are all still needed.
pub(crate) async fn run() -> Result<(), Box<dyn Error>> {
    let Some((store, vault, seal)) = open().await? else { return Ok(()) };
    let renewed = async {
        check_keys(&store, &vault).await?;
        // Before the store forgets the old keys.
        let recordings = recordings::renew(&store, &settings::recordings(), &seal).await?;
        Ok::<_, voicecall::Error>((recordings, rekey(&store, &[&SealedSurvey(&store)], &vault).await?))
    };
    let renewed = renewed.await;
    store.close().await;
    let (recordings, done) = renewed?;
    println!("{} numbers sealed anew, {} were already", done.resealed, done.unchanged);
    println!("{} texts and {} files written anew", done.content, recordings.files);
    if done.is_complete() && recordings.unreadable.is_empty() {
        println!("Everything is sealed with the first of DATA_KEYS: the others are not needed any more.");
        return Ok(());
    }
    for row in &done.unreadable {
        println!("cannot be opened: {row}");
    }
    for session in &recordings.unreadable {
        println!("cannot be opened: recording of {session}");
    }
    let (unreadable, missed) = (done.unreadable.len() + recordings.unreadable.len(), done.missed);
    Err(format!("{unreadable} rows cannot be opened, {missed} changed meanwhile: keep all keys").into())
}

/// The database that is there, with the keys of the environment; `None` cannot be, for what is missing is told.
pub(crate) async fn open() -> Result<Option<(SqliteStore, Arc<Vault>, ContentSeal)>, Box<dyn Error>> {
    let mut problems = Problems::default();
    let (keys, seals_content) = (Keys::read(&mut problems), problems.take(settings::seals_content()));
    problems.check()?;
    let (Some(keys), Some(seals_content)) = (keys, seals_content) else { return Ok(None) };
    let database = settings::database();
    if !database.exists() {
        return Err(format!("DATABASE_PATH: there is no {}", database.display()).into());
    }
    let vault = Arc::new(keys.vault()?);
    let seal = settings::content_seal(seals_content, &vault);
    let store = SqliteOptions::new().seal(seal.clone()).extension(SqliteSurvey).open(database).await?;
    Ok(Some((store, vault, seal)))
}
