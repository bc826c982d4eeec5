//! Each message is sent once, whatever becomes of the request, and what is known of it is kept.

use std::sync::Arc;

use voicecall_core::ErrorKind;
use voicecall_core::messaging::MessageState;
use voicecall_core::store::Message;

use super::carrier::Send;
use super::world::*;
use crate::{MessageEvent, MessageKey, Outgoing, WebhookOf};

async fn send(world: &World, text: &str) -> Message {
    let theirs = world.messenger.conversations(world.bakery.tenant);
    theirs.send(Outgoing::text(ANNA.parse().unwrap(), text)).await.unwrap()
}

async fn state(world: &World, message: &Message) -> MessageState {
    world.messenger.conversations(world.bakery.tenant).message(message.id).await.unwrap().state
}

fn silent() -> World {
    World::new(says([])).0
}

#[tokio::test(start_paused = true)]
async fn a_busy_carrier_is_asked_again_and_the_order_is_kept() {
    let world = silent();
    world.carrier.then([Send::Fails(ErrorKind::RateLimited), Send::Fails(ErrorKind::Unavailable)]);
    for text in ["one", "two", "three"] {
        send(&world, text).await;
    }
    world.wait(30).await;
    assert_eq!(world.carrier.texts(), ["one", "two", "three"]);
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_stays_away_is_given_up_after_an_hour() {
    let world = silent();
    world.carrier.then(std::iter::repeat_n(Send::Fails(ErrorKind::Unavailable), 2000));
    let message = send(&world, "one").await;
    world.wait(3500).await;
    assert_eq!(state(&world, &message).await, MessageState::Queued);
    world.wait(200).await;
    assert_eq!(state(&world, &message).await, MessageState::Failed);
}

#[tokio::test(start_paused = true)]
async fn what_the_carrier_refuses_has_failed_and_the_next_goes_out() {
    let world = silent();
    world.carrier.then([Send::Fails(ErrorKind::Rejected)]);
    let (first, second) = (send(&world, "one").await, send(&world, "two").await);
    world.wait(5).await;
    assert_eq!(world.carrier.texts(), ["two"]);
    let failed = world.messenger.conversations(world.bakery.tenant).message(first.id).await.unwrap();
    assert_eq!((failed.state, failed.error.as_deref()), (MessageState::Failed, Some("30000")));
    assert_eq!(state(&world, &second).await, MessageState::Sent);
}

#[tokio::test(start_paused = true)]
async fn a_message_of_which_nobody_knows_is_looked_for_and_never_sent_again() {
    let world = silent();
    world.carrier.then([Send::Lost, Send::Unsent]);
    let (first, second) = (send(&world, "one").await, send(&world, "two").await);
    world.wait(10).await;
    assert_eq!(state(&world, &first).await, MessageState::Unknown);
    world.wait(60).await;
    assert_eq!(state(&world, &first).await, MessageState::Sent);
    assert_eq!(state(&world, &second).await, MessageState::Unknown);
    world.wait(700).await;
    assert_eq!(state(&world, &second).await, MessageState::Failed);
    assert_eq!((world.carrier.texts(), world.carrier.requests()), (vec!["one".to_owned()], 2));
}

#[tokio::test(start_paused = true)]
async fn a_key_sends_one_message() {
    let world = silent();
    let theirs = world.messenger.conversations(world.bakery.tenant);
    for text in ["one", "two"] {
        let message = Outgoing::text(ANNA.parse().unwrap(), text).key("order-17");
        theirs.send(message).await.unwrap();
    }
    world.wait(30).await;
    assert_eq!(world.carrier.texts(), ["one"]);
}

#[tokio::test(start_paused = true)]
async fn reports_are_believed_in_any_order_and_watched() {
    let world = silent();
    let mut watched = world.messenger.conversations(world.bakery.tenant).watch(None);
    let message = send(&world, "one").await;
    world.wait(2).await;
    let (name, order) = world.carrier.last_order();
    let url = order.report_url.unwrap();
    let key: MessageKey = url.path_segments().unwrap().nth(1).unwrap().parse().unwrap();
    assert_eq!((key.message, url.path().ends_with("/report")), (message.id, true));
    for report in ["read", "delivered", "sent", "read"] {
        world.deliver_about(WebhookOf::Message(key), &format!("secret|report|{name}|{report}")).await.unwrap();
    }
    assert_eq!(state(&world, &message).await, MessageState::Read);
    // About a message that is none of ours, or another's name: nothing to be learnt, and no reason to deliver it again.
    let stranger = MessageKey { message: voicecall_core::MessageId::new(), ..key };
    world.deliver_about(WebhookOf::Message(stranger), "secret|report|X|read").await.unwrap();
    world.deliver_about(WebhookOf::Message(key), "secret|report|X|failed").await.unwrap();
    assert_eq!(state(&world, &message).await, MessageState::Read);
    let mut states = Vec::new();
    for _ in 0..3 {
        let event = watched.next().await.unwrap();
        assert!(matches!(&event, MessageEvent::Queued(_) | MessageEvent::Changed(_)));
        states.push(event.message().state);
    }
    assert_eq!(states, [MessageState::Queued, MessageState::Sent, MessageState::Read]);
}

#[tokio::test(start_paused = true)]
async fn what_no_account_can_send_is_refused_with_its_field() {
    let world = silent();
    let theirs = world.messenger.conversations(world.bakery.tenant);
    let refused = |message: Outgoing| async { theirs.send(message).await.unwrap_err() };
    let mail = refused(Outgoing::text("mailto:a@b.se".parse().unwrap(), "hej")).await;
    assert_eq!(mail.field(), Some("from"));
    assert_eq!(refused(Outgoing::text(ANNA.parse().unwrap(), " ")).await.field(), Some("text"));
    assert_eq!(refused(Outgoing::text(ANNA.parse().unwrap(), "x".repeat(201))).await.field(), Some("text"));
    let mut foreign = Outgoing::text(ANNA.parse().unwrap(), "hej");
    foreign.from = Some("+46799999999".parse().unwrap());
    assert_eq!(refused(foreign).await.field(), Some("from"));
    world.wait(5).await;
    assert_eq!(world.carrier.requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn several_processes_share_the_work_and_double_nothing() {
    let model: Arc<_> = Arc::new((0..40).fold(says([]), |model, _| model.with_answer(["Yes."])));
    let world = World::with_dialogue(|| voicecall_core::dialogue::LlmDialogue::new("x"), model);
    let others: Vec<_> = (0..3)
        .map(|_| {
            let other = world.another();
            tokio::spawn(async move { other.run_background(std::future::pending()).await })
        })
        .collect();
    world.carrier.then((0..80).map(|number| if number % 7 == 0 { Send::Lost } else { Send::Slow(1) }));
    for number in 0..40 {
        world.write(&format!("+467017406{number:02}"), "Open?").await;
    }
    world.wait(120).await;
    let mut sent = world.carrier.sent();
    assert_eq!(sent.len(), 40);
    sent.dedup();
    assert_eq!((sent.len(), world.carrier.requests()), (40, 40));
    others.iter().for_each(tokio::task::JoinHandle::abort);
}
