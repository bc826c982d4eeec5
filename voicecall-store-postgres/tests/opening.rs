//! Migrations, forward and back, and what is refused when a store is opened.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use support::{Database, client, entry, incoming, new_session_of, session_in, thread};
use tokio_postgres::types::Type;
use voicecall_core::journal::JournalEntry;
use voicecall_core::store::{Extension, JournalStore, MessageStore, PersonStore, SessionStore};
use voicecall_core::{Error, ErrorKind, Result, TenantId, Vault};
use voicecall_store_postgres::{
    Migration, Migrations, Module, PostgresOptions, PostgresStore, Transaction, tokio_postgres,
};

const SHOP: Module = Module {
    name: "shop",
    migrations: &[
        Migration {
            up: "CREATE SCHEMA shop; GRANT USAGE ON SCHEMA shop TO voicecall_tenant;
                 CREATE TABLE shop.notes (tenant_id uuid NOT NULL, session_id uuid NOT NULL, text text NOT NULL,
                     FOREIGN KEY (tenant_id, session_id)
                         REFERENCES voicecall.sessions (tenant_id, id) ON DELETE CASCADE);
                 SELECT voicecall.protect('shop.notes');",
            down: "DROP SCHEMA shop CASCADE",
        },
        Migration {
            up: "ALTER TABLE shop.notes ADD COLUMN length bigint;
                 ALTER TABLE shop.notes NO FORCE ROW LEVEL SECURITY;
                 UPDATE shop.notes SET length = length(text);
                 ALTER TABLE shop.notes FORCE ROW LEVEL SECURITY;",
            down: "ALTER TABLE shop.notes DROP COLUMN length",
        },
    ],
};

/// The shop as it was before its second version.
const OLD_SHOP: Module = Module { name: "shop", migrations: &[SHOP.migrations[0]] };

/// An application's extension with a table of its own.
#[derive(Debug)]
struct Notes;

impl Extension<Transaction> for Notes {
    fn name(&self) -> &'static str {
        "notes"
    }

    fn project(&self, transaction: &mut Transaction, tenant: TenantId, entry: &JournalEntry) -> Result<()> {
        let insert = "INSERT INTO shop.notes (tenant_id, session_id, text) VALUES ($1, $2, $3)";
        let text = format!("note {}", entry.seq);
        let session = entry.session.as_uuid();
        transaction
            .execute(insert, &[(tenant.as_uuid(), Type::UUID), (session, Type::UUID), (&text, Type::TEXT)])
            .map(drop)
    }

    fn export(
        &self,
        transaction: &mut Transaction,
        _: TenantId,
        _: voicecall_core::PersonKey,
    ) -> Result<serde_json::Value> {
        let rows = transaction.query("SELECT text FROM shop.notes ORDER BY text", &[])?;
        Ok(rows.iter().map(|row| row.get::<_, String>(0)).collect())
    }
}

/// An extension that makes nothing of its failures.
#[derive(Debug)]
struct Careless;

impl Extension<Transaction> for Careless {
    fn name(&self) -> &'static str {
        "careless"
    }

    fn project(&self, transaction: &mut Transaction, _: TenantId, _: &JournalEntry) -> Result<()> {
        let _ = transaction.execute("INSERT INTO nowhere VALUES (1)", &[]);
        Ok(())
    }
}

#[tokio::test]
async fn a_statement_that_fails_undoes_everything_even_if_its_extension_does_not_say_so() {
    let database = Database::new().await;
    let store = database.open(PostgresOptions::new().extension(Careless)).await;
    let (tenant, session) = session_in(&store).await;
    store.append(tenant, &[entry(session, 1, "words")]).await.unwrap_err();
    assert_eq!(store.journal(tenant, session).await.unwrap(), []);
}

fn refusal(refused: Result<PostgresStore>) -> String {
    let error: Error = refused.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Config, Some("url")), "{error}");
    error.to_string()
}

#[tokio::test]
async fn tables_go_forward_and_back_with_what_stands_in_them() {
    let database = Database::empty().await;
    let owner = database.url("postgres");
    let (all, old) = (Migrations::new().module(SHOP), Migrations::new().module(OLD_SHOP));
    let steps = old.run(&owner).await.unwrap();
    assert_eq!((steps.first().unwrap().module, steps.last().unwrap().module), ("core", "shop"));
    assert_eq!(old.run(&owner).await.unwrap(), [], "nothing is left to do");
    let options = PostgresOptions::new().extension(Notes);
    let store = database.open(options.clone().migrations(old.clone())).await;
    let (tenant, session) = session_in(&store).await;
    store.append(tenant, &[entry(session, 1, "one"), entry(session, 2, "two")]).await.unwrap();
    let known = store.session(tenant, session).await.unwrap();

    assert!(
        refusal(options.clone().migrations(all.clone()).connect(&database.url("voicecall")).await)
            .contains("version 1")
    );
    assert_eq!(all.run(&owner).await.unwrap().len(), 1);
    assert!(
        refusal(options.clone().migrations(old.clone()).connect(&database.url("voicecall")).await).contains("newer")
    );
    let newer = all.run(&owner).await.unwrap();
    assert_eq!(newer, []);
    assert_eq!(old.run(&owner).await.unwrap_err().kind(), ErrorKind::Config, "an older program changes nothing");
    let admin = database.admin().await;
    let lengths = "SELECT sum(length)::bigint FROM shop.notes";
    assert_eq!(admin.query_one(lengths, &[]).await.unwrap().get::<_, i64>(0), 12, "rows were rewritten");

    let back = all.back_to(&owner, "shop", 1).await.unwrap();
    assert_eq!((back[0].from, back[0].to), (2, 1));
    let store = database.open(options.migrations(old)).await;
    assert_eq!(store.session(tenant, session).await.unwrap(), known);
    let file = store.export_person(tenant, known.person.unwrap()).await.unwrap();
    assert_eq!(file.extensions["notes"], serde_json::json!(["note 1", "note 2"]));
    assert_eq!(store.journal(tenant, session).await.unwrap().len(), 2);

    all.back_to(&owner, "shop", 0).await.unwrap();
    #[cfg(feature = "survey")]
    all.back_to(&owner, "survey", 0).await.unwrap();
    all.back_to(&owner, "core", 0).await.unwrap();
    let left = "SELECT count(*) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
        WHERE nspname IN ('voicecall', 'shop') AND relkind = 'r' AND relname <> 'migrations'";
    assert_eq!(admin.query_one(left, &[]).await.unwrap().get::<_, i64>(0), 0);
    assert!(!all.run(&owner).await.unwrap().is_empty(), "and forward again");
}

#[tokio::test]
async fn going_back_loses_messages_and_nothing_else() {
    let database = Database::empty().await;
    let (owner, migrations) = (database.url("postgres"), Migrations::new());
    migrations.run(&owner).await.unwrap();
    let store = database.store().await;
    let (tenant, session) = session_in(&store).await;
    store.append(tenant, &[entry(session, 1, "one")]).await.unwrap();
    let known = store.session(tenant, session).await.unwrap();
    let from = thread(&Vault::generate().unwrap(), tenant, "+46701740605");
    let message = store.accept_message(&from, &incoming("SM1")).await.unwrap().message;
    let of_messages = store.session(tenant, message.session).await.unwrap();
    store.close();

    let back = migrations.back_to(&owner, "core", 2).await.unwrap();
    assert_eq!(back.iter().map(|step| (step.from, step.to)).collect::<Vec<_>>(), [(6, 5), (5, 4), (4, 3), (3, 2)]);
    let refused = refusal(PostgresStore::connect(&database.url("voicecall")).await);
    assert!(refused.contains("version 2"), "{refused}");
    assert_eq!(migrations.run(&owner).await.unwrap().len(), 4);
    let store = database.store().await;
    assert_eq!(store.session(tenant, session).await.unwrap(), known);
    assert_eq!(store.journal(tenant, session).await.unwrap().len(), 1);
    assert_eq!(store.session(tenant, message.session).await.unwrap(), of_messages);
    assert_eq!(store.message(tenant, message.id).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(store.conversation_with(tenant, from.session.person.unwrap()).await.unwrap(), None);
    let from = thread(&Vault::generate().unwrap(), tenant, "+46701740605");
    assert!(store.accept_message(&from, &incoming("SM1")).await.unwrap().is_new);
}

#[tokio::test]
async fn of_two_who_migrate_at_once_one_does() {
    let database = Database::empty().await;
    let (url, migrations) = (database.url("postgres"), Migrations::new());
    let (one, two) = tokio::join!(migrations.run(&url), migrations.run(&url));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_ne!(one.is_empty(), two.is_empty(), "{one:?} {two:?}");
}

#[tokio::test]
async fn a_step_that_fails_changes_nothing() {
    const BROKEN: Module = Module {
        name: "broken",
        migrations: &[Migration { up: "CREATE SCHEMA half; CREATE TABLE half.nonsense (id nothing)", down: "" }],
    };
    let database = Database::empty().await;
    let error = Migrations::new().module(BROKEN).run(&database.url("postgres")).await.unwrap_err();
    assert!(error.to_string().contains("broken from 0 to 1"), "{error}");
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname IN ('voicecall', 'half')";
    assert_eq!(database.admin().await.query_one(schemas, &[]).await.unwrap().get::<_, i64>(0), 0);
}

#[tokio::test]
async fn what_is_not_migrated_is_refused() {
    let database = Database::empty().await;
    let error = refusal(PostgresStore::connect(&database.url("voicecall")).await);
    assert!(error.contains("Migrations::run"), "{error}");
    let error = Migrations::new().run(&database.url("voicecall_tenant")).await.unwrap_err();
    assert!(error.to_string().contains("voicecall_owner"), "{error}");
}

/// Logins by the name `family_tenant` and so on; what makes the first of them is told.
async fn family(database: &Database, family: &str, tenant: &str) {
    let admin = database.admin().await;
    for role in ["tenant", "queue", "routing", "maintenance"] {
        let is_tenant = role == "tenant";
        let how = if is_tenant { tenant.to_owned() } else { format!("IN ROLE voicecall_{role}") };
        admin.batch_execute(&format!("CREATE ROLE {family}_{role} LOGIN {how}")).await.unwrap();
    }
}

async fn without(database: &Database, family: &str) {
    for role in ["tenant", "queue", "routing", "maintenance"] {
        let drop = format!("DROP OWNED BY {family}_{role} CASCADE; DROP ROLE {family}_{role}");
        database.admin().await.batch_execute(&drop).await.unwrap();
    }
}

#[tokio::test]
async fn a_role_for_which_the_walls_do_not_stand_is_refused() {
    let database = Database::new().await;
    let unique = TenantId::new().as_uuid().simple().to_string();
    for (name, tenant, told) in [
        ("a", "SUPERUSER", "superuser"),
        ("b", "BYPASSRLS IN ROLE voicecall_tenant", "BYPASSRLS"),
        ("c", "IN ROLE voicecall_tenant, voicecall_owner", "owns"),
        ("d", "IN ROLE voicecall_tenant, voicecall_maintenance", "no other"),
        ("e", "", "member of voicecall_tenant"),
    ] {
        let name = format!("{name}{unique}");
        family(&database, &name, tenant).await;
        let error = refusal(PostgresStore::connect(&database.url(&name)).await);
        assert!(error.contains(told), "{error}");
        without(&database, &name).await;
    }
    // Logins of other names will do.
    let name = format!("f{unique}");
    family(&database, &name, "IN ROLE voicecall_tenant").await;
    let store = PostgresStore::connect(&database.url(&name)).await.unwrap();
    store.create_session(&new_session_of(TenantId::new())).await.unwrap();
    store.close();
    without(&database, &name).await;
}

#[tokio::test]
async fn an_address_that_does_not_read_is_told_without_its_password() {
    for url in ["nonsense", "postgres://", "postgres://u:hunter2@host:port/db", "postgres://u:hunter2@h/db?sslmode=x"] {
        let error = PostgresStore::connect(url).await.unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Config, Some("url")), "{error:?}");
        assert!(!format!("{error:?}").contains("hunter2"));
    }
    let nobody = PostgresStore::connect("postgres://u:hunter2@127.0.0.1:1/db").await.unwrap_err();
    assert_eq!(nobody.kind(), ErrorKind::Unavailable, "{nobody:?}");
    let database = Database::new().await;
    let store = PostgresStore::connect(&database.url("voicecall:hunter2")).await.unwrap();
    assert!(!format!("{store:?}").contains("hunter2"), "{store:?}");
    let _ = client(&database.url("postgres")).await;
}
