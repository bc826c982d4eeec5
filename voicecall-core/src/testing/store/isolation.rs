//! Rules that keep one tenant's rows from another, over every method of a store.

use std::sync::Arc;

use super::fixture::{LEASE, Shop, after, assert_kind, connecting, custom, ended, lease, new_session};
use super::provider_log::exchange;
use crate::carrier::CallPrice;
use crate::error::ErrorKind::{Conflict, NotFound};
use crate::id::{Epoch, TenantId};
use crate::store::{
    AcquireLease, AttemptOutcome, Claim, DialAttempt, EndReason, EngineStore, Erased, EventKind, EventSource,
    NewSession, PageRequest, PersonFile, SessionEvent, SessionFilter,
};

pub(super) async fn another_tenants_rows_are_not_found(store: Arc<dyn EngineStore>) {
    let new = NewSession { reference: Some("order-17".to_owned()), ..new_session(TenantId::new()) };
    store.create_session(&new).await.unwrap();
    let shop = Shop { store, tenant: new.tenant, session: new.id };
    let (store, stranger, id) = (&shop.store, TenantId::new(), shop.session);
    let attempt = shop.planned_attempt().await;
    shop.append(&[shop.entry(1, custom("Bra", true))]).await.unwrap();
    store.log_provider(shop.tenant, &exchange(id, 1)).await.unwrap();
    let before = shop.snapshot().await;

    assert_kind(store.session(stranger, id).await, NotFound);
    assert_eq!(store.session_by_reference(stranger, "order-17").await.unwrap(), None);
    assert_kind(store.change_session(stranger, id, &connecting()).await, NotFound);
    let event = SessionEvent::new(id, EventKind::WarningSent, EventSource::System, after(9));
    assert_kind(store.append_event(stranger, &event).await, NotFound);
    assert_kind(store.events(stranger, id, PageRequest::default()).await, NotFound);

    assert_kind(store.claim_session(stranger, id, &Claim::new(after(9), LEASE)).await, NotFound);
    assert_eq!(store.sessions(stranger, &SessionFilter::default(), PageRequest::default()).await.unwrap().total, 0);
    assert_kind(store.forget_recording(stranger, id, after(9)).await, NotFound);
    assert_kind(store.delete_session(stranger, id).await, NotFound);
    let person = before.session.person.unwrap();
    assert_eq!(store.export_person(stranger, person).await.unwrap(), PersonFile::default());
    assert_eq!(store.erase_person(stranger, person).await.unwrap(), Erased::default());

    assert_kind(store.acquire_lease(stranger, id, AcquireLease::from_anybody(lease(9))).await, NotFound);
    assert_kind(store.append(stranger, &[shop.entry(2, crate::journal::Fact::Warned)]).await, NotFound);
    assert_kind(store.journal(stranger, id).await, NotFound);

    assert_kind(store.begin_sending(stranger, attempt.id, Epoch::FIRST).await, NotFound);
    assert_kind(store.settle_attempt(stranger, attempt.id, &AttemptOutcome::Unknown).await, NotFound);
    assert_kind(store.finish_attempt(stranger, attempt.id, EndReason::Busy, &ended(EndReason::Busy)).await, NotFound);
    let price = CallPrice { micros: 1, currency: "USD".to_owned() };
    assert_kind(store.charge_attempt(stranger, attempt.id, &price).await, NotFound);
    assert_kind(store.attempt(stranger, attempt.id).await, NotFound);
    assert_kind(store.attempts(stranger, id).await, NotFound);
    assert!(store.count_attempts(stranger, &[id]).await.unwrap().is_empty());
    assert_kind(store.plan_attempt(&DialAttempt { tenant: stranger, ..shop.attempt() }).await, NotFound);

    assert_kind(store.log_provider(stranger, &exchange(id, 2)).await, NotFound);
    assert_kind(store.provider_logs(stranger, id).await, NotFound);

    assert_eq!(shop.snapshot().await, before);
    // The stranger's lease must not have made the owner stale either.
    shop.append(&[shop.entry(2, crate::journal::Fact::Warned)]).await.unwrap();
}

pub(super) async fn another_tenants_ids_cannot_be_taken(store: Arc<dyn EngineStore>) {
    let (shop, stranger) = (Shop::open(store).await, TenantId::new());
    let store = &shop.store;
    let attempt = shop.planned_attempt().await;

    let theirs = NewSession { id: shop.session, ..new_session(stranger) };
    assert_kind(store.create_session(&theirs).await, Conflict);
    let theirs = Shop::open(Arc::clone(store)).await;
    assert_kind(store.plan_attempt(&DialAttempt { id: attempt.id, ..theirs.attempt() }).await, Conflict);

    assert_eq!(store.attempt(shop.tenant, attempt.id).await.unwrap(), attempt);
    assert_eq!(shop.read().await.tenant, shop.tenant);
}
