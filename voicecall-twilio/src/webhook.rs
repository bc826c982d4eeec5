//! What Twilio's requests about a call mean.

mod incoming;
mod kind;

use sha2::{Digest, Sha256};
use url::form_urlencoded;
use voicecall_core::carrier::{CarrierEvent, CarrierEventKind, WebhookRequest};
use voicecall_core::{CarrierCallId, Error, Result};

use self::incoming::{incoming, is_incoming};
use self::kind::kind;
use crate::PROVIDER;
use crate::call::call_id;
use crate::signature::HexDigest;
use crate::wire::CallWebhook;

/// Reads a request whose authenticity was checked.
///
/// # Errors
/// `Invalid` naming `CallSid` if it is missing or cannot be one, or `To` of an incoming call.
pub(crate) fn read(request: &WebhookRequest<'_>) -> Result<CarrierEvent> {
    let fields = match request.method {
        "GET" | "HEAD" => request.path_and_query.split_once('?').map_or(&b""[..], |(_, query)| query.as_bytes()),
        _ => request.body,
    };
    let webhook = CallWebhook::from_pairs(form_urlencoded::parse(fields));
    let sid = webhook
        .call_sid
        .as_deref()
        .and_then(call_id)
        .ok_or_else(|| Error::invalid("CallSid", "the call the request is about").with_provider(PROVIDER))?;
    let kind = kind(&webhook, &sid);
    let kind =
        if is_incoming(&kind, &webhook, request) { CarrierEventKind::Incoming(incoming(&webhook)?) } else { kind };
    let delivery = delivery(&sid, &kind, &webhook, request);
    let sequence = webhook.sequence_number.as_deref().and_then(|number| number.parse().ok());
    Ok(CarrierEvent::new(sid, kind, delivery).with_sequence(sequence))
}

/// A key that is equal for two deliveries of the same request.
///
/// A report carries its own number or time, so what is signed tells it from every other; a recording has each of its
/// states once. Two requests for instructions may be equal in all that is signed (the same key pressed again), so there
/// Twilio's token of the delivery decides if it came; the token is not signed and not promised for every attempt, and
/// is therefore used for nothing else. A call comes in once, however often that is told, and at whichever address.
fn delivery(
    call: &CarrierCallId,
    kind: &CarrierEventKind,
    webhook: &CallWebhook<'_>,
    request: &WebhookRequest<'_>,
) -> String {
    let target = request.path_and_query.as_bytes();
    let whole: [&[u8]; 3] = [b"whole", target, request.body];
    let own: [&[u8]; 3] = match kind {
        CarrierEventKind::Incoming(_) => [b"incoming", b"", b""],
        kind if kind.asks() => {
            request.header("I-Twilio-Idempotency-Token").map_or(whole, |token| [b"token", target, token.as_bytes()])
        }
        CarrierEventKind::Status { .. } => {
            webhook.sequence_number.as_deref().map_or(whole, |number| [b"number", b"", number.as_bytes()])
        }
        CarrierEventKind::Recording(recording) => {
            let status = webhook.recording_status.as_deref().unwrap_or_default();
            [b"recording", recording.id.as_str().as_bytes(), status.as_bytes()]
        }
        _ => whole,
    };
    let mut hash = Sha256::new();
    for part in [call.as_str().as_bytes()].into_iter().chain(own) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    format!("{:x}", HexDigest(&hash.finalize()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use voicecall_core::carrier::{
        AnsweredBy, CallStatus, Detection, Gathered, GreetingEnd, HoldEnd, RecordingChannels, RecordingId,
        RecordingStatus,
    };

    use super::*;

    const CALL: &str = "CallSid=CA1&AccountSid=AC1&From=%2B15005550006&To=%2B46701234567&ApiVersion=2010-04-01";

    fn read_form(body: &str) -> Result<CarrierEvent> {
        read(&WebhookRequest { method: "POST", path_and_query: "/hook", headers: &[], body: body.as_bytes() })
    }

    fn kind_of(fields: &str) -> CarrierEventKind {
        read_form(&format!("{CALL}&{fields}")).unwrap().kind
    }

    #[test]
    fn a_request_without_a_report_asks_for_instructions() {
        let instruct = |status| CarrierEventKind::Instruct { status, detection: None };
        assert_eq!(kind_of("CallStatus=in-progress&Direction=outbound-api"), instruct(CallStatus::InProgress));
        assert_eq!(kind_of("CallStatus=ringing&Direction=inbound"), instruct(CallStatus::Ringing));
        assert_eq!(kind_of("CallStatus=brand-new"), instruct(CallStatus::Ringing));
    }

    #[test]
    fn the_fields_of_a_get_are_in_its_query() {
        let target = format!("/hook?{CALL}&CallStatus=in-progress");
        let event =
            read(&WebhookRequest { method: "GET", path_and_query: &target, headers: &[], body: b"CallSid=CA2" });
        assert_eq!(event.unwrap().call.as_str(), "CA1");
    }

    #[test]
    fn a_status_callback_is_a_report() {
        let event = read_form(&format!(
            "{CALL}&CallStatus=completed&CallbackSource=call-progress-events&SequenceNumber=3&CallDuration=61&Duration=2&SipResponseCode=200"
        ))
        .unwrap();
        assert_eq!(event.sequence, Some(3));
        assert_eq!(
            event.kind,
            CarrierEventKind::Status {
                status: CallStatus::Completed,
                duration: Some(Duration::from_secs(61)),
                cause: Some("200".to_owned())
            }
        );
    }

    #[test]
    fn every_status_is_reported() {
        let known = [
            ("queued", CallStatus::Queued),
            ("initiated", CallStatus::Queued),
            ("ringing", CallStatus::Ringing),
            ("in-progress", CallStatus::InProgress),
            ("completed", CallStatus::Completed),
            ("busy", CallStatus::Busy),
            ("no-answer", CallStatus::NoAnswer),
            ("failed", CallStatus::Failed),
            ("canceled", CallStatus::Canceled),
        ];
        for (name, expected) in known {
            let CarrierEventKind::Status { status, duration, cause } =
                kind_of(&format!("CallStatus={name}&SequenceNumber=0&CallDuration=soon"))
            else {
                panic!("{name}")
            };
            assert_eq!((status, duration, cause), (expected, None, None), "{name}");
        }
        assert_eq!(kind_of("CallStatus=brand-new&SequenceNumber=0"), CarrierEventKind::Unknown);
    }

    #[test]
    fn a_stream_reports_its_start_stop_and_failure() {
        assert_eq!(kind_of("StreamSid=MZ1&StreamEvent=stream-started"), CarrierEventKind::StreamStarted);
        assert_eq!(kind_of("StreamSid=MZ1&StreamEvent=stream-stopped"), CarrierEventKind::StreamStopped);
        assert_eq!(
            kind_of("StreamSid=MZ1&StreamEvent=stream-error&StreamError=31921"),
            CarrierEventKind::StreamFailed { error: "31921".to_owned() }
        );
        assert_eq!(kind_of("StreamSid=MZ1&StreamEvent=stream-paused"), CarrierEventKind::Unknown);
    }

    #[test]
    fn reports_about_other_things_are_unknown() {
        assert_eq!(kind_of("TranscriptionSid=GT1&TranscriptionEvent=transcription-started"), CarrierEventKind::Unknown);
        assert_eq!(kind_of("AnsweredBy=ghost&MachineDetectionDuration=3000"), CarrierEventKind::Unknown);
        assert_eq!(kind_of("RecordingSid=..%2FRE1&RecordingStatus=completed"), CarrierEventKind::Unknown);
    }

    #[test]
    fn every_verdict_is_told_in_the_background_and_with_the_question() {
        let known = [
            ("human", AnsweredBy::Human),
            ("machine_start", AnsweredBy::MachineStart),
            ("machine_end_beep", AnsweredBy::MachineEnd(GreetingEnd::Beep)),
            ("machine_end_silence", AnsweredBy::MachineEnd(GreetingEnd::Silence)),
            ("machine_end_other", AnsweredBy::MachineEnd(GreetingEnd::Other)),
            ("fax", AnsweredBy::Fax),
            ("unknown", AnsweredBy::Unknown),
        ];
        for (word, answered_by) in known {
            let detection = Detection::new(answered_by, Some(Duration::from_millis(3210)));
            let fields = format!("AnsweredBy={word}&MachineDetectionDuration=3210");
            assert_eq!(kind_of(&fields), CarrierEventKind::Detected(detection));
            let instruct = CarrierEventKind::Instruct { status: CallStatus::InProgress, detection: Some(detection) };
            assert_eq!(kind_of(&format!("{fields}&CallStatus=in-progress")), instruct);
            let report = kind_of(&format!("{fields}&CallStatus=completed&SequenceNumber=3"));
            assert!(matches!(report, CarrierEventKind::Status { .. }), "{word}");
        }
    }

    #[test]
    fn input_is_keys_words_or_nothing() {
        let gathered = |fields: &str| match kind_of(&format!("CallStatus=in-progress&{fields}")) {
            CarrierEventKind::Gathered(gathered) => gathered,
            other => panic!("{other:?}"),
        };
        assert_eq!(gathered("Digits=12&FinishedOnKey=%23"), Gathered::digits("12"));
        assert_eq!(gathered("SpeechResult=ja+tack&Confidence=0.5"), Gathered::speech("ja tack", Some(0.5)));
        assert_eq!(gathered("SpeechResult=ja&Confidence=sure"), Gathered::speech("ja", None));
        assert!(gathered("Digits=&FinishedOnKey=").is_empty());
    }

    #[test]
    fn the_end_of_a_dialled_leg_tells_how_and_how_long() {
        let ended = |fields: &str| kind_of(&format!("CallStatus=in-progress&{fields}"));
        assert_eq!(
            ended("DialCallStatus=completed&DialCallSid=CA2&DialCallDuration=12&RecordingUrl=https%3A%2F%2Fx%2FRE1"),
            CarrierEventKind::DialEnded {
                status: CallStatus::Completed,
                leg: Some(CarrierCallId::new("CA2")),
                duration: Some(Duration::from_secs(12)),
            }
        );
        for (word, status) in [
            ("busy", CallStatus::Busy),
            ("no-answer", CallStatus::NoAnswer),
            ("failed", CallStatus::Failed),
            ("canceled", CallStatus::Canceled),
            ("brand-new", CallStatus::Failed),
        ] {
            let expected = CarrierEventKind::DialEnded { status, leg: None, duration: None };
            assert_eq!(ended(&format!("DialCallStatus={word}")), expected);
        }
    }

    #[test]
    fn a_recording_tells_how_far_it_is_and_not_where() {
        let kind = kind_of(
            "RecordingSid=RE1&RecordingUrl=https%3A%2F%2Fapi.example%2FRE1&RecordingStatus=completed&RecordingDuration=7&RecordingChannels=2&RecordingStartTime=Fri%2C+20+Nov+2026+10%3A00%3A00+%2B0000",
        );
        let CarrierEventKind::Recording(recording) = &kind else { panic!("{kind:?}") };
        assert_eq!((recording.id.as_str(), recording.status), ("RE1", RecordingStatus::Completed));
        assert_eq!(recording.duration, Some(Duration::from_secs(7)));
        assert_eq!(recording.channels, Some(RecordingChannels::Dual));
        assert_eq!(recording.started_at.unwrap().to_string(), "2026-11-20T10:00:00Z");
        assert!(!format!("{kind:?}").contains("api.example"));
    }

    #[test]
    fn a_message_is_known_by_its_id_or_the_end_of_its_address() {
        let message = |fields: &str| kind_of(&format!("CallStatus=in-progress&RecordingDuration=3&{fields}"));
        let expected = |hung_up| CarrierEventKind::MessageRecorded {
            recording: RecordingId::new("RE1"),
            duration: Some(Duration::from_secs(3)),
            hung_up,
        };
        assert_eq!(message("RecordingSid=RE1&Digits=%23"), expected(false));
        assert_eq!(message("RecordingUrl=https%3A%2F%2Fx%2FRecordings%2FRE1&Digits=hangup"), expected(true));
    }

    #[test]
    fn a_wait_asks_for_music_and_tells_its_end() {
        let kind = |fields: &str| kind_of(&format!("CallStatus=in-progress&QueueSid=QU1&QueueTime=9&{fields}"));
        let waited = Duration::from_secs(9);
        assert_eq!(kind("QueuePosition=1&CurrentQueueSize=1"), CarrierEventKind::Holding { waited });
        for (word, end) in [
            ("bridged", HoldEnd::Joined),
            ("leave", HoldEnd::Left),
            ("redirected", HoldEnd::Left),
            ("hangup", HoldEnd::HungUp),
            ("queue-full", HoldEnd::Failed),
        ] {
            let expected = CarrierEventKind::HoldEnded { end, waited: Some(waited) };
            assert_eq!(kind(&format!("QueueResult={word}")), expected, "{word}");
        }
    }

    #[test]
    fn a_request_about_no_call_names_the_field() {
        for body in ["", "CallStatus=ringing", "CallSid=", "CallSid=..%2FCA1", "CallSid=CA%201"] {
            assert_eq!(read_form(body).unwrap_err().field(), Some("CallSid"), "{body}");
        }
    }

    fn delivery_of(token: Option<&str>, body: &str) -> String {
        let headers: Vec<_> = token.map(|token| ("i-twilio-idempotency-token", token)).into_iter().collect();
        let request = WebhookRequest { method: "POST", path_and_query: "/h", headers: &headers, body: body.as_bytes() };
        read(&request).unwrap().delivery
    }

    #[test]
    fn a_report_is_known_again_by_what_is_signed() {
        let report = |number: u32| format!("{CALL}&CallStatus=ringing&SequenceNumber={number}");
        assert_eq!(delivery_of(None, &report(1)), delivery_of(Some("t"), &report(1)));
        assert_ne!(delivery_of(Some("t"), &report(1)), delivery_of(Some("t"), &report(2)));
        let stream = |event: &str| format!("{CALL}&StreamEvent={event}&Timestamp=2026-11-20T10%3A00%3A00Z");
        assert_eq!(delivery_of(None, &stream("stream-started")), delivery_of(Some("t"), &stream("stream-started")));
        assert_ne!(delivery_of(None, &stream("stream-started")), delivery_of(None, &stream("stream-stopped")));
    }

    #[test]
    fn a_recording_is_known_again_by_its_id_and_status_alone() {
        let report = |status: &str, more: &str| format!("CallSid=CA1&RecordingSid=RE1&RecordingStatus={status}{more}");
        assert_eq!(delivery_of(None, &report("completed", "")), delivery_of(Some("t"), &report("completed", "&New=1")));
        assert_ne!(delivery_of(None, &report("in-progress", "")), delivery_of(None, &report("completed", "")));
    }

    #[test]
    fn the_same_key_pressed_again_is_another_input() {
        let input = format!("{CALL}&CallStatus=in-progress&Digits=1");
        assert_eq!(delivery_of(Some("t"), &input), delivery_of(Some("t"), &input));
        assert_ne!(delivery_of(Some("t"), &input), delivery_of(Some("u"), &input));
    }

    #[test]
    fn a_request_for_instructions_is_known_again_by_its_token() {
        let ask = format!("{CALL}&CallStatus=in-progress");
        assert_eq!(delivery_of(Some("t"), &ask), delivery_of(Some("t"), &ask));
        assert_ne!(delivery_of(Some("t"), &ask), delivery_of(Some("u"), &ask));
        assert_eq!(delivery_of(None, &ask), delivery_of(None, &ask));
        assert_ne!(delivery_of(Some("t"), &ask), delivery_of(Some("t"), &ask.replace("CA1", "CA2")));
    }

    proptest! {
        #[test]
        fn nothing_makes_reading_panic(method in "GET|POST|.{0,4}", target in ".{0,60}", body: Vec<u8>) {
            let _ = read(&WebhookRequest { method: &method, path_and_query: &target, headers: &[], body: &body });
        }

        #[test]
        fn unknown_fields_change_nothing(name in "X[a-z]{1,9}", value in "[ -~]{0,20}") {
            let more: String = form_urlencoded::Serializer::new(String::new()).append_pair(&name, &value).finish();
            let event = kind_of(&format!("CallStatus=ringing&SequenceNumber=1&{more}"));
            prop_assert_eq!(event, kind_of("CallStatus=ringing&SequenceNumber=1"));
        }
    }
}
