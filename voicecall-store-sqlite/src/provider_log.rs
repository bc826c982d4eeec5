//! Exchanges with providers: the table `provider_logs`.

use rusqlite::{Connection, Row, named_params};
use voicecall_core::SessionId;
use voicecall_core::store::ProviderLog;

use crate::column::{At, Json, Millis, Text, word};
use crate::fault::Outcome;

/// Keeps an exchange of a session.
pub(crate) fn insert(db: &Connection, log: &ProviderLog) -> Outcome<()> {
    let insert = "INSERT INTO provider_logs
                (id, session_id, provider, provider_call, operation, request, response,
                 status_code, latency_ms, success, error_message, quality_metrics, at)
                VALUES (:id, :session_id, :provider, :provider_call, :operation, :request,
                        :response, :status_code, :latency_ms, :success, :error_message, :quality_metrics,
                        :at)";
    db.prepare_cached(insert)?.execute(named_params! {
        ":id": Text(log.id),
        ":session_id": Text(log.session),
        ":provider": log.provider,
        ":provider_call": log.provider_call,
        ":operation": Text(log.operation),
        ":request": Json(&log.request),
        ":response": Json(&log.response),
        ":status_code": log.status_code,
        ":latency_ms": Millis(log.latency),
        ":success": log.success,
        ":error_message": log.error_message,
        ":quality_metrics": log.quality_metrics.as_ref().map(Json),
        ":at": At(log.timestamp),
    })?;
    Ok(())
}

pub(crate) fn of_session(db: &Connection, session: SessionId) -> Outcome<Vec<ProviderLog>> {
    let query = "SELECT * FROM provider_logs WHERE session_id = ? ORDER BY at, position";
    Ok(db.prepare_cached(query)?.query_map((Text(session),), read)?.collect::<rusqlite::Result<_>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<ProviderLog> {
    Ok(ProviderLog {
        id: row.get::<_, Text<_>>("id")?.0,
        session: row.get::<_, Text<_>>("session_id")?.0,
        provider: row.get("provider")?,
        provider_call: row.get("provider_call")?,
        operation: word(row, "operation")?,
        request: row.get::<_, Json<_>>("request")?.0,
        response: row.get::<_, Json<_>>("response")?.0,
        status_code: row.get("status_code")?,
        latency: row.get::<_, Millis>("latency_ms")?.0,
        success: row.get("success")?,
        error_message: row.get("error_message")?,
        quality_metrics: row.get::<_, Option<Json<_>>>("quality_metrics")?.map(|metrics| metrics.0),
        timestamp: row.get::<_, At>("at")?.0,
    })
}
