//! Facts: what a call leaves behind, appended one by one with a number, from which everything else is derived.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::call::TurnLatency;
use crate::dialogue::{CallerTurn, UtteranceId};
use crate::id::{Epoch, SessionId};
use crate::model::TokenUsage;
use crate::money::Cost;
use crate::store::EndReason;
use crate::time::CallTime;
use crate::tool::{ToolCallId, ToolEffect, ToolOutcome, ToolState};

/// Something that happened in a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fact {
    /// The call was answered and its audio ran.
    Connected,
    /// The audio ran again after it had broken off; what follows belongs to the same call.
    Resumed,
    /// The caller heard, to the end, that an AI speaks and for whom.
    Disclosed {
        /// What was said.
        text: String,
    },
    /// The caller decided about taking part and being recorded. The latest counts: a no behind a yes takes it back.
    Consent {
        /// Yes or no.
        given: bool,
    },
    /// The caller takes part but does not want the sound to be recorded.
    RecordingDeclined,
    /// The caller does not want to be called any more, by anybody of the business.
    DoNotCall,
    /// The caller wants to be called at another time. A call that we placed is placed again then, as far as its policy
    /// allows it.
    CallBack {
        /// The earliest time; `None` if the caller named none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        not_before: Option<Timestamp>,
        /// The latest time; `None` if any is right from then on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        not_after: Option<Timestamp>,
        /// The time as it was said, such as "imorgon efter fem"; empty if none was.
        when: String,
    },
    /// The agent spoke.
    Said {
        /// Which utterance.
        utterance: UtteranceId,
        /// What the caller heard of it.
        heard: String,
        /// What was meant to be said and was not heard.
        unheard: String,
        /// When its first sample was heard.
        from: CallTime,
        /// When its last sample was heard.
        until: CallTime,
        /// Whether the border between heard and unheard is an estimate.
        estimated: bool,
    },
    /// The caller spoke; the words are raw.
    Heard(CallerTurn),
    /// What a dialogue journals of its own, such as an answer or an appointment.
    Custom {
        /// What it is, as `module.what`; whoever reads it knows the form of `data` by this.
        kind: Cow<'static, str>,
        /// The particulars.
        data: serde_json::Value,
        /// Whether it holds what somebody said, or anything else of a person.
        personal: bool,
    },
    /// A tool is to run. Stored before a tool with an effect does.
    ToolCalled {
        /// The number of this call of a tool.
        call: ToolCallId,
        /// The idempotency key the handler gets.
        key: String,
        /// The tool.
        name: String,
        /// What it means to run it twice.
        effect: ToolEffect,
        /// What it is called with; absent where no content is kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        arguments: Option<serde_json::Value>,
    },
    /// A tool has come to its end.
    ToolReturned {
        /// Which call of it.
        call: ToolCallId,
        /// How it ended.
        state: ToolState,
        /// What came of it; absent where no content is kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outcome: Option<ToolOutcome>,
    },
    /// Somebody is to be asked to take the call; stored before the carrier is told to. It comes back,
    /// [`Resumed`](Self::Resumed), if they do not.
    TransferOffered {
        /// The name of whom.
        to: String,
    },
    /// The carrier did not ask them: the call has not been away.
    TransferFailed {
        /// The name of whom.
        to: String,
    },
    /// The call was handed to somebody else.
    Transferred {
        /// The name of where to.
        to: String,
    },
    /// The agent was told to wrap up.
    Warned,
    /// The agent was told to end the call, because its budget was nearly used up.
    BudgetReached(Cost),
    /// What the session has cost so far; the latest counts. Comes at most once a second.
    Cost(Cost),
    /// What the model used for one answer.
    Used(TokenUsage),
    /// How long the parts of a turn took.
    Latency(TurnLatency),
    /// The call ended.
    Ended {
        /// Why.
        reason: EndReason,
    },
}

impl Fact {
    /// Whether it holds what somebody said. Such facts stay in memory until the caller consents.
    #[must_use]
    pub const fn needs_consent(&self) -> bool {
        matches!(self, Self::Said { .. } | Self::Heard(_) | Self::Custom { personal: true, .. })
    }

    /// Whether it says when the person wants to be called, or that they do not: what changes the session's own row.
    #[must_use]
    pub const fn is_wish(&self) -> bool {
        matches!(self, Self::CallBack { .. } | Self::DoNotCall)
    }

    /// Whether it is a line of a transcript.
    #[must_use]
    pub const fn is_spoken(&self) -> bool {
        matches!(self, Self::Said { .. } | Self::Heard(_))
    }

    /// Whether it holds what somebody said, what was said to them, or what a tool was told and told: what is sealed in a store
    /// that [seals content](crate::ContentSeal).
    #[must_use]
    pub const fn has_content(&self) -> bool {
        let is_of_words = matches!(self, Self::Disclosed { .. } | Self::CallBack { .. });
        let is_transfer =
            matches!(self, Self::TransferOffered { .. } | Self::TransferFailed { .. } | Self::Transferred { .. });
        self.needs_consent()
            || is_of_words
            || is_transfer
            || matches!(self, Self::ToolCalled { .. } | Self::ToolReturned { .. })
    }

    /// The same without what a tool was called with and returned, which may be as personal as what was said: what remains
    /// is that it was called, and how that ended. Other facts stay as they are.
    #[must_use]
    pub fn without_content(mut self) -> Self {
        match &mut self {
            Self::ToolCalled { arguments, .. } => *arguments = None,
            Self::ToolReturned { outcome, .. } => *outcome = None,
            _ => {}
        }
        self
    }
}

/// A fact with its place in a session's journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// Whose session.
    pub session: SessionId,
    /// Who owned the call when it happened.
    pub epoch: Epoch,
    /// Counts up from 1 within a session, without gaps, over all its calls and connections.
    pub seq: u64,
    /// The wall-clock instant at which it happened.
    pub at: Timestamp,
    /// The instant within the call, counted on over its connections.
    pub offset: CallTime,
    /// What happened.
    pub fact: Fact,
}

/// The number of the next fact of a session with this journal: [`CallSettings::first_seq`](crate::call::CallSettings::first_seq)
/// of its next connection.
#[must_use]
pub fn next_seq(entries: &[JournalEntry]) -> u64 {
    entries.iter().map(|entry| entry.seq).max().unwrap_or(0).saturating_add(1)
}

/// A call that somebody is asked to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer<'a> {
    /// The name of whom.
    pub to: &'a str,
    /// Since when.
    pub at: Timestamp,
}

/// Whom a session's call was offered to, if nobody has taken it since and it has not come back.
#[must_use]
pub fn open_offer(entries: &[JournalEntry]) -> Option<Offer<'_>> {
    let last = entries.iter().rev().find_map(|entry| match &entry.fact {
        Fact::TransferOffered { to } => Some(Some(Offer { to, at: entry.at })),
        Fact::Connected | Fact::Resumed | Fact::Ended { .. } => Some(None),
        Fact::Transferred { .. } | Fact::TransferFailed { .. } => Some(None),
        _ => None,
    });
    last.flatten()
}

/// How a session's call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallEnd {
    /// Why.
    pub reason: EndReason,
    /// When.
    pub at: Timestamp,
    /// Whether it was handed to somebody else: it may go on at the carrier, without us.
    pub is_transferred: bool,
}

/// How the last call of a session ended, if its journal tells: one that broke off
/// ([`TechnicalFailure`](EndReason::TechnicalFailure)) may have come back.
#[must_use]
pub fn last_end(entries: &[JournalEntry]) -> Option<CallEnd> {
    let mut end = None;
    for JournalEntry { at, fact, .. } in entries.iter().rev() {
        match fact {
            Fact::Transferred { .. } => {
                return Some(CallEnd { reason: EndReason::Completed, at: *at, is_transferred: true });
            }
            Fact::Ended { reason } if end.is_none() => {
                end = Some(CallEnd { reason: *reason, at: *at, is_transferred: false });
            }
            Fact::Connected | Fact::Resumed | Fact::Ended { .. } => break,
            _ => {}
        }
    }
    end.filter(|end| end.reason != EndReason::TechnicalFailure)
}

/// Who spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// We.
    Agent,
    /// The person on the phone.
    Caller,
}

/// A line of a transcript.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TranscriptLine {
    /// Who spoke.
    pub speaker: Speaker,
    /// When the first sound was heard.
    pub from: CallTime,
    /// When the last sound was heard.
    pub until: CallTime,
    /// What was heard.
    pub text: String,
    /// What was meant and never heard; empty for the caller.
    pub unheard: String,
    /// Whether the border between heard and unheard is an estimate.
    pub estimated: bool,
}

impl fmt::Display for TranscriptLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let speaker = match self.speaker {
            Speaker::Agent => "agent",
            Speaker::Caller => "caller",
        };
        write!(f, "{speaker}: {}", self.text)
    }
}

/// Who said what, in the order it was heard, call by call. Holds only what was heard; the rest stands beside it.
#[must_use]
pub fn transcript(entries: &[JournalEntry]) -> Vec<TranscriptLine> {
    let line = |entry: &JournalEntry| match &entry.fact {
        Fact::Said { heard, unheard, from, until, estimated, .. } => Some(TranscriptLine {
            speaker: Speaker::Agent,
            from: *from,
            until: *until,
            text: heard.clone(),
            unheard: unheard.clone(),
            estimated: *estimated,
        }),
        Fact::Heard(turn) => Some(TranscriptLine {
            speaker: Speaker::Caller,
            from: turn.started,
            until: turn.ended,
            text: turn.text.clone().unwrap_or_default(),
            unheard: String::new(),
            estimated: false,
        }),
        _ => None,
    };
    // Every call of a session counts its time from its own answer.
    let mut call = 0;
    let mut lines: Vec<(u32, TranscriptLine)> = Vec::new();
    for entry in entries {
        call += u32::from(entry.fact == Fact::Connected);
        lines.extend(line(entry).map(|line| (call, line)));
    }
    lines.sort_by_key(|(call, line)| (*call, line.from));
    lines.into_iter().map(|(_, line)| line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(text: &str, millis: u64) -> Fact {
        let at = CallTime::from_millis(millis);
        let text = Some(text.to_owned());
        Fact::Heard(CallerTurn {
            turn: 1,
            text,
            confidence: None,
            language: None,
            started: at,
            ended: at,
            voiced: std::time::Duration::ZERO,
            cut_off: false,
        })
    }

    fn journal(facts: impl IntoIterator<Item = Fact>) -> Vec<JournalEntry> {
        let (session, at) = (SessionId::new(), Timestamp::UNIX_EPOCH);
        let entry = |(seq, fact)| JournalEntry { session, epoch: Epoch::FIRST, seq, at, offset: CallTime::ZERO, fact };
        (1..).zip(facts).map(entry).collect()
    }

    #[test]
    fn a_transcript_goes_by_time_within_a_call_and_call_by_call() {
        let facts = [
            Fact::Connected,
            heard("two", 2000),
            heard("one", 1000),
            Fact::Resumed,
            heard("three", 9000),
            Fact::Connected,
            heard("four", 500),
        ];
        let entries = journal(facts);
        let texts: Vec<_> = transcript(&entries).into_iter().map(|line| line.text).collect();
        assert_eq!(texts, ["one", "two", "three", "four"]);
        assert_eq!((next_seq(&entries), next_seq(&[])), (8, 1));
    }

    #[test]
    fn an_offer_is_open_until_the_call_is_taken_or_comes_back() {
        let (offered, taken) =
            (Fact::TransferOffered { to: "office".into() }, Fact::Transferred { to: "office".into() });
        let (late, at) = (Fact::Warned, Timestamp::UNIX_EPOCH);
        let open = journal([Fact::Connected, offered.clone(), late.clone()]);
        assert_eq!(open_offer(&open), Some(Offer { to: "office", at }));
        let ended = Fact::Ended { reason: EndReason::RemoteHangup };
        let failed = Fact::TransferFailed { to: "office".into() };
        for settled in [taken, failed, Fact::Resumed, Fact::Connected, ended] {
            assert_eq!(open_offer(&journal([Fact::Connected, offered.clone(), settled, late.clone()])), None);
        }
        assert_eq!(open_offer(&[]), None);
    }

    #[test]
    fn a_call_has_ended_unless_it_broke_off_or_another_one_followed() {
        let ended = |reason| Fact::Ended { reason };
        let end =
            |facts: &[Fact]| last_end(&journal(facts.iter().cloned())).map(|end| (end.reason, end.is_transferred));
        let (handed, cost) = (Fact::Transferred { to: "office".into() }, Fact::Cost(Cost::default()));
        let completed = ended(EndReason::Completed);
        assert_eq!(end(&[Fact::Connected, completed.clone(), cost.clone()]), Some((EndReason::Completed, false)));
        let handed_over = Some((EndReason::Completed, true));
        assert_eq!(end(&[Fact::Connected, handed.clone()]), handed_over, "before its end was stored");
        assert_eq!(end(&[Fact::Connected, handed, completed.clone(), cost]), handed_over);
        let broke_off = ended(EndReason::TechnicalFailure);
        for next in [broke_off.clone(), Fact::Connected] {
            assert_eq!(end(&[Fact::Connected, completed.clone(), next]), None);
        }
        assert_eq!(end(&[Fact::Connected, broke_off, Fact::Resumed, completed]), Some((EndReason::Completed, false)));
        assert_eq!((end(&[]), end(&[Fact::Connected])), (None, None));
    }

    #[test]
    fn the_latest_cost_counts() {
        let cost = |micros| Cost { speech: crate::money::Money::from_micros(micros), ..Cost::default() };
        let entries = journal([Fact::Cost(cost(1)), Fact::Cost(cost(2)), Fact::Connected]);
        assert_eq!(Cost::of(&entries), Some(cost(2)));
        assert_eq!(Cost::of(&[]), None);
    }
}
