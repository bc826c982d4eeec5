//! The phone at the carrier's end of a media socket, whoever holds it.

use std::sync::Arc;

use tokio::time::Instant;
use voicecall_core::CarrierCallId;
use voicecall_core::testing::PairedPeer;

use super::exchange::SimCarrier;
use super::line::Owner;
use super::party_phone::PartyPhone;
use super::phone::{Phone, PhoneEnd};
use super::step::Converse;
use super::text_phone::TextPhone;
use crate::fault::Fault;

#[derive(Debug)]
pub(super) enum Handset<'a> {
    Person(Phone),
    Party(Box<PartyPhone<'a>>),
    Text(Box<TextPhone<'a>>),
}

impl<'a> Handset<'a> {
    pub(super) fn new(
        carrier: &Arc<SimCarrier>,
        index: usize,
        call: &CarrierCallId,
        peer: PairedPeer,
        answered_at: Instant,
        owner: &'a mut Owner,
    ) -> Self {
        match owner {
            Owner::Person(_) => {
                let leaves_at = carrier.options.people.stay.map(|stay| answered_at + stay);
                Self::Person(Phone::new(carrier, index, call.clone(), peer, leaves_at))
            }
            Owner::Party(party) => {
                Self::Party(Box::new(PartyPhone::new(carrier, index, call, peer, answered_at, &mut **party)))
            }
        }
    }

    /// The same for a conversation in text, which the carrier's own voice begins.
    pub(super) fn in_text(
        carrier: &Arc<SimCarrier>,
        index: usize,
        converse: &Converse,
        peer: PairedPeer,
        answered_at: Instant,
        owner: &'a mut Owner,
    ) -> Self {
        Self::Text(Box::new(TextPhone::new(carrier, index, converse, peer, answered_at, owner)))
    }

    /// Stays on the line until something ends it. Nothing is lost if this is dropped before [`stop`](Self::stop).
    pub(super) async fn run(&mut self, fault: Option<Fault>) -> PhoneEnd {
        match self {
            Self::Person(phone) => phone.run(fault).await,
            Self::Party(phone) => phone.run(fault).await,
            Self::Text(phone) => phone.run(fault).await,
        }
    }

    /// Says that the stream is over.
    pub(super) async fn stop(&mut self) {
        match self {
            Self::Person(phone) => phone.stop().await,
            Self::Party(phone) => phone.stop().await,
            Self::Text(phone) => phone.stop().await,
        }
    }
}
