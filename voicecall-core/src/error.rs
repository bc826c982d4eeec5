//! The one error type of the library: what was attempted, what kind of failure it was, what the caller can do.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// The result of every fallible operation in the library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type BoxError = Box<dyn StdError + Send + Sync + 'static>;

/// What went wrong, by what the caller can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input is wrong; [`Error::field`] names the part. Correct it.
    Invalid,
    /// The configuration is wrong; [`Error::field`] names the setting. Correct it and start again.
    Config,
    /// Credentials, a signature or a token were missing, wrong or expired.
    Unauthenticated,
    /// The credentials are right but do not allow this.
    Forbidden,
    /// The thing does not exist, or not for this tenant.
    NotFound,
    /// The thing is in a state that does not allow this, or somebody else was first.
    Conflict,
    /// Too much, too fast; nothing was done. Wait for [`Error::retry_after`] and repeat.
    RateLimited,
    /// The provider understood and said no; nothing was done. Repeating gives the same answer.
    Rejected,
    /// It took too long; nothing was done that cannot be repeated.
    Timeout,
    /// The provider or store cannot be reached or is broken; nothing was done. Repeat later.
    Unavailable,
    /// The request was sent and its outcome is not known. It must be settled, never simply repeated.
    UnknownOutcome,
    /// The other side broke its protocol.
    Protocol,
    /// This implementation cannot do that.
    Unsupported,
    /// The connection, call or session has ended.
    Closed,
    /// A fault of our own.
    Internal,
}

impl ErrorKind {
    /// The stable name of the kind, as used in logs and HTTP error bodies.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Config => "config",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::RateLimited => "rate_limited",
            Self::Rejected => "rejected",
            Self::Timeout => "timeout",
            Self::Unavailable => "unavailable",
            Self::UnknownOutcome => "unknown_outcome",
            Self::Protocol => "protocol",
            Self::Unsupported => "unsupported",
            Self::Closed => "closed",
            Self::Internal => "internal",
        }
    }
}

/// An opaque error with a kind to act on and a cause to read.
///
/// It prints on one line and never holds a whole phone number, a token or what a caller said.
///
/// ```
/// use voicecall_core::{Error, ErrorKind};
/// let error = Error::new(ErrorKind::RateLimited, "place call").with_provider("twilio").with_code("20429");
/// assert!(error.is_retryable());
/// assert_eq!(error.to_string(), "place call: rate_limited (twilio 20429)");
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    operation: &'static str,
    provider: Option<&'static str>,
    code: Option<Cow<'static, str>>,
    field: Option<Cow<'static, str>>,
    message: Option<Cow<'static, str>>,
    retry_after: Option<Duration>,
    source: Option<BoxError>,
}

impl Error {
    /// An error of `kind` while doing `operation` (a short lower-case phrase such as `"place call"`).
    #[must_use]
    pub fn new(kind: ErrorKind, operation: &'static str) -> Self {
        Self(Box::new(Inner {
            kind,
            operation,
            provider: None,
            code: None,
            field: None,
            message: None,
            retry_after: None,
            source: None,
        }))
    }

    /// An [`ErrorKind::Invalid`] that names the wrong field and says what is expected.
    #[must_use]
    pub fn invalid(field: impl Into<Cow<'static, str>>, expected: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Invalid, "read input").with_field(field).with_message(expected)
    }

    /// An [`ErrorKind::Config`] that names the wrong setting and says what is expected.
    #[must_use]
    pub fn config(field: impl Into<Cow<'static, str>>, expected: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Config, "configure").with_field(field).with_message(expected)
    }

    /// Names the provider whose answer this is.
    #[must_use]
    pub fn with_provider(mut self, provider: &'static str) -> Self {
        self.0.provider = Some(provider);
        self
    }

    /// Keeps the provider's own code for the failure.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.0.code = Some(code.into());
        self
    }

    /// Names the field of the input or configuration that is wrong.
    #[must_use]
    pub fn with_field(mut self, field: impl Into<Cow<'static, str>>) -> Self {
        self.0.field = Some(field.into());
        self
    }

    /// Adds a sentence (lower case, no full stop) that says what was expected or seen.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.0.message = Some(message.into());
        self
    }

    /// Says how long to wait before repeating.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// Keeps the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The kind, by which a caller decides.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What was being done.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// The provider that failed, if it was one.
    #[must_use]
    pub fn provider(&self) -> Option<&'static str> {
        self.0.provider
    }

    /// The provider's own code.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The field of the input or configuration that is wrong.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.0.field.as_deref()
    }

    /// The sentence that says what was expected or seen.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.0.message.as_deref()
    }

    /// How long to wait before repeating, if the other side said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether the same request may simply be sent again later.
    ///
    /// An unknown outcome is *not* retryable: it has to be settled first.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self.0.kind, ErrorKind::RateLimited | ErrorKind::Timeout | ErrorKind::Unavailable)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.operation, self.0.kind.as_str())?;
        match (self.0.provider, &self.0.code) {
            (Some(provider), Some(code)) => write!(f, " ({provider} {code})")?,
            (Some(provider), None) => write!(f, " ({provider})")?,
            (None, Some(code)) => write!(f, " ({code})")?,
            (None, None) => {}
        }
        match (&self.0.field, &self.0.message) {
            (Some(field), Some(message)) => write!(f, ": {field}: {message}"),
            (Some(field), None) => write!(f, ": {field}"),
            (None, Some(message)) => write!(f, ": {message}"),
            (None, None) => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({self})")?;
        let mut cause = self.source();
        while let Some(error) = cause {
            write!(f, "; caused by: {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| source.as_ref() as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_field_and_keeps_cause() {
        let error =
            Error::invalid("phone", "a Swedish number in E.164 form").with_source(std::io::Error::other("inner"));
        assert_eq!(error.to_string(), "read input: invalid: phone: a Swedish number in E.164 form");
        assert!(format!("{error:?}").ends_with("caused by: inner"));
        assert_eq!(error.field(), Some("phone"));
    }

    #[test]
    fn an_unknown_outcome_is_never_retryable() {
        assert!(!Error::new(ErrorKind::UnknownOutcome, "place call").is_retryable());
    }
}
