//! The contract's words where the library has others, or more.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};
use voicecall::journal::{Fact, JournalEntry};
use voicecall::store::{self, EventKind, SessionEvent};
use voicecall::survey::store::{QUESTION_ASKED, RESPONSE_RECEIVED, SurveyFact};
use voicecall::{Error, ErrorKind, Result};

/// A closed set of the contract's words for the library's values. Of several values with one word, the first is the one it
/// is read as.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($word:literal = $first:ident $(| $other:ident)*,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub(crate) struct $name(pub(super) store::$name);

        impl $name {
            pub(super) const ALL: &'static [Self] = &[$(Self(store::$name::$first)),*];

            pub(crate) const fn as_str(&self) -> &'static str {
                match self.0 {
                    $(store::$name::$first $(| store::$name::$other)* => $word,)*
                }
            }
        }

        impl From<store::$name> for $name {
            fn from(value: store::$name) -> Self {
                Self(value)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                match text.as_str() {
                    $($word => Ok(Self(store::$name::$first)),)*
                    _ => Err(D::Error::unknown_variant(&text, &[$($word),*])),
                }
            }
        }
    };
}

words! {
    /// Why a session ended. What can only end a call to us, which this service takes none of, has the nearest word.
    EndReason {
        "completed" = Completed | Transferred,
        "timeout" = Timeout,
        "technical_failure" = TechnicalFailure | NoDecision | AddressUnreadable,
        "customer_hangup" = RemoteHangup | Abandoned,
        "no_answer" = NoAnswer,
        "busy" = Busy,
        "call_failed" = CallFailed,
        "declined" = Declined,
        "stopped" = Stopped,
        "consent_withdrawn" = ConsentWithdrawn,
        "call_back" = CallBack,
        "wrong_number" = WrongNumber,
        "not_available" = NotAvailable,
        "no_response" = NoResponse,
        "other_language" = OtherLanguage,
        "voicemail" = Voicemail,
        "refused_by_budget" = RefusedByBudget,
        "canceled" = Canceled | Rejected,
        "do_not_call" = DoNotCall,
        "not_allowed" = NotAllowed,
    }
}

words! {
    /// Who made something happen.
    EventSource {
        "system" = System,
        "telephony" = Telephony,
        "ai" = Ai,
        "customer" = Person,
    }
}

/// What happened to a session: the library's set of kinds is open, the contract's is not.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub(super) struct CallEventType(pub(super) EventKind);

impl CallEventType {
    pub(super) const ALL: &'static [Self] = &[
        Self(EventKind::Initiated),
        Self(EventKind::Connecting),
        Self(EventKind::Answered),
        Self(EventKind::AiConnected),
        Self(QUESTION_ASKED),
        Self(RESPONSE_RECEIVED),
        Self(EventKind::WarningSent),
        Self(EventKind::Timeout),
        Self(EventKind::Completed),
        Self(EventKind::Failed),
    ];

    pub(super) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl<'de> Deserialize<'de> for CallEventType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let known = Self::ALL.iter().find(|kind| kind.as_str() == text);
        known.cloned().ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|kind| format!("`{}`", kind.as_str())).collect();
            D::Error::custom(format!("unknown variant `{text}`, expected one of {}", names.join(", ")))
        })
    }
}

/// An event's particulars. Those of an end are the library's, and hold nothing but the reason.
pub(super) fn event_data(event: &SessionEvent) -> Value {
    let is_end = [EventKind::Completed, EventKind::Timeout, EventKind::Failed].contains(&event.kind);
    match event.data.get("reason").map(store::EndReason::deserialize) {
        Some(Ok(reason)) if is_end && event.data == json!({ "reason": reason }) => {
            json!({ "reason": EndReason(reason) })
        }
        _ => event.data.clone(),
    }
}

/// A journal's entry: an interview's own facts stand among the others by their names.
///
/// # Errors
/// `Invalid` for a fact of an interview that cannot be read; `Internal` if the entry cannot be written.
pub(super) fn journal_entry(entry: &JournalEntry) -> Result<Value> {
    let write = |error| Error::new(ErrorKind::Internal, "write journal").with_source(error);
    let mut written = serde_json::to_value(entry).map_err(write)?;
    match (SurveyFact::read(&entry.fact)?, &entry.fact) {
        (Some(fact), _) => {
            let name = match fact {
                SurveyFact::Asked { .. } => "asked",
                SurveyFact::Answered { .. } => "answered",
                SurveyFact::Analysed { .. } => "analysed",
            };
            written["fact"] = serde_json::to_value(fact).map_err(write)?;
            written["fact"]["fact"] = json!(name);
        }
        (None, Fact::Ended { reason }) => written["fact"]["reason"] = json!(EndReason(*reason)),
        (None, _) => {}
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use voicecall::survey::store::QuestionId;
    use voicecall::{CallTime, Epoch, SessionId};

    use super::*;

    #[test]
    fn every_word_reads_back_and_every_reason_has_one() {
        for word in EndReason::ALL {
            let read: EndReason = serde_json::from_value(json!(word)).unwrap();
            assert_eq!(read.0, word.0);
        }
        for &reason in store::EndReason::ALL {
            let nearest: EndReason = serde_json::from_value(json!(EndReason(reason))).unwrap();
            assert_eq!(nearest.0.status(), reason.status(), "{reason} ends as its word says");
        }
        let source: EventSource = serde_json::from_value(json!("customer")).unwrap();
        assert_eq!((source.0, source.as_str()), (store::EventSource::Person, "customer"));
        for kind in CallEventType::ALL {
            assert_eq!(serde_json::from_value::<CallEventType>(json!(kind)).unwrap().0, kind.0);
        }
    }

    #[test]
    fn the_librarys_words_are_not_the_contracts() {
        for word in ["remote_hangup", "abandoned", "transferred", "rejected", "no_decision", "address_unreadable"] {
            assert!(serde_json::from_value::<EndReason>(json!(word)).is_err(), "{word}");
        }
        let error = serde_json::from_value::<EventSource>(json!("person")).unwrap_err().to_string();
        assert_eq!(error, "unknown variant `person`, expected one of `system`, `telephony`, `ai`, `customer`");
        let error = serde_json::from_value::<CallEventType>(json!("exploded")).unwrap_err().to_string();
        assert!(
            error.starts_with("unknown variant `exploded`, expected one of `initiated`, `connecting`, "),
            "{error}"
        );
    }

    #[test]
    fn an_end_says_why_in_the_contracts_words_and_what_others_keep_is_theirs() {
        let event = |kind, data| {
            SessionEvent::new(SessionId::new(), kind, store::EventSource::System, Timestamp::UNIX_EPOCH).with_data(data)
        };
        let hangup = json!({ "reason": "remote_hangup" });
        assert_eq!(event_data(&event(EventKind::Failed, hangup.clone())), json!({ "reason": "customer_hangup" }));
        for other in [event(EventKind::Answered, hangup), event(EventKind::Failed, json!({ "code": "overloaded" }))] {
            assert_eq!(event_data(&other), other.data);
        }
    }

    #[test]
    fn an_interviews_facts_stand_in_the_journal_by_their_names() {
        let entry = |fact| JournalEntry {
            session: SessionId::new(),
            epoch: Epoch::FIRST,
            seq: 1,
            at: Timestamp::UNIX_EPOCH,
            offset: CallTime::ZERO,
            fact,
        };
        let question = QuestionId::new();
        let asked = entry(SurveyFact::Asked { question, text: "Hur var det?".to_owned() }.into());
        let expected = json!({ "fact": "asked", "question": question, "text": "Hur var det?" });
        assert_eq!(journal_entry(&asked).unwrap()["fact"], expected);
        let ended = entry(Fact::Ended { reason: store::EndReason::RemoteHangup });
        assert_eq!(journal_entry(&ended).unwrap()["fact"], json!({ "fact": "ended", "reason": "customer_hangup" }));
        let connected = entry(Fact::Connected);
        assert_eq!(journal_entry(&connected).unwrap(), serde_json::to_value(&connected).unwrap());
    }
}
