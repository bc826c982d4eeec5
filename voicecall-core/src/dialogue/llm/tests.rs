//! The dialogue by hand: every rule about what the model may read, what may run, and what the caller hears.

mod messaging;
mod transfers;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::dialogue::CallerTurn;
use crate::id::{Epoch, SessionId};
use crate::journal::{Fact, JournalEntry};
use crate::model::{ChatMessage, ChatRole, ToolCall};
use crate::tool::{AfterInterruption, ToolEffect, ToolOutcome, ToolState};

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[expect(dead_code, reason = "only its shape matters")]
struct Day {
    day: String,
}

fn hours() -> Tool {
    Tool::new("hours", "When the shop is open").handler(|_: Day, _| async { Ok("8 to 18") })
}

fn bakery() -> LlmDialogue {
    LlmDialogue::new("You are a bakery.").greeting("Hello!").tool(hours())
}

/// A dialogue and the actions it has asked for, by hand.
struct Driven {
    dialogue: LlmDialogue,
    now: CallTime,
    actions: Vec<Action>,
}

impl Driven {
    fn new(dialogue: LlmDialogue) -> Self {
        dialogue.validate().unwrap();
        let mut driven = Self { dialogue, now: CallTime::ZERO, actions: Vec::new() };
        driven.tell(DialogueEvent::Connected);
        driven
    }

    /// The actions that follow from an event.
    fn tell(&mut self, event: DialogueEvent) -> &[Action] {
        self.actions.clear();
        self.dialogue.handle(&event, self.now, &mut self.actions);
        &self.actions
    }

    fn hear(&mut self, text: &str) -> &[Action] {
        self.tell(heard(text))
    }

    /// The response asked for last.
    fn response(&self) -> (UtteranceId, Vec<ChatMessage>) {
        let found = self.actions.iter().find_map(|action| match action {
            Action::Respond { utterance, request } => Some((*utterance, request.messages.clone())),
            _ => None,
        });
        found.unwrap_or_else(|| panic!("no response in {:?}", self.actions))
    }

    /// The model answers the response asked for last with calls and words.
    fn answer(&mut self, text: &str, calls: &[(&str, &str)]) -> UtteranceId {
        let (utterance, _) = self.response();
        for (name, arguments) in calls {
            let call = ToolCall { id: "x".into(), name: (*name).into(), arguments: (*arguments).into() };
            self.tell(DialogueEvent::ToolCall { utterance, call });
            assert!(self.actions.is_empty(), "nothing is done before the answer is complete");
        }
        self.tell(DialogueEvent::Written { utterance, text: text.into() });
        utterance
    }

    fn returns(&mut self, call: u32, outcome: ToolOutcome) {
        self.tell(DialogueEvent::ToolResult { call: ToolCallId(call), outcome });
    }

    fn said(&self) -> Vec<&str> {
        let texts =
            self.actions.iter().map(|action| if let Action::Say(said) = action { said.text.as_str() } else { "" });
        texts.filter(|text| !text.is_empty()).collect()
    }

    /// The first thing that is said.
    fn utterance(&self) -> Utterance {
        let said =
            self.actions.iter().find_map(|action| if let Action::Say(said) = action { Some(said) } else { None });
        said.unwrap().clone()
    }

    /// What is journaled, as facts of a session.
    fn journaled(&self) -> Vec<Fact> {
        let facts =
            self.actions.iter().filter_map(|action| if let Action::Journal(fact) = action { Some(fact) } else { None });
        facts.cloned().collect()
    }

    fn ran(&self) -> Vec<(u32, &str)> {
        let ran = |action| match action {
            &Action::CallTool { call, ref name, .. } => Some((call.0, name.as_str())),
            _ => None,
        };
        self.actions.iter().filter_map(ran).collect()
    }

    fn does(&self, wanted: &Action) -> bool {
        self.actions.contains(wanted)
    }
}

/// The bakery, which goes on where this journal stops.
fn resumed(journal: &[JournalEntry]) -> LlmDialogue {
    let mut bakery = bakery();
    bakery.resume(journal);
    bakery
}

fn heard(text: &str) -> DialogueEvent {
    DialogueEvent::Heard(CallerTurn {
        turn: 1,
        text: Some(text.to_owned()),
        confidence: None,
        language: None,
        started: CallTime::ZERO,
        ended: CallTime::ZERO,
        voiced: std::time::Duration::ZERO,
        cut_off: false,
    })
}

fn lines(messages: &[ChatMessage]) -> Vec<String> {
    let line = |message: &ChatMessage| {
        let calls: String =
            message.tool_calls.iter().map(|call| format!(" +{}({})", call.name, call.arguments)).collect();
        format!("{:?}: {}{calls}", message.role, message.content)
    };
    messages.iter().map(line).collect()
}

const SUNDAY: &str = r#"{"day":"Sunday"}"#;

#[test]
fn a_tool_runs_when_the_answer_is_complete_and_the_model_reads_its_result() {
    let mut call = Driven::new(bakery());
    assert_eq!(call.said(), ["Hello!"]);
    call.hear("Are you open on Sunday?");
    call.answer("Let me see.", &[("hours", SUNDAY)]);
    assert_eq!(call.ran(), [(1, "hours")]);
    call.returns(1, ToolOutcome::Returned(json!("8 to 18")));
    let (_, messages) = call.response();
    assert_eq!(
        lines(&messages),
        [
            "System: You are a bakery.",
            "User: [the call is connected]",
            "Assistant: Hello!",
            "User: Are you open on Sunday?",
            "Assistant: Let me see. +hours({\"day\":\"Sunday\"})",
            "Tool: \"8 to 18\"",
        ]
    );
}

#[test]
fn several_tools_are_offered_in_their_order() {
    let dialogue = bakery().tools(["a", "b"].map(|name| Tool::new(name, "").handler(|_: Day, _| async { Ok(()) })));
    let mut driven = Driven::new(dialogue);
    let actions = driven.hear("Hi!");
    let Some(Action::Respond { request, .. }) = actions.first() else { panic!("{actions:?}") };
    let names: Vec<_> = request.tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["hours", "a", "b", "end_call"]);
}

#[test]
fn what_was_not_heard_never_enters_the_context() {
    let mut call = Driven::new(bakery());
    call.hear("Tell me everything.");
    let utterance = call.answer("We bake bread. And buns.", &[]);
    call.tell(DialogueEvent::Interrupted { utterance, heard: "We bake".into() });
    call.hear("What?");
    let (_, messages) = call.response();
    assert_eq!(lines(&messages)[4..], ["Assistant: We bake", "User: What?"]);
}

#[test]
fn an_answer_interrupted_before_its_first_sound_was_not_given_and_its_tools_do_not_run() {
    let mut call = Driven::new(bakery());
    call.hear("Are you open");
    let (utterance, _) = call.response();
    let tool = ToolCall { id: String::new(), name: "hours".into(), arguments: SUNDAY.into() };
    call.tell(DialogueEvent::ToolCall { utterance, call: tool });
    call.tell(DialogueEvent::Interrupted { utterance, heard: String::new() });
    call.tell(DialogueEvent::Written { utterance, text: "too late".into() });
    assert!(call.actions.is_empty());
    call.hear("on Sunday?");
    let (_, messages) = call.response();
    assert_eq!(lines(&messages)[3..], ["User: Are you open on Sunday?"]);
}

#[test]
fn what_stood_behind_an_interrupted_utterance_was_not_said() {
    let mut call = Driven::new(bakery());
    call.hear("Hi.");
    let first = call.answer("One.", &[]);
    call.hear("And?");
    call.answer("Two.", &[]);
    call.tell(DialogueEvent::Interrupted { utterance: first, heard: "One.".into() });
    call.hear("Stop.");
    assert!(!lines(&call.response().1).iter().any(|line| line.contains("Two")));
}

#[test]
fn words_during_a_tool_are_answered_with_its_result() {
    let mut call = Driven::new(bakery());
    call.hear("Sunday?");
    call.answer("", &[("hours", SUNDAY)]);
    assert!(call.hear("I mean next Sunday.").is_empty());
    call.returns(1, ToolOutcome::Returned(json!("closed")));
    let (_, messages) = call.response();
    let lines = lines(&messages);
    assert_eq!(lines[lines.len() - 2..], ["Tool: \"closed\"", "User: I mean next Sunday."]);
}

#[test]
fn a_tool_that_is_not_to_be_finished_is_cancelled_by_the_callers_words() {
    let tool = hours().after_interruption(AfterInterruption::Cancel);
    let mut call = Driven::new(LlmDialogue::new("x").greeting("Hi").tool(tool));
    call.hear("Sunday?");
    call.answer("", &[("hours", SUNDAY)]);
    call.hear("Never mind.");
    assert!(call.does(&Action::CancelTool(ToolCallId(1))));
    assert!(lines(&call.response().1).iter().any(|line| line.contains("cancelled because the caller spoke")));
    call.returns(1, ToolOutcome::Returned(json!("late")));
    assert!(call.actions.is_empty());
}

#[test]
fn after_an_interruption_a_result_waits_for_the_callers_words() {
    let mut call = Driven::new(bakery());
    call.hear("Sunday?");
    let utterance = call.answer("Let me see.", &[("hours", SUNDAY)]);
    call.tell(DialogueEvent::Interrupted { utterance, heard: "Let".into() });
    call.returns(1, ToolOutcome::Returned(json!("closed")));
    assert!(call.actions.is_empty(), "the caller is speaking");
    call.hear("No, Monday!");
    assert_eq!(lines(&call.response().1).last().unwrap(), "User: No, Monday!");
}

#[test]
fn calls_that_fit_no_tool_are_answered_with_an_error_and_run_nothing() {
    for (name, arguments) in
        [("fly", "{}"), ("hours", "{}"), ("hours", "{\"day\": 3}"), ("hours", "not json"), ("transfer_call", "{}")]
    {
        let mut call = Driven::new(bakery());
        call.hear("Hi");
        call.answer("", &[(name, arguments)]);
        assert_eq!(call.ran(), []);
        let (_, messages) = call.response();
        assert!(lines(&messages).last().unwrap().contains("error"), "{name} {arguments}");
    }
}

#[test]
fn a_model_that_calls_tools_for_ever_is_stopped_and_the_caller_told() {
    let mut call = Driven::new(bakery().max_rounds(3));
    call.hear("Hi");
    for round in 1..=3 {
        call.answer("", &[("hours", SUNDAY)]);
        call.returns(round, ToolOutcome::Returned(json!("closed")));
    }
    assert_eq!(call.said(), [Phrases::english().gave_up]);
    call.hear("And now?");
    call.response();
}

#[test]
fn an_answer_without_words_and_a_failure_have_an_end_that_is_heard() {
    let mut call = Driven::new(bakery());
    call.hear("Hi");
    call.answer(" … ", &[]);
    assert_eq!(call.said(), [Phrases::english().no_answer]);
    call.hear("Hi!");
    let (utterance, _) = call.response();
    call.tell(DialogueEvent::ResponseFailed { utterance, text: String::new() });
    assert_eq!(call.said(), [Phrases::english().broken]);
    assert!(call.does(&Action::End(EndReason::TechnicalFailure)));
}

#[test]
fn a_failure_in_the_middle_keeps_what_has_sound_and_runs_no_tool() {
    let mut call = Driven::new(bakery());
    call.hear("Hi");
    let (utterance, _) = call.response();
    let tool = ToolCall { id: String::new(), name: "hours".into(), arguments: SUNDAY.into() };
    call.tell(DialogueEvent::ToolCall { utterance, call: tool });
    call.tell(DialogueEvent::ResponseFailed { utterance, text: "We are".into() });
    assert_eq!((call.said(), call.ran()), (vec![Phrases::english().no_answer.as_str()], vec![]));
    call.hear("Yes?");
    let lines = lines(&call.response().1);
    assert!(lines[4].starts_with("Assistant: We are Sorry"), "{lines:?}");
}

#[test]
fn a_tool_with_a_confirmation_runs_only_after_a_yes_to_the_whole_question() {
    for (is_heard, words, runs) in
        [(true, "Yes, please.", true), (true, "No.", false), (true, "Who are you?", false), (false, "Yes.", false)]
    {
        let tool = hours().effect(ToolEffect::Once).confirm("Shall I ask for {day}?");
        let mut call = Driven::new(LlmDialogue::new("x").greeting("Hi").tool(tool));
        call.hear("Sunday?");
        call.answer("", &[("hours", SUNDAY)]);
        assert_eq!((call.said(), call.ran()), (vec!["Shall I ask for Sunday?"], vec![]));
        let question = call.utterance();
        call.tell(if is_heard {
            DialogueEvent::Spoken(question.id)
        } else {
            DialogueEvent::Interrupted { utterance: question.id, heard: "Shall".into() }
        });
        call.hear(words);
        assert_eq!(!call.ran().is_empty(), runs, "{words}");
        if !runs {
            assert!(lines(&call.response().1).iter().any(|line| line.contains("did not say yes")));
        }
    }
}

#[test]
fn a_confirmation_that_was_drowned_by_noise_is_asked_again() {
    let mut call = Driven::new(LlmDialogue::new("x").greeting("Hi").tool(hours().confirm("Sure?")));
    call.hear("Sunday?");
    call.answer("", &[("hours", SUNDAY)]);
    let question = call.utterance();
    call.tell(DialogueEvent::Interrupted { utterance: question.id, heard: String::new() });
    call.hear("");
    assert_eq!(call.said(), ["Sure?"]);
}

#[test]
fn the_caller_hears_something_while_a_tool_is_slow() {
    let mut call = Driven::new(LlmDialogue::new("x").greeting("Hi").tool(hours().filler("One moment…")));
    call.hear("Sunday?");
    call.answer("", &[("hours", SUNDAY)]);
    let due = call.dialogue.wake_at().unwrap();
    assert_eq!(due, CallTime::from_millis(1000));
    call.now = due;
    call.tell(DialogueEvent::Wake);
    assert_eq!(call.said(), ["One moment…"]);
    call.tell(DialogueEvent::Wake);
    assert_eq!((call.said().len(), call.dialogue.wake_at()), (0, None));
}

#[test]
fn the_call_is_ended_transferred_and_handed_over_as_the_model_says() {
    let number: PhoneNumber = "+46701740605".parse().unwrap();
    let build = || {
        bakery().transfer_to("office", number.clone()).hand_off("baker", LlmDialogue::new("You are the baker.").keys())
    };

    let mut call = Driven::new(build());
    call.hear("Bye.");
    call.answer("", &[("end_call", "{}")]);
    assert_eq!(call.said(), ["Goodbye."]);
    assert!(call.does(&Action::End(EndReason::Completed)));

    let mut call = Driven::new(build());
    call.hear("A human!");
    call.answer("I'll put you through.", &[("transfer_call", r#"{"to":"office"}"#)]);
    assert!(call.said().is_empty() && call.does(&Action::Transfer { to: "office".into(), announcement: None }));
    assert_eq!(call.dialogue.transfer_number("office"), Some(number.clone()));
    call.tell(DialogueEvent::TransferFailed { to: "office".into() });
    assert!(lines(&call.response().1).last().unwrap().contains("could not be transferred"));

    let mut call = Driven::new(build());
    call.hear("The baker, please.");
    call.answer("", &[("hand_off", r#"{"to":"baker"}"#)]);
    let (_, messages) = call.response();
    assert_eq!(messages[0].content, "You are the baker.");
    assert!(lines(&messages).contains(&"User: The baker, please.".to_owned()), "the history is kept");
    call.answer("", &[("press_keys", r#"{"keys":"12#"}"#)]);
    assert!(call.does(&Action::PressKeys("12#".parse().unwrap())));
}

#[test]
fn silence_is_prompted_and_then_ends_the_call() {
    let mut call = Driven::new(bakery().silence(["Hello?", "Anybody?"]).goodbye("Bye then."));
    for (count, said) in [(1, "Hello?"), (2, "Anybody?"), (3, "Bye then.")] {
        call.tell(DialogueEvent::Silence { count });
        assert_eq!(call.said(), [said]);
    }
    assert!(call.does(&Action::End(EndReason::NoResponse)));
}

#[test]
fn told_to_wrap_up_it_says_goodbye() {
    let mut call = Driven::new(bakery());
    call.tell(DialogueEvent::WrapUp);
    assert_eq!((call.said(), call.does(&Action::Interrupt)), (vec!["Goodbye."], true));
    assert!(call.hear("Wait!").is_empty());
}

#[test]
fn keys_are_read_together() {
    let mut call = Driven::new(bakery());
    call.tell(DialogueEvent::Key('4'));
    call.now = CallTime::from_millis(500);
    assert!(call.tell(DialogueEvent::Key('2')).is_empty());
    call.now = call.dialogue.wake_at().unwrap();
    call.tell(DialogueEvent::Wake);
    assert_eq!(lines(&call.response().1).last().unwrap(), "User: [keys pressed: 42]");
}

#[test]
fn a_long_history_keeps_the_newest_turns_and_no_half_of_a_call() {
    let mut call = Driven::new(bakery().window(4));
    for round in 1..=10 {
        call.hear(&format!("Question {round}?"));
        call.answer("", &[("hours", SUNDAY)]);
        call.returns(round, ToolOutcome::Returned(json!(round)));
        assert_fits(&call.response().1);
        call.answer("So.", &[]);
    }
    call.hear("Last?");
    let lines = lines(&call.response().1);
    assert!(lines.len() <= 8 && lines[0].starts_with("System") && !lines.concat().contains("Question 7"), "{lines:?}");
}

fn journal(facts: impl IntoIterator<Item = Fact>) -> Vec<JournalEntry> {
    let (session, at) = (SessionId::new(), jiff::Timestamp::UNIX_EPOCH);
    let entry = |(seq, fact)| JournalEntry { session, epoch: Epoch::FIRST, seq, at, offset: CallTime::ZERO, fact };
    (1..).zip(facts).map(entry).collect()
}

fn called(call: u32, effect: ToolEffect) -> Fact {
    let arguments = Some(json!({ "day": "Sunday" }));
    Fact::ToolCalled { call: ToolCallId(call), key: format!("k-{call}"), name: "hours".into(), effect, arguments }
}

fn said(utterance: u32, heard: &str) -> Fact {
    let (utterance, heard, unheard) = (UtteranceId(utterance), heard.to_owned(), String::new());
    Fact::Said { utterance, heard, unheard, from: CallTime::ZERO, until: CallTime::ZERO, estimated: false }
}

#[test]
fn after_a_crash_only_what_may_run_twice_runs_again_with_its_number() {
    for (effect, runs) in [(ToolEffect::None, true), (ToolEffect::Idempotent, true), (ToolEffect::Once, false)] {
        let DialogueEvent::Heard(turn) = heard("Sunday?") else { panic!() };
        let journal = journal([Fact::Connected, Fact::Heard(turn), called(7, effect)]);
        let mut call = Driven::new(resumed(&journal));
        assert_eq!(call.ran(), if runs { vec![(7, "hours")] } else { vec![] });
        let unknown = Phrases::english().outcome_unknown;
        assert_eq!(call.said().contains(&unknown.as_str()), !runs, "the caller hears it");
        if runs {
            call.returns(7, ToolOutcome::Returned(json!("8 to 18")));
        }
        let (_, messages) = call.response();
        assert_fits(&messages);
        assert!(lines(&messages).contains(&"User: Sunday?".to_owned()));
        call.answer("", &[("hours", SUNDAY)]);
        assert_eq!(call.ran(), [(8, "hours")], "numbers go on");
    }
}

#[test]
fn that_nobody_knows_is_said_until_the_caller_has_heard_it() {
    let unknown = Phrases::english().outcome_unknown;
    let settled =
        Fact::ToolReturned { call: ToolCallId(7), state: ToolState::Unknown, outcome: Some(ToolOutcome::Unknown) };
    let first_words = unknown.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
    for (heard, again) in [(None, true), (Some(first_words.as_str()), true), (Some(unknown.as_str()), false)] {
        let said = heard.map(|heard| said(2, heard));
        let facts = [Fact::Connected, called(7, ToolEffect::Once), Fact::Resumed, settled.clone()];
        let call = Driven::new(resumed(&journal(facts.into_iter().chain(said).chain([Fact::Resumed]))));
        assert_eq!(call.said().contains(&unknown.as_str()), again, "heard {heard:?}");
        assert_eq!(call.ran(), []);
    }
}

#[test]
fn of_a_journal_without_content_nothing_runs_again() {
    let journal = journal([Fact::Connected, called(1, ToolEffect::Idempotent).without_content()]);
    let call = Driven::new(resumed(&journal));
    assert_eq!(call.ran(), []);
    assert!(call.said().contains(&Phrases::english().outcome_unknown.as_str()));
    let settled =
        |action: &Action| matches!(action, Action::Journal(Fact::ToolReturned { state: ToolState::Unknown, .. }));
    assert!(call.actions.iter().any(settled));
}

#[test]
fn a_configuration_that_cannot_work_is_refused_with_its_field() {
    let field = |dialogue: LlmDialogue| dialogue.validate().unwrap_err().field().map(ToOwned::to_owned);
    assert_eq!(field(LlmDialogue::new(" ")).as_deref(), Some("instructions"));
    assert_eq!(field(bakery().tool(hours())).as_deref(), Some("tool.name"));
    let end = Tool::new("end_call", "").handler(|_: Day, _| async { Ok(()) });
    assert_eq!(field(bakery().tool(end)).as_deref(), Some("tool.name"));
    assert_eq!(field(bakery().hand_off("", bakery())).as_deref(), Some("hand_off.name"));
    assert_eq!(field(bakery().hand_off("a", bakery()).hand_off("a", bakery())).as_deref(), Some("hand_off.name"));
}

/// Whether every chat service accepts a conversation like that.
fn assert_fits(messages: &[ChatMessage]) {
    assert_eq!(messages[0].role, ChatRole::System);
    assert_eq!(messages[1].role, ChatRole::User);
    assert_ne!(messages.last().unwrap().role, ChatRole::Assistant);
    let mut open: Vec<&str> = Vec::new();
    let mut ids: Vec<&str> = Vec::new();
    for (before, message) in messages.iter().zip(&messages[1..]) {
        match message.role {
            ChatRole::Tool => {
                let id = message.tool_call_id.as_deref().unwrap();
                assert_eq!(open.remove(0), id, "results come in the order of their calls");
            }
            role => {
                assert!(open.is_empty(), "calls without a result: {open:?}");
                assert_ne!(role, before.role);
                assert!(!message.content.is_empty() || !message.tool_calls.is_empty());
                open = message.tool_calls.iter().map(|call| call.id.as_str()).collect();
                assert!(open.iter().all(|id| !ids.contains(id)));
                ids.extend(&open);
            }
        }
    }
    assert!(open.is_empty());
}

proptest! {
    #[test]
    fn any_order_of_events_leaves_a_conversation_that_every_chat_service_accepts(
        events in proptest::collection::vec((0usize..14, 0usize..4), 1..60),
        window in 2usize..20,
    ) {
        let cancelled = Tool::new("ask", "").handler(|_: Day, _| async { Ok(()) }).after_interruption(AfterInterruption::Cancel);
        let confirmed = Tool::new("buy", "").handler(|_: Day, _| async { Ok(()) }).confirm("Sure?");
        let dialogue = bakery().tool(cancelled).tool(confirmed).hand_off("other", bakery()).window(window);
        let mut call = Driven::new(dialogue);
        let mut asked = vec![UtteranceId(1)];
        for (kind, choice) in events {
            let utterance = asked[asked.len().saturating_sub(choice + 1)];
            let name = ["hours", "ask", "buy", "hand_off"][choice];
            let arguments = ["{\"day\":\"x\"}", "{}", "[", "{\"to\":\"other\"}"][choice];
            let event = match kind {
                0 | 1 => heard(["Yes.", "No.", "", "What?"][choice]),
                2..=4 => DialogueEvent::Written { utterance, text: ["", "Well.", "Yes. No.", "…"][choice].into() },
                5 | 6 => DialogueEvent::ToolCall {
                    utterance: *asked.last().unwrap(),
                    call: ToolCall { id: "same".into(), name: name.into(), arguments: arguments.into() },
                },
                7 => DialogueEvent::Interrupted { utterance, heard: ["", "We", "Well.", "Y"][choice].into() },
                8 | 9 => DialogueEvent::ToolResult {
                    call: ToolCallId(u32::try_from(choice).unwrap() + 1),
                    outcome: ToolOutcome::Returned(json!(choice)),
                },
                10 => DialogueEvent::ResponseFailed { utterance, text: String::new() },
                11 => DialogueEvent::Spoken(utterance),
                12 => DialogueEvent::Silence { count: 1 },
                _ => DialogueEvent::Key('1'),
            };
            for action in call.tell(event) {
                match action {
                    Action::Respond { utterance, request } => {
                        assert_fits(&request.messages);
                        asked.push(*utterance);
                    }
                    Action::Say(said) => asked.push(said.id),
                    _ => {}
                }
            }
        }
    }
}
