//! Every sentence an interview says itself; the questions come from the business.

use serde::{Deserialize, Serialize};

/// The sentences of one language and one business.
///
/// They are spoken word for word, so their audio can be made before the call. Nothing a model writes is ever
/// spoken: it only chooses among [`Phrases::acknowledgements`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Phrases {
    /// That an AI speaks, for whom, why, how long it takes and that it is recorded. Never interruptible.
    pub disclosure: Vec<String>,
    /// Asks for consent, behind the disclosure.
    pub consent: String,
    /// Asks for consent again.
    pub consent_again: String,
    /// The answer to "who is calling?".
    pub who_is_calling: String,
    /// The honest answer to "are you a robot?".
    pub are_you_human: String,
    /// The answer to "can you hear me?".
    pub can_hear: String,
    /// The answer to "wait a moment".
    pub take_your_time: String,
    /// Stands before a question once the caller has declined to be recorded.
    pub without_recording: String,
    /// The farewell to who wants to stop.
    pub stopped: String,
    /// The farewell to who takes the consent back.
    pub withdrawn: String,
    /// The farewell to who does not want to be called again.
    pub do_not_call: String,
    /// The farewell to who wants to be called at another time.
    pub call_back: String,
    /// The farewell to who has nothing to do with the call.
    pub wrong_number: String,
    /// The farewell if who was asked for is not there.
    pub not_available: String,
    /// The farewell without consent.
    pub declined: String,
    /// The farewell to somebody who speaks another language.
    pub other_language: Vec<String>,
    /// What was said could not be understood.
    pub not_heard: String,
    /// Stands before a question that is asked again.
    pub repeat: String,
    /// Stops an answer that is longer than allowed.
    pub cut_off: String,
    /// The first thing said into a silence.
    pub still_there: String,
    /// The second thing said into a silence.
    pub can_you_hear: String,
    /// Stands before the last question when time is short.
    pub last_question: String,
    /// Thanks for answers.
    pub thanks: String,
    /// Thanks when there were no answers.
    pub thanks_without_answers: String,
    /// The last words.
    pub goodbye: String,
    /// Replies to an answer. The model chooses one of these.
    pub acknowledgements: Vec<String>,
    /// Apologises for a call that broke off, once it goes on.
    pub resumed: String,
    /// Bridges over a wait, in the order of their use. Spoken by the call machine.
    pub fillers: Vec<String>,
    /// Bridges over a long wait. Spoken by the call machine.
    pub apology: String,
    /// The farewell when something is broken. Spoken by the call machine.
    pub technical: Vec<String>,
}

impl Phrases {
    /// The Swedish sentences: `agent` calls for the shop `business`.
    #[must_use]
    pub fn swedish(business: &str, agent: &str) -> Self {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        Self {
            disclosure: vec![
                format!("Hej, det här är {agent}, en AI-assistent som ringer från {business}."),
                "Vi vill gärna höra hur ditt besök var, och det tar högst två minuter.".to_owned(),
                "Samtalet spelas in om du säger ja.".to_owned(),
            ],
            consent: "Vill du vara med?".to_owned(),
            consent_again: "Vill du svara på några korta frågor?".to_owned(),
            who_is_calling: "Jag är en AI-assistent och vill ställa några korta frågor om ditt besök.".to_owned(),
            are_you_human: "Ja, jag är en AI-assistent och ingen människa.".to_owned(),
            can_hear: "Ja, jag hör dig.".to_owned(),
            take_your_time: "Ta den tid du behöver.".to_owned(),
            without_recording: "Då spelas samtalet inte in.".to_owned(),
            stopped: "Självklart, tack för din tid.".to_owned(),
            withdrawn: "Jag förstår, då sparas inget mer av samtalet.".to_owned(),
            do_not_call: "Jag förstår, vi ringer dig inte igen.".to_owned(),
            call_back: "Det går bra, jag lämnar det vidare.".to_owned(),
            wrong_number: "Förlåt att jag störde.".to_owned(),
            not_available: "Då återkommer vi en annan gång.".to_owned(),
            declined: "Tack ändå, och ha en fin dag.".to_owned(),
            other_language: texts(&["Tyvärr talar jag bara svenska.", "Tack och hej då."]),
            not_heard: "Förlåt, jag uppfattade inte det.".to_owned(),
            repeat: "Då tar jag frågan igen.".to_owned(),
            cut_off: "Tack, jag har antecknat det.".to_owned(),
            still_there: "Är du kvar?".to_owned(),
            can_you_hear: "Hör du mig?".to_owned(),
            last_question: "Vi har bara lite tid kvar, så det här blir sista frågan.".to_owned(),
            thanks: "Tack för dina svar, de hjälper oss mycket.".to_owned(),
            thanks_without_answers: "Tack för att du ville vara med.".to_owned(),
            goodbye: "Ha en fin dag, hej då.".to_owned(),
            acknowledgements: texts(&[
                "Tack.",
                "Tack för det.",
                "Det var roligt att höra.",
                "Det var tråkigt att höra.",
                "Jag förstår.",
                "Okej.",
            ]),
            resumed: "Förlåt, samtalet bröts ett ögonblick.".to_owned(),
            fillers: texts(&["Ett ögonblick.", "Jag tänker lite."]),
            apology: "Förlåt att det tar lite tid.".to_owned(),
            technical: texts(&["Förlåt, vi har tekniska problem.", "Vi hör av oss igen."]),
        }
    }

    /// The English sentences: `agent` calls for the shop `business`.
    #[must_use]
    pub fn english(business: &str, agent: &str) -> Self {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        Self {
            disclosure: vec![
                format!("Hello, this is {agent}, an AI assistant calling from {business}."),
                "We would like to hear how your visit was, and it takes two minutes at most.".to_owned(),
                "The call is recorded if you say yes.".to_owned(),
            ],
            consent: "Would you like to take part?".to_owned(),
            consent_again: "Would you like to answer a few short questions?".to_owned(),
            who_is_calling: "I am an AI assistant and would like to ask a few short questions about your visit."
                .to_owned(),
            are_you_human: "Yes, I am an AI assistant and not a human.".to_owned(),
            can_hear: "Yes, I can hear you.".to_owned(),
            take_your_time: "Take your time.".to_owned(),
            without_recording: "Then the call is not recorded.".to_owned(),
            stopped: "Of course, thank you for your time.".to_owned(),
            withdrawn: "I understand, nothing more of this call is stored.".to_owned(),
            do_not_call: "I understand, we will not call you again.".to_owned(),
            call_back: "That is fine, I will pass it on.".to_owned(),
            wrong_number: "Sorry to have bothered you.".to_owned(),
            not_available: "Then we will try another time.".to_owned(),
            declined: "Thank you anyway, and have a nice day.".to_owned(),
            other_language: texts(&["I am sorry, I only speak English.", "Thank you and goodbye."]),
            not_heard: "Sorry, I did not catch that.".to_owned(),
            repeat: "Let me ask that again.".to_owned(),
            cut_off: "Thank you, I have noted that.".to_owned(),
            still_there: "Are you still there?".to_owned(),
            can_you_hear: "Can you hear me?".to_owned(),
            last_question: "We only have a little time left, so this will be the last question.".to_owned(),
            thanks: "Thank you for your answers, they help us a lot.".to_owned(),
            thanks_without_answers: "Thank you for taking part.".to_owned(),
            goodbye: "Have a nice day, goodbye.".to_owned(),
            acknowledgements: texts(&[
                "Thank you.",
                "Thanks for that.",
                "I am glad to hear that.",
                "I am sorry to hear that.",
                "I see.",
                "Okay.",
            ]),
            resumed: "Sorry, we were cut off for a moment.".to_owned(),
            fillers: texts(&["One moment.", "Let me think."]),
            apology: "Sorry that this takes a little while.".to_owned(),
            technical: texts(&["Sorry, we have technical problems.", "We will be in touch again."]),
        }
    }

    /// Swedish follow-up prompts that suit most questions, for a business that configures none.
    pub const SWEDISH_FOLLOW_UPS: [&'static str; 4] = [
        "Vad gjorde att du kände så?",
        "Kan du berätta lite mer?",
        "Vad var det du saknade?",
        "Varför eller varför inte?",
    ];

    /// All sentences, so that their audio can be made before it is needed.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let lists = [&self.disclosure, &self.other_language, &self.acknowledgements, &self.fillers, &self.technical];
        let single = [
            &self.consent,
            &self.consent_again,
            &self.who_is_calling,
            &self.are_you_human,
            &self.can_hear,
            &self.take_your_time,
            &self.without_recording,
            &self.stopped,
            &self.withdrawn,
            &self.do_not_call,
            &self.call_back,
            &self.wrong_number,
            &self.not_available,
            &self.declined,
            &self.not_heard,
            &self.repeat,
            &self.cut_off,
            &self.still_there,
            &self.can_you_hear,
            &self.last_question,
            &self.thanks,
            &self.thanks_without_answers,
            &self.goodbye,
            &self.resumed,
            &self.apology,
        ];
        lists.into_iter().flatten().chain(single).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disclosure_names_the_agent_the_shop_and_that_it_is_an_ai() {
        let phrases = Phrases::swedish("Kaffebutiken", "Vera");
        assert_eq!(phrases.disclosure[0], "Hej, det här är Vera, en AI-assistent som ringer från Kaffebutiken.");
    }

    #[test]
    fn all_sentences_are_listed_once() {
        for phrases in [Phrases::swedish("Kaffebutiken", "Vera"), Phrases::english("The Coffee Shop", "Vera")] {
            are_listed_once(&phrases);
        }
    }

    fn are_listed_once(phrases: &Phrases) {
        let mut texts: Vec<_> = phrases.texts().collect();
        let count = texts.len();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!((count, texts.len()), (40, 40));
        let json = serde_json::to_value(phrases).unwrap();
        let strings = |value: &serde_json::Value| value.as_array().map_or(1, Vec::len);
        assert_eq!(json.as_object().unwrap().values().map(strings).sum::<usize>(), count);
    }
}
