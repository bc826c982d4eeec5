//! Reading what clients send: JSON bodies, query strings and ids in paths, refused by the name of what is wrong.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};
use voicecall::Error;

use super::ApiError;

/// The longest body a route takes, in bytes.
pub(super) const LONGEST_BODY: usize = 256 * 1024;

/// A JSON body.
#[derive(Debug)]
pub(super) struct Input<T>(pub(super) T);

/// A JSON object that changes another one (RFC 7396).
#[derive(Debug)]
pub(super) struct MergePatch(pub(super) Patch);

/// What a patch changes.
#[derive(Debug)]
pub(super) struct Patch(Map<String, Value>);

/// The media type of a patch; JSON is taken for one as well.
const MERGE_PATCH: &str = "application/merge-patch+json";

/// A query string.
#[derive(Debug)]
pub(super) struct Parameters<T>(pub(super) T);

/// The id in a path. What is not an id belongs to nothing: 404, as for an id that is not known.
#[derive(Debug)]
pub(super) struct Id<T>(pub(super) T);

/// An object and nothing else: serde itself would also take an array with the fields' values in order.
#[derive(Debug)]
pub(super) struct Object<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Input<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            return Err(wrong_type("application/json"));
        }
        let body = body(request, state).await?;
        Ok(Self(read(&body)?))
    }
}

impl<S: Send + Sync> FromRequest<S> for MergePatch {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if !is_json(request.headers()) && content_type(request.headers()).as_deref() != Some(MERGE_PATCH) {
            return Err(wrong_type(MERGE_PATCH));
        }
        let body = body(request, state).await?;
        Ok(Self(Patch(read(&body)?)))
    }
}

impl Patch {
    /// The object as it is with the changes.
    pub(super) fn of(self, before: Value) -> Value {
        merge(before, Value::Object(self.0))
    }
}

fn merge(before: Value, patch: Value) -> Value {
    let Value::Object(changes) = patch else { return patch };
    let mut members = if let Value::Object(members) = before { members } else { Map::new() };
    for (name, change) in changes {
        let before = members.remove(&name).unwrap_or_default();
        if !change.is_null() {
            members.insert(name, merge(before, change));
        }
    }
    Value::Object(members)
}

/// The body, if it is not too long.
pub(super) async fn body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, ApiError> {
    Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(LONGEST_BODY),
        _ => ApiError::invalid("body", "a body that arrives whole"),
    })
}

/// 413, saying what would fit.
pub(super) fn too_large(bytes: usize) -> ApiError {
    let message = format!("body: at most {bytes} bytes");
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message).with_field("body")
}

/// Whether the body is said to be JSON.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    content_type(headers).is_some_and(|name| name == "application/json")
}

/// The media type without its parameters, in lower case.
pub(super) fn content_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next()?.trim().to_ascii_lowercase())
}

/// 415, naming what is taken.
pub(super) fn wrong_type(taken: &str) -> ApiError {
    let message = format!("content-type: {taken}");
    ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message).with_field("content-type")
}

/// Reads a JSON object.
///
/// # Errors
/// 400 naming the field, or `body` if it is no JSON object.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let Object(value) = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let what = error.inner().to_string();
        // Where in the text it is wrong does not help whoever knows the field.
        let what = what.rsplit_once(" at line ").map_or(&*what, |(what, _)| what);
        refuse("body", &error.path().to_string(), what)
    })?;
    json.end().map_err(|_| ApiError::invalid("body", "one JSON object"))?;
    Ok(value)
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        read_query(parts.uri.query().unwrap_or("")).map(Self)
    }
}

fn read_query<T: DeserializeOwned>(query: &str) -> Result<T, ApiError> {
    let pairs = serde_urlencoded::Deserializer::new(url::form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(pairs)
        .map_err(|error| refuse("query", &error.path().to_string(), &error.inner().to_string()))
}

/// Names the field: the path to it, with what serde itself says of fields that are missing, unknown or there twice.
fn refuse(whole: &str, path: &str, what: &str) -> ApiError {
    let named = ["missing field `", "unknown field `", "duplicate field `"].iter().find_map(|kind| {
        let name = what.strip_prefix(kind)?.split('`').next()?;
        Some((*kind, name))
    });
    // The parser calls the whole `.`, and `?` what it could not read the name of.
    let path = path.trim_end_matches(".?");
    let path = if matches!(path, "." | "?") { "" } else { path };
    match named {
        Some((kind, name)) => {
            let field = match path.strip_suffix(name) {
                Some("") => name.to_owned(),
                Some(parent) if parent.ends_with('.') => path.to_owned(),
                _ if path.is_empty() => name.to_owned(),
                _ => format!("{path}.{name}"),
            };
            let expected = match kind.split(' ').next() {
                Some("missing") => "is missing",
                Some("unknown") => "is not known here",
                _ => "is there twice",
            };
            ApiError::invalid(&field, expected)
        }
        None if path.is_empty() => ApiError::invalid(whole, what),
        None => ApiError::invalid(path, what),
    }
}

impl<S: Send + Sync, T: FromStr<Err = Error>> FromRequestParts<S> for Id<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        // What cannot even be decoded is no id either.
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.unwrap_or_else(|_| Path(String::new()));
        text.parse().map(Self).map_err(|error: Error| ApiError::not_found(error.field().unwrap_or("id")))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::bounds::Whole;
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Order {
        how_many: Whole<1, 9>,
        #[serde(default)]
        parts: Vec<Object<Part>>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Part {
        #[allow(dead_code, reason = "only its name counts here")]
        name: String,
    }

    fn field_of(body: &str) -> String {
        let error = read::<Order>(body.as_bytes()).unwrap_err();
        assert_eq!(error.status(), StatusCode::BAD_REQUEST);
        error.field().unwrap().to_owned()
    }

    #[test]
    fn what_is_wrong_is_named() {
        let good: Order = read(br#"{"howMany": 3, "parts": [{"name": "a"}]}"#).unwrap();
        assert_eq!((good.how_many.get(), &*good.parts[0].0.name), (3, "a"));
        for (body, field) in [
            ("", "body"),
            ("{", "body"),
            ("{x", "body"),
            (r#"{"howMany": 3, "parts": [{"#, "parts[0]"),
            ("[3]", "body"),
            ("3", "body"),
            ("null", "body"),
            (r#"{"howMany": 3} x"#, "body"),
            ("{}", "howMany"),
            (r#"{"howMany": 10}"#, "howMany"),
            (r#"{"howMany": null}"#, "howMany"),
            (r#"{"howMany": 3, "howMany": 3}"#, "howMany"),
            (r#"{"howMany": 3, "colour": 1}"#, "colour"),
            (r#"{"howMany": 3, "parts": 1}"#, "parts"),
            (r#"{"howMany": 3, "parts": [["a"]]}"#, "parts[0]"),
            (r#"{"howMany": 3, "parts": [{}]}"#, "parts[0].name"),
            (r#"{"howMany": 3, "parts": [{"name": 1}]}"#, "parts[0].name"),
            (r#"{"howMany": 3, "parts": [{"name": "a", "b": 1}]}"#, "parts[0].b"),
        ] {
            assert_eq!(field_of(body), field, "{body}");
        }
    }

    #[test]
    fn queries_too() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Query {
            limit: Option<Whole<1, 100>>,
        }
        assert_eq!(read_query::<Query>("limit=7").unwrap().limit.unwrap().get(), 7);
        assert!(read_query::<Query>("").unwrap().limit.is_none());
        for (query, field) in [
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=x", "limit"),
            ("limit=", "limit"),
            ("limit=1&limit=2", "limit"),
            ("offset=1", "offset"),
        ] {
            assert_eq!(read_query::<Query>(query).unwrap_err().field(), Some(field), "{query}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes: Vec<u8>, text in ".{0,40}") {
            let _ = read::<Order>(&bytes);
            let _ = read::<Order>(text.as_bytes());
            let _ = read_query::<Order>(&text);
        }
    }
}
