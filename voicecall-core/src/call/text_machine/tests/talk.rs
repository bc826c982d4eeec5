use super::*;

#[test]
fn the_models_words_go_out_as_they_come_and_are_journaled_once_they_had_their_time() {
    let mut call = Call::begun(announced(), bakery());
    call.wait_ms(3000);
    call.hears("When do you open?");
    call.writes(&["We", " open", " at eight."]);
    assert_eq!(call.said(), "Hello, how can I help?|We open at eight.|");
    call.wait_ms(3000);
    let said: Vec<_> = call
        .facts()
        .into_iter()
        .filter_map(|fact| match fact {
            Fact::Said { heard, unheard, estimated, .. } => Some((heard.as_str(), unheard.as_str(), *estimated)),
            _ => None,
        })
        .collect();
    assert_eq!(said, [("Hello, how can I help?", "", true), ("We open at eight.", "", true)]);
    assert!(call.facts().iter().any(|fact| matches!(fact, Fact::Latency(latency) if latency.first_token.is_some())));
}

#[test]
fn only_what_was_heard_of_an_answer_enters_the_context_and_late_tokens_do_not() {
    let mut call = Call::begun(settings(), bakery());
    call.hears("Tell me everything.");
    let (op, _) = *call.requests().last().unwrap();
    call.token(op, "We bake bread");
    call.token(op, " and buns and");
    call.interrupts("We bake");
    assert!(call.out.contains(&Output::Cancel { op }));
    let sent = call.said();
    call.token(op, " cakes.");
    call.handle(InputEvent::TextDone { op });
    call.wait_ms(1000);
    assert_eq!(call.said(), sent, "nothing of the old answer is said");
    call.hears("Only bread, please.");
    let shown = call.shown();
    let texts: Vec<&str> = shown.iter().map(|(_, text)| text.as_str()).collect();
    let expected =
        ["[the call is connected]", "Hello, how can I help?", "Tell me everything.", "We bake", "Only bread, please."];
    assert_eq!(texts, expected);
}

#[test]
fn who_goes_on_before_the_answer_began_is_answered_once_and_whole() {
    let mut call = Call::begun(settings(), bakery());
    call.hears("I would like");
    let (first, _) = *call.requests().last().unwrap();
    call.hears("two loaves.");
    assert!(call.out.contains(&Output::Cancel { op: first }));
    call.token(first, "What would you like?");
    assert!(!call.said().contains("What would"));
    assert_eq!(call.shown().last().unwrap().1, "I would like two loaves.");
}

fn hours() -> Tool {
    #[derive(serde::Deserialize, schemars::JsonSchema)]
    struct Day {
        #[expect(dead_code, reason = "the tool is not run here")]
        day: String,
    }
    Tool::new("hours", "When the shop is open").handler(|_: Day, _| async { Ok("8 to 18") })
}

#[test]
fn a_tool_has_its_result_in_the_context_also_when_the_caller_interrupted_meanwhile() {
    let mut call = Call::begun(settings(), bakery().tool(hours()));
    call.hears("When are you open on Sunday?");
    call.calls("Let me see.", "hours", r#"{"day":"Sunday"}"#);
    assert!(call.out.iter().any(|output| matches!(output, Output::CallTool { .. })));
    call.interrupts("Let");
    call.hears("On Sunday.");
    let outcome = ToolOutcome::Returned(json!("8 to 18"));
    call.handle(InputEvent::ToolResult { call: ToolCallId(1), outcome });
    let (_, request) = *call.requests().last().unwrap();
    let messages = &request.messages;
    let calls: Vec<&str> = messages.iter().flat_map(|message| &message.tool_calls).map(|call| &*call.id).collect();
    let is_result = |message: &&crate::model::ChatMessage| message.role == ChatRole::Tool;
    let results: Vec<&str> = messages.iter().filter(is_result).map(|message| &*message.content).collect();
    assert_eq!((calls, results), (vec!["call_1"], vec![r#""8 to 18""#]));
    assert!(messages.iter().any(|message| message.content == "Let"), "{messages:?}");
}

#[test]
fn silence_is_asked_about_and_then_the_call_ends_with_a_goodbye_that_is_heard() {
    let mut call = Call::begun(settings(), bakery().silence(["Are you there?"]).goodbye("Goodbye."));
    call.wait_ms(1700);
    assert_eq!(call.said(), "Hello, how can I help?|");
    call.wait(Duration::from_secs(30));
    assert_eq!(call.said(), "Hello, how can I help?|Are you there?|Goodbye.|");
    let end = call.out.iter().position(|output| *output == Output::SendText(TextCommand::End)).unwrap();
    let is_said = |output: &Output| matches!(output, Output::SendText(TextCommand::Say { .. }));
    assert!(end > call.out.iter().rposition(is_said).unwrap());
    assert_eq!(call.effect(), Some(&Effect::HangUp(EndReason::NoResponse)));
    assert!(call.logic.is_finished());
}

#[test]
fn a_caller_who_interrupts_and_is_not_understood_is_asked_again() {
    let mut call = Call::begun(settings(), bakery());
    call.wait_ms(600);
    call.interrupts("Hello");
    call.wait(LONGEST_TURN.saturating_sub(Duration::from_millis(100)));
    assert_eq!(call.said(), "Hello, how can I help?|", "who may be speaking is not spoken to");
    call.wait_ms(200);
    assert!(call.said().split('|').nth(1).is_some_and(|said| !said.is_empty()), "{}", call.said());
}

#[test]
fn keys_that_interrupt_are_answered_at_once() {
    let mut call = Call::begun(settings(), bakery());
    call.text(TextEvent::Key('4'));
    call.interrupts("Hello");
    call.text(TextEvent::Key('2'));
    call.wait_ms(1600);
    assert_eq!(call.shown().last().unwrap().1, "[keys pressed: 42]");
}

#[test]
fn a_wait_is_bridged_by_a_filler_that_needs_no_sound() {
    let mut settings = settings();
    settings.timeouts.fillers = vec![(Duration::from_millis(1500), "One moment.".into())];
    let mut call = Call::begun(settings, bakery());
    call.wait_ms(3000);
    call.hears("When do you open?");
    call.wait_ms(1400);
    assert!(!call.said().contains("One moment"));
    call.wait_ms(200);
    assert!(call.said().ends_with("One moment.|"), "{}", call.said());
    call.writes(&["At eight."]);
    call.wait_ms(3000);
    assert!(call.said().ends_with("One moment.|At eight.|"), "{}", call.said());
}

#[test]
fn a_model_that_is_late_is_given_up_and_apologised_for() {
    let mut call = Call::begun(settings(), bakery());
    call.hears("When do you open?");
    call.wait_ms(6100);
    let (op, _) = call.requests()[0];
    assert!(call.out.contains(&Output::Cancel { op }));
    assert!(call.said().split('|').nth(1).is_some_and(|said| !said.is_empty()), "{}", call.said());
}

#[test]
fn what_a_caller_says_lasts_as_long_as_its_characters_in_any_script() {
    let mut lengths = Vec::new();
    for words in ["sma lantbrod", "små lantbröd", "малый хлебец"] {
        let mut call = Call::begun(announced(), bakery());
        call.wait_ms(5000);
        call.hears(words);
        let heard = |fact: &&Fact| if let Fact::Heard(turn) = fact { Some((turn.voiced, turn.ended)) } else { None };
        lengths.push(call.facts().iter().find_map(heard).unwrap());
    }
    assert_eq!(lengths[0].0.as_millis(), 800);
    assert!(lengths.iter().all(|length| *length == lengths[0]), "{lengths:?}");
}
