//! Counting for reports, by SQLite itself.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, Row, named_params};
use voicecall_core::TenantId;
use voicecall_core::store::EndReason;
use voicecall_survey::store::{CountedTopics, Mean, QuestionId, QuestionTally, Report, ReportRange, Tally};

use crate::column::{At, Count, Text};
use crate::fault::Outcome;
use crate::transaction::Transaction;

/// The sessions of a tenant in a span of time, those in which a question was asked if one is given.
const SESSIONS: &str = "sessions AS s LEFT JOIN survey_calls AS c ON c.session_id = s.id
    WHERE s.tenant_id = :tenant AND s.started_at >= :from AND s.started_at < :until
    AND (:question IS NULL OR EXISTS (SELECT 1 FROM json_each(c.questions_asked) WHERE value = :question))";

/// The whole seconds on the line, from two instants as text; a clock that jumped back makes a short call.
const SECONDS: &str = "max(0, unixepoch(substr(ended_at, 1, 19)) - unixepoch(substr(connected_at, 1, 19))
    - (substr(ended_at, 21) < substr(connected_at, 21)))";

/// Counts the calls of a tenant.
pub(super) fn count(db: &Transaction<'_>, tenant: TenantId, range: &ReportRange) -> Outcome<Report> {
    let mut report = Report::default();
    for &(day, from, until) in &range.days {
        report.days.push((day, Span { tenant, from, until, question: range.question }.tally(db)?));
    }
    let (Some(&(_, from, _)), Some(&(.., until))) = (range.days.first(), range.days.last()) else {
        return Ok(report);
    };
    let whole = Span { tenant, from, until, question: range.question };
    report.end_reasons = whole.end_reasons(db)?;
    report.questions = whole.questions(db)?;
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
    fn rows<T>(
        &self,
        db: &Connection,
        query: &str,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Outcome<Vec<T>> {
        let params = named_params! {
            ":tenant": Text(self.tenant),
            ":from": At(self.from),
            ":until": At(self.until),
            ":question": self.question.map(Text),
        };
        Ok(db.prepare_cached(query)?.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
    }

    fn tally(&self, db: &Connection) -> Outcome<Tally> {
        let sessions = format!(
            "SELECT count(*), count(connected_at), coalesce(sum(status = 'completed'), 0),
                    coalesce(sum(status IN ('failed', 'timeout')), 0), coalesce(sum({SECONDS}), 0),
                    coalesce(sum(cost_micros), 0) FROM {SESSIONS}"
        );
        let mut tally = Tally::default();
        let number = |row: &Row<'_>, column| row.get::<_, Count>(column).map(|count| count.0);
        for read in self.rows(db, &sessions, |row| {
            let mut tally = Tally::default();
            (tally.calls, tally.answered) = (number(row, 0)?, number(row, 1)?);
            (tally.completed, tally.failed) = (number(row, 2)?, number(row, 3)?);
            tally.on_the_line = Duration::from_secs(number(row, 4)?);
            tally.cost_micros = row.get(5)?;
            Ok(tally)
        })? {
            tally.join(&read);
        }
        let mood = format!(
            "SELECT coalesce(sum(sentiment_score), 0.0), count(sentiment_score) FROM survey_responses
             WHERE session_id IN (SELECT s.id FROM {SESSIONS})"
        );
        for mean in self.rows(db, &mood, |row| mean(row, 0))? {
            tally.sentiment.join(&mean);
        }
        Ok(tally)
    }

    fn end_reasons(&self, db: &Connection) -> Outcome<Vec<(EndReason, u64)>> {
        let query = format!(
            "SELECT end_reason, count(*) FROM {SESSIONS} AND end_reason IS NOT NULL
             GROUP BY end_reason ORDER BY count(*) DESC, end_reason"
        );
        self.rows(db, &query, |row| Ok((row.get::<_, Text<_>>(0)?.0, row.get::<_, Count>(1)?.0)))
    }

    fn questions(&self, db: &Transaction<'_>) -> Outcome<Vec<QuestionTally>> {
        // One that was asked, left and asked again is one.
        let asked = format!(
            "SELECT value, count(DISTINCT session) FROM (SELECT s.id AS session, c.questions_asked FROM {SESSIONS}), json_each(questions_asked)
             WHERE :question IS NULL OR value = :question GROUP BY value"
        );
        let mut tallies: BTreeMap<QuestionId, QuestionTally> = BTreeMap::new();
        for (question, asked) in
            self.rows(db, &asked, |row| Ok((row.get::<_, Text<QuestionId>>(0)?.0, row.get::<_, Count>(1)?.0)))?
        {
            let mut tally = QuestionTally::new(question);
            tally.asked = asked;
            tallies.insert(question, tally);
        }
        let answered = format!(
            "SELECT question_id, count(*), coalesce(sum(sentiment_score), 0.0), count(sentiment_score) FROM survey_responses
             WHERE session_id IN (SELECT s.id FROM {SESSIONS}) AND (:question IS NULL OR question_id = :question)
             GROUP BY question_id"
        );
        for (question, answered, mean) in self.rows(db, &answered, |row| {
            Ok((row.get::<_, Text<QuestionId>>(0)?.0, row.get::<_, Count>(1)?.0, mean(row, 2)?))
        })? {
            if let Some(tally) = tallies.get_mut(&question) {
                (tally.answered, tally.sentiment) = (answered, mean);
            }
        }
        let topics = format!(
            "SELECT question_id, topic.value, count(*) FROM survey_responses, json_each(ai_analysis, '$.topics') AS topic
             WHERE session_id IN (SELECT s.id FROM {SESSIONS}) AND (:question IS NULL OR question_id = :question)
               AND ai_analysis IS NOT NULL AND topic.type = 'text'
             GROUP BY question_id, topic.value"
        );
        let mut counted = CountedTopics::new(db.seal(), self.tenant);
        for (question, topic, count) in self.rows(db, &topics, |row| {
            Ok((row.get::<_, Text<QuestionId>>(0)?.0, row.get::<_, String>(1)?, row.get::<_, Count>(2)?.0))
        })? {
            counted.add(question, &topic, count);
        }
        counted.finish(&mut tallies);
        let mut tallies: Vec<_> = tallies.into_values().collect();
        tallies.sort_by_key(|tally| (std::cmp::Reverse(tally.asked), tally.question));
        Ok(tallies)
    }
}

fn mean(row: &Row<'_>, column: usize) -> rusqlite::Result<Mean> {
    Ok(Mean { sum: row.get(column)?, count: row.get::<_, Count>(column + 1)?.0 })
}
