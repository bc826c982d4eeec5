//! What an answer leaves in its session's journal: at once where something depends on it, otherwise together with the
//! answer.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use voicecall_core::dialogue::{CallerTurn, UtteranceId};
use voicecall_core::journal::{Fact, JournalEntry, next_seq};
use voicecall_core::model::TokenUsage;
use voicecall_core::store::{EngineStore, Message, Session};
use voicecall_core::{CallTime, Clock, Epoch, Result, SessionId};

#[derive(Debug)]
pub(crate) struct TurnJournal {
    store: Arc<dyn EngineStore>,
    clock: Clock,
    session: Session,
    epoch: Epoch,
    seq: u64,
    /// Not stored yet.
    waiting: Vec<JournalEntry>,
}

impl TurnJournal {
    /// Goes on behind what is journaled already.
    pub(crate) fn new(
        store: Arc<dyn EngineStore>,
        clock: Clock,
        session: Session,
        epoch: Epoch,
        journal: &[JournalEntry],
    ) -> Self {
        Self { store, clock, session, epoch, seq: next_seq(journal), waiting: Vec::new() }
    }

    pub(crate) const fn session(&self) -> SessionId {
        self.session.id
    }

    /// How long the session has lasted.
    pub(crate) fn now(&self) -> CallTime {
        self.offset(self.clock.now())
    }

    fn offset(&self, at: Timestamp) -> CallTime {
        let since = Duration::try_from(at.duration_since(self.session.started_at)).unwrap_or_default();
        CallTime::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    /// What those of these messages say that are not in the stored journal, as the dialogue hears it. Journaled with the number
    /// of the last as the turn's.
    pub(crate) fn heard(&mut self, messages: &[Message], stored: &[JournalEntry]) -> Option<CallerTurn> {
        let before = heard_up_to(stored);
        let new = || messages.iter().filter(|message| message.number > before);
        let last = new().next_back()?;
        let words: Vec<String> = new().map(words).filter(|words| !words.is_empty()).collect();
        let at = self.offset(last.at);
        let turn = CallerTurn {
            turn: u32::try_from(last.number).unwrap_or(u32::MAX),
            text: Some(words.join("\n")),
            confidence: None,
            language: None,
            started: at,
            ended: at,
            voiced: Duration::ZERO,
            cut_off: false,
        };
        self.note(Fact::Heard(turn.clone()));
        Some(turn)
    }

    pub(crate) fn said(&mut self, utterance: UtteranceId, text: &str) {
        let now = self.now();
        let (heard, unheard) = (text.to_owned(), String::new());
        self.note(Fact::Said { utterance, heard, unheard, from: now, until: now, estimated: false });
    }

    pub(crate) fn note_usage(&mut self, usage: Option<TokenUsage>) {
        if let Some(usage) = usage {
            self.note(Fact::Used(usage));
        }
    }

    /// Stored together with the answer.
    pub(crate) fn note(&mut self, fact: Fact) {
        let at = self.clock.now();
        let entry = JournalEntry {
            session: self.session.id,
            epoch: self.epoch,
            seq: self.seq,
            at,
            offset: self.offset(at),
            fact,
        };
        self.seq += 1;
        self.waiting.push(entry);
    }

    /// Stored now, with everything before it.
    ///
    /// # Errors
    /// What the store reports.
    pub(crate) async fn store(&mut self, fact: Fact) -> Result<()> {
        self.note(fact);
        self.store.append(self.session.tenant, &self.waiting).await?;
        self.waiting.clear();
        Ok(())
    }

    /// What is to be stored with the answer.
    pub(crate) fn into_waiting(self) -> Vec<JournalEntry> {
        self.waiting
    }
}

/// The number of the last message that a journal's dialogue has heard.
fn heard_up_to(journal: &[JournalEntry]) -> u64 {
    let turns = journal.iter().filter_map(|entry| match &entry.fact {
        Fact::Heard(turn) => Some(u64::from(turn.turn)),
        _ => None,
    });
    turns.max().unwrap_or(0)
}

/// A message as a dialogue reads it: the words, and what came with them.
fn words(message: &Message) -> String {
    let mut parts: Vec<String> = message.media.iter().map(|media| format!("[{}]", media.content_type.kind())).collect();
    parts.extend(Some(message.text.trim().to_owned()).filter(|text| !text.is_empty()));
    parts.join(" ")
}
