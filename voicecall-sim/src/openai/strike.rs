//! What a fault of the plan does to an answer.

use std::time::Duration;

use super::ApiError;
use crate::delivery::{Delivery, Ending};
use crate::fault::Fault;

impl Delivery {
    /// What becomes of the answer when `fault` strikes it. The middle of an answer of one piece is before that piece.
    ///
    /// # Errors
    /// The refusal, if the fault is one.
    pub(super) fn strike(mut self, fault: &Fault) -> Result<Self, ApiError> {
        let middle = self.pieces.len() / 2;
        match *fault {
            Fault::Latency { delay, .. } => self.delay(0, delay),
            Fault::Stall { length, .. } => self.delay(middle, length),
            Fault::HalfOpenSocket { at_frame } => {
                let last = self.pieces.len().saturating_sub(1);
                self.pieces.truncate(usize::try_from(at_frame).map_or(last, |piece| piece.min(last)));
                self.ending = Ending::Silent;
            }
            Fault::AcceptThenDrop => {
                let end = self.pieces.get(middle).map_or(Duration::ZERO, |(after, _)| *after);
                self.pieces.truncate(middle);
                self.ending = Ending::Closed(end);
            }
            Fault::DropBefore => {
                self.pieces.clear();
                self.ending = Ending::Closed(Duration::ZERO);
            }
            Fault::Error { status, .. } => return Err(ApiError::planned(status)),
            Fault::RateLimit { retry_after } => return Err(ApiError::rate_limited(retry_after)),
            // A plan is checked when it is read: these cannot happen to an answer over HTTP.
            Fault::Reset { .. }
            | Fault::Close { .. }
            | Fault::Duplicate { .. }
            | Fault::OutOfOrder
            | Fault::Late { .. } => {}
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;
    use tokio::time::Instant;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn answer() -> Delivery {
        let mut delivery = Delivery::default();
        for (second, piece) in (1..).zip(["a", "b", "c"]) {
            delivery.push(second * SECOND, piece);
        }
        delivery
    }

    /// What a client with a hundred seconds of patience sees: each piece with its second, then how it ended and when.
    async fn seen(delivery: Delivery) -> String {
        let asked = Instant::now();
        let at = || (Instant::now() - asked).as_secs();
        let mut seen = String::new();
        let read = async {
            let mut body = delivery.into_body(asked).await.into_data_stream();
            while let Some(piece) = body.next().await {
                match piece {
                    Ok(piece) => seen += &format!("{}{} ", String::from_utf8_lossy(&piece), at()),
                    Err(_) => return format!("closed{}", at()),
                }
            }
            "end".to_owned()
        };
        let ending = tokio::time::timeout(100 * SECOND, read).await;
        seen + &ending.unwrap_or_else(|_| "silence".to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn each_fault_does_to_an_answer_what_it_is_named_for() {
        for (fault, expected) in [
            (None, "a1 b2 c3 end"),
            (Some(Fault::Latency { delay: SECOND, jitter: Duration::ZERO }), "a2 b3 c4 end"),
            (Some(Fault::Latency { delay: Duration::MAX, jitter: Duration::ZERO }), "silence"),
            (Some(Fault::Stall { length: 10 * SECOND, at_frame: 0 }), "a1 b12 c13 end"),
            (Some(Fault::HalfOpenSocket { at_frame: 0 }), "silence"),
            (Some(Fault::HalfOpenSocket { at_frame: 2 }), "a1 b2 silence"),
            (Some(Fault::HalfOpenSocket { at_frame: 99 }), "a1 b2 silence"),
            (Some(Fault::AcceptThenDrop), "a1 closed2"),
            (Some(Fault::DropBefore), "closed0"),
        ] {
            let delivery = fault.as_ref().map_or_else(|| Ok(answer()), |fault| answer().strike(fault));
            assert_eq!(seen(delivery.unwrap()).await, expected, "{fault:?}");
        }
    }

    #[test]
    fn refusals_keep_their_status_and_wait() {
        let error = answer().strike(&Fault::RateLimit { retry_after: Some(SECOND) }).unwrap_err();
        assert_eq!((error.status(), error.retry_after()), (429, Some(SECOND)));
        let error = answer().strike(&Fault::Error { status: 503, accepted: false }).unwrap_err();
        assert_eq!((error.status(), error.retry_after()), (503, None));
    }
}
