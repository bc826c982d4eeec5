//! A session's answers: the table `survey_responses`.

use voicecall_core::{SessionId, TenantId};
use voicecall_survey::store::{CallResponse, QuestionId};

use crate::column::{Json, params};
use crate::connection::{Db, Row};
use crate::fault::Outcome;

pub(crate) async fn of_session(db: &Db, tenant: TenantId, session: SessionId) -> Outcome<Vec<CallResponse>> {
    let query = "SELECT * FROM voicecall.survey_responses WHERE tenant_id = $1 AND session_id = $2 ORDER BY position";
    db.query(query, params![tenant, session]).await?.iter().map(read).collect()
}

pub(crate) async fn find(
    db: &Db,
    tenant: TenantId,
    session: SessionId,
    question: QuestionId,
) -> Outcome<Option<CallResponse>> {
    let query = "SELECT * FROM voicecall.survey_responses
                 WHERE tenant_id = $1 AND session_id = $2 AND question_id = $3";
    db.query_opt(query, params![tenant, session, question]).await?.as_ref().map(read).transpose()
}

/// Writes a response in the place of an earlier state of it, if there is one.
pub(crate) async fn save(db: &Db, tenant: TenantId, response: &CallResponse) -> Outcome<()> {
    let upsert = "INSERT INTO voicecall.survey_responses
        (id, tenant_id, session_id, question_id, question_text, response_text, spoken_nanos, confidence_score,
         sentiment_score, asked_at, responded_at, ai_analysis)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        ON CONFLICT (tenant_id, session_id, question_id) DO UPDATE SET
            response_text = excluded.response_text, spoken_nanos = excluded.spoken_nanos,
            confidence_score = excluded.confidence_score, sentiment_score = excluded.sentiment_score,
            responded_at = excluded.responded_at, ai_analysis = excluded.ai_analysis";
    let values = params![
        response.id,
        tenant,
        response.session,
        response.question,
        response.question_text,
        response.text,
        response.duration,
        response.confidence,
        response.sentiment,
        response.asked_at,
        response.responded_at,
        response.analysis.clone().map(Json),
    ];
    db.execute(upsert, values).await?;
    Ok(())
}

fn read(row: &Row) -> Outcome<CallResponse> {
    Ok(CallResponse {
        id: row.get("id")?,
        session: row.get("session_id")?,
        question: row.get("question_id")?,
        question_text: row.get("question_text")?,
        text: row.get("response_text")?,
        duration: row.get("spoken_nanos")?,
        confidence: row.get("confidence_score")?,
        sentiment: row.get("sentiment_score")?,
        asked_at: row.get("asked_at")?,
        responded_at: row.get("responded_at")?,
        analysis: row.get::<Option<Json<_>>>("ai_analysis")?.map(|analysis| analysis.0),
    })
}
