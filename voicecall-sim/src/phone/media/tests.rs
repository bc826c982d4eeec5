//! What an application can rely on, whatever it sends and whenever.

use std::time::Duration;

use proptest::prelude::{Just, ProptestConfig, Strategy, prop_assert_eq, prop_oneof, proptest};

use super::*;
use crate::phone::{AppMessage, IllegalMessage};

/// A format for reading tests: `a<n>` is n bytes of audio numbered on, `m<name>` a mark, `c` clear.
#[derive(Debug)]
struct Plain;

impl Wire for Plain {
    fn write(&mut self, message: &PhoneMessage<'_>) -> String {
        match message {
            PhoneMessage::Media { frame, elapsed_ms } => format!("media {elapsed_ms} {:02x}", frame.as_bytes()[0]),
            other => format!("{other:?}"),
        }
    }

    fn read<'a>(&mut self, text: &'a str) -> Result<AppMessage<'a>, IllegalMessage> {
        match text.split_at_checked(1) {
            Some(("a", bytes)) => Ok(AppMessage::Audio(bytes.bytes().collect())),
            Some(("m", name)) => Ok(AppMessage::Mark(name.into())),
            Some(("c", "")) => Ok(AppMessage::Clear),
            _ => Err(IllegalMessage::UnknownEvent),
        }
    }
}

const MS: fn(u64) -> CallTime = CallTime::from_millis;

fn audio(bytes: usize) -> String {
    format!("a{}", "x".repeat(bytes))
}

fn phone(options: PhoneOptions) -> Phone {
    Phone::open(CallTime::ZERO, Box::new(Plain), options)
}

fn popped(phone: &mut Phone, now: CallTime) -> Vec<String> {
    std::iter::from_fn(|| phone.pop(now)).collect()
}

#[test]
fn a_stream_begins_and_ends_in_order() {
    let mut phone = phone(PhoneOptions::default());
    phone.speak(Frame::from([7; 160]));
    phone.tick(MS(20));
    phone.press(MS(25), '5');
    phone.tick(MS(40));
    phone.hang_up(MS(50));
    phone.tick(MS(60));
    let expected = ["Connected", "Start", "media 20 07", "Key('5')", "media 40 ff", "Stop"];
    assert_eq!(popped(&mut phone, MS(60)), expected);
}

#[test]
fn a_mark_returns_between_ticks_when_its_audio_has_sounded() {
    let mut phone = phone(PhoneOptions::default());
    phone.receive(MS(1), &audio(200));
    phone.receive(MS(1), "mone");
    phone.tick(MS(20));
    phone.tick(MS(40));
    popped(&mut phone, MS(40));
    assert_eq!(phone.next_due(), Some(MS(45)));
    assert_eq!(popped(&mut phone, MS(45)), ["Mark(\"one\")"]);
}

#[test]
fn an_empty_phone_returns_a_mark_at_once_and_a_clear_returns_all() {
    let mut phone = phone(PhoneOptions::default());
    popped(&mut phone, MS(0));
    phone.receive(MS(1), "mnow");
    assert_eq!(popped(&mut phone, MS(1)), ["Mark(\"now\")"]);
    for text in [audio(1000).as_str(), "ma", "mb", "c"] {
        phone.receive(MS(2), text);
    }
    assert_eq!(popped(&mut phone, MS(2)), ["Mark(\"a\")", "Mark(\"b\")"]);
    assert_eq!(phone.tick(MS(20)), Frame::SILENCE);
    assert_eq!(phone.stats().cleared, 1000);
}

#[test]
fn what_is_not_understood_is_counted_and_changes_nothing() {
    let mut phone = phone(PhoneOptions::default());
    phone.receive(MS(1), "?");
    phone.receive(MS(1), "");
    assert_eq!(phone.take_complaints(), [IllegalMessage::UnknownEvent; 2]);
    assert_eq!(phone.stats(), MediaStats { illegal: 2, ..MediaStats::default() });
}

#[test]
fn speech_that_runs_dry_and_goes_on_was_an_underrun_but_a_pause_or_a_clear_was_none() {
    let mut phone = phone(PhoneOptions::default());
    phone.receive(MS(1), &audio(200));
    for tick in 1..=4 {
        phone.tick(MS(tick * 20));
    }
    phone.receive(MS(81), &audio(160));
    phone.tick(MS(100));
    assert_eq!(phone.stats().gaps, [Gap { at: MS(45), samples: 120 + 320 }]);
    for tick in 6..=60 {
        phone.tick(MS(tick * 20));
    }
    phone.receive(MS(1201), &audio(160));
    phone.tick(MS(1220));
    phone.receive(MS(1221), "c");
    phone.tick(MS(1240));
    phone.receive(MS(1241), &audio(160));
    phone.tick(MS(1260));
    assert_eq!(phone.stats().underruns, 1);
}

#[test]
fn gapless_speech_is_no_underrun() {
    let mut phone = phone(PhoneOptions::default());
    for tick in 1..=50 {
        phone.receive(MS(tick * 20 - 1), &audio(160));
        phone.tick(MS(tick * 20));
    }
    assert_eq!((phone.stats().underruns, phone.stats().heard), (0, 8000));
}

#[test]
fn a_stalled_network_makes_a_gap_of_its_length() {
    let mut phone = phone(PhoneOptions::default());
    for tick in 1..=50 {
        if tick == 10 {
            phone.stall(MS(199 + 300));
        }
        phone.receive(MS(tick * 20 - 1), &audio(160));
        phone.tick(MS(tick * 20));
    }
    let stats = phone.stats();
    assert_eq!(stats.gaps, [Gap { at: MS(200), samples: 8 * 300 }]);
    assert_eq!(stats.received, 8000);
}

#[test]
fn network_delay_holds_messages_in_both_directions() {
    let delay = Network { delay: Duration::from_millis(70), ..Network::default() };
    let mut phone = phone(PhoneOptions { to_phone: delay, to_app: delay, ..PhoneOptions::default() });
    phone.receive(MS(0), "mx");
    assert!(popped(&mut phone, MS(69)).is_empty());
    assert_eq!(popped(&mut phone, MS(139)), ["Connected", "Start"]);
    assert_eq!(popped(&mut phone, MS(140)), ["Mark(\"x\")"]);
}

#[test]
fn a_recording_holds_both_sides_at_the_same_times() {
    let mut phone = phone(PhoneOptions { record: true, ..PhoneOptions::default() });
    phone.receive(MS(1), &audio(80));
    phone.tick(MS(20));
    phone.speak(Frame::from([9; 160]));
    phone.tick(MS(40));
    let (caller, app) = phone.recording();
    assert_eq!((caller.len(), app.len()), (320, 320));
    assert_eq!((caller[159], caller[160], app[79], app[80]), (0xFF, 9, b'x', 0xFF));
}

/// What an application may do in one go, with the time that passes before it.
fn script() -> impl Strategy<Value = Vec<(u64, String)>> {
    let action = prop_oneof![
        4 => (0..2000usize).prop_map(audio),
        2 => "[a-z]{1,3}".prop_map(|name| format!("m{name}")),
        1 => Just("c".to_owned()),
        1 => Just("?".to_owned()),
    ];
    proptest::collection::vec((0..70u64, action), 0..60)
}

fn network() -> Network {
    Network {
        delay: Duration::from_millis(30),
        jitter: Duration::from_millis(60),
        stall_probability: 0.05,
        stall: Duration::from_millis(350),
    }
}

/// Runs a script and returns the phone after `end`, the frames heard and everything sent.
fn run(script: &[(u64, String)], options: PhoneOptions) -> (Phone, Vec<Frame>, Vec<String>) {
    let mut phone = phone(options);
    let (mut now, mut tick) = (0, 20);
    let (mut heard, mut sent) = (Vec::new(), Vec::new());
    for (gap, text) in script {
        now += gap;
        while tick <= now {
            heard.push(phone.tick(MS(tick)));
            tick += 20;
        }
        phone.receive(MS(now), text);
        sent.extend(popped(&mut phone, MS(now)));
    }
    for _ in 0..2000 {
        heard.push(phone.tick(MS(tick)));
        sent.extend(popped(&mut phone, MS(tick)));
        tick += 20;
    }
    (phone, heard, sent)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn bytes_are_heard_cleared_or_waiting_and_every_mark_returns_once_in_order(
        script in script(), seed: u64,
    ) {
        let options = PhoneOptions { to_phone: network(), to_app: network(), seed, ..PhoneOptions::default() };
        let (phone, heard, sent) = run(&script, options);
        let stats = phone.stats();
        let bytes = script.iter().filter(|(_, text)| text.starts_with('a')).map(|(_, text)| text.len() as u64 - 1);
        prop_assert_eq!(stats.received, bytes.sum::<u64>());
        prop_assert_eq!(stats.received, stats.heard + stats.cleared + stats.buffered);
        let audible = heard.iter().flat_map(|frame| frame.as_bytes()).filter(|&&code| code == b'x').count() as u64;
        prop_assert_eq!(audible, stats.heard);
        let marks: Vec<&str> = script.iter().filter_map(|(_, text)| text.strip_prefix('m')).collect();
        let returned: Vec<String> = sent.iter().filter(|text| text.starts_with("Mark")).cloned().collect();
        let expected: Vec<String> = marks.iter().map(|name| format!("Mark({name:?})")).collect();
        prop_assert_eq!(returned, expected);
    }

    #[test]
    fn the_same_seed_gives_the_same_messages(script in script(), seed: u64) {
        let options = || PhoneOptions { to_phone: network(), to_app: network(), seed, ..PhoneOptions::default() };
        prop_assert_eq!(run(&script, options()).2, run(&script, options()).2);
    }

    #[test]
    fn how_audio_is_cut_into_messages_does_not_matter(cuts in proptest::collection::vec(0..700usize, 1..20)) {
        let total: usize = cuts.iter().sum();
        let whole = run(&[(5, audio(total)), (0, "mend".into())], PhoneOptions::default());
        let mut script: Vec<_> = cuts.iter().enumerate().map(|(i, &cut)| (if i == 0 { 5 } else { 0 }, audio(cut))).collect();
        script.push((0, "mend".into()));
        let pieces = run(&script, PhoneOptions::default());
        prop_assert_eq!(whole.1, pieces.1);
        prop_assert_eq!(whole.2, pieces.2);
    }
}
