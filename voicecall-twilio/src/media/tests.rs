//! The codec against messages written by hand from Twilio's description.

use std::borrow::Cow;

use proptest::prelude::*;
use voicecall_core::audio::Frame;

use super::*;

const START: &str = r#"{"event":"start","sequenceNumber":"1","streamSid":"MZ1","start":{"streamSid":"MZ1","accountSid":"AC1","callSid":"CA1","tracks":["inbound"],"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1},"customParameters":{"session":"s-1"}}}"#;

fn started() -> TwilioMedia {
    let mut codec = TwilioMedia::new();
    assert!(matches!(codec.decode(START), Ok(Some(MediaEvent::Started(_)))));
    codec
}

fn media(payload: &str) -> String {
    format!(
        r#"{{"event":"media","sequenceNumber":"4","streamSid":"MZ1","media":{{"track":"inbound","chunk":"2","timestamp":"5","payload":"{payload}"}}}}"#
    )
}

fn assert_broken(codec: &mut TwilioMedia, message: &str) {
    let error = codec.decode(message).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{message}");
}

fn encoded(codec: &mut TwilioMedia, command: MediaCommand) -> Vec<serde_json::Value> {
    let mut wire = WireMessages::new();
    codec.encode(&command, &mut wire).unwrap();
    wire.iter().map(|message| serde_json::from_str(message).unwrap()).collect()
}

#[test]
fn a_stream_from_greeting_to_stop() {
    let mut codec = TwilioMedia::new();
    let greeting = r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#;
    assert_eq!(codec.decode(greeting).unwrap(), None);
    let start = StreamStart {
        stream: Some("MZ1".into()),
        account: Some("AC1".into()),
        call: CarrierCallId::new("CA1"),
        parameters: [("session".into(), "s-1".into())].into(),
    };
    assert_eq!(codec.decode(START).unwrap(), Some(MediaEvent::Started(start)));
    assert_eq!(
        codec.decode(&media("AH//")).unwrap(),
        Some(MediaEvent::Audio { payload: Cow::Borrowed(&[0, 127, 255]), timestamp_ms: Some(5) })
    );
    let key = r#"{"event":"dtmf","streamSid":"MZ1","sequenceNumber":"5","dtmf":{"track":"inbound_track","digit":"1"}}"#;
    assert_eq!(codec.decode(key).unwrap(), Some(MediaEvent::Key('1')));
    let mark = r#"{"event":"mark","sequenceNumber":"6","streamSid":"MZ1","mark":{"name":"42"}}"#;
    assert_eq!(codec.decode(mark).unwrap(), Some(MediaEvent::Mark(MarkId(42))));
    let stop = r#"{"event":"stop","sequenceNumber":"7","streamSid":"MZ1","stop":{"accountSid":"AC1","callSid":"CA1"}}"#;
    assert_eq!(codec.decode(stop).unwrap(), Some(MediaEvent::Stopped));
}

#[test]
fn parameters_may_be_empty_absent_or_null() {
    for parameters in [r#","customParameters":{}"#, "", r#","customParameters":null"#, r#","customParameters":{"n":1}"#]
    {
        let message = format!(
            r#"{{"event":"start","streamSid":"MZ1","start":{{"streamSid":"MZ1","callSid":"CA1"{parameters}}}}}"#
        );
        let mut codec = TwilioMedia::new();
        let Some(MediaEvent::Started(start)) = codec.decode(&message).unwrap() else { panic!("{message}") };
        assert!(start.parameters.is_empty(), "{message}");
    }
}

#[test]
fn audio_before_the_start_is_refused() {
    let mut codec = TwilioMedia::new();
    assert_broken(&mut codec, &media("AH//"));
    assert_broken(&mut codec, r#"{"event":"mark","streamSid":"MZ1","mark":{"name":"1"}}"#);
    assert_broken(&mut codec, r#"{"event":"stop","streamSid":"MZ1","stop":{}}"#);
    assert!(codec.decode(START).is_ok(), "the codec stays usable");
}

#[test]
fn a_second_start_and_anything_after_the_stop_are_refused() {
    let mut codec = started();
    assert_broken(&mut codec, START);
    assert!(codec.decode(&media("AH//")).is_ok(), "the first stream goes on");
    codec.decode(r#"{"event":"stop","streamSid":"MZ1"}"#).unwrap();
    assert_broken(&mut codec, &media("AH//"));
    assert_broken(&mut codec, START);
    assert_broken(&mut codec, r#"{"event":"stop","streamSid":"MZ1"}"#);
    assert_eq!(encoded(&mut codec, MediaCommand::Clear), [] as [serde_json::Value; 0]);
}

#[test]
fn another_streams_message_is_refused() {
    assert_broken(&mut started(), &media("AH//").replace("MZ1", "MZ2"));
}

#[test]
fn another_format_is_refused() {
    for wrong in [("audio/x-mulaw", "audio/x-alaw"), ("8000", "16000"), (r#""channels":1"#, r#""channels":2"#)] {
        assert_broken(&mut TwilioMedia::new(), &START.replace(wrong.0, wrong.1));
    }
}

#[test]
fn the_other_partys_track_is_skipped() {
    let outbound = media("AH//").replace("inbound", "outbound");
    assert_eq!(started().decode(&outbound).unwrap(), None);
}

#[test]
fn a_timestamp_that_cannot_be_read_costs_no_audio() {
    let timestamps =
        [(r#""18446744073709551615""#, Some(u64::MAX)), ("40", Some(40)), ("null", None), (r#""soon""#, None)];
    let others = [(r#""-5""#, None), ("[1]", None), (r#""99999999999999999999""#, None)];
    for (written, expected) in timestamps.into_iter().chain(others) {
        let message = media("AH//").replace(r#""timestamp":"5""#, &format!(r#""timestamp":{written}"#));
        let mut codec = started();
        let Some(MediaEvent::Audio { payload, timestamp_ms }) = codec.decode(&message).unwrap() else {
            panic!("{written}")
        };
        assert_eq!((payload.len(), timestamp_ms), (3, expected), "{written}");
    }
    let without = media("AH//").replace(r#""timestamp":"5","#, "");
    assert_eq!(started().decode(&without).unwrap(), Some(MediaEvent::audio(vec![0, 127, 255])));
}

#[test]
fn audio_is_the_same_however_its_message_is_written() {
    let body = r#""media":{"payload":"AH//","timestamp":"5"}"#;
    for message in [
        format!(r#"{{"event":"media","streamSid":"MZ1",{body}}}"#),
        format!(r#"{{ "event" : "media", "streamSid" : "MZ1", {body} }}"#),
        format!(r#"{{{body},"streamSid":"MZ1","event":"media"}}"#),
        format!(r#"{{"event":"media","streamSid":"MZ1",{body},"dtmf":7,"start":[null]}}"#),
    ] {
        let audio = MediaEvent::Audio { payload: Cow::Borrowed(&[0, 127, 255]), timestamp_ms: Some(5) };
        assert_eq!(started().decode(&message).unwrap(), Some(audio), "{message}");
    }
    let other = format!(r#"{{"event":"media","streamSid":"MZ1",{body},"event":"mark"}}"#);
    assert_broken(&mut started(), &other);
    assert_broken(&mut started(), r#"{"event":"media","streamSid":"MZ1"}"#);
}

#[test]
fn escaped_base64_is_read() {
    let escaped = media(r"AH\/\/");
    assert_eq!(
        started().decode(&escaped).unwrap(),
        Some(MediaEvent::Audio { payload: Cow::Borrowed(&[0, 127, 255]), timestamp_ms: Some(5) })
    );
}

#[test]
fn audio_of_any_length_up_to_the_limit_is_read() {
    for length in [0, 1, 159, 160, 161, MAX_AUDIO_BYTES] {
        let message = media(&STANDARD.encode(vec![0x55; length]));
        let mut codec = started();
        let Some(MediaEvent::Audio { payload: audio, .. }) = codec.decode(&message).unwrap() else {
            panic!("{length}")
        };
        assert_eq!(audio.len(), length);
    }
    assert_broken(&mut started(), &media(&STANDARD.encode(vec![0x55; MAX_AUDIO_BYTES + 1])));
}

#[test]
fn a_message_beyond_the_limit_is_refused() {
    let padded = |length: usize| {
        let frame = r#"{"event":"future","x":""}"#;
        frame.replace(r#""x":""#, &format!(r#""x":"{}"#, "x".repeat(length - frame.len())))
    };
    assert_eq!(started().decode(&padded(MAX_MESSAGE_BYTES)).unwrap(), None);
    assert_broken(&mut started(), &padded(MAX_MESSAGE_BYTES + 1));
}

#[test]
fn what_cannot_be_read_leaves_the_codec_usable() {
    let mut codec = started();
    let broken = [
        "",
        "null",
        "[]",
        "{}",
        "{\"event\":5}",
        "\u{0}",
        r#"{"event":"media","streamSid":"MZ1"}"#,
        r#"{"event":"media","streamSid":"MZ1","media":{}}"#,
        r#"{"event":"media","streamSid":"MZ1","media":{"payload":"*"}}"#,
        r#"{"event":"media","streamSid":"MZ1","media":{"payload":"AH/"}}"#,
        r#"{"event":"dtmf","streamSid":"MZ1","dtmf":7}"#,
        r#"{"event":"mark","streamSid":"MZ1","mark":{"name":1}}"#,
    ];
    for message in broken {
        assert_broken(&mut codec, message);
    }
    assert_broken(&mut codec, &"[".repeat(60_000));
    assert!(codec.decode(&media("AH//")).unwrap().is_some());
}

#[test]
fn foreign_marks_and_keys_no_telephone_has_are_skipped() {
    for name in ["", "label", "+5", "05", "-1", "5 ", "18446744073709551616", "٣"] {
        let message = format!(r#"{{"event":"mark","streamSid":"MZ1","mark":{{"name":"{name}"}}}}"#);
        assert_eq!(started().decode(&message).unwrap(), None, "{name}");
    }
    for digit in ["", "12", "a", "E", "٣"] {
        let message = format!(r#"{{"event":"dtmf","streamSid":"MZ1","dtmf":{{"digit":"{digit}"}}}}"#);
        assert_eq!(started().decode(&message).unwrap(), None, "{digit}");
    }
}

#[test]
fn commands_become_the_three_messages() {
    let mut codec = started();
    let audio = encoded(&mut codec, MediaCommand::Audio(Frame::SILENCE));
    assert_eq!(
        audio,
        [serde_json::json!({"event": "media", "streamSid": "MZ1", "media": {"payload": STANDARD.encode([0xFF; 160])}})]
    );
    assert_eq!(
        encoded(&mut codec, MediaCommand::Mark(MarkId(u64::MAX))),
        [serde_json::json!({"event": "mark", "streamSid": "MZ1", "mark": {"name": u64::MAX.to_string()}})]
    );
    assert_eq!(encoded(&mut codec, MediaCommand::Clear), [serde_json::json!({"event": "clear", "streamSid": "MZ1"})]);
    assert!(encoded(&mut codec, MediaCommand::Open).is_empty());
    assert!(encoded(&mut codec, MediaCommand::Close).is_empty());
}

#[test]
fn commands_before_the_start_are_refused_except_open_and_close() {
    let mut codec = TwilioMedia::new();
    for command in [MediaCommand::Audio(Frame::SILENCE), MediaCommand::Mark(MarkId(0)), MediaCommand::Clear] {
        let error = codec.encode(&command, &mut WireMessages::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
    }
    assert!(encoded(&mut codec, MediaCommand::Open).is_empty());
    assert!(encoded(&mut codec, MediaCommand::Close).is_empty());
}

/// A message built like a real one, with anything in its places.
fn plausible_message() -> impl Strategy<Value = String> {
    let event = prop_oneof!["connected|start|media|dtmf|mark|stop", "[a-z]{0,8}"];
    let value = prop_oneof![
        Just("null".to_owned()),
        "[0-9]{1,25}",
        "\"[A-Za-z0-9+/=\\\\u]{0,40}\"",
        Just(r#"{"streamSid":"MZ1","callSid":"CA1"}"#.to_owned()),
        Just(r#"{"payload":"AH//","name":"7","digit":"1","track":"inbound"}"#.to_owned()),
        Just("[[[{}]]]".to_owned()),
    ];
    (event, "MZ[12]?", value.clone(), value).prop_map(|(event, sid, body, extra)| {
        format!(r#"{{"event":"{event}","streamSid":"{sid}","{event}":{body},"x":{extra}}}"#)
    })
}

proptest! {
    #[test]
    fn nothing_makes_decoding_panic(
        messages in proptest::collection::vec(prop_oneof![plausible_message(), ".{0,80}", Just(START.to_owned())], 0..12)
    ) {
        let mut codec = TwilioMedia::new();
        let mut started = false;
        for message in &messages {
            match codec.decode(message) {
                Ok(Some(MediaEvent::Started(_))) => {
                    prop_assert!(!started, "two starts");
                    started = true;
                }
                Ok(Some(_)) => prop_assert!(started, "an event before the start"),
                Ok(None) => {}
                Err(error) => prop_assert_eq!(error.kind(), ErrorKind::Protocol),
            }
        }
    }

    #[test]
    fn an_unknown_event_is_skipped_whatever_it_holds(
        event in "[a-z]{1,12}".prop_filter("unknown", |name| {
            !["connected", "start", "media", "dtmf", "mark", "stop"].contains(&name.as_str())
        }),
        holds in prop_oneof!["\"[a-z]{0,9}\"", "[1-9][0-9]{0,8}", Just("{\"a\":[{}]}".to_owned())],
        is_started: bool,
    ) {
        let mut codec = if is_started { started() } else { TwilioMedia::new() };
        let message = format!(r#"{{"event":"{event}","start":{holds},"media":{holds},"mark":{holds},"x":{holds}}}"#);
        prop_assert_eq!(codec.decode(&message).unwrap(), None);
    }

    #[test]
    fn any_stream_name_is_escaped(sid in ".{0,20}") {
        let mut codec = TwilioMedia::new();
        let start = serde_json::json!({"event": "start", "streamSid": sid, "start": {"streamSid": sid, "callSid": "CA1"}});
        codec.decode(&start.to_string()).unwrap();
        for command in [MediaCommand::Audio(Frame::SILENCE), MediaCommand::Mark(MarkId(1)), MediaCommand::Clear] {
            prop_assert_eq!(&encoded(&mut codec, command)[0]["streamSid"], &sid);
        }
    }
}
