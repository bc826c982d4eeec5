//! Who has the floor: fillers give way to what we say, nothing drops what may not be interrupted, and what broke off was
//! not said.

use super::*;

const DISCLOSURE: &str = "Det här är en AI-assistent som ringer från butiken";
const GOODBYE: &str = "Tack för hjälpen och hej då";

/// Says these lines as soon as the call is connected, notes what it is told.
#[derive(Debug)]
struct Says(Vec<(&'static str, bool)>, Told);

impl Dialogue for Says {
    fn handle(&mut self, event: &DialogueEvent, _: CallTime, actions: &mut Vec<Action>) {
        self.1.lock().unwrap().push(event.clone());
        if *event == DialogueEvent::Connected {
            actions.push(Action::GrantConsent);
            for (n, (text, interruptible)) in (1..).zip(self.0.drain(..)) {
                let text = text.to_owned();
                actions.push(Action::Say(Utterance { id: UtteranceId(n), text, interruptible }));
            }
        }
    }
}

fn call<const N: usize>(settings: CallSettings, lines: [(&'static str, bool); N]) -> (Call, Told) {
    let told = Told::default();
    (Call::new(settings, Says(lines.into(), Told::clone(&told))), told)
}

fn with_fillers() -> CallSettings {
    let mut settings = settings();
    settings.prepared = vec![prepared("Hm"), prepared("Ett ögonblick")];
    settings.timeouts.fillers =
        vec![(Duration::from_millis(700), "Hm".into()), (Duration::from_millis(1700), "Ett ögonblick".into())];
    settings
}

fn spoken(told: &Told) -> Vec<u32> {
    let told = told.lock().unwrap();
    let ids = told.iter().filter_map(|event| match event {
        DialogueEvent::Spoken(utterance) => Some(utterance.0),
        _ => None,
    });
    ids.collect()
}

/// How many frames the phone was sent.
fn sent(call: &Call) -> usize {
    call.seen.iter().filter(|(_, output)| is_audio(output)).count()
}

/// How many frames the phone was sent before and after it was cleared.
fn around_clear(call: &Call) -> (usize, usize) {
    let clear = call.seen.iter().position(|(_, output)| is_clear(output)).unwrap();
    let (before, after) = call.seen.split_at(clear);
    let count = |seen: &[(CallTime, Output)]| seen.iter().filter(|(_, output)| is_audio(output)).count();
    (count(before), count(after))
}

fn frames(texts: &[&str]) -> usize {
    texts.iter().map(|text| (text.chars().count() * 400).div_ceil(160)).sum()
}

#[test]
fn noises_over_a_disclosure_bring_no_filler_and_drop_nothing() {
    let (mut call, told) = call(with_fillers(), [(DISCLOSURE, false), ("Vill du vara med?", true)]);
    for at in [300, 2000] {
        call.run(ms(at));
        call.caller_speaks(Duration::from_millis(100));
    }
    call.run(ms(5000));
    assert_eq!(spoken(&told), [1, 2]);
    assert_eq!(call.at(is_clear), []);
    assert_eq!(sent(&call), frames(&[DISCLOSURE, "Vill du vara med?"]));
}

#[test]
fn a_noise_while_a_disclosure_waits_for_its_voice_brings_no_filler() {
    let (mut call, told) = call(with_fillers(), [(DISCLOSURE, false)]);
    // The first order of the voice was given when the call connected.
    call.due.iter_mut().for_each(|(at, _)| *at = ms(2500));
    call.caller_speaks(Duration::from_millis(100));
    call.run(ms(9000));
    assert_eq!(spoken(&told), [1]);
    assert_eq!(sent(&call), frames(&[DISCLOSURE]));
}

#[test]
fn what_may_not_be_interrupted_is_said_whole_behind_what_was() {
    let first = "Det här är något som man gärna får avbryta när man vill";
    let (mut call, told) = call(settings(), [(first, true), ("Och det här med", true), (GOODBYE, false)]);
    call.run(ms(800));
    call.caller_speaks(Duration::from_millis(500));
    call.transcript_after = None;
    call.run(ms(6000));
    assert_eq!(call.at(is_clear).len(), 1);
    assert_eq!(spoken(&told), [3], "the goodbye, and nothing between");
    let told = told.lock().unwrap();
    let interrupted = told.iter().filter(|event| matches!(event, DialogueEvent::Interrupted { .. })).count();
    assert_eq!(interrupted, 1);
    assert_eq!(around_clear(&call).1, frames(&[GOODBYE]), "from its beginning to its end, once");
}

#[test]
fn frames_of_a_goodbye_that_were_sent_already_are_sent_again_after_a_clear() {
    // The first line is so short that the goodbye is in the phone's buffer while it is heard.
    let mut settings = settings();
    settings.lead = Duration::from_secs(2);
    let (mut call, told) = call(settings, [("Ett kort besked bara", true), (GOODBYE, false)]);
    call.run(ms(600));
    call.caller_speaks(Duration::from_millis(400));
    call.transcript_after = None;
    call.run(ms(6000));
    let (before, after) = around_clear(&call);
    assert!(before > frames(&["Ett kort besked bara"]), "some of the goodbye was sent: {before}");
    assert_eq!((spoken(&told), after), (vec![2], frames(&[GOODBYE])));
}

#[test]
fn a_disclosure_that_breaks_off_was_not_said() {
    let told = Told::default();
    let lines = vec![(DISCLOSURE, false), ("Vill du vara med?", true)];
    let mut call = Call::ringing(settings(), Says(lines, Told::clone(&told)));
    call.voice_dies_after = Some(Duration::from_millis(100));
    call.start();
    call.run(ms(5000));
    assert!(spoken(&told).is_empty());
    let told = told.lock().unwrap();
    let broken: Vec<_> = told.iter().filter(|event| matches!(event, DialogueEvent::BrokeOff { .. })).collect();
    let [DialogueEvent::BrokeOff { utterance, heard }] = &broken[..] else { panic!("{told:?}") };
    assert_eq!(*utterance, UtteranceId(1));
    assert!(heard.split_whitespace().count() <= 1, "heard of 100 ms: {heard:?}");
    let facts = call.facts();
    let said = facts.iter().find_map(|fact| match fact {
        Fact::Said { heard, unheard, estimated, .. } => Some((heard.clone(), unheard.clone(), *estimated)),
        _ => None,
    });
    let (heard, unheard, estimated) = said.unwrap();
    assert_eq!(format!("{heard} {unheard}").trim(), DISCLOSURE);
    assert!(estimated && !unheard.is_empty());
}

#[test]
fn a_line_that_breaks_off_is_said_once_more_by_a_script() {
    let (dialogue, _) = consenting(["Hej på dig du där", "x"]);
    let mut call = Call::ringing(settings(), dialogue);
    call.voice_dies_after = Some(Duration::from_millis(100));
    call.start();
    call.run(ms(150));
    call.voice_dies_after = None;
    call.run(ms(4000));
    let whole = |fact: &&&Fact| matches!(fact, Fact::Said { unheard, .. } if unheard.is_empty());
    assert_eq!(call.facts().iter().filter(whole).count(), 1);
}

#[test]
fn a_voice_whose_next_piece_does_not_fit_its_credit_is_not_late() {
    let text = "En mening som är så lång att rösten måste vänta på oss innan den får säga allt som den har att säga";
    let told = Told::default();
    // What is said first takes longer than a voice may be silent: all that while the second one can deliver nothing.
    let mut call = Call::ringing(settings(), Says(vec![(text, false), (text, false)], Told::clone(&told)));
    call.speech_after = None;
    call.start();
    let ops = call.seen.iter().filter_map(|(_, output)| match output {
        Output::Start { op, task: AgentTask::Speak(text) } => Some((*op, speech_of(text))),
        _ => None,
    });
    let ops: Vec<_> = ops.collect();
    // The second voice stops 400 samples before its credit is used up: the piece it holds is longer.
    let (first, second) = (ops[0].clone(), ops[1].clone());
    call.input(InputEvent::Speech { op: first.0, audio: Cow::Owned(first.1), words: Vec::new() });
    call.input(InputEvent::Done { op: first.0 });
    let part = second.1[..15_600].to_vec();
    call.input(InputEvent::Speech { op: second.0, audio: Cow::Owned(part), words: Vec::new() });
    call.run(ms(3300));
    assert!(!call.seen.iter().any(|(_, output)| matches!(output, Output::Cancel { .. })), "it waits for us");
}
