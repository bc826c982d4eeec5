//! Counting for reports, by PostgreSQL itself.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use voicecall_core::TenantId;
use voicecall_core::store::EndReason;
use voicecall_survey::store::{CountedTopics, Mean, QuestionId, QuestionTally, Report, ReportRange, Tally};

use crate::column::{Bound, params};
use crate::connection::{Db, Row};
use crate::fault::Outcome;

/// The sessions of a tenant in a span of time, those in which a question was asked if one is given.
const SESSIONS: &str = "voicecall.sessions AS s LEFT JOIN voicecall.survey_calls AS c
        ON c.tenant_id = s.tenant_id AND c.session_id = s.id
    WHERE s.tenant_id = $1 AND s.started_at >= $2 AND s.started_at < $3
    AND ($4 IS NULL OR EXISTS (SELECT FROM json_array_elements_text(c.questions_asked) AS q WHERE q::uuid = $4))";

/// Counts the calls of a tenant.
pub(super) async fn count(db: &Db, tenant: TenantId, range: &ReportRange) -> Outcome<Report> {
    let mut report = Report::default();
    for &(day, from, until) in &range.days {
        report.days.push((day, Span { tenant, from, until, question: range.question }.tally(db).await?));
    }
    let (Some(&(_, from, _)), Some(&(.., until))) = (range.days.first(), range.days.last()) else {
        return Ok(report);
    };
    let whole = Span { tenant, from, until, question: range.question };
    report.end_reasons = whole.end_reasons(db).await?;
    report.questions = whole.questions(db).await?;
    Ok(report)
}

/// What is counted.
struct Span {
    tenant: TenantId,
    from: Timestamp,
    until: Timestamp,
    question: Option<QuestionId>,
}

impl Span {
    async fn rows(&self, db: &Db, query: &str) -> Outcome<Vec<Row>> {
        db.query(query, params![self.tenant, Bound(self.from), Bound(self.until), self.question]).await
    }

    async fn tally(&self, db: &Db) -> Outcome<Tally> {
        // The whole seconds on the line; a clock that jumped back makes a short call.
        let sessions = format!(
            "SELECT count(*) AS calls, count(connected_at) AS answered,
                    count(*) FILTER (WHERE status = 'completed') AS completed,
                    count(*) FILTER (WHERE status IN ('failed', 'timeout')) AS failed,
                    coalesce(sum(greatest(0, (ended_at - connected_at) / 1000000000)), 0)::bigint AS seconds,
                    coalesce(sum(cost_micros), 0)::bigint AS cost FROM {SESSIONS}"
        );
        let mut tally = Tally::default();
        for row in self.rows(db, &sessions).await? {
            (tally.calls, tally.answered) = (row.get("calls")?, row.get("answered")?);
            (tally.completed, tally.failed) = (row.get("completed")?, row.get("failed")?);
            tally.on_the_line = Duration::from_secs(row.get("seconds")?);
            tally.cost_micros = row.get("cost")?;
        }
        let mood = format!(
            "SELECT coalesce(sum(sentiment_score::double precision), 0) AS sum, count(sentiment_score) AS count
             FROM voicecall.survey_responses
             WHERE tenant_id = $1 AND session_id IN (SELECT s.id FROM {SESSIONS})"
        );
        for row in self.rows(db, &mood).await? {
            tally.sentiment.join(&mean(&row)?);
        }
        Ok(tally)
    }

    async fn end_reasons(&self, db: &Db) -> Outcome<Vec<(EndReason, u64)>> {
        let query = format!(
            "SELECT end_reason, count(*) AS count FROM {SESSIONS} AND end_reason IS NOT NULL
             GROUP BY end_reason ORDER BY count(*) DESC, end_reason COLLATE \"C\""
        );
        let rows = self.rows(db, &query).await?;
        rows.iter().map(|row| Ok((row.get("end_reason")?, row.get("count")?))).collect()
    }

    async fn questions(&self, db: &Db) -> Outcome<Vec<QuestionTally>> {
        // One that was asked, left and asked again is one.
        let asked = format!(
            "SELECT question::uuid AS question, count(DISTINCT session) AS asked
             FROM (SELECT s.id AS session, c.questions_asked FROM {SESSIONS}) AS call,
                  json_array_elements_text(questions_asked) AS question
             WHERE $4 IS NULL OR question::uuid = $4 GROUP BY question"
        );
        let mut tallies: BTreeMap<QuestionId, QuestionTally> = BTreeMap::new();
        for row in self.rows(db, &asked).await? {
            let mut tally = QuestionTally::new(row.get("question")?);
            tally.asked = row.get("asked")?;
            tallies.insert(tally.question, tally);
        }
        let answered = format!(
            "SELECT question_id, count(*) AS answered,
                    coalesce(sum(sentiment_score::double precision), 0) AS sum, count(sentiment_score) AS count
             FROM voicecall.survey_responses WHERE tenant_id = $1
                 AND session_id IN (SELECT s.id FROM {SESSIONS}) AND ($4 IS NULL OR question_id = $4)
             GROUP BY question_id"
        );
        for row in self.rows(db, &answered).await? {
            if let Some(tally) = tallies.get_mut(&row.get("question_id")?) {
                (tally.answered, tally.sentiment) = (row.get("answered")?, mean(&row)?);
            }
        }
        self.topics(db, &mut tallies).await?;
        let mut tallies: Vec<_> = tallies.into_values().collect();
        tallies.sort_by_key(|tally| (std::cmp::Reverse(tally.asked), tally.question));
        Ok(tallies)
    }

    async fn topics(&self, db: &Db, tallies: &mut BTreeMap<QuestionId, QuestionTally>) -> Outcome<()> {
        let topics = format!(
            "SELECT question_id, topic #>> '{{}}' AS topic, count(*) AS count FROM voicecall.survey_responses,
                 json_array_elements(CASE json_typeof(ai_analysis -> 'topics')
                     WHEN 'array' THEN ai_analysis -> 'topics' END) AS topic
             WHERE tenant_id = $1 AND session_id IN (SELECT s.id FROM {SESSIONS}) AND ($4 IS NULL OR question_id = $4)
                 AND json_typeof(topic) = 'string'
             GROUP BY question_id, topic #>> '{{}}'"
        );
        let mut counted = CountedTopics::new(db.seal(), self.tenant);
        for row in self.rows(db, &topics).await? {
            counted.add(row.get("question_id")?, &row.get::<String>("topic")?, row.get("count")?);
        }
        counted.finish(tallies);
        Ok(())
    }
}

fn mean(row: &Row) -> Outcome<Mean> {
    Ok(Mean { sum: row.get("sum")?, count: row.get("count")? })
}
