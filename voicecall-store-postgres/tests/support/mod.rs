//! A database that ends with its test, and a session to write to.

#![allow(dead_code, unreachable_pub)]

use tokio_postgres::{Client, NoTls};
use voicecall_core::journal::{Fact, JournalEntry};
use voicecall_core::store::{NewIncoming, NewSession, SessionStore, Thread};
use voicecall_core::{
    Address, CallTime, CarrierMessageId, ConversationId, Epoch, MessageId, RecordId, SessionId, TenantId, Vault,
};
use voicecall_store_postgres::{Migrations, PostgresOptions, PostgresStore, roles_sql, tokio_postgres};

/// The server of the tests, as its administrator.
pub fn server() -> String {
    std::env::var("VOICECALL_POSTGRES").expect(
        "these tests need a PostgreSQL: VOICECALL_POSTGRES=\"$(./scripts/postgres-env)\" starts one and names it, \
         ./scripts/postgres-env stop \"$VOICECALL_POSTGRES\" ends it",
    )
}

/// A connection of whoever the address names.
pub async fn client(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A database of its own.
pub struct Database {
    name: String,
}

/// Nobody else makes roles, or the template, at the time.
const LOCK: i64 = 0x7465_7374;

impl Database {
    /// With roles and nothing else.
    pub async fn empty() -> Self {
        let database = Self::copy_of("template1").await;
        database.admin().await.batch_execute(&locked(roles_sql())).await.unwrap();
        database
    }

    /// With this version's tables. Copied from one that is made once for a server.
    pub async fn new() -> Self {
        let survey = if cfg!(feature = "survey") { "_survey" } else { "" };
        let template = format!("voicecall_template{survey}_{}", fingerprint());
        let admin = client(&server()).await;
        admin.query("SELECT pg_advisory_lock($1)", &[&LOCK]).await.unwrap();
        let known = admin.query("SELECT FROM pg_database WHERE datname = $1", &[&template]).await.unwrap();
        if known.is_empty() {
            let making = Self { name: format!("making_{}", RecordId::new()) };
            admin.batch_execute(&format!("CREATE DATABASE \"{}\"", making.name)).await.unwrap();
            making.admin().await.batch_execute(roles_sql()).await.unwrap();
            Migrations::new().run(&making.url("postgres")).await.unwrap();
            // Who was connected a moment ago may still be.
            let rename = format!("ALTER DATABASE \"{}\" RENAME TO {template}", making.name);
            admin.batch_execute(&terminate(&making.name)).await.unwrap();
            admin.batch_execute(&rename).await.unwrap();
            std::mem::forget(making);
        }
        let copy = Self::copy_of(&template).await;
        admin.query("SELECT pg_advisory_unlock($1)", &[&LOCK]).await.unwrap();
        copy
    }

    async fn copy_of(template: &str) -> Self {
        let name = format!("test_{}", RecordId::new());
        let create = format!("CREATE DATABASE \"{name}\" TEMPLATE {template}");
        client(&server()).await.batch_execute(&create).await.unwrap();
        Self { name }
    }

    /// Its address for this user.
    pub fn url(&self, user: &str) -> String {
        let server = server();
        let (_, host) = server.split_once('@').unwrap();
        let (host, _) = host.split_once('/').unwrap();
        format!("postgres://{user}@{host}/{}", self.name)
    }

    pub async fn admin(&self) -> Client {
        client(&self.url("postgres")).await
    }

    /// Deletes every row: cheaper than another database.
    pub async fn clear(&self) {
        let clear = "DO $$ BEGIN EXECUTE (SELECT 'TRUNCATE ' || string_agg(format('voicecall.%I', tablename), ', ')
            FROM pg_tables WHERE schemaname = 'voicecall' AND tablename <> 'migrations'); END $$";
        self.admin().await.batch_execute(clear).await.unwrap();
    }

    pub async fn store(&self) -> PostgresStore {
        self.open(PostgresOptions::new()).await
    }

    pub async fn open(&self, options: PostgresOptions) -> PostgresStore {
        options.connect(&self.url("voicecall")).await.unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let name = std::mem::take(&mut self.name);
        // A thread with a runtime of its own: the test's may be in the middle of ending.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let drop = format!("DROP DATABASE \"{name}\" WITH (FORCE)");
                client(&server()).await.batch_execute(&drop).await
            })
        });
        let dropped = dropped.join().unwrap();
        assert!(std::thread::panicking() || dropped.is_ok(), "{dropped:?}");
    }
}

fn locked(sql: &str) -> String {
    format!("BEGIN; SELECT pg_advisory_xact_lock({LOCK}); {sql} COMMIT")
}

fn terminate(database: &str) -> String {
    format!("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{database}'")
}

/// Of the test's program: another build may have other tables.
fn fingerprint() -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let program = std::env::current_exe().unwrap();
    let mut hasher = DefaultHasher::new();
    (program.to_owned(), std::fs::metadata(program).unwrap().modified().unwrap()).hash(&mut hasher);
    format!("{:x}", hasher.finish())
}

pub fn new_session() -> NewSession {
    new_session_of(TenantId::new())
}

pub fn new_session_of(tenant: TenantId) -> NewSession {
    let (vault, somebody) = (Vault::generate().unwrap(), "+46701234567".parse().unwrap());
    NewSession::outbound_to(&vault, tenant, &somebody, jiff::Timestamp::now()).unwrap()
}

pub async fn session_in(store: &PostgresStore) -> (TenantId, SessionId) {
    let new = new_session();
    store.create_session(&new).await.unwrap();
    (new.tenant, new.id)
}

pub fn entry(session: SessionId, seq: u64, text: &str) -> JournalEntry {
    JournalEntry {
        session,
        epoch: Epoch::FIRST,
        seq,
        at: jiff::Timestamp::now(),
        offset: CallTime::from_millis(seq),
        fact: Fact::Disclosed { text: text.to_owned() },
    }
}

/// The thread of messages with an address.
pub fn thread(vault: &Vault, tenant: TenantId, address: &str) -> Thread {
    let address: Address = address.parse().unwrap();
    let new = NewSession::inbound_from(vault, tenant, Some(&address), jiff::Timestamp::now()).unwrap();
    let session = NewSession {
        channel: address.channel(),
        conversation: Some(ConversationId::new()),
        person: Some(vault.person(tenant, &address)),
        ..new
    };
    Thread { session, carrier: "carrier".to_owned(), idle: std::time::Duration::from_secs(86_400) }
}

pub fn incoming(carrier_id: &str) -> NewIncoming {
    NewIncoming {
        id: MessageId::new(),
        carrier_id: CarrierMessageId::new(carrier_id),
        text: "När öppnar ni?".to_owned(),
        media: Vec::new(),
        wants_answer: true,
        at: jiff::Timestamp::now(),
    }
}

/// How often something is tried: as often as the variable says, for a soak.
pub fn count_of(variable: &str, usually: usize) -> usize {
    std::env::var(variable).map_or(usually, |count| count.parse().expect(variable))
}
