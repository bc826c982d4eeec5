//! How the Realtime API behaves where a scenario does not say it.

use std::time::Duration;

/// How sockets of the Realtime API behave.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// How long a session lasts; then it is told `session_expired` and closed. OpenAI's value: 60 minutes.
    pub session_limit: Duration,
    /// Text messages that come out of nowhere on every socket.
    pub interjections: Vec<Interjection>,
}

/// A text message that nobody asked for: garbage, or an event of a type that nobody knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interjection {
    /// The type of the event before which it is sent, each time.
    pub before: String,
    /// What is sent, as it is.
    pub text: String,
}

impl Default for Options {
    fn default() -> Self {
        Self { session_limit: Duration::from_secs(60 * 60), interjections: Vec::new() }
    }
}
