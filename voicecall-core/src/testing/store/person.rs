//! Rules of what is one person's.

use std::sync::Arc;

use serde_json::json;

use super::fixture::{assert_kind, new_session, over};
use super::probe::Probe;
use crate::error::ErrorKind;
use crate::id::TenantId;
use crate::store::{EndReason, EngineStore, Erased, NewSession, PersonFile, SessionFile};

pub(super) async fn one_person_is_found_and_erased_everywhere(store: Arc<dyn EngineStore>) {
    let shop = over(Arc::clone(&store), EndReason::Completed).await;
    let tenant = shop.tenant;
    let (remote, person) = {
        let session = shop.read().await;
        (session.remote, session.person.unwrap())
    };
    store.archive_events(super::fixture::after(20), 100).await.unwrap();
    let other = store.create_session(&new_session(tenant)).await.unwrap();
    // The same hash is another person's at another tenant.
    let elsewhere = NewSession { remote: remote.clone(), ..new_session(TenantId::new()) };
    let elsewhere = store.create_session(&elsewhere).await.unwrap();
    let all = shop.snapshot().await;
    let file = SessionFile {
        session: all.session,
        events: all.events,
        journal: all.journal,
        attempts: all.attempts,
        provider_logs: all.provider_logs,
        messages: Vec::new(),
    };
    let found = PersonFile { sessions: vec![file], ..PersonFile::default() };
    assert_eq!(store.export_person(tenant, person).await.unwrap(), found);

    let erased = store.erase_person(tenant, person).await.unwrap();

    assert_eq!(erased, Erased { sessions: vec![shop.session], ..Erased::default() });
    assert_eq!(store.export_person(tenant, person).await.unwrap(), PersonFile::default());
    assert_kind(store.session(tenant, shop.session).await, ErrorKind::NotFound);
    assert!(store.session(tenant, other.id).await.is_ok());
    assert!(store.session(elsewhere.tenant, elsewhere.id).await.is_ok());
    assert_eq!(store.erase_person(tenant, person).await.unwrap(), Erased::default());
}

pub(super) async fn a_person_is_found_by_key_and_by_address(store: Arc<dyn EngineStore>) {
    let known = NewSession { person: Some(Probe::known()), ..new_session(TenantId::new()) };
    let session = store.create_session(&known).await.unwrap();
    let by_address = session.remote.as_ref().unwrap().lookup.into();
    for person in [Probe::known(), by_address] {
        let file = store.export_person(known.tenant, person).await.unwrap();
        assert_eq!(file.sessions.len(), 1, "{person:?}");
        assert_eq!(file.sessions[0].session, session);
    }
}

pub(super) async fn what_extensions_keep_is_exported_and_erased(store: Arc<dyn EngineStore>) {
    let tenant = TenantId::new();
    let file = store.export_person(tenant, Probe::known()).await.unwrap();
    assert_eq!(file.extensions, [("probe", json!({ "rows": 2 }))].into());
    let erased = store.erase_person(tenant, Probe::known()).await.unwrap();
    assert_eq!(erased.extensions, [("probe", 2)].into());
}

pub(super) async fn an_eraser_that_fails_erases_nothing(store: Arc<dyn EngineStore>) {
    let new = NewSession { person: Some(Probe::kept()), ..new_session(TenantId::new()) };
    let session = store.create_session(&new).await.unwrap();
    assert_kind(store.erase_person(new.tenant, Probe::kept()).await, ErrorKind::Unavailable);
    assert_eq!(store.session(new.tenant, new.id).await.unwrap(), session);
    assert_eq!(store.export_person(new.tenant, Probe::kept()).await.unwrap().sessions.len(), 1);
}
