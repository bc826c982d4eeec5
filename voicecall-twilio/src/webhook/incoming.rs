//! Reading who calls whom from Twilio's first request about an incoming call.

use voicecall_core::carrier::{CallStatus, CarrierEventKind, IncomingCall, WebhookRequest};
use voicecall_core::{Address, Error, Result};

use crate::PROVIDER;
use crate::wire::CallWebhook;

/// The last part of the path of the address that Twilio asks about incoming calls.
const PATH_END: &str = "/incoming";

/// What stands for a withheld number: the keys of a telephone that spell RESTRICTED, BLOCKED, UNKNOWN, ANONYMOUS and
/// UNAVAILABLE. Some are well-formed numbers, which nobody has.
const WITHHELD: [&str; 5] = ["+7378742833", "+2562533", "+8656696", "+266696687", "+86282452253"];

/// The longest address that is read, in bytes. SIP knows no limit.
const MAX_ADDRESS: usize = 320;

/// Whether the request is the first one about an incoming call: at the address for those, and not answered yet. A call
/// that was answered asks there, too, if our steps led it back.
pub(super) fn is_incoming(kind: &CarrierEventKind, webhook: &CallWebhook<'_>, request: &WebhookRequest<'_>) -> bool {
    let path = request.path_and_query.split('?').next().unwrap_or_default();
    let is_new = matches!(
        kind,
        CarrierEventKind::Instruct { status: CallStatus::Queued | CallStatus::Ringing, detection: None }
    );
    is_new && path.ends_with(PATH_END) && webhook.direction.as_deref() == Some("inbound")
}

/// The call the request describes.
///
/// # Errors
/// `Invalid` naming `To` if it is no address.
pub(super) fn incoming(webhook: &CallWebhook<'_>) -> Result<IncomingCall> {
    let to = webhook.to.as_deref().and_then(address);
    let to = to.ok_or_else(|| Error::invalid("To", "the address that was called").with_provider(PROVIDER))?;
    let mut call = IncomingCall::new(to)
        .with_from(webhook.from.as_deref().and_then(person))
        .with_caller_name(webhook.caller_name.as_deref());
    call.forwarded_from = webhook.forwarded_from.as_deref().and_then(person);
    call.account = webhook.account_sid.as_deref().filter(|sid| is_sid(sid)).map(str::to_owned);
    call.country = webhook.from_country.as_deref().filter(|code| is_country(code)).map(str::to_owned);
    Ok(call)
}

/// The address of somebody who does not withhold it.
fn person(text: &str) -> Option<Address> {
    let is_withheld = WITHHELD.contains(&text) || text.to_ascii_lowercase().starts_with("sip:anonymous@");
    if is_withheld { None } else { address(text) }
}

fn address(text: &str) -> Option<Address> {
    if text.len() > MAX_ADDRESS { None } else { text.parse().ok() }
}

fn is_sid(text: &str) -> bool {
    text.len() <= 64 && text.starts_with("AC") && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn is_country(code: &str) -> bool {
    code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use url::form_urlencoded::Serializer;
    use voicecall_core::carrier::CarrierEvent;

    use super::super::read;
    use super::*;

    fn form(fields: &[(&str, &str)]) -> String {
        let mut form = Serializer::new(String::new());
        form.append_pair("CallSid", "CA1").append_pair("ApiVersion", "2010-04-01");
        form.extend_pairs(fields).finish()
    }

    fn post(path: &str, body: &str) -> Result<CarrierEvent> {
        read(&WebhookRequest { method: "POST", path_and_query: path, headers: &[], body: body.as_bytes() })
    }

    /// The call of a request with these fields besides the usual ones.
    fn call(fields: &[(&str, &str)]) -> IncomingCall {
        let usual = [("AccountSid", "AC1"), ("CallStatus", "ringing"), ("Direction", "inbound")];
        let fields: Vec<_> = fields.iter().chain(&usual).chain(&[("To", "+46700000001")]).copied().collect();
        match post("/voice/incoming", &form(&fields)).unwrap().kind {
            CarrierEventKind::Incoming(call) => call,
            other => panic!("{other:?}"),
        }
    }

    fn from(from: &str) -> Option<String> {
        call(&[("From", from)]).from.map(|from| from.canonical())
    }

    #[test]
    fn who_calls_whom_is_read() {
        let call = call(&[
            ("From", "+46701234567"),
            ("FromCountry", "SE"),
            ("ForwardedFrom", "+46709876543"),
            ("CallerName", "ANNA BERG"),
        ]);
        assert_eq!(call.from.unwrap().canonical(), "+46701234567");
        assert_eq!(call.to.canonical(), "+46700000001");
        assert_eq!(call.forwarded_from.unwrap().canonical(), "+46709876543");
        assert_eq!(call.caller_name.as_deref(), Some("ANNA BERG"));
        assert_eq!((call.account.as_deref(), call.country.as_deref()), (Some("AC1"), Some("SE")));
    }

    #[test]
    fn the_fields_of_a_get_are_read_from_its_query() {
        let fields = [("CallStatus", "ringing"), ("Direction", "inbound"), ("To", "+46700000001")];
        let target = format!("/voice/incoming?{}", form(&fields));
        let event = read(&WebhookRequest { method: "GET", path_and_query: &target, headers: &[], body: b"" }).unwrap();
        assert!(matches!(event.kind, CarrierEventKind::Incoming(_)), "{event:?}");
    }

    #[test]
    fn a_caller_who_withholds_their_number_is_nobody() {
        let words = ["anonymous", "Anonymous", "Restricted", "unknown", "", "sip:Anonymous@anonymous.invalid"];
        for withheld in WITHHELD.into_iter().chain(words) {
            assert_eq!(from(withheld), None, "{withheld}");
        }
        assert_eq!(call(&[]).from, None);
        assert_eq!(call(&[("ForwardedFrom", "+266696687")]).forwarded_from, None);
    }

    #[test]
    fn callers_by_other_means_are_known_by_their_address() {
        for known in ["sip:anna@example.com:5060;transport=tls", "client:anna", "whatsapp:+46701234567"] {
            assert_eq!(from(known).as_deref(), Some(known));
        }
        assert_eq!(from(&format!("sip:{}", "a".repeat(999))), None);
    }

    #[test]
    fn a_call_to_nowhere_names_the_field() {
        for to in ["", "anonymous", "+1", "sip:"] {
            let body = form(&[("CallStatus", "ringing"), ("Direction", "inbound"), ("To", to)]);
            assert_eq!(post("/voice/incoming", &body).unwrap_err().field(), Some("To"), "{to}");
        }
    }

    #[test]
    fn only_a_new_call_at_the_address_for_incoming_calls_comes_in() {
        let kind = |path: &str, status: &str, direction: &str, more: &[(&str, &str)]| {
            let usual = [("CallStatus", status), ("Direction", direction), ("To", "+46700000001")];
            let fields: Vec<_> = usual.iter().chain(more).copied().collect();
            post(path, &form(&fields)).unwrap().kind
        };
        let is = |kind: CarrierEventKind| matches!(kind, CarrierEventKind::Incoming(_));
        assert!(is(kind("/base/voice/incoming?a=1", "ringing", "inbound", &[])));
        assert!(is(kind(
            "/voice/incoming",
            "ringing",
            "inbound",
            &[("ErrorCode", "11200"), ("ErrorUrl", "https://x/")]
        )));
        assert!(!is(kind("/voice/answer", "ringing", "inbound", &[])));
        assert!(!is(kind("/voice/incoming", "in-progress", "inbound", &[])));
        assert!(!is(kind("/voice/incoming", "ringing", "outbound-api", &[])));
        assert!(!is(kind("/voice/incoming", "completed", "inbound", &[("SequenceNumber", "0")])));
        assert!(!is(kind("/voice/incoming", "in-progress", "inbound", &[("DialCallStatus", "busy")])));
    }

    #[test]
    fn a_call_comes_in_once_however_it_is_delivered() {
        let delivery = |call: &str, path: &str, token: &str, more: &str| {
            let body = format!("CallSid={call}&CallStatus=ringing&Direction=inbound&To=%2B46700000001{more}");
            let headers = [("I-Twilio-Idempotency-Token", token)];
            let request =
                WebhookRequest { method: "POST", path_and_query: path, headers: &headers, body: body.as_bytes() };
            read(&request).unwrap().delivery
        };
        let first = delivery("CA1", "/voice/incoming", "t", "");
        assert_eq!(first, delivery("CA1", "/voice/incoming", "u", "&New=1"));
        assert_eq!(first, delivery("CA1", "/fallback/incoming", "v", "&ErrorCode=11200"));
        assert_ne!(first, delivery("CA2", "/voice/incoming", "t", ""));
    }
}
