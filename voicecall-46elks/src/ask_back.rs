//! Asking 46elks whether what a webhook says is so: nothing that 46elks sends is signed.

use std::time::Duration;

use tracing::warn;
use voicecall_core::{Error, ErrorKind, Result};

use crate::PROVIDER;

/// When it is asked: at once, and again while the interface is not as far as the webhook.
const WAITS: [Duration; 3] = [Duration::ZERO, Duration::from_millis(500), Duration::from_millis(1500)];

/// What the interface says; `ask` answers none while it is not as far.
///
/// # Errors
/// `Unauthenticated` if it knows no such thing; `Unavailable` if it is not as far yet; otherwise as `ask`.
pub(crate) async fn ask_back<T, A>(operation: &'static str, ask: impl Fn() -> A + Send) -> Result<T>
where
    A: Future<Output = Result<Option<T>>> + Send,
{
    let mut last = ErrorKind::Unavailable;
    for wait in WAITS {
        tokio::time::sleep(wait).await;
        match ask().await {
            Ok(Some(answer)) => return Ok(answer),
            Ok(None) => last = ErrorKind::Unavailable,
            Err(error) if error.kind() == ErrorKind::NotFound => last = ErrorKind::Unauthenticated,
            Err(error) => return Err(error),
        }
    }
    warn!(kind = last.as_str(), "a webhook was not what the carrier says itself");
    Err(Error::new(last, operation).with_provider(PROVIDER))
}
