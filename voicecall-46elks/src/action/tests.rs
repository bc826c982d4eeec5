use std::time::Duration;

use voicecall_core::carrier::{Gather, Hold, Play, RecordCall, RecordMessage, Repeat, Say, WithoutInput};
use voicecall_core::{ConsentToken, ErrorKind, SessionId};

use super::*;

fn rendered(steps: Vec<CallStep>) -> Result<Value> {
    let public = "https://calls.example".parse().unwrap();
    let addresses = SecretAddresses::new("secret".into(), &public);
    render(&CallFlow(steps), Names { addresses: &addresses, websocket_number: "+4600700001" })
}

/// The action with what is secret in addresses cut off.
fn plain(steps: Vec<CallStep>) -> Value {
    fn cut(value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Some(end) = text.find("&once=").or_else(|| text.find("&key=")) {
                    text.truncate(end);
                }
            }
            Value::Object(fields) => fields.values_mut().for_each(cut),
            _ => {}
        }
    }
    let mut value = rendered(steps).unwrap();
    cut(&mut value);
    value
}

fn url(path: &str) -> url::Url {
    format!("https://calls.example/{path}").parse().unwrap()
}

fn refused(step: CallStep) -> String {
    let error = rendered(vec![step]).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::Invalid), "{error}");
    error.field().unwrap().to_owned()
}

fn consent() -> ConsentToken {
    ConsentToken::operator_declares_legal_basis(SessionId::new())
}

#[test]
fn a_stream_is_the_websocket_number_and_tells_how_the_call_ends() {
    let target = StreamTarget {
        url: "wss://calls.example/media/46elks".parse().unwrap(),
        parameters: [].into(),
        status_url: Some(url("voice/status?call=k")),
    };
    let flow = CallFlow::stream(target, url("voice/k/resume"));
    assert_eq!(
        plain(flow.0),
        json!({
            "connect": "+4600700001",
            "next": "https://calls.example/voice/k/resume?about=next",
            "whenhangup": "https://calls.example/voice/status?call=k&about=ended",
        })
    );
}

#[test]
fn steps_lie_one_within_the_other() {
    let mut twice = Play::new(url("a.wav"));
    twice.repeat = Repeat::Times(2);
    let steps = vec![CallStep::Play(twice), CallStep::Press("1w2W".parse().unwrap()), CallStep::HangUp];
    let press = json!({ "play": "sound/dtmf/1P2PP", "next": { "hangup": "reject" } });
    let once = json!({ "play": "https://calls.example/a.wav", "next": press });
    assert_eq!(plain(steps), json!({ "play": "https://calls.example/a.wav", "next": once }));
}

#[test]
fn a_call_is_ended_or_not_taken() {
    let hangup = |word: &str| json!({ "hangup": word });
    assert_eq!(plain(CallFlow::hang_up().0), hangup("reject"));
    assert_eq!(plain(vec![]), hangup("reject"));
    assert_eq!(plain(CallFlow::reject(RejectReason::Busy).0), hangup("busy"));
    assert_eq!(plain(CallFlow::reject(RejectReason::Rejected).0), hangup("404"));
    let late = vec![CallStep::Play(Play::new(url("a.wav"))), CallStep::Reject(RejectReason::Busy)];
    assert_eq!(rendered(late).unwrap_err().field(), Some("reject"));
}

#[test]
fn a_dial_rings_together_and_goes_on_whatever_becomes_of_it() {
    let mut dial = Dial::new("+46700000001".parse().unwrap());
    dial.numbers.push(voicecall_core::carrier::DialNumber::new("+46700000002".parse().unwrap()));
    dial.caller_id = Some("+46700000003".parse().unwrap());
    dial.answer_on_bridge = true;
    let next = json!({ "hangup": "reject" });
    assert_eq!(
        plain(vec![CallStep::Dial(dial.clone()), CallStep::HangUp]),
        json!({
            "connect": "+46700000001,+46700000002", "callerid": "+46700000003", "timeout": "30",
            "busy": next, "failed": next, "next": next,
        })
    );
    dial.next = Some(url("voice/dialled"));
    assert_eq!(plain(vec![CallStep::Dial(dial.clone())])["failed"], "https://calls.example/voice/dialled?about=dial");
    dial.order = voicecall_core::carrier::DialOrder::InTurn;
    assert_eq!(refused(CallStep::Dial(dial)), "order");
}

#[test]
fn keys_are_asked_for_with_one_file() {
    let mut gather = Gather::keys(url("voice/keys")).with_prompt(Play::new(url("menu.wav")));
    gather.without_input = WithoutInput::Ask;
    gather.digits = Some(1);
    assert_eq!(
        plain(vec![CallStep::Gather(gather.clone())]),
        json!({
            "ivr": "https://calls.example/menu.wav", "digits": 1, "timeout": 5, "repeat": 1,
            "next": "https://calls.example/voice/keys?about=keys",
        })
    );
    gather.timeout = Duration::from_secs(31);
    assert_eq!(refused(CallStep::Gather(gather.clone())), "timeout");
    gather.finish_key = Some('*');
    assert_eq!(refused(CallStep::Gather(gather.clone())), "finish_key");
    gather.prompts.clear();
    assert_eq!(refused(CallStep::Gather(gather)), "prompts");
}

#[test]
fn a_message_is_recorded_behind_a_beep() {
    let mut record = RecordMessage::new(url("voice/message"), consent());
    (record.finish_key, record.trim) = (None, false);
    record.silence_timeout = Duration::from_secs(3);
    assert_eq!(refused(CallStep::Record(record.clone())), "status_url");
    record.status_url = Some(url("voice/status"));
    let recorded = json!({
        "record": "https://calls.example/voice/status?about=recording", "timelimit": 120, "silencedetection": "yes",
        "next": "https://calls.example/voice/message?about=message",
    });
    assert_eq!(plain(vec![CallStep::Record(record.clone())]), json!({ "play": "sound/beep", "next": recorded }));
    record.silence_timeout = Duration::from_secs(5);
    assert_eq!(refused(CallStep::Record(record)), "silence_timeout");
}

#[test]
fn a_recording_is_part_of_what_follows() {
    let mut settings = RecordCall::new(consent());
    settings.status_url = Some(url("voice/status"));
    let start = CallStep::StartRecording(StartRecording::new("whole".parse().unwrap(), settings));
    let recorded = plain(vec![start.clone(), CallStep::Play(Play::new(url("a.wav")))]);
    assert_eq!(recorded["recordcall"], "https://calls.example/voice/status?about=recording");
    assert_eq!(refused(start), "start_recording");
}

#[test]
fn english_is_spoken_and_no_other_language() {
    let flow = CallFlow::farewell("Goodbye for now.", "en-US");
    assert_eq!(plain(flow.0), json!({ "play": "en_US/Goodbye for now.", "next": { "hangup": "reject" } }));
    assert_eq!(refused(CallStep::Say(Say::new("Hej då.", "sv-SE"))), "language");
    assert_eq!(refused(CallStep::Say(Say::new("a".repeat(181), "en-US"))), "text");
}

#[test]
fn what_there_is_not_is_said_and_nothing_stands_for_it() {
    let hold = CallStep::Hold(Hold::new("desk".parse().unwrap()));
    assert_eq!(refused(hold), "hold");
    assert_eq!(refused(CallStep::Pause(Duration::from_secs(1))), "pause");
    assert_eq!(refused(CallStep::Redirect(url("next"))), "redirect");
    let mut forever = Play::new(url("a.wav"));
    forever.repeat = Repeat::Forever;
    assert_eq!(refused(CallStep::Play(forever)), "repeat");
}
