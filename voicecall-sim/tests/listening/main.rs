//! Turns in noise: what the machine hears at its default settings, in virtual time. Callers are the bundled ones and
//! others (`scripts/make-listening`). The settings were found on other recordings, but for a few that
//! `docs/performance.md` names. All noise is made by that script or here.
//!
//! `./scripts/bench listening` prints the figures.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test; one prints a table")]

use std::time::Instant;

mod call;
mod figures;
mod sound;

use call::{ErringDetector, Line, listen};
use figures::{Figures, quantile};
use sound::{Chance, Noise, Sentence, bundled, dbfs, in_a_room, level, other};
use voicecall_core::audio::Detection;

const OTHERS: [&str; 5] = ["sv-linda", "sv-max", "en-steph", "en-rob", "en-m8"];

/// What is behind the caller: at a level, or below the caller's, both in dB.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Behind {
    Nothing,
    White(f64),
    Street(f64),
    Babble(f64),
}

const CONDITIONS: [Behind; 10] = [
    Behind::Nothing,
    Behind::White(-50.0),
    Behind::White(-40.0),
    Behind::White(-30.0),
    Behind::Street(20.0),
    Behind::Street(15.0),
    Behind::Street(10.0),
    Behind::Babble(20.0),
    Behind::Babble(15.0),
    Behind::Babble(10.0),
];

/// Each voice's sentences. The bundled voices are babbled at by six people, the others by six others.
fn callers(others: bool) -> Vec<Vec<Sentence>> {
    if others {
        return OTHERS.iter().map(|name| other(name)).collect();
    }
    let mut caller = bundled("caller", "sv");
    caller.extend(bundled("caller", "en"));
    vec![caller, bundled("distractor-f", "sv")]
}

struct Bench {
    white: Noise,
    street: Noise,
    babble: Noise,
    callers: Vec<Vec<Sentence>>,
}

impl Bench {
    fn new(others: bool) -> Self {
        let babble = Noise::babble(if others { "babble-b" } else { "babble-a" });
        Self { white: Noise::white(), street: Noise::brown(), babble, callers: callers(others) }
    }

    fn put(&self, behind: Behind, line: &mut Line, from: usize, voice: f64, offset: usize) {
        let below = |db: f64| voice * 10_f64.powf(-db / 20.0);
        match behind {
            Behind::Nothing => {}
            Behind::White(db) => self.white.add(&mut line.sound, dbfs(db), from, offset),
            Behind::Street(db) => self.street.add(&mut line.sound, below(db), from, offset),
            Behind::Babble(db) => self.babble.add(&mut line.sound, below(db), from, offset),
        }
    }

    /// One call of each voice, in which every sentence is a turn.
    fn run(&self, behind: Behind) -> Figures {
        let mut figures = Figures::default();
        let mut chance = Chance(7);
        for sentences in &self.callers {
            let mut line = Line::quiet(2.0);
            sentences.iter().for_each(|sentence| line.say(sentence, 1.0, &mut chance));
            let voice = level(&sentences.concat());
            self.put(behind, &mut line, 0, voice, (chance.uniform() * 100_000.0) as usize);
            figures.add(&line, &listen(&line, None));
        }
        figures
    }
}

/// The latest median end of turn and barge-in that are required, in milliseconds.
fn required(behind: Behind) -> (f64, f64) {
    match behind {
        Behind::Nothing => (620.0, 240.0),
        Behind::Street(10.0) => (900.0, f64::INFINITY),
        Behind::Babble(10.0) => (950.0, f64::INFINITY),
        Behind::White(-30.0) => (700.0, f64::INFINITY),
        _ => (700.0, 320.0),
    }
}

fn check(bench: &Bench, what: &str) {
    for behind in CONDITIONS {
        let figures = bench.run(behind);
        let context = format!("{what}, {behind:?}: {}", row(&figures));
        let (end, barge_in) = required(behind);
        assert!(figures.answered() >= if behind == Behind::Babble(10.0) { 97.0 } else { 100.0 }, "{context}");
        assert!(figures.cut_off() <= 2.0, "{context}");
        assert!(quantile(&figures.delays, 0.5) <= end, "{context}");
        assert!(quantile(&figures.barge_ins, 0.5) <= barge_in, "{context}");
    }
}

fn row(figures: &Figures) -> String {
    let Figures { delays, barge_ins, .. } = figures;
    let at = |values: &[f64], share| format!("{:.0}", quantile(values, share));
    format!(
        "{} | {:.1} % | {:.1} % | {} / {} ms | {} / {} ms | {}",
        figures.turns,
        figures.answered(),
        figures.cut_off(),
        at(delays, 0.5),
        at(delays, 0.95),
        at(barge_ins, 0.5),
        at(barge_ins, 0.9),
        figures.empty
    )
}

#[test]
fn every_turn_of_the_bundled_voices_is_answered_in_time() {
    check(&Bench::new(false), "bundled voices");
}

#[test]
fn every_turn_of_other_voices_is_answered_in_time() {
    check(&Bench::new(true), "other voices");
}

/// A minute of babble and nobody who speaks: turns begun, the longest, and how often the agent fell silent.
fn babble_alone(name: &str, db: f64) -> (usize, f64, usize) {
    let mut line = Line::quiet(60.0);
    Noise::babble(name).add(&mut line.sound, dbfs(db), 0, 4321);
    let heard = listen(&line, None);
    let longest = heard.turns.iter().map(|(from, until)| until - from - 600.0).fold(0.0, f64::max);
    (heard.turns.len(), longest, heard.interrupted.len())
}

#[test]
fn babble_alone_begins_no_turn_that_lasts_and_does_not_interrupt() {
    for name in ["babble-a", "babble-b"] {
        for db in [-25.0, -33.0, -45.0] {
            let (turns, longest, interrupted) = babble_alone(name, db);
            assert!(longest <= 300.0 && interrupted == 0, "{name} {db}: {turns}, {longest} ms, {interrupted}");
        }
    }
}

#[test]
fn a_detector_that_errs_in_one_frame_of_twenty_holds_no_turn_open() {
    let mut line = Line::quiet(1.0);
    let mut chance = Chance(11);
    let sentence = vec![8000.0; 8000];
    (0..100).for_each(|_| line.say(&sentence, 1.0, &mut chance));
    let heard = listen(&line, Some(Box::new(ErringDetector { state: 99, one_in: 20 })));
    let mut figures = Figures::default();
    figures.add(&line, &heard);
    assert!(figures.answered() >= 100.0 && quantile(&figures.delays, 0.95) <= 900.0, "{}", row(&figures));
}

/// Calls in which the caller is not who or where they were. A gate that has learnt somebody's voice must not lock out
/// the next.
fn changes() -> Vec<(&'static str, Line)> {
    let bench = Bench::new(true);
    let (linda, rob) = (&bench.callers[0], &bench.callers[3]);
    let call = |second: &[Sentence], gain: f64| {
        let (mut line, mut chance) = (Line::quiet(1.0), Chance(5));
        linda.iter().for_each(|sentence| line.say(sentence, 1.0, &mut chance));
        second.iter().for_each(|sentence| line.say(sentence, gain, &mut chance));
        line
    };
    let mut first = Line::quiet(0.3);
    rob.iter().for_each(|sentence| first.say(sentence, 1.0, &mut Chance(3)));
    bench.put(Behind::Babble(15.0), &mut first, 0, level(&rob.concat()), 777);
    let mut room = call(rob, 0.8);
    room.sound = in_a_room(&room.sound);
    vec![
        ("12 dB quieter", call(linda, 0.25)),
        ("another voice", call(rob, 0.4)),
        ("a speakerphone", room),
        ("babble from the first word on", first),
    ]
}

#[test]
fn nobody_is_locked_out() {
    for (what, line) in changes() {
        let mut figures = Figures::default();
        figures.add(&line, &listen(&line, None));
        assert!(figures.answered() >= 100.0 && quantile(&figures.delays, 1.0) <= 1500.0, "{what}: {}", row(&figures));
    }
}

/// What the detector adds to a second of call, in microseconds: the machine over the line with it and without any, in
/// turns, medians.
fn cost(line: &Line) -> f64 {
    let frames: Vec<_> = line.frames().collect();
    let mut times = [Detection::default(), Detection::Off].map(|detection| (detection, Vec::new()));
    for _ in 0..15 {
        for (detection, times) in &mut times {
            let mut detector = detection.detector();
            let began = Instant::now();
            let voiced = frames.iter().filter(|frame| detector.is_voice(&frame.decode())).count();
            times.push(began.elapsed().as_secs_f64());
            assert!(voiced < frames.len());
        }
    }
    let [with, without] = times.map(|(_, times)| quantile(&times, 0.5));
    (with - without) * 1e6 / (frames.len() as f64 / 50.0)
}

/// A conversation in which the caller speaks a good third of the time, over noise of -60 dBFS; and a caller who never
/// stops.
fn conversation_and_continuous_speech() -> [Line; 2] {
    let mut chance = Chance(17);
    let (mut conversation, mut continuous) = (Line::default(), Line::default());
    for sentence in bundled("caller", "sv") {
        continuous.sound.extend(&sentence);
        conversation.sound.extend(&sentence);
        conversation.sound.resize(conversation.sound.len() + sentence.len() * 65 / 35, 0.0);
    }
    Noise::white().add(&mut conversation.sound, dbfs(-60.0), 0, (chance.uniform() * 1000.0) as usize);
    [conversation, continuous]
}

/// Prints what `docs/performance.md` reports.
#[test]
#[ignore = "a table, printed by ./scripts/bench listening"]
fn table() {
    println!("| behind the caller | turns | answered | cut off | end of turn p50 / p95 | barge-in p50 / p90 | empty |");
    for (what, others) in [("bundled", false), ("other", true)] {
        let bench = Bench::new(others);
        for behind in CONDITIONS {
            println!("| {what}: {behind:?} | {} |", row(&bench.run(behind)));
        }
    }
    for (what, line) in changes() {
        let mut figures = Figures::default();
        figures.add(&line, &listen(&line, None));
        println!("| {what} | {} |", row(&figures));
    }
    for name in ["babble-a", "babble-b"] {
        for db in [-25.0, -33.0, -45.0] {
            println!(
                "{name} alone at {db} dBFS, a minute: (turns, longest, interruptions) {:?}",
                babble_alone(name, db)
            );
        }
    }
    let [conversation, continuous] = conversation_and_continuous_speech().map(|line| cost(&line));
    println!(
        "the detector adds to a second: {conversation:.0} us in a conversation, {continuous:.0} us in speech without end"
    );
}
