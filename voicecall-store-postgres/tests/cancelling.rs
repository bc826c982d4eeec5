//! Whoever waits for the store may go away at any point: what was acknowledged stays, and the pool stays whole.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use support::{Database, count_of, entry, session_in};
use voicecall_core::store::{JournalStore, SessionStore};
use voicecall_store_postgres::PostgresOptions;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_acknowledged_write_is_lost_when_others_are_given_up() {
    let database = Database::new().await;
    let options = PostgresOptions::new().max_connections(8.try_into().unwrap());
    let store = Arc::new(database.open(options.connection_wait(Duration::from_secs(60))).await);
    let (tenant, kept) = session_in(&store).await;
    let given_up = session_in(&store).await;

    let cancels = count_of("VOICECALL_CANCELS", 2_000);
    let mut acknowledged = 0;
    for turn in 0..cancels as u64 {
        let another = Arc::clone(&store);
        // Aborted at whatever point: while it waits for a connection, begins, writes or commits.
        let doomed =
            tokio::spawn(async move { another.append(given_up.0, &[entry(given_up.1, turn + 1, "given up")]).await });
        let abort = async {
            tokio::time::sleep(Duration::from_micros(turn * 53 % 2_000)).await;
            doomed.abort();
            let _ = doomed.await;
        };
        let write = async {
            if turn % 4 == 0 {
                store.append(tenant, &[entry(kept, acknowledged + 1, "kept")]).await.unwrap();
                acknowledged += 1;
            }
        };
        tokio::join!(abort, write);
    }
    assert_eq!(store.journal(tenant, kept).await.unwrap().len() as u64, acknowledged);

    // Nothing is left open, and every connection can be used again.
    let admin = database.admin().await;
    let open = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND usename LIKE 'voicecall%' AND state LIKE 'idle in transaction%'";
    while admin.query_one(open, &[]).await.unwrap().get::<_, i64>(0) > 0 {
        tokio::task::yield_now().await;
    }
    let reads = (0..32).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.session(tenant, kept).await })
    });
    for read in reads.collect::<Vec<_>>() {
        read.await.unwrap().unwrap();
    }
}

/// A write that was begun is carried out, whoever waits for it.
#[tokio::test]
async fn what_was_begun_is_carried_out() {
    let database = Database::new().await;
    let store = Arc::new(database.store().await);
    let (tenant, session) = session_in(&store).await;
    let admin = database.admin().await;
    admin.batch_execute("BEGIN; SELECT FROM voicecall.sessions FOR UPDATE").await.unwrap();
    let another = Arc::clone(&store);
    let doomed = tokio::spawn(async move { another.append(tenant, &[entry(session, 1, "begun")]).await });
    let waits = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND usename = 'voicecall_tenant' AND wait_event_type = 'Lock'";
    while admin.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        tokio::task::yield_now().await;
        admin.batch_execute("SELECT pg_stat_clear_snapshot()").await.unwrap();
    }
    doomed.abort();
    doomed.await.unwrap_err();
    admin.batch_execute("COMMIT").await.unwrap();
    while store.journal(tenant, session).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
}
