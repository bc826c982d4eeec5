//! Rules that keep one tenant's rows from another, over every method of a survey's store.

use std::sync::Arc;

use voicecall_core::ErrorKind::{Conflict, NotFound};
use voicecall_core::TenantId;
use voicecall_core::store::{EndReason, PageRequest, SessionFilter};

use super::WholeStore;
use super::fixture::{Shop, after, answered, assert_kind, ended, phone, verification};
use crate::store::{
    BusinessContext, CallAttachment, CallPreferences, CustomerVerification, QuestionConfiguration, QuestionId,
    StoreInfo,
};

pub(super) async fn another_tenants_rows_are_not_found(store: Arc<dyn WholeStore>) {
    let shop = Shop::on_the_line(store).await;
    let (store, stranger, id) = (&shop.store, TenantId::new(), shop.session);
    shop.append(&[shop.entry(1, answered(QuestionId::new(), "Bra"))]).await.unwrap();
    let before = shop.snapshot().await;

    assert_kind(store.call(stranger, id).await, NotFound);
    let attached = store.attach_to_call(stranger, id, &CallAttachment::default(), after(9)).await;
    assert_kind(attached, NotFound);
    assert_kind(store.complete_call(stranger, id, &ended(EndReason::Busy), &[]).await, NotFound);
    assert_eq!(store.calls(stranger, &SessionFilter::default(), PageRequest::default()).await.unwrap().total, 0);
    assert_eq!(store.selection_of_session(stranger, id).await.unwrap(), None);
    let decision = crate::store::SelectionLog { session: Some(id), ..super::questions::decision(stranger, 1) };
    assert_kind(store.log_selection(&decision).await, NotFound);

    assert_eq!(shop.snapshot().await, before);
}

pub(super) async fn another_tenants_ids_cannot_be_taken(store: Arc<dyn WholeStore>) {
    let (tenant, stranger) = (TenantId::new(), TenantId::new());
    let question = QuestionConfiguration::new(tenant, "Hur var besöket?", after(0));
    let verification = verification(tenant);
    let business = BusinessContext {
        tenant,
        store_info: StoreInfo { name: "Affären".to_owned() },
        question_settings: serde_json::json!({}),
        call_preferences: CallPreferences::default(),
    };
    store.put_question(&question).await.unwrap();
    store.put_verification(&verification).await.unwrap();
    store.put_business(&business).await.unwrap();
    store.log_selection(&super::questions::decision(tenant, 1)).await.unwrap();
    store.count_customer(tenant).await.unwrap();

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
    assert_eq!(store.question(tenant, question.id).await.unwrap(), question);
    assert_eq!(store.verification(tenant, verification.id).await.unwrap(), verification);
}
