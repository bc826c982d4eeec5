//! One tenant never sees another's rows: not by whatever statement, setting or connection.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;

use support::{Database, client, count_of, new_session_of, session_in};
use tokio_postgres::Client;
use voicecall_core::TenantId;
use voicecall_core::store::{PageRequest, SessionFilter, SessionStore};
use voicecall_store_postgres::tokio_postgres;

/// Two tenants take turns on four connections, and every third reader goes away at some point of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tenants_who_take_turns_on_a_connection_see_their_own_rows_only() {
    let database = Database::new().await;
    let options = voicecall_store_postgres::PostgresOptions::new().max_connections(8.try_into().unwrap());
    let store = Arc::new(database.open(options.connection_wait(std::time::Duration::from_secs(60))).await);
    let tenants = [TenantId::new(), TenantId::new()];
    for (tenant, sessions) in tenants.iter().zip([1, 2]) {
        for _ in 0..sessions {
            store.create_session(&new_session_of(*tenant)).await.unwrap();
        }
    }
    let alternations = count_of("VOICECALL_ALTERNATIONS", 10_000);
    let readers = (0..8).map(|reader| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut foreign = 0;
            for turn in (0..alternations).skip(reader).step_by(8) {
                let mine = turn % 2;
                let all = (SessionFilter::default(), PageRequest::default());
                let read = store.sessions(tenants[mine], &all.0, all.1);
                if turn % 3 == 0 {
                    let patience = std::time::Duration::from_micros(turn as u64 * 37 % 1_500);
                    let _ = tokio::time::timeout(patience, read).await;
                    continue;
                }
                let page = read.await.unwrap();
                assert_eq!(page.total, mine as u64 + 1);
                foreign += page.items.iter().filter(|session| session.tenant != tenants[mine]).count();
            }
            foreign
        })
    });
    let foreign: usize = futures(readers).await.into_iter().sum();
    assert_eq!(foreign, 0);
}

async fn futures<T>(tasks: impl IntoIterator<Item = tokio::task::JoinHandle<T>>) -> Vec<T> {
    let tasks: Vec<_> = tasks.into_iter().collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}

/// Tables with a tenant's rows.
async fn tables(admin: &Client) -> Vec<String> {
    let query = "SELECT c.oid::regclass::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
        WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema' AND relkind IN ('r', 'p')
            AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'tenant_id')";
    admin.query(query, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn no_setting_shows_the_tenants_role_another_tenants_rows() {
    let database = Database::new().await;
    let store = database.store().await;
    let (tenant, _) = session_in(&store).await;
    let (admin, attacker) = (database.admin().await, client(&database.url("voicecall_tenant")).await);
    let tables = tables(&admin).await;
    let names = admin.query("SELECT name, setting FROM pg_settings", &[]).await.unwrap();
    let known = names.iter().map(|row| (row.get::<_, String>(0), row.get::<_, String>(1)));
    let more = ["voicecall.role", "voicecall.bypass", "voicecall.admin", "app.tenant", "role", "session_authorization"];
    let wanted = ["on", "off", "true", "voicecall_owner", "voicecall_maintenance", "postgres", "replica", "0"];
    let mut foreign = 0;
    for name in known.map(|(name, _)| name).chain(more.map(str::to_owned)) {
        // A connection for each setting: with some of them the server ends it.
        let attacker = client(&database.url("voicecall_tenant")).await;
        for value in wanted {
            // Most of these cannot be set; whatever can be, is tried. Wherever reading fails, nothing is seen.
            let set = "SELECT set_config($1, $2, false)";
            if attacker.query(set, &[&name, &value]).await.is_ok() {
                let query = format!("SELECT count(*) FROM voicecall.sessions WHERE tenant_id = '{tenant}'");
                foreign += attacker.query_one(&query, &[]).await.map_or(0, |row| row.get::<_, i64>(0));
            }
        }
    }
    assert_eq!(foreign, 0);
    for role in ["voicecall_owner", "voicecall_queue", "voicecall_routing", "voicecall_maintenance", "postgres"] {
        attacker.batch_execute(&format!("SET ROLE {role}")).await.unwrap_err();
    }
    for table in &tables {
        for change in ["DISABLE ROW LEVEL SECURITY", "NO FORCE ROW LEVEL SECURITY"] {
            attacker.batch_execute(&format!("ALTER TABLE {table} {change}")).await.unwrap_err();
        }
        attacker.batch_execute(&format!("CREATE POLICY mine ON {table} USING (true)")).await.unwrap_err();
        attacker.batch_execute(&format!("TRUNCATE {table} CASCADE")).await.unwrap_err();
    }
    // The proof that it could have seen something.
    attacker.query("SELECT set_config('voicecall.tenant', $1, false)", &[&tenant.to_string()]).await.unwrap();
    let own: i64 = attacker.query_one("SELECT count(*) FROM voicecall.sessions", &[]).await.unwrap().get(0);
    assert_eq!(own, 1);
}

/// Each table, each verb, as one tenant on another's rows.
#[tokio::test]
async fn a_tenant_changes_nothing_of_another() {
    let database = Database::new().await;
    let store = database.store().await;
    let (tenant, session) = session_in(&store).await;
    let attacker = client(&database.url("voicecall_tenant")).await;
    let stranger = TenantId::new().to_string();
    attacker.query("SELECT set_config('voicecall.tenant', $1, false)", &[&stranger]).await.unwrap();
    for statement in ["UPDATE voicecall.sessions SET status = 'failed'", "DELETE FROM voicecall.sessions"] {
        assert_eq!(attacker.execute(statement, &[]).await.unwrap(), 0, "{statement}");
    }
    let insert = format!(
        "INSERT INTO voicecall.facts VALUES ('{tenant}', '{session}', 1, 1, 0, 0, '{{\"fact\":\"connected\"}}')"
    );
    let refused = attacker.execute(&insert, &[]).await.unwrap_err();
    assert_eq!(refused.code(), Some(&tokio_postgres::error::SqlState::INSUFFICIENT_PRIVILEGE));
    // Under its own name it hits the foreign key: nobody's session is there for it.
    let smuggled = insert.replacen(&tenant.to_string(), &stranger, 1);
    let refused = attacker.execute(&smuggled, &[]).await.unwrap_err();
    assert_eq!(refused.code(), Some(&tokio_postgres::error::SqlState::FOREIGN_KEY_VIOLATION));
    store.session(tenant, session).await.unwrap();
}

const UNPROTECTED: &str = "SELECT c.oid::regclass::text AS name FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = relnamespace
    WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema' AND relkind IN ('r', 'p')
        AND c.oid::regclass::text NOT IN
            ('voicecall.migrations', 'voicecall.retention_runs', 'voicecall.canaries', 'voicecall.event_keeping')
        AND NOT (relrowsecurity AND relforcerowsecurity
            AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'tenant_id' AND attnotnull)
            AND EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid AND polname = 'tenant' AND polcmd = '*'
                AND polroles = ARRAY['voicecall_tenant'::regrole::oid]
                AND pg_get_expr(polqual, polrelid) LIKE '(tenant_id = ( SELECT voicecall.tenant() AS tenant))'
                AND pg_get_expr(polwithcheck, polrelid) = pg_get_expr(polqual, polrelid)))";

/// No policy for the tenant's role but the one, none for everybody, and no view that would read as its owner.
const WEAKENED: &str = "SELECT polname::text || ' on ' || polrelid::regclass FROM pg_policy
        WHERE (0 = ANY (polroles) OR 'voicecall_tenant'::regrole = ANY (polroles)) AND polname <> 'tenant'
    UNION ALL SELECT c.oid::regclass::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
        WHERE nspname = 'voicecall' AND relkind IN ('v', 'm')
            AND NOT coalesce('security_invoker=true' = ANY (reloptions), false)
    UNION ALL SELECT p.oid::regprocedure::text FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = pronamespace
        WHERE nspname = 'voicecall' AND prosecdef";

#[tokio::test]
async fn every_table_is_protected() {
    let admin = Database::new().await;
    let (database, admin) = (&admin, admin.admin().await);
    let list = async |query: &str| -> Vec<String> {
        admin.query(query, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
    };
    assert!(tables(&admin).await.len() >= 9);
    assert_eq!(list(UNPROTECTED).await, [""; 0]);
    assert_eq!(list(WEAKENED).await, [""; 0]);
    // That it would be noticed.
    admin
        .batch_execute(
            "CREATE TABLE voicecall.forgotten (tenant_id uuid NOT NULL);
             ALTER TABLE voicecall.facts NO FORCE ROW LEVEL SECURITY;
             CREATE POLICY open ON voicecall.attempts USING (true);
             CREATE VIEW voicecall.everything AS SELECT * FROM voicecall.sessions",
        )
        .await
        .unwrap();
    assert_eq!(list(UNPROTECTED).await.len(), 2);
    assert_eq!(list(WEAKENED).await.len(), 2);
    drop(admin);
    let _ = database;
}

#[tokio::test]
async fn roles_have_no_more_rights_than_they_need() {
    let database = Database::new().await;
    let admin = database.admin().await;
    let rights =
        "SELECT table_name || ' ' || string_agg(DISTINCT lower(privilege_type), ' ' ORDER BY lower(privilege_type))
        FROM information_schema.column_privileges WHERE grantee = $1 AND table_schema = 'voicecall'
            AND table_name <> 'migrations'
        GROUP BY table_name ORDER BY table_name";
    let of = async |role: &str| -> Vec<String> {
        admin.query(rights, &[&role]).await.unwrap().iter().map(|row| row.get(0)).collect()
    };
    assert_eq!(of("voicecall_routing").await, ["attempts select"]);
    assert_eq!(
        of("voicecall_queue").await,
        [
            "attempts select",
            "contacts insert select update",
            "do_not_call select",
            "event_keeping insert select",
            "messages select",
            "pending_events insert select",
            "runs insert select update",
            "session_events insert select",
            "session_events_archive select",
            "sessions select update",
            "signals insert select update",
        ]
    );
    let tenant = of("voicecall_tenant").await;
    assert!(tenant.contains(&"contacts select update".to_owned()), "{tenant:?}");
    assert!(!tenant.iter().any(|right| right.starts_with("signals") || right.starts_with("retention")), "{tenant:?}");
    let numbers =
        client(&database.url("voicecall_tenant")).await.query("SELECT number FROM voicecall.contacts", &[]).await;
    numbers.unwrap_err();
    client(&database.url("voicecall_routing"))
        .await
        .query("SELECT reason FROM voicecall.attempts", &[])
        .await
        .unwrap_err();
}
