use super::*;

fn at(ms: u64) -> CallTime {
    CallTime::from_millis(ms)
}

fn say(queue: &mut TextQueue, id: u32, text: &str, interruptible: bool) {
    queue.say(Utterance { id: UtteranceId(id), text: text.to_owned(), interruptible });
}

fn queue(texts: &[&str]) -> TextQueue {
    let mut queue = TextQueue::new(&Timeouts::default());
    for (id, text) in (1..).zip(texts) {
        say(&mut queue, id, text, true);
    }
    queue
}

fn words(out: &[Output]) -> Vec<(&str, bool)> {
    out.iter()
        .filter_map(|output| match output {
            Output::SendText(TextCommand::Say { words, last, .. }) => Some((words.as_str(), *last)),
            _ => None,
        })
        .collect()
}

fn heard(ended: &[EndedText]) -> Vec<(u32, &str, &str, bool)> {
    let of = |ended: &EndedText| ended.utterance.map_or(0, |utterance| utterance.0);
    ended.iter().map(|ended| (of(ended), ended.heard.as_str(), ended.unheard.as_str(), ended.whole)).collect()
}

#[test]
fn the_next_utterance_waits_until_the_one_before_is_nearly_heard() {
    // 45 characters: 3 s behind the 300 ms in which the voice begins.
    let long = "We are open from eight to six on all the days";
    let mut queue = queue(&[long, "Anything else?"]);
    let mut out = Vec::new();
    queue.advance(at(0), &mut out);
    assert_eq!(words(&out), [(long, true)]);
    assert!(queue.wake_at().unwrap().since(at(2300)) < Duration::from_millis(1));
    queue.advance(at(2299), &mut out);
    assert_eq!(words(&out).len(), 1);
    queue.advance(at(2301), &mut out);
    assert_eq!(words(&out)[1], ("Anything else?", true));
    assert_eq!(queue.next_ended(at(3299)), None);
    let ended = queue.next_ended(at(3301)).unwrap();
    assert_eq!((ended.whole, ended.estimated, ended.from), (true, true, at(0)));
}

#[test]
fn an_interruption_ends_what_was_heard_and_cuts_what_was_not() {
    let mut queue = queue(&["One moment.", "We open at eight.", "And close at six.", "Bye."]);
    say(&mut queue, 5, "This call costs nothing.", false);
    let mut out = Vec::new();
    for ms in [0, 1000] {
        queue.advance(at(ms), &mut out);
    }
    let sent = words(&out).len();
    assert!((2..4).contains(&sent), "{out:?}");
    let ended = queue.interrupted("we open", at(1500), &mut out);
    let expected = [
        (1, "One moment.", "", true),
        (2, "We open", "at eight.", false),
        (3, "", "And close at six.", false),
        (4, "", "Bye.", false),
    ];
    assert_eq!(heard(&ended), expected);
    assert!(ended[1].until == at(1500) && !ended[1].estimated);
    // What may not be interrupted is said next.
    out.clear();
    queue.advance(at(1500), &mut out);
    assert_eq!(words(&out), [("This call costs nothing.", true)]);
}

#[test]
fn an_interruption_that_names_other_words_is_an_estimate() {
    let mut queue = queue(&["We open at 8."]);
    queue.advance(at(0), &mut Vec::new());
    let ended = queue.interrupted("We open at eight", at(900), &mut Vec::new());
    assert_eq!(heard(&ended), [(1, "We open at", "8.", false)]);
    assert!(ended[0].estimated);
}

#[test]
fn a_response_is_sent_as_it_is_written_and_is_over_with_its_last_words() {
    let mut queue = queue(&[]);
    let (mut ops, mut out) = (Ops::default(), Vec::new());
    let request = Respond { messages: Vec::new(), tools: Vec::new(), max_tokens: 9 };
    queue.respond(UtteranceId(1), request, at(0), &mut ops, &mut out);
    let op = OpId(1);
    for token in ["We", " open", " at eight."] {
        queue.token(op, token, at(100), &mut out);
        queue.advance(at(100), &mut out);
    }
    assert_eq!(queue.text_done(op), Some((UtteranceId(1), "We open at eight.".into())));
    queue.advance(at(100), &mut out);
    assert_eq!(words(&out), [("We", false), (" open", false), (" at eight.", false), ("", true)]);
    assert_eq!(queue.token(op, "late", at(100), &mut out), None);
}

#[test]
fn a_model_that_is_late_or_runs_wild_is_given_up_with_what_was_sent() {
    let request = || Respond { messages: Vec::new(), tools: Vec::new(), max_tokens: 9 };
    let (mut ops, mut out) = (Ops::default(), Vec::new());
    let mut late = queue(&[]);
    late.respond(UtteranceId(1), request(), at(0), &mut ops, &mut out);
    late.token(OpId(1), "We open", at(100), &mut out);
    late.advance(at(100), &mut out);
    assert_eq!(late.late_at(), Some(at(3100)));
    late.tick(at(3100), &mut out);
    late.advance(at(3100), &mut out);
    assert_eq!(late.next_failed(), Some((UtteranceId(1), "We open".into())));
    assert_eq!(words(&out), [("We open", false), ("", true)]);

    let mut wild = queue(&[]);
    wild.respond(UtteranceId(2), request(), at(0), &mut ops, &mut out);
    wild.token(OpId(2), &"x".repeat(17 * 1024), at(100), &mut out);
    assert_eq!(wild.next_failed(), Some((UtteranceId(2), String::new())));
    assert!(out.contains(&Output::Cancel { op: OpId(1) }) && out.contains(&Output::Cancel { op: OpId(2) }));
}

#[test]
fn a_filler_goes_ahead_of_what_waits_and_keys_behind_what_is_heard() {
    let mut queue = queue(&["Yes."]);
    queue.press("12".parse().unwrap());
    queue.fill("One moment.".into());
    let mut out = Vec::new();
    queue.advance(at(0), &mut out);
    assert_eq!(words(&out), [("One moment.", true)]);
    queue.advance(at(500), &mut out);
    assert_eq!(words(&out)[1], ("Yes.", true));
    let presses = |out: &[Output]| out.iter().any(|output| matches!(output, Output::SendText(TextCommand::Press(_))));
    queue.advance(at(1200), &mut out);
    assert!(!presses(&out), "while it is being said");
    queue.advance(at(2000), &mut out);
    assert!(presses(&out));
}
