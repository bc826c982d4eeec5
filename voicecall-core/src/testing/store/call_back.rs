//! Rules about people who asked to be called again.

use std::sync::Arc;

use jiff::Timestamp;

use super::fixture::{LEASE, Shop, after, assert_kind, connected, connecting, lease, new_session};
use super::probe::Probe;
use crate::error::ErrorKind;
use crate::id::{CarrierCallId, TenantId};
use crate::journal::{Fact, JournalEntry};
use crate::store::{
    AcquireLease, Claim, Direction, EndReason, EngineStore, EventKind, NewSession, SessionChange, SessionStatus,
};

/// The wish to be called `seconds` into the test, or whenever.
fn call_back(seconds: Option<u64>) -> Fact {
    Fact::CallBack { not_before: seconds.map(after), not_after: None, when: "later".to_owned() }
}

/// A shop whose session's person is on the line.
async fn on_the_line(store: Arc<dyn EngineStore>) -> Shop {
    let shop = Shop::open(store).await;
    shop.store.claim_session(shop.tenant, shop.session, &Claim::new(after(1), LEASE)).await.unwrap();
    for change in [connecting(), connected()] {
        shop.change(&change).await.unwrap();
    }
    shop
}

async fn append(shop: &Shop, seq: u64, fact: Fact) -> crate::error::Result<()> {
    let epoch = shop.read().await.owner;
    shop.append(&[JournalEntry { epoch, ..shop.entry(seq, fact) }]).await
}

async fn wish(shop: &Shop) -> Option<Timestamp> {
    shop.read().await.call_back_at
}

pub(super) async fn who_asks_for_it_is_called_again(store: Arc<dyn EngineStore>) {
    let shop = on_the_line(Arc::clone(&store)).await;
    let (tenant, session) = (shop.tenant, shop.session);
    let waits = SessionChange::Postponed { until: after(500), at: after(60) };
    let before = shop.snapshot().await;
    assert_kind(shop.change(&waits).await, ErrorKind::Conflict);
    assert_eq!(shop.snapshot().await, before, "a session in progress waits only if somebody asked for it");

    append(&shop, 40, call_back(None)).await.unwrap();
    assert_eq!(wish(&shop).await, Some(after(40)), "the instant of a wish without a time");
    append(&shop, 41, call_back(Some(400))).await.unwrap();
    assert_eq!(wish(&shop).await, Some(after(400)), "the latest wish counts");
    let asked = shop.read().await;
    assert_eq!((asked.status, asked.due_at), (SessionStatus::InProgress, None), "who is on the line is not called");
    assert_eq!(store.due_sessions(after(999), 10, 10).await.unwrap(), []);

    let events = shop.events().await;
    let waiting = shop.change(&waits).await.unwrap();
    assert_eq!(waiting, shop.read().await);
    assert_eq!((waiting.status, waiting.due_at), (SessionStatus::Connecting, Some(after(500))));
    assert_eq!((waiting.connected_at, waiting.call_back_at, waiting.ended_at), (None, None, None));
    assert_eq!(shop.events().await, events, "waiting is not an event");
    assert_eq!(store.due_sessions(after(499), 10, 10).await.unwrap(), []);
    assert_eq!(store.due_sessions(after(500), 10, 10).await.unwrap(), [waiting]);

    store.claim_session(tenant, session, &Claim::new(after(500), LEASE)).await.unwrap();
    shop.change(&SessionChange::Connecting { call: CarrierCallId::new("CA2"), at: after(501) }).await.unwrap();
    let again = shop.change(&SessionChange::Connected { at: after(510) }).await.unwrap();
    assert_eq!((again.status, again.connected_at), (SessionStatus::InProgress, Some(after(510))));
    let answered = shop.events().await.into_iter().filter(|event| event.kind == EventKind::Answered);
    assert_eq!(answered.count(), 2);
    assert_kind(shop.change(&waits).await, ErrorKind::Conflict);

    append(&shop, 42, call_back(Some(900))).await.unwrap();
    append(&shop, 43, Fact::DoNotCall).await.unwrap();
    assert_eq!(wish(&shop).await, None, "who wants no more calls wants this one neither");
    let ended = super::fixture::ended(EndReason::Stopped);
    shop.change(&ended).await.unwrap();
    append(&shop, 44, call_back(Some(950))).await.unwrap();
    assert_eq!(wish(&shop).await, None, "it is over");
}

pub(super) async fn a_wish_of_another_owner_calls_nobody(store: Arc<dyn EngineStore>) {
    let shop = on_the_line(Arc::clone(&store)).await;
    let (tenant, session) = (shop.tenant, shop.session);
    let former = shop.read().await.owner;
    store.acquire_lease(tenant, session, AcquireLease::from_anybody(lease(60))).await.unwrap();
    let late = JournalEntry { epoch: former, ..shop.entry(1, call_back(Some(400))) };
    assert_kind(shop.append(&[late]).await, ErrorKind::Conflict);
    assert_eq!(wish(&shop).await, None);
    assert_kind(store.append(TenantId::new(), &[shop.entry(1, call_back(Some(400)))]).await, ErrorKind::NotFound);
}

pub(super) async fn a_wish_that_is_not_stored_calls_nobody(store: Arc<dyn EngineStore>) {
    let shop = on_the_line(store).await;
    let (before, epoch) = (shop.snapshot().await, shop.read().await.owner);
    let batch = [shop.entry(1, call_back(Some(400))), shop.entry(2, Probe::refused_fact())];
    let batch = batch.map(|entry| JournalEntry { epoch, ..entry });
    assert_kind(shop.append(&batch).await, ErrorKind::Unavailable);
    assert_eq!(shop.snapshot().await, before, "neither the wish nor what follows from it");
}

pub(super) async fn who_called_us_is_not_called_back(store: Arc<dyn EngineStore>) {
    let remote = new_session(TenantId::new());
    let new = NewSession { direction: Direction::Inbound, reference: None, ..remote };
    store.create_session(&new).await.unwrap();
    let shop = Shop { store, tenant: new.tenant, session: new.id };
    for change in [connecting(), connected()] {
        shop.change(&change).await.unwrap();
    }
    append(&shop, 1, call_back(Some(400))).await.unwrap();
    assert_eq!((wish(&shop).await, shop.journal().await.len()), (None, 1), "noted, and no more");
}
