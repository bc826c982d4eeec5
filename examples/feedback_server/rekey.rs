//! `rekey`: seals every number with the first of `DATA_KEYS`, so that the others can be dropped.

use std::error::Error;

use voicecall::sqlite::{SqliteOptions, SqliteSurvey};
use voicecall::store::rekey;
use voicecall::survey::store::SealedSurvey;

use crate::settings::{self, Keys, Problems};

/// Seals everything anew, and says what that came to.
///
/// # Errors
/// When a key is missing or wrong, the database cannot be written, or something in it opens with no key: then the keys are all
/// still needed.
pub(crate) async fn run() -> Result<(), Box<dyn Error>> {
    let mut problems = Problems::default();
    let keys = Keys::read(&mut problems);
    problems.check()?;
    let Some(keys) = keys else { return Ok(()) };
    let database = settings::database();
    if !database.exists() {
        return Err(format!("DATABASE_PATH: there is no {}", database.display()).into());
    }
    let store = SqliteOptions::new().extension(SqliteSurvey).open(database).await?;
    let done = rekey(&store, &[&SealedSurvey(&store)], &keys.vault()?).await;
    store.close().await;
    let done = done?;
    println!("{} numbers sealed anew, {} were already", done.resealed, done.unchanged);
    if done.is_complete() {
        println!("Everything is sealed with the first of DATA_KEYS: the others are not needed any more.");
        return Ok(());
    }
    for row in &done.unreadable {
        println!("cannot be opened: {row}");
    }
    let (unreadable, missed) = (done.unreadable.len(), done.missed);
    Err(format!("{unreadable} numbers cannot be opened, {missed} changed meanwhile: keep all keys").into())
}
