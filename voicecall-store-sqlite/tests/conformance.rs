//! The rules of every store, on a file and in memory.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;

use support::Folder;
use voicecall_core::store::EngineStore;
use voicecall_core::testing::store::run_all;
use voicecall_core::{ContentSeal, Vault};
use voicecall_store_sqlite::SqliteOptions;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_file_keeps_every_rule() {
    let folder = Folder::new();
    run_all(async |probe| {
        Arc::new(SqliteOptions::new().extension(probe).open(folder.file()).await.unwrap()) as Arc<dyn EngineStore>
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_file_without_readers_keeps_every_rule() {
    let folder = Folder::new();
    let options = SqliteOptions::new().readers(0);
    run_all(async |probe| {
        Arc::new(options.clone().extension(probe).open(folder.file()).await.unwrap()) as Arc<dyn EngineStore>
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_file_with_sealed_content_keeps_every_rule() {
    let folder = Folder::new();
    let options = SqliteOptions::new().seal(ContentSeal::Seal(Arc::new(Vault::generate().unwrap())));
    run_all(async |probe| {
        Arc::new(options.clone().extension(probe).open(folder.file()).await.unwrap()) as Arc<dyn EngineStore>
    })
    .await;
}

#[tokio::test]
async fn memory_keeps_every_rule() {
    run_all(async |probe| {
        Arc::new(SqliteOptions::new().extension(probe).open_in_memory().await.unwrap()) as Arc<dyn EngineStore>
    })
    .await;
}

#[cfg(feature = "survey")]
mod survey {
    use voicecall_core::testing::store::run_all as run_all_of_store;
    use voicecall_store_sqlite::SqliteSurvey;
    use voicecall_survey::testing::{WholeStore, run_all};

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_file_keeps_every_rule_of_a_survey() {
        let folder = Folder::new();
        let options = SqliteOptions::new().extension(SqliteSurvey);
        run_all(async || Arc::new(options.open(folder.file()).await.unwrap()) as Arc<dyn WholeStore>).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_file_with_sealed_content_keeps_every_rule_of_a_survey() {
        let folder = Folder::new();
        let options = SqliteOptions::new().seal(ContentSeal::Seal(Arc::new(Vault::generate().unwrap())));
        let options = options.extension(SqliteSurvey);
        run_all(async || Arc::new(options.open(folder.file()).await.unwrap()) as Arc<dyn WholeStore>).await;
    }

    #[tokio::test]
    async fn a_survey_takes_nothing_from_the_store() {
        let options = SqliteOptions::new().extension(SqliteSurvey);
        run_all_of_store(async |probe| {
            Arc::new(options.clone().extension(probe).open_in_memory().await.unwrap()) as Arc<dyn EngineStore>
        })
        .await;
    }
}
