use proptest::prelude::*;

use super::*;

const SMS: &str = "MessageSid=SM1&SmsSid=SM1&SmsMessageSid=SM1&AccountSid=AC1&From=%2B46701234567&To=%2B15005550006\
    &NumSegments=1&SmsStatus=received&ApiVersion=2010-04-01&FromCountry=SE&FromCity=";

const REPORT: &str =
    "MessageSid=SM1&SmsSid=SM1&AccountSid=AC1&From=%2B15005550006&To=%2B46701234567&ApiVersion=2010-04-01";

fn read_form(body: &str) -> Result<MessagingEvent> {
    read(&WebhookRequest { method: "POST", path_and_query: "/hook", headers: &[], body: body.as_bytes() })
}

fn message(body: &str) -> IncomingMessage {
    match read_form(body).unwrap().kind {
        MessagingEventKind::Received(message) => *message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_text_comes_in() {
    let message = message(&format!("{SMS}&Body=Hej+d%C3%A5%21&NumMedia=0"));
    assert_eq!((message.from.canonical(), message.to.canonical()), ("+46701234567".into(), "+15005550006".into()));
    assert_eq!((message.text.as_str(), message.media.len(), message.sender_name), ("Hej då!", 0, None));
}

#[test]
fn media_come_with_their_types_in_order_and_what_is_not_taken_is_counted() {
    let media = "&NumMedia=4&MediaUrl0=https%3A%2F%2Fapi.twilio.com%2Fa&MediaContentType0=image%2Fjpeg\
        &MediaContentType1=text%2Fvcard&MediaUrl1=https%3A%2F%2Fapi.twilio.com%2Fb\
        &MediaUrl2=https%3A%2F%2Fapi.twilio.com%2Fc&MediaContentType2=audio%2Fogg\
        &MediaUrl3=nowhere&MediaContentType3=image%2Fpng&MediaUrl99=https%3A%2F%2Fapi.twilio.com%2Fd";
    let message = message(&format!("{SMS}&Body={media}"));
    let taken: Vec<_> = message.media.iter().map(|medium| (medium.url.path(), medium.content_type.as_str())).collect();
    assert_eq!(taken, [("/a", "image/jpeg"), ("/c", "audio/ogg")]);
    assert_eq!((message.refused_media, message.text.as_str()), (2, ""));
}

#[test]
fn a_message_of_whatsapp_has_its_addresses_and_the_senders_name() {
    let body = "MessageSid=SM1&SmsStatus=received&From=whatsapp%3A%2B46701234567&To=whatsapp%3A%2B15005550006&Body=Hi\
        &ProfileName=+Anna%00+&WaId=46701234567&MessageType=text&NumMedia=0";
    let whatsapp = message(body);
    assert_eq!(whatsapp.from.canonical(), "whatsapp:+46701234567");
    assert_eq!(whatsapp.sender_name.as_deref(), Some("Anna"));
    let place = message(&format!("{body}&Latitude=59.3&Longitude=18.0"));
    assert_eq!(place.refused_media, 1);
}

#[test]
fn a_report_tells_how_far_a_message_has_come_and_why_no_further() {
    let report = |fields: &str| read_form(&format!("{REPORT}&{fields}")).unwrap().kind;
    let delivery = |state, error: Option<&str>| {
        MessagingEventKind::Delivery(DeliveryReport { state, error: error.map(str::to_owned) })
    };
    for (status, state) in [
        ("queued", MessageState::Sent),
        ("sent", MessageState::Sent),
        ("delivered", MessageState::Delivered),
        ("read", MessageState::Read),
    ] {
        assert_eq!(report(&format!("MessageStatus={status}&SmsStatus={status}")), delivery(state, None), "{status}");
    }
    let undelivered = report("MessageStatus=undelivered&ErrorCode=30003");
    assert_eq!(undelivered, delivery(MessageState::Undelivered, Some("30003")));
    let read = report("MessageStatus=read&EventType=READ&ChannelToAddress=%2B4670****&ChannelPrefix=whatsapp");
    assert_eq!(read, delivery(MessageState::Read, None));
    assert_eq!(report("MessageStatus=brand-new"), MessagingEventKind::Unknown);
    assert_eq!(report("OptOutType=STOP"), MessagingEventKind::Unknown);
}

#[test]
fn the_fields_of_a_get_are_in_its_query() {
    let target = format!("/hook?{REPORT}&MessageStatus=delivered");
    let event = read(&WebhookRequest { method: "GET", path_and_query: &target, headers: &[], body: b"MessageSid=SM2" });
    assert_eq!(event.unwrap().message.as_str(), "SM1");
}

#[test]
fn what_is_missing_is_named_and_senders_without_an_address_are_unknown() {
    let field = |body: &str| read_form(body).unwrap_err().field().map(str::to_owned);
    for body in ["", "MessageSid=", "MessageSid=..%2FSM1", "CallSid=CA1&CallStatus=ringing"] {
        assert_eq!(field(body).as_deref(), Some("MessageSid"), "{body}");
    }
    assert_eq!(field("MessageSid=SM1&SmsStatus=received&To=%2B15005550006").as_deref(), Some("From"));
    assert_eq!(field("MessageSid=SM1&SmsStatus=received&From=%2B46701234567").as_deref(), Some("To"));
    let mixed = "MessageSid=SM1&SmsStatus=received&From=whatsapp%3A%2B46701234567&To=%2B15005550006";
    assert_eq!(field(mixed).as_deref(), Some("To"));
    for from in ["72404", "MyBank", "rcs%3Abrand", "messenger%3A1234"] {
        let body = format!("MessageSid=SM1&SmsStatus=received&From={from}&To=%2B15005550006&Body=Hi");
        assert_eq!(read_form(&body).unwrap().kind, MessagingEventKind::Unknown, "{from}");
    }
}

proptest! {
    #[test]
    fn nothing_makes_reading_panic(method in "GET|POST|.{0,4}", target in ".{0,60}", body: Vec<u8>) {
        let _ = read(&WebhookRequest { method: &method, path_and_query: &target, headers: &[], body: &body });
    }

    #[test]
    fn no_field_of_a_message_makes_reading_panic(
        fields in proptest::collection::vec(("MediaUrl[0-9]{0,3}|MediaContentType[0-9]|Body|From|To|NumMedia|SmsStatus", ".{0,40}"), 0..12),
    ) {
        let body = form_urlencoded::Serializer::new("MessageSid=SM1".to_owned()).extend_pairs(fields).finish();
        let _ = read_form(&body);
    }
}
