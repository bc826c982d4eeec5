//! Rules of what a store's data was sealed with.

use std::sync::Arc;

use super::fixture::{after, assert_kind, new_session};
use crate::error::ErrorKind;
use crate::id::TenantId;
use crate::seal::{Canary, Sealed, Vault};
use crate::store::{EngineStore, NewSession, Resealed, Session, check_keys, rekey};

async fn session_of(store: &Arc<dyn EngineStore>, vault: &Vault, tenant: TenantId, number: u32) -> Session {
    let address = format!("+467012{number:05}").parse().unwrap();
    let new = NewSession::outbound_to(vault, tenant, &address, after(u64::from(number))).unwrap();
    store.create_session(&new).await.unwrap()
}

pub(super) async fn sealed_addresses_come_in_the_order_of_their_rows(store: Arc<dyn EngineStore>) {
    let mut expected = Vec::new();
    for tenant in [TenantId::new(), TenantId::new()] {
        for _ in 0..3 {
            let session = store.create_session(&new_session(tenant)).await.unwrap();
            expected.push((session.row(), session.remote.unwrap()));
        }
    }
    store.create_session(&NewSession::inbound(TenantId::new(), None, after(1))).await.unwrap();
    expected.sort_by_key(|(row, _)| row.id);
    let (mut found, mut last) = (Vec::new(), None);
    loop {
        let page = store.sealed_addresses(last, 4).await.unwrap();
        assert!(page.len() <= 4);
        let Some((row, _)) = page.last() else { break };
        last = Some(row.id);
        found.extend(page);
    }
    assert_eq!(found, expected);
}

pub(super) async fn only_what_still_stands_in_a_row_is_sealed_anew(store: Arc<dyn EngineStore>) {
    let tenant = TenantId::new();
    let (one, other) = (new_session(tenant), new_session(tenant));
    let mut sessions = Vec::new();
    for new in [&one, &other] {
        sessions.push(store.create_session(new).await.unwrap());
    }
    let sealed = |byte| Sealed::from_bytes(vec![byte; 60]);
    let before = |index: usize| sessions[index].remote.clone().unwrap().sealed;
    let rows = [
        Resealed { row: sessions[0].row(), before: before(0), after: sealed(1) },
        Resealed { row: sessions[1].row(), before: sealed(9), after: sealed(2) },
        // Another tenant's row with this id there is not.
        Resealed { row: new_session(TenantId::new()).row(), before: before(0), after: sealed(3) },
    ];
    assert_eq!(store.reseal(&rows).await.unwrap(), 1);
    let remote = store.session(tenant, one.id).await.unwrap().remote.unwrap();
    assert_eq!(remote.sealed, sealed(1));
    assert_eq!(remote.lookup, one.remote.unwrap().lookup, "found as before");
    assert_eq!(store.session(tenant, other.id).await.unwrap().remote, other.remote);
    assert_eq!(store.reseal(&[]).await.unwrap(), 0);
}

pub(super) async fn a_key_has_one_canary(store: Arc<dyn EngineStore>) {
    let canary = |key: &str, byte| Canary { key: key.to_owned(), code: [byte; 32] };
    for kept in [canary("index", 1), canary("0a", 2), canary("index", 3)] {
        store.keep_canary(&kept).await.unwrap();
    }
    let mut kept = store.canaries().await.unwrap();
    kept.sort_by(|one, other| one.key.cmp(&other.key));
    assert_eq!(kept, [canary("0a", 2), canary("index", 1)], "the first stays");
    store.forget_canary("0a").await.unwrap();
    store.forget_canary("0b").await.unwrap();
    assert_eq!(store.canaries().await.unwrap(), [canary("index", 1)]);
}

pub(super) async fn a_store_refuses_keys_it_was_not_written_with(store: Arc<dyn EngineStore>) {
    let (key, index) = (Vault::generate_key().unwrap(), Vault::generate_key().unwrap());
    let vault = Vault::new(std::slice::from_ref(&key), &index).unwrap();
    session_of(&store, &vault, TenantId::new(), 1).await;
    // Also before there is a canary: the rows tell.
    let other = || Vault::generate_key().unwrap();
    for (wrong, field) in [
        (Vault::new(&[other()], &index).unwrap(), "data keys"),
        (Vault::new(std::slice::from_ref(&key), &other()).unwrap(), "index key"),
    ] {
        for _ in 0..2 {
            let error = check_keys(&*store, &wrong).await.unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::Config, Some(field)));
            check_keys(&*store, &vault).await.unwrap();
        }
    }
}

pub(super) async fn keys_are_changed_without_losing_a_row(store: Arc<dyn EngineStore>) {
    let (old, new, index) =
        (Vault::generate_key().unwrap(), Vault::generate_key().unwrap(), Vault::generate_key().unwrap());
    let tenant = TenantId::new();
    let before = Vault::new(std::slice::from_ref(&old), &index).unwrap();
    check_keys(&*store, &before).await.unwrap();
    let first = session_of(&store, &before, tenant, 1).await;
    let both = Vault::new(&[new.clone(), old], &index).unwrap();
    check_keys(&*store, &both).await.unwrap();
    let second = session_of(&store, &both, tenant, 2).await;
    let alone = Vault::new(&[new], &index).unwrap();
    assert_kind(check_keys(&*store, &alone).await, ErrorKind::Config);

    let done = rekey(&store, &[], &both).await.unwrap();

    assert_eq!((done.resealed, done.unchanged, done.is_complete()), (1, 1, true));
    check_keys(&*store, &alone).await.unwrap();
    assert_kind(check_keys(&*store, &before).await, ErrorKind::Config);
    for (session, number) in [(first, "+46701200001"), (second, "+46701200002")] {
        let address = number.parse().unwrap();
        let read = store.session(tenant, session.id).await.unwrap();
        assert_eq!(read.open_remote(&alone).unwrap(), Some(address));
        let found = store.export_person(tenant, read.person.unwrap()).await.unwrap();
        assert_eq!(found.sessions.len(), 1, "found by the same key");
    }
}

pub(super) async fn a_key_that_is_still_needed_is_kept(store: Arc<dyn EngineStore>) {
    let (old, new, index) =
        (Vault::generate_key().unwrap(), Vault::generate_key().unwrap(), Vault::generate_key().unwrap());
    let tenant = TenantId::new();
    let both = Vault::new(&[new, old.clone()], &index).unwrap();
    let before = Vault::new(&[old], &index).unwrap();
    check_keys(&*store, &before).await.unwrap();
    let readable = session_of(&store, &before, tenant, 1).await;
    let copied = NewSession::outbound(tenant, readable.remote.unwrap(), after(2));
    let copied = store.create_session(&copied).await.unwrap();
    let done = rekey(&store, &[], &both).await.unwrap();
    assert_eq!((done.resealed, done.unreadable.clone()), (1, vec![copied.row()]), "a copy does not open");
    assert!(!done.is_complete());
    assert_eq!(store.canaries().await.unwrap().len(), 3, "index, the new key and the old one");
}
