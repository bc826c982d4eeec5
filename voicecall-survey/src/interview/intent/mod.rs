//! What a caller wants, read from the words of a turn by tables; no model is needed.
//!
//! A pure function of text, language and what was asked. Consent needs every word of a turn to belong to a known phrase;
//! what lets a caller go is found inside longer turns as well. Whatever the tables do not know is
//! [`Other`](Intent::Other), and left to the model.

mod clause;
mod noise;
mod pattern;
mod tables;
#[cfg(test)]
mod tests;
mod time;
mod when;

use super::language::Language;
use clause::Clauses;
use jiff::Zoned;
use noise::{is_hallucination, is_reliable};
use pattern::{covers, find, words};
use tables::{Patterns, Tables};
pub(super) use time::Window;
use voicecall_core::dialogue::CallerTurn;

/// What the caller was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Context {
    /// Whether to take part. A yes or no decides.
    Consent,
    /// A question of the interview, to which a yes or no is an answer.
    Question,
}

/// What a caller wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intent {
    /// Takes part.
    Yes,
    /// Takes part, without being recorded; in a question: does not want to be recorded any longer.
    NoRecording,
    /// Sounds willing ("mm", "okej", "ja?"), which is not enough where it decides something.
    Hesitant,
    /// Does not take part.
    No,
    /// Wants to end the call.
    Stop,
    /// Takes the consent back.
    Withdraw,
    /// Never wants to be called again.
    DoNotCall,
    /// Wants to be called at another time.
    CallBack,
    /// Has nothing to do with the call.
    WrongNumber,
    /// Is not who is asked for: a child, or somebody who answers for another.
    NotAvailable,
    /// Asks who is calling, or why.
    WhoIsCalling,
    /// Asks whether this is a human.
    AreYouHuman,
    /// A phone's call screening, or a secretary, asks who is calling and why.
    Screening,
    /// The greeting of a voicemail.
    Voicemail,
    /// Asks to hear it again.
    Repeat,
    /// Says hello, or asks whether anybody listens.
    CanYouHear,
    /// Asks for a moment.
    Wait,
    /// Could mean yes or no ("det är bra").
    Ambiguous,
    /// Nothing: silence, or the words transcribers make of it.
    Nothing,
    /// Something else: an answer, or a matter for the model.
    Other,
}

impl Intent {
    /// Whether the caller is let go.
    pub(super) const fn is_leaving(self) -> bool {
        matches!(
            self,
            Self::Stop | Self::Withdraw | Self::DoNotCall | Self::CallBack | Self::WrongNumber | Self::NotAvailable
        )
    }
}

/// What was made of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) intent: Intent,
    /// Beside it something else was said, which may be an answer.
    pub(super) has_answer: bool,
}

/// Reads a turn.
pub(super) fn read(text: &str, language: Language, context: Context) -> Reading {
    let tables = tables::of(language);
    let words = words(text);
    if words.is_empty() || is_hallucination(text) || covers(&words, &tables.fillers, &[]) {
        return Reading { intent: Intent::Nothing, has_answer: false };
    }
    match context {
        Context::Consent => Reading { intent: about_consent(text, &words, tables), has_answer: false },
        Context::Question => in_question(text, &words, tables),
    }
}

/// What is left of an intent if the turn was hardly heard: whatever one short word decides is asked again.
pub(super) fn believed(intent: Intent, turn: &CallerTurn) -> Intent {
    let is_decision =
        matches!(intent, Intent::Yes | Intent::NoRecording | Intent::Hesitant | Intent::No | Intent::Stop);
    if is_decision && !is_reliable(turn) { Intent::Nothing } else { intent }
}

/// The time of a call-back as it was said, empty if none was, and between which instants that lies. Without a clock, which
/// shows `now` where the caller is, only the words are known.
pub(super) fn call_back_time(text: &str, language: Language, now: Option<&Zoned>) -> (String, Window) {
    let said = when::said(text, tables::of(language));
    let window = now.map(|now| time::window(&said, language, now)).unwrap_or_default();
    (said.join(" "), window)
}

/// Whether a turn only says that somebody is there.
pub(super) fn is_present(text: &str, language: Language) -> bool {
    covers(&words(text), &tables::of(language).present, &tables::of(language).fillers)
}

/// Whether a turn only says goodbye.
pub(super) fn is_farewell(text: &str, language: Language) -> bool {
    covers(&words(text), &tables::of(language).courtesy, &tables::of(language).fillers)
}

fn about_consent(text: &str, words: &[String], tables: &Tables) -> Intent {
    let says = |patterns: &Patterns| find(words, patterns).is_some();
    let only = |phrases: &Patterns| covers(words, phrases, &tables.courtesies);
    if says(&tables.voicemail) {
        return Intent::Voicemail;
    }
    if says(&tables.screening) {
        return Intent::Screening;
    }
    if says(&tables.no_recording) {
        // Without a yes only the recording is refused, and what is left is asked again.
        let refuses = words.first().is_some_and(|word| tables.no_words.contains(&word.as_str()));
        let agrees = says(&tables.yes_words) && !refuses;
        return if agrees { Intent::NoRecording } else { Intent::Ambiguous };
    }
    if covers(words, &tables.yes, &tables.fillers) {
        return if text.trim_end().ends_with('?') { Intent::Hesitant } else { Intent::Yes };
    }
    let before_consent = [(Intent::Repeat, &tables.say_again), (Intent::NotAvailable, &tables.not_available)];
    if let Some((intent, _)) = before_consent.into_iter().chain(tables.cues()).find(|(_, patterns)| says(patterns)) {
        return intent;
    }
    if only(&tables.repeat) {
        Intent::Repeat
    } else if covers(words, &tables.ambiguous, &tables.fillers) {
        Intent::Ambiguous
    } else if covers(words, &tables.hesitant, &tables.fillers) {
        Intent::Hesitant
    } else if covers(words, &tables.hello, &tables.greetings) {
        Intent::CanYouHear
    } else if only(&tables.farewell) || refuses(words, tables) {
        Intent::No
    } else {
        Intent::Other
    }
}

/// A turn that begins with a no, or holds a refusal, and nothing that takes it back ("nej men absolut"). What stands behind
/// a "men" has to refuse as well.
fn refuses(words: &[String], tables: &Tables) -> bool {
    let is_but = |word: &String| tables.but.contains(&word.as_str());
    let parts = words.split(is_but).filter(|part| !part.is_empty());
    let mut refused = false;
    for part in parts {
        let begin = part
            .iter()
            .find(|word| ![&tables.fillers, &tables.greetings].iter().any(|list| list.contains(&word.as_str())));
        let begins_with_no = begin.is_some_and(|word| tables.no_words.contains(&word.as_str()));
        let holds_refusal =
            [&tables.no, &tables.stop, &tables.withdraw].into_iter().any(|list| find(part, list).is_some());
        if !(begins_with_no || holds_refusal) {
            // "Tack, men nej tack": courtesies say nothing for or against.
            if covers(part, &tables.courtesies, &tables.fillers) {
                continue;
            }
            return false;
        }
        refused = true;
    }
    refused && find(words, &tables.turning).is_none()
}

/// In a question only what stands in a clause of its own counts: "han sa hej då" is an answer.
fn in_question(text: &str, words: &[String], tables: &Tables) -> Reading {
    let clauses = Clauses::read(text);
    let more = [
        (Intent::Withdraw, &tables.withdraw),
        (Intent::Stop, &tables.stop),
        (Intent::NoRecording, &tables.no_recording),
    ];
    for (intent, patterns) in more.into_iter().chain(tables.cues()) {
        // Who only asks something beside an answer is answered by the next question.
        // When to call back is told at length.
        let more = if intent == Intent::CallBack { when::said(text, tables).len() } else { 0 };
        if let Some(has_answer) = clauses.hold(patterns, more, tables)
            && (intent.is_leaving() || !has_answer)
        {
            return Reading { intent, has_answer };
        }
    }
    if let Some(has_answer) = clauses.end_with(&tables.farewell, tables) {
        return Reading { intent: Intent::Stop, has_answer };
    }
    let only = |phrases: &Patterns| covers(words, phrases, &tables.courtesies);
    let intent = if only(&tables.repeat) {
        Intent::Repeat
    } else if only(&tables.hearing) {
        Intent::CanYouHear
    } else {
        Intent::Other
    };
    Reading { intent, has_answer: intent == Intent::Other }
}
