use proptest::prelude::*;

use super::*;

fn id(name: &str) -> ItemId {
    ItemId(name.to_owned())
}

fn caller(words: &str) -> ChatMessage {
    ChatMessage::new(ChatRole::User, words)
}

fn agent(words: &str) -> ChatMessage {
    ChatMessage::new(ChatRole::Assistant, words)
}

fn tool_call(name: &str) -> ToolCall {
    ToolCall { id: name.to_owned(), name: "book".into(), arguments: "{}".into() }
}

/// The items of a conversation in which the caller and the model each said something.
fn talk() -> Items {
    let mut items = Items::default();
    items.heard(id("h1"), Some(OpId(1)));
    items.worded(&id("h1"), "Hello.");
    items.speaking(id("s1"), Some(OpId(2)));
    items.worded(&id("s1"), "Hello to you, how are you?");
    items
}

fn say(items: &mut Items, messages: &[ChatMessage]) -> Vec<RealtimeCommand> {
    let mut commands = Vec::new();
    let done = items.say(messages, None, &mut commands);
    assert_eq!(done, commands.is_empty());
    commands
}

fn settle(items: &mut Items) -> Vec<RealtimeCommand> {
    let mut commands = Vec::new();
    items.settle(&mut commands);
    commands
}

fn message(role: ChatRole, text: &str) -> RealtimeItem {
    RealtimeItem::Message { role, text: text.to_owned() }
}

#[test]
fn what_was_said_aloud_stays_as_it_is() {
    let mut items = talk();
    assert_eq!(say(&mut items, &[caller("Hello."), agent("Hello to you, how are you?")]), []);
}

#[test]
fn what_was_said_elsewhere_is_put_in_its_place() {
    let mut items = talk();
    let wanted = [
        caller("[the call is connected]"),
        agent("Bakery, hello."),
        caller("Hello."),
        agent("Hello to you, how are you?"),
    ];
    let [first, second] = &say(&mut items, &wanted)[..] else { panic!() };
    let RealtimeCommand::Insert { id, after: None, item } = first else { panic!("{first:?}") };
    assert_eq!(*item, message(ChatRole::User, "[the call is connected]"));
    let after = Some(id.clone());
    let item = message(ChatRole::Assistant, "Bakery, hello.");
    assert!(
        matches!(second, RealtimeCommand::Insert { after: behind, item: said, .. } if *behind == after && *said == item)
    );
    assert_eq!(say(&mut items, &wanted), []);
}

#[test]
fn of_an_interrupted_answer_what_was_heard_remains() {
    let mut items = talk();
    items.truncate(OpId(2), Duration::from_millis(700), "Hello to you,");
    let truncated = RealtimeCommand::Truncate { id: id("s1"), heard: Duration::from_millis(700) };
    assert_eq!(settle(&mut items), [truncated]);
    assert_eq!(say(&mut items, &[caller("Hello."), agent("Hello to you,")]), []);
}

#[test]
fn an_answer_of_which_nothing_was_heard_is_removed_and_the_turns_around_it_are_one() {
    let mut items = talk();
    items.truncate(OpId(2), Duration::ZERO, "");
    assert_eq!(settle(&mut items), [RealtimeCommand::Remove(id("s1"))]);
    items.heard(id("h2"), Some(OpId(3)));
    items.worded(&id("h2"), "Are you there?");
    assert_eq!(say(&mut items, &[caller("Hello. Are you there?")]), []);
}

#[test]
fn notes_among_words_leave_the_sound_of_the_words() {
    let mut items = talk();
    let wanted = [caller("[sms] Hello. [keys pressed: 12]"), agent("Hello to you, how are you?")];
    let commands = say(&mut items, &wanted);
    let texts: Vec<_> = commands
        .iter()
        .map(|command| match command {
            RealtimeCommand::Insert { item: RealtimeItem::Message { text, .. }, after, .. } => {
                (text.as_str(), after.clone())
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(texts, [("[sms]", None), ("[keys pressed: 12]", Some(id("h1")))]);
}

#[test]
fn calls_are_the_models_own_under_another_name() {
    let mut items = talk();
    items.called(id("c1"), tool_call("model_7"));
    let wanted = [
        caller("Hello."),
        ChatMessage::calling("Hello to you, how are you?", vec![tool_call("call_1")]),
        ChatMessage::tool_result("call_1", "done"),
    ];
    let commands = say(&mut items, &wanted);
    let [RealtimeCommand::Insert { after, item, .. }] = &commands[..] else { panic!("{commands:?}") };
    assert_eq!(*after, Some(id("c1")));
    assert_eq!(*item, RealtimeItem::ToolResult { call: "model_7".into(), text: "done".into() });
    assert_eq!(say(&mut items, &wanted), []);
}

#[test]
fn what_the_caller_said_stays_until_its_words_are_known() {
    let mut items = talk();
    items.heard(id("h2"), Some(OpId(3)));
    let (mut commands, messages) = (Vec::new(), [caller("Hello."), agent("Hello to you, how are you?")]);
    assert!(!items.say(&messages, None, &mut commands), "it says more");
    assert_eq!(commands, []);
    items.worded(&id("h2"), "Mm.");
    assert_eq!(say(&mut items, &messages), [RealtimeCommand::Remove(id("h2"))]);
}

#[test]
fn what_an_answer_ahead_adds_is_left_alone() {
    let mut items = talk();
    let (mut commands, messages) = (Vec::new(), [caller("Hello.")]);
    assert!(items.say(&messages, Some(&id("s1")), &mut commands));
    assert!(!items.say(&messages, None, &mut commands));
    assert_eq!(commands, [RealtimeCommand::Remove(id("s1"))]);
}

/// The model's side: it does as it is told.
#[derive(Default)]
struct Model(Vec<(ItemId, Option<RealtimeItem>)>);

impl Model {
    fn obey(&mut self, command: RealtimeCommand) {
        let place =
            |list: &[(ItemId, Option<RealtimeItem>)], id: &ItemId| list.iter().position(|(own, _)| own == id).unwrap();
        match command {
            RealtimeCommand::Insert { id, after, item } => {
                let at = after.map_or(0, |after| place(&self.0, &after) + 1);
                self.0.insert(at, (id, Some(item)));
            }
            RealtimeCommand::Remove(id) => drop(self.0.remove(place(&self.0, &id))),
            RealtimeCommand::Truncate { id, .. } => drop(place(&self.0, &id)),
            other => panic!("{other:?}"),
        }
    }
}

/// Messages with the words of one speaker joined, as a model reads them.
fn joined(messages: impl IntoIterator<Item = (ChatRole, String)>) -> Vec<(ChatRole, String)> {
    let mut all: Vec<(ChatRole, String)> = Vec::new();
    for (role, text) in messages {
        match all.last_mut() {
            Some((last, words)) if *last == role => *words = format!("{words} {text}"),
            _ => all.push((role, text)),
        }
    }
    all
}

proptest! {
    #[test]
    fn the_model_reads_what_the_dialogue_says_whatever_was_said(
        said in prop::collection::vec((any::<bool>(), "[ab]{1,2}( [ab]{1,2}){0,2}", any::<bool>()), 0..8),
        wanted in prop::collection::vec((any::<bool>(), "[ab]{1,2}( [ab]{1,2}){0,2}"), 0..8),
    ) {
        let (mut items, mut model) = (Items::default(), Model::default());
        let mut texts = std::collections::HashMap::new();
        for (at, (by_caller, words, known)) in said.into_iter().enumerate() {
            let item = id(&format!("i{at}"));
            let op = None;
            if by_caller { items.heard(item.clone(), op) } else { items.speaking(item.clone(), op) }
            if known { items.worded(&item, &words) }
            texts.insert(item.clone(), (if by_caller { ChatRole::User } else { ChatRole::Assistant }, words));
            model.0.push((item, None));
        }
        let wanted: Vec<_> = wanted.into_iter().map(|(by_caller, words)| if by_caller { caller(&words) } else { agent(&words) }).collect();
        for command in say(&mut items, &wanted) { model.obey(command) }
        let read = model.0.iter().map(|(id, item)| match item {
            Some(RealtimeItem::Message { role, text }) => (*role, text.clone()),
            None => texts[id].clone(),
            other => panic!("{other:?}"),
        });
        let expected = wanted.iter().map(|message| (message.role, message.content.clone()));
        prop_assert_eq!(joined(read), joined(expected));
        prop_assert_eq!(say(&mut items, &wanted), [], "it is said once");
    }
}
