//! `GET /calls/{sessionId}`: everything one call left behind.

use std::time::Duration;

use axum::Json;
use axum::extract::State as Extract;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use voicecall::SessionId;
use voicecall::journal::{Fact, JournalEntry, Speaker, TranscriptLine, transcript};
use voicecall::money::Money;
use voicecall::store::{AttemptState, DialAttempt, PageRequest, Session, SessionEvent};
use voicecall::survey::store::{CallResponse, QuestionId};

use super::events::{EventBody, MOST_EVENTS};
use super::input::Id;
use super::session::{SessionBody, find_call, hundredths};
use super::words::EndReason;
use super::{ApiError, Claims, State, schema};
use crate::price;

/// A timeline of more bytes is cut: events of before they were bounded may be long.
const LONGEST_TIMELINE: usize = 1024 * 1024;

/// Everything about one call.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CallDetail)]
pub(super) struct CallBody {
    call: SessionBody,
    /// Who said what, in the order it was heard. Empty without consent.
    transcript: Vec<LineBody>,
    responses: Vec<ResponseBody>,
    /// Its events, the first thousand; fewer of those that are long, a mebibyte in all.
    timeline: Vec<EventBody>,
    latency: LatencyBody,
    cost: CostBody,
    consent: ConsentBody,
    attempts: Vec<AttemptBody>,
    /// Whether what was said is gone, because it is too old.
    anonymised: bool,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TranscriptLine)]
#[serde(rename_all = "camelCase")]
struct LineBody {
    #[schema(value_type = SpeakerName)]
    speaker: Speaker,
    /// From the answer of the phone, as the caller heard it.
    from_ms: u64,
    until_ms: u64,
    text: String,
    /// What the agent meant to say and was interrupted in.
    unheard: String,
    /// Whether the border between the two is an estimate.
    estimated: bool,
}

/// Who spoke.
#[derive(Debug, ToSchema)]
#[schema(as = Speaker, rename_all = "snake_case")]
#[allow(dead_code, reason = "says how the library's own type is written")]
pub(super) enum SpeakerName {
    Agent,
    Caller,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Response)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResponseBody {
    #[schema(value_type = Uuid)]
    question_id: QuestionId,
    /// As it was asked.
    question_text: String,
    response_text: String,
    /// How long the caller spoke, in seconds.
    #[schema(minimum = 0, maximum = 60)]
    response_duration: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = f64, required = false, minimum = 0, maximum = 1)]
    confidence_score: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = f64, required = false, minimum = -1, maximum = 1)]
    sentiment_score: Option<f64>,
    asked_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Timestamp, required = false)]
    responded_at: Option<Timestamp>,
    /// What kind of answer it is, such as `answered`, `thin` or `refused`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    outcome: Option<String>,
    /// What it is about.
    topics: Vec<String>,
}

/// How long the caller waited for answers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Latency)]
#[serde(rename_all = "camelCase")]
struct LatencyBody {
    turns: Vec<TurnBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = f64, required = false)]
    median_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = f64, required = false)]
    p95_ms: Option<f64>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TurnLatency)]
#[serde(rename_all = "camelCase")]
struct TurnBody {
    turn: u32,
    total_ms: f64,
    /// Whether a word bridged the wait.
    filler: bool,
    /// They add up to the total.
    parts: Vec<PartBody>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LatencyPart)]
struct PartBody {
    name: String,
    ms: f64,
}

/// In US dollars.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Cost)]
struct CostBody {
    carrier: f64,
    transcription: f64,
    speech: f64,
    /// The summary included.
    model: f64,
    total: f64,
}

#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = Consent)]
#[serde(rename_all = "camelCase")]
struct ConsentBody {
    /// When the caller had heard that an AI speaks and for whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Timestamp, required = false)]
    disclosed_at: Option<Timestamp>,
    /// What was said of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    disclosure: Option<String>,
    /// Null as long as the caller has not decided.
    #[schema(required = true)]
    given: Option<bool>,
    /// What the caller said to it. There only after a yes, and until the call is anonymised.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    words: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Timestamp, required = false)]
    decided_at: Option<Timestamp>,
}

/// One try to reach the customer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Attempt)]
#[serde(rename_all = "camelCase")]
pub(super) struct AttemptBody {
    started_at: Timestamp,
    carrier: String,
    #[schema(value_type = schema::AttemptState)]
    state: AttemptState,
    /// How it ended without reaching the customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::EndReason, required = false)]
    outcome: Option<EndReason>,
}

/// One call
///
/// What was said is there only if the caller agreed to take part.
#[utoipa::path(
    get, path = "/calls/{sessionId}", operation_id = "getCall", tag = "calls",
    params(("sessionId" = Uuid, Path)),
    responses((status = 200, body = CallBody)),
)]
pub(super) async fn one(
    Extract(state): Extract<State>,
    claims: Claims,
    Id(session): Id<SessionId>,
) -> Result<Json<CallBody>, ApiError> {
    let call = find_call(&state, &claims, session).await?;
    let session = &call.session;
    let (tenant, id) = (session.tenant, session.id);
    let journal = state.store().journal(tenant, id).await?;
    let attempts = state.store().attempts(tenant, id).await?;
    Ok(Json(CallBody {
        transcript: transcript(&journal).into_iter().map(LineBody::from).collect(),
        responses: call.record.responses.iter().cloned().map(ResponseBody::from).collect(),
        timeline: timeline(&state, session).await?,
        latency: LatencyBody::of(&journal),
        cost: CostBody::of(session, &journal),
        consent: ConsentBody::of(&journal),
        attempts: attempts.into_iter().map(AttemptBody::from).collect(),
        anonymised: call.record.anonymised_at.is_some(),
        call: SessionBody::of(&state, call).await?,
    }))
}

async fn timeline(state: &State, session: &Session) -> Result<Vec<EventBody>, ApiError> {
    let mut request = PageRequest { page: 1, per_page: PageRequest::MAX_PER_PAGE };
    let (mut events, mut bytes) = (Vec::new(), 0);
    loop {
        let page = state.store().events(session.tenant, session.id, request).await?;
        for event in page.items {
            bytes += size_of(&event);
            if bytes > LONGEST_TIMELINE {
                return Ok(events);
            }
            events.push(EventBody::from(event));
        }
        request.page += 1;
        if request.offset() >= page.total.min(MOST_EVENTS) {
            return Ok(events);
        }
    }
}

/// Of what somebody else wrote; the rest is short.
fn size_of(event: &SessionEvent) -> usize {
    let written = [Some(&event.data), event.metadata.as_ref()];
    256 + written.into_iter().flatten().map(|value| value.to_string().len()).sum::<usize>()
}

impl CostBody {
    fn of(session: &Session, journal: &[JournalEntry]) -> Self {
        let cost = price::cost(session, journal);
        let dollars = |money: Money| money.micros() as f64 / 1e6;
        Self {
            carrier: dollars(cost.carrier),
            transcription: dollars(cost.transcription),
            speech: dollars(cost.speech),
            model: dollars(cost.model),
            total: dollars(cost.total()),
        }
    }
}

impl From<TranscriptLine> for LineBody {
    fn from(line: TranscriptLine) -> Self {
        Self {
            speaker: line.speaker,
            from_ms: line.from.as_millis(),
            until_ms: line.until.as_millis(),
            text: line.text,
            unheard: line.unheard,
            estimated: line.estimated,
        }
    }
}

impl From<CallResponse> for ResponseBody {
    fn from(response: CallResponse) -> Self {
        let about = |name: &str| response.analysis.as_ref().and_then(|analysis| analysis.get(name));
        let topics = about("topics").and_then(Value::as_array).into_iter().flatten();
        Self {
            outcome: about("outcome").and_then(Value::as_str).map(ToOwned::to_owned),
            topics: topics.filter_map(Value::as_str).map(ToOwned::to_owned).collect(),
            question_id: response.question,
            question_text: response.question_text,
            response_text: response.text,
            response_duration: response.duration.as_secs_f64(),
            confidence_score: response.confidence.map(hundredths),
            sentiment_score: response.sentiment.map(hundredths),
            asked_at: response.asked_at,
            responded_at: response.responded_at,
        }
    }
}

impl LatencyBody {
    fn of(journal: &[JournalEntry]) -> Self {
        let turn = |entry: &JournalEntry| match &entry.fact {
            Fact::Latency(latency) => Some(TurnBody {
                turn: latency.turn,
                total_ms: millis(latency.total()?),
                filler: latency.filler,
                parts: latency
                    .parts()
                    .into_iter()
                    .map(|(name, part)| PartBody { name: name.to_owned(), ms: millis(part) })
                    .collect(),
            }),
            _ => None,
        };
        let turns: Vec<_> = journal.iter().filter_map(turn).collect();
        let mut totals: Vec<_> = turns.iter().map(|turn| turn.total_ms).collect();
        totals.sort_by(f64::total_cmp);
        // The nearest rank: a value that was measured.
        let at = |share: f64| totals.get((totals.len() as f64 * share).ceil().max(1.0) as usize - 1).copied();
        Self { median_ms: at(0.5), p95_ms: at(0.95), turns }
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1e3
}

impl ConsentBody {
    fn of(journal: &[JournalEntry]) -> Self {
        let mut consent = Self::default();
        for entry in journal {
            match &entry.fact {
                Fact::Disclosed { text } => {
                    consent.disclosed_at = Some(entry.at);
                    consent.disclosure = Some(text.clone());
                }
                Fact::Consent { given } => {
                    consent.given = Some(*given);
                    consent.decided_at = Some(entry.at);
                }
                _ => {}
            }
        }
        // What was said is numbered only once it may be kept, so that the time tells which words led to the decision.
        let mut heard = journal.iter().filter_map(|entry| match &entry.fact {
            Fact::Heard(turn) if consent.decided_at.is_some_and(|decided| entry.at <= decided) => turn.text.clone(),
            _ => None,
        });
        consent.words = heard.next_back();
        consent
    }
}

impl From<DialAttempt> for AttemptBody {
    fn from(attempt: DialAttempt) -> Self {
        Self {
            started_at: attempt.created_at,
            carrier: attempt.carrier,
            state: attempt.state,
            outcome: attempt.outcome.map(EndReason::from),
        }
    }
}
