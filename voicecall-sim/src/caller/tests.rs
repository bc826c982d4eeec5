//! Callers on a line that plays what an agent says.

use std::collections::BTreeMap;

use voicecall_core::CallTime;
use voicecall_core::audio::{FRAME_DURATION, Frame};

use super::{CallerEvent, LogEntry, ScriptedCaller};
use crate::clips::{Library, Speech};
use crate::labels::Labels;
use crate::phone::{Party as _, PartyAction};
use crate::scenario::Scenario;

const FRAME: u64 = 20;

fn scenario(steps: &str) -> Scenario {
    format!("name = 'x'\nseed = 1\ncaller.answer = {{ after = '1 s' }}\n{steps}").parse().unwrap()
}

/// A line: what the agent says at which millisecond, and what the caller then does.
struct Line {
    caller: ScriptedCaller,
    agent: BTreeMap<u64, Frame>,
    actions: Vec<(u64, PartyAction)>,
}

impl Line {
    fn new(steps: &str) -> Self {
        Self::of(ScriptedCaller::new(&scenario(steps)).unwrap())
    }

    fn labelled(steps: &str) -> Self {
        Self::of(ScriptedCaller::with_labels(&scenario(steps), &Labels::new()).unwrap())
    }

    fn of(caller: ScriptedCaller) -> Self {
        Self { caller, agent: BTreeMap::new(), actions: Vec::new() }
    }

    /// The agent says `text` from `millis` on; returns when it has ended.
    fn agent_says(&mut self, text: &str, millis: u64) -> u64 {
        self.agent_sounds(&Library::bundled().voice("agent", text).unwrap(), millis)
    }

    fn agent_sounds(&mut self, speech: &Speech, millis: u64) -> u64 {
        let (frames, _) = speech.audio.as_chunks::<160>();
        let times = (millis / FRAME..).map(|frame| frame * FRAME);
        self.agent.extend(times.zip(frames.iter().map(|&frame| Frame::from(frame))));
        millis + speech.audio.len() as u64 / 8
    }

    /// Lets the call go on until `millis`.
    fn run(&mut self, millis: u64) {
        let start = self.actions.last().map_or(0, |(at, _)| at + FRAME);
        for at in (start..millis).step_by(FRAME as usize) {
            let now = CallTime::from_millis(at);
            self.actions.push((at, self.caller.speak(now)));
            self.caller.hear(now, self.agent.get(&at).unwrap_or(&Frame::SILENCE));
        }
    }

    /// When the caller did its first thing other than listening at or after `millis`.
    fn acted(&self, millis: u64) -> Option<u64> {
        let mut later = self.actions.iter().filter(|(at, _)| *at >= millis);
        later.find(|(_, action)| *action != PartyAction::Listen).map(|(at, _)| *at)
    }

    fn log(&self) -> Vec<(CallerEvent, u64)> {
        let line = |entry: &LogEntry| (entry.event.clone(), entry.from.as_millis());
        self.caller.log().entries().iter().map(line).collect()
    }
}

#[test]
fn a_caller_answers_half_a_second_after_the_phrase_it_waits_for() {
    let mut line = Line::new("[[caller.step]]\nhears = 'vill du vara med'\nsay = 'Ja, det går bra.'");
    let first = line.agent_says("Samtalet spelas in om du säger ja.", 1000);
    line.run(first + 2000);
    assert_eq!(line.acted(0), None);

    let asked = line.agent_says("Vill du vara med?", first + 2000);
    line.run(asked + 3000);
    let wait = line.acted(0).unwrap() - asked;
    // Clips end in a little silence, which counts as silence.
    assert!((380..=540).contains(&wait), "{wait}");
    let log = line.caller.log();
    assert_eq!(log.heard(), "Samtalet spelas in om du säger ja. Vill du vara med?");
    assert_eq!(log.said(), "Ja, det går bra.");
}

#[test]
fn what_a_caller_says_is_its_clip() {
    let mut line = Line::new("[[caller.step]]\nat = '1 s'\nsay = 'Ja, det går bra.'");
    line.run(4000);
    let audio: Vec<u8> = line
        .actions
        .iter()
        .filter_map(|(_, action)| match action {
            PartyAction::Speak(frame) => Some(*frame.as_bytes()),
            _ => None,
        })
        .flatten()
        .collect();
    let clip = Library::bundled().voice("caller", "Ja, det går bra.").unwrap().audio;
    assert_eq!(audio[..clip.len()], clip);
    assert!(audio[clip.len()..].iter().all(|&code| code == 0xFF));
    let entry = &line.caller.log().entries()[0];
    assert_eq!(
        (entry.from, entry.until - entry.from),
        (CallTime::from_millis(980), FRAME_DURATION * (audio.len() as u32 / 160))
    );
}

#[test]
fn a_caller_interrupts_within_a_sentence() {
    let steps = "[[caller.step]]\nhears = 'det här är Vera'\ninterrupt_after = 1\nsay = 'Vem är det som ringer?'";
    let mut line = Line::new(steps);
    let sentence = "Hej, det här är Vera, en AI-assistent som ringer från Kaffebutiken.";
    let end = line.agent_says(sentence, 1000);
    line.run(end + 1000);
    let acted = line.acted(0).unwrap();
    let words = Library::bundled().voice("agent", sentence).unwrap().words;
    let next_word = 1000 + words[5].end as u64 / 8;
    assert!((next_word..=next_word + 400).contains(&acted), "{acted} {next_word}");
    assert!(acted + 1000 < end);
    // The log still has the whole sentence, before the interruption.
    let events: Vec<CallerEvent> = line.log().into_iter().map(|(event, _)| event).collect();
    assert_eq!(events, [CallerEvent::Heard(sentence.into()), CallerEvent::Said("Vem är det som ringer?".into())]);
}

#[test]
fn what_was_heard_before_an_interruption_triggers_nothing_more() {
    let steps = "
        [[caller.step]]\nhears = 'hur nöjd'\ninterrupt_after = 0\nsay = 'Vänta lite.'
        [[caller.step]]\nhears = 'hur nöjd'\nsay = 'Hallå?'";
    let mut line = Line::new(steps);
    let sentence = "Hur nöjd är du med ditt senaste besök?";
    let end = line.agent_says(sentence, 1000);
    line.run(end + 4000);
    // The whole sentence is understood only at its end, when its beginning has been answered.
    assert_eq!(line.caller.log().heard(), sentence);
    assert_eq!(line.caller.log().said(), "Vänta lite.");

    let end = line.agent_says(sentence, end + 4000);
    line.run(end + 4000);
    assert_eq!(line.caller.log().said(), "Vänta lite. Hallå?");
}

#[test]
fn steps_are_used_once_and_in_order_of_the_file() {
    let steps = "
        [[caller.step]]\nhears = 'hör du mig'\nsay = 'Vad sa du?'
        [[caller.step]]\nhears = 'hör du mig'\nsay = 'Ja.'";
    let mut line = Line::new(steps);
    let mut end = 0;
    for _ in 0..3 {
        end = line.agent_says("Hör du mig?", end + 1000);
        line.run(end + 3000);
        end += 3000;
    }
    assert_eq!(line.caller.log().said(), "Vad sa du? Ja.");
}

#[test]
fn silence_counts_from_the_last_sound_of_either_side() {
    let steps = "[[caller.step]]\nafter_silence = '2 s'\nsay = 'Hallå?'\n[[caller.step]]\nafter_silence = '2 s'\nhang_up = true";
    let mut line = Line::new(steps);
    let end = line.agent_says("Är du kvar?", 500);
    line.run(end + 6000);
    let log = line.log();
    let [_, (CallerEvent::Said(_), said), (CallerEvent::HungUp, hung_up)] = &log[..] else { panic!("{log:?}") };
    assert!((end + 1800..=end + 2040).contains(said), "{said} {end}");
    let spoken = line.caller.log().entries()[1].until.as_millis();
    assert!((spoken + 1980..=spoken + 2040).contains(hung_up), "{hung_up} {spoken}");
    assert_eq!(line.actions.last().unwrap().1, PartyAction::HangUp);
}

#[test]
fn keys_are_pressed_one_after_the_other() {
    let mut line = Line::new("[[caller.step]]\nat = '1 s'\nkeys = '12#'");
    line.run(3000);
    let keys: Vec<(u64, PartyAction)> =
        line.actions.iter().copied().filter(|(_, action)| matches!(action, PartyAction::Press(_))).collect();
    assert_eq!(
        keys,
        [(1000, PartyAction::Press('1')), (1200, PartyAction::Press('2')), (1400, PartyAction::Press('#'))]
    );
}

#[test]
fn a_deliberate_silence_holds_other_steps_back() {
    let steps = "
        [[caller.step]]\nstart = true\nsilence = '2 s'
        [[caller.step]]\nat = '1 s'\nkeys = '1'";
    let mut line = Line::new(steps);
    line.run(3000);
    assert_eq!(line.acted(0), Some(2000));
}

#[test]
fn noise_is_as_loud_as_asked_and_the_same_for_a_seed() {
    let steps = "[[caller.step]]\nstart = true\nnoise = { duration = '1 s', below_full_scale = 30.0 }";
    let run = || {
        let mut line = Line::new(steps);
        line.run(1500);
        line.actions
    };
    let actions = run();
    assert_eq!(actions, run());
    let samples: Vec<f64> = actions
        .iter()
        .filter_map(|(_, action)| match action {
            PartyAction::Speak(frame) => Some(frame.decode()),
            _ => None,
        })
        .flatten()
        .map(f64::from)
        .collect();
    assert_eq!(samples.len(), 8000);
    let rms = (samples.iter().map(|sample| sample * sample).sum::<f64>() / 8000.0).sqrt();
    let level = -20.0 * (rms / 32_767.0).log10();
    assert!((29.5..=30.5).contains(&level), "{level}");
}

#[test]
fn with_labels_a_caller_says_and_hears_any_words() {
    let steps = "
        [[caller.step]]\nhears = 'Comment ça va ?'\nsay = 'Detta har ingen klippt.'
        [[caller.step]]\nhears = 'en två'\ninterrupt_after = 1\nkeys = '1'";
    let labels = Labels::new();
    let mut line = Line::of(ScriptedCaller::with_labels(&scenario(steps), &labels).unwrap());
    let end = line.agent_sounds(&labels.speak("agent", "Bonjour. Comment ça va ?"), 1000);
    line.run(6000);
    assert_eq!(line.acted(0), Some(end + 500));
    let said = line.actions.iter().filter_map(|(_, action)| match action {
        PartyAction::Speak(frame) => Some(*frame),
        _ => None,
    });
    assert_eq!(labels.read(said), "Detta har ingen klippt.");

    let counting = labels.speak("agent", "en två tre fyra fem sex sju åtta");
    let third = counting.words[2].start as u64 / 8;
    let end = line.agent_sounds(&counting, 6000);
    line.run(end);
    let acted = line.acted(6000).unwrap();
    assert!((6000 + third..end).contains(&acted), "{acted}: behind the third word, before the end");
}

/// A tone of the agent that no clip holds, from one millisecond to another.
fn agent_sounds(line: &mut Line, from: u64, until: u64) {
    let tone = Frame::from(std::array::from_fn(|sample| if sample % 8 < 4 { 0x90 } else { 0x10 }));
    line.agent.extend((from..until).step_by(FRAME as usize).map(|at| (at, tone)));
}

#[test]
fn any_speech_is_told_by_its_sound() {
    let steps = "[[caller.step]]\nhears = '*'\ndelay = '600 ms'\nkeys = '1'";
    for mut line in [Line::new(steps), Line::labelled(steps)] {
        // A click is no speech.
        agent_sounds(&mut line, 500, 580);
        agent_sounds(&mut line, 2000, 2400);
        line.run(4000);
        assert_eq!(line.acted(0), Some(3000));
    }
    let mut line = Line::labelled("[[caller.step]]\nhears = '*'\ninterrupt_after = '300 ms'\nkeys = '1'");
    agent_sounds(&mut line, 1000, 3000);
    line.run(4000);
    assert_eq!(line.acted(0), Some(1300));
}

#[test]
fn what_an_agent_says_while_the_caller_speaks_is_no_answer() {
    let steps = "
        [[caller.step]]\nat = '1 s'\nsay = '0123456789'
        [[caller.step]]\nhears = '*'\nkeys = '1'";
    let mut line = Line::labelled(steps);
    // Until 1,680 ms the caller speaks.
    agent_sounds(&mut line, 500, 1600);
    agent_sounds(&mut line, 3000, 3500);
    line.run(5000);
    let keys = line.actions.iter().find(|(_, action)| matches!(action, PartyAction::Press(_)));
    assert_eq!(keys.map(|(at, _)| *at), Some(4000));
}

#[test]
fn steps_in_order_wait_for_the_one_before() {
    let steps = "
        [[caller.step]]\nat = '3 s'\nkeys = '1'
        [[caller.step]]\nat = '1 s'\nkeys = '2'";
    let keys = |order: &str| {
        let mut line = Line::labelled(&format!("caller.in_order = {order}\n{steps}"));
        line.run(4000);
        let keys = line.actions.iter().filter_map(|(at, action)| match action {
            PartyAction::Press(key) => Some((*key, *at)),
            _ => None,
        });
        keys.collect::<Vec<_>>()
    };
    assert_eq!(keys("true"), [('1', 3000), ('2', 3200)]);
    assert_eq!(keys("false"), [('2', 1000), ('1', 3000)]);
}

#[test]
fn a_recording_is_played_from_beside_its_scenario() {
    let folder = std::env::temp_dir().join(format!("voicecall-sim-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir(&folder).unwrap();
    let mut wav = crate::wav::streaming_header(16_000);
    wav.extend([8000_i16; 640].iter().flat_map(|sample| sample.to_le_bytes()));
    std::fs::write(folder.join("hello.wav"), wav).unwrap();
    let text = |file: &str| {
        format!("name = 'x'\nseed = 1\ncaller.answer = 'busy'\n[[caller.step]]\nstart = true\nplay = '{file}'")
    };
    std::fs::write(folder.join("scenario.toml"), text("hello.wav")).unwrap();
    let scenario = Scenario::load(folder.join("scenario.toml")).unwrap();
    let mut caller = ScriptedCaller::new(&scenario).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    // Forty milliseconds.
    let frames: Vec<PartyAction> = (1..=3).map(|frame| caller.speak(CallTime::from_millis(20 * frame))).collect();
    assert!(matches!(&frames[..], [PartyAction::Speak(_), PartyAction::Speak(_), PartyAction::Listen]), "{frames:?}");
    assert_eq!(caller.log().said(), "hello.wav");

    let error = ScriptedCaller::new(&text("/no/such/file.wav").parse().unwrap()).unwrap_err();
    assert_eq!(error.field(), Some("caller.step.play"));
    assert!(error.to_string().contains("/no/such/file.wav"), "{error}");
}

#[test]
fn a_sentence_without_a_clip_is_refused_before_the_call() {
    let text = "name = 'x'\nseed = 1\ncaller.answer = 'busy'\n[[caller.step]]\nstart = true\nsay = 'Det säger ingen.'";
    let error = ScriptedCaller::new(&text.parse().unwrap()).unwrap_err();
    assert!(error.to_string().contains("Det säger ingen."), "{error}");
}

#[test]
fn the_last_words_are_heard_when_the_call_ends_within_them() {
    let mut line = Line::new("");
    let end = line.agent_says("Tack och hej då.", 500);
    line.run(end);
    assert_eq!(line.caller.log().heard(), "");
    line.caller.ended(CallTime::from_millis(end));
    assert_eq!(line.caller.log().heard(), "Tack och hej då.");
}
