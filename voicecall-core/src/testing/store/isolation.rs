//! Rules that keep one tenant's rows from another, over every method of a store.

use std::sync::Arc;

use super::fixture::{Shop, after, answered, assert_kind, connecting, ended, new_session, phone};
use super::provider_log::exchange;
use crate::error::ErrorKind::{Conflict, NotFound};
use crate::id::{Epoch, QuestionId, TenantId, VerificationId};
use crate::store::{
    AttemptOutcome, BusinessContext, CallEvent, CallEventType, CallPreferences, CustomerVerification, DialAttempt,
    EndReason, Erased, EventSource, NewSession, PageRequest, QuestionConfiguration, SessionFilter, Store, StoreInfo,
    SubjectFile, TakeOver, VerificationStatus,
};

pub(super) async fn another_tenants_rows_are_not_found(store: Arc<dyn Store>) {
    let shop = Shop::open(store).await;
    let (store, stranger, id) = (&shop.store, TenantId::new(), shop.session);
    let attempt = shop.planned_attempt().await;
    shop.append(&[shop.entry(1, answered(QuestionId::new(), "Bra"))]).await.unwrap();
    store.log_provider(shop.tenant, &exchange(id, 1)).await.unwrap();
    let before = shop.snapshot().await;

    assert_kind(store.session(stranger, id).await, NotFound);
    assert_eq!(store.session_of_verification(stranger, before.session.verification).await.unwrap(), None);
    assert_kind(store.change_session(stranger, id, &connecting()).await, NotFound);
    let event = CallEvent::new(id, CallEventType::WarningSent, EventSource::System, after(9));
    assert_kind(store.append_event(stranger, &event).await, NotFound);
    assert_kind(store.events(stranger, id, PageRequest::default()).await, NotFound);
    assert_kind(store.responses(stranger, id).await, NotFound);

    assert_kind(store.claim_session(stranger, id, after(9), after(19)).await, NotFound);
    assert_kind(store.complete_session(stranger, id, &ended(EndReason::Busy), &[]).await, NotFound);
    assert_eq!(store.sessions(stranger, &SessionFilter::default(), PageRequest::default()).await.unwrap().total, 0);
    assert_kind(store.forget_recording(stranger, id, after(9)).await, NotFound);
    assert_kind(store.delete_session(stranger, id).await, NotFound);
    assert_eq!(store.subject(stranger, before.session.phone.lookup).await.unwrap(), SubjectFile::default());
    assert_eq!(store.erase_subject(stranger, before.session.phone.lookup).await.unwrap(), Erased::default());

    assert_kind(store.take_over(stranger, id, TakeOver::from_anybody(after(9))).await, NotFound);
    assert_kind(store.append(stranger, &[shop.entry(2, crate::journal::Fact::Warned)]).await, NotFound);
    assert_kind(store.journal(stranger, id).await, NotFound);

    assert_kind(store.begin_sending(stranger, attempt.id, Epoch::FIRST).await, NotFound);
    assert_kind(store.settle_attempt(stranger, attempt.id, &AttemptOutcome::Unknown).await, NotFound);
    assert_kind(store.finish_attempt(stranger, attempt.id, EndReason::Busy, &ended(EndReason::Busy)).await, NotFound);
    assert_kind(store.attempt(stranger, attempt.id).await, NotFound);
    assert_kind(store.attempts(stranger, id).await, NotFound);
    assert!(store.count_attempts(stranger, &[id]).await.unwrap().is_empty());
    assert_kind(store.plan_attempt(&DialAttempt { tenant: stranger, ..shop.attempt() }).await, NotFound);

    assert_kind(store.log_provider(stranger, &exchange(id, 2)).await, NotFound);
    assert_kind(store.provider_logs(stranger, id).await, NotFound);

    assert_eq!(shop.snapshot().await, before);
    // The stranger's take-over must not have made the owner stale either.
    shop.append(&[shop.entry(2, crate::journal::Fact::Warned)]).await.unwrap();
}

pub(super) async fn another_tenants_ids_cannot_be_taken(store: Arc<dyn Store>) {
    let (shop, stranger) = (Shop::open(store).await, TenantId::new());
    let store = &shop.store;
    let question = QuestionConfiguration::new(shop.tenant, "Hur var besöket?", after(0));
    let verification = CustomerVerification {
        id: VerificationId::new(),
        tenant: shop.tenant,
        purchased_at: after(0),
        amount_micros: 1,
        phone: phone(shop.tenant),
        status: VerificationStatus::Pending,
    };
    let business = BusinessContext {
        tenant: shop.tenant,
        store_info: StoreInfo { name: "Affären".to_owned() },
        question_settings: serde_json::json!({}),
        call_preferences: CallPreferences::default(),
    };
    store.put_question(&question).await.unwrap();
    store.put_verification(&verification).await.unwrap();
    store.put_business(&business).await.unwrap();
    store.log_selection(&super::questions::decision(shop.tenant, 1)).await.unwrap();
    store.count_customer(shop.tenant).await.unwrap();
    let attempt = shop.planned_attempt().await;

    assert_kind(store.question(stranger, question.id).await, NotFound);
    assert_eq!(store.questions(stranger, false).await.unwrap(), []);
    assert_eq!(store.selection_logs(stranger, 10).await.unwrap(), []);
    assert_eq!(store.count_customer(stranger).await.unwrap(), 1);
    assert_kind(store.verification(stranger, verification.id).await, NotFound);
    assert_kind(store.business(stranger).await, NotFound);

    let theirs = QuestionConfiguration { tenant: stranger, is_active: false, ..question.clone() };
    assert_kind(store.put_question(&theirs).await, Conflict);
    let theirs = CustomerVerification { tenant: stranger, phone: phone(stranger), ..verification.clone() };
    assert_kind(store.put_verification(&theirs).await, Conflict);
    let theirs = NewSession { id: shop.session, ..new_session(stranger) };
    assert_kind(store.create_session(&theirs).await, Conflict);
    let theirs = Shop::open(Arc::clone(store)).await;
    assert_kind(store.plan_attempt(&DialAttempt { id: attempt.id, ..theirs.attempt() }).await, Conflict);

    assert_eq!(store.question(shop.tenant, question.id).await.unwrap(), question);
    assert_eq!(store.verification(shop.tenant, verification.id).await.unwrap(), verification);
    assert_eq!(store.attempt(shop.tenant, attempt.id).await.unwrap(), attempt);
    assert_eq!(shop.read().await.tenant, shop.tenant);
}
