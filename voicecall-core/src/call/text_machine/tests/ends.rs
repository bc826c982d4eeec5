use super::*;
use crate::dialogue::{AskConsent, Scripted};
use crate::id::Epoch;
use crate::journal::{JournalEntry, next_seq};
use crate::money::{Budget, Money};
use crate::store::EndReason;

#[test]
fn a_conversation_the_carrier_closed_is_a_hang_up_unless_the_carrier_asks_what_next() {
    let end = |news: Option<InputEvent<'static>>| {
        let mut call = Call::begun(settings(), bakery());
        call.text(TextEvent::Stopped);
        assert_eq!(call.effect(), None, "nobody knows yet");
        match news {
            Some(news) => call.handle(news),
            None => call.wait_ms(2100),
        }
        call.effect().cloned()
    };
    assert_eq!(end(None), Some(Effect::HangUp(EndReason::RemoteHangup)));
    assert_eq!(end(Some(InputEvent::CallEnded)), Some(Effect::HangUp(EndReason::RemoteHangup)));
    assert_eq!(end(Some(InputEvent::CallContinues)), Some(Effect::Reconnect));
}

#[test]
fn a_lost_socket_is_connected_again_also_if_only_the_carrier_knows_that_it_is_lost() {
    for lost in [InputEvent::Disconnected, InputEvent::CallContinues] {
        let mut call = Call::begun(announced(), bakery());
        call.wait_ms(1000);
        call.handle(lost);
        assert_eq!(call.effect(), Some(&Effect::Reconnect));
        let said = call.facts().into_iter().find_map(|fact| match fact {
            Fact::Said { heard, unheard, estimated, .. } => Some((heard.as_str(), unheard.as_str(), *estimated)),
            _ => None,
        });
        assert_eq!(said, Some(("Hello,", "how can I help?", true)));
    }
}

#[test]
fn a_later_connection_goes_on_with_its_time_its_numbers_and_what_was_said() {
    let mut first = Call::begun(announced(), bakery());
    first.wait_ms(3000);
    first.hears("I am Anna.");
    first.handle(InputEvent::Disconnected);
    let entry = |seq: u64, offset: CallTime, fact: &Fact| JournalEntry {
        session: SessionId::new(),
        epoch: Epoch(1),
        seq,
        at: jiff::Timestamp::UNIX_EPOCH,
        offset,
        fact: fact.clone(),
    };
    let entries: Vec<_> = first.journal().into_iter().map(|(seq, at, fact)| entry(seq, at, fact)).collect();
    let mut dialogue = bakery();
    dialogue.resume(&entries);
    let first_seq = next_seq(&entries);
    let call = Call::begun(CallSettings { elapsed: Duration::from_secs(9), first_seq, ..announced() }, dialogue);
    let (seq, at, fact) = call.journal()[0];
    assert_eq!((seq, at, fact), (first_seq, CallTime::from_millis(9000), &Fact::Resumed));
    assert!(call.shown().iter().any(|(_, text)| text.contains("I am Anna.")), "{:?}", call.shown());
}

#[test]
fn under_nothing_no_words_are_journaled_and_announced_keeps_them_from_the_start() {
    let words = |settings: CallSettings| {
        let mut call = Call::begun(settings, bakery());
        call.wait_ms(3000);
        call.hears("I am Anna.");
        call.writes(&["Hello Anna."]);
        call.wait_ms(3000);
        let is_words = |fact: &&Fact| matches!(fact, Fact::Said { .. } | Fact::Heard(_));
        call.facts().into_iter().filter(is_words).count()
    };
    assert_eq!((words(settings()), words(announced())), (0, 3));
}

#[test]
fn consent_that_a_dialogue_asks_for_opens_nothing_and_is_refused_before_the_call() {
    let keep = |keep: Keep| CallSettings { keep, ..settings() };
    let field = |settings: &CallSettings, asks, announcement| {
        TextMachine::check(settings, asks, announcement).err().map(|error| error.field().unwrap().to_owned())
    };
    let kept = "This call is kept.";
    assert_eq!(field(&settings(), false, None), None);
    assert_eq!(field(&announced(), false, Some(kept)), None);
    assert_eq!(field(&announced(), false, None).as_deref(), Some("plan.keep"));
    assert_eq!(field(&announced(), false, Some("Hello.")).as_deref(), Some("plan.keep"));
    assert_eq!(field(&keep(Keep::AfterConsent), false, None).as_deref(), Some("plan.keep"));
    let asks = AskConsent::new("May it be kept?").then(bakery()).can_grant_consent();
    assert_eq!(field(&settings(), asks, None).as_deref(), Some("plan.dialogue"));
    assert_eq!(field(&CallSettings { recording: true, ..settings() }, false, None).as_deref(), Some("plan.recording"));

    let mut call = Call::begun(keep(Keep::AfterConsent), bakery());
    call.handle(InputEvent::Dialogue(Action::GrantConsent));
    call.hears("I am Anna.");
    assert!(!call.facts().iter().any(|fact| matches!(fact, Fact::Heard(_))));
}

#[test]
fn a_scripted_dialogue_runs_to_its_end() {
    let mut call = Call::begun(settings(), Scripted::new(["Hello.", "Goodbye."]));
    call.wait_ms(2000);
    call.hears("Hi.");
    call.wait_ms(5000);
    assert_eq!(call.said(), "Hello.|Goodbye.|");
    assert_eq!(call.effect(), Some(&Effect::HangUp(EndReason::Completed)));
}

#[test]
fn a_transfer_follows_what_is_said_and_comes_back_if_it_does_not_happen() {
    let begun = || {
        let mut call = Call::begun(settings(), bakery().transfer_to("the baker", "+46701740605".parse().unwrap()));
        call.hears("The baker, please.");
        call.calls("One moment.", "transfer_call", r#"{"to":"the baker"}"#);
        assert_eq!(call.effect(), None, "it is still being said");
        call.wait_ms(2500);
        assert!(matches!(call.effect(), Some(Effect::Transfer { to, .. }) if to == "the baker"), "{:?}", call.out);
        call
    };
    let mut done = begun();
    done.text(TextEvent::Stopped);
    assert!(done.out.contains(&Output::Effect(Effect::Leave(EndReason::Completed))));
    let mut failed = begun();
    failed.wait_ms(10_100);
    assert!(failed.shown().last().unwrap().1.contains("could not be transferred"), "{:?}", failed.shown());
}

#[test]
fn whole_language_tags_are_told_to_the_carrier_and_others_are_not() {
    let told = |language: &str| {
        let mut setup = AgentSetup::default();
        setup.speech.language = Some(language.to_owned());
        let mut machine = TextMachine::new(settings(), setup);
        let mut out = Vec::new();
        machine.handle(CallTime::ZERO, InputEvent::Text(TextEvent::Started(start())), &mut out);
        out.into_iter().find_map(|output| match output {
            Output::SendText(TextCommand::Language { speech, transcription }) => Some((speech, transcription)),
            _ => None,
        })
    };
    assert_eq!(told("sv-SE"), Some((Some("sv-SE".into()), None)));
    assert_eq!(told("sv"), None);
}

/// Ten cents a minute.
fn with_budget(cap: i64) -> CallSettings {
    let prices = serde_json::from_value(json!({
        "effective": "2026-11-20",
        "carrier": { "per_minute": 80_000, "stream_per_minute": 20_000 },
        "transcription": { "per_minute": 0, "increment_ms": 1000 },
        "speech": { "per_1000_characters": 0 },
        "model": { "input_per_million": 0, "cached_per_million": 0, "output_per_million": 0 },
    }));
    let mut budget = Budget::new(prices.unwrap()).with_cap(Money::from_micros(cap));
    budget.farewell = Some("We have to stop.".into());
    CallSettings { budget: Some(budget), ..settings() }
}

#[test]
fn a_call_that_costs_too_much_says_goodbye_while_there_is_money_for_it() {
    let mut call = Call::begun(with_budget(250_000), bakery().goodbye("Goodbye.").silence(["Are you there?"; 99]));
    call.wait(Duration::from_secs(118));
    assert!(call.effect().is_some() && call.said().ends_with("Goodbye.|"), "{}", call.said());
    assert!(call.facts().iter().any(|fact| matches!(fact, Fact::BudgetReached(_))));
    assert_eq!(call.effect(), Some(&Effect::HangUp(EndReason::Completed)));
}

#[test]
fn a_dialogue_that_goes_on_without_money_is_ended_with_a_farewell() {
    #[derive(Debug)]
    struct Talker;
    impl Dialogue for Talker {
        fn handle(&mut self, _: &crate::dialogue::DialogueEvent, _: CallTime, _: &mut Vec<Action>) {}
    }
    let mut call = Call::begun(with_budget(150_000), Talker);
    call.wait(Duration::from_secs(118));
    assert_eq!(call.said(), "We have to stop.|");
    assert_eq!(call.effect(), Some(&Effect::HangUp(EndReason::RefusedByBudget)));
}

#[test]
fn a_call_that_is_offered_to_somebody_is_neither_over_nor_hung_up_and_may_come_back() {
    let mut call = Call::begun(announced(), bakery());
    let announcement = Some(crate::carrier::Say::new("A caller wants a cake. Press 1.", "en-US"));
    call.handle(InputEvent::Dialogue(Action::Transfer { to: "office".into(), announcement }));
    call.wait_ms(3000);
    let offer = Fact::TransferOffered { to: "office".into() };
    let seq = call.journal().into_iter().find(|(.., fact)| **fact == offer).unwrap().0;
    assert_eq!(call.effect(), None, "it is not stored yet");
    call.handle(InputEvent::Stored { seq });
    assert!(matches!(call.effect(), Some(Effect::Transfer { announcement: Some(_), .. })));
    call.text(TextEvent::Stopped);
    assert!(call.logic.is_finished() && matches!(call.out.last(), Some(Output::Effect(Effect::Offer))));
    assert!(!call.facts().iter().any(|fact| matches!(fact, Fact::Ended { .. })));

    let mut dialogue = bakery();
    let fact = |seq, fact| JournalEntry {
        session: SessionId::new(),
        epoch: Epoch(1),
        seq,
        at: jiff::Timestamp::UNIX_EPOCH,
        offset: CallTime::ZERO,
        fact,
    };
    dialogue.resume(&[fact(1, Fact::Connected), fact(2, Fact::TransferOffered { to: "office".into() })]);
    let settings =
        CallSettings { elapsed: Duration::from_secs(60), returned_from: Some("office".into()), ..announced() };
    let back = Call::begun(settings, dialogue);
    assert!(back.shown().last().unwrap().1.contains("could not be transferred to office"), "{:?}", back.shown());
}
