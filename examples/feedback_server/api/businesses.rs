//! `/businesses`: shops and how they want to call, each with a tag by which nobody overwrites what they have not seen.

use axum::Json;
use axum::extract::State as Extract;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use voicecall::survey::store::{BusinessContext, CallPreferences, StoreInfo, VoicemailAction};
use voicecall::{ErrorKind, TenantId};

use super::bounds::{LanguageCode, Text, TimeOfDay, Whole, Word};
use super::input::{Id, Input, MergePatch, Object, Parameters, read};
use super::page::{PageLength, PageNumber, Pagination, cut, fit, page_request};
use super::{ApiError, Claims, State, etag, schema};

type BudgetSeconds = Whole<60, 120>;
type Attempts = Whole<1, 10>;
type Message = Text<1, 500>;
type Name = Word<100>;
type ZoneName = Text<1, 64>;

/// A shop as clients see it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Business)]
#[serde(rename_all = "camelCase")]
pub(super) struct BusinessBody {
    #[schema(value_type = Uuid)]
    business_id: TenantId,
    store_info: StoreInfoBody,
    question_settings: QuestionSettingsBody,
    call_preferences: CallPreferencesBody,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StoreInfo)]
struct StoreInfoBody {
    /// The name as the agent says it.
    name: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = QuestionSettings)]
#[serde(rename_all = "camelCase")]
struct QuestionSettingsBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u64, required = false, minimum = 60, maximum = 120)]
    time_budget_seconds: Option<u64>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CallPreferences)]
#[serde(rename_all = "camelCase")]
struct CallPreferencesBody {
    /// No calls before this local time.
    from_hour: TimeOfDay,
    /// No calls after this local time.
    until_hour: TimeOfDay,
    /// An IANA time zone.
    time_zone: String,
    /// The synthesiser's voice.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    voice: Option<String>,
    /// ISO 639-1.
    language: String,
    /// How often a customer is tried.
    max_attempts: u32,
    /// What becomes of calls that a machine answers.
    #[schema(value_type = schema::VoicemailAction)]
    voicemail: VoicemailAction,
    /// What a machine is told that is left a message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    voicemail_message: Option<String>,
}

impl From<BusinessContext> for BusinessBody {
    fn from(business: BusinessContext) -> Self {
        let preferences = business.call_preferences;
        Self {
            business_id: business.tenant,
            store_info: StoreInfoBody { name: business.store_info.name },
            question_settings: QuestionSettingsBody {
                time_budget_seconds: business.question_settings.get(TIME_BUDGET).and_then(Value::as_u64),
            },
            call_preferences: CallPreferencesBody {
                from_hour: TimeOfDay(preferences.from_hour),
                until_hour: TimeOfDay(preferences.until_hour),
                time_zone: preferences.time_zone,
                voice: preferences.voice,
                language: preferences.language,
                max_attempts: preferences.max_attempts,
                voicemail: preferences.voicemail,
                voicemail_message: preferences.voicemail_message,
            },
        }
    }
}

/// The key of the time budget among a business's question settings.
const TIME_BUDGET: &str = "timeBudgetSeconds";

/// A shop as it shall be. What is not said is as it would be for a new shop.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BusinessInput {
    /// The one of the path, if it is given.
    #[schema(value_type = Option<Uuid>)]
    business_id: Option<TenantId>,
    #[schema(value_type = StoreInfoInput)]
    store_info: Object<StoreInfoInput>,
    #[schema(value_type = Option<QuestionSettingsInput>)]
    question_settings: Option<Object<QuestionSettingsInput>>,
    #[schema(value_type = Option<CallPreferencesInput>)]
    call_preferences: Option<Object<CallPreferencesInput>>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct StoreInfoInput {
    /// The name as the agent says it.
    name: Name,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct QuestionSettingsInput {
    /// How long the questions may take.
    time_budget_seconds: Option<BudgetSeconds>,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CallPreferencesInput {
    /// No calls before this local time.
    from_hour: Option<TimeOfDay>,
    /// No calls from this local time on; later than `fromHour`. `00:00` is the end of the day.
    until_hour: Option<TimeOfDay>,
    /// An IANA time zone.
    time_zone: Option<ZoneName>,
    /// The synthesiser's voice.
    voice: Option<Name>,
    /// ISO 639-1.
    language: Option<LanguageCode>,
    /// How often a customer is tried.
    max_attempts: Option<Attempts>,
    /// What becomes of calls that a machine answers: `hang_up` if nothing is said.
    #[schema(value_type = Option<schema::VoicemailAction>)]
    voicemail: Option<VoicemailAction>,
    /// What a machine is told that is left a message.
    voicemail_message: Option<Message>,
}

impl CallPreferencesInput {
    fn preferences(self) -> Result<CallPreferences, ApiError> {
        let defaults = CallPreferences::default();
        let preferences = CallPreferences {
            from_hour: self.from_hour.map_or(defaults.from_hour, |hour| hour.0),
            until_hour: self.until_hour.map_or(defaults.until_hour, |hour| hour.0),
            time_zone: self.time_zone.map_or(defaults.time_zone, ZoneName::into_inner),
            voice: self.voice.map(|voice| voice.0),
            language: self.language.map_or(defaults.language, |language| language.0),
            max_attempts: self.max_attempts.map_or(defaults.max_attempts, Attempts::small),
            voicemail: self.voicemail.unwrap_or(defaults.voicemail),
            voicemail_message: self.voicemail_message.map(Message::into_inner),
        };
        preferences.hours().map_err(|error| {
            let field = error.field().unwrap_or("untilHour");
            ApiError::invalid(&format!("callPreferences.{field}"), error.message().unwrap_or("hours of a day"))
        })?;
        Ok(preferences)
    }
}

impl BusinessInput {
    /// The shop with this id.
    fn business(self, id: TenantId) -> Result<BusinessContext, ApiError> {
        if self.business_id.is_some_and(|own| own != id) {
            return Err(ApiError::invalid("businessId", "the one of the path"));
        }
        let settings = self.question_settings.and_then(|settings| settings.0.time_budget_seconds);
        Ok(BusinessContext {
            tenant: id,
            store_info: StoreInfo { name: self.store_info.0.name.0 },
            question_settings: settings.map_or_else(|| json!({}), |seconds| json!({ TIME_BUDGET: seconds.get() })),
            call_preferences: self.call_preferences.map(|input| input.0).unwrap_or_default().preferences()?,
        })
    }
}

/// What changes of a shop (RFC 7396): what is not named stays, and null makes it as it would be for a new shop.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "says what a patch may hold; what comes of it is read as a whole shop")]
pub(super) struct BusinessPatch {
    /// The one of the path, if it is given.
    #[schema(value_type = Option<Uuid>)]
    business_id: Option<TenantId>,
    #[schema(value_type = StoreInfoPatch, required = false)]
    store_info: StoreInfoPatch,
    question_settings: Option<QuestionSettingsInput>,
    call_preferences: Option<CallPreferencesInput>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "as of the patch")]
struct StoreInfoPatch {
    /// The name as the agent says it.
    #[schema(value_type = Name, required = false)]
    name: Name,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct BusinessQuery {
    #[param(inline, value_type = PageNumber, required = false)]
    page: Option<PageNumber>,
    #[param(inline, value_type = PageLength, required = false)]
    limit: Option<PageLength>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BusinessPage)]
pub(super) struct BusinessesBody {
    businesses: Vec<BusinessBody>,
    pagination: Pagination,
}

/// The shops of the token
#[utoipa::path(
    get, path = "/businesses", operation_id = "listBusinesses", tag = "businesses",
    params(BusinessQuery),
    responses((status = 200, body = BusinessesBody)),
)]
pub(super) async fn list(
    Extract(state): Extract<State>,
    claims: Claims,
    Parameters(query): Parameters<BusinessQuery>,
) -> Result<Json<BusinessesBody>, ApiError> {
    let mut ids = claims.businesses().to_vec();
    ids.sort();
    ids.dedup();
    let mut businesses = Vec::new();
    for id in ids {
        // A token may be for shops that are still to come.
        businesses.extend(existing(&state, id).await?.map(BusinessBody::from));
    }
    let (total, request) = (businesses.len() as u64, page_request(query.page, query.limit));
    let (businesses, request) = fit(cut(businesses, request), request);
    Ok(Json(BusinessesBody { businesses, pagination: Pagination::of(request, total) }))
}

/// One shop
#[utoipa::path(
    get, path = "/businesses/{businessId}", operation_id = "getBusiness", tag = "businesses",
    params(("businessId" = Uuid, Path)),
    responses((status = 200, body = BusinessBody, headers(("ETag" = String, description = "Names this state of it.")))),
)]
pub(super) async fn one(
    Extract(state): Extract<State>,
    claims: Claims,
    Id(id): Id<TenantId>,
) -> Result<Response, ApiError> {
    claims.allow(id)?;
    let business = existing(&state, id).await?.ok_or_else(|| ApiError::not_found("businessId"))?;
    tagged(business)
}

/// Create or replace a shop
#[utoipa::path(
    put, path = "/businesses/{businessId}", operation_id = "replaceBusiness", tag = "businesses",
    params(
        ("businessId" = Uuid, Path),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the state that is to be replaced, or `*` for any."),
    ),
    request_body = BusinessInput,
    responses(
        (status = 200, body = BusinessBody, headers(("ETag" = String, description = "Names this state of it."))),
        (status = 412, body = super::ErrorBody, description = "It has changed, or is not there."),
    ),
)]
pub(super) async fn replace(
    Extract(state): Extract<State>,
    claims: Claims,
    Id(id): Id<TenantId>,
    headers: HeaderMap,
    Input(business): Input<BusinessInput>,
) -> Result<Response, ApiError> {
    claims.allow(id)?;
    let business = business.business(id)?;
    let _turn = state.changing.lock().await;
    check(&headers, existing(&state, id).await?.as_ref())?;
    state.store().put_business(&business).await?;
    tagged(business)
}

/// Change a shop
///
/// A merge patch (RFC 7396): what is not named stays as it is, and what is null becomes as it would be for a new shop.
#[utoipa::path(
    patch, path = "/businesses/{businessId}", operation_id = "changeBusiness", tag = "businesses",
    params(
        ("businessId" = Uuid, Path),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the state that is to be changed, or `*` for any."),
    ),
    request_body(content = BusinessPatch, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, body = BusinessBody, headers(("ETag" = String, description = "Names this state of it."))),
        (status = 412, body = super::ErrorBody, description = "It has changed."),
    ),
)]
pub(super) async fn change(
    Extract(state): Extract<State>,
    claims: Claims,
    Id(id): Id<TenantId>,
    headers: HeaderMap,
    MergePatch(patch): MergePatch,
) -> Result<Response, ApiError> {
    claims.allow(id)?;
    let _turn = state.changing.lock().await;
    let before = existing(&state, id).await?.ok_or_else(|| ApiError::not_found("businessId"))?;
    let whole = patch.of(serde_json::to_value(BusinessBody::from(before.clone())).map_err(unwritable)?);
    let business = read::<BusinessInput>(&json(&whole)?)?.business(id)?;
    check(&headers, Some(&before))?;
    state.store().put_business(&business).await?;
    tagged(business)
}

async fn existing(state: &State, id: TenantId) -> Result<Option<BusinessContext>, ApiError> {
    match state.store().business(id).await {
        Ok(business) => Ok(Some(business)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Refuses a change of another state than the client has seen.
fn check(headers: &HeaderMap, now: Option<&BusinessContext>) -> Result<(), ApiError> {
    let tag = now.map(|business| json(&BusinessBody::from(business.clone()))).transpose()?.map(|json| etag::of(&json));
    etag::check(headers, tag.as_deref())
}

fn tagged(business: BusinessContext) -> Result<Response, ApiError> {
    let body = json(&BusinessBody::from(business))?;
    let tag = HeaderValue::try_from(etag::of(&body)).ok();
    let mut response = ([(header::CONTENT_TYPE, "application/json")], body).into_response();
    response.headers_mut().extend(tag.map(|tag| (header::ETAG, tag)));
    Ok(response)
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, ApiError> {
    serde_json::to_vec(value).map_err(unwritable)
}

fn unwritable(error: serde_json::Error) -> ApiError {
    voicecall::Error::new(ErrorKind::Internal, "write business").with_source(error).into()
}
