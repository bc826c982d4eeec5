//! A session's answers: the table `survey_responses`.

use voicecall_core::store::RenewedContent;
use voicecall_core::{SealedRow, SessionId, TenantId};
use voicecall_survey::store::{CallResponse, QuestionId};

use crate::column::{Json, params};
use crate::connection::{Db, Row};
use crate::fault::Outcome;

pub(crate) async fn of_session(db: &Db, tenant: TenantId, session: SessionId) -> Outcome<Vec<CallResponse>> {
    let open = |stored: CallResponse| Ok(stored.opened(db.seal(), tenant)?);
    stored(db, tenant, session).await?.into_iter().map(open).collect()
}

/// As they stand in their rows.
async fn stored(db: &Db, tenant: TenantId, session: SessionId) -> Outcome<Vec<CallResponse>> {
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
    let stored = db.query_opt(query, params![tenant, session, question]).await?.as_ref().map(read).transpose()?;
    Ok(stored.map(|stored| stored.opened(db.seal(), tenant)).transpose()?)
}

/// Brings the answers of a session into the form in which they would be written now.
pub(crate) async fn renew(db: &Db, row: SealedRow, session: SessionId, done: &mut RenewedContent) -> Outcome<()> {
    // What stands there is compared: an answer may have been added to, or anonymised.
    let update = "UPDATE voicecall.survey_responses SET question_text = $1, response_text = $2, ai_analysis = $3
                  WHERE tenant_id = $4 AND id = $5 AND response_text = $6
                      AND ai_analysis::text IS NOT DISTINCT FROM $7::json::text";
    for before in stored(db, row.tenant, session).await? {
        match before.renewed(db.seal(), row.tenant) {
            Ok(Some(anew)) => {
                let (analysis, analysis_before) = (anew.analysis.map(Json), before.analysis.map(Json));
                let values = params![
                    anew.question_text,
                    anew.text,
                    analysis,
                    row.tenant,
                    before.id,
                    before.text,
                    analysis_before
                ];
                done.note(Some(db.execute(update, values).await? > 0));
            }
            Ok(None) => {}
            Err(_) => done.note_unreadable(row),
        }
    }
    Ok(())
}

/// Writes a response in the place of an earlier state of it, if there is one.
pub(crate) async fn save(db: &Db, tenant: TenantId, response: &CallResponse) -> Outcome<()> {
    let response = response.sealed(db.seal(), tenant)?;
    let upsert = "INSERT INTO voicecall.survey_responses
        (id, tenant_id, session_id, question_id, question_text, response_text, spoken_nanos, confidence_score,
         sentiment_score, asked_at, responded_at, ai_analysis)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        ON CONFLICT (tenant_id, session_id, question_id) DO UPDATE SET
            question_text = excluded.question_text, response_text = excluded.response_text, spoken_nanos = excluded.spoken_nanos,
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
