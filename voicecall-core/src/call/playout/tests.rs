use proptest::prelude::*;

use super::*;

const SPEECH: SpeechId = SpeechId(1);

fn ms(millis: u64) -> CallTime {
    CallTime::from_millis(millis)
}

fn tone(value: u8) -> Frame {
    Frame::from([value; FRAME_SAMPLES])
}

fn speak(playout: &mut Playout, frames: u8) {
    (0..frames).for_each(|value| playout.push(SPEECH, tone(value)));
    playout.finish(SPEECH);
}

fn sent(playout: &mut Playout, now: CallTime) -> usize {
    let mut count = 0;
    playout.advance(now, |command| count += usize::from(matches!(command, MediaCommand::Audio(_))));
    count
}

#[test]
fn keeps_the_lead_and_no_more() {
    let mut playout = Playout::new(Duration::from_millis(300), false);
    speak(&mut playout, 100);
    assert_eq!(sent(&mut playout, ms(0)), 15);
    assert_eq!(sent(&mut playout, ms(0)), 0);
    assert_eq!(sent(&mut playout, ms(20)), 1);
    assert_eq!(sent(&mut playout, ms(170)), 8);
    assert_eq!(playout.underruns(), 0);
}

#[test]
fn without_a_lead_every_frame_goes_out_at_once() {
    let mut playout = Playout::new(Duration::ZERO, false);
    for tick in 0..50 {
        // One millisecond early every other time, as a network would.
        let now = ms(tick * 20).back(Duration::from_millis(tick % 2));
        playout.push(SPEECH, tone(0));
        assert_eq!(sent(&mut playout, now), 1, "tick {tick}");
    }
}

#[test]
fn asks_to_be_woken_when_the_lead_is_used_up() {
    let mut playout = Playout::new(Duration::from_millis(300), false);
    speak(&mut playout, 100);
    sent(&mut playout, ms(0));
    let wake = playout.next_send().unwrap();
    assert!(wake > ms(0) && wake <= ms(1));
    assert_eq!(sent(&mut playout, wake), 1);
}

#[test]
fn random_stalls_shorter_than_the_lead_leave_no_gap() {
    proptest!(|(stalls in proptest::collection::vec(0u64..150, 100))| {
        let mut playout = Playout::new(Duration::from_millis(300), false);
        speak(&mut playout, 255);
        let mut now = 0;
        for stall in stalls {
            sent(&mut playout, ms(now));
            now += 20 + stall;
        }
        prop_assert_eq!(playout.underruns(), 0);
    });
}

#[test]
fn knows_to_the_sample_what_was_heard() {
    let mut playout = Playout::new(Duration::from_millis(300), false);
    speak(&mut playout, 50);
    sent(&mut playout, ms(1000));
    let heard = |playout: &Playout, at| playout.progress(SPEECH, ms(at)).unwrap().samples;
    assert_eq!(heard(&playout, 1000), 0);
    assert_eq!(heard(&playout, 1033), 264);
    sent(&mut playout, ms(1100));
    assert_eq!(heard(&playout, 1101), 808);
    assert_eq!(playout.progress(SPEECH, ms(1101)).unwrap().from, ms(1000));
}

#[test]
fn tells_once_when_speech_was_heard_to_its_end() {
    let mut playout = Playout::new(Duration::from_millis(300), false);
    speak(&mut playout, 10);
    sent(&mut playout, ms(0));
    assert_eq!(playout.next_end(), Some(ms(200)));
    assert_eq!(playout.next_finished(ms(199)), None);
    assert_eq!(playout.next_finished(ms(200)), Some(Finished { speech: SPEECH, from: ms(0), until: ms(200) }));
    assert_eq!(playout.next_finished(ms(201)), None);
}

#[test]
fn an_interruption_clears_the_phone_and_nothing_old_is_sent_afterwards() {
    let mut playout = Playout::new(Duration::from_millis(300), false);
    speak(&mut playout, 50);
    sent(&mut playout, ms(0));
    let mut commands = Vec::new();
    playout.interrupt(ms(100), |command| commands.push(command));
    assert_eq!(commands, [MediaCommand::Clear]);
    assert!(!playout.is_audible(ms(100)));
    assert_eq!(sent(&mut playout, ms(200)), 0);
    // Silence needs no clear.
    playout.interrupt(ms(300), |command| panic!("{command:?}"));
}

#[test]
fn marks_returned_by_a_clear_prove_nothing() {
    let mut playout = Playout::new(Duration::from_secs(2), false);
    speak(&mut playout, 50);
    sent(&mut playout, ms(0));
    playout.interrupt(ms(100), |_| {});
    playout.marked(MarkId(0), ms(100));
    speak(&mut playout, 10);
    sent(&mut playout, ms(200));
    assert_eq!(playout.progress(SPEECH, ms(400)).unwrap().samples, 1600);
}

#[test]
fn late_marks_move_the_clock_towards_the_phones() {
    let mut playout = Playout::new(Duration::from_millis(300), false);
    for round in 0..20 {
        let start = round * 1000;
        speak(&mut playout, 10);
        sent(&mut playout, ms(start));
        // The phone hears everything 80 ms later than we send it.
        playout.marked(MarkId(round), ms(start + 280));
        while playout.next_finished(ms(start + 900)).is_some() {}
    }
    speak(&mut playout, 10);
    sent(&mut playout, ms(20_000));
    let from = playout.progress(SPEECH, ms(20_000)).unwrap().from;
    assert!(from.since(ms(20_079)) <= Duration::from_millis(2), "{from}");
}

#[test]
fn a_mark_that_never_returns_is_given_up() {
    let mut playout = Playout::new(Duration::from_millis(300), false);
    speak(&mut playout, 10);
    sent(&mut playout, ms(0));
    assert!(!playout.is_settled(ms(300)));
    assert!(playout.is_settled(ms(2200)));
    playout.marked(MarkId(0), ms(250));
    assert!(playout.is_settled(ms(300)));
}

#[test]
fn the_recording_holds_what_was_played_and_not_what_was_cleared() {
    let mut playout = Playout::new(Duration::from_millis(300), true);
    speak(&mut playout, 10);
    sent(&mut playout, ms(10));
    assert_eq!(playout.take_slot(ms(0)).as_bytes()[..81], [[0xFF; 80].as_slice(), &[0]].concat());
    playout.interrupt(ms(35), |_| {});
    let slot = playout.take_slot(ms(20));
    assert_eq!(slot.as_bytes()[..80], [0; 80]);
    assert_eq!(slot.as_bytes()[80..120], [1; 40]);
    assert_eq!(slot.as_bytes()[120..], [0xFF; 40]);
    assert_eq!(playout.take_slot(ms(40)), Frame::SILENCE);
    sent(&mut playout, ms(100));
    assert!(playout.sent.is_empty());
}

proptest! {
    #[test]
    fn nothing_is_lost_or_heard_twice(
        chunks in proptest::collection::vec((0u8..20, 0u64..100), 1..40),
        interrupt_at in proptest::option::of(0u64..2000),
    ) {
        let mut playout = Playout::new(Duration::from_millis(200), true);
        let (mut now, mut pushed, mut finished) = (0, 0u64, false);
        let mut interrupted = interrupt_at;
        for (frames, step) in chunks {
            (0..frames).for_each(|_| playout.push(SPEECH, tone(0)));
            pushed += u64::from(frames);
            playout.advance(ms(now), |_| {});
            let heard = playout.progress(SPEECH, ms(now)).map_or(0, |progress| progress.samples);
            prop_assert!(heard <= pushed * 160);
            now += step;
            if interrupted.is_some_and(|at| at <= now) {
                interrupted = None;
                playout.interrupt(ms(now), |_| {});
                pushed = 0;
                finished = true;
                prop_assert!(!playout.is_audible(ms(now)));
            }
        }
        if !finished {
            for _ in 0..600 {
                now += 20;
                playout.advance(ms(now), |_| {});
            }
            let heard = playout.progress(SPEECH, ms(now)).map_or(0, |progress| progress.samples);
            prop_assert_eq!(heard, pushed * 160);
        }
    }
}
