//! Errors as problem details (RFC 9457), for clients that ask for them by `Accept`.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::error::ErrorBody;

/// The media type.
pub(super) const PROBLEM: &str = "application/problem+json";

/// An error as problem details: what every error has, and what the standard calls it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemBody {
    /// Always `about:blank`: `code` says what it is.
    r#type: &'static str,
    /// The name of the HTTP status.
    title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong, for people. Starts with the field, if it is one.
    detail: String,
    #[serde(flatten)]
    error: ErrorBody,
}

/// Gives errors the form that the client has asked for.
pub(super) async fn as_asked(request: Request, next: Next) -> Response {
    let is_wanted = prefers_problems(request.headers());
    let mut response = next.run(request).await;
    let Some(error) = response.extensions_mut().remove::<ErrorBody>().filter(|_| is_wanted) else { return response };
    let body = ProblemBody {
        r#type: "about:blank",
        title: error.error.clone(),
        status: response.status().as_u16(),
        detail: error.message.clone(),
        error,
    };
    // Plain data is always JSON.
    let Ok(body) = serde_json::to_vec(&body) else { return response };
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM));
    response.headers_mut().remove(header::CONTENT_LENGTH);
    *response.body_mut() = Body::from(body);
    response
}

/// Whether problem details are named, and other JSON is not liked better.
fn prefers_problems(headers: &HeaderMap) -> bool {
    let given: Vec<_> = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let weight = |wanted: &str| {
        given.iter().flat_map(|list| list.split(',')).find_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let is_it = parts.next()?.eq_ignore_ascii_case(wanted);
            let weight =
                parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |text| text.parse::<f32>().ok());
            is_it.then_some(weight.unwrap_or(0.0))
        })
    };
    weight(PROBLEM).is_some_and(|problem| problem > 0.0 && problem >= weight("application/json").unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_for_those_who_ask() {
        for (accept, wanted) in [
            ("application/problem+json", true),
            ("application/json, application/problem+json", true),
            ("Application/Problem+JSON; q=0.9, */*", true),
            ("application/problem+json;q=0.5, application/json", false),
            ("application/problem+json;q=0", false),
            ("application/json", false),
            ("*/*", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(prefers_problems(&headers), wanted, "{accept}");
        }
    }
}
