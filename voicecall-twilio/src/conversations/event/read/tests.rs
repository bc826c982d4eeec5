use proptest::prelude::*;
use voicecall_core::messaging::MessageState;

use super::*;
use crate::conversations::event::reply;
use crate::conversations::{Action, Answer, Binding, ConversationState};

const CONVERSATION: &str = "CH00000000000000000000000000000001";
const MESSAGE: &str = "IM00000000000000000000000000000002";
const PARTICIPANT: &str = "MB00000000000000000000000000000003";
const RECEIPT: &str = "DY00000000000000000000000000000004";

fn form(event: &str, more: &[(&str, &str)]) -> String {
    let fields = [("EventType", event), ("ConversationSid", CONVERSATION), ("AccountSid", "AC1"), ("Source", "SMS")];
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).extend_pairs(more).finish()
}

fn read_form(body: &str, token: Option<&str>) -> Result<ConversationEvent> {
    let headers: Vec<_> = token.map(|token| ("i-twilio-idempotency-token", token)).into_iter().collect();
    read(&WebhookRequest { method: "POST", path_and_query: "/hook", headers: &headers, body: body.as_bytes() })
}

fn event(name: &str, more: &[(&str, &str)]) -> ConversationEvent {
    read_form(&form(name, more), None).unwrap()
}

#[test]
fn every_event_has_one_name_and_reads_back() {
    let names: std::collections::BTreeSet<String> = EventType::all().map(EventType::name).collect();
    assert_eq!(names.len(), 20);
    for event in EventType::all() {
        assert_eq!(EventType::from_name(&event.name()), Some(event));
    }
    assert!(names.contains("onParticipantRemoved") && names.contains("onConversationUpdate"));
}

#[test]
fn a_message_that_was_added_has_its_place_and_its_media() {
    let media =
        r#"[{"Sid":"ME00000000000000000000000000000005","Filename":"a.png","ContentType":"image/png","Size":900}]"#;
    let told = event(
        "onMessageAdded",
        &[
            ("MessageSid", MESSAGE),
            ("Index", "7"),
            ("Author", "+46701234567"),
            ("Body", "Hej"),
            ("ParticipantSid", PARTICIPANT),
            ("Attributes", r#"{"a":1}"#),
            ("DateCreated", "2026-11-20T10:00:00.123Z"),
            ("Media", media),
        ],
    );
    assert_eq!(told.conversation.as_ref().unwrap().as_str(), CONVERSATION);
    assert_eq!(told.source.as_deref(), Some("SMS"));
    let ConversationEventKind::After(Action::Add, Changed::Message(message)) = &told.kind else { panic!("{told:?}") };
    assert_eq!((message.index, message.text.as_str()), (Some(7), "Hej"));
    assert_eq!(message.attributes["a"], 1);
    assert_eq!((message.media[0].size, message.media[0].content_type.as_deref()), (Some(900), Some("image/png")));
    assert_eq!(message.updated_at.unwrap().to_string(), "2026-11-20T10:00:00.123Z");
    let printed = format!("{told:?}");
    for secret in ["Hej", "701234567", "a.png"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

#[test]
fn before_it_is_added_a_message_has_no_place_and_a_conversation_no_name() {
    let asked = event("onMessageAdd", &[("Author", "anna"), ("Body", "Hej")]);
    let ConversationEventKind::Before(Action::Add, Changed::Message(message)) = asked.kind else {
        panic!("a question")
    };
    assert_eq!((message.sid, message.index), (None, None));
    let body = "EventType=onConversationAdd&FriendlyName=x&MessagingBinding.Address=whatsapp%3A%2B46701234567&MessagingBinding.ProxyAddress=whatsapp%3A%2B15005550006";
    let asked = read_form(body, None).unwrap();
    assert_eq!(asked.conversation, None);
    let ConversationEventKind::Before(_, Changed::Conversation(conversation)) = asked.kind else {
        panic!("a question")
    };
    assert!(matches!(conversation.binding, Some(Binding::Messaging { .. })));
}

#[test]
fn a_state_and_a_receipt_are_read_by_either_name() {
    let told =
        event("onConversationStateUpdated", &[("StateFrom", "active"), ("StateTo", "inactive"), ("Reason", "TIMER")]);
    let ConversationEventKind::State(state) = told.kind else { panic!("a state") };
    assert_eq!((state.from, state.to), (Some(ConversationState::Active), ConversationState::Inactive));
    for name in ["Status", "DeliveryStatus"] {
        let fields =
            [("MessageSid", MESSAGE), ("DeliveryReceiptSid", RECEIPT), (name, "undelivered"), ("ErrorCode", "30003")];
        let ConversationEventKind::Delivery(delivery) = event("onDeliveryUpdated", &fields).kind else {
            panic!("{name}")
        };
        assert_eq!((delivery.state, delivery.error.as_deref()), (MessageState::Undelivered, Some("30003")));
    }
}

#[test]
fn a_malformed_event_names_the_field_and_a_new_one_is_unknown() {
    let field = |body: &str| read_form(body, None).unwrap_err().field().unwrap().to_owned();
    assert_eq!(field(""), "EventType");
    assert_eq!(field("EventType=onMessageAdded&ConversationSid=CH1"), "ConversationSid");
    assert_eq!(field(&form("onMessageAdded", &[("MessageSid", "IM/..")])), "MessageSid");
    assert_eq!(field(&form("onParticipantRemoved", &[])), "ParticipantSid");
    assert_eq!(field(&form("onConversationStateUpdated", &[("StateTo", "asleep")])), "StateTo");
    assert_eq!(field(&form("onDeliveryUpdated", &[("MessageSid", MESSAGE), ("Status", "lost")])), "Status");
    assert_eq!(event("onUserUpdated", &[]).kind, ConversationEventKind::Unknown);
}

#[test]
fn an_event_is_known_again_by_whom_it_is_about_and_when() {
    let added = |created: &str, token: &str| {
        let fields = [("MessageSid", MESSAGE), ("Index", "1"), ("DateCreated", created)];
        read_form(&form("onMessageAdded", &fields), Some(token)).unwrap().delivery
    };
    assert_eq!(added("2026-11-20T10:00:00Z", "a"), added("2026-11-20T10:00:00Z", "b"));
    let updated = |at: &str| event("onMessageUpdated", &[("MessageSid", MESSAGE), ("DateUpdated", at)]).delivery;
    assert_ne!(updated("2026-11-20T10:00:00Z"), updated("2026-11-20T10:00:01Z"));
    let receipt = |status: &str| {
        let fields = [("MessageSid", MESSAGE), ("DeliveryReceiptSid", RECEIPT), ("Status", status)];
        event("onDeliveryUpdated", &fields).delivery
    };
    assert_eq!(receipt("sent"), receipt("sent"));
    assert_ne!(receipt("sent"), receipt("delivered"));
}

#[test]
fn a_question_is_known_again_by_its_token() {
    let asked = |token: Option<&str>, text: &str| {
        read_form(&form("onMessageAdd", &[("Author", "anna"), ("Body", text)]), token).unwrap().delivery
    };
    assert_ne!(asked(Some("a"), "ja"), asked(Some("b"), "ja"), "the same words written again");
    assert_eq!(asked(Some("a"), "ja"), asked(Some("a"), "ja"));
    assert_ne!(asked(None, "ja"), asked(None, "nej"));
}

#[test]
fn answers_allow_change_and_refuse() {
    assert_eq!((reply(&Answer::Allow).status, reply(&Answer::Allow).body.as_str()), (200, "{}"));
    assert_eq!(reply(&Answer::Refuse).status, 403);
    let change = Answer::ChangeMessage {
        text: Some("Hej då".to_owned()),
        author: None,
        attributes: Some(serde_json::json!({"a": 1})),
    };
    assert_eq!(reply(&change).body, r#"{"attributes":"{\"a\":1}","body":"Hej då"}"#);
    let named = Answer::ChangeConversation { friendly_name: "Order 17".to_owned() };
    assert_eq!(reply(&named).body, r#"{"friendly_name":"Order 17"}"#);
    assert_eq!(format!("{change:?}"), "ChangeMessage");
}

proptest! {
    #[test]
    fn nothing_makes_reading_panic(method in "GET|POST|.{0,4}", target in ".{0,60}", body: Vec<u8>) {
        let _ = read(&WebhookRequest { method: &method, path_and_query: &target, headers: &[], body: &body });
    }

    #[test]
    fn no_field_makes_reading_panic(which in 0..20usize, name in "Media|Index|Attributes|Status|StateTo|DateCreated", value in ".{0,30}") {
        let event = EventType::all().nth(which).map(EventType::name).unwrap_or_default();
        let _ = read_form(&form(&event, &[("MessageSid", MESSAGE), ("ParticipantSid", PARTICIPANT), (&name, &value)]), None);
    }
}
