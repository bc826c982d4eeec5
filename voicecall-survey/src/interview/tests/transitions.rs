//! Each transition of the interview, one by one: from the introduction to the last answer.

use std::time::Duration;

use super::by_hand::{Call, QUESTIONS, analysis, journaled, own, plan, question_id};
use crate::interview::Progress;
use crate::store::SurveyFact;
use voicecall_core::dialogue::{Action, AskId, DialogueEvent};
use voicecall_core::journal::Fact;
use voicecall_core::store::EndReason;

pub(super) const AGAIN: &str = "Vill du svara på några korta frågor?";
pub(super) const DECLINED: &str = "Tack ändå, och ha en fin dag.";
pub(super) const GOODBYE: &str = "Ha en fin dag, hej då.";
pub(super) const BROKEN: &str = "Förlåt, samtalet bröts ett ögonblick.";
pub(super) const THANKS: &str = "Tack för dina svar, de hjälper oss mycket.";

pub(super) fn introduced() -> Call {
    let mut call = Call::new(plan(2), Progress::default());
    call.event(DialogueEvent::Connected);
    call.listen();
    call.said();
    call
}

pub(super) fn has_consent(call: &Call) -> bool {
    call.all.contains(&Action::GrantConsent)
}

// Introduction and consent.

#[test]
fn the_introduction_cannot_be_interrupted_and_is_noted_once_it_was_heard() {
    let mut call = Call::new(plan(1), Progress::default());
    call.event(DialogueEvent::Connected);
    let interruptible: Vec<_> = call
        .all
        .iter()
        .filter_map(|action| if let Action::Say(said) = action { Some(said.interruptible) } else { None })
        .collect();
    assert_eq!(interruptible, [false, false, false, true]);
    call.says("Ja hallå, ja!");
    call.listen_once();
    call.listen_once();
    assert_eq!(call.facts(), []);
    call.listen_once();
    let [Fact::Disclosed { text }] = &call.facts()[..] else { panic!("disclosed") };
    assert!(text.starts_with("Hej, det här är Vera") && text.ends_with("om du säger ja."));
    assert!(!has_consent(&call));
}

#[test]
fn a_disclosure_that_cannot_be_spoken_is_tried_once_more_and_then_ends_the_call() {
    let mut call = Call::new(plan(1), Progress::default());
    call.event(DialogueEvent::Connected);
    call.listen_once();
    call.said();
    call.interrupts("Vi vill");
    assert_eq!(call.said().len(), 3, "the rest of it and the question");
    call.interrupts("");
    assert_eq!(call.ends(), Some(("now", EndReason::TechnicalFailure)));
    assert_eq!(call.facts(), []);
}

#[test]
fn yes_grants_consent_and_asks_the_first_question() {
    let mut call = introduced();
    call.says("Ja, gärna.");
    assert_eq!(call.said(), [QUESTIONS[0]]);
    let grant = call.all.iter().position(|action| *action == Action::GrantConsent).unwrap();
    assert_eq!(call.all[grant + 1], Action::Journal(Fact::Consent { given: true }));
    assert!(call.all.contains(&Action::LimitTurn(Duration::from_secs(30))));
    assert!(matches!(call.facts().last().and_then(own), Some(SurveyFact::Asked { text, .. }) if text == QUESTIONS[0]));
}

#[test]
fn no_is_noted_and_ends_the_call_politely() {
    let mut call = introduced();
    call.says("Nej tack.");
    assert_eq!(call.said(), [DECLINED]);
    assert_eq!(call.ends(), Some(("softly", EndReason::Declined)));
    call.says("Kaffet var gott förresten.");
    call.event(DialogueEvent::Ended(EndReason::Declined));
    call.says("Kaffet var gott förresten.");
    assert!(matches!(call.facts()[..], [Fact::Disclosed { .. }, Fact::Consent { given: false }]));
}

#[test]
fn what_the_lexicon_does_not_know_is_decided_by_the_model() {
    for (decision, expected) in
        [("yes", None), ("no", Some(EndReason::Declined)), ("other_language", Some(EndReason::OtherLanguage))]
    {
        let mut call = introduced();
        call.says("Okej då, fast jag har bråttom.");
        assert_eq!(call.said(), [""; 0]);
        call.replies(&format!(r#"{{"decision":"{decision}"}}"#));
        assert_eq!(call.ends().map(|(_, reason)| reason), expected, "{decision}");
        assert_eq!(has_consent(&call), decision == "yes");
    }
}

#[test]
fn the_unclear_is_asked_once_more_and_then_taken_for_a_no() {
    let mut call = introduced();
    call.says("Öh, mitt kaffe?");
    call.replies(r#"{"decision":"unclear"}"#);
    assert_eq!(call.said(), ["Förlåt, jag uppfattade inte det.", AGAIN]);
    call.listen();
    call.says("Mitt kaffe.");
    call.event(DialogueEvent::NoReply { ask: call.last_ask() });
    assert_eq!(call.said(), [DECLINED]);
    assert_eq!(call.facts().last(), Some(&Fact::Consent { given: false }));
    assert_eq!(call.ends(), Some(("softly", EndReason::Declined)));
}

#[test]
fn who_is_calling_is_answered() {
    let mut call = introduced();
    call.says("Vem är det som ringer?");
    assert_eq!(call.said(), ["Jag är en AI-assistent och vill ställa några korta frågor om ditt besök.", AGAIN]);
    call.listen();
    call.says("Jaha, ja visst.");
    assert!(has_consent(&call));
}

#[test]
fn a_model_that_writes_nonsense_about_consent_is_asked_twice_more() {
    let mut call = introduced();
    call.says("Det beror på.");
    for _ in 0..2 {
        let before = call.last_ask();
        call.replies("Sure! The customer agrees.");
        assert_ne!(call.last_ask(), before);
        assert_eq!(call.said(), [""; 0]);
    }
    call.replies(r#"{"decision":true}"#);
    assert_eq!(call.said().last().unwrap(), AGAIN);
    assert!(!has_consent(&call));
}

#[test]
fn a_slow_model_does_not_leave_the_caller_without_an_answer() {
    let mut call = introduced();
    call.says("Det beror på.");
    let ask = call.last_ask();
    call.wait(Duration::from_secs(4));
    assert_eq!(call.said().last().unwrap(), AGAIN);
    assert!(call.all.contains(&Action::Forget(ask)));
    call.event(DialogueEvent::Reply { ask, text: r#"{"decision":"yes"}"#.into() });
    assert!(!has_consent(&call), "a reply that was given up decides nothing");
}

#[test]
fn a_yes_to_are_you_there_is_no_consent() {
    let mut call = introduced();
    call.silence(1);
    assert_eq!(call.said(), ["Är du kvar?"]);
    call.listen();
    call.says("Ja.");
    assert!(!has_consent(&call));
    assert_eq!(call.said(), [AGAIN]);
    call.listen();
    call.says("Ja.");
    assert!(has_consent(&call));
}

#[test]
fn a_yes_that_began_before_the_question_is_no_consent() {
    let mut call = Call::new(plan(1), Progress::default());
    call.event(DialogueEvent::Connected);
    for _ in 0..3 {
        call.listen_once();
    }
    call.interrupts("Vill");
    let before = call.now.back(Duration::from_millis(500));
    call.hears(Some("Ja."), |turn| turn.started = before);
    assert!(!has_consent(&call));
    assert_eq!(call.said().last().unwrap(), AGAIN);
}

#[test]
fn silence_about_consent_ends_the_call_without_any_record_of_a_decision() {
    let mut call = introduced();
    call.silence(1);
    call.silence(2);
    assert_eq!(call.said(), ["Är du kvar?", "Hör du mig?", AGAIN]);
    call.silence(3);
    assert_eq!(call.said(), [DECLINED]);
    assert_eq!(call.ends(), Some(("softly", EndReason::NoResponse)));
    assert!(matches!(call.facts()[..], [Fact::Disclosed { .. }]));
}

#[test]
fn words_about_consent_that_could_not_be_heard_are_asked_for_once_more() {
    let mut call = introduced();
    call.hears(None, |_| {});
    assert_eq!(call.said().last().unwrap(), AGAIN);
    call.listen();
    call.hears(Some(" "), |_| {});
    assert_eq!(call.ends(), Some(("softly", EndReason::Declined)));
}

// Questions and answers.

#[test]
fn an_answer_is_journaled_raw_before_the_model_sees_it() {
    let mut call = Call::consented(2);
    call.says("Det var jättegott.");
    let answered = call.all.iter().position(|action| matches!(journaled(action), Some(SurveyFact::Answered { .. })));
    let asked = call.all.iter().position(|action| matches!(action, Action::Ask { .. }));
    assert!(answered.unwrap() < asked.unwrap());
    let Some(SurveyFact::Answered { question, question_text, text, spoken, confidence, asked_at, responded_at }) =
        call.facts().last().and_then(own)
    else {
        panic!("an answer")
    };
    assert_eq!((question, question_text.as_str(), text.as_str()), (question_id(0), QUESTIONS[0], "Det var jättegott."));
    assert_eq!((spoken, confidence), (Duration::from_secs(1), Some(0.75)));
    assert!(asked_at < responded_at);
}

#[test]
fn an_answered_question_is_acknowledged_and_the_next_one_asked() {
    let mut call = Call::consented(2);
    call.says("Det var jättegott.");
    call.replies(&analysis("answered"));
    assert_eq!(call.said(), ["Tack för det.", QUESTIONS[1]]);
    let Some(SurveyFact::Analysed { sentiment, analysis, .. }) = call.facts().last().and_then(own) else {
        panic!("analysed")
    };
    assert_eq!((sentiment, &analysis["outcome"]), (Some(0.5), &"answered".into()));
    call.listen();
    assert!(
        matches!(call.facts().last().and_then(own), Some(SurveyFact::Asked { question, .. }) if question == question_id(1))
    );
}

#[test]
fn after_the_last_answer_it_thanks_and_says_goodbye() {
    let mut call = Call::consented(1);
    call.says("Det var jättegott.");
    call.replies(&analysis("answered"));
    assert_eq!(call.said(), ["Tack för det.", THANKS, GOODBYE]);
    assert_eq!(call.ends(), Some(("softly", EndReason::Completed)));
    call.listen();
    call.says("Hej då!");
    assert_eq!(call.answered().len(), 1);
}

#[test]
fn a_thin_answer_is_followed_up_with_each_prompt_once() {
    let mut call = Call::consented(1);
    for prompt in ["Kan du berätta lite mer?", "Vad gjorde att du kände så?"] {
        call.answers("Bra.", "thin");
        assert_eq!(call.said(), ["Tack för det.", prompt]);
    }
    call.answers("Bra.", "thin");
    assert_eq!(call.said(), ["Tack för det.", THANKS, GOODBYE]);
    assert_eq!(call.answered(), [(0, "Bra.".into()), (0, "Bra.".into()), (0, "Bra.".into())]);
    assert_eq!(call.facts().iter().filter_map(own).filter(|fact| matches!(fact, SurveyFact::Asked { .. })).count(), 1);
}

#[test]
fn there_is_no_follow_up_at_the_cost_of_a_question_that_is_still_to_be_asked() {
    let mut plan = plan(3);
    plan.limits.wrap_up = Duration::from_secs(45);
    let mut call = Call::new(plan, Progress::default());
    call.event(DialogueEvent::Connected);
    call.listen();
    call.says("Ja.");
    call.listen();
    call.said();
    call.says("Bra.");
    call.replies(&analysis("thin"));
    assert_eq!(call.said().last().unwrap(), QUESTIONS[1]);
}

#[test]
fn what_was_not_understood_is_repeated_once() {
    for not_understood in ["lexicon", "not_understood", "off_topic"] {
        let mut call = Call::consented(2);
        let misses = |call: &mut Call| {
            if not_understood == "lexicon" {
                call.says("Förlåt, vad sa du?");
                call.listen();
            } else {
                call.answers("Blå bussen.", not_understood);
            }
        };
        misses(&mut call);
        assert_eq!(call.said(), ["Då tar jag frågan igen.", QUESTIONS[0]]);
        misses(&mut call);
        assert_eq!(call.said(), [QUESTIONS[1]]);
        assert_eq!(call.answered().is_empty(), not_understood == "lexicon");
    }
}

#[test]
fn a_refused_question_is_left_and_a_call_of_refusals_is_completed() {
    let mut call = Call::consented(2);
    call.answers("Det vill jag inte säga.", "refused");
    assert_eq!(call.said(), ["Tack för det.", QUESTIONS[1]]);
    call.answers("Inte det heller.", "refused");
    assert_eq!(call.said(), ["Tack för det.", "Tack för att du ville vara med.", GOODBYE]);
    assert_eq!(call.ends(), Some(("softly", EndReason::Completed)));
}

#[test]
fn another_language_ends_the_call_kindly() {
    let mut call = Call::consented(2);
    call.answers("Sorry, I only speak English.", "other_language");
    assert_eq!(call.said(), ["Tyvärr talar jag bara svenska.", "Tack och hej då."]);
    assert_eq!(call.ends(), Some(("softly", EndReason::OtherLanguage)));
}

#[test]
fn an_answer_that_could_not_be_heard_is_asked_for_once_more() {
    let mut call = Call::consented(2);
    call.hears(None, |_| {});
    assert_eq!(call.said(), ["Förlåt, jag uppfattade inte det.", QUESTIONS[0]]);
    call.listen();
    call.hears(None, |_| {});
    assert_eq!(call.said(), [QUESTIONS[1]]);
}

#[test]
fn words_that_come_while_the_model_reads_extend_the_answer() {
    let mut call = Call::consented(2);
    call.says("Det var gott.");
    let first = call.last_ask();
    call.says("Men lite kallt.");
    assert!(call.all.contains(&Action::Forget(first)));
    let Some(Action::Ask { request, .. }) = call.all.last() else { panic!("asked again") };
    assert!(request.messages[1].content.contains("Det var gott. Men lite kallt."));
    call.event(DialogueEvent::Reply { ask: first, text: analysis("answered") });
    assert_eq!(call.said(), [""; 0]);
    call.replies(&analysis("answered"));
    assert_eq!(call.said().last().unwrap(), QUESTIONS[1]);
    assert_eq!(call.answered(), [(0, "Det var gott.".into()), (0, "Men lite kallt.".into())]);
}

#[test]
fn who_goes_on_before_the_next_question_was_heard_goes_on_with_the_answer() {
    let mut call = Call::consented(2);
    call.says("Det var gott.");
    call.replies(&analysis("answered"));
    call.interrupts("Tack");
    call.said();
    call.says("Men lite kallt.");
    assert_eq!(call.answered(), [(0, "Det var gott.".into()), (0, "Men lite kallt.".into())]);
    assert_eq!(call.said(), [QUESTIONS[1]], "the question nobody heard is asked");
    call.replies(&analysis("answered"));
    assert_eq!(call.analysed(), 2);
    assert_eq!(call.said(), [""; 0]);
}

#[test]
fn an_interrupted_question_counts_if_it_was_answered() {
    let mut call = Call::consented(2);
    call.says("Det var gott.");
    call.replies(&analysis("answered"));
    call.listen_once();
    call.interrupts("Hur var bemö");
    call.said();
    call.says("Trevligt!");
    call.replies(&analysis("answered"));
    assert_eq!(call.said()[1], THANKS);
    assert_eq!(call.answered()[1], (1, "Trevligt!".into()));
}

#[test]
fn an_interrupted_question_is_repeated_if_it_was_not_answered() {
    let mut call = Call::consented(2);
    call.says("Det var gott.");
    call.replies(&analysis("answered"));
    call.listen_once();
    call.interrupts("Hur");
    call.said();
    call.says("Det där med.");
    call.replies(&analysis("not_understood"));
    assert_eq!(call.said(), ["Då tar jag frågan igen.", QUESTIONS[1]]);
}

#[test]
fn a_question_whose_voice_failed_is_asked_again_and_an_answer_to_half_of_it_is_none() {
    let mut call = Call::consented(2);
    call.says("Det var gott.");
    call.replies(&analysis("answered"));
    call.listen_once();
    call.said();
    call.breaks_off();
    assert_eq!(call.said(), [QUESTIONS[1]]);
    call.listen();
    call.says("Trevligt!");
    call.replies(&analysis("answered"));
    assert_eq!(call.answered()[1], (1, "Trevligt!".into()));
}

#[test]
fn a_voice_that_keeps_failing_ends_the_call() {
    let mut call = Call::consented(2);
    call.says("Det var gott.");
    call.replies(&analysis("answered"));
    call.listen_once();
    for _ in 0..3 {
        call.breaks_off();
        assert_eq!(call.ends(), None);
    }
    call.breaks_off();
    assert_eq!(call.ends(), Some(("now", EndReason::TechnicalFailure)));
}

#[test]
fn a_disclosure_whose_voice_failed_was_not_made() {
    let mut call = Call::new(plan(1), Progress::default());
    call.event(DialogueEvent::Connected);
    call.listen_once();
    call.said();
    call.breaks_off();
    assert_eq!(call.said().len(), 3, "the rest of it and the question");
    call.breaks_off();
    assert_eq!(call.ends(), Some(("now", EndReason::TechnicalFailure)));
    assert_eq!(call.facts(), []);
}

#[test]
fn an_answer_that_was_cut_off_is_noted_and_the_interview_goes_on() {
    let mut call = Call::consented(2);
    call.hears(Some("Jo det var så att"), |turn| turn.cut_off = true);
    assert_eq!(call.said(), ["Tack, jag har antecknat det.", QUESTIONS[1]]);
    assert_eq!(call.answered(), [(0, "Jo det var så att".into())]);
    call.replies(&analysis("thin"));
    assert_eq!(call.analysed(), 1);
    assert_eq!(call.said(), [""; 0]);
}

#[test]
fn without_a_model_the_interview_goes_on_with_raw_answers() {
    let mut call = Call::consented(2);
    call.says("Det var gott.");
    call.event(DialogueEvent::NoReply { ask: call.last_ask() });
    assert_eq!(call.said(), [QUESTIONS[1]]);
    call.listen();
    call.says("Trevligt.");
    call.wait(Duration::from_secs(4));
    assert_eq!(call.said(), [THANKS, GOODBYE]);
    call.replies(&analysis("answered"));
    assert_eq!((call.answered().len(), call.analysed()), (2, 1));
}

#[test]
fn a_model_that_writes_nonsense_is_asked_twice_more_and_then_done_without() {
    let mut call = Call::consented(2);
    call.says("Det var gott.");
    for nonsense in ["{", r#"{"outcome":"answered"}"#] {
        call.replies(nonsense);
        let Some(Action::Ask { request, .. }) = call.all.last() else { panic!("asked again") };
        assert!(request.messages.last().unwrap().content.contains("refused"));
    }
    call.replies(&analysis("answered").replace("Tack för det.", "Du har vunnit!"));
    assert_eq!(call.said(), [QUESTIONS[1]]);
    assert_eq!(call.analysed(), 0);
}

#[test]
fn a_reply_to_something_never_asked_is_ignored() {
    let mut call = Call::consented(2);
    let before = call.all.len();
    call.event(DialogueEvent::Reply { ask: AskId(99), text: analysis("answered") });
    call.event(DialogueEvent::NoReply { ask: AskId(98) });
    call.event(DialogueEvent::Key('5'));
    call.event(DialogueEvent::Stored(1));
    assert_eq!(call.all.len(), before);
}

#[test]
fn silence_is_answered_three_times() {
    let mut call = Call::consented(2);
    call.silence(1);
    call.silence(2);
    assert_eq!(call.said(), ["Är du kvar?", "Hör du mig?", QUESTIONS[0]]);
    call.silence(3);
    assert_eq!(call.said(), ["Tack för att du ville vara med.", GOODBYE]);
    assert_eq!(call.ends(), Some(("softly", EndReason::NoResponse)));
}

#[test]
fn silence_after_an_answer_completes_the_call() {
    let mut call = Call::consented(2);
    call.answers("Det var gott.", "answered");
    call.silence(3);
    assert_eq!(call.said()[2..], [THANKS, GOODBYE]);
    assert_eq!(call.ends(), Some(("softly", EndReason::Completed)));
}

#[test]
fn a_yes_to_are_you_there_is_no_answer() {
    let mut call = Call::consented(2);
    call.silence(1);
    call.listen();
    call.says("Ja, jag är här.");
    assert_eq!(call.said(), ["Är du kvar?", QUESTIONS[0]]);
    call.listen();
    call.says("Ja.");
    assert_eq!(call.answered(), [(0, "Ja.".into())]);
}
