//! Listing calls: filters and pages.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::{Answered, Fields, Refusal};
use crate::twilio::call::Call;
use crate::twilio::{Exchange, json};

impl Exchange {
    /// The account's calls, newest first.
    pub(super) fn list(&self, account: usize, path: &str, query: &[(String, String)]) -> Answered {
        let fields = Fields(query);
        let (size, page) = (fields.number("PageSize", 50)?.clamp(1, 1000), fields.number("Page", 0)?);
        let mut calls: Vec<Value> = Vec::new();
        for call in self.calls.iter().rev().filter(|call| call.account == account && !call.deleted) {
            if self.matches(call, &fields)? {
                calls.push(json::call(self, call));
            }
        }
        let filters = query.iter().filter(|(name, _)| !matches!(name.as_str(), "PageSize" | "Page" | "PageToken"));
        let encoded = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(filters).finish();
        Ok((200, Some(json::page("calls", path, &encoded, &calls, page, size))))
    }

    fn matches(&self, call: &Call, fields: &Fields<'_>) -> Result<bool, Refusal> {
        let equals = |name: &str, value: &str| fields.get(name).is_none_or(|wanted| wanted == value);
        let other_parent = fields.get("ParentCallSid").is_some_and(|wanted| call.parent_sid.as_deref() != Some(wanted));
        if !equals("To", &call.to)
            || !equals("From", &call.from)
            || !equals("Status", call.status.as_str())
            || other_parent
        {
            return Ok(false);
        }
        // A call that waits to be dialled has no start yet; it is found by when it was ordered.
        let started = Some(self.timestamp(call.dialled.unwrap_or(call.created)));
        let ended = call.ended.map(|ended| self.timestamp(ended));
        Ok(within(fields, "StartTime", started)? && within(fields, "EndTime", ended)?)
    }
}

/// Whether a time fits the filters `name`, `name<` and `name>`, each of which includes its bound.
pub(super) fn within(fields: &Fields<'_>, name: &str, time: Option<Timestamp>) -> Result<bool, Refusal> {
    let bound = |suffix: &str| fields.get(&format!("{name}{suffix}")).map(|text| instants(name, text)).transpose();
    let (on, before, after) = (bound("")?, bound("<")?, bound(">")?);
    let Some(time) = time else { return Ok(on.is_none() && before.is_none() && after.is_none()) };
    Ok(on.is_none_or(|(first, last)| (first..=last).contains(&time))
        && before.is_none_or(|(_, last)| time <= last)
        && after.is_none_or(|(first, _)| time >= first))
}

/// The first and last instant a filter means: a whole day, or one second.
fn instants(name: &str, text: &str) -> Result<(Timestamp, Timestamp), Refusal> {
    let refusal = || Refusal::new(400, 20001, format!("{name} must be a date or an ISO 8601 time"));
    if let Ok(time) = text.parse::<Timestamp>() {
        let first = Timestamp::from_second(time.as_second()).map_err(|_| refusal())?;
        let last = first.checked_add(jiff::SignedDuration::from_micros(999_999)).map_err(|_| refusal())?;
        return Ok((first, last));
    }
    let day: Date = text.parse().map_err(|_| refusal())?;
    let start = |day: Date| day.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp()).map_err(|_| refusal());
    let next = start(day.tomorrow().map_err(|_| refusal())?)?;
    let last = next.checked_sub(jiff::SignedDuration::from_micros(1)).map_err(|_| refusal())?;
    Ok((start(day)?, last))
}
