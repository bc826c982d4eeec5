//! Whole interviews in virtual time, with real audio: what both sides heard, what is kept, and what misfortune changes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that meets an unexpected result should stop there")]

mod support;

use std::time::Duration;

use jiff::Timestamp;
use support::*;
use voicecall::audio::FRAME_DURATION;
use voicecall::call::replay;
use voicecall::journal::Fact;
use voicecall::money::{Budget, Cost, Money};
use voicecall::store::EndReason;
use voicecall::survey::interview::{Limits, PlannedQuestion};
use voicecall::survey::selection::{ByFrequency, QuestionSelector, SelectionRequest};
use voicecall::survey::store::{QuestionConfiguration, SurveyFact};
use voicecall::{CallTime, TenantId};
use voicecall_sim::clips::Library;
use voicecall_sim::phone::Network;
use voicecall_sim::scenario::Scenario;
use voicecall_sim::simulation::Report;

/// The longest the caller may hear nothing while an answer is owed.
const DEAD_AIR: Duration = Duration::from_millis(2500);

/// By then the answer begins if no service is slow.
const REPLY_BY: Duration = Duration::from_millis(1600);

/// By then the caller hears a filler if there is no answer yet, however near it is.
const FILLER_BY: Duration = Duration::from_millis(1700);

/// What holds for every call, whatever happens in it.
fn check(report: &Report) {
    assert!(report.ended_at <= CallTime::ZERO + LONGEST + FRAME_DURATION, "{}", report.ended_at);
    assert_eq!(report.phone.illegal, 0);
    let granted = log_lines(report).into_iter().find(|(_, _, what)| what.contains(r#""fact":"consent","given":true"#));
    let consented = consent(report) == [true];
    assert_eq!(granted.is_some(), consented);
    for (at, kind, what) in log_lines(report) {
        let fact: Option<Fact> = (kind == "fact").then(|| serde_json::from_str(what).unwrap());
        if fact.is_some_and(|fact| fact.needs_consent()) {
            assert!(granted.is_some_and(|(granted, ..)| at >= granted), "kept without consent: {what}");
        }
    }
}

/// What additionally holds if nothing is broken: no gap in the agent's speech, and both sides' transcripts agree.
fn check_agreement(report: &Report) {
    check(report);
    assert_eq!(report.underruns, 0);
    assert!(report.phone.gaps.iter().all(|gap| !is_within_speech(report, gap.at, Duration::ZERO)));
    if consent(report) == [true] {
        assert_eq!(words(&report.said().join(" ")), words(&without_bridges(&report.caller.heard())));
        assert_eq!(words(&report.heard().join(" ")), words(&report.caller.said()));
    }
}

/// Whether an utterance of the interview was sounding at `at`, for longer than `after` and not about to end.
fn is_within_speech(report: &Report, at: CallTime, after: Duration) -> bool {
    let end = Duration::from_millis(100);
    report.facts.iter().any(|(_, fact)| match fact {
        Fact::Said { from, until, .. } => at > *from + after && at + end < *until,
        _ => false,
    })
}

/// Fillers are the machine's own and not part of the conversation.
fn without_bridges(heard: &str) -> String {
    let bridges = ["Ett ögonblick.", "Jag tänker lite.", "Förlåt att det tar lite tid."];
    bridges.iter().fold(heard.to_owned(), |heard, bridge| heard.replace(bridge, ""))
}

fn ended(report: &Report, reason: EndReason, consented: &[bool], answered: &[(&str, &str)]) {
    let answers = answers(report);
    let seen = (report.reason, consent(report), borrowed(&answers));
    assert_eq!(seen, (Some(reason), consented.to_vec(), answered.to_vec()));
}

fn borrowed(answers: &[(String, String)]) -> Vec<(&str, &str)> {
    answers.iter().map(|(question, answer)| (question.as_str(), answer.as_str())).collect()
}

const BOTH: [(&str, &str); 2] = [(SATISFACTION, CONTENT), (STAFF, FRIENDLY)];

#[test]
fn who_agrees_answers_both_questions() {
    let report = call("happy").run();
    check_agreement(&report);
    ended(&report, EndReason::Completed, &[true], &BOTH);
    assert!(!warned(&report));
    let disclosed = report.facts.iter().find(|(_, fact)| matches!(fact, Fact::Disclosed { .. })).unwrap().0;
    assert!(turn_ends(&report).iter().all(|end| *end > disclosed));
}

#[test]
fn who_declines_is_thanked_and_not_kept() {
    let report = call("declines").run();
    check_agreement(&report);
    ended(&report, EndReason::Declined, &[false], &[]);
    assert!(report.caller.heard().ends_with("Vill du vara med? Tack ändå, och ha en fin dag."));
}

#[test]
fn silence_is_asked_about_twice_and_then_left_in_peace() {
    let report = call("silent").run();
    check_agreement(&report);
    ended(&report, EndReason::NoResponse, &[], &[]);
    let heard = report.caller.heard();
    assert!(
        heard.ends_with("Är du kvar? Hör du mig? Vill du svara på några korta frågor? Tack ändå, och ha en fin dag.")
    );
}

#[test]
fn who_interrupts_is_listened_to_and_hears_nothing_old() {
    let report = call("interrupts").run();
    check(&report);
    ended(&report, EndReason::Completed, &[true], &BOTH);
    assert_eq!(words(&report.heard().join(" ")), words(&report.caller.said()));
    assert!(report.phone.clears >= 1 && report.phone.cleared > 0);
    silent_after_each_clear(&report);
}

/// From a clear on the phone plays the frame it has begun, and then nothing until we send something new.
fn silent_after_each_clear(report: &Report) {
    let lines = log_lines(report);
    let mut clears = 0;
    for (place, (at, _, _)) in lines.iter().enumerate().filter(|(_, (_, _, what))| what.contains(r#""event":"clear""#))
    {
        let next = lines[place..].iter().find(|(_, _, what)| what.contains(r#""event":"media""#));
        let until = next.map_or(report.ended_at, |(at, ..)| *at);
        let from = *at + FRAME_DURATION;
        assert!(first_sound(report, from).is_none_or(|sound| sound >= until), "old sound after {at}");
        clears += 1;
    }
    assert_eq!(clears, report.phone.clears);
}

#[test]
fn a_thin_answer_is_followed_up_and_both_are_kept() {
    let report = call("thin_answer").run();
    check_agreement(&report);
    let more = "Kaffet var kallt och jag fick vänta länge.";
    ended(
        &report,
        EndReason::Completed,
        &[true],
        &[(SATISFACTION, "Helt okej."), (SATISFACTION, more), (STAFF, FRIENDLY)],
    );
    assert!(report.caller.heard().contains("Okej. Vad gjorde att du kände så?"));
}

#[test]
fn who_does_not_understand_hears_the_question_again() {
    let report = call("does_not_understand").run();
    check_agreement(&report);
    ended(&report, EndReason::Completed, &[true], &BOTH);
    assert!(report.caller.heard().contains(&format!("Då tar jag frågan igen. {SATISFACTION}")));
}

#[test]
fn an_answer_given_before_hanging_up_is_kept() {
    let report = call("hangs_up").run();
    check(&report);
    ended(&report, EndReason::RemoteHangup, &[true], &BOTH[..1]);
    assert_eq!(words(&report.said().join(" ")), words(&without_bridges(&report.caller.heard())));
}

#[test]
fn an_answer_without_end_is_cut_off_and_the_rest_of_it_kept() {
    let report = call("over_long").run();
    check(&report);
    assert_eq!(words(&report.said().join(" ")), words(&without_bridges(&report.caller.heard())));
    // Of the words only the one that the limit cuts in two may be missing.
    let (said, heard) = (words(&report.caller.said()), words(&report.heard().join(" ")));
    let mut rest = said.iter();
    assert!(heard.iter().all(|word| rest.any(|other| other == word)) && heard.len() + 1 >= said.len(), "{heard:?}");
    assert_eq!((report.reason, consent(&report)), (Some(EndReason::Completed), vec![true]));
    let answers = answers(&report);
    assert_eq!(
        answers.iter().map(|(question, _)| question.as_str()).collect::<Vec<_>>(),
        [SATISFACTION, SATISFACTION, STAFF]
    );
    let first = &answers[0].1;
    assert!(first.starts_with("Jo, det började med att jag kom dit på morgonen. Sedan fick jag stå i kö"));
    assert!(report.caller.heard().contains("Tack, jag har antecknat det."));
    let cut: Vec<_> = report.facts.iter().filter_map(|(_, fact)| cut_off(fact)).collect();
    assert_eq!(cut, [false, true, false, false]);
}

fn cut_off(fact: &Fact) -> Option<bool> {
    if let Fact::Heard(turn) = fact { Some(turn.cut_off) } else { None }
}

#[test]
fn who_speaks_another_language_is_let_go() {
    let report = call("other_language").run();
    check_agreement(&report);
    ended(&report, EndReason::OtherLanguage, &[], &[]);
    assert!(report.caller.heard().ends_with("Tyvärr talar jag bara svenska. Tack och hej då."));
}

#[test]
fn customer_number_seven_is_asked_what_is_due() {
    let tenant = TenantId::new();
    let configured = |frequency, text: &str| {
        let configured = QuestionConfiguration::new(tenant, text, Timestamp::UNIX_EPOCH);
        QuestionConfiguration { frequency, ..configured }
    };
    let configurations =
        vec![configured(7, SATISFACTION), configured(1, STAFF), configured(3, "Hittade du det du letade efter?")];
    let request = SelectionRequest::new(tenant, configurations, 7, Timestamp::UNIX_EPOCH);
    let selection = ByFrequency::default().select(&request);
    let mut due: Vec<_> = selection.questions.iter().map(|question| question.text.as_str()).collect();
    due.sort_unstable_by_key(|text| *text == STAFF);
    assert_eq!(due, [SATISFACTION, STAFF]);
    let mut setup = call("happy");
    setup.plan = plan(selection.questions.iter().map(PlannedQuestion::from).collect());
    let report = setup.run();
    check_agreement(&report);
    assert_eq!((report.reason, consent(&report)), (Some(EndReason::Completed), vec![true]));
    let mut answers = answers(&report);
    answers.sort_unstable_by_key(|(question, _)| *question == STAFF);
    assert_eq!(borrowed(&answers), BOTH);
    assert!(report.ended_at.since(CallTime::ZERO) <= SelectionRequest::DEFAULT_TIME_BUDGET);
}

#[test]
fn one_seed_gives_one_call() {
    for name in ["happy", "interrupts", "silent"] {
        let (first, second) = (call(name).run(), call(name).run());
        assert_eq!(first.log, second.log, "{name}");
        assert_eq!(first.agent_audio, second.agent_audio, "{name}");
    }
    let mut other = call("happy");
    other.scenario.seed += 1;
    assert_ne!(call("happy").run().log, other.run().log);
}

#[test]
fn a_recorded_call_replays() {
    for name in ["happy", "interrupts"] {
        let report = call(name).run();
        let replayed = replay(&report.inputs.unwrap()[..]).unwrap();
        assert!(replayed.inputs > 1000, "{name}");
    }
}

#[test]
fn when_money_is_short_an_answer_is_cut_short_with_thanks_and_kept() {
    let mut setup = call("over_long");
    let budget = budget().with_cap(Money::from_micros(40_000));
    setup.settings.budget = Some(budget.clone());
    let report = setup.run();
    check(&report);
    let reached = report.facts.iter().find(|(_, fact)| matches!(fact, Fact::BudgetReached(_))).unwrap().0;
    let seconds = reached.as_millis() / 1000;
    assert!((40..=41).contains(&seconds), "with the next minute in sight: {reached}");
    let said = report.said();
    assert_eq!(said[said.len() - 2..], ["Tack för att du ville vara med.", "Ha en fin dag, hej då."]);
    assert_eq!((report.reason, consent(&report)), (Some(EndReason::Completed), vec![true]));
    assert!(answers(&report)[0].1.starts_with("Jo, det började med att jag kom dit på morgonen."));
    let costs: Vec<_> = report.facts.iter().filter_map(|(_, fact)| cost(fact)).collect();
    assert!(costs.windows(2).all(|pair| pair[0].total() < pair[1].total()));
    let total = costs.last().unwrap().total();
    assert!(total <= budget.cap.saturating_add(Budget::GRACE), "{total}");
    assert!(report.ended_at < CallTime::from_millis(60_000), "{}", report.ended_at);
    assert!(replay(&report.inputs.unwrap()[..]).is_ok());
}

#[test]
fn an_interview_of_two_questions_stays_far_below_its_budget() {
    let mut setup = call("happy");
    setup.settings.budget = Some(budget());
    let report = setup.run();
    check_agreement(&report);
    ended(&report, EndReason::Completed, &[true], &BOTH);
    let cost = report.facts.iter().rev().find_map(|(_, fact)| cost(fact)).unwrap();
    assert!(cost.speech > Money::ZERO && cost.transcription > Money::ZERO && cost.model > Money::ZERO);
    assert!(cost.total() < Money::from_micros(100_000), "{}", cost.total());
}

fn cost(fact: &Fact) -> Option<Cost> {
    if let Fact::Cost(cost) = fact { Some(*cost) } else { None }
}

#[test]
fn when_time_is_short_the_next_question_is_announced_as_the_last() {
    let mut setup = call("thin_answer");
    setup.plan.limits = limits(15, 50, 60);
    let report = setup.run();
    check(&report);
    assert!(warned(&report));
    // There is no time to follow a thin answer up.
    ended(&report, EndReason::Completed, &[true], &[(SATISFACTION, "Helt okej."), (STAFF, FRIENDLY)]);
    let announced = format!("Vi har bara lite tid kvar, så det här blir sista frågan. {STAFF}");
    assert!(report.caller.heard().contains(&announced), "{}", report.caller.heard());
}

#[test]
fn who_talks_on_when_time_is_up_hears_a_goodbye_and_is_kept() {
    let mut setup = call("over_long");
    setup.plan.limits = limits(20, 30, 40);
    let report = setup.run();
    check(&report);
    assert_eq!((report.reason, warned(&report)), (Some(EndReason::Completed), true));
    assert!(report.ended_at <= CallTime::from_millis(40_000));
    assert!(report.caller.heard().ends_with("Ha en fin dag, hej då."), "{}", report.caller.heard());
    assert_eq!(answers(&report).len(), 1);
}

#[test]
fn no_call_outlives_its_longest_duration() {
    let mut setup = call("over_long");
    setup.settings.max_duration = Duration::from_secs(25);
    let report = setup.run();
    check(&report);
    assert_eq!(report.reason, Some(EndReason::Timeout));
    assert_eq!(report.facts.last().map(|(at, _)| *at >= CallTime::from_millis(25_000)), Some(true));
    assert_eq!(answers(&report).len(), 1);
}

fn limits(wrap_up: u64, close: u64, end: u64) -> Limits {
    let [wrap_up, close, end] = [wrap_up, close, end].map(Duration::from_secs);
    Limits { wrap_up, close, end }
}

#[test]
fn speech_sent_ahead_survives_a_stalling_network() {
    for seed in 0..5 {
        let mut setup = call("happy");
        setup.phone = line(Network {
            delay: Duration::from_millis(30),
            jitter: Duration::from_millis(20),
            stall_probability: 0.01,
            stall: Duration::from_millis(150),
        });
        setup.phone.seed = seed;
        let report = setup.run();
        check(&report);
        ended(&report, EndReason::Completed, &[true], &BOTH);
        assert_eq!(words(&report.said().join(" ")), words(&without_bridges(&report.caller.heard())));
        assert_eq!(report.underruns, 0);
        for gap in &report.phone.gaps {
            // A stall may tear the burst apart with which an utterance begins: nothing is ahead yet, no sender can help.
            let burst = Duration::from_millis(300);
            assert!(!is_within_speech(&report, gap.at, burst), "seed {seed}: {gap:?}");
        }
    }
}

#[test]
fn the_ledger_tells_the_latency_the_caller_experienced() {
    for name in ["happy", "thin_answer", "does_not_understand"] {
        let report = call(name).run();
        let ledgers: Vec<_> = report.facts.iter().filter_map(|(_, fact)| latency(fact)).collect();
        let ends = turn_ends(&report);
        assert_eq!(ledgers.len(), ends.len());
        for (ledger, end) in ledgers.iter().zip(ends) {
            let heard = answer_begins(&report, end);
            // Voice is labelled frame by frame, and the phone begins to play at its own frames.
            let apart = |a: CallTime, b: CallTime| a.since(b).max(b.since(a));
            assert!(apart(ledger.last_voiced, end) <= FRAME_DURATION, "{name}: {end} is {}", ledger.last_voiced);
            assert!(apart(ledger.heard.unwrap(), heard) <= FRAME_DURATION, "{name}: {heard} is {:?}", ledger.heard);
        }
    }
}

#[test]
fn every_reply_begins_within_1_600_ms() {
    for name in Scenario::names() {
        let report = call(name).with_voices_ready().run();
        for ledger in report.facts.iter().filter_map(|(_, fact)| latency(fact)) {
            let total = ledger.total().unwrap();
            assert!(total <= REPLY_BY, "{name}: {total:?} {:?}", ledger.parts());
        }
    }
}

#[test]
fn nothing_is_said_to_bridge_a_wait_that_is_nearly_over() {
    for name in Scenario::names() {
        let report = call(name).run();
        let ledgers = report.facts.iter().filter_map(|(_, fact)| latency(fact));
        assert_eq!(ledgers.filter(|ledger| ledger.filler).count(), 0, "{name}");
    }
}

fn latency(fact: &Fact) -> Option<voicecall::call::TurnLatency> {
    if let Fact::Latency(latency) = fact { Some(*latency) } else { None }
}

/// The first sample, in the recording, of the clip of the first sentence said after `end`.
fn answer_begins(report: &Report, end: CallTime) -> CallTime {
    let said = report.facts.iter().find_map(|(_, fact)| match fact {
        Fact::Said { heard, from, .. } if *from > end => Some(heard),
        _ => None,
    });
    let clip = Library::bundled().voice("agent", said.unwrap()).unwrap().audio;
    let skip = end.as_samples() as usize;
    let at = report.agent_audio[skip..].windows(800).position(|window| *window == clip[..800]).unwrap();
    CallTime::from_samples((skip + at) as u64)
}

/// A rule that strikes at one of the AI services.
fn fault(site: &str, rest: &str) -> String {
    format!("[[fault]]\nwhere = \"openai.{site}\"\n{rest}\n")
}

/// Whoever has spoken hears something soon, and until the answer begins there is no long silence.
fn check_no_dead_air(report: &Report) {
    for end in turn_ends(report) {
        let sound = first_sound(report, end).unwrap_or(report.ended_at);
        assert!(sound.since(end) <= FILLER_BY + FRAME_DURATION, "silence from {end} to {sound}");
        let answer = report.facts.iter().find_map(|(_, fact)| match fact {
            Fact::Said { from, .. } if *from > end => Some(*from),
            _ => None,
        });
        let until = answer.unwrap_or(report.ended_at);
        let silence = longest_silence(report, end, until);
        assert!(silence <= DEAD_AIR, "{silence:?} of silence between {end} and {until}");
    }
}

#[test]
fn a_model_that_is_lost_costs_its_reading_and_nothing_else() {
    for rest in ["kind = \"error\"\nstatus = 500", "kind = \"drop_before\"", "kind = \"accept_then_drop\""] {
        let report = call_with("happy", &fault("chat", rest)).run();
        check_agreement(&report);
        check_no_dead_air(&report);
        ended(&report, EndReason::Completed, &[true], &BOTH);
        assert!(
            !report
                .facts
                .iter()
                .any(|(_, fact)| matches!(SurveyFact::read(fact), Ok(Some(SurveyFact::Analysed { .. }))))
        );
    }
}

#[test]
fn a_model_that_is_slow_is_bridged() {
    for rest in ["kind = \"latency\"\ndelay = \"3s\"", "kind = \"stall\"\nlength = \"10s\""] {
        let report = call_with("happy", &fault("chat", rest)).run();
        check_agreement(&report);
        check_no_dead_air(&report);
        ended(&report, EndReason::Completed, &[true], &BOTH);
        assert!(report.caller.heard().contains("Ett ögonblick."), "{}", report.caller.heard());
    }
}

#[test]
fn a_transcriber_that_fails_once_is_asked_again() {
    for rest in ["kind = \"error\"\nstatus = 500\nnth = [2]", "kind = \"latency\"\ndelay = \"1s\""] {
        let report = call_with("happy", &fault("transcription", rest)).run();
        check_agreement(&report);
        check_no_dead_air(&report);
        ended(&report, EndReason::Completed, &[true], &BOTH);
    }
}

#[test]
fn a_transcriber_that_is_lost_ends_the_call_politely() {
    let report = call_with("happy", &fault("transcription", "kind = \"error\"\nstatus = 500\nskip = 1")).run();
    check(&report);
    check_no_dead_air(&report);
    ended(&report, EndReason::NoResponse, &[true], &[]);
    assert!(report.caller.heard().contains("Förlåt, jag uppfattade inte det."));
    assert!(report.caller.heard().ends_with("Ha en fin dag, hej då."), "{}", report.caller.heard());
}

#[test]
fn a_voice_that_fails_once_is_asked_again() {
    let report = call_with("happy", &fault("speech", "kind = \"error\"\nstatus = 503\nnth = [5, 8]")).run();
    check(&report);
    check_no_dead_air(&report);
    ended(&report, EndReason::Completed, &[true], &BOTH);
}

#[test]
fn a_voice_that_is_lost_is_replaced_by_a_prepared_apology() {
    for skip in [0, 4, 6] {
        let rest = format!("kind = \"error\"\nstatus = 500\nskip = {skip}");
        let report = call_with("happy", &fault("speech", &rest)).run();
        check(&report);
        check_no_dead_air(&report);
        assert_eq!(report.reason, Some(EndReason::TechnicalFailure), "{skip}");
        assert!(report.caller.heard().ends_with("Förlåt, vi har tekniska problem."), "{}", report.caller.heard());
        let apology = first_sound(&report, CallTime::ZERO).unwrap();
        assert!(apology.since(CallTime::ZERO) <= DEAD_AIR, "{apology}");
    }
}

#[test]
fn a_voice_that_stalls_is_not_dead_air() {
    let report = call_with("happy", &fault("speech", "kind = \"stall\"\nlength = \"1s\"\nskip = 4")).run();
    check(&report);
    check_no_dead_air(&report);
    ended(&report, EndReason::Completed, &[true], &BOTH);
}
