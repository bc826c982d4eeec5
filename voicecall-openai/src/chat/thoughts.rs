//! What a model thinks aloud before it answers, which nobody on the phone is to hear.

/// The marks around thoughts, as models write them.
const MARKS: [(&str, &str); 2] = [("<think>", "</think>"), ("<thinking>", "</thinking>")];

/// Leaves out thoughts at the beginning of an answer, however it is cut into pieces.
#[derive(Debug, Default)]
pub(super) struct Thoughts {
    state: State,
    /// What is not decided yet.
    held: String,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The answer may still begin with thoughts.
    #[default]
    Before,
    /// In thoughts that end with this mark.
    Inside(&'static str),
    /// Behind thoughts, before the first word.
    Behind,
    /// In the answer.
    Over,
}

impl Thoughts {
    /// What of the answer so far is known to be meant for others and was not given yet.
    pub(super) fn answer(&mut self, more: &str) -> String {
        if self.state == State::Over {
            return more.to_owned();
        }
        self.held.push_str(more);
        if self.state == State::Before {
            let text = self.held.trim_start();
            match MARKS.iter().find(|(begin, _)| text.starts_with(begin)) {
                Some((begin, end)) => {
                    self.held = text.get(begin.len()..).unwrap_or_default().to_owned();
                    self.state = State::Inside(end);
                }
                None if MARKS.iter().any(|(begin, _)| begin.starts_with(text)) => {}
                None => return self.over(),
            }
        }
        if let State::Inside(end) = self.state {
            match self.held.split_once(end) {
                Some((_, behind)) => {
                    self.held = behind.to_owned();
                    self.state = State::Behind;
                }
                // The mark may be cut in two.
                None => {
                    drop(self.held.drain(..self.held.floor_char_boundary(self.held.len().saturating_sub(end.len()))))
                }
            }
        }
        if self.state == State::Behind && !self.held.trim_start().is_empty() {
            self.held = self.held.trim_start().to_owned();
            return self.over();
        }
        String::new()
    }

    /// The end of the answer: what was held back and turned out to be no thought.
    pub(super) fn finish(&mut self) -> String {
        if matches!(self.state, State::Inside(_)) { String::new() } else { self.over() }
    }

    fn over(&mut self) -> String {
        self.state = State::Over;
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer<'a>(pieces: impl IntoIterator<Item = &'a str>) -> String {
        let mut thoughts = Thoughts::default();
        let mut answer: String = pieces.into_iter().map(|piece| thoughts.answer(piece)).collect();
        answer.push_str(&thoughts.finish());
        answer
    }

    #[test]
    fn thoughts_at_the_beginning_are_left_out_and_nothing_else() {
        for (text, expected) in [
            ("Hej", "Hej"),
            ("<think>The caller greets.</think>\n\nHej", "Hej"),
            ("\n<thinking>å</think></thinking>Hej", "Hej"),
            ("<think></think>", ""),
            ("<think>without an end", ""),
            ("<th", "<th"),
            ("<b>Hej</b>", "<b>Hej</b>"),
            ("Hej <think>du</think>", "Hej <think>du</think>"),
        ] {
            assert_eq!(answer([text]), expected, "{text}");
        }
    }

    #[test]
    fn an_answer_without_thoughts_is_not_held_back() {
        let mut thoughts = Thoughts::default();
        assert_eq!(thoughts.answer("H"), "H");
    }

    proptest! {
        #[test]
        fn cuts_never_change_the_answer(text in "(<think>|</think>|<thinking>|</thinking>|<|å| |\n|Hej){0,8}", cut in 1..5_usize) {
            let chars: Vec<String> = text.chars().map(String::from).collect();
            let pieces: Vec<String> = chars.chunks(cut).map(<[String]>::concat).collect();
            prop_assert_eq!(answer(pieces.iter().map(String::as_str)), answer([text.as_str()]));
        }
    }
}
