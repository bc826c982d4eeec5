//! What 46elks's requests about a call mean. The address tells what is asked; the form alone would not.

use std::time::Duration;

use sha2::{Digest, Sha256};
use voicecall_core::carrier::{
    CallStatus, CarrierEvent, CarrierEventKind, CarrierRecording, Gathered, IncomingCall, RecordingId, RecordingStatus,
    WebhookRequest,
};
use voicecall_core::{Address, CarrierCallId, Error, Result};

use crate::PROVIDER;
use crate::address::About;
use crate::call::{call_id, call_status, timestamp};
use crate::recording::{call_of, id_in};
use crate::wire::Form;

/// Reads a request whose address was checked.
///
/// # Errors
/// `Invalid` naming `callid` if it is missing or cannot be one, or `to` of an incoming call.
pub(crate) fn read(request: &WebhookRequest<'_>, about: About) -> Result<CarrierEvent> {
    let fields = match request.method {
        "GET" | "HEAD" => request.path_and_query.split_once('?').map_or(&b""[..], |(_, query)| query.as_bytes()),
        _ => request.body,
    };
    let form = Form::parse(fields);
    let call = form
        .call()
        .and_then(call_id)
        .ok_or_else(|| Error::invalid("callid", "the call the request is about").with_provider(PROVIDER))?;
    let kind = kind(&form, &call, about)?;
    let delivery = delivery(&call, about, request);
    Ok(CarrierEvent::new(call, kind, delivery))
}

fn kind(form: &Form<'_>, call: &CarrierCallId, about: About) -> Result<CarrierEventKind> {
    let result = form.get("result");
    Ok(match about {
        About::Incoming => CarrierEventKind::Incoming(incoming(form)?),
        About::Answer | About::Next => CarrierEventKind::Instruct { status: CallStatus::InProgress, detection: None },
        About::Keys => {
            CarrierEventKind::Gathered(result.and_then(keys).map_or_else(Gathered::default, Gathered::digits))
        }
        About::Dial => {
            let status = match result {
                Some("success") => CallStatus::Completed,
                Some("busy") => CallStatus::Busy,
                _ => CallStatus::Failed,
            };
            CarrierEventKind::DialEnded { status, leg: None, duration: None }
        }
        About::Message => CarrierEventKind::MessageRecorded {
            // Which it is does not stand in the request: confirming it finds out.
            recording: RecordingId::new(format!("{call}-r0")),
            duration: None,
            hung_up: false,
        },
        About::Ended => ended(form),
        About::Recording => recording(form, call).map_or(CarrierEventKind::Unknown, CarrierEventKind::Recording),
        About::Media | About::Received | About::Delivery => CarrierEventKind::Unknown,
    })
}

fn incoming(form: &Form<'_>) -> Result<IncomingCall> {
    let address = |name: &str| form.get(name).and_then(|text| text.parse::<Address>().ok());
    let to = address("to").ok_or_else(|| Error::invalid("to", "the number that was called").with_provider(PROVIDER))?;
    Ok(IncomingCall::new(to).with_from(address("from")))
}

/// Keys; none for a word such as `failed`.
fn keys(result: &str) -> Option<&str> {
    let is_key = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'*' | b'#' | b'A'..=b'D');
    result.bytes().all(is_key).then_some(result)
}

fn ended(form: &Form<'_>) -> CarrierEventKind {
    let was_answered = form.get("start").is_some();
    match form.get("state").and_then(|state| call_status(state, was_answered)) {
        Some(status) => {
            let duration = form.get("duration").and_then(|text| text.parse().ok()).map(Duration::from_secs);
            CarrierEventKind::Status { status, duration, cause: None }
        }
        None => CarrierEventKind::Unknown,
    }
}

fn recording(form: &Form<'_>, call: &CarrierCallId) -> Option<CarrierRecording> {
    let id = form.get("wav").and_then(id_in).filter(|id| call_of(id).as_ref() == Some(call))?;
    let mut known = CarrierRecording::new(id, RecordingStatus::Completed);
    known.call = Some(call.clone());
    known.started_at = form.get("created").and_then(timestamp);
    known.duration = form.get("duration").and_then(|text| text.parse().ok()).map(Duration::from_secs);
    Some(known)
}

/// A key that is equal for two deliveries of the same request: a call comes in once and ends once; every question has an
/// address of its own.
fn delivery(call: &CarrierCallId, about: About, request: &WebhookRequest<'_>) -> String {
    let own: [&[u8]; 2] = match about {
        About::Incoming => [b"incoming", b""],
        About::Ended => [b"ended", b""],
        _ => [request.path_and_query.as_bytes(), request.body],
    };
    let mut hash = Sha256::new();
    for part in [call.as_str().as_bytes()].into_iter().chain(own) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(about: About, body: &str) -> Result<CarrierEvent> {
        let request = WebhookRequest { method: "POST", path_and_query: "/h", headers: &[], body: body.as_bytes() };
        read(&request, about)
    }

    fn kind_of(about: About, fields: &str) -> CarrierEventKind {
        event(about, &format!("callid=c1&{fields}")).unwrap().kind
    }

    #[test]
    fn a_call_comes_in_from_somebody_or_from_nobody() {
        let call = |from: &str| match kind_of(About::Incoming, &format!("{from}to=%2B46766861001&direction=incoming")) {
            CarrierEventKind::Incoming(call) => call,
            other => panic!("{other:?}"),
        };
        assert_eq!(call("from=%2B46701740605&").from.unwrap().canonical(), "+46701740605");
        assert_eq!(call("").from, None);
        assert_eq!(call("from=anonymous&").from, None);
        assert_eq!(event(About::Incoming, "callid=c1&to=").unwrap_err().field(), Some("to"));
    }

    #[test]
    fn questions_are_told_apart_by_their_address() {
        let instruct = CarrierEventKind::Instruct { status: CallStatus::InProgress, detection: None };
        assert_eq!(kind_of(About::Answer, "result=newincoming"), instruct);
        assert_eq!(kind_of(About::Next, "result=success"), instruct);
        assert_eq!(kind_of(About::Keys, "result=12%23"), CarrierEventKind::Gathered(Gathered::digits("12#")));
        for none in ["result=failed", "result=", ""] {
            assert_eq!(kind_of(About::Keys, none), CarrierEventKind::Gathered(Gathered::default()), "{none}");
        }
        for (word, status) in
            [("success", CallStatus::Completed), ("busy", CallStatus::Busy), ("failed", CallStatus::Failed)]
        {
            let expected = CarrierEventKind::DialEnded { status, leg: None, duration: None };
            assert_eq!(kind_of(About::Dial, &format!("result={word}")), expected);
        }
    }

    #[test]
    fn the_end_of_a_call_names_it_otherwise() {
        let body =
            "id=c1&direction=outgoing&state=success&start=2018-02-20T11%3A55%3A30&duration=8&cost=1500&legs=%5B%5D";
        let ended = event(About::Ended, body).unwrap();
        let status = CarrierEventKind::Status {
            status: CallStatus::Completed,
            duration: Some(Duration::from_secs(8)),
            cause: None,
        };
        assert_eq!((ended.call.as_str(), ended.kind), ("c1", status));
        assert_eq!(kind_of(About::Ended, "state=brand-new"), CarrierEventKind::Unknown);
        assert_eq!(event(About::Ended, "state=success").unwrap_err().field(), Some("callid"));
    }

    #[test]
    fn a_recording_is_of_its_own_call() {
        let wav = "wav=https%3A%2F%2Fapi.46elks.com%2Fa1%2Frecordings%2Fc1-r0.wav&duration=7";
        let CarrierEventKind::Recording(recording) = kind_of(About::Recording, wav) else { panic!("no recording") };
        assert_eq!((recording.id.as_str(), recording.duration), ("c1-r0", Some(Duration::from_secs(7))));
        let other = wav.replace("c1-r0", "c2-r0");
        assert_eq!(kind_of(About::Recording, &other), CarrierEventKind::Unknown);
    }

    #[test]
    fn a_report_is_known_again_and_a_question_by_its_address() {
        let of = |about, target: &str, body: &str| {
            let request =
                WebhookRequest { method: "POST", path_and_query: target, headers: &[], body: body.as_bytes() };
            read(&request, about).unwrap().delivery
        };
        assert_eq!(of(About::Ended, "/h", "id=c1&duration=8"), of(About::Ended, "/h", "id=c1&duration=9"));
        assert_ne!(of(About::Next, "/h?once=1", "callid=c1"), of(About::Next, "/h?once=2", "callid=c1"));
        assert_ne!(of(About::Next, "/h", "callid=c1"), of(About::Next, "/h", "callid=c2"));
    }

    proptest! {
        #[test]
        fn nothing_makes_reading_panic(method in "GET|POST", target in ".{0,60}", body: Vec<u8>, at in 0..9usize) {
            let about = [About::Incoming, About::Answer, About::Next, About::Keys, About::Dial, About::Message,
                About::Ended, About::Recording, About::Media][at];
            let _ = read(&WebhookRequest { method: &method, path_and_query: &target, headers: &[], body: &body }, about);
        }
    }
}
