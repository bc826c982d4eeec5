//! Each transition of the interview, one by one: time, money, and calls that go on.

use std::time::Duration;

use super::by_hand::{Call, QUESTIONS, analysis, plan, question_id};
use crate::interview::{Interview, Progress};
use voicecall_core::CallTime;
use voicecall_core::dialogue::{Action, Dialogue, DialogueEvent};
use voicecall_core::journal::Fact;
use voicecall_core::store::EndReason;

use super::transitions::*;

// Time.

#[test]
fn at_the_warning_one_last_question_is_left() {
    let mut call = Call::consented(3);
    call.wait_until(96);
    assert_eq!(call.facts().pop(), Some(Fact::Warned));
    assert_eq!(call.said(), [""; 0]);
    call.says("Det var gott.");
    call.replies(&analysis("thin"));
    let notice = "Vi har bara lite tid kvar, så det här blir sista frågan.";
    assert_eq!(call.said(), ["Tack för det.", notice, QUESTIONS[1]]);
    call.interrupts("");
    call.now = CallTime::from_millis(100_000);
    call.says("Trevligt.");
    call.listen();
    call.says("Trevligt.");
    call.replies(&analysis("answered"));
    assert_eq!(call.said().last().unwrap(), GOODBYE);
}

#[test]
fn after_the_last_question_there_is_none_even_if_there_were_time() {
    let mut plan = plan(3);
    plan.limits.wrap_up = Duration::from_secs(20);
    let mut call = Call::new(plan, Progress::default());
    call.event(DialogueEvent::Connected);
    call.listen();
    call.says("Ja.");
    call.listen();
    call.wait_until(20);
    call.answers("Det var gott.", "answered");
    call.answers("Trevligt.", "answered");
    assert_eq!(call.said().last().unwrap(), GOODBYE);
    assert_eq!(call.answered().len(), 2);
}

#[test]
fn a_question_that_could_not_be_answered_in_time_is_not_asked() {
    let mut call = Call::consented(3);
    call.wait_until(99);
    call.says("Det var gott.");
    call.replies(&analysis("answered"));
    assert_eq!(call.said(), ["Tack för det.", THANKS, GOODBYE]);
}

#[test]
fn it_closes_in_time_even_if_the_caller_is_speaking_and_keeps_what_was_said() {
    let mut call = Call::consented(2);
    call.wait_until(109);
    call.hears(Some("Jo alltså det var så att"), |_| {});
    assert_eq!(call.said(), [THANKS, GOODBYE].map(|text| text.replace(THANKS, "Tack för att du ville vara med.")));
    assert_eq!(call.ends(), Some(("softly", EndReason::Completed)));
    call.says("kaffet var kallt.");
    call.event(DialogueEvent::Ended(EndReason::Completed));
    call.hears(Some("Och dyrt."), |_| {});
    call.says("Hej då.");
    let expected = ["Jo alltså det var så att", "kaffet var kallt.", "Och dyrt."].map(|text| (0, text.to_owned()));
    assert_eq!(call.answered(), expected);
    call.replies(&analysis("answered"));
    assert_eq!(call.analysed(), 1);
}

#[test]
fn closing_stops_a_question_in_the_middle() {
    let mut call = Call::consented(2);
    call.wait_until(97);
    call.says("Det var gott.");
    call.replies(&analysis("answered"));
    call.said();
    call.wait_until(110);
    let interrupt = call.all.iter().position(|action| *action == Action::Interrupt).unwrap();
    assert!(matches!(&call.all[interrupt + 1], Action::Say(said) if said.text == THANKS && !said.interruptible));
}

#[test]
fn a_call_that_does_not_end_by_itself_is_ended() {
    let mut call = Call::consented(2);
    call.wait_until(200);
    assert_eq!(call.ends(), Some(("now", EndReason::Timeout)));
    let end = call.all.iter().filter(|action| matches!(action, Action::EndNow(_))).count();
    assert_eq!(end, 1);
    assert_eq!(call.interview.wake_at(), None);
}

#[test]
fn a_hang_up_loses_neither_words_nor_their_analysis() {
    let mut call = Call::consented(2);
    call.says("Det var gott.");
    let first = call.last_ask();
    let began = call.now;
    call.event(DialogueEvent::Ended(EndReason::RemoteHangup));
    call.event(DialogueEvent::Reply { ask: first, text: analysis("answered") });
    call.hears(Some("Hej då, kallt var det."), |turn| turn.started = began);
    call.replies(&analysis("answered"));
    assert_eq!((call.answered().len(), call.analysed()), (2, 2));
    assert_eq!(call.said(), [""; 0]);
    assert_eq!(call.interview.wake_at(), None);
}

// Resuming.

#[test]
fn a_resumed_call_repeats_neither_consent_nor_answered_questions() {
    let progress = Progress {
        consented: true,
        answered: vec![question_id(0)],
        elapsed: Duration::from_secs(60),
        ..Progress::default()
    };
    let mut call = Call::new(plan(2), progress);
    call.event(DialogueEvent::Connected);
    assert_eq!(call.all[0], Action::GrantConsent);
    assert_eq!(call.said(), [BROKEN, QUESTIONS[1]]);
    assert!(!call.facts().iter().any(|fact| matches!(fact, Fact::Consent { .. } | Fact::Disclosed { .. })));
    call.wait_until(35);
    call.wait(Duration::from_secs(1));
    assert!(call.facts().contains(&Fact::Warned), "60 s were used before");
    call.wait_until(50);
    assert_eq!(call.said(), [THANKS, GOODBYE]);
}

#[test]
fn a_question_that_broke_off_is_asked_again_and_its_answer_kept() {
    let progress = Progress { consented: true, elapsed: Duration::from_secs(30), ..Progress::default() };
    let mut call = Call::new(plan(2), progress);
    call.event(DialogueEvent::Connected);
    call.says("Hallå?");
    assert_eq!(call.said(), [BROKEN, QUESTIONS[0]]);
    assert_eq!(call.answered(), [], "said before the question");
    call.listen();
    call.answers("Det var gott.", "answered");
    assert_eq!(call.answered(), [(0, "Det var gott.".to_owned())]);
    assert_eq!(call.said(), ["Tack för det.", QUESTIONS[1]]);
}

#[test]
fn a_call_that_broke_off_before_consent_apologises_and_discloses_again() {
    let progress = Progress { elapsed: Duration::from_secs(8), ..Progress::default() };
    let mut call = Call::new(plan(1), progress);
    call.event(DialogueEvent::Connected);
    assert!(!has_consent(&call));
    let said = call.said();
    assert_eq!((said[0].as_str(), said.len()), (BROKEN, 5));
    assert!(said[1].contains("AI-assistent"));
    call.listen();
    call.says("Ja.");
    assert_eq!(call.said(), [QUESTIONS[0]]);
    assert!(has_consent(&call));
}

#[test]
fn a_resumed_call_keeps_the_limits_of_its_answer() {
    let elapsed = Duration::from_secs(70);
    let mut call = Call::new(plan(2), Progress { consented: true, elapsed, ..Progress::default() });
    // The call's clock goes on; it does not begin anew.
    call.now = CallTime::ZERO + elapsed;
    call.event(DialogueEvent::Connected);
    call.wait_until(109);
    assert_eq!(call.ends(), None);
    call.wait_until(110);
    assert_eq!(call.ends(), Some(("softly", EndReason::Completed)));
    call.wait_until(120);
    assert_eq!(call.ends(), Some(("now", EndReason::Timeout)));
}

// Money.

#[test]
fn told_to_wrap_up_in_the_middle_of_a_question_it_thanks_and_completes() {
    let mut call = Call::consented(3);
    call.answers("Det var gott.", "answered");
    call.said();
    call.replies(&analysis("answered"));
    call.hears(Some("Jo alltså"), |_| {});
    call.event(DialogueEvent::WrapUp);
    assert_eq!(call.said(), [THANKS, GOODBYE]);
    assert_eq!(call.ends(), Some(("softly", EndReason::Completed)));
    call.event(DialogueEvent::WrapUp);
    assert_eq!(call.said(), [""; 0]);
    call.says("det var lite dyrt.");
    assert_eq!(call.answered().len(), 3, "what was being said is kept");
}

#[test]
fn told_to_wrap_up_while_it_is_speaking_it_stops_and_thanks() {
    let mut call = Call::consented(2);
    call.says("Det var gott.");
    call.replies(&analysis("answered"));
    call.said();
    call.event(DialogueEvent::WrapUp);
    let interrupt = call.all.iter().position(|action| *action == Action::Interrupt).unwrap();
    assert!(matches!(&call.all[interrupt + 1], Action::Say(said) if said.text == THANKS && !said.interruptible));
    assert_eq!(call.ends(), Some(("softly", EndReason::Completed)));
}

#[test]
fn without_money_for_the_interview_it_says_goodbye_before_consent() {
    let mut introducing = Call::new(plan(1), Progress::default());
    introducing.event(DialogueEvent::Connected);
    let mut asked = introduced();
    for call in [&mut introducing, &mut asked] {
        call.said();
        call.event(DialogueEvent::WrapUp);
        assert_eq!(call.said(), [DECLINED]);
        assert_eq!(call.ends(), Some(("softly", EndReason::RefusedByBudget)));
        assert!(!has_consent(call));
    }
}

#[test]
fn a_new_call_after_a_broken_one_discloses_again_and_keeps_the_answers() {
    let progress = Progress { consented: true, answered: vec![question_id(0)], ..Progress::default() };
    let mut call = Call::new(plan(2), progress.for_new_call());
    call.event(DialogueEvent::Connected);
    call.listen();
    call.says("Ja.");
    assert_eq!(call.said().last().unwrap(), QUESTIONS[1]);
}

#[test]
fn a_resumed_call_without_time_or_questions_says_goodbye() {
    let answered = vec![question_id(0), question_id(1)];
    let done = Progress { consented: true, answered, ..Progress::default() };
    let late = Progress { consented: true, elapsed: Duration::from_secs(111), ..Progress::default() };
    for progress in [done, late] {
        let mut call = Call::new(plan(2), progress);
        call.event(DialogueEvent::Connected);
        assert_eq!(call.said().last().unwrap(), GOODBYE);
        assert_eq!(call.ends(), Some(("softly", EndReason::Completed)));
    }
}

#[test]
fn a_plan_that_is_not_valid_is_refused() {
    assert_eq!(Interview::new(plan(0), Progress::default()).unwrap_err().field(), Some("questions"));
}

#[test]
fn an_interview_never_prints_what_was_said() {
    let mut call = introduced();
    call.says("hemlighet");
    assert!(!format!("{:?}", call.interview).contains("hemlighet"));
    let mut call = Call::consented(1);
    call.says("hemlighet");
    assert!(!format!("{:?}", call.interview).contains("hemlighet"));
}
