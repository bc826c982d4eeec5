//! The instants of what was said of a time, on the clock and calendar of whoever said it.

use jiff::civil::{Date, DateTime, Time};
use jiff::{Timestamp, ToSpan, Zoned};

use super::Window;
use super::spoken::{Clock, HalfOfDay, Relation, Spoken};
use super::vocabulary::{Day, Minute, Part, Unit};

const MIDNIGHT: Minute = 24 * 60;
const NOON: Minute = 12 * 60;
/// Who names a day and no time is not called before this.
const MORNING: Minute = 9 * 60;
/// "Five" is the afternoon, "eight" the morning.
const FIRST_MORNING_HOUR: Minute = 8 * 60;
/// A time that has passed may be meant twelve hours later, if that is before this.
const NIGHT: Minute = 22 * 60;

impl Spoken {
    /// Between which instants the time lies, said at `now`.
    pub(super) fn resolve(&self, now: &Zoned) -> Window {
        self.try_resolve(now).unwrap_or_default()
    }

    /// `None` beyond what a calendar holds.
    fn try_resolve(&self, now: &Zoned) -> Option<Window> {
        if let Some((many, Unit::Minutes(minutes))) = self.wait {
            let wait = (i64::from(many) * i64::from(minutes)).minutes();
            return Some(Window { not_before: Some(now.checked_add(wait).ok()?.timestamp()), not_after: None });
        }
        let Some((first, last)) = self.days(now)? else { return self.within_a_day(now) };
        let span = self.span(first, now);
        let (from, until) = match span {
            Some(span) => span,
            None if self.wait.is_some() => {
                return Some(Window { not_before: first_of(first, minute_of(now), now), not_after: None });
            }
            // Today is now; another day is a decent time of it.
            None if first == now.date() => {
                return Some(Window { not_before: None, not_after: last_of(last, MIDNIGHT, now) });
            }
            None => (MORNING, Some(MIDNIGHT)),
        };
        Some(Window {
            not_before: first_of(first, from, now),
            not_after: match until {
                Some(until) => Some(last_of(last, until, now)?),
                None => None,
            },
        })
    }

    /// The first and the last day that may be meant, if a day was named.
    fn days(&self, now: &Zoned) -> Option<Option<(Date, Date)>> {
        let today = now.date();
        let ahead = |days: i64| today.checked_add(days.days()).ok();
        if let Some((many, unit)) = self.wait {
            let day = match unit {
                Unit::Days(days) => ahead(i64::from(many) * i64::from(days))?,
                Unit::Months => today.checked_add(i64::from(many).months()).ok()?,
                Unit::Minutes(_) => today,
            };
            return Some(Some((day, day)));
        }
        let until = |weekday: jiff::civil::Weekday| {
            let days = i64::from(today.weekday().until(weekday));
            // Who names today's weekday means the next one.
            if days == 0 { 7 } else { days }
        };
        let monday = until(jiff::civil::Weekday::Monday);
        Some(match self.day {
            None => None,
            Some(Day::Ahead(days)) => Some((ahead(i64::from(days))?, ahead(i64::from(days))?)),
            Some(Day::On(weekday)) => Some((ahead(until(weekday))?, ahead(until(weekday))?)),
            Some(Day::Weekend) if self.relation == Relation::After => Some((ahead(monday)?, ahead(monday + 4)?)),
            Some(Day::Weekend) => Some((ahead(until(jiff::civil::Weekday::Saturday))?, ahead(monday - 1)?)),
            Some(Day::NextWeek) => Some((ahead(monday)?, ahead(monday + 6)?)),
            Some(Day::NextMonth) => {
                let first = today.first_of_month().checked_add(1.month()).ok()?;
                Some((first, first.last_of_month()))
            }
        })
    }

    /// A time without a day: today if that is still to come, else tomorrow.
    fn within_a_day(&self, now: &Zoned) -> Option<Window> {
        for ahead in 0..=1_i64 {
            let day = now.date().checked_add(ahead.days()).ok()?;
            let Some((from, until)) = self.span(day, now) else { return Some(Window::default()) };
            let not_before = first_of(day, from, now)?;
            let not_after = until.and_then(|until| last_of(day, until, now));
            if not_after.unwrap_or(not_before) > now.timestamp() {
                return Some(Window { not_before: Some(not_before), not_after });
            }
        }
        None
    }

    /// From which minute of `day` until which; `None` if nothing was said of that.
    fn span(&self, day: Date, now: &Zoned) -> Option<(Minute, Option<Minute>)> {
        let Some(clock) = self.clock else {
            // "After the weekend" says when the day is.
            let part = self.part?;
            return Some(match self.relation {
                Relation::After => (part.until, Some(MIDNIGHT)),
                Relation::Before => (0, Some(part.from)),
                Relation::At | Relation::Between => (part.from, Some(part.until)),
            });
        };
        let passed = if day == now.date() { minute_of(now) } else { 0 };
        let minute = clock.on_the_day(self.part, passed);
        Some(match (self.relation, self.until) {
            (Relation::After, _) => (minute, Some(MIDNIGHT)),
            (Relation::Before, _) => (0, Some(minute)),
            (Relation::Between, Some(until)) => (minute, Some(until.on_the_day(self.part, minute).max(minute))),
            (Relation::At | Relation::Between, _) => (minute, None),
        })
    }
}

impl Clock {
    /// The minute of the day that is meant, behind `passed` if it may be.
    fn on_the_day(self, part: Option<Part>, passed: Minute) -> Minute {
        let later = (self.minute + NOON) % MIDNIGHT;
        match self.half {
            Some(HalfOfDay::Pm) if self.minute < NOON => return later,
            Some(HalfOfDay::Am) if self.minute >= NOON => return self.minute - NOON,
            Some(_) => return self.minute,
            None => {}
        }
        if self.minute > NOON + 59 || self.minute == 0 {
            return self.minute;
        }
        if let Some(part) = part {
            // "Five in the evening" may be a little outside of what counts as one.
            let is_within = |minute: Minute| part.from - 60 <= minute && minute <= part.until + 60;
            return if is_within(later) && !is_within(self.minute) { later } else { self.minute };
        }
        let is_afternoon = self.minute < FIRST_MORNING_HOUR;
        if is_afternoon || (self.minute <= passed && passed < later && later <= NIGHT) { later } else { self.minute }
    }
}

fn minute_of(now: &Zoned) -> Minute {
    i16::from(now.hour()) * 60 + i16::from(now.minute())
}

fn civil(day: Date, minute: Minute) -> Option<DateTime> {
    let day = day.checked_add(i64::from(minute / MIDNIGHT).days()).ok()?;
    let minute = minute % MIDNIGHT;
    let time = Time::new(i8::try_from(minute / 60).ok()?, i8::try_from(minute % 60).ok()?, 0, 0).ok()?;
    Some(day.to_datetime(time))
}

/// The first instant at which the clock shows this.
fn first_of(day: Date, minute: Minute, now: &Zoned) -> Option<Timestamp> {
    let ambiguous = now.time_zone().to_ambiguous_zoned(civil(day, minute)?);
    Some(ambiguous.compatible().ok()?.timestamp())
}

/// The last instant at which the clock shows this.
fn last_of(day: Date, minute: Minute, now: &Zoned) -> Option<Timestamp> {
    let ambiguous = now.time_zone().to_ambiguous_zoned(civil(day, minute)?);
    Some(ambiguous.later().ok()?.timestamp())
}
