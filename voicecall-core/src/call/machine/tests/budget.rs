//! What a call costs, and how it ends before it costs more than it may; also one that goes on.

use super::*;
use crate::model::TokenUsage;

/// Ten cents a minute, a millionth for a character, 60 for a second of audio, one for a token.
fn budget(cap: i64) -> Budget {
    let prices = serde_json::from_value(serde_json::json!({
        "effective": "2026-11-20",
        "carrier": { "per_minute": 80_000, "stream_per_minute": 20_000 },
        "transcription": { "per_minute": 3600, "increment_ms": 1000 },
        "speech": { "per_1000_characters": 1000 },
        "model": { "input_per_million": 1_000_000, "cached_per_million": 500_000, "output_per_million": 2_000_000 },
    }));
    let mut budget = Budget::new(prices.unwrap()).with_cap(Money::from_micros(cap));
    budget.farewell = Some("Hej då".into());
    budget
}

fn with_budget(cap: i64) -> CallSettings {
    CallSettings { budget: Some(budget(cap)), prepared: vec![prepared("Hej"), prepared("Hej då")], ..settings() }
}

impl Call {
    fn costs(&self) -> Vec<(CallTime, Cost)> {
        let cost = |output: &Output| match output {
            Output::Journal { fact: Fact::Cost(cost), .. } => Some(*cost),
            _ => None,
        };
        self.seen.iter().filter_map(|(at, output)| Some((*at, cost(output)?))).collect()
    }

    fn cost(&self) -> Cost {
        self.costs().last().unwrap().1
    }

    fn reason(&self) -> Option<EndReason> {
        self.seen.iter().find_map(|(_, output)| match output {
            Output::Effect(Effect::HangUp(reason)) => Some(*reason),
            _ => None,
        })
    }
}

#[test]
fn a_call_costs_what_was_asked_of_its_services_and_prepared_speech_nothing() {
    let (dialogue, _) = consenting(["Hej", "Tack så mycket", "Hej då"]);
    let mut call = Call::new(with_budget(1_000_000), dialogue);
    call.run(ms(1000));
    call.caller_speaks(Duration::from_millis(800));
    let usage = TokenUsage { input: 100, cached: 40, output: 10, ..TokenUsage::default() };
    call.input(InputEvent::Usage { op: OpId(90), usage });
    call.run(ms(8000));
    call.caller_speaks(Duration::from_millis(700));
    call.run(ms(20_000));
    assert!(call.logic.is_finished());
    let cost = call.cost();
    assert_eq!(cost.carrier, Money::from_micros(100_000));
    assert_eq!(cost.speech, Money::from_micros(14), "only the second line was synthesised");
    assert_eq!(cost.model, Money::from_micros(60 + 20 + 20));
    let turns = call.transcriptions();
    assert_eq!(turns.len(), 2);
    let seconds: usize = turns.iter().map(|(_, frames)| frames.div_ceil(50)).sum();
    assert_eq!(cost.transcription, Money::from_micros(60 * seconds as i64));
    assert_eq!(cost.total(), Money::from_micros(100_000 + 14 + 100 + 60 * seconds as i64));
    assert!(call.costs().windows(2).all(|pair| pair[0].1.total() < pair[1].1.total()));
}

#[test]
fn minutes_are_counted_from_the_answer_to_the_instant_of_hanging_up() {
    for (millis, minutes) in [(59_900, 1), (60_000, 1), (60_100, 2)] {
        let (dialogue, _) = consenting(["Hej", "x"]);
        let mut call = Call::new(with_budget(1_000_000), dialogue);
        call.run(ms(millis));
        call.input(InputEvent::Media(MediaEvent::Stopped));
        call.run(ms(millis + 3000));
        assert!(call.logic.is_finished(), "nothing else is heard of the call");
        assert_eq!(call.cost().carrier, Money::from_micros(minutes * 100_000), "{millis} ms");
    }
}

#[test]
fn words_understood_after_the_hang_up_are_in_the_last_cost() {
    let (dialogue, _) = consenting(["Hej", "Tack", "x"]);
    let mut call = Call::new(with_budget(1_000_000), dialogue);
    call.run(ms(1000));
    call.caller_speaks(Duration::from_millis(500));
    call.hangs_up();
    let usage = TokenUsage { input: 7, cached: 0, output: 0, ..TokenUsage::default() };
    call.input(InputEvent::Usage { op: OpId(90), usage });
    call.run(ms(5000));
    assert!(call.logic.is_finished());
    assert_eq!(call.cost().model, Money::from_micros(7));
    assert!(call.cost().transcription > Money::ZERO);
}

#[test]
fn the_cost_is_journaled_at_most_once_a_second_and_only_when_it_has_changed() {
    let mut call = Call::new(with_budget(1_000_000), Chatterbox(0));
    call.run(ms(70_000));
    let costs = call.costs();
    assert!(costs.len() > 20);
    assert_eq!(costs[0].0, CallTime::ZERO);
    assert!(costs.windows(2).all(|pair| pair[1].0.since(pair[0].0) >= Duration::from_secs(1)));
    assert!(costs.windows(2).all(|pair| pair[0].1.total() < pair[1].1.total()));
    let minute = costs.iter().find(|(_, cost)| cost.carrier > Money::from_micros(100_000)).unwrap();
    assert!(minute.0 >= ms(60_000) && minute.0 <= ms(61_020), "{}", minute.0);
    let (dialogue, _) = consenting(["Hej", "x"]);
    let mut silent = Call::new(with_budget(1_000_000), dialogue);
    silent.run(ms(50_000));
    assert_eq!(silent.costs().len(), 1);
}

#[test]
fn a_dialogue_is_told_to_wrap_up_once_before_a_minute_that_it_cannot_pay() {
    let (dialogue, told) = consenting(["Hej", "x", "Hej då"]);
    let mut call = Call::new(with_budget(150_000), dialogue);
    call.run(ms(100_000));
    let reached: Vec<_> = call.at(|output| matches!(output, Output::Journal { fact: Fact::BudgetReached(_), .. }));
    assert_eq!(reached.len(), 1);
    assert!(reached[0] >= ms(40_000) && reached[0] <= ms(40_020), "{}", reached[0]);
    assert_eq!(told.lock().unwrap().iter().filter(|event| **event == DialogueEvent::WrapUp).count(), 1);
    assert!(call.logic.is_finished() && call.now < ms(45_000), "{}", call.now);
    assert_eq!(call.reason(), Some(EndReason::Completed));
    assert_eq!(call.cost().carrier, Money::from_micros(100_000));
    assert!(call.cost().total() <= Money::from_micros(150_000));
}

#[test]
fn a_dialogue_that_does_not_wrap_up_is_ended_with_a_prepared_farewell_that_cannot_be_interrupted() {
    let mut call = Call::new(with_budget(150_000), Chatterbox(0));
    call.run(ms(51_900));
    call.caller_speaks(Duration::from_millis(900));
    call.run(ms(80_000));
    assert!(call.logic.is_finished() && call.now <= ms(56_000), "{}", call.now);
    let cleared = call.seen.iter().rposition(|(_, output)| is_clear(output)).unwrap();
    let stopped = call.seen[cleared].0.since(ms(40_000) + Budget::PATIENCE);
    assert!(stopped <= FRAME_DURATION, "{stopped:?}");
    let farewell = call.seen[cleared..].iter().filter(|(_, output)| is_audio(output)).count();
    assert_eq!(farewell, 15, "six characters, to their end");
    assert_eq!(call.reason(), Some(EndReason::RefusedByBudget));
    assert!(call.cost().total() <= Money::from_micros(150_000));
}

#[test]
fn a_call_that_is_too_dear_at_once_is_stopped_after_the_grace() {
    let mut call = Call::new(with_budget(0), Chatterbox(0));
    call.run(ms(1000));
    assert!(!call.logic.is_finished());
    let usage = TokenUsage { input: 20_000, cached: 0, output: 0, ..TokenUsage::default() };
    call.input(InputEvent::Usage { op: OpId(90), usage });
    call.run(ms(8000));
    assert!(call.logic.is_finished());
    assert_eq!(call.reason(), Some(EndReason::RefusedByBudget));
}

#[test]
fn a_call_with_a_budget_replays() {
    let settings = CallSettings { detection: crate::audio::Detection::Energy, ..with_budget(150_000) };
    let mut call = Call::new(settings.clone(), Chatterbox(0));
    let machine = CallMachine::new(settings.clone());
    call.logic = Conversation::new(machine, Box::new(Chatterbox(0))).with_recorder(InputRecorder::new(&settings));
    call.seen.clear();
    call.due.clear();
    call.input(InputEvent::Media(MediaEvent::Started(started())));
    call.run(ms(80_000));
    let replayed = replay(&call.logic.take_recorder().unwrap().take()[..]).unwrap();
    let facts = replayed.outputs.iter().filter(|output| matches!(output, Output::Journal { .. })).count();
    assert_eq!(facts, call.facts().len());
    assert!(replayed.outputs.iter().any(|output| matches!(output, Output::Notify(DialogueEvent::WrapUp))));
}

#[test]
fn a_call_that_goes_on_keeps_its_numbers_its_clock_and_its_limits() {
    let elapsed = Duration::from_secs(60);
    let budget = budget(1_000_000).resumed(Cost { speech: Money::from_micros(5), ..Cost::default() });
    let settings = CallSettings {
        elapsed,
        first_seq: 41,
        max_duration: Duration::from_secs(70),
        budget: Some(budget),
        ..settings()
    };
    let (dialogue, told) = consenting(["Hej", "Tack", "x"]);
    let mut call = Call::new(settings, dialogue);
    call.run(ms(2000));
    call.caller_speaks(Duration::from_millis(800));
    call.run(ms(30_000));
    let facts: Vec<_> = call
        .seen
        .iter()
        .filter_map(|(_, output)| match output {
            Output::Journal { seq, at, fact } => Some((*seq, *at, fact)),
            _ => None,
        })
        .collect();
    assert!(matches!(facts[0], (41, at, Fact::Resumed) if at == CallTime::ZERO + elapsed));
    assert!((41..).zip(&facts).all(|(seq, fact)| fact.0 == seq), "without a gap");
    assert!(call.logic.is_finished() && call.now == ms(10_000), "{}", call.now);
    assert!(facts.iter().any(|(_, _, fact)| matches!(fact, Fact::Ended { reason: EndReason::Timeout })));
    let told = told.lock().unwrap();
    let turn = told.iter().find_map(|event| if let DialogueEvent::Heard(turn) = event { Some(turn) } else { None });
    assert!(turn.unwrap().started >= CallTime::ZERO + elapsed);
    assert_eq!(call.cost().carrier, Money::from_micros(200_000), "the second minute of the same call");
    assert_eq!(call.cost().speech, Money::from_micros(5 + 3 + 4));
    // The recording goes on as well: a frame for every frame of this connection.
    let recorded = call.at(|output| matches!(output, Output::Record { .. })).len();
    assert!((495..=500).contains(&recorded), "{recorded}");
    assert_eq!(call.at(|output| matches!(output, Output::Effect(Effect::StartRecording(_)))), [CallTime::ZERO]);
}
