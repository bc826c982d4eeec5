//! Rules of businesses and verifications.

use std::sync::Arc;

use jiff::civil;
use serde_json::json;

use super::fixture::{after, assert_kind, phone};
use crate::error::ErrorKind;
use crate::id::{TenantId, VerificationId};
use crate::store::{BusinessContext, CallPreferences, CustomerVerification, Store, StoreInfo, VerificationStatus};

pub(super) async fn a_business_reads_back_and_is_replaced(store: Arc<dyn Store>) {
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

pub(super) async fn a_verification_reads_back_and_is_replaced(store: Arc<dyn Store>) {
    let tenant = TenantId::new();
    let pending = CustomerVerification {
        id: VerificationId::new(),
        tenant,
        purchased_at: after(0),
        amount_micros: 129_900_000,
        phone: phone(tenant),
        status: VerificationStatus::Pending,
    };
    store.put_verification(&pending).await.unwrap();
    assert_eq!(store.verification(tenant, pending.id).await.unwrap(), pending);
    let verified = CustomerVerification { status: VerificationStatus::Verified, ..pending };
    store.put_verification(&verified).await.unwrap();
    assert_eq!(store.verification(tenant, verified.id).await.unwrap(), verified);
    assert_kind(store.verification(tenant, VerificationId::new()).await, ErrorKind::NotFound);
}
