//! Leases run by the server's clock, whatever time the host believes it is.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::time::Duration;

use jiff::Timestamp;
use support::{Database, incoming, session_in, thread};
use voicecall_core::store::{
    AcquireLease, Claim, Lease, LeaseTerm, MessageQueueStore, MessageStore, QueueStore, SessionStore,
};
use voicecall_core::{ErrorKind, TenantId, Vault};

const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn a_host_whose_clock_is_wrong_neither_keeps_nor_takes_a_lease() {
    let database = Database::new().await;
    let store = database.store().await;
    let (tenant, session) = session_in(&store).await;
    let (past, future) = (Timestamp::UNIX_EPOCH, Timestamp::from_second(7_000_000_000).unwrap());
    let query = "SELECT leased_until / 1e9 - extract(epoch FROM now()) FROM voicecall.sessions";
    let admin = database.admin().await;
    let seconds_left = async || -> f64 {
        let text = format!("SELECT ({query})::float8");
        admin.query_one(&text, &[]).await.unwrap().get(0)
    };

    let (claimed, epoch) = store.claim_session(tenant, session, &Claim::new(past, HOUR)).await.unwrap();
    assert!((3_500.0..3_700.0).contains(&seconds_left().await));
    assert_eq!(claimed, store.session(tenant, session).await.unwrap());
    // In the future the lease would have run out.
    let term = |now| LeaseTerm { now, length: HOUR * 2 };
    let take = |now| AcquireLease { only_if_free: true, ..AcquireLease::from_anybody(term(now)) };
    let refused = store.acquire_lease(tenant, session, take(future)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    let held = Lease { tenant, session, epoch };
    assert_eq!(store.renew_leases(&[held], term(future)).await.unwrap(), []);
    assert!((7_100.0..7_300.0).contains(&seconds_left().await));
    // In the past it would not have.
    store.renew_leases(&[held], LeaseTerm { now: future, length: Duration::ZERO }).await.unwrap();
    store.acquire_lease(tenant, session, take(past)).await.unwrap();
    assert!((7_100.0..7_300.0).contains(&seconds_left().await));
}

#[tokio::test]
async fn a_host_whose_clock_is_wrong_answers_no_messages_that_another_one_does() {
    let database = Database::new().await;
    let store = database.store().await;
    let (tenant, vault) = (TenantId::new(), Vault::generate().unwrap());
    let message =
        store.accept_message(&thread(&vault, tenant, "+46701740605"), &incoming("SM1")).await.unwrap().message;
    let (past, future) = (Timestamp::UNIX_EPOCH, Timestamp::from_second(7_000_000_000).unwrap());
    let waiting = async |now| {
        let found = store.sessions_to_answer(now, 10, 10).await.unwrap();
        found.into_iter().map(|session| session.id).collect::<Vec<_>>()
    };
    assert_eq!(waiting(past).await, [message.session]);
    let term = |length| LeaseTerm { now: past, length };
    let take = AcquireLease::from_anybody(term(HOUR));
    let epoch = store.acquire_lease(tenant, message.session, take).await.unwrap();
    assert!(waiting(future).await.is_empty(), "the lease runs by the server's clock");
    let held = Lease { tenant, session: message.session, epoch };
    store.renew_leases(&[held], term(Duration::ZERO)).await.unwrap();
    assert_eq!(waiting(past).await, [message.session]);
}
