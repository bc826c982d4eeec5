//! Two who want the same at the same time, each at the point where it matters.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use support::{Database, count_of, incoming, session_in, thread};
use tokio_postgres::Client;
use voicecall_core::store::{
    Accepted, AcquireLease, Answer, Claim, ConversationChange, LeaseTerm, Message, MessageStore, NewOutgoing,
    NumberKey, PersonStore, QueueStore, SessionFilter, SessionStore,
};
use voicecall_core::{ErrorKind, MessageId, TenantId, Vault};
use voicecall_store_postgres::{PostgresStore, tokio_postgres};

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
    until_they_wait(&database.admin().await, "voicecall_queue", 2).await;
    admin.batch_execute("COMMIT").await.unwrap();
    let mut refused = Vec::new();
    for claim in claims {
        refused.extend(claim.await.unwrap().err().map(|error| error.kind()));
    }
    assert_eq!(refused, [ErrorKind::RateLimited]);
}

/// Until as many connections of a role wait for a lock.
async fn until_they_wait(watcher: &Client, role: &str, many: i64) {
    let waits = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND usename = $1 AND wait_event_type = 'Lock'";
    while watcher.query_one(waits, &[&role]).await.unwrap().get::<_, i64>(0) < many {
        tokio::task::yield_now().await;
    }
}

/// Two processes, each of which has found nothing, and both of which are about to write.
async fn both<T: Send + 'static, F: Future<Output = voicecall_core::Result<T>> + Send + 'static>(
    database: &Database,
    work: impl Fn(Arc<PostgresStore>, usize) -> F + Send + Sync,
) -> [T; 2] {
    let admin = database.admin().await;
    // Messages can be read and not written.
    admin.batch_execute("BEGIN; LOCK TABLE voicecall.messages IN EXCLUSIVE MODE").await.unwrap();
    let mut tasks = Vec::new();
    for number in 0..2 {
        tasks.push(tokio::spawn(work(Arc::new(database.store().await), number)));
    }
    until_they_wait(&database.admin().await, "voicecall_tenant", 2).await;
    admin.batch_execute("COMMIT").await.unwrap();
    let (one, two) = (tasks.remove(0), tasks.remove(0));
    [one.await.unwrap().unwrap(), two.await.unwrap().unwrap()]
}

#[tokio::test]
async fn of_two_processes_that_send_under_one_key_to_two_people_one_does() {
    let database = Database::new().await;
    let (tenant, vault) = (TenantId::new(), Vault::generate().unwrap());
    let threads = ["+46701740605", "+46701740606"].map(|to| thread(&vault, tenant, to));
    let [one, two] = both(&database, |store, number| {
        let thread = threads[number].clone();
        let new = NewOutgoing { key: Some("order-17".to_owned()), ..NewOutgoing::text("hej", Timestamp::now()) };
        async move { store.queue_message(&thread, &new).await }
    })
    .await;
    assert_eq!(one, two);
    let left = database.store().await;
    let sessions = left.sessions(tenant, &SessionFilter::default(), Default::default()).await.unwrap();
    let conversations = left.conversations(tenant, None, Default::default()).await.unwrap();
    assert_eq!((sessions.total, conversations.total), (1, 1), "who was second began nothing");
}

#[tokio::test]
async fn a_message_that_reaches_two_processes_at_once_begins_one_conversation() {
    let database = Database::new().await;
    let (tenant, vault) = (TenantId::new(), Vault::generate().unwrap());
    // One of them waits for the other's conversation.
    let [one, two]: [Accepted; 2] = both(&database, |store, _| {
        let thread = thread(&vault, tenant, "+46701740605");
        async move { store.accept_message(&thread, &incoming("SM1")).await }
    })
    .await;
    assert_eq!(one.message, two.message);
    assert_ne!(one.is_new, two.is_new);
    let left = database.store().await;
    assert_eq!(left.conversations(tenant, None, Default::default()).await.unwrap().total, 1);
    assert_eq!(left.messages(tenant, one.message.conversation, 0, 10).await.unwrap(), [one.message]);
}

/// Everybody who writes in one person's conversation at once: two who waited for each other would be told so.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_who_writes_in_a_conversation_waits_for_somebody_who_waits_for_them() {
    let database = Database::new().await;
    let store = Arc::new(database.store().await);
    let (tenant, vault) = (TenantId::new(), Arc::new(Vault::generate().unwrap()));
    let rounds = count_of("VOICECALL_ROUNDS", 60);
    let tasks = (0..8).map(|writer: usize| {
        let (store, vault) = (Arc::clone(&store), Arc::clone(&vault));
        tokio::spawn(async move {
            for round in 0..rounds {
                let name = format!("SM{writer}-{round}");
                let of = thread(&vault, tenant, "+46701740605");
                // A session is over at once, so that some end those of others.
                let of = voicecall_core::store::Thread { idle: Duration::from_millis(1), ..of };
                let accepted = tolerate(store.accept_message(&of, &incoming(&name)).await);
                let Some(message) = accepted.map(|accepted| accepted.message) else { continue };
                let outcome = match (writer + round) % 4 {
                    0 => store
                        .erase_person(tenant, vault.person(tenant, &"+46701740605".parse().unwrap()))
                        .await
                        .map(drop),
                    1 => {
                        let close = ConversationChange::Close;
                        store
                            .change_conversation(tenant, message.conversation, &close, Timestamp::now())
                            .await
                            .map(drop)
                    }
                    _ => answer(&store, &message).await,
                };
                tolerate(outcome);
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

async fn answer(store: &PostgresStore, message: &Message) -> voicecall_core::Result<()> {
    let term = LeaseTerm { now: Timestamp::now(), length: Duration::from_secs(30) };
    let epoch = store.acquire_lease(message.tenant, message.session, AcquireLease::from_anybody(term)).await?;
    let answer = Answer {
        tenant: message.tenant,
        session: message.session,
        epoch,
        up_to: message.number,
        entries: Vec::new(),
        messages: vec![NewOutgoing { id: MessageId::new(), ..NewOutgoing::text("Klockan åtta.", Timestamp::now()) }],
        at: Timestamp::now(),
    };
    store.answer_messages(&answer).await.map(drop)
}

/// What others did meanwhile may be in the way, but never their locks.
fn tolerate<T>(outcome: voicecall_core::Result<T>) -> Option<T> {
    let refused = outcome.as_ref().err().map(voicecall_core::Error::kind);
    assert!(matches!(refused, None | Some(ErrorKind::Conflict | ErrorKind::NotFound)), "{:?}", outcome.err());
    outcome.ok()
}
