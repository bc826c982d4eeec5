//! The rules of every store, on a database of PostgreSQL.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;

use support::Database;
use voicecall_core::store::EngineStore;
use voicecall_core::testing::store::run_all;
use voicecall_core::{ContentSeal, Vault};
use voicecall_store_postgres::PostgresOptions;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_database_keeps_every_rule() {
    every_rule_is_kept(PostgresOptions::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_database_with_sealed_content_keeps_every_rule() {
    every_rule_is_kept(PostgresOptions::new().seal(sealed())).await;
}

fn sealed() -> ContentSeal {
    ContentSeal::Seal(Arc::new(Vault::generate().unwrap()))
}

#[tokio::test]
async fn as_few_connections_and_threads_as_possible_keep_every_rule() {
    let few = PostgresOptions::new().max_connections(4.try_into().unwrap());
    every_rule_is_kept(few.connection_wait(std::time::Duration::from_secs(60))).await;
}

async fn every_rule_is_kept(options: PostgresOptions) {
    let database = Database::new().await;
    run_all(async |probe| {
        database.clear().await;
        Arc::new(database.open(options.clone().extension(probe)).await) as Arc<dyn EngineStore>
    })
    .await;
}

#[cfg(feature = "survey")]
mod survey {
    use voicecall_store_postgres::PostgresSurvey;
    use voicecall_survey::testing::{WholeStore, run_all};

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_database_keeps_every_rule_of_a_survey() {
        every_rule_of_a_survey_is_kept(PostgresOptions::new()).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_database_with_sealed_content_keeps_every_rule_of_a_survey() {
        every_rule_of_a_survey_is_kept(PostgresOptions::new().seal(sealed())).await;
    }

    async fn every_rule_of_a_survey_is_kept(options: PostgresOptions) {
        let database = Database::new().await;
        let options = options.extension(PostgresSurvey);
        run_all(async || {
            database.clear().await;
            Arc::new(database.open(options.clone()).await) as Arc<dyn WholeStore>
        })
        .await;
    }

    #[tokio::test]
    async fn a_survey_takes_nothing_from_the_store() {
        every_rule_is_kept(PostgresOptions::new().extension(PostgresSurvey)).await;
    }
}
