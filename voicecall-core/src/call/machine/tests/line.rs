//! Audio that comes late, in one piece or never: where it lies in the recording, and what it is judged against.

use std::ops::Range;

use super::*;

/// What is wrong with a line: frames of `held` arrive all at its end, those of `lost` never.
#[derive(Debug, Clone, Default)]
struct Trouble {
    held: Vec<Range<u64>>,
    lost: Vec<Range<u64>>,
    timestamps: bool,
}

/// Ten seconds in which the caller speaks from the eighth to the ninth, and may have audio waiting at the beginning.
fn talk(trouble: &Trouble) -> (Call, Told) {
    let (dialogue, told) = consenting(["Hej", "Tack"]);
    let mut call = Call::new(settings(), dialogue);
    for slot in 0..500 {
        call.run_without_audio(ms(20 * (slot + 1)));
        let held = trouble.held.iter().find(|held| held.contains(&slot) || held.end == slot);
        let arrive = match held {
            Some(held) if held.end == slot => held.start..slot + 1,
            Some(_) => continue,
            None => slot..slot + 1,
        };
        for number in arrive.filter(|number| !trouble.lost.iter().any(|lost| lost.contains(number))) {
            let byte = if (400..450).contains(&number) { 0x10 } else { 0xFF };
            let timestamp_ms = trouble.timestamps.then_some(20 * number);
            let payload = Cow::Owned(vec![byte; 160]);
            call.input(InputEvent::Media(MediaEvent::Audio { payload, timestamp_ms }));
        }
    }
    (call, told)
}

impl Call {
    /// Wake-ups and results at their instants, up to `end`.
    fn run_without_audio(&mut self, end: CallTime) {
        loop {
            let result = self.due.iter().map(|(at, _)| *at).min();
            let wake = self.logic.wake_at().map(|at| at.max(self.now));
            let Some(next) = [result, wake].into_iter().flatten().min().filter(|next| *next <= end) else { break };
            self.now = next;
            match self.due.iter().position(|(at, _)| *at == next) {
                Some(at) => {
                    let (_, event) = self.due.remove(at);
                    self.input(event);
                }
                None => self.input(InputEvent::Tick),
            }
        }
        self.now = end;
    }

    /// When each recorded frame began, and whether the caller and the agent are in it.
    fn recorded(&self) -> Vec<(u64, bool, bool)> {
        let frame = |output: &Output| match output {
            Output::Record { at, caller, agent } => {
                Some((at.as_millis(), caller.as_bytes()[0] != 0xFF, agent.as_bytes()[80] != 0xFF))
            }
            _ => None,
        };
        self.seen.iter().filter_map(|(_, output)| frame(output)).collect()
    }
}

fn one(range: Range<u64>) -> Vec<Range<u64>> {
    std::iter::once(range).collect()
}

fn turns(told: &Told) -> Vec<CallerTurn> {
    let heard = |event: &DialogueEvent| if let DialogueEvent::Heard(turn) = event { Some(turn.clone()) } else { None };
    told.lock().unwrap().iter().filter_map(heard).collect()
}

fn assert_all_in_place(trouble: &Trouble) {
    let (call, told) = talk(trouble);
    let recorded = call.recorded();
    assert!(recorded.iter().map(|frame| frame.0).eq((0..500).map(|number| 20 * number)), "{trouble:?}: a frame a slot");
    let spoken: Vec<_> = recorded.iter().filter(|frame| frame.1).map(|frame| frame.0).collect();
    assert_eq!((spoken.len(), spoken[0]), (50, 8000), "{trouble:?}");
    // Three characters of 50 ms, then four: whatever the caller's line does, all of it is recorded.
    assert!(recorded.iter().filter(|frame| frame.2).count() >= 7, "{trouble:?}: {recorded:?}");
    assert_eq!(turns(&told)[0].started, ms(8000), "{trouble:?}");
}

#[test]
fn late_audio_is_counted_once_and_lost_audio_leaves_its_gap() {
    for timestamps in [false, true] {
        let held = |ranges: &[Range<u64>]| Trouble { held: ranges.to_vec(), timestamps, ..Trouble::default() };
        for late in [45, 50, 51, 52, 60, 75, 98] {
            assert_all_in_place(&held(&one(100..100 + late)));
        }
        assert_all_in_place(&held(&[50..110, 150..210, 250..310]));
        for lost in [5, 20, 40, 49, 55, 75] {
            let lost = one(100..100 + lost);
            let trouble = Trouble { lost, timestamps, ..Trouble::default() };
            let (call, told) = talk(&trouble);
            assert_eq!(call.recorded().len(), 500, "{trouble:?}");
            assert_eq!(turns(&told)[0].started, ms(8000), "{trouble:?}");
        }
    }
}

#[test]
fn what_is_lost_just_before_a_turn_does_not_move_it_if_the_carrier_tells_the_time() {
    let trouble = Trouble { lost: one(350..395), timestamps: true, ..Trouble::default() };
    assert_eq!(turns(&talk(&trouble).1)[0].started, ms(8000));
}

#[test]
fn what_waited_before_the_machine_began_moves_nothing_after_it() {
    for waiting in [0, 10, 20, 100] {
        let (dialogue, told) = consenting(["Hej hej hej", "Tack"]);
        let mut call = Call::new(settings(), dialogue);
        for number in 0..waiting {
            let payload = Cow::Owned(vec![if number < 10 && waiting == 20 { 0x10 } else { 0xFF }; 160]);
            call.input(InputEvent::Media(MediaEvent::Audio { payload, timestamp_ms: Some(20 * number) }));
        }
        for slot in 0..150 {
            call.run_without_audio(ms(20 * (slot + 1)));
            let payload = Cow::Owned(vec![0xFF; 160]);
            let timestamp_ms = Some(20 * (waiting + slot));
            call.input(InputEvent::Media(MediaEvent::Audio { payload, timestamp_ms }));
        }
        let recorded = call.recorded();
        assert_eq!(recorded.len() as u64, 150 + waiting, "every frame of the caller");
        // Of the longer line or, if the caller spoke first, of the next one.
        let characters = if waiting == 20 { 4 } else { 11 };
        let agent = recorded.iter().filter(|frame| frame.2).count() as u64;
        assert!(agent.abs_diff(characters * 50 / 20) <= 1, "{agent} frames of the agent, {waiting} waiting");
        let started: Vec<_> = turns(&told).iter().map(|turn| turn.started).collect();
        let expected: &[CallTime] = if waiting == 20 { &[CallTime::ZERO] } else { &[] };
        assert_eq!(started, expected, "before anything was asked");
    }
}
