//! Conversations: each request as it goes out, each answer as it is read.

use std::time::Duration;

use serde_json::json;
use voicecall_core::ErrorKind;
use voicecall_core::messaging::MessageState;
use voicecall_twilio::TwilioConversations;
use voicecall_twilio::conversations::{
    Action, Binding, ConversationQuery, ConversationSettings, ConversationSid, ConversationState, EventType, MediaSid,
    MessageSid, NewConversationWebhook, NewMessage, NewParticipant, ParticipantSettings, ParticipantSid, Share,
    Subject, WebhookSettings,
};

use crate::field;
use crate::support::{Answer, Emulator, builder};

const SERVICE: &str = "IS0123456789abcdef0123456789abcdef";

fn sid(prefix: &str, number: u32) -> String {
    format!("{prefix}{number:032x}")
}

fn conversation() -> ConversationSid {
    sid("CH", 1).parse().unwrap()
}

async fn scripted(answers: impl IntoIterator<Item = Answer>) -> (TwilioConversations, Emulator) {
    let (emulator, address) = Emulator::start(answers).await;
    (builder(address).build_conversations().unwrap(), emulator)
}

fn conversation_json(number: u32, state: &str) -> String {
    json!({
        "sid": sid("CH", number), "account_sid": "AC1", "chat_service_sid": SERVICE, "friendly_name": "Anna's order",
        "unique_name": "order-17", "attributes": "{\"a\":1}", "state": state,
        "timers": {"date_inactive": "2026-11-20T11:00:00Z"}, "date_created": "2026-11-20T10:00:00Z",
        "date_updated": "2026-11-20T10:00:01Z", "bindings": {}, "url": "", "links": {},
    })
    .to_string()
}

fn message_json(index: u32) -> serde_json::Value {
    json!({
        "sid": sid("IM", index), "index": index, "author": "anna", "body": format!("word {index}"), "media": null,
        "participant_sid": null, "attributes": "{}", "delivery": null, "date_created": "2026-11-20T10:00:00Z",
        "date_updated": null,
    })
}

fn page(key: &str, entries: Vec<serde_json::Value>, next: Option<String>) -> Answer {
    Answer::new(200, json!({"meta": {"next_page_url": next, "key": key}, key: entries}).to_string())
}

#[tokio::test]
async fn making_a_conversation_sends_what_was_set_and_reads_what_was_made() {
    let (twilio, emulator) = scripted([Answer::new(201, conversation_json(1, "active"))]).await;
    let mut settings = ConversationSettings::named("order-17");
    settings.friendly_name = Some("Anna's order".to_owned());
    settings.attributes = Some(json!({"a": 1}));
    (settings.inactive_after, settings.closed_after) =
        (Some(Duration::from_secs(60)), Some(Duration::from_secs(86_400)));

    let made = twilio.create(&settings).await.unwrap();

    assert_eq!((made.sid, made.state), (conversation(), ConversationState::Active));
    assert_eq!(made.inactive_at.unwrap().to_string(), "2026-11-20T11:00:00Z");
    assert_eq!((made.closed_at, &made.attributes["a"]), (None, &json!(1)));
    let [seen] = &emulator.seen()[..] else { panic!("one request") };
    assert_eq!((&*seen.method, &*seen.target), ("POST", "/v1/Conversations"));
    let expected = [
        ("FriendlyName", "Anna's order"),
        ("UniqueName", "order-17"),
        ("Attributes", "{\"a\":1}"),
        ("Timers.Inactive", "PT60S"),
        ("Timers.Closed", "PT86400S"),
    ];
    assert_eq!(seen.fields, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(seen.webhook_enabled, "");
}

#[tokio::test]
async fn a_service_is_in_every_address_and_webhooks_are_told_only_if_asked_for() {
    let answers = || [Answer::new(201, conversation_json(1, "active")), Answer::new(204, "")];
    let (emulator, address) = Emulator::start(answers().into_iter().chain(answers())).await;
    let quiet = builder(address).conversation_service(SERVICE).build_conversations().unwrap();
    for twilio in [quiet.clone(), quiet.with_webhooks()] {
        twilio.create(&ConversationSettings::default()).await.unwrap();
        twilio.delete(&conversation()).await.unwrap();
    }
    let seen = emulator.seen();
    assert_eq!(seen[0].target, format!("/v1/Services/{SERVICE}/Conversations"));
    assert_eq!(seen[1].target, format!("/v1/Services/{SERVICE}/Conversations/{}", conversation()));
    let told: Vec<&str> = seen.iter().map(|seen| seen.webhook_enabled.as_str()).collect();
    assert_eq!(told, ["", "", "true", "true"]);
}

#[tokio::test]
async fn a_unique_name_is_one_part_of_an_address_whatever_is_in_it() {
    let (twilio, emulator) = scripted([Answer::new(200, conversation_json(1, "closed"))]).await;
    let found = twilio.fetch_named("a/b?c#d å").await.unwrap();
    assert_eq!(found.state, ConversationState::Closed);
    assert_eq!(emulator.seen()[0].target, "/v1/Conversations/a%2Fb%3Fc%23d%20%C3%A5");
    for wrong in ["", ".", "..", &sid("CH", 1), &"x".repeat(257)] {
        assert_eq!(twilio.fetch_named(wrong).await.unwrap_err().field(), Some("unique_name"), "{wrong}");
    }
    assert_eq!(emulator.seen().len(), 1);
}

#[tokio::test]
async fn conversations_are_listed_by_state_page_by_page() {
    let next = "https://conversations.twilio.com/v1/Conversations?State=active&PageSize=2&Page=1&PageToken=PA1";
    let entry = |number| serde_json::from_str(&conversation_json(number, "active")).unwrap();
    let (twilio, emulator) = scripted([
        page("conversations", vec![entry(1), entry(2)], Some(next.to_owned())),
        page("conversations", vec![entry(3)], None),
    ])
    .await;
    let mut query = ConversationQuery::default();
    (query.state, query.page_size) = (Some(ConversationState::Active), 2);
    let first = twilio.list(&query).await.unwrap();
    query.page = first.next;
    let last = twilio.list(&query).await.unwrap();
    assert_eq!((first.conversations.len(), last.conversations.len(), last.next.is_none()), (2, 1, true));
    let seen = emulator.seen();
    assert_eq!(seen[0].target, "/v1/Conversations?PageSize=2&State=active");
    assert_eq!(seen[1].target, "/v1/Conversations?State=active&PageSize=2&Page=1&PageToken=PA1");
}

#[tokio::test]
async fn credentials_go_to_no_page_elsewhere() {
    for next in ["https://evil.example/v1/Conversations?Page=1", "https://api.twilio.com/v1/Other?Page=1", "no address"]
    {
        let (twilio, emulator) = scripted([page("participants", Vec::new(), Some(next.to_owned()))]).await;
        let error = twilio.participants(&conversation()).await.unwrap_err();
        assert_eq!((error.kind(), emulator.seen().len()), (ErrorKind::Protocol, 1), "{next}");
    }
}

#[tokio::test]
async fn what_twilio_would_refuse_is_not_sent() {
    let (twilio, emulator) = scripted([]).await;
    let (phone, whatsapp) = ("+46701234567".parse().unwrap(), "whatsapp:+15005550006".parse().unwrap());
    type Change = fn(&mut ConversationSettings);
    let refused: [(&str, Change); 4] = [
        ("friendly_name", |it| it.friendly_name = Some("x".repeat(257))),
        ("unique_name", |it| it.unique_name = Some(String::new())),
        ("inactive_after", |it| it.inactive_after = Some(Duration::from_secs(59))),
        ("closed_after", |it| it.closed_after = Some(Duration::from_secs(599))),
    ];
    for (field, change) in refused {
        let mut settings = ConversationSettings::default();
        change(&mut settings);
        assert_eq!(twilio.create(&settings).await.unwrap_err().field(), Some(field));
    }
    let refused = [
        ("proxy", NewParticipant::messaging(phone, whatsapp)),
        ("address", NewParticipant::messaging("sip:a@b.se".parse().unwrap(), "sip:c@b.se".parse().unwrap())),
        ("identity", NewParticipant::chat("")),
    ];
    for (field, participant) in refused {
        assert_eq!(twilio.add_participant(&conversation(), &participant).await.unwrap_err().field(), Some(field));
    }
    for (field, message) in [
        ("text", NewMessage::text("anna", "")),
        ("text", NewMessage::text("anna", "x".repeat(1601))),
        ("author", NewMessage::text("", "Hej")),
    ] {
        assert_eq!(twilio.send(&conversation(), &message).await.unwrap_err().field(), Some(field));
    }
    let url: url::Url = "https://calls.example/c".parse().unwrap();
    let asked = NewConversationWebhook::new(url.clone(), [EventType::Before(Subject::Message, Action::Add)]);
    assert_eq!(twilio.add_webhook(&conversation(), &asked).await.unwrap_err().field(), Some("events"));
    let odd = NewConversationWebhook::new("https://my_calls.example".parse().unwrap(), [EventType::StateUpdated]);
    assert_eq!(twilio.add_webhook(&conversation(), &odd).await.unwrap_err().field(), Some("url"));
    for (content_type, bytes, field) in [("image", vec![1], "content_type"), ("image/png", Vec::new(), "media")] {
        assert_eq!(twilio.upload(content_type, bytes).await.unwrap_err().field(), Some(field));
    }
    assert!(emulator.seen().is_empty());
}

#[tokio::test]
async fn participants_are_of_chat_sms_or_whatsapp() {
    let chat = json!({"sid": sid("MB", 1), "identity": "anna", "messaging_binding": null, "attributes": "{}", "last_read_message_index": 3});
    let sms = json!({"sid": sid("MB", 2), "identity": null, "messaging_binding": {"type": "sms", "address": "+46701234567", "proxy_address": "+15005550006"}});
    let other = json!({"sid": sid("MB", 3), "messaging_binding": {"type": "messenger", "address": "messenger:1", "proxy_address": "messenger:2"}});
    let added = |value: &serde_json::Value| Answer::new(201, value.to_string());
    let (twilio, emulator) = scripted([
        added(&chat),
        added(&sms),
        page("participants", vec![chat.clone(), sms.clone(), other], None),
        added(&sms),
    ])
    .await;
    let messaging = NewParticipant::messaging("+46701234567".parse().unwrap(), "+15005550006".parse().unwrap());
    twilio.add_participant(&conversation(), &NewParticipant::chat("anna")).await.unwrap();
    let added = twilio.add_participant(&conversation(), &messaging).await.unwrap();
    assert_eq!(added.binding, Some(messaging.binding));
    let all = twilio.participants(&conversation()).await.unwrap();
    assert!(matches!(all[0].binding, Some(Binding::Chat(_))) && all[2].binding.is_none());
    assert_eq!(all[0].last_read, Some(3));
    assert!(!format!("{all:?}").contains("anna") && !format!("{all:?}").contains("701234567"));
    let mut change = ParticipantSettings::default();
    change.last_read = Some(9);
    twilio
        .update_participant(&conversation(), &sid("MB", 2).parse::<ParticipantSid>().unwrap(), &change)
        .await
        .unwrap();
    let seen = emulator.seen();
    assert_eq!(seen[0].fields, [("Identity".to_owned(), "anna".to_owned())]);
    assert_eq!(field(&seen[1].fields, "MessagingBinding.ProxyAddress"), ["+15005550006"]);
    assert_eq!(seen[3].fields, [("LastReadMessageIndex".to_owned(), "9".to_owned())]);
    assert_eq!(seen[3].target, format!("/v1/Conversations/{}/Participants/{}", conversation(), sid("MB", 2)));
}

#[tokio::test]
async fn messages_are_in_order_from_an_index_and_no_older_page_is_read() {
    let list = format!("/v1/Conversations/{}/Messages", conversation());
    let next =
        |number: u32| Some(format!("https://conversations.twilio.com{list}?Order=desc&PageSize=100&Page={number}"));
    let (twilio, emulator) = scripted([
        page("messages", [9, 8, 7].map(message_json).into(), next(1)),
        // One was written meanwhile.
        page("messages", [7, 6, 4].map(message_json).into(), next(2)),
    ])
    .await;
    let found = twilio.messages(&conversation(), 5).await.unwrap();
    let indices: Vec<u64> = found.iter().map(|message| message.index).collect();
    assert_eq!(indices, [6, 7, 8, 9]);
    assert!(!format!("{found:?}").contains("word"));
    let targets: Vec<String> = emulator.seen().iter().map(|seen| seen.target.clone()).collect();
    assert_eq!(targets, [format!("{list}?Order=desc&PageSize=100"), format!("{list}?Order=desc&PageSize=100&Page=1")]);
}

#[tokio::test]
async fn a_message_has_its_media_its_summary_and_its_receipts() {
    let mut message = message_json(3);
    message["media"] = json!([{"sid": sid("ME", 5), "size": 42056, "content_type": "image/jpeg", "filename": "a.jpg"}]);
    message["delivery"] = json!({"total": 2, "sent": "all", "delivered": "some", "read": "none", "failed": "none", "undelivered": "none"});
    let receipt = json!({"sid": sid("DY", 6), "status": "undelivered", "error_code": 30003, "channel_message_sid": sid("SM", 7), "participant_sid": sid("MB", 2)});
    let (twilio, emulator) =
        scripted([Answer::new(201, message.to_string()), page("delivery_receipts", vec![receipt], None)]).await;
    let media: MediaSid = sid("ME", 5).parse().unwrap();
    let sent = twilio.send(&conversation(), &NewMessage::text("anna", "").with_media(media.clone())).await.unwrap();
    assert_eq!((&sent.media[0].sid, sent.media[0].size), (&media, Some(42_056)));
    let delivery = sent.delivery.unwrap();
    assert_eq!(
        (delivery.total, delivery.sent, delivery.delivered, delivery.read),
        (2, Share::All, Share::Some, Share::None)
    );
    let receipts = twilio.receipts(&conversation(), &sid("IM", 3).parse::<MessageSid>().unwrap()).await.unwrap();
    assert_eq!((receipts[0].state, receipts[0].error.as_deref()), (MessageState::Undelivered, Some("30003")));
    assert!(field(&emulator.seen()[0].fields, "Body").is_empty());
    assert_eq!(field(&emulator.seen()[0].fields, "MediaSid"), [media.as_str()]);
}

#[tokio::test]
async fn each_refusal_has_its_kind_and_nothing_is_sent_twice() {
    for (answer, kind, name) in [
        (Answer::error(404, 20404), ErrorKind::NotFound, None),
        (Answer::error(409, 50353), ErrorKind::Conflict, Some("unique_name")),
        (Answer::error(409, 50433), ErrorKind::Conflict, Some("participant")),
        (Answer::error(409, 50416), ErrorKind::Conflict, Some("address")),
        (Answer::error(400, 50377), ErrorKind::Closed, None),
        (Answer::error(400, 50407), ErrorKind::Invalid, Some("address")),
        (Answer::error(403, 20403), ErrorKind::Forbidden, None),
        (Answer::error(500, 20500), ErrorKind::UnknownOutcome, None),
        (Answer::new(201, "not json"), ErrorKind::UnknownOutcome, None),
        (Answer::new(201, r#"{"sid":"../x"}"#), ErrorKind::UnknownOutcome, None),
    ] {
        let (twilio, emulator) = scripted([answer.clone()]).await;
        let error = twilio.send(&conversation(), &NewMessage::text("anna", "Hej")).await.unwrap_err();
        assert_eq!((error.kind(), error.field()), (kind, name), "{answer:?}");
        assert_eq!((error.operation(), emulator.seen().len()), ("send to conversation", 1));
        assert!(!format!("{error:?}").contains("4670123"));
    }
}

#[tokio::test(start_paused = true)]
async fn too_much_is_repeated_and_the_wait_that_is_asked_for_kept() {
    let answers = [Answer::error(429, 20429).header("Retry-After", "3"), Answer::new(201, message_json(0).to_string())];
    let (twilio, emulator) = scripted(answers).await;
    let started = tokio::time::Instant::now();
    twilio.send(&conversation(), &NewMessage::text("anna", "Hej")).await.unwrap();
    assert_eq!(emulator.seen().len(), 2);
    assert!(started.elapsed() >= Duration::from_secs(3));
}

#[tokio::test]
async fn a_medium_goes_to_the_default_service_and_comes_back_within_its_limit() {
    let media = json!({"sid": sid("ME", 5), "size": 3, "content_type": "image/png", "file_name": null}).to_string();
    let answers = [
        Answer::new(200, json!({"default_chat_service_sid": SERVICE}).to_string()),
        Answer::new(201, media.clone()),
        Answer::new(200, json!({"default_chat_service_sid": SERVICE}).to_string()),
        Answer::new(200, "png"),
        Answer::new(200, json!({"default_chat_service_sid": SERVICE}).to_string()),
        Answer::new(200, "png and more"),
    ];
    let (twilio, emulator) = scripted(answers).await;
    let taken = twilio.upload("image/png", b"png".to_vec()).await.unwrap();
    assert_eq!((taken.size, taken.content_type.as_deref()), (Some(3), Some("image/png")));
    assert_eq!(twilio.media_content(&taken.sid, 3).await.unwrap(), b"png");
    assert_eq!(twilio.media_content(&taken.sid, 3).await.unwrap_err().field(), Some("media"));
    let seen = emulator.seen();
    assert_eq!(seen[0].target, "/v1/Configuration");
    assert_eq!((&*seen[1].target, &*seen[1].content_type), (&*format!("/v1/Services/{SERVICE}/Media"), "image/png"));
    assert_eq!(seen[3].target, format!("/v1/Services/{SERVICE}/Media/{}/Content", taken.sid));
}

#[tokio::test]
async fn webhooks_of_a_conversation_and_of_all_are_set_and_read() {
    let webhook = json!({"sid": sid("WH", 8), "target": "webhook", "configuration": {"url": "https://calls.example/c", "method": "post", "filters": ["onMessageAdded", "onNewThing"]}, "date_created": null});
    let settings = json!({"pre_webhook_url": "https://calls.example/before", "post_webhook_url": null, "method": "POST", "filters": ["onMessageAdd"], "target": "webhook"});
    let (twilio, emulator) = scripted([
        Answer::new(201, webhook.to_string()),
        page("webhooks", vec![webhook], None),
        Answer::new(200, settings.to_string()),
        Answer::new(200, settings.to_string()),
    ])
    .await;
    let after = EventType::After(Subject::Message, Action::Add);
    let wanted =
        NewConversationWebhook::new("https://calls.example/c".parse().unwrap(), [after, EventType::DeliveryUpdated]);
    assert_eq!(twilio.add_webhook(&conversation(), &wanted).await.unwrap().events, [after]);
    assert_eq!(twilio.webhooks(&conversation()).await.unwrap().len(), 1);
    let mut all = WebhookSettings::default();
    all.before_url = Some("https://calls.example/before".parse().unwrap());
    all.events = vec![EventType::Before(Subject::Message, Action::Add)];
    assert_eq!(twilio.set_webhook_settings(&all).await.unwrap(), all);
    assert_eq!(twilio.webhook_settings().await.unwrap(), all);
    let seen = emulator.seen();
    assert_eq!(field(&seen[0].fields, "Configuration.Filters"), ["onMessageAdded", "onDeliveryUpdated"]);
    assert_eq!(seen[2].target, "/v1/Configuration/Webhooks");
    assert_eq!(
        (field(&seen[2].fields, "PreWebhookUrl"), field(&seen[2].fields, "PostWebhookUrl")),
        (vec!["https://calls.example/before"], vec![""])
    );
}
