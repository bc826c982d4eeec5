//! Questions and decisions: the tables `question_configurations`, `customer_counts` and `survey_selections`.

use rusqlite::{OptionalExtension, Row, named_params};
use voicecall_core::{Result, SessionId, TenantId, async_trait};
use voicecall_survey::store::{QuestionConfiguration, QuestionId, QuestionStore, SelectionLog};

use crate::column::{At, Count, Json, Seconds, Text};
use crate::fault::Fault;
use crate::{SqliteStore, sessions};

#[async_trait]
impl QuestionStore for SqliteStore {
    async fn put_question(&self, question: &QuestionConfiguration) -> Result<()> {
        question.validate()?;
        let question = question.clone();
        self.write("put question", move |db| {
            let upsert = "INSERT INTO question_configurations
                (id, business_id, question_text, frequency, priority, department_tags, active_from, active_until,
                 is_active, max_response_time, follow_up_prompts, created_at)
                VALUES (:id, :business_id, :question_text, :frequency, :priority, :department_tags, :active_from,
                        :active_until, :is_active, :max_response_time, :follow_up_prompts, :created_at)
                ON CONFLICT (id) DO UPDATE SET
                    question_text = excluded.question_text, frequency = excluded.frequency,
                    priority = excluded.priority, department_tags = excluded.department_tags,
                    active_from = excluded.active_from, active_until = excluded.active_until,
                    is_active = excluded.is_active, max_response_time = excluded.max_response_time,
                    follow_up_prompts = excluded.follow_up_prompts, created_at = excluded.created_at
                WHERE business_id = excluded.business_id";
            let written = db.prepare_cached(upsert)?.execute(named_params! {
                ":id": Text(question.id),
                ":business_id": Text(question.tenant),
                ":question_text": question.text,
                ":frequency": question.frequency,
                ":priority": Text(question.priority),
                ":department_tags": Json(&question.department_tags),
                ":active_from": question.active_from.map(At),
                ":active_until": question.active_until.map(At),
                ":is_active": question.is_active,
                ":max_response_time": Seconds(question.max_response_time),
                ":follow_up_prompts": Json(&question.follow_up_prompts),
                ":created_at": At(question.created_at),
            })?;
            if written == 0 { Err(Fault::conflict("put question", "the id is taken")) } else { Ok(()) }
        })
        .await
    }

    async fn questions(&self, tenant: TenantId, active_only: bool) -> Result<Vec<QuestionConfiguration>> {
        self.read("read questions", move |db| {
            let query = "SELECT * FROM question_configurations WHERE business_id = ? AND (is_active OR NOT ?)
                         ORDER BY created_at, position";
            let mut query = db.prepare_cached(query)?;
            Ok(query.query_map((Text(tenant), active_only), read)?.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn question(&self, tenant: TenantId, id: QuestionId) -> Result<QuestionConfiguration> {
        self.read("read question", move |db| {
            let query = "SELECT * FROM question_configurations WHERE id = ? AND business_id = ?";
            Ok(db.prepare_cached(query)?.query_row((Text(id), Text(tenant)), read)?)
        })
        .await
    }

    async fn count_customer(&self, tenant: TenantId) -> Result<u64> {
        self.write("count customer", move |db| {
            let count = "INSERT INTO customer_counts VALUES (?, 1)
                         ON CONFLICT DO UPDATE SET customer_count = customer_count + 1 RETURNING customer_count";
            Ok(db.prepare_cached(count)?.query_row((Text(tenant),), |row| row.get::<_, Count>(0))?.0)
        })
        .await
    }

    async fn log_selection(&self, log: &SelectionLog) -> Result<()> {
        log.validate()?;
        let log = log.clone();
        self.write("log selection", move |db| {
            if let Some(session) = log.session {
                sessions::owner(db, log.tenant, session)?;
            }
            let insert = "INSERT INTO survey_selections
                (id, tenant_id, session_id, customer_count, selected_questions, selection_algorithm, selection_criteria,
                 time_budget_seconds, estimated_duration, created_at)
                VALUES (:id, :tenant_id, :session_id, :customer_count, :selected_questions, :selection_algorithm,
                        :selection_criteria, :time_budget_seconds, :estimated_duration, :created_at)";
            db.prepare_cached(insert)?.execute(named_params! {
                ":id": Text(log.id),
                ":tenant_id": Text(log.tenant),
                ":session_id": log.session.map(Text),
                ":customer_count": Count(log.customer_count),
                ":selected_questions": Json(&log.selected),
                ":selection_algorithm": log.algorithm,
                ":selection_criteria": Json(&log.criteria),
                ":time_budget_seconds": Seconds(log.time_budget),
                ":estimated_duration": Seconds(log.estimated_duration),
                ":created_at": At(log.created_at),
            })?;
            Ok(())
        })
        .await
    }

    async fn selection_of_session(&self, tenant: TenantId, session: SessionId) -> Result<Option<SelectionLog>> {
        self.read("read selection log", move |db| {
            let query = "SELECT * FROM survey_selections WHERE session_id = ? AND tenant_id = ?";
            Ok(db.prepare_cached(query)?.query_row((Text(session), Text(tenant)), read_log).optional()?)
        })
        .await
    }

    async fn selection_logs(&self, tenant: TenantId, limit: u32) -> Result<Vec<SelectionLog>> {
        self.read("read selection logs", move |db| {
            let query = "SELECT * FROM survey_selections WHERE tenant_id = ?
                         ORDER BY created_at DESC, position DESC LIMIT ?";
            let mut query = db.prepare_cached(query)?;
            Ok(query.query_map((Text(tenant), limit), read_log)?.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<QuestionConfiguration> {
    Ok(QuestionConfiguration {
        id: row.get::<_, Text<_>>("id")?.0,
        tenant: row.get::<_, Text<_>>("business_id")?.0,
        text: row.get("question_text")?,
        frequency: row.get("frequency")?,
        priority: row.get::<_, Text<_>>("priority")?.0,
        department_tags: row.get::<_, Json<_>>("department_tags")?.0,
        active_from: row.get::<_, Option<At>>("active_from")?.map(|at| at.0),
        active_until: row.get::<_, Option<At>>("active_until")?.map(|at| at.0),
        is_active: row.get("is_active")?,
        max_response_time: row.get::<_, Seconds>("max_response_time")?.0,
        follow_up_prompts: row.get::<_, Json<_>>("follow_up_prompts")?.0,
        created_at: row.get::<_, At>("created_at")?.0,
    })
}

fn read_log(row: &Row<'_>) -> rusqlite::Result<SelectionLog> {
    Ok(SelectionLog {
        id: row.get::<_, Text<_>>("id")?.0,
        tenant: row.get::<_, Text<_>>("tenant_id")?.0,
        session: row.get::<_, Option<Text<_>>>("session_id")?.map(|session| session.0),
        customer_count: row.get::<_, Count>("customer_count")?.0,
        selected: row.get::<_, Json<_>>("selected_questions")?.0,
        algorithm: row.get("selection_algorithm")?,
        criteria: row.get::<_, Json<_>>("selection_criteria")?.0,
        time_budget: row.get::<_, Seconds>("time_budget_seconds")?.0,
        estimated_duration: row.get::<_, Seconds>("estimated_duration")?.0,
        created_at: row.get::<_, At>("created_at")?.0,
    })
}
