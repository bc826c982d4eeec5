//! `/analytics`: what the calls of some days add up to, as JSON and as a table.

use std::collections::BTreeMap;
use std::convert::Infallible;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State as Extract;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use tracing::error;
use utoipa::{IntoParams, ToSchema};
use voicecall::store::{self, PageRequest, SessionFilter};
use voicecall::survey::store::{Mean, QuestionId, ReportRange, SurveyCall, Tally};
use voicecall::{ErrorKind, TenantId};

use super::input::Parameters;
use super::words::EndReason;
use super::{ApiError, Claims, State, schema};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AnalyticsQuery {
    #[param(value_type = Uuid)]
    business_id: TenantId,
    /// The first day, in the time zone of the business.
    #[param(value_type = Date)]
    from: Date,
    /// The last day, at most 366 days in all.
    #[param(value_type = Date)]
    until: Date,
    /// Only calls in which this question was asked.
    #[param(value_type = Uuid, required = false)]
    question_id: Option<QuestionId>,
}

/// What calls add up to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Analytics)]
#[serde(rename_all = "camelCase")]
pub(super) struct AnalyticsBody {
    from: Date,
    until: Date,
    totals: TotalsBody,
    /// Each day, also those without calls.
    days: Vec<DayBody>,
    /// The most frequent first.
    end_reasons: Vec<EndReasonBody>,
    /// The most asked first.
    questions: Vec<QuestionBody>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AnalyticsTotals)]
#[serde(rename_all = "camelCase")]
struct TotalsBody {
    calls: u64,
    answered: u64,
    completed: u64,
    /// Failed or out of time.
    failed: u64,
    /// Of all calls; 0 of none.
    #[schema(minimum = 0, maximum = 1)]
    completion_rate: f64,
    /// Of those that were answered.
    #[schema(minimum = 0, maximum = 1)]
    completion_rate_answered: f64,
    /// On the line, of those that were answered.
    average_duration_seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = f64, required = false, minimum = -1, maximum = 1)]
    average_sentiment: Option<f64>,
    /// US dollars.
    cost_total: f64,
    cost_average: f64,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AnalyticsDay)]
#[serde(rename_all = "camelCase")]
struct DayBody {
    date: Date,
    calls: u64,
    answered: u64,
    completed: u64,
    failed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = f64, required = false, minimum = -1, maximum = 1)]
    average_sentiment: Option<f64>,
    /// US dollars.
    cost: f64,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AnalyticsEndReason)]
struct EndReasonBody {
    #[schema(value_type = schema::EndReason)]
    reason: EndReason,
    count: u64,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AnalyticsQuestion)]
#[serde(rename_all = "camelCase")]
struct QuestionBody {
    #[schema(value_type = Uuid)]
    question_id: QuestionId,
    question_text: String,
    /// In how many calls it was asked.
    asked: u64,
    answered: u64,
    #[schema(minimum = 0, maximum = 1)]
    answer_rate: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = f64, required = false, minimum = -1, maximum = 1)]
    average_sentiment: Option<f64>,
    topics: Vec<TopicBody>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AnalyticsTopic)]
struct TopicBody {
    topic: String,
    count: u64,
}

/// What the calls of some days add up to
#[utoipa::path(
    get, path = "/analytics", operation_id = "getAnalytics", tag = "analytics",
    params(AnalyticsQuery),
    responses(
        (status = 200, body = AnalyticsBody),
    ),
)]
pub(super) async fn summary(
    Extract(state): Extract<State>,
    claims: Claims,
    Parameters(query): Parameters<AnalyticsQuery>,
) -> Result<Json<AnalyticsBody>, ApiError> {
    claims.allow(query.business_id)?;
    let range = range(&state, &query).await?;
    let report = state.store().report(query.business_id, &range).await?;
    let questions = state.store().questions(query.business_id, false).await?;
    let texts: BTreeMap<_, _> = questions.into_iter().map(|question| (question.id, question.text)).collect();
    let questions = report.questions.iter().map(|tally| QuestionBody {
        question_id: tally.question,
        question_text: texts.get(&tally.question).cloned().unwrap_or_default(),
        asked: tally.asked,
        answered: tally.answered,
        answer_rate: share(tally.answered, tally.asked),
        average_sentiment: sentiment(&tally.sentiment),
        topics: tally.topics.iter().map(|(topic, count)| TopicBody { topic: topic.clone(), count: *count }).collect(),
    });
    Ok(Json(AnalyticsBody {
        from: query.from,
        until: query.until,
        totals: report.total().into(),
        questions: questions.collect(),
        days: report.days.iter().map(|(date, tally)| DayBody::of(*date, tally)).collect(),
        end_reasons: end_reasons(&report.end_reasons),
    }))
}

/// Those with one word are one.
fn end_reasons(counted: &[(store::EndReason, u64)]) -> Vec<EndReasonBody> {
    let mut bodies: Vec<EndReasonBody> = Vec::new();
    for &(reason, count) in counted {
        let reason = EndReason::from(reason);
        match bodies.iter_mut().find(|body| body.reason.as_str() == reason.as_str()) {
            Some(body) => body.count += count,
            None => bodies.push(EndReasonBody { reason, count }),
        }
    }
    bodies.sort_by_key(|body| std::cmp::Reverse(body.count));
    bodies
}

async fn range(state: &State, query: &AnalyticsQuery) -> Result<ReportRange, ApiError> {
    let zone = match state.store().business(query.business_id).await {
        Ok(business) => TimeZone::get(&business.call_preferences.time_zone).unwrap_or(TimeZone::UTC),
        // Nothing was ever called for it, so that any days are as good.
        Err(error) if error.kind() == ErrorKind::NotFound => TimeZone::UTC,
        Err(error) => return Err(error.into()),
    };
    let range = ReportRange::new(query.from, query.until, &zone)?;
    Ok(match query.question_id {
        Some(question) => range.about(question),
        None => range,
    })
}

/// To two decimals: more is noise.
fn sentiment(mean: &Mean) -> Option<f64> {
    mean.value().map(|value| (value * 100.0).round() / 100.0)
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64).min(1.0) }
}

impl From<Tally> for TotalsBody {
    fn from(tally: Tally) -> Self {
        let cost = tally.cost_micros as f64 / 1e6;
        Self {
            calls: tally.calls,
            answered: tally.answered,
            completed: tally.completed,
            failed: tally.failed,
            completion_rate: share(tally.completed, tally.calls),
            completion_rate_answered: share(tally.completed, tally.answered),
            average_duration_seconds: tally.on_the_line.as_secs_f64() / tally.answered.max(1) as f64,
            average_sentiment: sentiment(&tally.sentiment),
            cost_total: cost,
            cost_average: cost / tally.calls.max(1) as f64,
        }
    }
}

impl DayBody {
    fn of(date: Date, tally: &Tally) -> Self {
        Self {
            date,
            calls: tally.calls,
            answered: tally.answered,
            completed: tally.completed,
            failed: tally.failed,
            average_sentiment: sentiment(&tally.sentiment),
            cost: tally.cost_micros as f64 / 1e6,
        }
    }
}

const COLUMNS: &str =
    "id,startedAt,status,endReason,durationSeconds,questionsAsked,answers,averageSentiment,costEstimate";

/// The calls of some days as a table
///
/// CSV (RFC 4180), one line a call, newest first, with the answers in a column for each question of the business.
#[utoipa::path(
    get, path = "/analytics.csv", operation_id = "downloadAnalytics", tag = "analytics",
    params(AnalyticsQuery),
    responses(
        (status = 200, body = String, content_type = "text/csv"),
    ),
)]
pub(super) async fn table(
    Extract(state): Extract<State>,
    claims: Claims,
    Parameters(query): Parameters<AnalyticsQuery>,
) -> Result<Response, ApiError> {
    claims.allow(query.business_id)?;
    let range = range(&state, &query).await?;
    let filter = SessionFilter {
        from: range.days.first().map(|(_, from, _)| *from),
        // What is asked for from now on would move the pages.
        until: range.days.last().map(|(.., until)| (*until).min(Timestamp::now())),
        ..SessionFilter::default()
    };
    let mut questions = state.store().questions(query.business_id, false).await?;
    questions.retain(|question| query.question_id.is_none_or(|only| only == question.id));
    let columns = questions.iter().fold(COLUMNS.to_owned(), |row, question| row + "," + &cell(&question.text)) + "\r\n";
    let questions = questions.into_iter().map(|question| question.id).collect();
    let rows = Rows { state, business: query.business_id, filter, question: query.question_id, questions, page: 0 };
    let first = (Some(Bytes::from(columns)), rows);
    // A page at a time: a year of calls is not held in memory.
    let body = Body::from_stream(unfold(first, async |(text, mut rows)| match text {
        Some(text) => {
            let next = rows.next().await;
            Some((Ok::<_, Infallible>(text), (next, rows)))
        }
        None => None,
    }));
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"calls.csv\""),
        (header::CACHE_CONTROL, "private, no-store"),
    ];
    Ok((headers, body).into_response())
}

struct Rows {
    state: State,
    business: TenantId,
    filter: SessionFilter,
    question: Option<QuestionId>,
    /// Those that have a column.
    questions: Vec<QuestionId>,
    page: u32,
}

impl Rows {
    /// The lines of the next page, if there is one.
    async fn next(&mut self) -> Option<Bytes> {
        self.page += 1;
        match self.read().await {
            Ok(text) => text.map(Bytes::from),
            Err(error) => {
                // The answer is under way and can only be cut short.
                error!(%error, "a table broke off");
                None
            }
        }
    }

    async fn read(&self) -> voicecall::Result<Option<String>> {
        let request = PageRequest { page: self.page, per_page: PageRequest::MAX_PER_PAGE };
        let page = self.state.store().calls(self.business, &self.filter, request).await?;
        if page.items.is_empty() {
            return Ok(None);
        }
        let mut text = String::new();
        for call in &page.items {
            if self.question.is_some_and(|question| !call.record.questions_asked.contains(&question)) {
                continue;
            }
            let responses = &call.record.responses;
            let mut mean = Mean::default();
            for sentiment in responses.iter().filter_map(|response| response.sentiment) {
                mean.add(f64::from(sentiment));
            }
            text.push_str(&line(call, sentiment(&mean), &self.questions));
        }
        Ok(Some(text))
    }
}

fn line(call: &SurveyCall, sentiment: Option<f64>, questions: &[QuestionId]) -> String {
    let SurveyCall { session, record, .. } = call;
    let optional = |value: Option<String>| value.unwrap_or_default();
    let cells = [
        session.id.to_string(),
        session.started_at.to_string(),
        cell(session.status.as_str()),
        cell(session.end_reason.map_or("", |reason| EndReason::from(reason).as_str())),
        optional(call.duration_seconds().map(|seconds| seconds.to_string())),
        record.questions_asked.len().to_string(),
        record.responses.len().to_string(),
        optional(sentiment.map(|value| value.to_string())),
        (session.cost_micros.unwrap_or(0) as f64 / 1e6).to_string(),
    ];
    let answers = questions.iter().map(|question| {
        let response = record.responses.iter().find(|response| response.question == *question);
        response.map(|response| cell(&response.text)).unwrap_or_default()
    });
    cells.into_iter().chain(answers).collect::<Vec<_>>().join(",") + "\r\n"
}

/// A cell of text: quoted where it must be, and never a formula to whoever opens the table.
fn cell(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if text.contains(['"', ',', '\r', '\n']) {
        format!("\"{guard}{}\"", text.replace('"', "\"\""))
    } else {
        format!("{guard}{text}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_text_and_never_a_formula() {
        for (text, expected) in [
            ("completed", "completed"),
            ("", ""),
            ("=1+1", "'=1+1"),
            ("@cmd", "'@cmd"),
            ("-2", "'-2"),
            ("a,b", "\"a,b\""),
            ("=\"a\"", "\"'=\"\"a\"\"\""),
        ] {
            assert_eq!(cell(text), expected);
        }
    }

    #[test]
    fn reasons_with_one_word_are_counted_as_one() {
        let counted =
            [(store::EndReason::Busy, 3), (store::EndReason::RemoteHangup, 2), (store::EndReason::Abandoned, 2)];
        let bodies: Vec<_> = end_reasons(&counted).iter().map(|body| (body.reason.as_str(), body.count)).collect();
        assert_eq!(bodies, [("customer_hangup", 4), ("busy", 3)]);
    }

    #[test]
    fn a_share_of_nothing_is_nothing() {
        assert_eq!((share(0, 0), share(1, 4)), (0.0, 0.25));
    }
}
