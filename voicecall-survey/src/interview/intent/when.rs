//! The time of a call-back, cut out of what was said.

use super::pattern::{longest, words};
use super::tables::Tables;

/// A time is told in at most this many words.
const MOST_WORDS: usize = 10;
/// This many words of a number or a time of day may stand behind the last known word.
const BEHIND: usize = 1;
/// A time on the clock, or two, is told in at most this many words.
const MOST_HOURS: usize = 5;

/// From the first word of a time to the last, in lower case; empty if there is none. Nothing else is kept: before there is
/// consent, what somebody said must not be stored.
pub(super) fn said(text: &str, tables: &Tables) -> Vec<String> {
    let words = words(text);
    let times: Vec<_> =
        (0..words.len()).filter_map(|from| Some((from, from + longest(words.get(from..)?, &tables.times)?))).collect();
    let Some(&(first, _)) = times.first() else { return Vec::new() };
    let mut last = first;
    for (from, until) in times {
        if from <= last + BEHIND + 1 {
            last = last.max(until);
        }
    }
    let is_number = |word: &&String| word.chars().all(|c| c.is_ascii_digit()) || HOURS.contains(&word.as_str());
    last += words.iter().skip(last).take(MOST_HOURS).take_while(is_number).count();
    let mut said: Vec<_> = words.iter().take(last).skip(first).take(MOST_WORDS).cloned().collect();
    while said.last().is_some_and(|word| JOINTS.contains(&word.as_str())) {
        said.pop();
    }
    said
}

/// Numbers of hours and what stands between them.
const HOURS: &[&str] = &[
    "ett", "två", "tre", "fyra", "fem", "sex", "sju", "åtta", "nio", "tio", "elva", "tolv", "halv", "kvart", "över",
    "i", "och", "tretton", "fjorton", "femton", "sexton", "sjutton", "arton", "nitton", "tjugo", "trettio", "one",
    "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirty", "fifteen",
    "and", "to", "pm", "am", "oclock", "half", "past",
];

/// What stands between the parts of a time and ends none.
const JOINTS: &[&str] = &["i", "och", "över", "and", "to", "past"];

#[cfg(test)]
mod tests {
    use super::super::tables::of;
    use super::*;
    use crate::interview::language::Language;

    #[test]
    fn the_time_is_kept_as_it_was_said_and_nothing_else() {
        for (text, time) in [
            ("Kan ni ringa imorgon efter klockan fem? Jag heter Anna.", "imorgon efter klockan fem"),
            ("Ring senare.", ""),
            ("Ring på fredag eftermiddag istället", "på fredag eftermiddag"),
            ("Ring om en timme, Anna är hos läkaren", "om en timme"),
            ("Ring mig klockan 17.30", "klockan 17 30"),
            ("Kan ni ringa om en timme i stället?", "om en timme"),
            ("Ring mellan fem och sju ikväll", "mellan fem och sju ikväll"),
        ] {
            assert_eq!(said(text, of(Language::Swedish)).join(" "), time, "{text}");
        }
        for (text, time) in [
            ("Call me back tomorrow after five, please", "tomorrow after five"),
            ("Could you try in an hour?", "in an hour"),
            ("Call me another time", ""),
        ] {
            assert_eq!(said(text, of(Language::English)).join(" "), time, "{text}");
        }
    }
}
