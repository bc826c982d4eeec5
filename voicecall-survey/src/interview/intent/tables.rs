//! The tables of each language, read from their text files once.

use std::sync::LazyLock;

use super::Intent;
use crate::interview::language::Language;

/// The patterns of one section, see [`super::pattern`].
pub(super) type Patterns = Vec<&'static str>;

/// The tables of a language.
pub(super) fn of(language: Language) -> &'static Tables {
    static SWEDISH: LazyLock<Tables> = LazyLock::new(|| Tables::read(include_str!("swedish.txt")));
    static ENGLISH: LazyLock<Tables> = LazyLock::new(|| Tables::read(include_str!("english.txt")));
    match language {
        Language::Swedish => &SWEDISH,
        Language::English => &ENGLISH,
    }
}

macro_rules! tables {
    ($($(#[$doc:meta])* $section:ident,)*) => {
        /// What callers say in one language.
        #[derive(Debug, Default)]
        pub(super) struct Tables {
            $($(#[$doc])* pub(super) $section: Patterns,)*
        }

        impl Tables {
            fn section(&mut self, name: &str) -> Option<&mut Patterns> {
                match name {
                    $(stringify!($section) => Some(&mut self.$section),)*
                    _ => None,
                }
            }

            /// The sections that have no pattern.
            #[cfg(test)]
            fn empty(&self) -> Vec<&'static str> {
                [$((stringify!($section), self.$section.is_empty()),)*]
                    .into_iter()
                    .filter_map(|(name, is_empty)| is_empty.then_some(name))
                    .collect()
            }
        }
    };
}

tables! {
    /// Words that decide nothing.
    fillers,
    /// Words of greeting and apology, and others a refusal may begin with.
    greetings,
    /// What may stand around a phrase without changing it.
    courtesies,
    /// What may stand before a clause that matters.
    openers,
    /// Words that begin a clause without punctuation.
    conjunctions,
    /// A whole turn: takes part.
    yes,
    /// A whole turn: sounds willing.
    hesitant,
    /// A whole turn: could mean yes or no.
    ambiguous,
    /// A whole turn: asks to hear it again.
    repeat,
    /// A whole turn: a greeting.
    hello,
    /// A whole turn: asks whether anybody listens.
    hearing,
    /// A whole turn: says that somebody is there.
    present,
    /// A whole turn, or its last clause: goodbye.
    farewell,
    /// A whole turn behind the agent's goodbye: goodbye and thanks.
    courtesy,
    /// Words that agree.
    yes_words,
    /// Words that refuse.
    no_words,
    /// With these a refusal may be none ("nej men absolut").
    turning,
    /// Behind these words a turn has to be judged anew.
    but,
    /// Refusals.
    no,
    /// Does not want to be recorded.
    no_recording,
    /// Never wants to be called again.
    do_not_call,
    /// Takes the consent back.
    withdraw,
    /// Wants to end the call.
    stop,
    /// Wants to be called at another time.
    call_back,
    /// Has nothing to do with the call.
    wrong_number,
    /// Answers for somebody else, or is a child.
    not_available,
    /// Asks whether this is a human.
    human,
    /// Asks who is calling, or why.
    who,
    /// Asks for a moment.
    wait,
    /// Asks whether anybody listens.
    can_hear,
    /// Asks to hear it again, among other words.
    say_again,
    /// The greeting of a voicemail.
    voicemail,
    /// A phone or a person that screens calls.
    screening,
    /// Times of a call-back.
    times,
}

impl Tables {
    /// `[section]`, then patterns with slashes between them; `#` begins a comment. A section nobody knows is dropped, which
    /// a test finds.
    fn read(text: &'static str) -> Self {
        let mut tables = Self::default();
        let mut section = "";
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                section = name;
            } else if let Some(patterns) = tables.section(section) {
                patterns.extend(line.split('/').map(str::trim).filter(|pattern| !pattern.is_empty()));
            }
        }
        tables
    }

    /// What counts at any time, the weightiest first.
    pub(super) fn cues(&self) -> [(Intent, &Patterns); 7] {
        [
            (Intent::DoNotCall, &self.do_not_call),
            (Intent::CallBack, &self.call_back),
            (Intent::WrongNumber, &self.wrong_number),
            (Intent::AreYouHuman, &self.human),
            (Intent::WhoIsCalling, &self.who),
            (Intent::Wait, &self.wait),
            (Intent::CanYouHear, &self.can_hear),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_have_every_section_and_no_other() {
        for (language, text) in
            [(Language::Swedish, include_str!("swedish.txt")), (Language::English, include_str!("english.txt"))]
        {
            assert_eq!(of(language).empty(), [""; 0], "{language:?}");
            for name in text.lines().filter_map(|line| line.strip_prefix('[')?.strip_suffix(']')) {
                assert!(Tables::default().section(name).is_some(), "{name}");
            }
        }
    }

    #[test]
    fn a_cue_needs_more_than_one_word_unless_the_word_is_long() {
        for language in [Language::Swedish, Language::English] {
            let tables = of(language);
            let leaving =
                [&tables.do_not_call, &tables.withdraw, &tables.stop, &tables.wrong_number, &tables.call_back];
            for pattern in leaving.into_iter().flatten() {
                let needed = pattern.split(' ').filter(|word| !word.starts_with('?') && *word != "..");
                let (count, letters) =
                    needed.fold((0, 0), |(count, letters), word| (count + 1, letters + word.chars().count()));
                assert!(count > 1 || letters >= 6, "{pattern}");
            }
        }
    }
}
