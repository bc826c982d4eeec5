//! Permitted hours: when people may be called.

use std::time::Duration;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};

use crate::error::{Error, Result};

/// The hours of every day in which people may be called, in their own time zone.
///
/// Days in which clocks change are as they are: the hours are those on the wall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallHours {
    from: Time,
    until: Time,
    zone: TimeZone,
}

impl CallHours {
    /// From `from`, included, to `until`, excluded, on the clocks of the IANA time zone `zone`. Until midnight is until
    /// the day's end: from midnight until midnight is always.
    ///
    /// # Errors
    /// `Invalid` naming `untilHour` if it is not after `from`, or `timeZone` if it is not known.
    pub fn new(from: Time, until: Time, zone: &str) -> Result<Self> {
        if until <= from && until != Time::midnight() {
            return Err(Error::invalid("untilHour", "later than fromHour"));
        }
        let zone = TimeZone::get(zone).map_err(|error| {
            Error::invalid("timeZone", "an IANA time zone such as Europe/Stockholm").with_source(error)
        })?;
        Ok(Self { from, until, zone })
    }

    /// Whether it is permitted to call at `now`.
    #[must_use]
    pub fn are_open(&self, now: Timestamp) -> bool {
        let time = now.to_zoned(self.zone.clone()).time();
        self.from <= time && (time < self.until || self.until == Time::midnight())
    }

    /// The next instant, `now` included, at which a phone may begin to ring for so long that it still rings in these hours.
    #[must_use]
    pub fn next(&self, now: Timestamp, ringing: Duration) -> Timestamp {
        if self.from == Time::midnight() && self.until == Time::midnight() {
            return now;
        }
        let local = now.to_zoned(self.zone.clone());
        let ringing = SignedDuration::try_from(ringing).unwrap_or(SignedDuration::ZERO);
        // Today, or the first day on which the hours come: a time that a clock skips is taken as the next one.
        for ahead in 0..=2 {
            let Some((opens, closes)) = self.on(&local, ahead) else { continue };
            if now < closes.saturating_sub(ringing).unwrap_or(closes) {
                return now.max(opens);
            }
        }
        now
    }

    /// When the hours that are open at `now` end; `None` if they are closed, or never end.
    #[must_use]
    pub fn close(&self, now: Timestamp) -> Option<Timestamp> {
        if !self.are_open(now) || (self.from == Time::midnight() && self.until == Time::midnight()) {
            return None;
        }
        self.on(&now.to_zoned(self.zone.clone()), 0).map(|(_, closes)| closes)
    }

    fn on(&self, local: &Zoned, ahead: i64) -> Option<(Timestamp, Timestamp)> {
        let day = local.date().checked_add(ahead.days()).ok()?;
        let last = if self.until == Time::midnight() { day.checked_add(1.day()).ok()? } else { day };
        let at = |day: Date, time: Time| Some(day.to_datetime(time).to_zoned(self.zone.clone()).ok()?.timestamp());
        let (opens, closes) = (at(day, self.from)?, at(last, self.until)?);
        // Hours that lie in the hour that is skipped do not come on that day.
        self.are_open(opens).then_some((opens, closes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::time;
    use proptest::prelude::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn swedish() -> CallHours {
        CallHours::new(time(8, 0, 0, 0), time(21, 0, 0, 0), "Europe/Stockholm").unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn outside_the_hours_the_next_morning_comes() {
        let hours = swedish();
        // Stockholm is an hour ahead of UTC in November.
        for (now, next) in [
            ("2026-11-20T07:00:00Z", "2026-11-20T07:00:00Z"),
            ("2026-11-20T06:59:59Z", "2026-11-20T07:00:00Z"),
            ("2026-11-20T19:59:00Z", "2026-11-21T07:00:00Z"),
            ("2026-11-20T23:30:00Z", "2026-11-21T07:00:00Z"),
        ] {
            assert_eq!(hours.next(at(now), MINUTE), at(next), "{now}");
        }
        assert!(hours.are_open(at("2026-11-20T19:59:59Z")));
        assert!(!hours.are_open(at("2026-11-20T20:00:00Z")));
        assert_eq!(hours.close(at("2026-11-20T19:59:59Z")), Some(at("2026-11-20T20:00:00Z")));
        assert_eq!(hours.close(at("2026-11-20T20:00:00Z")), None);
    }

    #[test]
    fn the_hours_are_those_on_the_wall_when_clocks_change() {
        let hours = swedish();
        // Summer time ends on 25 October 2026 and begins on 28 March 2027.
        assert_eq!(hours.next(at("2026-10-24T20:00:00Z"), MINUTE), at("2026-10-25T07:00:00Z"));
        assert_eq!(hours.next(at("2027-03-27T20:00:00Z"), MINUTE), at("2027-03-28T06:00:00Z"));
        // Hours that begin in the hour that is skipped.
        let early = CallHours::new(time(2, 30, 0, 0), time(5, 0, 0, 0), "Europe/Stockholm").unwrap();
        assert_eq!(early.next(at("2027-03-28T00:00:00Z"), MINUTE), at("2027-03-28T01:30:00Z"));
        let skipped = CallHours::new(time(2, 15, 0, 0), time(2, 50, 0, 0), "Europe/Stockholm").unwrap();
        assert_eq!(skipped.next(at("2027-03-28T00:00:00Z"), MINUTE), at("2027-03-29T00:15:00Z"));
    }

    #[test]
    fn until_midnight_is_until_the_days_end() {
        let midnight = Time::midnight();
        let late = CallHours::new(time(22, 0, 0, 0), midnight, "UTC").unwrap();
        assert!(late.are_open(at("2026-11-20T23:59:59Z")) && !late.are_open(at("2026-11-21T00:00:00Z")));
        assert_eq!(late.next(at("2026-11-20T23:59:30Z"), MINUTE), at("2026-11-21T22:00:00Z"));
        let always = CallHours::new(midnight, midnight, "UTC").unwrap();
        assert_eq!(always.next(at("2026-11-20T23:59:59Z"), MINUTE), at("2026-11-20T23:59:59Z"));
        assert_eq!(late.close(at("2026-11-20T23:59:59Z")), Some(at("2026-11-21T00:00:00Z")));
        assert_eq!(always.close(at("2026-11-20T23:59:59Z")), None);
    }

    #[test]
    fn wrong_hours_are_named() {
        let noon = time(12, 0, 0, 0);
        assert_eq!(CallHours::new(noon, noon, "UTC").unwrap_err().field(), Some("untilHour"));
        assert_eq!(CallHours::new(noon, time(13, 0, 0, 0), "Mars").unwrap_err().field(), Some("timeZone"));
    }

    proptest! {
        #[test]
        fn whatever_the_instant_the_next_one_is_permitted_and_not_in_the_past(
            second in 1_700_000_000i64..1_900_000_000, from in 0i8..23, length in 1i8..23,
            zone in prop::sample::select(vec!["Europe/Stockholm", "America/New_York", "Australia/Lord_Howe", "UTC"]),
        ) {
            let until = (from + length).min(23);
            prop_assume!(until > from);
            let hours = CallHours::new(time(from, 0, 0, 0), time(until, 0, 0, 0), zone).unwrap();
            let now = Timestamp::from_second(second).unwrap();
            let next = hours.next(now, MINUTE);
            prop_assert!(next >= now);
            prop_assert!(hours.are_open(next), "{next}");
        }
    }
}
