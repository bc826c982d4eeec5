//! What a caller heard and did, with times, so that both sides of a call can be compared.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use voicecall_core::CallTime;

/// All that a caller heard and did. Clones share it: keep one to read it while the phone network owns the caller.
#[derive(Debug, Clone, Default)]
pub struct CallerLog(Arc<Mutex<Vec<LogEntry>>>);

/// One thing heard or done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LogEntry {
    /// When it began.
    pub from: CallTime,
    /// When it ended; of something unfinished, how far it came.
    pub until: CallTime,
    /// What.
    #[serde(flatten)]
    pub event: CallerEvent,
}

/// What a caller heard or did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", content = "text", rename_all = "snake_case")]
#[non_exhaustive]
pub enum CallerEvent {
    /// The agent said this between two pauses, as far as the caller understood it.
    Heard(String),
    /// The caller said this.
    Said(String),
    /// The caller pressed these keys.
    Pressed(String),
    /// The caller made noise.
    MadeNoise,
    /// The caller deliberately said nothing.
    KeptSilent,
    /// The caller hung up.
    HungUp,
}

impl CallerLog {
    /// The entries so far, in the order in which they began.
    #[must_use]
    pub fn entries(&self) -> Vec<LogEntry> {
        self.lock().clone()
    }

    /// What the caller said last.
    #[must_use]
    pub fn last_said(&self) -> Option<String> {
        self.lock().iter().rev().find_map(|entry| match &entry.event {
            CallerEvent::Said(text) => Some(text.clone()),
            _ => None,
        })
    }

    /// Everything the caller understood of the agent, as one text.
    #[must_use]
    pub fn heard(&self) -> String {
        self.texts(|event| match event {
            CallerEvent::Heard(text) => Some(text),
            _ => None,
        })
    }

    /// Everything the caller said, as one text.
    #[must_use]
    pub fn said(&self) -> String {
        self.texts(|event| match event {
            CallerEvent::Said(text) => Some(text),
            _ => None,
        })
    }

    /// Enters something; what was heard is known only after a pause, so its place may be before the last entry.
    pub(super) fn enter(&self, event: CallerEvent, from: CallTime, until: CallTime) {
        let mut entries = self.lock();
        let place = entries.partition_point(|entry| entry.from <= from);
        entries.insert(place, LogEntry { from, until, event });
    }

    /// Notes how far what the caller began last has come.
    pub(super) fn extend(&self, until: CallTime) {
        let mut entries = self.lock();
        let own = entries.iter_mut().rev().find(|entry| !matches!(entry.event, CallerEvent::Heard(_)));
        if let Some(entry) = own {
            entry.until = until;
        }
    }

    fn texts(&self, select: impl Fn(&CallerEvent) -> Option<&String>) -> String {
        let entries = self.lock();
        let texts: Vec<&str> = entries.iter().filter_map(|entry| select(&entry.event)).map(String::as_str).collect();
        texts.join(" ")
    }

    /// Every change is a single step, so a panic elsewhere leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, Vec<LogEntry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_stand_in_the_order_in_which_they_began() {
        let log = CallerLog::default();
        let at = CallTime::from_millis;
        log.enter(CallerEvent::Said("Ja.".into()), at(500), at(520));
        log.enter(CallerEvent::Heard("Vill du".into()), at(100), at(600));
        log.extend(at(900));
        let json = serde_json::to_string(&log.entries()).unwrap();
        assert_eq!(
            json,
            r#"[{"from":100000,"until":600000,"event":"heard","text":"Vill du"},{"from":500000,"until":900000,"event":"said","text":"Ja."}]"#
        );
        assert_eq!(serde_json::from_str::<Vec<LogEntry>>(&json).unwrap(), log.entries());
        assert_eq!((log.heard().as_str(), log.said().as_str()), ("Vill du", "Ja."));
    }
}
