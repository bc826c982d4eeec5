//! What people said stands nowhere in a database in plain text, if it is to be sealed.

#![cfg(feature = "survey")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;

use support::Database;
use voicecall_store_postgres::{PostgresOptions, PostgresSurvey};
use voicecall_survey::testing::{WholeStore, check_sealing};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn content_is_sealed_in_every_column_if_wanted() {
    let database = Database::new().await;
    check_sealing(
        async |seal| {
            let options = PostgresOptions::new().seal(seal).extension(PostgresSurvey);
            Arc::new(database.open(options).await) as Arc<dyn WholeStore>
        },
        async || everything(&database).await.into_bytes(),
    )
    .await;
}

/// All rows of all tables, as who may see everything reads them.
async fn everything(database: &Database) -> String {
    let admin = database.admin().await;
    let tables = "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = 'voicecall'";
    let mut all = String::new();
    for table in admin.query(tables, &[]).await.unwrap() {
        let table: String = table.get(0);
        for row in admin.query(&format!("SELECT t::text FROM {table} AS t"), &[]).await.unwrap() {
            all.push_str(row.get(0));
        }
    }
    all
}
