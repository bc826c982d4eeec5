//! The dashboard: pages for the shop's browser under `/dashboard/`, embedded in the program.
//!
//! The files are public and hold no data; what they show, they ask the HTTP interface for with the token of whoever
//! signs in. They are plain modules without a build step: what is in `assets/` is what the browser gets.

mod assets;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;

use assets::Asset;

/// What every file is served with, a header a line: above all the policy under which a browser runs nothing else.
const HEADERS: &str = include_str!("headers.txt");

const INDEX: &str = "index.html";

/// The routes of the dashboard.
pub(crate) fn routes() -> Router {
    Router::new()
        // Addresses inside the pages are relative to the folder.
        .route("/dashboard", get(|| async { Redirect::permanent("/dashboard/") }))
        .route("/dashboard/", get(|headers: HeaderMap| async move { serve(INDEX, &headers) }))
        .route(
            "/dashboard/{*path}",
            get(|Path(path): Path<String>, headers: HeaderMap| async move { serve(&path, &headers) }),
        )
}

fn serve(path: &str, request: &HeaderMap) -> Response {
    let Some(asset) = Asset::find(path) else { return StatusCode::NOT_FOUND.into_response() };
    let etag = asset.etag();
    let mut response = if is_known(request, &etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, asset.content_type())], asset.bytes).into_response()
    };
    let headers = response.headers_mut();
    headers.extend(policy());
    if let Ok(etag) = HeaderValue::try_from(etag) {
        headers.insert(header::ETAG, etag);
    }
    response
}

fn policy() -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    HEADERS.lines().filter_map(|line| {
        let (name, value) = line.split_once(": ")?;
        Some((HeaderName::try_from(name).ok()?, HeaderValue::from_static(value)))
    })
}

/// Whether the browser has it already (RFC 9110, 13.1.2).
fn is_known(request: &HeaderMap, etag: &str) -> bool {
    let given = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    given.flat_map(|list| list.split(',')).any(|known| {
        let known = known.trim();
        known == "*" || known.strip_prefix("W/").unwrap_or(known) == etag
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    fn get(path: &str, if_none_match: Option<&str>) -> Response {
        let mut headers = HeaderMap::new();
        if let Some(etags) = if_none_match {
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_str(etags).unwrap());
        }
        serve(path, &headers)
    }

    #[test]
    fn every_header_is_sent_with_every_file() {
        for asset in assets::ASSETS {
            let response = get(asset.path, None);
            assert_eq!(response.status(), StatusCode::OK, "{}", asset.path);
            for line in HEADERS.lines() {
                let (name, value) = line.split_once(": ").unwrap();
                assert_eq!(response.headers()[name], value, "{}", asset.path);
            }
        }
    }

    #[test]
    fn nothing_but_the_server_itself_may_run_or_frame_the_pages() {
        let policy = policy().find(|(name, _)| name == header::CONTENT_SECURITY_POLICY).unwrap().1;
        let policy = policy.to_str().unwrap();
        for directive in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "connect-src 'self'",
            "img-src 'self' data:",
            "media-src 'self' blob:",
            "font-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.split("; ").any(|part| part == directive), "{directive} is missing in {policy}");
        }
        assert!(!policy.contains("unsafe"));
    }

    #[test]
    fn what_the_browser_has_is_not_sent_again() {
        let etag = get(INDEX, None).headers()[header::ETAG].to_str().unwrap().to_owned();
        for known in [etag.clone(), format!("\"other\", W/{etag}"), "*".to_owned()] {
            assert_eq!(get(INDEX, Some(&known)).status(), StatusCode::NOT_MODIFIED, "{known}");
        }
        assert_eq!(get(INDEX, Some("\"other\"")).status(), StatusCode::OK);
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        for path in ["", "nothing.js", "../mod.rs", "pages/../index.html", "/index.html", "vendor"] {
            assert_eq!(get(path, None).status(), StatusCode::NOT_FOUND, "{path}");
        }
    }
}
