//! Messages instead of voices: each answer is given by a dialogue that knows no more than the journal.

use jiff::Timestamp;

use super::*;
use crate::dialogue::{Past, PastLine};
use crate::journal::Speaker;
use crate::store::Channel;

/// A dialogue that answers by message, which goes on where this journal stops.
fn messaging(dialogue: LlmDialogue, facts: Vec<Fact>, past: &Past, heard_follows: bool) -> Driven {
    let mut dialogue = dialogue;
    dialogue.recall(past);
    dialogue.resume(&journal(facts));
    let mut driven = Driven { dialogue, now: CallTime::ZERO, actions: Vec::new() };
    driven.tell(DialogueEvent::Messaging { heard_follows });
    driven
}

fn turn(text: &str) -> Fact {
    let DialogueEvent::Heard(turn) = heard(text) else { unreachable!() };
    Fact::Heard(turn)
}

#[test]
fn nobody_is_greeted_and_the_answer_knows_what_was_written_before() {
    let facts = vec![turn("Are you open on Sunday?"), said(1, "From 8 to 18.")];
    let mut chat = messaging(bakery(), facts, &Past::default(), true);
    assert!(chat.actions.is_empty(), "{:?}", chat.actions);
    chat.hear("And on Monday?");
    let lines = lines(&chat.response().1);
    assert_eq!(lines[1..], ["User: Are you open on Sunday?", "Assistant: From 8 to 18.", "User: And on Monday?"]);
}

#[test]
fn what_was_said_in_other_sessions_is_known_with_its_place() {
    let at: Timestamp = "2026-11-27T12:00:00Z".parse().unwrap();
    let line = |speaker, channel, text: &str| PastLine { speaker, channel, at, text: text.to_owned() };
    let past = Past {
        summary: Some("Anna is allergic to nuts.".to_owned()),
        lines: vec![
            line(Speaker::Caller, Channel::Voice, "A cake for four, please."),
            line(Speaker::Agent, Channel::Voice, "Tomorrow at ten?"),
            line(Speaker::Caller, Channel::Voice, "Yes."),
            line(Speaker::Caller, Channel::Sms, "Make it five."),
        ],
    };
    let mut chat = messaging(bakery().window(4), Vec::new(), &past, true);
    chat.hear("Did you get that?");
    let messages = chat.response().1;
    assert_fits(&messages);
    let all = lines(&messages).join("\n");
    assert!(all.contains("[What was said earlier, summed up: Anna is allergic to nuts.]"), "{all}");
    assert!(all.contains("[sms, 2026-11-27] Make it five."), "{all}");
    assert_eq!(all.matches("Yes.").count(), 1);
}

#[test]
fn an_answer_that_broke_off_is_given_and_its_tools_are_not_run_twice() {
    for (effect, runs) in [(ToolEffect::Idempotent, true), (ToolEffect::Once, false)] {
        let facts = vec![turn("Sunday?"), called(7, effect)];
        let mut chat = messaging(bakery(), facts, &Past::default(), false);
        assert_eq!(chat.ran(), if runs { vec![(7, "hours")] } else { vec![] });
        let unknown = Phrases::english().outcome_unknown;
        assert_eq!(chat.said().contains(&unknown.as_str()), !runs);
        if runs {
            chat.returns(7, ToolOutcome::Returned(json!("8 to 18")));
        }
        assert_fits(&chat.response().1);
    }
    let returned = Fact::ToolReturned {
        call: ToolCallId(7),
        state: ToolState::Returned,
        outcome: Some(ToolOutcome::Returned(json!("8 to 18"))),
    };
    let facts = vec![turn("Sunday?"), called(7, ToolEffect::Once), returned];
    let chat = messaging(bakery(), facts, &Past::default(), false);
    assert!(lines(&chat.response().1).iter().any(|line| line.contains("8 to 18")));
}

#[test]
fn a_question_waits_for_its_answer_in_another_message() {
    let build = || LlmDialogue::new("x").tool(hours().effect(ToolEffect::Once).confirm("Shall I ask for {day}?"));
    let mut chat = messaging(build(), Vec::new(), &Past::default(), true);
    chat.hear("Sunday?");
    chat.answer("", &[("hours", SUNDAY)]);
    assert_eq!(chat.said(), ["Shall I ask for Sunday?"]);
    let mut facts = vec![turn("Sunday?")];
    facts.extend(chat.journaled());
    facts.push(said(2, "Shall I ask for Sunday?"));

    for (answer, runs) in [("Yes, please.", true), ("No.", false), ("Who are you?", false)] {
        let mut chat = messaging(build(), facts.clone(), &Past::default(), true);
        assert_eq!(chat.ran(), [], "nobody has said yes");
        chat.hear(answer);
        assert_eq!(!chat.ran().is_empty(), runs, "{answer}");
        if !runs {
            assert!(lines(&chat.response().1).iter().any(|line| line.contains("did not say yes")));
        }

        // The answer was taken in, and then the process died.
        let mut after = facts.clone();
        after.push(turn(answer));
        let chat = messaging(build(), after, &Past::default(), false);
        assert_eq!(!chat.ran().is_empty(), runs, "{answer}, after a crash");
    }
}
