//! What the caller is told when the disk, the file or another process is in the way.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::time::Duration;

use rusqlite::Connection;
use support::{Folder, entry, incoming, new_session, session_in, thread};
use voicecall_core::store::{DialAttempt, DialStore, JournalStore, MessageStore, SessionStore};
use voicecall_core::{Address, ErrorKind, TenantId, Vault};
use voicecall_store_sqlite::{SqliteOptions, SqliteStore};

#[tokio::test]
async fn a_full_disk_writes_nothing_by_halves() {
    let folder = Folder::new();
    let store = SqliteOptions::new().max_size(400_000).open(folder.file()).await.unwrap();
    let (tenant, session) = session_in(&store).await;
    let text = "ord ".repeat(1000);
    let mut stored = 0;
    let error = loop {
        let batch: Vec<_> = (1..=8).map(|step| entry(session, stored + step, &text)).collect();
        match store.append(tenant, &batch).await {
            Ok(()) => stored += 8,
            Err(error) => break error,
        }
        assert!(stored < 1000, "the disk does not get full");
    };
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, Some("SQLITE_FULL")));
    assert!(error.is_retryable());
    assert_eq!(store.journal(tenant, session).await.unwrap().len() as u64, stored);

    // The others of a group that fills the disk get what is theirs.
    let (small, large) = ([entry(session, stored + 1, "kort")], entry(session, stored + 2, &text.repeat(100)));
    let large = [large];
    let (small, large) = tokio::join!(store.append(tenant, &small), store.append(tenant, &large));
    small.unwrap();
    assert_eq!(large.unwrap_err().code(), Some("SQLITE_FULL"));
    assert_eq!(store.journal(tenant, session).await.unwrap().len() as u64, stored + 1);
}

#[tokio::test]
async fn a_locked_file_is_unavailable_for_writes_and_open_for_reads() {
    let folder = Folder::new();
    let file = folder.file();
    let store = SqliteOptions::new().busy_timeout(Duration::from_millis(10)).open(&file).await.unwrap();
    let (tenant, session) = session_in(&store).await;
    let other = Connection::open(&file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (one, two) = ([entry(session, 1, "ett")], [entry(session, 2, "två")]);
    let (first, second) = tokio::join!(store.append(tenant, &one), store.append(tenant, &two));
    for error in [first.unwrap_err(), second.unwrap_err()] {
        assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, Some("SQLITE_BUSY")));
        assert!(error.is_retryable());
    }
    assert_eq!(store.session(tenant, session).await.unwrap().id, session);
    other.execute_batch("ROLLBACK").unwrap();
    store.append(tenant, &one).await.unwrap();
}

#[tokio::test]
async fn two_stores_on_one_file_let_a_phone_ring_once() {
    let folder = Folder::new();
    let file = folder.file();
    let (one, two) = (SqliteStore::open(&file).await.unwrap(), SqliteStore::open(&file).await.unwrap());
    let (tenant, session) = session_in(&one).await;
    for _ in 0..20 {
        let attempt = DialAttempt::planned(tenant, session, "carrier", jiff::Timestamp::now());
        one.plan_attempt(&attempt).await.unwrap();
        let epoch = voicecall_core::Epoch::FIRST;
        let begun =
            tokio::join!(one.begin_sending(tenant, attempt.id, epoch), two.begin_sending(tenant, attempt.id, epoch));
        assert_eq!([begun.0, begun.1].iter().filter(|begun| begun.is_ok()).count(), 1);
    }
}

#[tokio::test]
async fn two_stores_on_one_file_take_a_message_in_once() {
    let folder = Folder::new();
    let file = folder.file();
    let (one, two) = (SqliteStore::open(&file).await.unwrap(), SqliteStore::open(&file).await.unwrap());
    let (tenant, vault) = (TenantId::new(), Vault::generate().unwrap());
    for number in 0..20 {
        let from: Address = format!("+467017406{number:02}").parse().unwrap();
        let (name, threads) = (format!("SM{number}"), [(); 2].map(|()| thread(&vault, tenant, &from)));
        let (first, second) = (incoming(&name, "hej"), incoming(&name, "hej"));
        let accepted = tokio::join!(one.accept_message(&threads[0], &first), two.accept_message(&threads[1], &second));
        let (first, second) = (accepted.0.unwrap(), accepted.1.unwrap());
        assert_eq!(first.message, second.message);
        assert_ne!(first.is_new, second.is_new);
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let folder = Folder::new();
    let file = folder.file();
    let letter = "Dear customer, ".repeat(1000);
    std::fs::write(&file, &letter).unwrap();
    let error = SqliteStore::open(&file).await.unwrap_err();
    assert_eq!((error.kind(), error.field(), error.code()), (ErrorKind::Config, Some("path"), Some("SQLITE_NOTADB")));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), letter);
}

#[tokio::test]
async fn a_damaged_page_is_a_clear_error() {
    let folder = Folder::new();
    let file = folder.file();
    let store = SqliteStore::open(&file).await.unwrap();
    let (tenant, session) = session_in(&store).await;
    store.append(tenant, &[entry(session, 1, "ord")]).await.unwrap();
    store.close().await;
    // Everything behind the first page, which holds the list of tables.
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[4096..].fill(0xa5);
    std::fs::write(&file, bytes).unwrap();
    let outcome = match SqliteStore::open(&file).await {
        Ok(store) => store.journal(tenant, session).await.map(drop),
        Err(error) => Err(error),
    };
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Config, Some("SQLITE_CORRUPT")));
}

#[tokio::test]
async fn another_programs_or_a_newer_database_is_refused_and_left_alone() {
    let folder = Folder::new();
    let (foreign, newer) = (folder.file(), folder.file());
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE customers (id TEXT)").unwrap();
    SqliteStore::open(&newer).await.unwrap().close().await;
    Connection::open(&newer).unwrap().execute_batch("PRAGMA user_version = 999").unwrap();
    for file in [foreign, newer] {
        let before = std::fs::read(&file).unwrap();
        let error = SqliteStore::open(&file).await.unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Config, Some("path")));
        assert_eq!(std::fs::read(&file).unwrap(), before);
    }
}

#[tokio::test]
async fn a_path_that_cannot_be_is_refused() {
    let folder = Folder::new();
    for path in [folder.path().join("missing/calls.db"), folder.path().to_owned(), "".into(), ":memory:".into()] {
        let error = SqliteStore::open(&path).await.unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Config, Some("path")), "{path:?}");
    }
}

#[tokio::test]
async fn a_reopened_file_has_its_rows() {
    let folder = Folder::new();
    let file = folder.file();
    let new = new_session();
    let store = SqliteStore::open(&file).await.unwrap();
    let created = store.create_session(&new).await.unwrap();
    drop(store);
    let store = SqliteStore::open(&file).await.unwrap();
    assert_eq!(store.session(new.tenant, new.id).await.unwrap(), created);
    assert_eq!(store.session(TenantId::new(), new.id).await.unwrap_err().kind(), ErrorKind::NotFound);
}
