//! Calls that are offered to somebody who hears of them first: taken, left to us, and whatever comes between.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::sharing::two;
use super::world::*;
use crate::CallKey;
use voicecall_core::carrier::{
    CallFlow, CallStatus, CallStep, CarrierEvent, CarrierEventKind, Dial, Gathered, Say, VoiceCapabilities,
    WebhookReply,
};
use voicecall_core::dialogue::{Action, Dialogue, DialogueEvent};
use voicecall_core::journal::Fact;
use voicecall_core::store::{EndReason, SessionStatus};
use voicecall_core::testing::{CarrierRequest, ScriptedCarrier};
use voicecall_core::{CallTime, CarrierCallId, ErrorKind, PhoneNumber, RecordId, Result};

const SECOND: Duration = Duration::from_secs(1);
const OFFICE: &str = "+46701740605";
const TOLD: &str = "Anna wants a cake for Sunday. Press 1 to take the call.";

/// Offers the call to the office at once; whatever it is told is noted, and a call that comes back is ended.
#[derive(Debug, Clone)]
struct Reception {
    to: &'static str,
    announcement: String,
    /// Whether the call is offered once it is connected, and ended when it could not be transferred.
    offers: bool,
    gives_up: bool,
    told: Arc<Mutex<Vec<DialogueEvent>>>,
}

impl Reception {
    fn new() -> Self {
        Self { to: OFFICE, announcement: TOLD.to_owned(), offers: true, gives_up: true, told: Arc::default() }
    }

    fn was_told(&self, event: &DialogueEvent) -> bool {
        self.told.lock().unwrap().contains(event)
    }
}

impl Dialogue for Reception {
    fn handle(&mut self, event: &DialogueEvent, _: CallTime, actions: &mut Vec<Action>) {
        self.told.lock().unwrap().push(event.clone());
        let announcement = Some(Say::new(&*self.announcement, "en-US"));
        match event {
            DialogueEvent::Connected if self.offers => {
                actions.push(Action::Transfer { to: "office".to_owned(), announcement })
            }
            DialogueEvent::TransferFailed { .. } if self.gives_up => {
                actions.push(Action::EndNow(EndReason::NoResponse))
            }
            _ => {}
        }
    }

    fn transfer_number(&self, name: &str) -> Option<PhoneNumber> {
        (name == "office").then(|| self.to.parse().unwrap())
    }
}

fn failed() -> DialogueEvent {
    DialogueEvent::TransferFailed { to: "office".to_owned() }
}

/// The transfers that the carrier was asked for.
fn dialled(world: &World) -> Vec<Dial> {
    let dial = |request| match request {
        CarrierRequest::UpdateCall(_, CallFlow(steps)) => match steps.into_iter().next() {
            Some(CallStep::Dial(dial)) => Some(dial),
            _ => None,
        },
        _ => None,
    };
    world.carrier.requests().into_iter().filter_map(dial).collect()
}

/// A call that the carrier offers to the office while its caller hears it ring.
async fn offered(world: &World) -> (Placed, Dial) {
    world.desk.will_hold(Reception::new());
    let call = world.connected().await;
    world.carrier.has_call(&call.placed.call, CallStatus::InProgress);
    call.phone.stop_after(SECOND).await;
    assert_eq!(call.run.await.unwrap().unwrap(), EndReason::Transferred);
    (call.placed, dialled(world).pop().unwrap())
}

/// The address that the carrier asks about whoever has answered.
fn screening(dial: &Dial) -> String {
    let url = dial.numbers[0].screening_url.as_ref().unwrap();
    url.as_str().strip_prefix("https://calls.example").unwrap().to_owned()
}

/// The carrier asks what to say to whoever has answered on a leg of its own.
async fn screens(world: &World, key: CallKey, path: &str) -> Result<WebhookReply> {
    let kind = CarrierEventKind::Instruct { status: CallStatus::InProgress, detection: None };
    let event = CarrierEvent::new(CarrierCallId::new("leg"), kind, RecordId::new().to_string());
    let request = ScriptedCarrier::webhook_of(path, &event);
    let announcement = path.rsplit('/').next().unwrap();
    world.engine.screen_transfer(key, announcement, &request.request(&request.headers())).await
}

/// Whoever has answered presses a key.
async fn presses(world: &World, key: CallKey, digits: &str) -> WebhookReply {
    let mut gathered = Gathered::default();
    gathered.digits = Some(digits.to_owned());
    let kind = CarrierEventKind::Gathered(gathered);
    let event = CarrierEvent::new(CarrierCallId::new("leg"), kind, RecordId::new().to_string());
    let request = ScriptedCarrier::webhook_of(&format!("/voice/{key}/accept"), &event);
    world.engine.take_transfer(key, &request.request(&request.headers())).await.unwrap()
}

/// The carrier asks what to do with the caller now that nothing has come of the other leg.
async fn comes_back(world: &World, placed: &Placed) -> Result<WebhookReply> {
    let kind = CarrierEventKind::DialEnded { status: CallStatus::NoAnswer, leg: None, duration: None };
    let event = CarrierEvent::new(CarrierCallId::new(&placed.call), kind, RecordId::new().to_string());
    let request = ScriptedCarrier::webhook_of(&format!("/voice/{}/resume", placed.key), &event);
    world.engine.resume(placed.key, &request.request(&request.headers())).await
}

fn hang_up(world: &World) -> WebhookReply {
    use voicecall_core::carrier::VoiceBackend;
    world.carrier.reply(&CallFlow::hang_up()).unwrap()
}

fn connects(reply: &WebhookReply) -> bool {
    reply.body == "[]"
}

#[tokio::test(start_paused = true)]
async fn whoever_answers_hears_who_calls_and_takes_the_call() {
    let world = World::new();
    let (placed, dial) = offered(&world).await;
    let key = placed.key;
    assert_eq!(dial.numbers[0].number, OFFICE.parse().unwrap());
    assert_eq!(dial.next.as_ref().unwrap().path(), format!("/voice/{key}/resume"));
    let session = world.read(placed.session).await;
    assert_eq!((session.status, world.desk.outcomes.lock().unwrap().len()), (SessionStatus::InProgress, 0));

    let heard = screens(&world, key, &screening(&dial)).await.unwrap().body;
    assert!(heard.contains(TOLD) && heard.contains(&format!("/voice/{key}/accept")), "{heard}");
    // Twice the same question, whatever the network does.
    assert!(connects(&presses(&world, key, "1").await) && connects(&presses(&world, key, "1").await));

    let session = world.read(placed.session).await;
    assert_eq!((session.status, session.end_reason), (SessionStatus::Completed, Some(EndReason::Completed)));
    let journal = world.journal(placed.session).await;
    let of = |fact: &Fact| journal.iter().filter(|entry| entry.fact == *fact).count();
    let to = || "office".to_owned();
    assert_eq!((of(&Fact::TransferOffered { to: to() }), of(&Fact::Transferred { to: to() })), (1, 1));
    assert!(journal.iter().map(|entry| entry.seq).eq(1..=journal.len() as u64), "without gaps");
    assert!(journal.windows(2).all(|pair| pair[0].offset <= pair[1].offset));
    assert_eq!(world.desk.outcomes.lock().unwrap().len(), 1, "one call, one outcome");
    // When the two have finished, and what the carrier reports of it.
    assert_eq!(comes_back(&world, &placed).await.unwrap(), hang_up(&world));
    world.report(key, &placed.call, CallStatus::Completed).await.unwrap();
    assert_eq!(world.read(placed.session).await.end_reason, Some(EndReason::Completed));
    assert_eq!(world.carrier.hang_ups(), []);
}

#[tokio::test(start_paused = true)]
async fn a_caller_whom_nobody_takes_comes_back_as_often_as_that_happens() {
    let world = World::new();
    let (placed, _) = offered(&world).await;
    for time in 1..=5 {
        assert_eq!(presses(&world, placed.key, "2").await, hang_up(&world), "the other leg ends");
        let reception = Reception { offers: time < 5, gives_up: time == 5, ..Reception::new() };
        world.desk.will_hold(reception.clone());
        let token = token(&comes_back(&world, &placed).await.unwrap());
        let (run, peer) = world.run(world.admit(&token).unwrap());
        Phone::new(peer, &placed.call).stop_after(SECOND).await;
        run.await.unwrap().unwrap();
        assert!(reception.was_told(&failed()), "the {time}. time");
        assert_eq!(dialled(&world).len(), 1 + time.min(4));
    }
    assert_eq!(world.read(placed.session).await.end_reason, Some(EndReason::NoResponse), "as the dialogue wanted");
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_hangs_up_meanwhile_is_nobodys_to_take() {
    let world = World::new();
    let (placed, dial) = offered(&world).await;
    world.report(placed.key, &placed.call, CallStatus::Completed).await.unwrap();
    let session = world.read(placed.session).await;
    assert_eq!((session.status, session.end_reason), (SessionStatus::Failed, Some(EndReason::RemoteHangup)));
    assert_eq!(screens(&world, placed.key, &screening(&dial)).await.unwrap(), hang_up(&world));
    assert_eq!(presses(&world, placed.key, "1").await, hang_up(&world));
    assert_eq!(comes_back(&world, &placed).await.unwrap(), hang_up(&world));
    let journal = world.journal(placed.session).await;
    assert_eq!(journal.last().unwrap().fact, Fact::Ended { reason: EndReason::RemoteHangup });
    assert_eq!(world.desk.outcomes.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_offered_call_is_left_to_the_carrier_whoever_dies_and_any_process_answers() {
    for accepts in [true, false] {
        let (one, other) = two();
        let (placed, dial) = offered(&one).await;
        drop(one);
        let _tended = other.tended();
        // Long enough for whoever looks after sessions that nobody runs.
        tokio::time::sleep(90 * SECOND).await;
        assert_eq!(dialled(&other).len(), 1, "nobody brings the caller back while it rings elsewhere");
        let heard = screens(&other, placed.key, &screening(&dial)).await.unwrap().body;
        assert!(heard.contains(TOLD), "{heard}");
        if accepts {
            assert!(connects(&presses(&other, placed.key, "1").await));
            assert_eq!(other.read(placed.session).await.end_reason, Some(EndReason::Completed));
        } else {
            let reception = Reception { offers: false, ..Reception::new() };
            other.desk.will_hold(reception.clone());
            let token = token(&comes_back(&other, &placed).await.unwrap());
            let (run, peer) = other.run(other.admit(&token).unwrap());
            Phone::new(peer, &placed.call).listen().await;
            run.await.unwrap().unwrap();
            assert!(reception.was_told(&failed()));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_is_brought_back_if_the_carrier_never_says_what_became_of_an_offer() {
    let (one, other) = two();
    let (placed, _) = offered(&one).await;
    drop(one);
    let _tended = other.tended();
    tokio::time::sleep(250 * SECOND).await;
    let resume = format!("https://calls.example/voice/{}/resume", placed.key).parse().unwrap();
    let again = CallFlow(vec![CallStep::Redirect(resume)]);
    let is_brought_back =
        |request: &CarrierRequest| matches!(request, CarrierRequest::UpdateCall(_, flow) if *flow == again);
    assert!(other.carrier.requests().iter().any(is_brought_back));
}

#[tokio::test(start_paused = true)]
async fn somebody_who_is_quicker_than_the_store_takes_the_call_all_the_same() {
    let world = World::new();
    world.desk.will_hold(Reception::new());
    let call = world.connected().await;
    world.carrier.has_call(&call.placed.call, CallStatus::InProgress);
    let stops = tokio::spawn(call.phone.stop_after(SECOND));
    let dial = loop {
        tokio::time::sleep(SECOND / 50).await;
        if let Some(dial) = dialled(&world).pop() {
            break dial;
        }
    };
    assert!(world.engine.count() != (0, 0), "the stream has not stopped yet");
    let key = call.placed.key;
    assert!(screens(&world, key, &screening(&dial)).await.unwrap().body.contains(TOLD));
    let asked = tokio::time::Instant::now();
    assert_eq!(presses(&world, key, "2").await, hang_up(&world));
    assert!(asked.elapsed() < SECOND / 50, "whoever does not take the call waits for nothing");
    assert!(connects(&presses(&world, key, "1").await));
    stops.await.unwrap();
    call.run.await.unwrap().unwrap();
    let session = world.read(call.placed.session).await;
    assert_eq!((session.status, session.end_reason), (SessionStatus::Completed, Some(EndReason::Completed)));
    let journal = world.journal(call.placed.session).await;
    assert_eq!(journal.last().unwrap().fact, Fact::Ended { reason: EndReason::Completed });
}

#[tokio::test(start_paused = true)]
async fn an_offered_call_of_which_nothing_is_heard_any_more_is_settled_with_the_carrier() {
    let world = World::new();
    let (placed, _) = offered(&world).await;
    world.carrier.has_call(&placed.call, CallStatus::Completed);
    world.engine.recover().await.unwrap();
    assert_eq!(world.read(placed.session).await.end_reason, Some(EndReason::RemoteHangup));
}

#[tokio::test(start_paused = true)]
async fn an_offered_call_can_be_stopped() {
    let world = World::new();
    let (placed, dial) = offered(&world).await;
    world.engine.stop(world.tenant, placed.session, EndReason::Canceled).await.unwrap();
    assert_eq!(world.carrier.hang_ups().len(), 1);
    assert_eq!(screens(&world, placed.key, &screening(&dial)).await.unwrap(), hang_up(&world));
}

#[tokio::test(start_paused = true)]
async fn what_they_are_told_is_sealed_in_the_address_and_for_this_call_only() {
    let world = World::new();
    let (placed, dial) = offered(&world).await;
    let (another, _) = offered(&world).await;
    let path = screening(&dial);
    assert!(!path.contains("Anna") && path.len() < 1024, "{path}");
    assert_kind(screens(&world, another.key, &path).await, ErrorKind::Invalid);
    let mut changed = path.clone();
    changed.pop();
    for wrong in [changed, "/voice/x/screen/!".to_owned(), "/voice/x/screen/".to_owned()] {
        assert_kind(screens(&world, placed.key, &wrong).await, ErrorKind::Invalid);
    }
}

/// What becomes of a transfer that cannot be.
async fn refused(world: World, reception: Reception) {
    world.desk.will_hold(reception.clone());
    let call = world.connected().await;
    call.phone.listen().await;
    assert_eq!(call.run.await.unwrap().unwrap(), EndReason::NoResponse);
    assert!(reception.was_told(&failed()) && dialled(&world).is_empty());
}

#[tokio::test(start_paused = true)]
async fn nobody_is_offered_a_call_who_cannot_be_asked_first() {
    let mut able = VoiceCapabilities::all();
    able.screening = false;
    refused(World::at(able), Reception::new()).await;
}

#[tokio::test(start_paused = true)]
async fn an_announcement_has_a_length_that_somebody_listens_to() {
    refused(World::new(), Reception { announcement: "ä".repeat(601), ..Reception::new() }).await;
    let world = World::new();
    world.desk.will_hold(Reception { announcement: "ä".repeat(600), ..Reception::new() });
    let call = world.connected().await;
    call.phone.stop_after(SECOND).await;
    call.run.await.unwrap().unwrap();
    assert!(screening(&dialled(&world)[0]).len() < 4000, "what carriers take for an address");
}
