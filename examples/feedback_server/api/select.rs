//! `/questions/select`: which questions a customer would be asked, and why; `/questions/selections`: what was decided.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::State as Extract;
use jiff::Timestamp;
use serde::de::value::SeqDeserializer;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use voicecall::store::PageRequest;
use voicecall::survey::selection::{Selection, SelectionRequest};
use voicecall::survey::store::{Priority, QuestionConfiguration, QuestionId};
use voicecall::{RecordId, TenantId};

use super::bounds::{Text, Whole};
use super::input::{Input, Object, Parameters};
use super::page::{PageLength, fit};
use super::shapes::List;
use super::{ApiError, Claims, State, schema};
use crate::choice::Occasion;

type CustomerCount = Whole<1, { i32::MAX as u64 }>;
type BudgetSeconds = Whole<60, 120>;
type Tag = Text<1, 50>;
type Tags = List<Tag, 0, 20>;

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
    #[schema(inline)]
    tags: Option<Tags>,
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
    #[param(inline, value_type = Tags, required = false, style = Form, explode = false)]
    tags: Option<Tags>,
}

fn separated_by_commas<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Tags>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let tags: Vec<_> = text.split(',').filter(|tag| !tag.is_empty()).collect();
    Tags::deserialize(SeqDeserializer::new(tags.into_iter())).map(Some)
}

fn words_of(tags: Option<Tags>) -> Vec<String> {
    tags.map(|tags| tags.into_inner().into_iter().map(Tag::into_inner).collect()).unwrap_or_default()
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
    get, path = "/questions/select", operation_id = "previewSelection", tag = "questions",
    params(SelectionQuery),
    responses(
        (status = 200, body = SelectionBody),
    ),
)]
pub(super) async fn preview(
    Extract(state): Extract<State>,
    claims: Claims,
    Parameters(query): Parameters<SelectionQuery>,
) -> Result<Json<SelectionBody>, ApiError> {
    claims.allow(query.business_id)?;
    let occasion = occasion(query.customer_count, query.time_budget_seconds, words_of(query.tags));
    let (request, selection) = state.chooser.preview(query.business_id, occasion).await?;
    Ok(Json(SelectionBody::of(&request, &selection)))
}

/// Select questions
///
/// The decision is kept, so that it can be explained and made again.
#[utoipa::path(
    post, path = "/questions/select", operation_id = "selectQuestions", tag = "questions",
    request_body = SelectionInput,
    responses(
        (status = 200, body = SelectionBody),
    ),
)]
pub(super) async fn select(
    Extract(state): Extract<State>,
    claims: Claims,
    Input(input): Input<SelectionInput>,
) -> Result<Json<SelectionBody>, ApiError> {
    claims.allow(input.business_id)?;
    let tags = words_of(input.customer_context.and_then(|context| context.0.tags));
    let occasion = occasion(input.customer_count, input.time_budget_seconds, tags);
    let (request, selection) = state.chooser.decide(input.business_id, occasion).await?;
    Ok(Json(SelectionBody::of(&request, &selection)))
}

fn occasion(count: CustomerCount, budget: Option<BudgetSeconds>, tags: Vec<String>) -> Occasion {
    let time_budget = budget.map(|seconds| Duration::from_secs(seconds.get()));
    Occasion { customer_count: count.get(), time_budget, tags }
}

impl SelectionBody {
    fn of(request: &SelectionRequest, selection: &Selection) -> Self {
        let texts: BTreeMap<_, _> =
            request.configurations.iter().map(|question| (question.id, question.text.as_str())).collect();
        let considered = selection.explanation.considered.iter().map(|considered| ConsideredQuestion {
            question_id: considered.question,
            question_text: texts.get(&considered.question).map(|text| (*text).to_owned()).unwrap_or_default(),
            reason: serde_json::json!(considered.reason),
            sentence: considered.sentence(request.customer_count),
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
///
/// As many as are asked for, and of them as many as are not longer than 1 MiB together.
#[utoipa::path(
    get, path = "/questions/selections", operation_id = "listSelections", tag = "questions",
    params(SelectionsQuery),
    responses(
        (status = 200, body = SelectionsBody),
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
    let newest = PageRequest { page: 1, per_page: limit };
    Ok(Json(SelectionsBody { selections: fit(selections.collect(), newest).0 }))
}
