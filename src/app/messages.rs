//! Calls, as messages know of them.

use std::sync::Arc;

use voicecall_core::{PersonKey, Result, TenantId, async_trait};
use voicecall_engine::CallEngine;
use voicecall_messaging::LiveCalls;

/// The calls of an engine.
#[derive(Debug)]
pub(super) struct EngineCalls(pub(super) Arc<CallEngine>);

#[async_trait]
impl LiveCalls for EngineCalls {
    async fn wrote(&self, tenant: TenantId, person: PersonKey, text: &str) -> Result<bool> {
        self.0.wrote(tenant, person, text).await
    }
}
