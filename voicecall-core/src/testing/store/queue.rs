//! Rules of waiting to be called.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::fixture::{LEASE, Shop, after, assert_kind, connecting, ended, lease, new_session};
use crate::carrier::{AnsweredBy, CallStatus};
use crate::error::ErrorKind;
use crate::id::{AttemptId, CarrierCallId, SessionId, TenantId};
use crate::store::{
    AcquireLease, AttemptOutcome, CallPriority, Claim, EndReason, EngineStore, EventKind, EventSource, Lease,
    LeaseTerm, NewSession, SessionChange, SessionStatus, Signal,
};

fn postponed(until: u64) -> SessionChange {
    SessionChange::Postponed { until: after(until), at: after(40) }
}

pub(super) async fn who_waits_is_found_when_due_the_urgent_first(store: Arc<dyn EngineStore>) {
    let mut ids = Vec::new();
    for (seconds, priority) in [(20, CallPriority::Normal), (10, CallPriority::Normal), (30, CallPriority::High)] {
        // Of three tenants: whoever calls serves them all.
        let new = NewSession { started_at: after(seconds), priority, ..new_session(TenantId::new()) };
        ids.push(store.create_session(&new).await.unwrap().id);
    }
    let due = |seconds, limit| {
        let store = Arc::clone(&store);
        async move {
            let due = store.due_sessions(after(seconds), limit, limit).await.unwrap();
            due.into_iter().map(|session| session.id).collect::<Vec<_>>()
        }
    };
    assert_eq!(due(9, 10).await, []);
    assert_eq!(due(20, 10).await, [ids[1], ids[0]], "due at this very instant counts");
    assert_eq!(due(30, 10).await, [ids[2], ids[1], ids[0]]);
    assert_eq!(due(30, 2).await, [ids[2], ids[1]]);
    assert_eq!(store.count_waiting().await.unwrap(), 3);
}

pub(super) async fn a_tenant_with_many_who_wait_hides_nobody_elses(store: Arc<dyn EngineStore>) {
    let (many, few) = (TenantId::new(), TenantId::new());
    let mut ids = Vec::new();
    for (tenant, seconds) in [(many, 1), (many, 2), (many, 3), (many, 4), (few, 5), (few, 6)] {
        let priority = if seconds == 3 { CallPriority::High } else { CallPriority::Normal };
        let new = NewSession { started_at: after(seconds), priority, ..new_session(tenant) };
        ids.push(store.create_session(&new).await.unwrap().id);
    }
    let due = |per_tenant, limit| {
        let store = Arc::clone(&store);
        async move {
            let due = store.due_sessions(after(9), per_tenant, limit).await.unwrap();
            due.into_iter().map(|session| session.id).collect::<Vec<_>>()
        }
    };
    assert_eq!(due(2, 10).await, [ids[2], ids[4], ids[0], ids[5]], "two of each, the first of both before the second");
    assert_eq!(due(9, 3).await, [ids[2], ids[4], ids[0]]);
    assert_eq!(due(1, 9).await, [ids[2], ids[4]]);
}

pub(super) async fn a_turn_is_taken_once(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(store).await;
    let claims = (0..16).map(|_| {
        let (store, tenant, session) = (Arc::clone(&shop.store), shop.tenant, shop.session);
        tokio::spawn(async move { store.claim_session(tenant, session, &Claim::new(after(1), LEASE)).await })
    });
    let claims: Vec<_> = join_all(claims).await.into_iter().map(Result::unwrap).collect();
    let (taken, refused): (Vec<_>, Vec<_>) = claims.into_iter().partition(Result::is_ok);
    assert_eq!(taken.len(), 1);
    refused.into_iter().for_each(|refused| assert_kind(refused, ErrorKind::Conflict));
    assert_eq!(shop.read().await.due_at, None);
    assert_eq!(shop.store.due_sessions(after(999), 10, 10).await.unwrap(), []);
    assert_eq!(shop.store.count_waiting().await.unwrap(), 0);
    assert_kind(
        shop.store.claim_session(TenantId::new(), shop.session, &Claim::new(after(1), LEASE)).await,
        ErrorKind::NotFound,
    );
}

pub(super) async fn whoever_was_overtaken_may_not_call(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(store).await;
    let (store, tenant) = (&shop.store, shop.tenant);
    let (claimed, slow) = store.claim_session(tenant, shop.session, &Claim::new(after(0), LEASE)).await.unwrap();
    assert_eq!(claimed, shop.read().await);
    assert!(claimed.leased_until.is_some());
    let attempt = shop.planned_attempt().await;
    let quick = store.acquire_lease(tenant, shop.session, AcquireLease::from_anybody(lease(19))).await.unwrap();
    assert!(quick > slow);
    assert_kind(store.begin_sending(tenant, attempt.id, slow).await, ErrorKind::Conflict);
    assert_eq!(store.attempt(tenant, attempt.id).await.unwrap(), attempt, "nothing was sent");
    shop.change(&postponed(50)).await.unwrap();
    let (_, next) = store.claim_session(tenant, shop.session, &Claim::new(after(50), LEASE)).await.unwrap();
    assert_kind(store.begin_sending(tenant, attempt.id, quick).await, ErrorKind::Conflict);
    store.begin_sending(tenant, attempt.id, next).await.unwrap();
}

pub(super) async fn a_session_is_leased_until_its_owner_says(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(store).await;
    let (store, tenant, session) = (&shop.store, shop.tenant, shop.session);
    let (_, epoch) = store.claim_session(tenant, session, &Claim::new(after(0), LEASE)).await.unwrap();
    let take = |at| AcquireLease { only_if_free: true, ..AcquireLease::from_anybody(lease(at)) };
    assert_kind(store.acquire_lease(tenant, session, take(1)).await, ErrorKind::Conflict);
    let held = Lease { tenant, session, epoch };
    assert_eq!(store.renew_leases(&[held], lease(2)).await.unwrap(), []);
    assert_kind(store.acquire_lease(tenant, session, take(3)).await, ErrorKind::Conflict);
    let over = LeaseTerm { length: Duration::ZERO, ..lease(4) };
    assert_eq!(store.renew_leases(&[held], over).await.unwrap(), []);
    let next = Lease { epoch: store.acquire_lease(tenant, session, take(4)).await.unwrap(), ..held };
    assert_kind(store.acquire_lease(tenant, session, take(5)).await, ErrorKind::Conflict);
    let gone = Lease { session: SessionId::new(), ..held };
    let strange = Lease { tenant: TenantId::new(), ..next };
    let before = shop.read().await.leased_until;
    let longer = LeaseTerm { length: LEASE * 2, ..lease(6) };
    let lost = store.renew_leases(&[held, next, gone, strange], longer).await.unwrap();
    assert_eq!(lost, [held, gone, strange]);
    assert!(shop.read().await.leased_until > before);
}

/// By the store's own clock, or by the one it is handed.
pub(super) async fn a_lease_that_is_not_renewed_runs_out(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(store).await;
    let (store, tenant, session) = (&shop.store, shop.tenant, shop.session);
    store.claim_session(tenant, session, &Claim::new(after(0), Duration::from_millis(50))).await.unwrap();
    let take = AcquireLease { only_if_free: true, ..AcquireLease::from_anybody(lease(1)) };
    while let Err(error) = store.acquire_lease(tenant, session, take).await {
        assert_eq!(error.kind(), ErrorKind::Conflict);
        tokio::task::yield_now().await;
    }
    assert_kind(store.acquire_lease(tenant, session, take).await, ErrorKind::Conflict);
}

pub(super) async fn the_owner_of_a_session_is_told_once(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(store).await;
    let (store, tenant, session) = (&shop.store, shop.tenant, shop.session);
    let (_, epoch) = store.claim_session(tenant, session, &Claim::new(after(0), LEASE)).await.unwrap();
    let former = Lease { tenant, session, epoch };
    let another = store.create_session(&new_session(tenant)).await.unwrap();
    let stop = Signal::Stop { reason: EndReason::Canceled };
    let call = CarrierCallId::new("CA1");
    let status = Signal::Status { attempt: AttemptId::new(), call: call.clone(), status: CallStatus::Completed };
    let person = Signal::Detected { attempt: AttemptId::new(), call, answered_by: AnsweredBy::Human };
    for signal in [&status, &stop, &person] {
        store.signal(tenant, session, signal).await.unwrap();
    }
    store.signal(tenant, another.id, &stop).await.unwrap();
    assert_kind(store.signal(TenantId::new(), session, &stop).await, ErrorKind::NotFound);
    assert_kind(store.signal(tenant, SessionId::new(), &stop).await, ErrorKind::NotFound);

    let owner = store.acquire_lease(tenant, session, AcquireLease::from_anybody(lease(60))).await.unwrap();
    let owner = Lease { epoch: owner, ..former };
    let strange = Lease { tenant: TenantId::new(), ..owner };
    assert_eq!(store.take_signals(&[former, strange]).await.unwrap(), []);
    let told = [(owner, status), (owner, stop.clone()), (owner, person)];
    assert_eq!(store.take_signals(&[strange, owner]).await.unwrap(), told);
    assert_eq!(store.take_signals(&[owner]).await.unwrap(), []);
    let others = Lease { tenant, session: another.id, epoch: another.owner };
    assert_eq!(store.take_signals(&[owner, others]).await.unwrap(), [(others, stop.clone())]);

    store.signal(tenant, session, &stop).await.unwrap();
    shop.change(&ended(EndReason::Canceled)).await.unwrap();
    assert_kind(store.signal(tenant, session, &stop).await, ErrorKind::Conflict);
    assert_eq!(store.take_signals(&[owner]).await.unwrap(), [], "it is over");
}

pub(super) async fn of_many_who_take_a_session_from_one_owner_one_gets_it(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(store).await;
    let (tenant, session) = (shop.tenant, shop.session);
    let owner = shop.read().await.owner;
    let takers = (0..16).map(|_| {
        let store = Arc::clone(&shop.store);
        tokio::spawn(
            async move { store.acquire_lease(tenant, session, AcquireLease::from_owner(owner, lease(9))).await },
        )
    });
    let takers: Vec<_> = join_all(takers).await.into_iter().map(Result::unwrap).collect();
    let (taken, refused): (Vec<_>, Vec<_>) = takers.into_iter().partition(Result::is_ok);
    assert_eq!(taken.len(), 1);
    refused.into_iter().for_each(|refused| assert_kind(refused, ErrorKind::Conflict));
    assert_eq!(taken[0].as_ref().ok(), Some(&shop.read().await.owner), "what is read is who owns it");
}

pub(super) async fn an_attempt_that_ended_is_booked_once(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(store).await;
    let (store, tenant) = (&shop.store, shop.tenant);
    let (_, owner) = store.claim_session(tenant, shop.session, &Claim::new(after(0), LEASE)).await.unwrap();
    let attempt = shop.planned_attempt().await.id;
    store.begin_sending(tenant, attempt, owner).await.unwrap();
    store.settle_attempt(tenant, attempt, &AttemptOutcome::Accepted(CarrierCallId::new("CA1"))).await.unwrap();
    shop.change(&connecting()).await.unwrap();
    let before = shop.snapshot().await;

    assert_kind(
        store.finish_attempt(TenantId::new(), attempt, EndReason::Busy, &postponed(99)).await,
        ErrorKind::NotFound,
    );
    let wrong = SessionChange::Ended { reason: EndReason::Completed, source: EventSource::System, at: after(40) };
    assert_kind(store.finish_attempt(tenant, attempt, EndReason::Busy, &wrong).await, ErrorKind::Conflict);
    assert_eq!(shop.snapshot().await, before, "neither the attempt nor the session");

    let waiting = store.finish_attempt(tenant, attempt, EndReason::Busy, &postponed(99)).await.unwrap();
    assert_eq!((waiting.status, waiting.due_at), (SessionStatus::Connecting, Some(after(99))));
    assert_eq!(store.attempt(tenant, attempt).await.unwrap().outcome, Some(EndReason::Busy));
    assert_eq!(shop.events().await, before.events, "waiting is not an event");
    let after_one = shop.snapshot().await;
    assert_kind(store.finish_attempt(tenant, attempt, EndReason::Busy, &postponed(999)).await, ErrorKind::Conflict);
    assert_eq!(shop.snapshot().await, after_one, "the second report of the same end");
}

pub(super) async fn a_further_attempt_is_another_call_of_the_session(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(store).await;
    shop.change(&connecting()).await.unwrap();
    shop.change(&postponed(50)).await.unwrap();
    shop.store.claim_session(shop.tenant, shop.session, &Claim::new(after(50), LEASE)).await.unwrap();
    let second = SessionChange::Connecting { call: CarrierCallId::new("CA2"), at: after(51) };
    shop.change(&second).await.unwrap();
    assert_kind(shop.change(&second).await, ErrorKind::Conflict);
    let session = shop.read().await;
    assert_eq!((session.carrier_call, session.due_at), (Some(CarrierCallId::new("CA2")), None));
    let connecting = shop.events().await.into_iter().filter(|event| event.kind == EventKind::Connecting);
    assert_eq!(connecting.count(), 2);
}

pub(super) async fn who_is_over_waits_no_more(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(store).await;
    shop.change(&ended(EndReason::Canceled)).await.unwrap();
    assert_eq!(shop.store.due_sessions(after(999), 10, 10).await.unwrap(), []);
    assert_kind(
        shop.store.claim_session(shop.tenant, shop.session, &Claim::new(after(99), LEASE)).await,
        ErrorKind::Conflict,
    );
    assert_kind(shop.change(&postponed(99)).await, ErrorKind::Conflict);
}
