//! `/questions/configurations`: the questions of a business.

use std::time::Duration;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use voicecall::survey::store::{Priority, QuestionConfiguration, QuestionId};
use voicecall::{ErrorKind, TenantId};

use super::bounds::{Text, Whole, Word};
use super::input::{Id, Input, Parameters};
use super::page::{PageLength, PageNumber, Pagination, cut, fit, page_request};
use super::shapes::List;
use super::{ApiError, Claims, State, schema};

type QuestionText = Text<10, 500>;
type Tag = Word<50>;
type Tags = List<Tag, 1, 20>;
type Prompt = Text<1, 500>;
type Prompts = List<Prompt, 0, 10>;
type Frequency = Whole<1, 100>;
type ResponseSeconds = Whole<10, 60>;

/// A question as clients see it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = QuestionConfiguration)]
#[serde(rename_all = "camelCase")]
pub(super) struct QuestionBody {
    #[schema(value_type = Uuid)]
    id: QuestionId,
    #[schema(value_type = Uuid)]
    business_id: TenantId,
    #[schema(min_length = 10, max_length = 500)]
    question_text: String,
    /// Asked of every so many customers.
    #[schema(minimum = 1, maximum = 100)]
    frequency: u32,
    #[schema(value_type = schema::Priority)]
    priority: Priority,
    #[schema(min_items = 1)]
    department_tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Timestamp, required = false)]
    active_from: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Timestamp, required = false)]
    active_until: Option<Timestamp>,
    is_active: bool,
    /// How long an answer may be, in seconds.
    #[schema(minimum = 10, maximum = 60)]
    max_response_time: u64,
    /// Asked when an answer is too thin.
    follow_up_prompts: Vec<String>,
    created_at: Timestamp,
}

impl From<QuestionConfiguration> for QuestionBody {
    fn from(question: QuestionConfiguration) -> Self {
        Self {
            id: question.id,
            business_id: question.tenant,
            question_text: question.text,
            frequency: question.frequency,
            priority: question.priority,
            department_tags: question.department_tags,
            active_from: question.active_from,
            active_until: question.active_until,
            is_active: question.is_active,
            max_response_time: question.max_response_time.as_secs(),
            follow_up_prompts: question.follow_up_prompts,
            created_at: question.created_at,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = QuestionConfigurationPage)]
pub(super) struct QuestionsBody {
    configurations: Vec<QuestionBody>,
    pagination: Pagination,
}

/// A question to be asked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct QuestionInput {
    #[schema(value_type = Uuid)]
    business_id: TenantId,

    question_text: QuestionText,
    /// Ask every so many customers.
    frequency: Frequency,
    #[schema(value_type = schema::Priority)]
    priority: Priority,
    /// What it is about; `["general"]` if nothing is said.
    #[schema(inline)]
    department_tags: Option<Tags>,
    active_from: Option<Timestamp>,
    /// Not before `activeFrom`.
    active_until: Option<Timestamp>,
    /// Whether it is switched on, which it is if nothing is said.
    is_active: Option<bool>,
    /// How long an answer may be, in seconds; 30 if nothing is said.
    max_response_time: Option<ResponseSeconds>,
    /// What to ask when an answer is too thin.
    #[schema(inline)]
    follow_up_prompts: Option<Prompts>,
}

impl QuestionInput {
    /// The question, with the id and the age it has or gets.
    fn configuration(self, id: QuestionId, created_at: Timestamp) -> Result<QuestionConfiguration, ApiError> {
        let defaults = QuestionConfiguration::new(self.business_id, self.question_text.into_inner(), created_at);
        let question = QuestionConfiguration {
            id,
            frequency: self.frequency.small(),
            priority: self.priority,
            department_tags: match self.department_tags {
                Some(tags) => tags.into_inner().into_iter().map(|tag| tag.0).collect(),
                None => defaults.department_tags,
            },
            active_from: self.active_from,
            active_until: self.active_until,
            is_active: self.is_active.unwrap_or(defaults.is_active),
            max_response_time: self
                .max_response_time
                .map_or(defaults.max_response_time, |seconds| Duration::from_secs(seconds.get())),
            follow_up_prompts: self
                .follow_up_prompts
                .map(|prompts| prompts.into_inner().into_iter().map(Prompt::into_inner).collect())
                .unwrap_or_default(),
            ..defaults
        };
        question.validate()?;
        Ok(question)
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct QuestionQuery {
    #[param(value_type = Uuid)]
    business_id: TenantId,
    /// Those that are switched on, which is the default, or with `false` those that are switched off.
    #[param(value_type = bool, required = false)]
    active: Option<bool>,
    #[param(inline, value_type = PageNumber, required = false)]
    page: Option<PageNumber>,
    #[param(inline, value_type = PageLength, required = false)]
    limit: Option<PageLength>,
}

/// The questions of a business, in the order they were created
#[utoipa::path(
    get, path = "/questions/configurations", operation_id = "listQuestions", tag = "questions",
    params(QuestionQuery),
    responses(
        (status = 200, body = QuestionsBody),
    ),
)]
pub(super) async fn list(
    Extract(state): Extract<State>,
    claims: Claims,
    Parameters(query): Parameters<QuestionQuery>,
) -> Result<Json<QuestionsBody>, ApiError> {
    claims.allow(query.business_id)?;
    let active = query.active.unwrap_or(true);
    let mut questions = state.store().questions(query.business_id, active).await?;
    questions.retain(|question| question.is_active == active);
    let request = page_request(query.page, query.limit);
    let total = questions.len() as u64;
    let page = cut(questions, request).into_iter().map(QuestionBody::from).collect();
    let (configurations, request) = fit(page, request);
    Ok(Json(QuestionsBody { configurations, pagination: Pagination::of(request, total) }))
}

/// Add a question
#[utoipa::path(
    post, path = "/questions/configurations", operation_id = "createQuestion", tag = "questions",
    request_body = QuestionInput,
    responses(
        (status = 201, body = QuestionBody),
    ),
)]
pub(super) async fn create(
    Extract(state): Extract<State>,
    claims: Claims,
    Input(question): Input<QuestionInput>,
) -> Result<(StatusCode, Json<QuestionBody>), ApiError> {
    claims.allow(question.business_id)?;
    let question = question.configuration(QuestionId::new(), Timestamp::now())?;
    state.store().put_question(&question).await?;
    Ok((StatusCode::CREATED, Json(question.into())))
}

/// Replace a question
///
/// Calls that are under way keep the question as it was.
#[utoipa::path(
    put, path = "/questions/configurations/{questionId}", operation_id = "replaceQuestion", tag = "questions",
    params(("questionId" = Uuid, Path)),
    request_body = QuestionInput,
    responses(
        (status = 200, body = QuestionBody),
    ),
)]
pub(super) async fn replace(
    Extract(state): Extract<State>,
    claims: Claims,
    Id(id): Id<QuestionId>,
    Input(question): Input<QuestionInput>,
) -> Result<Json<QuestionBody>, ApiError> {
    claims.allow(question.business_id)?;
    let before = match state.store().question(question.business_id, id).await {
        Ok(before) => before,
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(ApiError::not_found("questionId")),
        Err(error) => return Err(error.into()),
    };
    let question = question.configuration(id, before.created_at)?;
    state.store().put_question(&question).await?;
    Ok(Json(question.into()))
}

/// Switch a question off
///
/// It is kept, because answers belong to it; `PUT` with `isActive` switches it on again.
#[utoipa::path(
    delete, path = "/questions/configurations/{questionId}", operation_id = "switchOffQuestion", tag = "questions",
    params(("questionId" = Uuid, Path)),
    responses((status = 204, description = "It is off.")),
)]
pub(super) async fn switch_off(
    Extract(state): Extract<State>,
    claims: Claims,
    Id(id): Id<QuestionId>,
) -> Result<StatusCode, ApiError> {
    for &business in claims.businesses() {
        match state.store().question(business, id).await {
            Ok(question) => {
                let off = QuestionConfiguration { is_active: false, ..question };
                state.store().put_question(&off).await?;
                return Ok(StatusCode::NO_CONTENT);
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(ApiError::not_found("questionId"))
}
