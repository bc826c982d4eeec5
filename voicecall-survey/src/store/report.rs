//! Counting over sessions: what a business sees of a span of days.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use voicecall_core::store::{EndReason, Session, SessionStatus};
use voicecall_core::{ContentSeal, Error, Result, TenantId};

use super::{CallRecord, QuestionId};

/// What a report is about: whole days of one time zone, by the instant a session was asked for.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ReportRange {
    /// The days in order, each from an instant up to the next one's.
    pub days: Vec<(Date, Timestamp, Timestamp)>,
    /// Only sessions in which this question was asked.
    pub question: Option<QuestionId>,
}

impl ReportRange {
    /// The most days a report covers.
    pub const MOST_DAYS: usize = 366;

    /// The days `from` to `until`, both included, as they are in `zone`: a day of 23 or 25 hours is one day.
    ///
    /// # Errors
    /// `Invalid` naming `until` if it is before `from` or more than [`MOST_DAYS`](Self::MOST_DAYS) away.
    pub fn new(from: Date, until: Date, zone: &TimeZone) -> Result<Self> {
        let wrong = || Error::invalid("until", "not before from, and at most 366 days");
        if until < from {
            return Err(wrong());
        }
        let start = |day: Date| day.to_zoned(zone.clone()).map(|day| day.timestamp()).map_err(|_| wrong());
        let mut days = Vec::new();
        let mut day = from;
        while day <= until {
            if days.len() == Self::MOST_DAYS {
                return Err(wrong());
            }
            let next = day.checked_add(1.day()).map_err(|_| wrong())?;
            days.push((day, start(day)?, start(next)?));
            day = next;
        }
        Ok(Self { days, question: None })
    }

    /// The same days, with only the sessions in which this question was asked.
    #[must_use]
    pub const fn about(mut self, question: QuestionId) -> Self {
        self.question = Some(question);
        self
    }
}

/// What sessions add up to.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tally {
    /// Sessions asked for.
    pub calls: u64,
    /// Sessions in which somebody was on the line.
    pub answered: u64,
    /// Sessions that ended as they should.
    pub completed: u64,
    /// Sessions that failed or ran out of time.
    pub failed: u64,
    /// The time on the line of all of them.
    pub on_the_line: Duration,
    /// What they cost, in millionths of a US dollar.
    pub cost_micros: i64,
    /// The sentiment of their answers.
    pub sentiment: Mean,
}

impl Tally {
    /// Adds a session.
    pub fn add(&mut self, session: &Session) {
        self.calls += 1;
        self.answered += u64::from(session.connected_at.is_some());
        self.completed += u64::from(session.status == SessionStatus::Completed);
        self.failed += u64::from(matches!(session.status, SessionStatus::Failed | SessionStatus::Timeout));
        self.on_the_line += Duration::from_secs(session.duration_seconds().unwrap_or(0));
        self.cost_micros = self.cost_micros.saturating_add(session.cost_micros.unwrap_or(0));
    }

    /// Adds another tally.
    pub fn join(&mut self, other: &Self) {
        self.calls += other.calls;
        self.answered += other.answered;
        self.completed += other.completed;
        self.failed += other.failed;
        self.on_the_line += other.on_the_line;
        self.cost_micros = self.cost_micros.saturating_add(other.cost_micros);
        self.sentiment.join(&other.sentiment);
    }
}

/// A mean that can be added to.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Mean {
    /// The sum of the values.
    pub sum: f64,
    /// How many there are.
    pub count: u64,
}

impl Mean {
    /// Adds a value.
    pub fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1;
    }

    /// Adds another mean's values.
    pub fn join(&mut self, other: &Self) {
        self.sum += other.sum;
        self.count += other.count;
    }

    /// The mean; `None` of nothing.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

/// What sessions of a span of days add up to.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Report {
    /// Each day of the range, also those without sessions.
    pub days: Vec<(Date, Tally)>,
    /// Why sessions ended, and how many did; the most frequent first.
    pub end_reasons: Vec<(EndReason, u64)>,
    /// The questions that were asked, the most frequent first.
    pub questions: Vec<QuestionTally>,
}

impl Report {
    /// All days together.
    #[must_use]
    pub fn total(&self) -> Tally {
        self.days.iter().fold(Tally::default(), |mut total, (_, day)| {
            total.join(day);
            total
        })
    }
}

/// What the answers to one question add up to.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct QuestionTally {
    /// Which question.
    pub question: QuestionId,
    /// In how many sessions it was asked.
    pub asked: u64,
    /// In how many of them it was answered.
    pub answered: u64,
    /// The sentiment of the answers.
    pub sentiment: Mean,
    /// What the answers were about, the most frequent first; at most [`QuestionTally::MOST_TOPICS`].
    pub topics: Vec<(String, u64)>,
}

impl QuestionTally {
    /// The most topics of one question in a report.
    pub const MOST_TOPICS: usize = 20;

    /// A question nobody was asked yet.
    #[must_use]
    pub const fn new(question: QuestionId) -> Self {
        Self { question, asked: 0, answered: 0, sentiment: Mean { sum: 0.0, count: 0 }, topics: Vec::new() }
    }

    fn set_topics(&mut self, topics: BTreeMap<String, u64>) {
        self.topics = topics.into_iter().collect();
        self.topics.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        self.topics.truncate(Self::MOST_TOPICS);
    }
}

/// Topics as a database counted them, which may not know them: those that different keys sealed come together here.
#[derive(Debug)]
pub struct CountedTopics<'a> {
    seal: &'a ContentSeal,
    tenant: TenantId,
    topics: BTreeMap<QuestionId, BTreeMap<String, u64>>,
}

impl<'a> CountedTopics<'a> {
    /// Of answers of this tenant, none yet.
    #[must_use]
    pub const fn new(seal: &'a ContentSeal, tenant: TenantId) -> Self {
        Self { seal, tenant, topics: BTreeMap::new() }
    }

    /// Adds how often a topic of a question stands in the store. One that no key opens is left out.
    pub fn add(&mut self, question: QuestionId, stored: &str, count: u64) {
        if let Some(topic) = self.seal.open_counted(self.tenant, stored) {
            *self.topics.entry(question).or_default().entry(topic).or_default() += count;
        }
    }

    /// Puts the topics with their questions.
    pub fn finish(self, tallies: &mut BTreeMap<QuestionId, QuestionTally>) {
        for (question, topics) in self.topics {
            if let Some(tally) = tallies.get_mut(&question) {
                tally.set_topics(topics);
            }
        }
    }
}

/// Puts a report together, session by session. Stores that can count by themselves need only its order of rows.
#[derive(Debug)]
pub struct Counting<'a> {
    range: &'a ReportRange,
    days: Vec<(Date, Tally)>,
    end_reasons: BTreeMap<&'static str, (EndReason, u64)>,
    questions: BTreeMap<QuestionId, (QuestionTally, BTreeMap<String, u64>)>,
}

impl<'a> Counting<'a> {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(range: &'a ReportRange) -> Self {
        let days = range.days.iter().map(|(day, ..)| (*day, Tally::default())).collect();
        Self { range, days, end_reasons: BTreeMap::new(), questions: BTreeMap::new() }
    }

    /// Counts a session, if it is in the range.
    pub fn add(&mut self, session: &Session, record: &CallRecord) {
        let responses = &record.responses;
        if self.range.question.is_some_and(|question| !record.questions_asked.contains(&question)) {
            return;
        }
        let at = session.started_at;
        let day = self.range.days.iter().position(|(_, from, until)| *from <= at && at < *until);
        let Some((_, tally)) = day.and_then(|day| self.days.get_mut(day)) else { return };
        tally.add(session);
        for sentiment in responses.iter().filter_map(|response| response.sentiment) {
            tally.sentiment.add(f64::from(sentiment));
        }
        if let Some(reason) = session.end_reason {
            self.end_reasons.entry(reason.as_str()).or_insert((reason, 0)).1 += 1;
        }
        let question = self.range.question;
        let is_about = |id: &QuestionId| question.is_none_or(|own| own == *id);
        // One that was asked, left and asked again is one.
        let asked: BTreeSet<_> = record.questions_asked.iter().filter(|id| is_about(id)).collect();
        for &question in asked {
            let (tally, _) =
                self.questions.entry(question).or_insert_with(|| (QuestionTally::new(question), BTreeMap::new()));
            tally.asked += 1;
        }
        for response in responses.iter().filter(|response| is_about(&response.question)) {
            let Some((tally, topics)) = self.questions.get_mut(&response.question) else { continue };
            tally.answered += 1;
            if let Some(sentiment) = response.sentiment {
                tally.sentiment.add(f64::from(sentiment));
            }
            let about = response.analysis.as_ref().and_then(|analysis| analysis.get("topics")?.as_array());
            for topic in about.into_iter().flatten().filter_map(serde_json::Value::as_str) {
                *topics.entry(topic.to_owned()).or_insert(0) += 1;
            }
        }
    }

    /// What was counted.
    #[must_use]
    pub fn finish(self) -> Report {
        let mut end_reasons: Vec<_> = self.end_reasons.into_values().collect();
        end_reasons.sort_by_key(|(reason, count)| (std::cmp::Reverse(*count), reason.as_str()));
        let mut questions: Vec<_> = self
            .questions
            .into_values()
            .map(|(mut tally, topics)| {
                tally.set_topics(topics);
                tally
            })
            .collect();
        questions.sort_by_key(|tally| (std::cmp::Reverse(tally.asked), tally.question));
        Report { days: self.days, end_reasons, questions }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_day_is_as_long_as_it_is() {
        let zone = TimeZone::get("Europe/Stockholm").unwrap();
        let range = ReportRange::new(date(2026, 10, 24), date(2026, 10, 26), &zone).unwrap();
        let hours: Vec<_> = range.days.iter().map(|(_, from, until)| until.duration_since(*from).as_hours()).collect();
        assert_eq!(hours, [24, 25, 24]);
        assert_eq!(range.days[0].2, range.days[1].1);
    }

    #[test]
    fn a_range_that_cannot_be_is_refused() {
        let day = date(2026, 1, 1);
        for until in [date(2025, 12, 31), date(2027, 1, 2), date(9999, 12, 31)] {
            assert_eq!(ReportRange::new(day, until, &TimeZone::UTC).unwrap_err().field(), Some("until"), "{until}");
        }
        assert_eq!(ReportRange::new(day, date(2027, 1, 1), &TimeZone::UTC).unwrap().days.len(), 366);
    }
}
