//! What a call has to be like.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Phrase, time};

/// Limits of one call; each that is left out is not judged.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Expect {
    /// The agent's first sound comes within this of the stream's start.
    #[serde(deserialize_with = "time::option::deserialize")]
    pub first_audio: Option<Duration>,
    /// The agent answers each turn of the caller within this of the caller's last sound.
    #[serde(deserialize_with = "time::option::deserialize")]
    pub response: Option<Duration>,
    /// No gap within what the agent says is longer.
    #[serde(deserialize_with = "time::option::deserialize")]
    pub gap: Option<Duration>,
    /// The caller interrupts the agent at least once, and each time the agent is silent within this of the caller's first sound.
    #[serde(deserialize_with = "time::option::deserialize")]
    pub barge_in: Option<Duration>,
    /// The agent says all of this, in sentences that clips hold.
    pub hears: Vec<Phrase>,
    /// Who ends the call. If left out, either may.
    pub ended_by: Option<EndedBy>,
}

/// One side of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EndedBy {
    /// The caller hangs up.
    Caller,
    /// The server closes the socket, and so gives the call back to Twilio.
    Server,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    #[test]
    fn limits_are_durations_and_what_is_left_out_is_not_judged() {
        let read = |text: &str| {
            let text = format!("name = 'x'\nseed = 1\ncaller.answer = 'busy'\n[expect]\n{text}");
            text.parse::<Scenario>().map(|scenario| scenario.expect)
        };
        assert_eq!(read("").unwrap(), Expect::default());
        let expect = read("response = '1500 ms'\nended_by = 'server'\nhears = ['goodbye']").unwrap();
        assert_eq!((expect.response, expect.ended_by), (Some(Duration::from_millis(1500)), Some(EndedBy::Server)));
        assert_eq!(expect.hears, [Phrase::parse("Goodbye").unwrap()]);
        for (wrong, named) in
            [("response = 2", "response = 2"), ("ended_by = 'me'", "ended_by"), ("answer = '1 s'", "answer")]
        {
            assert!(read(wrong).unwrap_err().to_string().contains(named), "{wrong}");
        }
    }
}
