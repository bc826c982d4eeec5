//! `POST /calls/{sessionId}/complete`: the end of a call as somebody else knows it, with the answers.

use std::time::Duration;

use axum::Json;
use axum::extract::State as Extract;
use jiff::Timestamp;
use serde::Deserialize;
use tracing::warn;
use utoipa::ToSchema;
use voicecall::store::{EndReason, EventSource, Session, SessionChange};
use voicecall::survey::store::{CallAttachment, CallResponse, QuestionConfiguration, QuestionId};
use voicecall::{RecordId, SessionId};

use super::bounds::{Number, Text};
use super::input::{Id, Input, Object};
use super::session::{SessionBody, find};
use super::shapes::List;
use super::{ApiError, Claims, State, not_in_the_future};

type Words = Text<0, 20_000>;
type QuestionText = Text<1, 500>;
type Seconds = Number<0, 60>;
type Confidence = Number<0, 1>;
type Sentiment = Number<-1, 1>;

/// How a call ended.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Completion {
    /// `completed` if nothing is said.
    #[schema(value_type = Option<CompletionReason>)]
    reason: Option<CompletionReason>,
    /// What was said, as text.
    transcript: Option<Words>,
    /// An answer to a question that has one replaces it.
    #[serde(default)]
    #[schema(value_type = Vec<CompletedResponse>, max_items = 100)]
    responses: List<Object<CompletedResponse>, 0, 100>,
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum CompletionReason {
    Completed,
    Timeout,
    TechnicalFailure,
    CustomerHangup,
}

impl From<CompletionReason> for EndReason {
    fn from(reason: CompletionReason) -> Self {
        match reason {
            CompletionReason::Completed => Self::Completed,
            CompletionReason::Timeout => Self::Timeout,
            CompletionReason::TechnicalFailure => Self::TechnicalFailure,
            CompletionReason::CustomerHangup => Self::RemoteHangup,
        }
    }
}

/// An answer of the customer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CompletedResponse {
    /// A question of the business.
    #[schema(value_type = Uuid)]
    question_id: QuestionId,

    response_text: Words,
    asked_at: Timestamp,
    /// As it was asked; as it is configured if nothing is said.
    question_text: Option<QuestionText>,
    /// How long the customer spoke, in seconds; up to `respondedAt` if nothing is said.
    response_duration: Option<Seconds>,

    confidence_score: Option<Confidence>,

    sentiment_score: Option<Sentiment>,
    /// Not before `askedAt`.
    responded_at: Option<Timestamp>,
}

/// End a session
///
/// The end and the answers are stored together or not at all. A call that is still on the line is ended.
#[utoipa::path(
    post, path = "/calls/{sessionId}/complete", operation_id = "completeCall", tag = "calls",
    params(("sessionId" = Uuid, Path)),
    request_body = Completion,
    responses(
        (status = 200, body = SessionBody),
        (status = 409, body = super::ErrorBody, description = "It is over, or cannot end this way from where it is."),
        (status = 422, body = super::ErrorBody, description = "A question is not one of the business, or something lies in the future."),
    ),
)]
pub(super) async fn complete(
    Extract(state): Extract<State>,
    claims: Claims,
    Id(session): Id<SessionId>,
    Input(completion): Input<Completion>,
) -> Result<Json<SessionBody>, ApiError> {
    let session = find(&state, &claims, session).await?;
    let reason = completion.reason.map_or(EndReason::Completed, EndReason::from);
    if !session.status.may_become(reason.status()) {
        let why = format!("no step from {} to {}", session.status, reason.status());
        return Err(ApiError::conflict("status", &why));
    }
    let now = Timestamp::now();
    let questions = state.store().questions(session.tenant, false).await?;
    let mut responses = Vec::new();
    for (index, Object(response)) in completion.responses.into_inner().into_iter().enumerate() {
        let place = |field: &str| format!("responses[{index}].{field}");
        responses.push(response.read(&session, &questions, now, &place)?);
    }
    let change = SessionChange::Ended { reason, source: EventSource::System, at: now };
    let (store, tenant, id) = (state.store(), session.tenant, session.id);
    let ended = store.complete_call(tenant, id, &change, &responses).await?;
    state.engine.announce(&ended);
    if let Some(transcript) = completion.transcript {
        let what = CallAttachment { transcript: Some(transcript.into_inner()), ..CallAttachment::default() };
        store.attach_to_call(tenant, id, &what, now).await?;
    }
    if let Err(error) = state.engine.hang_up(tenant, id, reason).await {
        // Whoever answers it is hung up on, because the session is over.
        warn!(session = %id, %error, "the call of a completed session goes on at the carrier");
    }
    Ok(Json(SessionBody::of(&state, store.call(tenant, id).await?).await?))
}

impl CompletedResponse {
    fn read(
        self,
        session: &Session,
        questions: &[QuestionConfiguration],
        now: Timestamp,
        place: &dyn Fn(&str) -> String,
    ) -> Result<CallResponse, ApiError> {
        let question = questions.iter().find(|question| question.id == self.question_id).ok_or_else(|| {
            ApiError::unprocessable("unknown_question", &place("questionId"), "not a question of the business")
        })?;
        not_in_the_future(&place("askedAt"), Some(self.asked_at), now)?;
        not_in_the_future(&place("respondedAt"), self.responded_at, now)?;
        if self.responded_at.is_some_and(|responded| responded < self.asked_at) {
            return Err(ApiError::invalid(&place("respondedAt"), "not before askedAt"));
        }
        let took = self.responded_at.map(|responded| responded.duration_since(self.asked_at).as_secs_f64());
        let seconds = self.response_duration.map(Seconds::get).or(took).unwrap_or(0.0);
        Ok(CallResponse {
            id: RecordId::new(),
            session: session.id,
            question: question.id,
            question_text: self.question_text.map_or_else(|| question.text.clone(), QuestionText::into_inner),
            text: self.response_text.into_inner(),
            duration: Duration::from_secs_f64(seconds.clamp(0.0, 60.0)),
            confidence: self.confidence_score.map(|score| score.get() as f32),
            sentiment: self.sentiment_score.map(|score| score.get() as f32),
            asked_at: self.asked_at,
            responded_at: self.responded_at,
            analysis: None,
        })
    }
}
