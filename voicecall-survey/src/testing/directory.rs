//! Rules of businesses and verifications.

use std::sync::Arc;

use jiff::civil;
use serde_json::json;
use voicecall_core::{ErrorKind, TenantId};

use super::WholeStore;
use super::fixture::{assert_kind, verification};
use crate::store::{
    BusinessContext, CallPreferences, CustomerVerification, StoreInfo, VerificationId, VerificationStatus,
};

pub(super) async fn a_business_reads_back_and_is_replaced(store: Arc<dyn WholeStore>) {
    let business = BusinessContext {
        tenant: TenantId::new(),
        store_info: StoreInfo { name: "Affären på hörnet".to_owned() },
        question_settings: json!({ "timeBudgetSeconds": 90 }),
        call_preferences: CallPreferences::default(),
    };
    assert_kind(store.business(business.tenant).await, ErrorKind::NotFound);
    store.put_business(&business).await.unwrap();
    assert_eq!(store.business(business.tenant).await.unwrap(), business);
    let preferences = CallPreferences {
        from_hour: civil::time(9, 30, 0, 0),
        voice: Some("astrid".to_owned()),
        ..CallPreferences::default()
    };
    let later = BusinessContext { call_preferences: preferences, ..business };
    store.put_business(&later).await.unwrap();
    assert_eq!(store.business(later.tenant).await.unwrap(), later);
}

pub(super) async fn a_verification_reads_back_and_is_replaced(store: Arc<dyn WholeStore>) {
    let tenant = TenantId::new();
    let pending = verification(tenant);
    store.put_verification(&pending).await.unwrap();
    assert_eq!(store.verification(tenant, pending.id).await.unwrap(), pending);
    let verified = CustomerVerification { status: VerificationStatus::Verified, ..pending };
    store.put_verification(&verified).await.unwrap();
    assert_eq!(store.verification(tenant, verified.id).await.unwrap(), verified);
    assert_kind(store.verification(tenant, VerificationId::new()).await, ErrorKind::NotFound);
}
