//! Long answers go out in several messages, each as long as the channel allows.

/// Parts of at most `most` characters that are `text` again when joined, white space at the seams aside: cut behind a
/// paragraph, a sentence or a word where there is one in the second half of a part.
pub(crate) fn split(text: &str, most: usize) -> Vec<String> {
    let most = most.max(1);
    let (mut parts, mut rest) = (Vec::new(), text.trim());
    while rest.chars().count() > most {
        let end = rest.char_indices().nth(most).map_or(rest.len(), |(at, _)| at);
        let (part, behind) = rest.split_at(cut(&rest[..end], &rest[end..]));
        parts.push(part.trim_end().to_owned());
        rest = behind.trim_start();
    }
    if !rest.is_empty() {
        parts.push(rest.to_owned());
    }
    parts
}

/// Where to cut `part`, before which `behind` goes on.
fn cut(part: &str, behind: &str) -> usize {
    if behind.starts_with(char::is_whitespace) {
        return part.len();
    }
    let late = |at: &usize| *at > part.len() / 2;
    let paragraph = part.rfind("\n\n").filter(late);
    let sentence = || part.rmatch_indices(['.', '!', '?']).map(|(at, mark)| at + mark.len());
    let sentence = || sentence().find(|at| part[*at..].starts_with(char::is_whitespace)).filter(late);
    let word = || part.rfind(char::is_whitespace).filter(|at| *at > 0);
    paragraph.or_else(sentence).or_else(word).unwrap_or(part.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sentences_and_words_stay_whole() {
        assert_eq!(split("One two. Three four.", 12), ["One two.", "Three four."]);
        assert_eq!(split("One two three", 9), ["One two", "three"]);
        assert_eq!(split("Onetwothree", 4), ["Onet", "woth", "ree"]);
        assert_eq!(split("Hej på dig", 10), ["Hej på dig"]);
        assert!(split("  \n", 10).is_empty());
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_no_part_is_too_long(text in "[a-zåäö🥐 .!?\n]{0,200}", most in 1usize..40) {
            let parts = split(&text, most);
            let plain = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(plain(&parts.concat()), plain(&text));
            for part in &parts {
                prop_assert!(!part.is_empty() && part.chars().count() <= most, "{:?}", part);
            }
        }
    }
}
