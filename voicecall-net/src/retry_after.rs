//! How long a server wants to be left alone.

use std::time::Duration;

use http::HeaderMap;
use http::header::RETRY_AFTER;

/// A wait beyond this is not waited for by anybody on the phone.
pub const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// How long to wait, as servers tell it: in milliseconds (`retry-after-ms`), or in seconds. Dates are not read.
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let seconds = number("retry-after-ms").map(|millis| millis / 1000.0).or_else(|| number(RETRY_AFTER.as_str()))?;
    // Neither a negative number nor none at all is a duration.
    Duration::try_from_secs_f64(if seconds > LONGEST_WAIT.as_secs_f64() { LONGEST_WAIT.as_secs_f64() } else { seconds })
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_read_in_both_units_and_never_trusted() {
        for (name, value, expected) in [
            ("retry-after", "3", Some(Duration::from_secs(3))),
            ("retry-after", "0.5", Some(Duration::from_millis(500))),
            ("retry-after-ms", "250", Some(Duration::from_millis(250))),
            ("retry-after", "-1", None),
            ("retry-after", "NaN", None),
            ("retry-after", "1e300", Some(LONGEST_WAIT)),
            ("retry-after", "Fri, 20 Nov 2026 12:00:00 GMT", None),
        ] {
            let headers = HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
            assert_eq!(retry_after(&headers), expected, "{name}: {value}");
        }
    }
}
