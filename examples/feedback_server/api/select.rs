//! `/questions/select`: which questions a customer would be asked, and why; `/questions/selections`: what was decided.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::State as Extract;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use voicecall::selection::{ByFrequency, QuestionSelector, Reason, Selection, SelectionRequest};
use voicecall::store::{Priority, QuestionConfiguration, SelectionLog};
use voicecall::{QuestionId, RecordId, TenantId};

use super::bounds::Whole;
use super::input::{Input, Object, Parameters};
use super::page::PageLength;
use super::{ApiError, Claims, State, schema};

type CustomerCount = Whole<1, { i32::MAX as u64 }>;
type BudgetSeconds = Whole<60, 120>;

/// A customer for whom questions are wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SelectionInput {
    #[schema(value_type = Uuid)]
    business_id: TenantId,
    /// The number of the customer.
    customer_count: CustomerCount,
    /// How long the call may take; 90 if nothing is said.
    time_budget_seconds: Option<BudgetSeconds>,
    #[schema(value_type = Option<CustomerContext>)]
    customer_context: Option<Object<CustomerContext>>,
}

/// What is known of the visit.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CustomerContext {
    /// What it was about, as department tags: questions that share one rank higher.
    #[serde(default)]
    tags: Vec<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SelectionQuery {
    #[param(value_type = Uuid)]
    business_id: TenantId,
    /// The number of the customer.
    #[param(inline, value_type = CustomerCount)]
    customer_count: CustomerCount,
    /// How long the call may take; 90 if nothing is said.
    #[param(inline, value_type = BudgetSeconds, required = false)]
    time_budget_seconds: Option<BudgetSeconds>,
    /// What the visit was about, as department tags.
    #[serde(default, deserialize_with = "separated_by_commas")]
    #[param(value_type = Vec<String>, required = false, style = Form, explode = false)]
    tags: Vec<String>,
}

fn separated_by_commas<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(text.split(',').filter(|tag| !tag.is_empty()).map(ToOwned::to_owned).collect())
}

/// A decision.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Selection)]
#[serde(rename_all = "camelCase")]
pub(super) struct SelectionBody {
    /// What to ask, in this order.
    selected_questions: Vec<SelectedQuestion>,
    /// How long the call takes with these questions, in seconds; zero without any.
    #[schema(minimum = 0, maximum = 120)]
    estimated_duration: f64,
    selection_criteria: SelectionCriteria,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SelectedQuestion {
    #[schema(value_type = Uuid)]
    id: QuestionId,
    question_text: String,
    #[schema(value_type = schema::Priority)]
    priority: Priority,
    /// How long an answer may be, in seconds.
    #[schema(minimum = 10, maximum = 60)]
    max_response_time: u64,
    follow_up_prompts: Vec<String>,
}

/// Why these questions.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SelectionCriteria {
    /// The selector's name and version.
    algorithm: String,
    /// Every question that is switched on, in the order they were considered.
    considered: Vec<ConsideredQuestion>,
    /// What was due and did not fit: next time it comes first.
    #[schema(value_type = Vec<Uuid>)]
    carry_over: Vec<QuestionId>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ConsideredQuestion {
    #[schema(value_type = Uuid)]
    question_id: QuestionId,
    question_text: String,
    /// Such as `selected`, `not_active`, `not_due` or `no_time`.
    reason: Value,
    /// The reason for people.
    sentence: String,
    /// How long it takes.
    estimated_ms: u64,
    carried_over: bool,
    /// What it was ranked by, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = f64, required = false)]
    rank: Option<f64>,
}

/// Preview a selection
///
/// The same answer as from `POST`; nothing is kept.
#[utoipa::path(
    get, path = "/questions/select", tag = "questions",
    params(SelectionQuery),
    responses(
        (status = 200, body = SelectionBody),
        (status = 403, body = super::ErrorBody, description = "The token is not for this business."),
    ),
)]
pub(super) async fn preview(
    Extract(state): Extract<State>,
    claims: Claims,
    Parameters(query): Parameters<SelectionQuery>,
) -> Result<Json<SelectionBody>, ApiError> {
    claims.allow(query.business_id)?;
    let request =
        request(&state, query.business_id, query.customer_count, query.time_budget_seconds, query.tags).await?;
    let selection = ByFrequency::default().select(&request);
    Ok(Json(SelectionBody::of(&request, &selection)))
}

/// Select questions
///
/// The decision is kept, so that it can be explained and made again.
#[utoipa::path(
    post, path = "/questions/select", tag = "questions",
    request_body = SelectionInput,
    responses(
        (status = 200, body = SelectionBody),
        (status = 403, body = super::ErrorBody, description = "The token is not for this business."),
    ),
)]
pub(super) async fn select(
    Extract(state): Extract<State>,
    claims: Claims,
    Input(input): Input<SelectionInput>,
) -> Result<Json<SelectionBody>, ApiError> {
    claims.allow(input.business_id)?;
    let tags = input.customer_context.map(|context| context.0.tags).unwrap_or_default();
    let request = request(&state, input.business_id, input.customer_count, input.time_budget_seconds, tags).await?;
    let selection = ByFrequency::default().select(&request);
    state.store().log_selection(&selection.to_log(RecordId::new(), &request)).await?;
    Ok(Json(SelectionBody::of(&request, &selection)))
}

/// Everything the choice depends on; what the last one could not fit in is carried over.
async fn request(
    state: &State,
    business: TenantId,
    count: CustomerCount,
    budget: Option<BudgetSeconds>,
    tags: Vec<String>,
) -> Result<SelectionRequest, ApiError> {
    let questions = state.store().questions(business, true).await?;
    let mut request = SelectionRequest::new(business, questions, count.get(), Timestamp::now());
    if let Some(seconds) = budget {
        request.time_budget = Duration::from_secs(seconds.get());
    }
    request.context_tags = tags;
    let last = state.store().selection_logs(business, 1).await?.pop();
    request.carried_over = last.and_then(|log| carry_over(&log)).unwrap_or_default();
    Ok(request)
}

fn carry_over(log: &SelectionLog) -> Option<Vec<QuestionId>> {
    serde_json::from_value(log.criteria.get("carryOver")?.clone()).ok()
}

impl SelectionBody {
    fn of(request: &SelectionRequest, selection: &Selection) -> Self {
        let texts: BTreeMap<_, _> =
            request.configurations.iter().map(|question| (question.id, question.text.as_str())).collect();
        let considered = selection.explanation.considered.iter().map(|considered| ConsideredQuestion {
            question_id: considered.question,
            question_text: texts.get(&considered.question).map(|text| (*text).to_owned()).unwrap_or_default(),
            reason: serde_json::json!(considered.reason),
            sentence: sentence(considered.reason, considered.frequency, considered.carried_over),
            estimated_ms: u64::try_from(considered.estimated.as_millis()).unwrap_or(u64::MAX),
            carried_over: considered.carried_over,
            rank: considered.ranking.map(|ranking| ranking.rank),
        });
        Self {
            selected_questions: selection.questions.iter().map(SelectedQuestion::from).collect(),
            estimated_duration: selection.estimated_duration.as_secs_f64(),
            selection_criteria: SelectionCriteria {
                algorithm: selection.explanation.algorithm.clone(),
                considered: considered.collect(),
                carry_over: selection.carry_over.clone(),
            },
        }
    }
}

fn sentence(reason: Reason, frequency: u32, carried_over: bool) -> String {
    match reason {
        Reason::Selected if carried_over => "It waited since an earlier customer and fits now.".to_owned(),
        Reason::Selected => format!("It is asked of {}, and it fits.", every(frequency)),
        Reason::NotActive => "It is not active now.".to_owned(),
        Reason::NotDue => format!("It is asked of {}, and this is another one.", every(frequency)),
        Reason::NoTime => "It is due, but there is no time left for it. It waits for the next customer.".to_owned(),
        _ => "It cannot be asked here.".to_owned(),
    }
}

fn every(frequency: u32) -> String {
    if frequency <= 1 { "every customer".to_owned() } else { format!("one customer in {frequency}") }
}

impl From<&QuestionConfiguration> for SelectedQuestion {
    fn from(question: &QuestionConfiguration) -> Self {
        Self {
            id: question.id,
            question_text: question.text.clone(),
            priority: question.priority,
            max_response_time: question.max_response_time.as_secs(),
            follow_up_prompts: question.follow_up_prompts.clone(),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SelectionsQuery {
    #[param(value_type = Uuid)]
    business_id: TenantId,
    #[param(inline, value_type = PageLength, required = false)]
    limit: Option<PageLength>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Selections)]
pub(super) struct SelectionsBody {
    selections: Vec<SelectionLogBody>,
}

/// A decision that was kept.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SelectionLog)]
#[serde(rename_all = "camelCase")]
struct SelectionLogBody {
    #[schema(value_type = Uuid)]
    id: RecordId,
    #[schema(value_type = Uuid)]
    business_id: TenantId,
    customer_count: u64,
    /// What was chosen, in the order to ask.
    #[schema(value_type = Vec<Uuid>)]
    selected_questions: Vec<QuestionId>,
    selection_algorithm: String,
    /// Everything the decision depended on, and how it was made: enough to make it again.
    #[schema(value_type = Object)]
    selection_criteria: Value,
    time_budget_seconds: u64,
    estimated_duration: f64,
    created_at: Timestamp,
}

/// The newest decisions
#[utoipa::path(
    get, path = "/questions/selections", tag = "questions",
    params(SelectionsQuery),
    responses(
        (status = 200, body = SelectionsBody),
        (status = 403, body = super::ErrorBody, description = "The token is not for this business."),
    ),
)]
pub(super) async fn selections(
    Extract(state): Extract<State>,
    claims: Claims,
    Parameters(query): Parameters<SelectionsQuery>,
) -> Result<Json<SelectionsBody>, ApiError> {
    claims.allow(query.business_id)?;
    let limit = query.limit.map_or(50, PageLength::small);
    let logs = state.store().selection_logs(query.business_id, limit).await?;
    let selections = logs.into_iter().map(|log| SelectionLogBody {
        id: log.id,
        business_id: log.tenant,
        customer_count: log.customer_count,
        selected_questions: log.selected,
        selection_algorithm: log.algorithm,
        selection_criteria: log.criteria,
        time_budget_seconds: log.time_budget.as_secs(),
        estimated_duration: log.estimated_duration.as_secs_f64(),
        created_at: log.created_at,
    });
    Ok(Json(SelectionsBody { selections: selections.collect() }))
}
