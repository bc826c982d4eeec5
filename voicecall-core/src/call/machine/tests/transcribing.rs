//! Turns on their way to words.

use super::*;

#[test]
fn a_turn_tells_how_much_of_it_was_voice() {
    for millis in [120, 500] {
        let (dialogue, told) = consenting(["Hej", "Tack", "x"]);
        let mut call = Call::new(settings(), dialogue);
        call.run(ms(1000));
        call.caller_speaks(Duration::from_millis(millis));
        call.run(ms(4000));
        let told = told.lock().unwrap();
        let turn = told.iter().find_map(|event| if let DialogueEvent::Heard(turn) = event { Some(turn) } else { None });
        assert_eq!(turn.unwrap().voiced, Duration::from_millis(millis));
    }
}

#[test]
fn a_transcriber_that_stays_silent_is_asked_once_more_with_the_same_audio() {
    let (dialogue, told) = consenting(["Hej", "Tack", "x"]);
    let mut call = Call::new(settings(), dialogue);
    call.transcript_after = None;
    call.run(ms(1000));
    call.caller_speaks(Duration::from_millis(500));
    call.run(ms(20_000));
    let [(_, first), (_, second)] = call.transcriptions()[..] else { panic!("{:?}", call.transcriptions()) };
    assert!(first >= 50);
    assert_eq!(first, second);
    let told = told.lock().unwrap();
    assert!(told.iter().any(|event| matches!(event, DialogueEvent::Heard(CallerTurn { text: None, .. }))));
}

#[test]
fn a_transcriber_that_has_no_room_is_asked_again_after_the_wait_it_names() {
    let waits = [(None, 500), (Some(Duration::from_millis(1500)), 1500)];
    for (retry_after, millis) in waits {
        let (dialogue, told) = consenting(["Hej", "Tack", "x"]);
        let mut call = Call::new(settings(), dialogue);
        call.run(ms(1000));
        call.transcript_after = None;
        call.caller_speaks(Duration::from_secs(20));
        call.run(call.now + Duration::from_secs(1));
        let refused = call.now;
        let (op, frames) = call.transcriptions()[0];
        let failure = Failure { kind: crate::ErrorKind::RateLimited, retry_after };
        call.input(InputEvent::Failed { op, failure });
        call.transcript_after = Some(Duration::from_millis(200));
        call.run(refused + Duration::from_millis(millis - 40));
        assert_eq!(call.transcriptions().len(), 1, "too early");
        call.run(refused + Duration::from_millis(millis + 300));
        let again = call.transcriptions()[1];
        let at = call.at(|output| matches!(output, Output::Start { op, .. } if *op == again.0))[0];
        assert_eq!((at, again.1), (refused + Duration::from_millis(millis), frames), "all of a long answer");
        let told = told.lock().unwrap();
        assert!(told.iter().any(|event| matches!(event, DialogueEvent::Heard(CallerTurn { text: Some(_), .. }))));
    }
}

#[test]
fn a_transcriber_that_asks_for_more_patience_than_a_caller_has_is_done_without() {
    let (dialogue, told) = consenting(["Hej", "Tack", "x"]);
    let mut call = Call::new(settings(), dialogue);
    call.run(ms(1000));
    call.transcript_after = None;
    call.caller_speaks(Duration::from_millis(500));
    call.run(call.now + Duration::from_secs(1));
    let (op, _) = call.transcriptions()[0];
    let retry_after = Some(Duration::from_secs(20));
    call.input(InputEvent::Failed { op, failure: Failure { kind: crate::ErrorKind::RateLimited, retry_after } });
    let told = told.lock().unwrap();
    assert!(matches!(told.last(), Some(DialogueEvent::Heard(CallerTurn { text: None, .. }))), "{:?}", told.last());
}

#[test]
fn a_repeat_in_the_middle_of_a_turn_hears_what_was_said_while_it_waited() {
    let (dialogue, _) = consenting(["Hej", "Tack", "x"]);
    let mut call = Call::new(settings(), dialogue);
    call.run(ms(1000));
    call.caller_speaks(Duration::from_secs(2));
    let (op, _) = call.transcriptions()[0];
    call.input(InputEvent::Failed { op, failure: crate::ErrorKind::RateLimited.into() });
    call.caller_speaks(Duration::from_secs(2));
    call.run(call.now + Duration::from_secs(2));
    let (_, frames) = call.transcriptions()[1];
    // Four seconds of voice, what was heard before them, and the silence that ends the turn.
    assert!((215..=260).contains(&frames), "{frames}");
    assert_eq!(call.transcriptions().len(), 2);
}

#[test]
fn what_cannot_have_been_said_in_the_time_was_not_understood() {
    for (text, understood) in [
        ("Ja.", true),
        ("Ja, det går bra.", true),
        ("Tack för att ni tittade på den här videon, och glöm inte att prenumerera!", false),
    ] {
        let (dialogue, told) = consenting(["Hej", "Tack", "x"]);
        let mut call = Call::new(settings(), dialogue);
        call.run(ms(1000));
        call.transcript_after = None;
        call.caller_speaks(Duration::from_millis(300));
        call.run(call.now + Duration::from_secs(1));
        let (op, _) = call.transcriptions()[0];
        let transcript = Transcript { text: text.to_owned(), confidence: Some(0.9), language: None, is_final: true };
        call.input(InputEvent::Transcript { op, transcript });
        let told = told.lock().unwrap();
        let Some(DialogueEvent::Heard(CallerTurn { text: Some(heard), .. })) = told.last() else { panic!("{told:?}") };
        assert_eq!(heard, if understood { text } else { "" });
    }
}
