//! What 46elks's requests about a message mean. The address tells what is told; the form alone would not.

use voicecall_core::carrier::WebhookRequest;
use voicecall_core::messaging::{DeliveryReport, IncomingMessage, MessageState, MessagingEvent, MessagingEventKind};
use voicecall_core::{Address, Error, ErrorKind, Result};

use super::known::{message_id, message_state};
use super::media::type_of;
use crate::PROVIDER;
use crate::address::About;
use crate::call::timestamp;
use crate::wire::Form;

/// Reads a request whose address was checked.
///
/// # Errors
/// `Unauthenticated` for an address that is not for messages; `Invalid` naming `id` if it is missing or cannot be one, or
/// `from` or `to` of a message that came in.
pub(super) fn read(request: &WebhookRequest<'_>, about: About) -> Result<MessagingEvent> {
    let fields = match request.method {
        "GET" | "HEAD" => request.path_and_query.split_once('?').map_or(&b""[..], |(_, query)| query.as_bytes()),
        _ => request.body,
    };
    let form = Form::parse(fields);
    let id = || {
        let id = form.get("id").and_then(message_id);
        id.ok_or_else(|| Error::invalid("id", "the message the request is about").with_provider(PROVIDER))
    };
    match about {
        About::Received => Ok(MessagingEvent::new(id()?, received(&form)?)),
        About::Delivery => Ok(MessagingEvent::new(id()?, delivery(&form))),
        _ => Err(Error::new(ErrorKind::Unauthenticated, "check address").with_provider(PROVIDER)),
    }
}

/// A message from a sender who has no address here, such as a name, is one that nobody can answer.
fn received(form: &Form<'_>) -> Result<MessagingEventKind> {
    let given = |field: &'static str| {
        let value = form.get(field).ok_or_else(|| Error::invalid(field, "a number").with_provider(PROVIDER))?;
        Ok::<_, Error>(value.parse::<Address>().ok().filter(|address| address.as_phone().is_some()))
    };
    let (Some(from), Some(to)) = (given("from")?, given("to")?) else { return Ok(MessagingEventKind::Unknown) };
    let pictures = form.images().map(|url| (url, type_of(url)));
    let mut message = IncomingMessage::new(from, to, form.get("message").unwrap_or_default()).with_media(pictures);
    message.sent_at = form.get("created").and_then(timestamp);
    Ok(MessagingEventKind::Received(Box::new(message)))
}

fn delivery(form: &Form<'_>) -> MessagingEventKind {
    let state = form.get("status").and_then(message_state);
    state.map_or(MessagingEventKind::Unknown, |state: MessageState| {
        MessagingEventKind::Delivery(DeliveryReport { state, error: None })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SMS: &str =
        "id=s1&from=%2B46701740605&to=%2B46766861001&direction=incoming&created=2018-02-20T11%3A55%3A27.756000";

    fn event(about: About, body: &str) -> Result<MessagingEvent> {
        read(&WebhookRequest { method: "POST", path_and_query: "/h", headers: &[], body: body.as_bytes() }, about)
    }

    fn message(body: &str) -> IncomingMessage {
        match event(About::Received, body).unwrap().kind {
            MessagingEventKind::Received(message) => *message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_text_comes_in_with_its_time() {
        let text = message(&format!("{SMS}&message=Hej+d%C3%A5%21"));
        assert_eq!((text.from.canonical(), text.to.canonical()), ("+46701740605".into(), "+46766861001".into()));
        assert_eq!((text.text.as_str(), text.media.len()), ("Hej då!", 0));
        assert_eq!(text.sent_at.unwrap().to_string(), "2018-02-20T11:55:27.756Z");
    }

    #[test]
    fn pictures_come_with_the_type_of_their_ending() {
        let picture = "https%3A%2F%2Fapi.46elks.com%2Fa1%2Fimages%2Fm1-i";
        let body = SMS.replace("id=s1", "id=m1");
        let mms = message(&format!("{body}&image={picture}0.jpg&image2={picture}1.png&image3={picture}2&imagery=x"));
        let types: Vec<&str> = mms.media.iter().map(|medium| medium.content_type.as_str()).collect();
        assert_eq!((types, mms.refused_media), (vec!["image/jpeg", "image/png", "image/jpeg"], 0));
    }

    #[test]
    fn a_report_tells_how_far_a_text_has_come() {
        for (status, state) in
            [("sent", MessageState::Sent), ("delivered", MessageState::Delivered), ("failed", MessageState::Failed)]
        {
            let told =
                event(About::Delivery, &format!("id=s1&status={status}&delivered=2018-02-20T11%3A55%3A27.756000"));
            let report = DeliveryReport { state, error: None };
            assert_eq!(told.unwrap().kind, MessagingEventKind::Delivery(report), "{status}");
        }
        assert_eq!(event(About::Delivery, "id=s1&status=new").unwrap().kind, MessagingEventKind::Unknown);
    }

    #[test]
    fn what_is_missing_is_named_and_senders_without_an_address_are_unknown() {
        for (body, field) in [("", "id"), ("id=c1", "id"), ("id=s1&to=%2B46766861001", "from"), ("id=s1&from=x", "to")]
        {
            assert_eq!(event(About::Received, body).unwrap_err().field(), Some(field), "{body}");
        }
        let named = event(About::Received, "id=s1&from=MyBank&to=%2B46766861001&message=Hi").unwrap();
        assert_eq!(named.kind, MessagingEventKind::Unknown);
        let call = event(About::Answer, SMS).unwrap_err();
        assert_eq!(call.kind(), ErrorKind::Unauthenticated, "an address for calls");
    }

    proptest! {
        #[test]
        fn nothing_makes_reading_panic(method in "GET|POST", target in ".{0,60}", body: Vec<u8>, at in 0..3usize) {
            let about = [About::Received, About::Delivery, About::Media][at];
            let _ = read(&WebhookRequest { method: &method, path_and_query: &target, headers: &[], body: &body }, about);
        }
    }
}
