//! A session's answers: the table `survey_responses`.

use rusqlite::{Connection, OptionalExtension, Row, named_params};
use voicecall_core::store::RenewedContent;
use voicecall_core::{SealedRow, SessionId, TenantId};
use voicecall_survey::store::{CallResponse, QuestionId};

use crate::column::{At, Json, Seconds, Text};
use crate::fault::Outcome;
use crate::transaction::Transaction;

pub(crate) fn of_session(db: &Transaction<'_>, tenant: TenantId, session: SessionId) -> Outcome<Vec<CallResponse>> {
    let open = |stored: CallResponse| Ok(stored.opened(db.seal(), tenant)?);
    stored(db, session)?.into_iter().map(open).collect()
}

/// As they stand in their rows.
fn stored(db: &Connection, session: SessionId) -> Outcome<Vec<CallResponse>> {
    let query = "SELECT * FROM survey_responses WHERE session_id = ? ORDER BY position";
    Ok(db.prepare_cached(query)?.query_map((Text(session),), read)?.collect::<rusqlite::Result<_>>()?)
}

pub(crate) fn find(
    db: &Transaction<'_>,
    tenant: TenantId,
    session: SessionId,
    question: QuestionId,
) -> Outcome<Option<CallResponse>> {
    let query = "SELECT * FROM survey_responses WHERE session_id = ? AND question_id = ?";
    let stored = db.prepare_cached(query)?.query_row((Text(session), Text(question)), read).optional()?;
    Ok(stored.map(|stored| stored.opened(db.seal(), tenant)).transpose()?)
}

/// Brings the answers of a session into the form in which they would be written now.
pub(crate) fn renew(
    db: &Transaction<'_>,
    row: SealedRow,
    session: SessionId,
    done: &mut RenewedContent,
) -> Outcome<()> {
    for response in stored(db, session)? {
        match response.renewed(db.seal(), row.tenant) {
            Ok(Some(anew)) => {
                write(db, &anew)?;
                done.note(Some(true));
            }
            Ok(None) => {}
            Err(_) => done.note_unreadable(row),
        }
    }
    Ok(())
}

/// Writes a response in the place of an earlier state of it, if there is one.
pub(crate) fn save(db: &Transaction<'_>, tenant: TenantId, response: &CallResponse) -> Outcome<()> {
    write(db, &response.sealed(db.seal(), tenant)?)
}

fn write(db: &Connection, response: &CallResponse) -> Outcome<()> {
    let upsert = "INSERT INTO survey_responses
        (id, session_id, question_id, question_text, response_text, response_duration, confidence_score,
         sentiment_score, asked_at, responded_at, ai_analysis)
        VALUES (:id, :session_id, :question_id, :question_text, :response_text, :response_duration,
                :confidence_score, :sentiment_score, :asked_at, :responded_at, :ai_analysis)
        ON CONFLICT (session_id, question_id) DO UPDATE SET
            question_text = excluded.question_text, response_text = excluded.response_text, response_duration = excluded.response_duration,
            confidence_score = excluded.confidence_score, sentiment_score = excluded.sentiment_score,
            responded_at = excluded.responded_at, ai_analysis = excluded.ai_analysis";
    db.prepare_cached(upsert)?.execute(named_params! {
        ":id": Text(response.id),
        ":session_id": Text(response.session),
        ":question_id": Text(response.question),
        ":question_text": response.question_text,
        ":response_text": response.text,
        ":response_duration": Seconds(response.duration),
        ":confidence_score": response.confidence,
        ":sentiment_score": response.sentiment,
        ":asked_at": At(response.asked_at),
        ":responded_at": response.responded_at.map(At),
        ":ai_analysis": response.analysis.as_ref().map(Json),
    })?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<CallResponse> {
    Ok(CallResponse {
        id: row.get::<_, Text<_>>("id")?.0,
        session: row.get::<_, Text<_>>("session_id")?.0,
        question: row.get::<_, Text<_>>("question_id")?.0,
        question_text: row.get("question_text")?,
        text: row.get("response_text")?,
        duration: row.get::<_, Seconds>("response_duration")?.0,
        confidence: row.get("confidence_score")?,
        sentiment: row.get("sentiment_score")?,
        asked_at: row.get::<_, At>("asked_at")?.0,
        responded_at: row.get::<_, Option<At>>("responded_at")?.map(|at| at.0),
        analysis: row.get::<_, Option<Json<_>>>("ai_analysis")?.map(|analysis| analysis.0),
    })
}
