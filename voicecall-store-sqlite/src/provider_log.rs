//! Exchanges with providers: the table `telephony_provider_logs`.

use rusqlite::{Connection, Row, named_params};
use voicecall_core::store::{ProviderLog, ProviderLogStore};
use voicecall_core::{Result, SessionId, TenantId, async_trait};

use crate::column::{At, Json, Millis, Text};
use crate::fault::Outcome;
use crate::{SqliteStore, sessions};

#[async_trait]
impl ProviderLogStore for SqliteStore {
    async fn log_provider(&self, tenant: TenantId, log: &ProviderLog) -> Result<()> {
        log.validate()?;
        let log = log.clone();
        self.write("log provider", move |db| {
            sessions::owner(db, tenant, log.session)?;
            let insert = "INSERT INTO telephony_provider_logs
                (id, call_session_id, provider, provider_call_id, operation, request_payload, response_payload,
                 status_code, latency_ms, success, error_message, quality_metrics, timestamp)
                VALUES (:id, :call_session_id, :provider, :provider_call_id, :operation, :request_payload,
                        :response_payload, :status_code, :latency_ms, :success, :error_message, :quality_metrics,
                        :timestamp)";
            db.prepare_cached(insert)?.execute(named_params! {
                ":id": Text(log.id),
                ":call_session_id": Text(log.session),
                ":provider": log.provider,
                ":provider_call_id": log.provider_call,
                ":operation": Text(log.operation),
                ":request_payload": Json(&log.request),
                ":response_payload": Json(&log.response),
                ":status_code": log.status_code,
                ":latency_ms": Millis(log.latency),
                ":success": log.success,
                ":error_message": log.error_message,
                ":quality_metrics": log.quality_metrics.as_ref().map(Json),
                ":timestamp": At(log.timestamp),
            })?;
            Ok(())
        })
        .await
    }

    async fn provider_logs(&self, tenant: TenantId, session: SessionId) -> Result<Vec<ProviderLog>> {
        self.read("read provider logs", move |db| {
            sessions::owner(db, tenant, session)?;
            of_session(db, session)
        })
        .await
    }
}

pub(crate) fn of_session(db: &Connection, session: SessionId) -> Outcome<Vec<ProviderLog>> {
    let query = "SELECT * FROM telephony_provider_logs WHERE call_session_id = ? ORDER BY timestamp, position";
    Ok(db.prepare_cached(query)?.query_map((Text(session),), read)?.collect::<rusqlite::Result<_>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<ProviderLog> {
    Ok(ProviderLog {
        id: row.get::<_, Text<_>>("id")?.0,
        session: row.get::<_, Text<_>>("call_session_id")?.0,
        provider: row.get("provider")?,
        provider_call: row.get("provider_call_id")?,
        operation: row.get::<_, Text<_>>("operation")?.0,
        request: row.get::<_, Json<_>>("request_payload")?.0,
        response: row.get::<_, Json<_>>("response_payload")?.0,
        status_code: row.get("status_code")?,
        latency: row.get::<_, Millis>("latency_ms")?.0,
        success: row.get("success")?,
        error_message: row.get("error_message")?,
        quality_metrics: row.get::<_, Option<Json<_>>>("quality_metrics")?.map(|metrics| metrics.0),
        timestamp: row.get::<_, At>("timestamp")?.0,
    })
}
