//! `Idempotency-Key`: a request that is repeated with its key is answered as it was the first time, and done once.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Extension, Request, State as Extract};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use tracing::Instrument;
use voicecall::{Error, ErrorKind};

use super::error::ErrorBody;
use super::input::{LONGEST_BODY, too_large};
use super::{ApiError, Claims, State};

/// The header.
pub(super) const KEY: &str = "idempotency-key";

/// Says in an answer that it is an earlier one.
const REPLAYED: &str = "idempotent-replayed";

/// The longest key.
pub(super) const LONGEST_KEY: usize = 255;

/// How long an answer is kept.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// As many answers, and bytes of them, are kept before the oldest are forgotten.
const MOST: usize = 10_000;
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// What only reads is done again: what it answers may be long, or of one person.
const READING: [&str; 2] = ["/calls/search", "/customers/export"];

/// The answers that are kept, in the memory of this process.
#[derive(Clone, Default)]
pub(super) struct Answers(Arc<Mutex<Kept>>);

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answers")
    }
}

#[derive(Default)]
struct Kept {
    entries: HashMap<Sum, Entry>,
    /// The oldest first. One that was done again stands in it twice.
    order: VecDeque<(Sum, Instant)>,
    bytes: usize,
}

type Sum = [u8; 32];

struct Entry {
    /// What was asked.
    request: Sum,
    since: Instant,
    /// Absent while it is worked on.
    answer: Option<Answer>,
}

#[derive(Clone)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    error: Option<ErrorBody>,
}

impl Answers {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Each change leaves whole entries.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first answer to a request that comes again; `None` for the first one, which is to be done.
    ///
    /// # Errors
    /// 409 while the first is worked on; 422 if it was another request.
    fn begin(&self, key: Sum, request: Sum, now: Instant) -> Result<Option<Answer>, ApiError> {
        let mut kept = self.lock();
        kept.forget(now);
        match kept.entries.get(&key) {
            None => {
                kept.entries.insert(key, Entry { request, since: now, answer: None });
                kept.order.push_back((key, now));
                Ok(None)
            }
            Some(entry) if entry.request != request => {
                Err(ApiError::unprocessable("key_used", KEY, "was used for another request"))
            }
            Some(Entry { answer: Some(answer), .. }) => Ok(Some(answer.clone())),
            Some(_) => {
                Err(ApiError::conflict(KEY, "its request is worked on").with_retry_after(Duration::from_secs(1)))
            }
        }
    }

    /// Keeps the answer to a first request; without one the next with its key is a first one again.
    fn end(&self, key: Sum, answer: Option<Answer>) {
        let mut kept = self.lock();
        match answer {
            Some(answer) => {
                kept.bytes += answer.body.len();
                match kept.entries.get_mut(&key) {
                    Some(entry) => entry.answer = Some(answer),
                    None => kept.bytes -= answer.body.len(),
                }
            }
            None => drop(kept.entries.remove(&key)),
        }
    }
}

impl Kept {
    /// Drops what is too old, and the oldest of what is too much.
    fn forget(&mut self, now: Instant) {
        while let Some(&(key, since)) = self.order.front() {
            let too_much = self.order.len() >= MOST || self.bytes > MOST_BYTES;
            if !too_much && now.saturating_duration_since(since) < KEPT {
                return;
            }
            self.order.pop_front();
            if self.entries.get(&key).is_some_and(|entry| entry.since == since)
                && let Some(answer) = self.entries.remove(&key).and_then(|entry| entry.answer)
            {
                self.bytes -= answer.body.len();
            }
        }
    }
}

/// Does a request with a key once.
pub(super) async fn once(
    Extract(state): Extract<State>,
    Extension(claims): Extension<Claims>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let Some(key) = request.headers().get(KEY).filter(|_| request.method() == Method::POST) else {
        return Ok(next.run(request).await);
    };
    let is_good = (1..=LONGEST_KEY).contains(&key.len()) && key.as_bytes().iter().all(u8::is_ascii_graphic);
    if !is_good {
        return Err(ApiError::invalid(KEY, "1 to 255 characters without spaces"));
    }
    if READING.contains(&request.uri().path()) {
        return Ok(next.run(request).await);
    }
    let key = key_of(&claims, key.as_bytes());
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, LONGEST_BODY).await.map_err(|_| too_large(LONGEST_BODY))?;
    let asked = sum([parts.uri.path().as_bytes(), &body]);
    match state.answers.begin(key, asked, Instant::now())? {
        Some(answer) => {
            let mut response = answer.into_response();
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
            Ok(response)
        }
        None => {
            let answers = state.answers.clone();
            let request = Request::from_parts(parts, Body::from(body));
            // A task of its own: a client that goes away asks again, and shall find what came of it.
            let work = async move { work(&answers, key, next.run(request)).await };
            let done = tokio::spawn(work.in_current_span()).await;
            done.map_err(|error| Error::new(ErrorKind::Internal, "do request").with_source(error))?
        }
    }
}

/// Gives a key's turn back if its request ends without an answer.
struct Unfinished<'a>(&'a Answers, Option<Sum>);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.1.take() {
            self.0.end(key, None);
        }
    }
}

async fn work(answers: &Answers, key: Sum, response: impl Future<Output = Response>) -> Result<Response, ApiError> {
    let mut unfinished = Unfinished(answers, Some(key));
    let (parts, body) = response.await.into_parts();
    let body = to_bytes(body, usize::MAX).await;
    let body = body.map_err(|error| Error::new(ErrorKind::Internal, "write answer").with_source(error))?;
    let error = parts.extensions.get().cloned();
    let answer = Answer { status: parts.status, headers: parts.headers, body, error };
    // What may go better next time is tried again.
    if !answer.status.is_server_error() && answer.status != StatusCode::TOO_MANY_REQUESTS {
        unfinished.1 = None;
        answers.end(key, Some(answer.clone()));
    }
    Ok(answer.into_response())
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.headers, self.body).into_response();
        if let Some(error) = self.error {
            response.extensions_mut().insert(error);
        }
        response
    }
}

/// A key is its own for each set of businesses.
fn key_of(claims: &Claims, key: &[u8]) -> Sum {
    let mut businesses = claims.businesses().to_vec();
    businesses.sort();
    let businesses: Vec<u8> = businesses.iter().flat_map(|business| *business.as_uuid().as_bytes()).collect();
    sum([&businesses, key])
}

fn sum(parts: [&[u8]; 2]) -> Sum {
    let mut hasher = Sha256::new();
    hasher.update((parts[0].len() as u64).to_be_bytes());
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(bytes: usize) -> Answer {
        let (status, body) = (StatusCode::CREATED, Bytes::from(vec![b'x'; bytes]));
        Answer { status, headers: HeaderMap::new(), body, error: None }
    }

    #[test]
    fn a_request_is_done_once_and_its_key_is_good_for_no_other() {
        let (answers, now) = (Answers::default(), Instant::now());
        let begin = |request, now| answers.begin([1; 32], [request; 32], now);
        assert!(matches!(begin(1, now), Ok(None)));
        assert_eq!(begin(1, now).err().unwrap().status(), StatusCode::CONFLICT);
        answers.end([1; 32], Some(answer(3)));
        assert!(matches!(begin(1, now), Ok(Some(answer)) if answer.body.len() == 3));
        assert_eq!(begin(2, now).err().unwrap().status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert!(matches!(begin(2, now + KEPT), Ok(None)), "a day later it is a new one");
    }

    #[tokio::test]
    async fn what_broke_may_be_tried_again() {
        let answers = Answers::default();
        for broken in [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS] {
            assert!(matches!(answers.begin([1; 32], [1; 32], Instant::now()), Ok(None)), "{broken}");
            work(&answers, [1; 32], std::future::ready(broken.into_response())).await.unwrap();
        }
        assert!(matches!(answers.begin([1; 32], [1; 32], Instant::now()), Ok(None)));
        drop(Unfinished(&answers, Some([1; 32])));
        assert!(matches!(answers.begin([1; 32], [1; 32], Instant::now()), Ok(None)), "nor does a panic keep it");
    }

    #[test]
    fn what_is_kept_has_an_end() {
        let (answers, now) = (Answers::default(), Instant::now());
        let keep = |number: usize, bytes| {
            let key = sum([&number.to_be_bytes(), b""]);
            assert!(matches!(answers.begin(key, [1; 32], now), Ok(None)));
            answers.end(key, Some(answer(bytes)));
        };
        (0..2 * MOST).for_each(|number| keep(number, 1));
        assert!(answers.lock().entries.len() <= MOST && answers.lock().order.len() <= MOST);
        (0..5).for_each(|number| keep(3 * MOST + number, MOST_BYTES / 2));
        let kept = answers.lock();
        let bytes: usize =
            kept.entries.values().filter_map(|entry| entry.answer.as_ref()).map(|answer| answer.body.len()).sum();
        assert!(kept.bytes == bytes && bytes <= 2 * MOST_BYTES, "{bytes}");
    }
}
