//! What follows from calls and messages.

use std::time::Duration;

use serde_json::json;
use voicecall::Address;
use voicecall::event::{Event, EventType};
use voicecall::messaging::{Conversations, Outgoing};
use voicecall::workflow::{Retry, Step, StepRun, Workflow};

/// After a call the owner gets a text about it.
pub(crate) fn tell_owner(conversations: Conversations, owner: Address) -> Workflow {
    let outcome = Step::new("outcome", async |run: StepRun| {
        let seconds = run.event.data["durationSeconds"].as_u64().unwrap_or_default();
        Ok(format!("A call of {seconds} s has ended: {}.", run.event.data["reason"].as_str().unwrap_or("done")))
    });
    let text = Step::new("text", move |run: StepRun| {
        let (conversations, owner) = (conversations.clone(), owner.clone());
        async move {
            // Under the step's key, so that it is sent once whatever process dies when.
            let text = Outgoing::text(owner, run.output::<String>("outcome")?).key(run.key);
            println!("workflow: the owner is told by text");
            Ok(json!({ "message": conversations.send(text).await?.id }))
        }
    });
    Workflow::new("tell_owner").on(EventType::CallCompleted).step(outcome).step(text.after(["outcome"]))
}

/// A text that does not reach the owner is tried at this address on WhatsApp.
pub(crate) fn try_another_channel(conversations: Conversations, owner: Address) -> Workflow {
    let again = Step::new("again", move |run: StepRun| {
        let (conversations, owner) = (conversations.clone(), owner.clone());
        async move {
            println!("workflow: a text was not delivered, tried over WhatsApp");
            let words = "A call has ended, and a text about it did not reach you.";
            conversations.send(Outgoing::text(owner, words).key(run.key)).await.map(|message| message.id)
        }
    });
    Workflow::new("try_another_channel")
        .on(EventType::MessageDeliveryUpdated)
        .when(|event| is_lost(event) && event.data["channel"] == "sms")
        .step(again)
}

/// Somebody is alerted of what reached nobody over any channel.
pub(crate) fn alert() -> Workflow {
    let page = Step::new("page", async |run: StepRun| {
        // Such as a request to whoever is on duty; where it is away, it is asked again.
        let error = run.event.data["error"].as_str().unwrap_or("unknown");
        println!("workflow: ALERT, a message reached nobody ({error}), attempt {}", run.attempt);
        Ok(())
    });
    Workflow::new("alert")
        .on(EventType::MessageDeliveryUpdated)
        .when(|event| is_lost(event) && event.data["channel"] == "whatsapp")
        .step(page.retry(Retry::times(5).first(Duration::from_secs(2))))
}

fn is_lost(event: &Event) -> bool {
    matches!(event.data["state"].as_str(), Some("undelivered" | "failed"))
}
