//! Questions and decisions: the tables `question_configurations`, `customer_counts` and `survey_selections`.

use voicecall_core::{Result, SessionId, TenantId, async_trait};
use voicecall_survey::store::{QuestionConfiguration, QuestionId, QuestionStore, SelectionLog};

use crate::column::{Json, params};
use crate::connection::{Db, Row};
use crate::fault::{Fault, Outcome};
use crate::{PostgresStore, sessions};

#[async_trait]
impl QuestionStore for PostgresStore {
    async fn put_question(&self, question: &QuestionConfiguration) -> Result<()> {
        question.validate()?;
        let question = question.clone();
        self.write("put question", question.tenant, move |db| async move { put(&db, &question).await }).await
    }

    async fn questions(&self, tenant: TenantId, active_only: bool) -> Result<Vec<QuestionConfiguration>> {
        self.read("read questions", tenant, move |db| async move {
            let query = "SELECT * FROM voicecall.question_configurations WHERE tenant_id = $1 AND (is_active OR NOT $2)
                         ORDER BY created_at, position";
            db.query(query, params![tenant, active_only]).await?.iter().map(read).collect()
        })
        .await
    }

    async fn question(&self, tenant: TenantId, id: QuestionId) -> Result<QuestionConfiguration> {
        self.read("read question", tenant, move |db| async move {
            let query = "SELECT * FROM voicecall.question_configurations WHERE id = $1 AND tenant_id = $2";
            read(&db.query_one(query, params![id, tenant]).await?)
        })
        .await
    }

    async fn count_customer(&self, tenant: TenantId) -> Result<u64> {
        self.write("count customer", tenant, move |db| async move {
            let count = "INSERT INTO voicecall.customer_counts AS counted VALUES ($1, 1) ON CONFLICT (tenant_id)
                         DO UPDATE SET customer_count = counted.customer_count + 1 RETURNING customer_count";
            db.query_one(count, params![tenant]).await?.get("customer_count")
        })
        .await
    }

    async fn log_selection(&self, log: &SelectionLog) -> Result<()> {
        log.validate()?;
        let log = log.clone();
        self.write("log selection", log.tenant, move |db| async move {
            if let Some(session) = log.session {
                sessions::owner(&db, log.tenant, session).await?;
            }
            insert_log(&db, log).await
        })
        .await
    }

    async fn selection_of_session(&self, tenant: TenantId, session: SessionId) -> Result<Option<SelectionLog>> {
        self.read("read selection log", tenant, move |db| async move {
            let query = "SELECT * FROM voicecall.survey_selections WHERE session_id = $1 AND tenant_id = $2";
            db.query_opt(query, params![session, tenant]).await?.as_ref().map(read_log).transpose()
        })
        .await
    }

    async fn selection_logs(&self, tenant: TenantId, limit: u32) -> Result<Vec<SelectionLog>> {
        self.read("read selection logs", tenant, move |db| async move {
            let query = "SELECT * FROM voicecall.survey_selections WHERE tenant_id = $1
                         ORDER BY created_at DESC, position DESC LIMIT $2";
            db.query(query, params![tenant, limit]).await?.iter().map(read_log).collect()
        })
        .await
    }
}

/// In two statements: an upsert would be refused by row-level security where another tenant has the id.
async fn put(db: &Db, question: &QuestionConfiguration) -> Outcome<()> {
    let values = || -> Outcome<_> {
        Ok(params![
            question.id,
            question.tenant,
            question.text,
            question.frequency,
            question.priority,
            Json(question.department_tags.clone()),
            question.active_from,
            question.active_until,
            question.is_active,
            question.max_response_time,
            Json(question.follow_up_prompts.clone()),
            question.created_at,
        ])
    };
    let insert = "INSERT INTO voicecall.question_configurations
        (id, tenant_id, question_text, frequency, priority, department_tags, active_from, active_until, is_active,
         max_response_nanos, follow_up_prompts, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (id) DO NOTHING";
    if db.execute(insert, values()?).await? > 0 {
        return Ok(());
    }
    let update = "UPDATE voicecall.question_configurations SET question_text = $3, frequency = $4, priority = $5,
        department_tags = $6, active_from = $7, active_until = $8, is_active = $9, max_response_nanos = $10,
        follow_up_prompts = $11, created_at = $12 WHERE id = $1 AND tenant_id = $2";
    match db.execute(update, values()?).await? {
        0 => Err(Fault::conflict("put question", "the id is taken")),
        _ => Ok(()),
    }
}

async fn insert_log(db: &Db, log: SelectionLog) -> Outcome<()> {
    let insert = "INSERT INTO voicecall.survey_selections
        (id, tenant_id, session_id, customer_count, selected_questions, selection_algorithm, selection_criteria,
         time_budget_nanos, estimated_nanos, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let values = params![
        log.id,
        log.tenant,
        log.session,
        log.customer_count,
        Json(log.selected),
        log.algorithm,
        Json(log.criteria),
        log.time_budget,
        log.estimated_duration,
        log.created_at,
    ];
    db.execute(insert, values).await?;
    Ok(())
}

fn read(row: &Row) -> Outcome<QuestionConfiguration> {
    Ok(QuestionConfiguration {
        id: row.get("id")?,
        tenant: row.get("tenant_id")?,
        text: row.get("question_text")?,
        frequency: row.get("frequency")?,
        priority: row.get("priority")?,
        department_tags: row.get::<Json<_>>("department_tags")?.0,
        active_from: row.get("active_from")?,
        active_until: row.get("active_until")?,
        is_active: row.get("is_active")?,
        max_response_time: row.get("max_response_nanos")?,
        follow_up_prompts: row.get::<Json<_>>("follow_up_prompts")?.0,
        created_at: row.get("created_at")?,
    })
}

fn read_log(row: &Row) -> Outcome<SelectionLog> {
    Ok(SelectionLog {
        id: row.get("id")?,
        tenant: row.get("tenant_id")?,
        session: row.get("session_id")?,
        customer_count: row.get("customer_count")?,
        selected: row.get::<Json<_>>("selected_questions")?.0,
        algorithm: row.get("selection_algorithm")?,
        criteria: row.get::<Json<_>>("selection_criteria")?.0,
        time_budget: row.get("time_budget_nanos")?,
        estimated_duration: row.get("estimated_nanos")?,
        created_at: row.get("created_at")?,
    })
}
