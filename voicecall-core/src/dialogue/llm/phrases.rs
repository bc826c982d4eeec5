//! What an LLM's dialogue says by itself, word for word, so that every end of a turn is heard.

use crate::carrier::Say;

/// Lines for when the model has nothing to say, or must not decide what is said.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Phrases {
    /// The language of the lines, as a BCP 47 tag such as `sv-SE`: in it the carrier's voice speaks to whoever is to take a call.
    pub language: String,
    /// The caller's words could not be made out.
    pub not_understood: String,
    /// The model failed, or answered without words.
    pub no_answer: String,
    /// The model called tools again and again without an answer.
    pub gave_up: String,
    /// The model failed again; the call ends.
    pub broken: String,
    /// Nobody speaks.
    pub still_there: String,
    /// The call is about to be transferred, and the model did not say so.
    pub transferring: String,
    /// Behind what is said to whoever is to take a call: that they do so by pressing 1.
    pub take_the_call: String,
    /// The caller comes back from a transfer that nobody took.
    pub not_transferred: String,
    /// The call broke off and goes on.
    pub resumed: String,
    /// Nobody knows whether a tool did its work.
    pub outcome_unknown: String,
    /// The end.
    pub goodbye: String,
}

impl Phrases {
    /// In English.
    #[must_use]
    pub fn english() -> Self {
        Self {
            language: "en-US".to_owned(),
            not_understood: "Sorry, I didn't catch that.".to_owned(),
            no_answer: "Sorry, I lost my thread. Could you say that again?".to_owned(),
            gave_up: "Sorry, I can't get that done right now. Is there anything else?".to_owned(),
            broken: "Sorry, something is wrong on our side. Please try again later. Goodbye.".to_owned(),
            still_there: "Are you still there?".to_owned(),
            transferring: "One moment, I'll put you through.".to_owned(),
            take_the_call: "Press 1 to take the call.".to_owned(),
            not_transferred: "Sorry, nobody can take your call there right now.".to_owned(),
            resumed: "Sorry, we were cut off.".to_owned(),
            outcome_unknown: "I can't tell whether the last thing went through. It has to be checked first.".to_owned(),
            goodbye: "Goodbye.".to_owned(),
        }
    }

    /// In Swedish.
    #[must_use]
    pub fn swedish() -> Self {
        Self {
            language: "sv-SE".to_owned(),
            not_understood: "Förlåt, jag hörde inte riktigt.".to_owned(),
            no_answer: "Förlåt, jag tappade tråden. Kan du säga det igen?".to_owned(),
            gave_up: "Tyvärr får jag inte det att gå just nu. Är det något annat?".to_owned(),
            broken: "Tyvärr är något fel hos oss. Försök gärna igen senare. Hej då.".to_owned(),
            still_there: "Är du kvar?".to_owned(),
            transferring: "Ett ögonblick, jag kopplar dig.".to_owned(),
            take_the_call: "Tryck 1 för att ta samtalet.".to_owned(),
            not_transferred: "Tyvärr kan ingen ta ditt samtal där just nu.".to_owned(),
            resumed: "Förlåt, vi bröts.".to_owned(),
            outcome_unknown: "Jag vet inte om det sista gick igenom. Det måste kontrolleras först.".to_owned(),
            goodbye: "Hej då.".to_owned(),
        }
    }

    /// What whoever is to take a call hears.
    pub(super) fn announce(&self, text: &str) -> Say {
        Say::new(format!("{} {}", text.trim(), self.take_the_call), self.language.as_str())
    }
}
