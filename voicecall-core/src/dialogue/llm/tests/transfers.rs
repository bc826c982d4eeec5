//! Transfers: to whom the model may pass a caller, what those are told, and what the caller hears who comes back.

use super::*;
use crate::dialogue::LONGEST_ANNOUNCEMENT;

const TAKE_IT: &str = r#"{"to":"office","announcement":" Anna wants a cake for Sunday. "}"#;

fn office() -> PhoneNumber {
    "+46701740605".parse().unwrap()
}

/// The parameters of the transfer tool that the model is offered.
fn offered(dialogue: LlmDialogue) -> serde_json::Value {
    let mut call = Driven::new(dialogue);
    call.hear("A human!");
    let request = call.actions.iter().find_map(|action| match action {
        Action::Respond { request, .. } => Some(request.clone()),
        _ => None,
    });
    let tools = request.unwrap().tools;
    tools.into_iter().find(|tool| tool.name == "transfer_call").unwrap().parameters
}

#[test]
fn whoever_is_to_take_a_call_is_told_of_it_in_the_models_words() {
    let mut call = Driven::new(bakery().warm_transfer_to("office", office()).phrases(Phrases::swedish()));
    call.hear("Jag vill prata med någon.");
    call.answer("Ett ögonblick.", &[("transfer_call", TAKE_IT)]);
    let said = "Anna wants a cake for Sunday. Tryck 1 för att ta samtalet.";
    let announcement = Some(crate::carrier::Say::new(said, "sv-SE"));
    assert!(call.does(&Action::Transfer { to: "office".into(), announcement }), "{:?}", call.actions);
    assert_eq!(call.dialogue.transfer_number("office"), Some(office()));
}

#[test]
fn a_model_that_has_nothing_to_say_to_them_is_told_to() {
    for arguments in [r#"{"to":"office"}"#, r#"{"to":"office","announcement":"  "}"#] {
        let mut call = Driven::new(bakery().warm_transfer_to("office", office()));
        call.hear("A human!");
        call.answer("", &[("transfer_call", arguments)]);
        assert!(!call.actions.iter().any(|action| matches!(action, Action::Transfer { .. })));
        assert!(lines(&call.response().1).last().unwrap().contains("announcement"), "{:?}", call.actions);
    }
}

#[test]
fn a_model_that_has_too_much_to_say_to_them_is_told_how_much_they_listen_to() {
    let longest = LONGEST_ANNOUNCEMENT - " Press 1 to take the call.".len();
    for (length, is_told) in [(longest, true), (longest + 1, false)] {
        let mut call = Driven::new(bakery().warm_transfer_to("office", office()));
        call.hear("A human!");
        let arguments = json!({ "to": "office", "announcement": "å".repeat(length) }).to_string();
        call.answer("", &[("transfer_call", &arguments)]);
        let announced = call.actions.iter().find_map(|action| match action {
            Action::Transfer { announcement, .. } => announcement.as_ref(),
            _ => None,
        });
        assert_eq!(announced.map(|say| say.text.chars().count()), is_told.then_some(LONGEST_ANNOUNCEMENT));
        if !is_told {
            let told = lines(&call.response().1).last().unwrap().clone();
            assert!(told.contains(&format!("at most {longest} characters")), "{told}");
        }
    }
}

#[test]
fn the_model_is_asked_for_an_announcement_only_where_somebody_hears_it() {
    assert_eq!(offered(bakery().transfer_to("office", office()))["required"], json!(["to"]));
    let warm = bakery().warm_transfer_to("office", office());
    assert_eq!(offered(warm)["required"], json!(["announcement", "to"]));
    let both = offered(bakery().warm_transfer_to("office", office()).transfer_to("shop", office()));
    assert_eq!(both["properties"]["to"]["enum"], json!(["office", "shop"]));
    let description = both["properties"]["announcement"]["description"].as_str().unwrap();
    assert!(description.ends_with("For office; empty for others."), "{description}");
}

#[test]
fn a_caller_whom_nobody_took_is_told_so_and_the_model_goes_on() {
    let facts = vec![Fact::Connected, said(1, "Hello!"), Fact::TransferOffered { to: "office".into() }];
    let mut call = Driven::new(resumed(&journal(facts.clone())));
    assert_eq!(call.said(), ["Sorry, nobody can take your call there right now."]);
    assert_eq!(call.actions.len(), 1, "the model answers once it knows why");
    call.tell(DialogueEvent::TransferFailed { to: "office".into() });
    assert!(lines(&call.response().1).last().unwrap().contains("could not be transferred to office"));

    let later = [facts, vec![Fact::Resumed]].concat();
    assert_eq!(Driven::new(resumed(&journal(later))).said(), ["Sorry, we were cut off."], "another break, later");
}
