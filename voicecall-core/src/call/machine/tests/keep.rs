//! What of a call is kept, by policy.

use super::*;
use crate::call::Keep;

fn kept(keep: Keep, until: u64) -> Call {
    let settings = CallSettings { keep, ..settings() };
    let (dialogue, _) = consenting(["Hej", "Tack", "x"]);
    let mut call = Call::new(settings, dialogue);
    call.run(ms(until));
    call
}

fn words(call: &Call) -> usize {
    call.facts().into_iter().filter(|fact| fact.needs_consent()).count()
}

fn recorded(call: &Call) -> usize {
    call.at(|output| matches!(output, Output::Record { .. } | Output::Effect(Effect::StartRecording(_)))).len()
}

#[test]
fn where_nothing_is_kept_no_word_and_no_sound_leaves_the_machine() {
    let mut call = kept(Keep::Nothing, 1000);
    call.caller_speaks(Duration::from_millis(500));
    call.run(ms(5000));
    assert_eq!((words(&call), recorded(&call)), (0, 0));
    assert!(call.facts().contains(&&Fact::Connected));
}

#[test]
fn an_announcement_comes_first_cannot_be_interrupted_and_opens_the_gate_at_its_end() {
    #[derive(Debug)]
    struct Silent;
    impl Dialogue for Silent {
        fn handle(&mut self, _: &DialogueEvent, _: CallTime, _: &mut Vec<Action>) {}
    }
    let settings = CallSettings { keep: Keep::Announced("Samtalet spelas in".into()), ..settings() };
    let mut call = Call::new(settings, Silent);
    call.caller_speaks(Duration::from_millis(700));
    // 100 ms of synthesis, 50 ms a character.
    call.run(ms(980));
    assert_eq!((recorded(&call), call.at(is_clear)), (0, vec![]));
    call.run(ms(3000));
    assert!(recorded(&call) > 100 && words(&call) > 0, "also what was said before it");
}

#[test]
fn consent_opens_the_gate_where_it_is_asked_for() {
    let call = kept(Keep::AfterConsent, 2000);
    assert!(words(&call) > 0 && recorded(&call) > 50);
}
