//! Exchanges with providers: the table `provider_logs`.

use voicecall_core::store::ProviderLog;
use voicecall_core::{SessionId, TenantId};

use crate::column::{Json, params};
use crate::connection::{Db, Row};
use crate::fault::Outcome;

/// Keeps an exchange of a session.
pub(crate) async fn insert(db: &Db, tenant: TenantId, log: &ProviderLog) -> Outcome<()> {
    let insert = "INSERT INTO voicecall.provider_logs
        (id, tenant_id, session_id, provider, provider_call, operation, request, response, status_code, latency_nanos,
         success, error_message, quality_metrics, at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    let values = params![
        log.id,
        tenant,
        log.session,
        log.provider,
        log.provider_call,
        log.operation,
        Json(log.request.clone()),
        Json(log.response.clone()),
        log.status_code,
        log.latency,
        log.success,
        log.error_message,
        log.quality_metrics.clone().map(Json),
        log.timestamp,
    ];
    db.execute(insert, values).await?;
    Ok(())
}

pub(crate) async fn of_session(db: &Db, tenant: TenantId, session: SessionId) -> Outcome<Vec<ProviderLog>> {
    let query = "SELECT * FROM voicecall.provider_logs WHERE tenant_id = $1 AND session_id = $2 ORDER BY at, position";
    db.query(query, params![tenant, session]).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Outcome<ProviderLog> {
    Ok(ProviderLog {
        id: row.get("id")?,
        session: row.get("session_id")?,
        provider: row.get("provider")?,
        provider_call: row.get("provider_call")?,
        operation: row.get("operation")?,
        request: row.get::<Json<_>>("request")?.0,
        response: row.get::<Json<_>>("response")?.0,
        status_code: row.get("status_code")?,
        latency: row.get("latency_nanos")?,
        success: row.get("success")?,
        error_message: row.get("error_message")?,
        quality_metrics: row.get::<Option<Json<_>>>("quality_metrics")?.map(|metrics| metrics.0),
        timestamp: row.get("at")?,
    })
}
