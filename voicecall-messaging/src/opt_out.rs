//! Words by which people ask for no more messages, or for messages again.

/// What a message asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// No more messages.
    Stop,
    /// Messages again.
    Start,
}

/// By which words people ask for no more messages over a channel, and for messages again. A message counts if it is nothing
/// but such a word, in whatever case, with or without full stops and exclamation marks.
///
/// The default takes the words that the mobile networks' rules in the USA name (CTIA Messaging Principles, 5.1.3: `STOP`,
/// `STOPALL`, `UNSUBSCRIBE`, `CANCEL`, `END`, `QUIT`) and the Swedish `STOPP`, `AVREGISTRERA` and `AVSLUTA`; `START`, `UNSTOP`
/// and `STARTA` take it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptOut {
    /// Words that stop messages, in lower case.
    pub stop: Vec<String>,
    /// Words that take that back, in lower case.
    pub start: Vec<String>,
    /// What somebody is told who gets no more messages; nothing if absent, as where the carrier does it.
    pub stopped: Option<String>,
    /// What somebody is told who gets messages again.
    pub started: Option<String>,
}

impl Default for OptOut {
    fn default() -> Self {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            stop: words(&[
                "stop",
                "stopall",
                "stop all",
                "unsubscribe",
                "cancel",
                "end",
                "quit",
                "stopp",
                "avregistrera",
                "avsluta",
            ]),
            start: words(&["start", "unstop", "starta"]),
            stopped: Some("You will get no more messages from us. Write START to get them again.".to_owned()),
            started: Some("You will get messages from us again.".to_owned()),
        }
    }
}

impl OptOut {
    pub(crate) fn wish(&self, text: &str) -> Option<Wish> {
        let plain = |char: char| char.is_whitespace() || char.is_ascii_punctuation();
        let word = text.trim_matches(plain).to_lowercase();
        let is_one_of = |words: &[String]| words.contains(&word);
        if is_one_of(&self.stop) { Some(Wish::Stop) } else { is_one_of(&self.start).then_some(Wish::Start) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_is_nothing_but_the_word_counts() {
        let words = OptOut::default();
        for stop in ["STOP", "stopp", " Stop. ", "STOPP!!", "\"stop\"", "Stop all", "AVSLUTA\n"] {
            assert_eq!(words.wish(stop), Some(Wish::Stop), "{stop}");
        }
        assert_eq!(words.wish("Start"), Some(Wish::Start));
        for other in ["", "Stop at the bakery?", "When does it end?", "stopplikt", "Please cancel my table", "?!"] {
            assert_eq!(words.wish(other), None, "{other}");
        }
    }
}
