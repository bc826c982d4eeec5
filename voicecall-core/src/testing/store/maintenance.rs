//! Rules of forgetting what is old.

use std::sync::Arc;

use jiff::Timestamp;

use super::fixture::{Shop, after, assert_kind, over};
use super::provider_log::exchange;
use crate::error::ErrorKind;
use crate::id::{SessionId, TenantId};
use crate::store::{EndReason, EngineStore, RetentionJob, RetentionRun};

pub(super) async fn archived_events_are_still_read(store: Arc<dyn EngineStore>) {
    let (ended, open) = (over(Arc::clone(&store), EndReason::Completed).await, Shop::open(Arc::clone(&store)).await);
    let before = ended.snapshot().await;
    let old = before.events.iter().filter(|event| event.at < after(65)).count() as u64;

    assert_eq!(store.archive_events(after(65), 1).await.unwrap(), 1, "no more at a time than is asked for");
    assert_eq!(ended.snapshot().await, before);
    assert_eq!(store.archive_events(after(65), 100).await.unwrap(), old - 1, "of the session that is over");
    assert_eq!(store.archive_events(after(65), 100).await.unwrap(), 0);

    assert_eq!(ended.snapshot().await, before);
    assert_eq!(open.events().await.len(), 1);
    assert_eq!(store.archive_events(Timestamp::MAX, 100).await.unwrap(), before.events.len() as u64 - old);
    assert_eq!(ended.snapshot().await, before);
}

pub(super) async fn old_exchanges_are_deleted(store: Arc<dyn EngineStore>) {
    let shop = over(store, EndReason::Completed).await;
    let newer = exchange(shop.session, 50);
    for log in [&exchange(shop.session, 2), &newer] {
        shop.store.log_provider(shop.tenant, log).await.unwrap();
    }

    for purged in [1, 1, 0] {
        assert_eq!(shop.store.purge_provider_logs(newer.timestamp, 1).await.unwrap(), purged);
    }

    assert_eq!(shop.store.provider_logs(shop.tenant, shop.session).await.unwrap(), [newer]);
}

pub(super) async fn old_failed_sessions_are_found_and_deleted_whole(store: Arc<dyn EngineStore>) {
    let failed = over(Arc::clone(&store), EndReason::RemoteHangup).await;
    let completed = over(Arc::clone(&store), EndReason::Completed).await;
    let open = Shop::open(Arc::clone(&store)).await;
    assert_eq!(store.old_failed_sessions(after(65), 10).await.unwrap(), [], "not older than this");
    assert_eq!(store.old_failed_sessions(after(66), 10).await.unwrap(), [failed.read().await]);
    assert_eq!(store.old_failed_sessions(after(66), 0).await.unwrap(), []);
    assert_kind(store.delete_session(open.tenant, open.session).await, ErrorKind::Conflict);

    store.delete_session(failed.tenant, failed.session).await.unwrap();

    assert_eq!(store.old_failed_sessions(after(66), 10).await.unwrap(), []);
    assert_kind(store.delete_session(failed.tenant, failed.session).await, ErrorKind::NotFound);
    assert!(store.session(open.tenant, open.session).await.is_ok());
    assert_kind(store.session(failed.tenant, failed.session).await, ErrorKind::NotFound);
    assert_kind(store.attempts(failed.tenant, failed.session).await, ErrorKind::NotFound);
    assert!(store.session(completed.tenant, completed.session).await.is_ok());
}

pub(super) async fn old_recordings_are_found_until_they_are_forgotten(store: Arc<dyn EngineStore>) {
    let shop = over(store, EndReason::Completed).await;
    let store = &shop.store;
    assert_eq!(store.old_recordings(after(65), 10).await.unwrap(), []);
    assert_eq!(store.old_recordings(after(66), 10).await.unwrap(), [shop.read().await]);
    assert_kind(store.forget_recording(TenantId::new(), shop.session, after(99)).await, ErrorKind::NotFound);

    store.forget_recording(shop.tenant, shop.session, after(99)).await.unwrap();

    assert_eq!(store.old_recordings(after(66), 10).await.unwrap(), []);
    assert_eq!(shop.read().await.recording_url, None);
}

pub(super) async fn existing_sessions_are_told_from_others(store: Arc<dyn EngineStore>) {
    let (open, failed) =
        (Shop::open(Arc::clone(&store)).await, over(Arc::clone(&store), EndReason::RemoteHangup).await);
    let completed = over(Arc::clone(&store), EndReason::Completed).await;
    Shop::open(Arc::clone(&store)).await;
    let mut wanted = vec![open.read().await, failed.read().await, completed.read().await];
    wanted.sort_by_key(|session| session.id);
    let ids = [completed.session, SessionId::new(), failed.session, open.session];
    let mut found = store.existing_sessions(&ids).await.unwrap();
    found.sort_by_key(|session| session.id);
    assert_eq!(found, wanted, "whole, of every tenant, and however they ended");
    assert_eq!(store.existing_sessions(&[]).await.unwrap(), []);
}

pub(super) async fn runs_of_jobs_are_kept_newest_first(store: Arc<dyn EngineStore>) {
    let run = |at, error: Option<&str>| RetentionRun {
        job: RetentionJob::DeleteRecordings,
        at: after(at),
        before: after(0),
        affected: at,
        error: error.map(str::to_owned),
    };
    for (at, error) in [(1, None), (2, Some("the disk failed")), (3, None)] {
        store.log_retention(&run(at, error)).await.unwrap();
    }
    assert_eq!(store.retention_runs(2).await.unwrap(), [run(3, None), run(2, Some("the disk failed"))]);
}
