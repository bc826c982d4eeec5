//! What receivers of webhooks get, and what becomes of those that do not take it.

use std::time::Duration;

use secrecy::ExposeSecret;
use voicecall_core::ErrorKind;
use voicecall_core::event::EventType;
use voicecall_core::store::{RunState, SubscriptionState};

use super::world::*;
use crate::*;

const CRM: &str = "crm.example";

async fn subscribed(hosts: &[&str]) -> World {
    let world = World::patient([]).await;
    for host in hosts {
        let url = format!("https://{host}/hooks").parse().unwrap();
        world.workflows.subscriptions(world.tenant).add(url, [EventType::CallInitiated]).await.unwrap();
    }
    world
}

fn header<'a>(post: &'a WebhookPost, name: &str) -> &'a str {
    &post.headers.iter().find(|(own, _)| *own == name).unwrap().1
}

#[tokio::test(start_paused = true)]
async fn a_receiver_gets_each_event_once_signed() {
    let world = subscribed(&[CRM]).await;
    world.call().await;
    world.call_of(voicecall_core::TenantId::new()).await;
    wait(1).await;
    let got = world.receivers.got(CRM);
    assert_eq!(got.len(), 1, "of its kinds, of its tenant");
    let post = &got[0].0;
    let run = world.run().await;
    assert_eq!((run.state, header(post, "webhook-id")), (RunState::Done, run.event.id.to_string().as_str()));
    let body: serde_json::Value = serde_json::from_str(&post.body).unwrap();
    assert_eq!((&body["type"], &body["data"]["status"]), (&"call.initiated".into(), &"initiated".into()));
    let row = &world.workflows.subscriptions(world.tenant).list().await.unwrap()[0];
    let secret = world.workflows.subscriptions(world.tenant).secret(row.id).await.unwrap();
    assert!(secret.expose_secret().starts_with("whsec_"));
    let seconds: i64 = header(post, "webhook-timestamp").parse().unwrap();
    let expected = crate::webhook::sign(&[secret], header(post, "webhook-id"), seconds, &post.body).unwrap();
    assert_eq!(header(post, "webhook-signature"), expected);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_take_it_is_asked_again_under_the_same_id_and_given_up_after_a_day_or_so() {
    let world = subscribed(&[CRM, "other.example"]).await;
    world.receivers.then(CRM, std::iter::repeat_n(Receives::Answers(500), 99));
    world.call().await;
    wait(60 * 3600).await;
    let got = world.receivers.got(CRM);
    assert_eq!(got.len(), 16);
    assert!(got.iter().all(|(post, _)| header(post, "webhook-id") == header(&got[0].0, "webhook-id")));
    assert_ne!(header(&got[0].0, "webhook-timestamp"), header(&got[15].0, "webhook-timestamp"));
    let took = got[15].1 - got[0].1;
    assert!((11 * 3600..25 * 3600).contains(&took.as_secs()), "{took:?}");
    let dead = world.workflows.runs(world.tenant).dead_letters(Default::default()).await.unwrap();
    assert_eq!((dead.total, dead.items[0].steps["deliver"].attempts), (1, 16));
    assert_eq!(world.receivers.got("other.example").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_asks_to_wait_is_waited_for() {
    let world = subscribed(&[CRM]).await;
    world.receivers.then(CRM, [Receives::AsksToWait(600)]);
    world.call().await;
    wait(720).await;
    let got = world.receivers.got(CRM);
    assert_eq!(got.len(), 2);
    assert!((got[1].1 - got[0].1) >= Duration::from_secs(600));
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_gone_gets_no_more() {
    let world = subscribed(&[CRM]).await;
    world.receivers.then(CRM, [Receives::Answers(410)]);
    world.call().await;
    wait(1).await;
    world.call().await;
    wait(60).await;
    assert_eq!(world.receivers.got(CRM).len(), 1);
    let subscriptions = world.workflows.subscriptions(world.tenant);
    let row = subscriptions.list().await.unwrap().remove(0);
    assert_eq!(row.state, SubscriptionState::Disabled);
    subscriptions.set_state(row.id, SubscriptionState::Active).await.unwrap();
    world.call().await;
    wait(1).await;
    assert_eq!(world.receivers.got(CRM).len(), 2);
    subscriptions.remove(row.id).await.unwrap();
    world.call().await;
    wait(1).await;
    assert_eq!(world.receivers.got(CRM).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_slow_receiver_delays_nobody_elses() {
    let world = subscribed(&["slow.example", CRM]).await;
    world.receivers.then("slow.example", std::iter::repeat_n(Receives::Hangs, 10_000));
    for _ in 0..300 {
        world.call().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    wait(1).await;
    assert_eq!(world.receivers.got(CRM).len(), 300);
    assert_eq!(world.receivers.got("slow.example").len(), 4, "so many at once and no more");
}

#[tokio::test(start_paused = true)]
async fn while_a_secret_is_changed_both_sign() {
    let world = subscribed(&[CRM]).await;
    let subscriptions = world.workflows.subscriptions(world.tenant);
    let id = subscriptions.list().await.unwrap()[0].id;
    let before = subscriptions.secret(id).await.unwrap();
    let after = subscriptions.rotate_secret(id).await.unwrap();
    assert_ne!(before.expose_secret(), after.expose_secret());
    world.call().await;
    wait(1).await;
    wait(25 * 3600).await;
    world.call().await;
    wait(1).await;
    let got = world.receivers.got(CRM);
    let signed = |post: &WebhookPost, secrets: &[WebhookSecret]| {
        let seconds = header(post, "webhook-timestamp").parse().unwrap();
        crate::webhook::sign(secrets, header(post, "webhook-id"), seconds, &post.body).unwrap()
    };
    assert_eq!(header(&got[0].0, "webhook-signature"), signed(&got[0].0, &[after.clone(), before]));
    assert_eq!(header(&got[1].0, "webhook-signature"), signed(&got[1].0, &[after]));
}

#[tokio::test(start_paused = true)]
async fn nobody_subscribes_to_what_only_we_can_reach_or_without_end() {
    let world = subscribed(&[]).await;
    let subscriptions = world.workflows.subscriptions(world.tenant);
    for url in ["https://10.0.0.1/", "http://crm.example/", "https://localhost/"] {
        let refused = subscriptions.add(url.parse().unwrap(), []).await.unwrap_err();
        assert_eq!((refused.kind(), refused.field()), (ErrorKind::Invalid, Some("url")), "{url}");
    }
    for _ in 0..20 {
        subscriptions.add("https://crm.example/".parse().unwrap(), []).await.unwrap();
    }
    let refused = subscriptions.add("https://crm.example/".parse().unwrap(), []).await.unwrap_err();
    assert_eq!(refused.field(), Some("subscriptions"));
}
