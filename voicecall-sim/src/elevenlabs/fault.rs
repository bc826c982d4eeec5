//! What can go wrong with a request for speech.

use std::time::Duration;

use bytes::Bytes;

use super::ApiError;
use crate::delivery::{Delivery, Ending};

/// A fault of one request for speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpeechFault {
    /// The request is refused.
    Refuse(Refusal),
    /// All lines come so much later.
    Slow(Duration),
    /// Nothing more comes after half of the lines, and the connection stays.
    Stall,
    /// The connection breaks in the middle of a line, after half of the lines.
    Cut,
    /// This line, counted from 0, has no alignment.
    NoAlignment(usize),
    /// A line that is no JSON comes after half of the lines.
    Garbage,
    /// The answer is a success without any audio.
    Empty,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// 401 `invalid_api_key`.
    InvalidKey,
    /// 401 `quota_exceeded`, the older way to say that credits are used up.
    QuotaExceeded,
    /// 402 `insufficient_credits`.
    InsufficientCredits,
    /// 422 of the framework.
    Unprocessable,
    /// 429 `rate_limit_exceeded`, with `retry-after`.
    RateLimit,
    /// 429 `concurrent_limit_exceeded`, with the headers that tell the limit.
    ConcurrencyLimit,
    /// 429 `too_many_concurrent_requests`, its older name.
    TooManyConcurrent,
    /// 429 `system_busy`.
    SystemBusy,
    /// 500.
    Internal,
    /// 503.
    Unavailable,
}

impl Refusal {
    pub(super) fn error(self) -> ApiError {
        let busy = |code, message| ApiError::current(429, "rate_limit_error", code, message);
        match self {
            Self::InvalidKey => ApiError::current(401, "authentication_error", "invalid_api_key", "Invalid API key."),
            Self::QuotaExceeded => ApiError::older(401, "quota_exceeded", "The credits are used up."),
            Self::InsufficientCredits => {
                ApiError::current(402, "payment_required", "insufficient_credits", "The credits are used up.")
            }
            Self::Unprocessable => ApiError::unprocessable(&["body", "text"], "missing", "Field required"),
            Self::RateLimit => busy("rate_limit_exceeded", "Too many requests.").with_header("retry-after", "2"),
            Self::ConcurrencyLimit => busy("concurrent_limit_exceeded", "Too many requests at once.")
                .with_header("current-concurrent-requests", "11")
                .with_header("maximum-concurrent-requests", "10"),
            Self::TooManyConcurrent => {
                ApiError::older(429, "too_many_concurrent_requests", "Too many requests at once.")
            }
            Self::SystemBusy => busy("system_busy", "The system is busy."),
            Self::Internal => ApiError::current(500, "internal_error", "internal_error", "Something went wrong."),
            Self::Unavailable => ApiError::current(503, "service_unavailable", "service_unavailable", "Try later."),
        }
    }
}

impl SpeechFault {
    /// What becomes of an answer; where a line lost its alignment, that was done when it was written.
    pub(super) fn strike(self, mut delivery: Delivery) -> Delivery {
        let middle = delivery.pieces.len().div_ceil(2);
        let end = delivery.pieces.get(middle).map_or(Duration::ZERO, |(after, _)| *after);
        match self {
            Self::Slow(delay) => delivery.delay(0, delay),
            Self::Stall => {
                delivery.pieces.truncate(middle);
                delivery.ending = Ending::Silent;
            }
            Self::Cut => {
                delivery.pieces.truncate(middle + 1);
                if let Some((_, line)) = delivery.pieces.back_mut() {
                    line.truncate(line.len() / 2);
                }
                delivery.ending = Ending::Closed(end);
            }
            Self::Garbage => delivery.pieces.insert(middle, (end, Bytes::from_static(b"<html>busy</html>\n"))),
            Self::Empty => delivery.pieces.clear(),
            Self::Refuse(_) | Self::NoAlignment(_) => {}
        }
        delivery
    }
}
