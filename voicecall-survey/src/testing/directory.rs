//! Rules of businesses and verifications.

use std::sync::Arc;

use jiff::civil;
use serde_json::json;
use voicecall_core::store::{PageRequest, rekey};
use voicecall_core::{Address, ErrorKind, TenantId, Vault};

use super::WholeStore;
use super::fixture::{after, assert_kind, verification};
use crate::store::{
    BusinessContext, CallPreferences, CustomerVerification, SealedSurvey, StoreInfo, VerificationId, VerificationStatus,
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

pub(super) async fn verifications_are_listed_the_newest_purchase_first(store: Arc<dyn WholeStore>) {
    let tenant = TenantId::new();
    let page = |page, per_page| PageRequest { page, per_page };
    assert_eq!(store.verifications(tenant, None, page(1, 10)).await.unwrap().total, 0);
    let mut all = Vec::new();
    for (seconds, status) in
        [(2, VerificationStatus::Verified), (0, VerificationStatus::Pending), (1, VerificationStatus::Verified)]
    {
        let one = CustomerVerification { purchased_at: after(seconds), status, ..verification(tenant) };
        store.put_verification(&one).await.unwrap();
        all.push(one);
    }
    store.put_verification(&verification(TenantId::new())).await.unwrap();
    let [newest, oldest, middle] = <[_; 3]>::try_from(all).unwrap();

    let first = store.verifications(tenant, None, page(1, 2)).await.unwrap();
    assert_eq!((first.items, first.total), (vec![newest.clone(), middle.clone()], 3));
    let second = store.verifications(tenant, None, page(2, 2)).await.unwrap();
    assert_eq!((second.items, second.total), (vec![oldest], 3));
    let verified = store.verifications(tenant, Some(VerificationStatus::Verified), page(1, 10)).await.unwrap();
    assert_eq!((verified.items, verified.total), (vec![newest, middle], 2));
    assert_kind(store.verifications(tenant, None, page(0, 10)).await, ErrorKind::Invalid);
}

pub(super) async fn phones_are_sealed_anew_without_losing_one(store: Arc<dyn WholeStore>) {
    let keys = [Vault::generate_key().unwrap(), Vault::generate_key().unwrap()];
    let [new, old] = &keys;
    let index = Vault::generate_key().unwrap();
    let before = Vault::new(std::slice::from_ref(old), &index).unwrap();
    let number: Address = "+46701234567".parse().unwrap();
    let mut rows = Vec::new();
    for _ in 0..5 {
        let blank = verification(TenantId::new());
        let row = CustomerVerification::row(blank.tenant, blank.id);
        let sealed = CustomerVerification { phone: before.seal_address(row, &number).unwrap(), ..blank };
        store.put_verification(&sealed).await.unwrap();
        rows.push(sealed);
    }
    assert_eq!(store.sealed_phones(None, 3).await.unwrap().len(), 3);

    let both = Vault::new(&keys, &index).unwrap();
    let done = rekey(&store, &[&SealedSurvey(&*store)], &both).await.unwrap();

    assert_eq!((done.resealed, done.is_complete()), (5, true));
    let alone = Vault::new(std::slice::from_ref(new), &index).unwrap();
    for CustomerVerification { id, tenant, phone, .. } in rows {
        let read = store.verification(tenant, id).await.unwrap();
        assert_eq!(alone.open_address(CustomerVerification::row(tenant, id), &read.phone).unwrap(), number);
        assert_eq!(read.phone.lookup, phone.lookup);
    }
}
