//! Two who want the same at the same time, each at the point where it matters.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use support::{Database, session_in};
use voicecall_core::ErrorKind;
use voicecall_core::store::{Claim, NumberKey, QueueStore};

#[tokio::test]
async fn of_two_tenants_who_call_a_number_at_once_one_does() {
    let database = Database::new().await;
    let store = Arc::new(database.store().await);
    let sessions = [session_in(&store).await, session_in(&store).await];
    let admin = database.admin().await;
    // Contacts can be read and not written: whoever has looked, and found that nobody calls, waits.
    admin.batch_execute("BEGIN; LOCK TABLE voicecall.contacts IN EXCLUSIVE MODE").await.unwrap();
    let claims = sessions.map(|(tenant, session)| {
        let store = Arc::clone(&store);
        let number = Some(NumberKey::from_bytes([7; 16]));
        let claim = Claim { number, ..Claim::new(Timestamp::now(), Duration::from_secs(30)) };
        tokio::spawn(async move { store.claim_session(tenant, session, &claim).await })
    });
    let waits = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND usename = 'voicecall_queue' AND wait_event_type = 'Lock'";
    let watcher = database.admin().await;
    while watcher.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) < 2 {
        tokio::task::yield_now().await;
    }
    admin.batch_execute("COMMIT").await.unwrap();
    let mut refused = Vec::new();
    for claim in claims {
        refused.extend(claim.await.unwrap().err().map(|error| error.kind()));
    }
    assert_eq!(refused, [ErrorKind::RateLimited]);
}
