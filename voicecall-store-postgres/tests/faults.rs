//! What is told when the server, the connection or a lock fails.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::time::Duration;

use support::{Database, entry, session_in};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use voicecall_core::journal::{Fact, JournalEntry};
use voicecall_core::store::{JournalStore, SessionStore};
use voicecall_core::{Error, ErrorKind};
use voicecall_store_postgres::{PostgresOptions, PostgresStore, tokio_postgres};

fn assert_told<T: std::fmt::Debug>(refused: Result<T, Error>, kind: ErrorKind, code: Option<&str>) {
    let error = refused.unwrap_err();
    assert_eq!((error.kind(), error.code(), error.provider()), (kind, code, Some("postgres")), "{error:?}");
}

/// Lets everything through until whoever connected says this, and then either swallows it or lets it through, and closes.
async fn proxy(database: &Database, last_words: &'static [u8], let_through: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (url, port) = (database.url("voicecall"), listener.local_addr().unwrap().port());
    let server: tokio_postgres::Config = url.parse().unwrap();
    let server = ("127.0.0.1", server.get_ports()[0]);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(server).await.unwrap();
            let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
                (client.into_split(), server.into_split());
            let back = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
            tokio::spawn(async move {
                let mut bytes = [0; 65_536];
                while let Ok(read @ 1..) = from_client.read(&mut bytes).await {
                    let is_last = bytes[..read].windows(last_words.len()).any(|words| words == last_words);
                    if is_last {
                        back.abort();
                    }
                    if !is_last || let_through {
                        to_server.write_all(&bytes[..read]).await.unwrap();
                    }
                    if is_last {
                        // The server reads what it was sent before it sees the end.
                        to_server.shutdown().await.unwrap();
                        return;
                    }
                }
            });
        }
    });
    url.replacen(&server.1.to_string(), &port.to_string(), 1)
}

#[tokio::test]
async fn a_commit_without_an_answer_is_unknown_and_nothing_else_is() {
    let database = Database::new().await;
    let direct = database.store().await;
    let (tenant, session) = session_in(&direct).await;
    for (last_words, let_through, kind, stored) in [
        (&b"INSERT INTO voicecall.facts"[..], true, ErrorKind::Unavailable, 0),
        (b"INSERT INTO voicecall.facts", false, ErrorKind::Unavailable, 0),
        (b"COMMIT\0", false, ErrorKind::UnknownOutcome, 0),
        (b"COMMIT\0", true, ErrorKind::UnknownOutcome, 1),
    ] {
        let url = proxy(&database, last_words, let_through).await;
        let store = PostgresStore::connect(&url).await.unwrap();
        let append = store.append(tenant, &[entry(session, 1, "words")]).await;
        assert_eq!(append.as_ref().unwrap_err().is_retryable(), kind == ErrorKind::Unavailable);
        assert_told(append, kind, None);
        // The server may still be reading what it was sent.
        let admin = database.admin().await;
        let busy = "SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND usename = 'voicecall_tenant' AND state <> 'idle'";
        while admin.query_one(busy, &[]).await.unwrap().get::<_, i64>(0) > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(direct.journal(tenant, session).await.unwrap().len(), stored, "{kind:?} {let_through}");
    }
}

#[tokio::test]
async fn the_pool_survives_the_end_of_all_its_connections() {
    let database = Database::new().await;
    let store = database.store().await;
    let (tenant, session) = session_in(&store).await;
    let admin = database.admin().await;
    let end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
        WHERE datname = current_database() AND usename LIKE 'voicecall%'";
    admin.batch_execute(end).await.unwrap();
    // At most once for each connection that was there.
    let mut failures = 0;
    while let Err(error) = store.session(tenant, session).await {
        assert!(error.is_retryable(), "{error:?}");
        failures += 1;
        assert!(failures <= 4, "{error:?}");
    }
}

#[tokio::test]
async fn nobody_waits_for_ever() {
    let database = Database::new().await;
    let options = PostgresOptions::new().max_connections(4.try_into().unwrap());
    let options = options.connection_wait(Duration::from_millis(50)).lock_timeout(Duration::from_millis(100));
    let store = database.open(options.clone()).await;
    let impatient = database.open(options.statement_timeout(Duration::from_millis(50))).await;
    let (tenant, session) = session_in(&store).await;
    let admin = database.admin().await;
    admin.batch_execute("BEGIN; SELECT FROM voicecall.sessions FOR UPDATE").await.unwrap();
    let entries = [entry(session, 1, "words")];
    // The only connection is taken while one of them waits for the lock.
    let (one, two) = tokio::join!(store.append(tenant, &entries), store.append(tenant, &entries));
    assert_told(one, ErrorKind::Unavailable, Some("55P03"));
    assert_told(two, ErrorKind::RateLimited, None);
    assert_told(impatient.append(tenant, &entries).await, ErrorKind::Timeout, Some("57014"));
    admin.batch_execute("COMMIT").await.unwrap();
    store.append(tenant, &entries).await.unwrap();
}

#[tokio::test]
async fn a_deadlock_may_be_tried_again() {
    let database = Database::new().await;
    let store = database.store().await;
    let (tenant, one) = session_in(&store).await;
    let two = store.create_session(&support::new_session_of(tenant)).await.unwrap().id;
    let (first, last) = (one.min(two), one.max(two));
    let admin = database.admin().await;
    let lock = |id| format!("SELECT FROM voicecall.sessions WHERE id = '{id}' FOR UPDATE");
    // The server looks for deadlocks after a time; ours is to be found, not the administrator's.
    admin.batch_execute(&format!("SET deadlock_timeout = '100s'; BEGIN; {}", lock(last))).await.unwrap();
    let entries = [entry(first, 1, "words"), entry(last, 1, "words")];
    let waits = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND usename = 'voicecall_tenant' AND wait_event_type = 'Lock'";
    let another = database.admin().await;
    let deadlock = async {
        while another.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) == 0 {
            tokio::task::yield_now().await;
        }
        admin.batch_execute(&lock(first)).await.unwrap();
    };
    let (appended, ()) = tokio::join!(store.append(tenant, &entries), deadlock);
    assert_told(appended, ErrorKind::Unavailable, Some("40P01"));
}

#[tokio::test]
async fn an_error_does_not_repeat_what_was_to_be_stored() {
    let database = Database::new().await;
    let store = database.store().await;
    let (tenant, session) = session_in(&store).await;
    let words = "my number is 0701234567";
    // A zero character: PostgreSQL keeps none in a text.
    let named =
        voicecall_core::store::NewSession { reference: Some(format!("{words}\0")), ..support::new_session_of(tenant) };
    let error = store.create_session(&named).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Invalid, Some("22021")), "{error:?}");
    assert!(!format!("{error:?}").contains("0701"), "{error:?}");
    // In a document it is kept, as everything else.
    let fact = Fact::Disclosed { text: format!("{words}\0 ✂ \u{1F600} \"") };
    let kept = JournalEntry { fact, ..entry(session, 1, "") };
    store.append(tenant, std::slice::from_ref(&kept)).await.unwrap();
    assert_eq!(store.journal(tenant, session).await.unwrap(), [kept]);
    database.admin().await.batch_execute("UPDATE voicecall.sessions SET status = 'levitating'").await.unwrap();
    let error = store.session(tenant, session).await.unwrap_err().to_string();
    assert!(error.contains("status") && error.contains("levitating"), "{error}");
}
