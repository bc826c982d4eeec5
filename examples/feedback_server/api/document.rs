//! The document of the API (OpenAPI 3.1): what the routes say of themselves, and what holds for all of them.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    Components, ContentBuilder, HeaderBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Required,
};
use utoipa::openapi::{Response as Answer, ResponseBuilder, ServerBuilder};
use utoipa::{PartialSchema, ToSchema};
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::error::{ErrorBody, ErrorDetails};
use super::idempotency;
use super::problem::{PROBLEM, ProblemBody};
use super::scope::Scope;
use super::signature::SIGNATURE;

/// Who may use a group of routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Whoever has a token that is good for this.
    Token(Scope),
    /// Whoever signs.
    Signature,
}

const BEARER: &str = "token";
const SIGNED: &str = "signature";

/// What the page of the documentation may load: only what is served beside it. Its styles are made by script.
const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The document before any route.
pub(super) fn empty() -> OpenApi {
    let mut components = Components::new();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").description(Some(
        "HS256 with `iss`, `aud`, `sub`, `exp` (31 days ahead at most), `jti`, `businesses` (what it is valid for) and \
             `scope`: of `read`, `operate`, `privacy` and `admin` those it is good for, with a space between.",
    ));
    components.add_security_scheme(BEARER, SecurityScheme::Http(bearer.build()));
    let signature = ApiKeyValue::with_description(
        SIGNATURE,
        "`t=<unix seconds>,v1=<hex HMAC-SHA-256 of \"<t>.<raw body>\">`, at most 300 s old. A carrier that has a \
         signature of its own uses that one instead.",
    );
    components.add_security_scheme(SIGNED, SecurityScheme::ApiKey(ApiKey::Header(signature)));
    components.schemas.insert(ErrorBody::name().into_owned(), ErrorBody::schema());
    components.schemas.insert(ErrorDetails::name().into_owned(), ErrorDetails::schema());
    components.schemas.insert(ProblemBody::name().into_owned(), ProblemBody::schema());
    let info = InfoBuilder::new().title("Feedback calls").version(env!("CARGO_PKG_VERSION")).description(Some(
        "Calls a shop's customers, asks the questions that are due, and gives the shop the answers.",
    ));
    OpenApiBuilder::new()
        .info(info)
        .servers(Some([ServerBuilder::new().url("/api").build(), ServerBuilder::new().url("/v1").build()]))
        .components(Some(components))
        .build()
}

/// Adds to every operation of a group what follows from how it is guarded and read.
pub(super) fn guard(document: &mut OpenApi, access: Access) {
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.put, &mut item.delete, &mut item.patch];
        for operation in operations.into_iter().flatten() {
            guard_operation(operation, access);
        }
        if let Some(operation) = &mut item.post {
            guard_operation(operation, access);
            if let Access::Token(_) = access {
                do_once(operation);
            }
        }
    }
}

/// Adds that a request may have a key by which it is done once.
fn do_once(operation: &mut Operation) {
    let key = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[!-~]+$"));
    let key = key.min_length(Some(1)).max_length(Some(idempotency::LONGEST_KEY));
    let parameter = ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "Names this request. Sent again with the same key within a day it is not done again, and answered as it was.",
        ))
        .schema(Some(key));
    operation.parameters.get_or_insert_default().push(RefOr::T(parameter.build()));
    for (status, description) in [
        (400, "Something cannot be read; `details.field` names it."),
        (409, "The first request with this key is worked on."),
        (422, "The key was used for another request."),
    ] {
        let answer = operation.responses.responses.entry(status.to_string());
        answer.or_insert_with(|| RefOr::T(error(status, description)));
    }
}

fn guard_operation(operation: &mut Operation, access: Access) {
    let has = |place: ParameterIn| {
        operation.parameters.iter().flatten().any(|parameter| match parameter {
            RefOr::T(parameter) => parameter.parameter_in == place,
            RefOr::Ref(_) => false,
        })
    };
    let mut answers = vec![(503, "The store or the carrier cannot be reached; try again.")];
    if has(ParameterIn::Query) || operation.request_body.is_some() {
        answers.push((400, "Something cannot be read; `details.field` names it."));
    }
    if operation.request_body.is_some() {
        answers.push((413, "The body is too long."));
        answers.push((415, "The body has another media type."));
    }
    let mut scopes = Vec::new();
    let scheme = match access {
        Access::Token(scope) => {
            answers.push((401, "No token, or not a valid one."));
            answers.push((403, "The token lacks the scope."));
            answers.push((404, "Not there, or not for this token; also for an id in the path that is not a UUID."));
            scopes.push(scope.as_str());
            answers.push((429, "Too many requests; `Retry-After` says when to try again."));
            BEARER
        }
        Access::Signature => {
            answers.push((401, "No signature, or not a valid one."));
            SIGNED
        }
    };
    operation.security = Some(vec![SecurityRequirement::new(scheme, scopes)]);
    for (status, description) in answers {
        let answer = operation.responses.responses.entry(status.to_string());
        answer.or_insert_with(|| RefOr::T(error(status, description)));
    }
}

/// The whole document, with what every answer needs: a description, and both forms if it is an error.
pub(super) fn complete(mut document: OpenApi) -> OpenApi {
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
        for (status, answer) in
            operations.into_iter().flatten().flat_map(|operation| &mut operation.responses.responses)
        {
            let RefOr::T(answer) = answer else { continue };
            if status.starts_with(['4', '5']) {
                let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name(ProblemBody::name()))).build();
                answer.content.insert(PROBLEM.to_owned(), RefOr::T(problem));
            }
            if answer.description.is_empty() {
                let status = status.parse().ok().and_then(|code: u16| StatusCode::from_u16(code).ok());
                answer.description =
                    status.and_then(|status| status.canonical_reason()).unwrap_or("An answer").to_owned();
            }
        }
    }
    document
}

fn error(status: u16, description: &str) -> Answer {
    let body = ContentBuilder::new().schema(Some(Ref::from_schema_name(ErrorBody::name()))).build();
    let answer = ResponseBuilder::new().description(description).content("application/json", body);
    if status != 429 {
        return answer.build();
    }
    let seconds = HeaderBuilder::new().schema(Some(u64::schema())).description(Some("Seconds to wait.")).build();
    answer.header("Retry-After", seconds).build()
}

/// `/openapi.json` and `/docs` below `prefix`.
pub(super) fn routes(prefix: &str, document: &Bytes) -> Router {
    let json = document.clone();
    let document = move || async move { ([(header::CONTENT_TYPE, "application/json")], json).into_response() };
    let address = format!("{prefix}/openapi.json");
    let page = SwaggerUi::new(format!("{prefix}/docs")).config(Config::from(address.clone()).validator_url("none"));
    let page = Router::from(page).layer(from_fn(only_its_own));
    Router::new().route(&address, get(document)).merge(page)
}

async fn only_its_own(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(DOCS_POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
