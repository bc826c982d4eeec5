//! What was said with a person before a call, and what they write while they are in it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::sharing::two;
use super::world::*;
use voicecall_core::dialogue::{Action, Dialogue, DialogueEvent, Past, Scripted};
use voicecall_core::store::{MessageStore, NewIncoming, NewOutgoing, NewSession, Thread};
use voicecall_core::{CallTime, CarrierMessageId, ConversationId, MessageId, PersonKey};

/// Says what it says, and notes what it is told beside the voices.
#[derive(Debug)]
struct Notes {
    told: Arc<Mutex<Vec<String>>>,
    lines: Scripted,
}

impl Notes {
    fn new() -> (Self, Arc<Mutex<Vec<String>>>) {
        let told = Arc::default();
        (Self { told: Arc::clone(&told), lines: Scripted::new(["One."; 20]) }, told)
    }
}

impl Dialogue for Notes {
    fn handle(&mut self, event: &DialogueEvent, now: CallTime, actions: &mut Vec<Action>) {
        if let DialogueEvent::Wrote { text } = event {
            self.told.lock().unwrap().push(text.clone());
        }
        self.lines.handle(event, now, actions);
    }

    fn recall(&mut self, past: &Past) {
        let lines = past.lines.iter().map(|line| format!("{:?} {}: {}", line.speaker, line.channel, line.text));
        self.told.lock().unwrap().extend(lines);
    }
}

impl World {
    fn person(&self) -> PersonKey {
        self.vault.person(self.tenant, &PHONE.parse().unwrap())
    }

    /// Somebody has written before, and got an answer.
    async fn wrote_before(&self) {
        let (address, at) = (PHONE.parse().unwrap(), self.engine.config.clock.now());
        let new = NewSession::inbound_from(&self.vault, self.tenant, Some(&address), at).unwrap();
        let session = NewSession {
            channel: address.channel(),
            conversation: Some(ConversationId::new()),
            person: Some(self.person()),
            ..new
        };
        let thread = Thread { session, carrier: "scripted".to_owned(), idle: Duration::from_secs(60) };
        let message = NewIncoming {
            id: MessageId::new(),
            carrier_id: CarrierMessageId::new("SM1"),
            text: "Call me, please.".to_owned(),
            media: Vec::new(),
            wants_answer: false,
            at,
        };
        self.store.inner.accept_message(&thread, &message).await.unwrap();
        self.store.inner.queue_message(&thread, &NewOutgoing::text("At once.", at)).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_knows_what_was_written_before() {
    let world = World::new();
    world.wrote_before().await;
    let (notes, told) = Notes::new();
    world.desk.will_hold(notes);
    world.connected().await.phone.stop_after(Duration::from_secs(1)).await;
    assert_eq!(*told.lock().unwrap(), ["Caller sms: Call me, please.", "Agent sms: At once."]);
}

#[tokio::test(start_paused = true)]
async fn what_is_written_during_a_call_reaches_it_from_any_process() {
    let (one, other) = two();
    let _tended = one.tended();
    let (notes, told) = Notes::new();
    one.desk.will_hold(notes);
    assert!(!one.engine.wrote(one.tenant, one.person(), "nobody calls").await.unwrap());
    let call = one.connected().await;
    let phone = tokio::spawn(call.phone.stop_after(Duration::from_secs(5)));
    settle().await;
    assert!(one.engine.wrote(one.tenant, one.person(), "here").await.unwrap());
    assert!(other.engine.wrote(one.tenant, one.person(), "elsewhere").await.unwrap());
    let stranger = one.vault.person(one.tenant, &"+46701740699".parse().unwrap());
    assert!(!one.engine.wrote(one.tenant, stranger, "somebody else's").await.unwrap());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(*told.lock().unwrap(), ["here", "elsewhere"]);
    phone.await.unwrap();
    call.run.abort();
}
