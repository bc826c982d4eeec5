//! How Twilio shall deliver its webhooks: how long it waits, when and how often it tries again.

use std::fmt::Write as _;
use std::ops::RangeInclusive;
use std::time::Duration;

use url::Url;
use voicecall_core::{Error, Result};

/// Settings for Twilio's requests to us, carried in the fragment of every address we hand out (Twilio, "Webhooks:
/// connection overrides"). What is not set is Twilio's choice: 5 s to connect, 15 s in all, one retry and only if it
/// could not connect.
///
/// ```
/// use std::time::Duration;
/// use voicecall_twilio::{ConnectionOverrides, RetryOn};
///
/// let patient = ConnectionOverrides::new()
///     .read_timeout(Duration::from_secs(3))
///     .retries(3)
///     .retry_on([RetryOn::Connect, RetryOn::Timeout, RetryOn::ServerError]);
/// assert_eq!(patient.to_string(), "rt=3000&rc=3&rp=ct,rt,5xx");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConnectionOverrides {
    connect_timeout: Option<Duration>,
    read_timeout: Option<Duration>,
    total_timeout: Option<Duration>,
    retries: Option<u8>,
    retry_on: Vec<RetryOn>,
}

/// A reason to deliver a webhook again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetryOn {
    /// No connection.
    Connect,
    /// No answer in time.
    Timeout,
    /// An answer that blames the request (4xx).
    ClientError,
    /// An answer that blames the server (5xx).
    ServerError,
    /// All of these.
    All,
}

impl ConnectionOverrides {
    /// Leaves everything to Twilio.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How long to try to connect: 0.1 to 10 s.
    #[must_use]
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = Some(timeout);
        self
    }

    /// How long to wait for an answer: 0.1 to 15 s.
    #[must_use]
    pub const fn read_timeout(mut self, timeout: Duration) -> Self {
        self.read_timeout = Some(timeout);
        self
    }

    /// How long all attempts together may take: 0.1 to 15 s.
    #[must_use]
    pub const fn total_timeout(mut self, timeout: Duration) -> Self {
        self.total_timeout = Some(timeout);
        self
    }

    /// How often to try again: 0 to 5 times.
    #[must_use]
    pub const fn retries(mut self, retries: u8) -> Self {
        self.retries = Some(retries);
        self
    }

    /// When to try again.
    #[must_use]
    pub fn retry_on(mut self, reasons: impl IntoIterator<Item = RetryOn>) -> Self {
        self.retry_on = reasons.into_iter().collect();
        self
    }

    pub(crate) fn check(&self) -> Result<()> {
        let within = |timeout: Option<Duration>, millis: RangeInclusive<u128>, expected| match timeout {
            Some(timeout) if !millis.contains(&timeout.as_millis()) => {
                Err(Error::config("connection_overrides", expected))
            }
            _ => Ok(()),
        };
        within(self.connect_timeout, 100..=10_000, "a connect timeout of 0.1 to 10 s")?;
        within(self.read_timeout, 100..=15_000, "a read timeout of 0.1 to 15 s")?;
        within(self.total_timeout, 100..=15_000, "a total timeout of 0.1 to 15 s")?;
        if self.retries > Some(5) {
            return Err(Error::config("connection_overrides", "at most 5 retries"));
        }
        Ok(())
    }

    /// `url` with the settings as its fragment; as it is if nothing is set.
    pub(crate) fn apply(&self, url: &Url) -> Url {
        let fragment = self.to_string();
        let mut url = url.clone();
        if !fragment.is_empty() {
            url.set_fragment(Some(&fragment));
        }
        url
    }
}

/// The fragment, such as `rt=3000&rc=2`.
impl std::fmt::Display for ConnectionOverrides {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut fragment = String::new();
        for (name, timeout) in [("ct", self.connect_timeout), ("rt", self.read_timeout), ("tt", self.total_timeout)] {
            if let Some(timeout) = timeout {
                write!(fragment, "&{name}={}", timeout.as_millis())?;
            }
        }
        if let Some(retries) = self.retries {
            write!(fragment, "&rc={retries}")?;
        }
        for (place, reason) in self.retry_on.iter().enumerate() {
            let before = if place == 0 { "&rp=" } else { "," };
            write!(fragment, "{before}{}", reason.name())?;
        }
        f.write_str(fragment.trim_start_matches('&'))
    }
}

impl RetryOn {
    const fn name(self) -> &'static str {
        match self {
            Self::Connect => "ct",
            Self::Timeout => "rt",
            Self::ClientError => "4xx",
            Self::ServerError => "5xx",
            Self::All => "all",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_set_leaves_the_address_as_it_is() {
        let url: Url = "https://calls.example/a?b=c".parse().unwrap();
        assert_eq!(ConnectionOverrides::new().apply(&url), url);
        assert_eq!(ConnectionOverrides::new().retries(0).apply(&url).as_str(), "https://calls.example/a?b=c#rc=0");
    }

    #[test]
    fn what_twilio_would_refuse_is_refused() {
        let new = ConnectionOverrides::new;
        assert!(new().retries(5).connect_timeout(Duration::from_secs(10)).check().is_ok());
        for wrong in [
            new().retries(6),
            new().connect_timeout(Duration::from_millis(99)),
            new().read_timeout(Duration::from_millis(15_001)),
            new().total_timeout(Duration::ZERO),
        ] {
            assert_eq!(wrong.check().unwrap_err().field(), Some("connection_overrides"));
        }
    }
}
