//! Durations as scenario files write them: text with a unit.

use std::fmt;
use std::time::Duration;

use serde::de::{self, Deserializer};

/// The longest duration a scenario may name; no call is longer.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Reads a duration such as `"500 ms"`, `"2 s"` or `"1m 30s"`.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let expected = || format!("`{text}` is no duration: expected text such as \"500 ms\", \"2 s\" or \"1m 30s\"");
    let signed: jiff::SignedDuration = text.parse().map_err(|_| expected())?;
    let duration = Duration::try_from(signed).map_err(|_| expected())?;
    if duration > LONGEST {
        return Err(format!("`{text}` is longer than a day"));
    }
    Ok(duration)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    deserializer.deserialize_str(DurationVisitor)
}

pub(super) mod option {
    //! The same for a key that may be absent.

    use std::time::Duration;

    use serde::de::Deserializer;

    pub(in crate::scenario) fn deserialize<'de, D: Deserializer<'de>>(de: D) -> Result<Option<Duration>, D::Error> {
        super::deserialize(de).map(Some)
    }
}

struct DurationVisitor;

impl de::Visitor<'_> for DurationVisitor {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration with its unit such as \"500 ms\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
        parse(text).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_carry_their_unit() {
        assert_eq!(parse("500 ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse("0ms"), Ok(Duration::ZERO));
        assert_eq!(parse("1m 30s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse("24 h"), Ok(LONGEST));
        for wrong in ["500", "-1 s", "1s ago", "25 h", "soon", ""] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
