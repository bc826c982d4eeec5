//! Who wants no more messages.

use voicecall_core::ErrorKind;
use voicecall_core::store::OPTED_OUT;

use super::world::*;
use crate::Outgoing;

#[tokio::test(start_paused = true)]
async fn who_writes_stop_gets_one_more_message_and_then_none() {
    let (world, model) = World::new(says(["Hello!", "Hello again!"]));
    let theirs = world.messenger.conversations(world.bakery.tenant);
    world.write(ANNA, "Hi").await;
    world.wait(2).await;
    world.write(ANNA, "STOPP!").await;
    world.wait(60).await;
    let stopped = world.config.opt_out.stopped.clone().unwrap();
    assert_eq!(world.carrier.texts(), ["Hello!".to_owned(), stopped]);
    let refused = theirs.send(Outgoing::text(ANNA.parse().unwrap(), "Cake!")).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Conflict, Some(OPTED_OUT)));
    theirs.send(Outgoing::text(ANNA_WHATSAPP.parse().unwrap(), "Cake!")).await.unwrap();
    assert_eq!(model.requests().len(), 1, "no model decides about it");
    world.wait(5).await;
    let sent = world.carrier.requests();
    world.write_with(ANNA, "application/pdf", "").await;
    world.wait(5).await;
    assert_eq!(world.carrier.requests(), sent, "not even that a file was refused");

    world.write(ANNA, "Start").await;
    world.write(ANNA, "Hi again").await;
    world.wait(60).await;
    assert_eq!(world.carrier.texts().last().unwrap(), "Hello again!");
}

#[tokio::test(start_paused = true)]
async fn an_answer_under_way_is_not_sent_to_who_says_stop_meanwhile() {
    let slow = voicecall_core::testing::Script::new()
        .pause(std::time::Duration::from_secs(10))
        .item(voicecall_core::model::ChatDelta::Text("An offer!".to_owned()));
    let (world, _) = World::new(voicecall_core::testing::ScriptedModel::new().with_script(slow));
    world.write(ANNA, "Hi").await;
    world.wait(2).await;
    world.write(ANNA, "stop").await;
    world.wait(60).await;
    assert_eq!(world.carrier.texts(), [world.config.opt_out.stopped.clone().unwrap()]);
    let failed = world.messages().await.into_iter().find(|message| message.text == "An offer!").unwrap();
    assert_eq!(failed.error.as_deref(), Some(OPTED_OUT));
}
