//! The rules of every store, on a file and in memory.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;

use support::Folder;
use voicecall_core::store::Store;
use voicecall_core::testing::store::run_all;
use voicecall_store_sqlite::{SqliteOptions, SqliteStore};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_file_keeps_every_rule() {
    let folder = Folder::new();
    run_all(async || Arc::new(SqliteStore::open(folder.file()).await.unwrap()) as Arc<dyn Store>).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_file_without_readers_keeps_every_rule() {
    let folder = Folder::new();
    let options = SqliteOptions::new().readers(0);
    run_all(async || Arc::new(options.open(folder.file()).await.unwrap()) as Arc<dyn Store>).await;
}

#[tokio::test]
async fn memory_keeps_every_rule() {
    run_all(async || Arc::new(SqliteStore::open_in_memory().await.unwrap()) as Arc<dyn Store>).await;
}
