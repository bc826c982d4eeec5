//! A session's answers: the table `survey_responses`.

use rusqlite::{Connection, OptionalExtension, Row, named_params};
use voicecall_core::SessionId;
use voicecall_survey::store::{CallResponse, QuestionId};

use crate::column::{At, Json, Seconds, Text};
use crate::fault::Outcome;

pub(crate) fn of_session(db: &Connection, session: SessionId) -> Outcome<Vec<CallResponse>> {
    let query = "SELECT * FROM survey_responses WHERE session_id = ? ORDER BY position";
    Ok(db.prepare_cached(query)?.query_map((Text(session),), read)?.collect::<rusqlite::Result<_>>()?)
}

pub(crate) fn find(db: &Connection, session: SessionId, question: QuestionId) -> Outcome<Option<CallResponse>> {
    let query = "SELECT * FROM survey_responses WHERE session_id = ? AND question_id = ?";
    Ok(db.prepare_cached(query)?.query_row((Text(session), Text(question)), read).optional()?)
}

/// Writes a response in the place of an earlier state of it, if there is one.
pub(crate) fn save(db: &Connection, response: &CallResponse) -> Outcome<()> {
    let upsert = "INSERT INTO survey_responses
        (id, session_id, question_id, question_text, response_text, response_duration, confidence_score,
         sentiment_score, asked_at, responded_at, ai_analysis)
        VALUES (:id, :session_id, :question_id, :question_text, :response_text, :response_duration,
                :confidence_score, :sentiment_score, :asked_at, :responded_at, :ai_analysis)
        ON CONFLICT (session_id, question_id) DO UPDATE SET
            response_text = excluded.response_text, response_duration = excluded.response_duration,
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
