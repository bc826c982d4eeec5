//! The tables' version, and the steps from one to the next.

use rusqlite::{Connection, TransactionBehavior};
use voicecall_core::Error;

use crate::fault::{Fault, Outcome};

/// The steps, oldest first: the first makes version 1. A released step is never changed.
pub(crate) const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_initial.sql"),
    include_str!("../migrations/0002_waiting_and_forgetting.sql"),
    include_str!("../migrations/0003_holding.sql"),
    include_str!("../migrations/0004_finding_what_is_old.sql"),
    include_str!("../migrations/0005_sessions.sql"),
    include_str!("../migrations/0006_do_not_call.sql"),
    include_str!("../migrations/0007_signals.sql"),
    include_str!("../migrations/0008_contacts.sql"),
    include_str!("../migrations/0009_canaries.sql"),
    include_str!("../migrations/0010_messages.sql"),
    include_str!("../migrations/0011_call_back.sql"),
    include_str!("../migrations/0012_carrier_price.sql"),
    include_str!("../migrations/0013_workflows.sql"),
    include_str!("../migrations/0014_event_order.sql"),
];

/// Marks the file as ours, "vcal".
const APPLICATION_ID: i32 = 0x7663_616c;

/// Refuses a file that is damaged or not ours, without changing it.
pub(crate) fn check(db: &Connection) -> Outcome<()> {
    let application: i32 = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != APPLICATION_ID && tables > 0 {
        return Err(refused("the file is another program's database".to_owned()));
    }
    Ok(())
}

/// Takes the steps that are missing, each in a transaction of its own.
pub(crate) fn migrate(db: &mut Connection, migrations: &[&str]) -> Outcome<()> {
    loop {
        // Another process may be opening the same file, so the version is read under the lock.
        let step = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let version: usize = step.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0))? as usize;
        if version > migrations.len() {
            let known = migrations.len();
            return Err(refused(format!(
                "the database has version {version}, this program knows up to {known}: use a newer program"
            )));
        }
        let Some(migration) = migrations.get(version) else { return Ok(()) };
        step.execute_batch(migration)?;
        step.pragma_update(None, "application_id", APPLICATION_ID)?;
        step.pragma_update(None, "user_version", version as i64 + 1)?;
        step.commit()?;
        tracing::info!(version = version + 1, "migrated the store");
    }
}

fn refused(message: String) -> Fault {
    Fault::Refused(Error::config("path", message).with_provider("sqlite"))
}

#[cfg(test)]
mod tests {
    use voicecall_core::ErrorKind;

    use super::*;

    const NEXT: &str = "ALTER TABLE customer_counts ADD COLUMN note TEXT NOT NULL DEFAULT 'none'";

    fn version(db: &Connection) -> u32 {
        db.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
    }

    fn at_version_one() -> Connection {
        let mut db = Connection::open_in_memory().unwrap();
        migrate(&mut db, &MIGRATIONS[..1]).unwrap();
        let count = "INSERT INTO customer_counts VALUES ('0190a5a0-0000-7000-8000-000000000000', 7)";
        db.execute_batch(count).unwrap();
        db
    }

    #[test]
    fn an_older_version_migrates_and_keeps_its_rows() {
        let mut db = at_version_one();
        let steps = [MIGRATIONS[0], NEXT, "CREATE TABLE extra (id TEXT)"];
        migrate(&mut db, &steps).unwrap();
        migrate(&mut db, &steps).unwrap();
        assert_eq!(version(&db), 3);
        let row = db.query_row("SELECT customer_count, note FROM customer_counts", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
        });
        assert_eq!(row.unwrap(), (7, "none".to_owned()));
        check(&db).unwrap();
    }

    #[test]
    fn a_step_that_fails_leaves_the_older_version_whole() {
        let mut db = at_version_one();
        let broken = "CREATE TABLE extra (id TEXT); CREATE TABLE nonsense (";
        assert!(migrate(&mut db, &[MIGRATIONS[0], broken]).is_err());
        assert_eq!(version(&db), 1);
        let tables = "SELECT count(*) FROM sqlite_schema WHERE name = 'extra'";
        assert_eq!(db.query_row(tables, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
    }

    #[test]
    fn a_newer_version_is_refused() {
        let mut db = at_version_one();
        migrate(&mut db, &[MIGRATIONS[0], NEXT]).unwrap();
        let error = migrate(&mut db, &MIGRATIONS[..1]).unwrap_err().into_error("open store");
        assert_eq!((error.kind(), error.field()), (ErrorKind::Config, Some("path")));
        assert!(error.to_string().contains("version 2"), "{error}");
    }

    #[test]
    fn another_programs_database_is_refused() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch("CREATE TABLE customers (id TEXT)").unwrap();
        assert_eq!(check(&db).unwrap_err().into_error("open store").kind(), ErrorKind::Config);
    }

    #[test]
    fn what_older_versions_kept_of_a_call_is_found_in_the_new_tables() {
        let mut db = Connection::open_in_memory().unwrap();
        db.pragma_update(None, "foreign_keys", true).unwrap();
        migrate(&mut db, &MIGRATIONS[..4]).unwrap();
        let (id, at) = ("0190a5a0-0000-7000-8000-000000000000", "2026-11-20T10:00:00.000000000Z");
        let phone = "x'01', x'00112233445566778899aabbccddeeff'";
        db.execute_batch(&format!(
            "INSERT INTO call_sessions (id, business_id, customer_phone, customer_phone_lookup, verification_id, status,
                 started_at, ended_at, end_reason, questions_asked, transcript, owner_epoch, created_at, updated_at)
             VALUES ('{id}', '{id}', {phone}, '{id}', 'failed', '{at}', '{at}', 'customer_hangup', '[\"{id}\"]', 'words',
                 3, '{at}', '{at}');
             INSERT INTO call_events (id, call_session_id, event_type, event_data, timestamp, source)
             VALUES ('{id}', '{id}', 'failed', '{{\"reason\":\"customer_hangup\"}}', '{at}', 'customer');
             INSERT INTO call_responses (id, call_session_id, question_id, question_text, response_text,
                 response_duration, asked_at) VALUES ('{id}', '{id}', '{id}', 'Hur?', 'Bra', 1.5, '{at}');
             INSERT INTO journal VALUES ('{id}', 1, 3, '{at}', 0,
                 '{{\"fact\":\"asked\",\"question\":\"{id}\",\"text\":\"Hur?\"}}');
             INSERT INTO journal VALUES ('{id}', 2, 3, '{at}', 0, '{{\"fact\":\"ended\",\"reason\":\"customer_hangup\"}}');"
        ))
        .unwrap();

        migrate(&mut db, MIGRATIONS).unwrap();

        let text = |query: &str| db.query_row(query, [], |row| row.get::<_, String>(0)).unwrap();
        let session = "SELECT direction || reference || end_reason || owner_epoch FROM sessions";
        assert_eq!(text(session), format!("outbound{id}remote_hangup3"));
        assert_eq!(text("SELECT source || data FROM session_events"), "person{\"reason\":\"remote_hangup\"}");
        assert_eq!(text("SELECT transcript FROM survey_calls"), "words");
        assert_eq!(text("SELECT response_text FROM survey_responses"), "Bra");
        let mut query = db.prepare("SELECT fact FROM facts ORDER BY seq").unwrap();
        let facts = query.query_map([], |row| {
            Ok(serde_json::from_str::<voicecall_core::journal::Fact>(&row.get::<_, String>(0)?).unwrap())
        });
        let facts: Vec<_> = facts.unwrap().map(Result::unwrap).collect();
        let [voicecall_core::journal::Fact::Custom { kind, data, personal: true }, ended] = &facts[..] else {
            panic!("{facts:?}")
        };
        assert_eq!((&**kind, &data["text"]), ("survey.asked", &"Hur?".into()));
        let reason = voicecall_core::store::EndReason::RemoteHangup;
        assert_eq!(*ended, voicecall_core::journal::Fact::Ended { reason });
    }
}
