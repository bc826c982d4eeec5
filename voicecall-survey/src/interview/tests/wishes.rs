//! What callers want beside answering: to go, to be called later, to know who calls; and noise that wants nothing.

use std::time::Duration;

use super::by_hand::{Call, QUESTIONS, analysis, plan};
use crate::interview::{InterviewPlan, Phrases, PlannedQuestion, Progress};
use voicecall_core::dialogue::{Action, Dialogue, DialogueEvent};
use voicecall_core::journal::Fact;
use voicecall_core::store::EndReason;

const GOODBYE: &str = "Ha en fin dag, hej då.";
const AGAIN: &str = "Vill du svara på några korta frågor?";

fn introduced() -> Call {
    let mut call = Call::new(plan(2), Progress::default());
    call.event(DialogueEvent::Connected);
    call.listen();
    call.said();
    call
}

fn phrases() -> Phrases {
    plan(1).phrases
}

fn has_consent(call: &Call) -> bool {
    call.all.contains(&Action::GrantConsent)
}

fn consent_facts(call: &Call) -> Vec<bool> {
    let facts = call.facts().into_iter();
    facts.filter_map(|fact| if let Fact::Consent { given } = fact { Some(given) } else { None }).collect()
}

// Leaving.

#[test]
fn who_wants_to_stop_is_let_go_and_nothing_of_it_is_an_answer() {
    for words in ["Jag måste lägga på nu.", "Hej då.", "Nej, nu räcker det.", "Jag vill sluta nu."] {
        let mut call = Call::consented(2);
        call.says(words);
        assert_eq!(call.said(), [&phrases().stopped, GOODBYE], "{words}");
        assert_eq!(call.ends(), Some(("softly", EndReason::Stopped)), "{words}");
        assert_eq!(call.answered(), [], "{words}");
    }
}

#[test]
fn an_answer_before_the_goodbye_is_kept() {
    let mut call = Call::consented(2);
    call.says("Kaffet var gott, men nu måste jag lägga på.");
    assert_eq!(call.answered(), [(0, "Kaffet var gott, men nu måste jag lägga på.".to_owned())]);
    assert_eq!(call.ends(), Some(("softly", EndReason::Stopped)));
    call.replies(&analysis("answered"));
    assert_eq!(call.analysed(), 1, "what the model makes of it is kept, too");
    assert_eq!(call.said(), [&phrases().stopped, GOODBYE]);
}

#[test]
fn a_consent_that_is_taken_back_ends_the_call_and_stores_nothing_more() {
    let mut call = Call::consented(2);
    call.says("Det var gott.");
    let ask = call.last_ask();
    call.says("Nej, nu vill jag inte vara med längre, hej då.");
    assert_eq!(call.said(), [&phrases().withdrawn, GOODBYE]);
    assert_eq!(call.ends(), Some(("softly", EndReason::ConsentWithdrawn)));
    assert_eq!(consent_facts(&call), [true, false]);
    assert!(call.all.contains(&Action::WithdrawConsent) && call.all.contains(&Action::Forget(ask)));
    call.event(DialogueEvent::Reply { ask, text: analysis("answered") });
    call.says("Kaffet var kallt.");
    assert_eq!((call.answered().len(), call.analysed()), (1, 0));
}

#[test]
fn never_again_is_noted_whenever_it_is_said() {
    let words = "Ring aldrig mer hit!";
    let noted = |call: &Call| call.facts().contains(&Fact::DoNotCall);

    let mut early = Call::new(plan(1), Progress::default());
    early.event(DialogueEvent::Connected);
    early.says(words);
    assert!(noted(&early) && !has_consent(&early));
    assert_eq!(early.ends(), Some(("softly", EndReason::Declined)));

    let mut asked = introduced();
    asked.says(words);
    assert!(noted(&asked));
    assert_eq!(asked.said(), [&phrases().do_not_call, GOODBYE]);
    assert_eq!(consent_facts(&asked), [false]);

    let mut consented = Call::consented(2);
    consented.says(words);
    assert!(noted(&consented));
    assert_eq!(consented.ends(), Some(("softly", EndReason::Stopped)));
    assert_eq!(consented.answered(), []);

    let mut closing = introduced();
    closing.says("Nej tack.");
    closing.says(words);
    assert!(noted(&closing));
}

#[test]
fn a_call_back_is_noted_with_its_time_and_without_a_decision() {
    let mut call = introduced();
    // In the night to come the clocks are set forward.
    call.interview.begin("2026-03-28T15:00:00Z".parse().unwrap());
    call.says("Jag heter Anna, kan ni ringa imorgon efter fem?");
    let (not_before, not_after) =
        (Some("2026-03-29T15:00:00Z".parse().unwrap()), Some("2026-03-29T22:00:00Z".parse().unwrap()));
    assert!(call.facts().contains(&Fact::CallBack { not_before, not_after, when: "imorgon efter fem".to_owned() }));
    assert_eq!(call.ends(), Some(("softly", EndReason::CallBack)));
    assert_eq!(consent_facts(&call), [] as [bool; 0]);
}

#[test]
fn a_call_back_in_the_middle_of_the_questions_and_without_a_clock_is_noted_in_words() {
    let mut call = Call::consented(2);
    call.says("Kan ni ringa om en timme i stället?");
    let wish = Fact::CallBack { not_before: None, not_after: None, when: "om en timme".to_owned() };
    assert!(call.facts().contains(&wish), "nobody told when the call began: {:?}", call.facts());
    assert_eq!(call.ends(), Some(("softly", EndReason::CallBack)));

    let mut call = introduced();
    call.interview.begin("2026-11-18T10:00:00Z".parse().unwrap());
    call.wait(Duration::from_secs(60));
    call.says("Ring om en timme, jag kör bil.");
    let wished = call.facts().into_iter().find_map(|fact| match fact {
        Fact::CallBack { not_before, .. } => not_before,
        _ => None,
    });
    let after = |minutes: i64| {
        "2026-11-18T10:00:00Z".parse::<jiff::Timestamp>().unwrap() + jiff::SignedDuration::from_mins(minutes)
    };
    assert!((after(61)..after(62)).contains(&wished.unwrap()), "an hour behind a minute of the call: {wished:?}");
}

#[test]
fn who_is_not_the_one_to_ask_is_not_asked() {
    for (words, reason) in [
        ("Du har ringt fel nummer.", EndReason::WrongNumber),
        ("Mamma är inte hemma.", EndReason::NotAvailable),
        ("Jag är bara nio år.", EndReason::NotAvailable),
    ] {
        let mut call = introduced();
        call.says(words);
        assert_eq!(call.ends(), Some(("softly", reason)), "{words}");
        assert!(!has_consent(&call) && consent_facts(&call).is_empty(), "{words}");
    }
}

#[test]
fn a_voicemail_is_told_nothing() {
    let mut call = introduced();
    call.says("Hej, du har kommit till Annas telefonsvarare. Lämna ett meddelande efter tonen.");
    assert_eq!(call.said(), [""; 0]);
    assert_eq!(call.ends(), Some(("now", EndReason::Voicemail)));
}

#[test]
fn a_model_may_find_out_that_the_caller_wants_to_stop() {
    let mut call = Call::consented(2);
    call.says("Du, det här får bli en annan historia.");
    call.replies(&analysis("wants_to_stop"));
    assert_eq!(call.ends(), Some(("softly", EndReason::Stopped)));
}

// Consent as people talk.

#[test]
fn what_has_no_clear_yes_is_asked_again_where_it_decides() {
    for words in ["Mm.", "Okej.", "Ja?"] {
        let mut call = introduced();
        call.says(words);
        assert!(!has_consent(&call), "{words}");
        assert_eq!(call.said(), [AGAIN], "{words}");
        call.listen();
        call.says(words);
        assert!(has_consent(&call), "{words}: twice to a plain question is a yes");
    }
}

#[test]
fn who_did_not_hear_has_not_said_no() {
    let mut call = introduced();
    for _ in 0..4 {
        call.says("Va?");
        assert_eq!(call.said(), [AGAIN]);
        call.listen();
    }
    call.says("Va?");
    assert_eq!(call.ends(), Some(("softly", EndReason::NoResponse)));
    assert_eq!(consent_facts(&call), [] as [bool; 0]);
}

#[test]
fn a_yes_without_recording_is_a_yes_without_recording() {
    let mut call = introduced();
    call.says("Ja, men spela inte in.");
    let place = |wanted: Action| call.all.iter().position(|action| *action == wanted);
    assert!(place(Action::DeclineRecording) < place(Action::GrantConsent));
    assert!(call.facts().contains(&Fact::RecordingDeclined));
    assert_eq!(call.said(), [&phrases().without_recording, QUESTIONS[0]]);

    let progress = Progress { consented: true, recording_declined: true, ..Progress::default() };
    let mut resumed = Call::new(plan(1), progress);
    resumed.event(DialogueEvent::Connected);
    assert_eq!(resumed.all[..2], [Action::DeclineRecording, Action::GrantConsent]);
}

#[test]
fn what_the_caller_asks_back_is_answered_and_consent_asked_for_again() {
    let phrases = phrases();
    for (words, reply) in [
        ("Är du en robot?", &phrases.are_you_human),
        ("Hallå?", &phrases.can_hear),
        ("Säg ditt namn och varför du ringer.", &phrases.who_is_calling),
    ] {
        let mut call = introduced();
        call.says(words);
        assert_eq!(call.said(), [reply.as_str(), AGAIN], "{words}");
    }
}

// Questions.

#[test]
fn what_the_caller_asks_back_in_a_question_is_no_answer() {
    let phrases = phrases();
    for (words, reply) in [
        ("Hallå?", &phrases.can_hear),
        ("Hör du mig?", &phrases.can_hear),
        ("Vem är det?", &phrases.who_is_calling),
        ("Är du en robot?", &phrases.are_you_human),
    ] {
        let mut call = Call::consented(2);
        call.says(words);
        assert_eq!(call.said(), [reply.as_str(), QUESTIONS[0]], "{words}");
        assert_eq!(call.answered(), [], "{words}");
    }
}

#[test]
fn who_asks_for_a_moment_gets_one() {
    let mut call = Call::consented(2);
    call.says("Vänta lite.");
    assert_eq!(call.said(), [phrases().take_your_time.as_str()]);
    call.listen();
    for count in 1..=3 {
        call.silence(count);
    }
    assert_eq!(call.said(), [""; 0]);
    call.silence(4);
    assert_eq!(call.said(), ["Är du kvar?"]);
    call.listen();
    call.says("Ja, jag är kvar.");
    assert_eq!(call.said(), [QUESTIONS[0]]);
    assert_eq!(call.answered(), []);
}

#[test]
fn who_asks_back_for_ever_is_asked_the_next_question() {
    let mut call = Call::consented(2);
    for _ in 0..5 {
        call.says("Vem är det?");
        call.listen();
    }
    assert_eq!(call.said().last().unwrap(), QUESTIONS[1]);
}

// Noise.

#[test]
fn noise_is_neither_consent_nor_answer() {
    for words in ["Undertexter från Amara.org-gemenskapen", "Tack för att ni tittade!", "[Musik]"] {
        let mut call = introduced();
        call.says(words);
        assert!(!has_consent(&call), "{words}");

        let mut call = Call::consented(2);
        call.says(words);
        assert_eq!(call.answered(), [], "{words}");
        assert_eq!(call.said().last().unwrap(), QUESTIONS[0]);
    }
}

#[test]
fn a_yes_that_was_hardly_heard_is_asked_again() {
    let mut call = introduced();
    call.hears(Some("Ja."), |turn| turn.voiced = Duration::from_millis(60));
    assert!(!has_consent(&call));
    assert_eq!(call.said().last().unwrap(), AGAIN);
    call.listen();
    call.hears(Some("Ja."), |turn| turn.confidence = Some(0.1));
    assert!(!has_consent(&call));
}

// English.

#[test]
fn an_english_interview_understands_english() {
    let question = PlannedQuestion {
        id: super::by_hand::question_id(0),
        text: "How was the coffee?".into(),
        max_response_time: Duration::from_secs(30),
        follow_up_prompts: Vec::new(),
    };
    let mut call = Call::new(InterviewPlan::english("The Coffee Shop", "Vera", vec![question]), Progress::default());
    call.event(DialogueEvent::Connected);
    call.listen();
    call.says("Sure, go ahead.");
    assert!(has_consent(&call));
    call.listen();
    call.says("I'm sorry, I have to hang up now.");
    assert_eq!(call.ends(), Some(("softly", EndReason::Stopped)));
    assert_eq!(call.answered(), []);
}
