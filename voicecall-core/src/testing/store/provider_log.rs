//! Rules of exchanges with providers.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::fixture::{Shop, after, assert_kind};
use crate::error::ErrorKind;
use crate::id::{RecordId, SessionId};
use crate::store::{EngineStore, ProviderLog, ProviderOperation};

pub(super) fn exchange(session: SessionId, seconds: u64) -> ProviderLog {
    ProviderLog {
        id: RecordId::new(),
        session,
        provider: "carrier".to_owned(),
        provider_call: Some("CA1".to_owned()),
        operation: ProviderOperation::Initiate,
        request: json!({ "timeout": 30 }),
        response: json!({ "status": "queued" }),
        status_code: Some(201),
        latency: Duration::from_micros(123_456),
        success: true,
        error_message: None,
        quality_metrics: Some(json!({ "jitterMs": 3 })),
        timestamp: after(seconds),
    }
}

pub(super) async fn exchanges_read_back_in_order(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(store).await;
    let failed = ProviderLog {
        operation: ProviderOperation::Hangup,
        provider_call: None,
        status_code: None,
        success: false,
        error_message: Some("connection reset".to_owned()),
        quality_metrics: None,
        ..exchange(shop.session, 2)
    };
    let first = exchange(shop.session, 1);
    for log in [&failed, &first] {
        shop.store.log_provider(shop.tenant, log).await.unwrap();
    }
    assert_kind(shop.store.log_provider(shop.tenant, &first).await, ErrorKind::Conflict);
    assert_eq!(shop.store.provider_logs(shop.tenant, shop.session).await.unwrap(), [first, failed]);
}

pub(super) async fn a_failure_has_a_reason(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(store).await;
    for error_message in [None, Some(String::new())] {
        let silent = ProviderLog { success: false, error_message, ..exchange(shop.session, 1) };
        assert_kind(shop.store.log_provider(shop.tenant, &silent).await, ErrorKind::Invalid);
    }
    assert_eq!(shop.store.provider_logs(shop.tenant, shop.session).await.unwrap(), []);
}
