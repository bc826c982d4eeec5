//! The rules of every store behind PgBouncer in transaction mode, where each transaction may get another connection.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use support::Database;
use tokio::net::TcpStream;
use voicecall_core::RecordId;
use voicecall_core::store::EngineStore;
use voicecall_core::testing::ReservedAddress;
use voicecall_core::testing::store::run_all;
use voicecall_store_postgres::{PostgresOptions, tokio_postgres};

struct PgBouncer {
    process: Child,
    folder: PathBuf,
    reserved: ReservedAddress,
}

impl PgBouncer {
    async fn start(database: &Database) -> Self {
        let server: tokio_postgres::Config = database.url("postgres").parse().unwrap();
        let reserved = ReservedAddress::new();
        let port = reserved.address().port();
        let folder = std::env::temp_dir().join(format!("voicecall-pgbouncer-{}", RecordId::new()));
        std::fs::create_dir(&folder).unwrap();
        let roles = ["tenant", "queue", "routing", "maintenance"];
        let users: String = roles.iter().map(|role| format!("\"voicecall_{role}\" \"\"\n")).collect();
        std::fs::write(folder.join("users"), users).unwrap();
        // Two connections for each role, for as many as want one.
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = trust\nauth_file = {}\npool_mode = transaction\ndefault_pool_size = 2\n",
            server.get_ports()[0],
            folder.join("users").display(),
        );
        std::fs::write(folder.join("settings"), settings).unwrap();
        let mut command = Command::new("pgbouncer");
        // As PostgreSQL, it refuses to run as root.
        if std::fs::metadata(&folder).unwrap().uid() == 0 {
            command.args(["-u", "nobody"]);
        }
        let started = command.arg(folder.join("settings")).stderr(Stdio::null()).spawn();
        let process = started.expect("these tests need pgbouncer: ./scripts/postgres-env installs Debian's");
        let bouncer = Self { process, folder, reserved };
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::task::yield_now().await;
        }
        bouncer
    }

    fn url(&self, database: &Database) -> String {
        let url = database.url("voicecall");
        let server: tokio_postgres::Config = url.parse().unwrap();
        url.replacen(&format!(":{}/", server.get_ports()[0]), &format!(":{}/", self.reserved.address().port()), 1)
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_pooler_between_keeps_every_rule() {
    let database = Database::new().await;
    let bouncer = PgBouncer::start(&database).await;
    let options = PostgresOptions::new().connection_wait(Duration::from_secs(60));
    run_all(async |probe| {
        database.clear().await;
        Arc::new(options.clone().extension(probe).connect(&bouncer.url(&database)).await.unwrap())
            as Arc<dyn EngineStore>
    })
    .await;
    // Whoever gets a connection next finds nothing that others have set.
    let next = support::client(&bouncer.url(&database).replacen("voicecall", "voicecall_tenant", 1)).await;
    for setting in ["voicecall.tenant", "statement_timeout", "lock_timeout"] {
        let left =
            next.simple_query(&format!("SELECT coalesce(current_setting('{setting}', true), '')")).await.unwrap();
        let left = left.iter().find_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        assert!(matches!(left, Some("" | "0")), "{setting} is {left:?}");
    }
    let connections = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND usename LIKE 'voicecall%'";
    let connections: i64 = database.admin().await.query_one(connections, &[]).await.unwrap().get(0);
    assert!((4..=8).contains(&connections), "{connections} connections for all roles of all stores");
}
