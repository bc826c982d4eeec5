//! Calls that are handed to somebody else, and plans that cannot be kept.

use std::time::Duration;

use super::world::*;
use crate::Destinations;
use voicecall_core::carrier::{CallStep, Dial, Say};
use voicecall_core::dialogue::{Action, Dialogue, DialogueEvent};
use voicecall_core::journal::Fact;
use voicecall_core::store::EndReason;
use voicecall_core::testing::CarrierRequest;
use voicecall_core::{CallTime, Error, ErrorKind, PhoneNumber, Result};

const SECOND: Duration = Duration::from_secs(1);

/// Transfers the call at once, and ends it if it stays.
#[derive(Debug)]
pub(super) struct Switchboard(pub(super) &'static str, pub(super) Option<Say>);

impl Dialogue for Switchboard {
    fn handle(&mut self, event: &DialogueEvent, _: CallTime, actions: &mut Vec<Action>) {
        match event {
            DialogueEvent::Connected => {
                actions.push(Action::Transfer { to: "office".to_owned(), announcement: self.1.clone() })
            }
            DialogueEvent::TransferFailed { .. } => actions.push(Action::EndNow(EndReason::NoResponse)),
            _ => {}
        }
    }

    fn transfer_number(&self, name: &str) -> Option<PhoneNumber> {
        (name == "office").then(|| self.0.parse().unwrap())
    }
}

pub(super) const OFFICE: &str = "+46701740605";

#[tokio::test(start_paused = true)]
async fn a_transferred_call_is_redirected_and_ends_here_without_being_hung_up() {
    let world = World::new();
    world.desk.will_hold(Switchboard(OFFICE, None));
    let call = world.connected().await;
    call.phone.stop_after(SECOND).await;
    assert_eq!(call.run.await.unwrap().unwrap(), EndReason::Completed);
    let redirects = world.carrier.requests().into_iter().filter_map(|request| match request {
        CarrierRequest::UpdateCall(_, flow) => Some(flow),
        _ => None,
    });
    let flows: Vec<_> = redirects.collect();
    assert_eq!((flows.len(), &flows[0].0[0]), (1, &CallStep::Dial(Dial::new(OFFICE.parse().unwrap()))));
    assert_eq!(world.carrier.hang_ups(), []);
    let journal = world.journal(call.placed.session).await;
    assert!(journal.iter().any(|entry| entry.fact == Fact::Transferred { to: "office".to_owned() }));
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_does_not_transfer_leaves_the_call_here() {
    let world = World::new();
    world.carrier.will_fail_to_update(ErrorKind::Unavailable);
    world.desk.will_hold(Switchboard(OFFICE, None));
    let call = world.connected().await;
    call.phone.listen().await;
    assert_eq!(call.run.await.unwrap().unwrap(), EndReason::NoResponse);
    assert_eq!(world.carrier.hang_ups().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_transferred_to_a_number_that_somebody_earns_from() {
    let world = World::with(|config| config.rules.destinations = Destinations::in_countries(["SE"]), scripted_agent());
    world.desk.will_hold(Switchboard("+46900123456", None));
    let call = world.connected().await;
    call.phone.listen().await;
    assert_eq!(call.run.await.unwrap().unwrap(), EndReason::NoResponse, "the dialogue is told that it stayed");
    let redirected = |request: &CarrierRequest| matches!(request, CarrierRequest::UpdateCall(..));
    assert!(!world.carrier.requests().iter().any(redirected));
}

/// A dialogue that cannot work as it was set up.
#[derive(Debug)]
struct Misconfigured;

impl Dialogue for Misconfigured {
    fn handle(&mut self, _: &DialogueEvent, _: CallTime, _: &mut Vec<Action>) {}

    fn validate(&self) -> Result<()> {
        Err(Error::invalid("tool.name", "another"))
    }
}

#[tokio::test(start_paused = true)]
async fn a_dialogue_that_cannot_work_is_refused_before_it_begins() {
    let world = World::new();
    world.desk.will_hold(Misconfigured);
    let call = world.connected().await;
    call.phone.start().await;
    let error = call.run.await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Invalid, Some("tool.name")));
}

#[tokio::test(start_paused = true)]
async fn keeping_after_consent_needs_a_dialogue_that_can_ask_for_it() {
    let world = World::new();
    world.desk.keeps_after_consent();
    world.desk.will_hold(Switchboard(OFFICE, None));
    let call = world.connected().await;
    call.phone.start().await;
    let error = call.run.await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Invalid, Some("plan.keep")));
}
