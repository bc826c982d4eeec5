//! Rules that keep a phone from ringing twice for one attempt.

use std::sync::Arc;

use futures_util::future::join_all;

use super::fixture::{Shop, after, assert_kind, connecting, new_session};
use crate::carrier::CallPrice;
use crate::error::ErrorKind;
use crate::id::{CarrierCallId, Epoch, TenantId};
use crate::store::{AttemptOutcome, AttemptState, DialAttempt, EndReason, EngineStore, Route, SessionChange};

const OWNER: Epoch = Epoch::FIRST;

fn accepted(call: &str) -> AttemptOutcome {
    AttemptOutcome::Accepted(CarrierCallId::new(call))
}

pub(super) async fn sending_is_allowed_once(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(store).await;
    let planned = shop.planned_attempt().await;
    assert_eq!(shop.store.attempt(shop.tenant, planned.id).await.unwrap(), planned);
    shop.store.begin_sending(shop.tenant, planned.id, OWNER).await.unwrap();
    let sending = DialAttempt { state: AttemptState::Sending, epoch: Some(OWNER), ..planned.clone() };
    for epoch in [OWNER, OWNER.next()] {
        assert_kind(shop.store.begin_sending(shop.tenant, planned.id, epoch).await, ErrorKind::Conflict);
        assert_eq!(shop.store.attempt(shop.tenant, planned.id).await.unwrap(), sending);
    }
    // Planning it again must not make it planned again.
    assert_kind(shop.store.plan_attempt(&planned).await, ErrorKind::Conflict);
    assert_eq!(shop.store.attempt(shop.tenant, planned.id).await.unwrap(), sending);
    assert_kind(
        shop.store.plan_attempt(&DialAttempt { state: AttemptState::Sending, ..shop.attempt() }).await,
        ErrorKind::Conflict,
    );
}

pub(super) async fn sending_is_allowed_once_among_sixteen(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(store).await;
    for _ in 0..8 {
        let attempt = shop.planned_attempt().await;
        let senders = (0..16).map(|_| {
            let (store, tenant) = (Arc::clone(&shop.store), shop.tenant);
            tokio::spawn(async move { store.begin_sending(tenant, attempt.id, OWNER).await })
        });
        let outcomes: Vec<_> = join_all(senders).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        for refused in outcomes.into_iter().filter(Result::is_err) {
            assert_kind(refused, ErrorKind::Conflict);
        }
    }
}

pub(super) async fn a_settled_attempt_stays_settled(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(store).await;
    let rejected = AttemptOutcome::Rejected("invalid number".to_owned());
    for (outcome, others) in [
        (accepted("CA1"), [accepted("CA2"), rejected.clone()]),
        (rejected.clone(), [accepted("CA3"), AttemptOutcome::Rejected("busy".to_owned())]),
    ] {
        let attempt = shop.planned_attempt().await.id;
        shop.store.begin_sending(shop.tenant, attempt, OWNER).await.unwrap();
        shop.store.settle_attempt(shop.tenant, attempt, &outcome).await.unwrap();
        let settled = shop.store.attempt(shop.tenant, attempt).await.unwrap();
        for other in others {
            assert_kind(shop.store.settle_attempt(shop.tenant, attempt, &other).await, ErrorKind::Conflict);
        }
        shop.store.settle_attempt(shop.tenant, attempt, &AttemptOutcome::Unknown).await.unwrap();
        assert_kind(shop.store.begin_sending(shop.tenant, attempt, OWNER).await, ErrorKind::Conflict);
        assert_eq!(shop.store.attempt(shop.tenant, attempt).await.unwrap(), settled);
    }
}

pub(super) async fn an_unknown_outcome_is_settled_later(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(store).await;
    let planned = shop.planned_attempt().await;
    shop.store.begin_sending(shop.tenant, planned.id, OWNER).await.unwrap();
    shop.store.settle_attempt(shop.tenant, planned.id, &AttemptOutcome::Unknown).await.unwrap();
    assert_kind(shop.store.begin_sending(shop.tenant, planned.id, OWNER).await, ErrorKind::Conflict);
    for _ in 0..2 {
        shop.store.settle_attempt(shop.tenant, planned.id, &accepted("CA1")).await.unwrap();
    }
    let call = CarrierCallId::new("CA1");
    let expected =
        DialAttempt { state: AttemptState::Accepted, epoch: Some(OWNER), call: Some(call.clone()), ..planned };
    assert_eq!(shop.store.attempt(shop.tenant, expected.id).await.unwrap(), expected);
}

pub(super) async fn nothing_is_settled_before_it_is_sent(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(store).await;
    let planned = shop.planned_attempt().await;
    for outcome in [accepted("CA1"), AttemptOutcome::Rejected("busy".to_owned()), AttemptOutcome::Unknown] {
        assert_kind(shop.store.settle_attempt(shop.tenant, planned.id, &outcome).await, ErrorKind::Conflict);
    }
    assert_eq!(shop.store.attempt(shop.tenant, planned.id).await.unwrap(), planned);
}

pub(super) async fn a_call_belongs_to_one_attempt(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(store).await;
    let (first, second) = (shop.planned_attempt().await.id, shop.planned_attempt().await.id);
    for attempt in [first, second] {
        shop.store.begin_sending(shop.tenant, attempt, OWNER).await.unwrap();
    }
    shop.store.settle_attempt(shop.tenant, first, &accepted("CA1")).await.unwrap();
    assert_kind(shop.store.settle_attempt(shop.tenant, second, &accepted("CA1")).await, ErrorKind::Conflict);
    assert_eq!(shop.store.attempt(shop.tenant, second).await.unwrap().state, AttemptState::Sending);
    let owner = shop.store.route_call("carrier", None, &CarrierCallId::new("CA1")).await.unwrap();
    assert_eq!(owner.unwrap().attempt, Some(first));
}

pub(super) async fn a_call_leads_to_its_attempt(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(store).await;
    let [north, south] = ["north", "south"].map(|name| Some(name.parse().unwrap()));
    let call = CarrierCallId::new("CA1");
    // Two accounts number their calls each for itself.
    for account in [None, north] {
        let attempt = DialAttempt { account, ..shop.attempt() };
        shop.store.plan_attempt(&attempt).await.unwrap();
        assert_eq!(shop.store.attempt(shop.tenant, attempt.id).await.unwrap(), attempt);
        shop.store.begin_sending(shop.tenant, attempt.id, OWNER).await.unwrap();
        assert_eq!(shop.store.route_call("carrier", account, &call).await.unwrap(), None);
        shop.store.settle_attempt(shop.tenant, attempt.id, &accepted("CA1")).await.unwrap();
        let route = Route { tenant: shop.tenant, session: shop.session, attempt: Some(attempt.id) };
        assert_eq!(shop.store.route_call("carrier", account, &call).await.unwrap(), Some(route));
    }
    assert_eq!(shop.store.route_call("another carrier", None, &call).await.unwrap(), None);
    assert_eq!(shop.store.route_call("carrier", south, &call).await.unwrap(), None);
}

pub(super) async fn attempts_are_listed_oldest_first(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(store).await;
    let early = shop.attempt();
    let late = DialAttempt { created_at: after(1), ..shop.attempt() };
    for attempt in [&late, &early] {
        shop.store.plan_attempt(attempt).await.unwrap();
    }
    assert_eq!(shop.store.attempts(shop.tenant, shop.session).await.unwrap(), [early, late]);
}

pub(super) async fn attempts_of_many_sessions_are_counted_at_once(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(Arc::clone(&store)).await;
    let never = store.create_session(&new_session(shop.tenant)).await.unwrap();
    let once = store.create_session(&new_session(shop.tenant)).await.unwrap();
    for session in [shop.session, shop.session, once.id] {
        store.plan_attempt(&DialAttempt { session, ..shop.attempt() }).await.unwrap();
    }
    let counts = store.count_attempts(shop.tenant, &[never.id, shop.session]).await.unwrap();
    assert_eq!(counts, [(shop.session, 2)].into(), "of those that were asked for");
    assert!(store.count_attempts(shop.tenant, &[]).await.unwrap().is_empty());
}

/// A further call of the shop's session, which the carrier has.
async fn taken(shop: &Shop, call: &str, created_at: u64) -> DialAttempt {
    let attempt = DialAttempt { created_at: after(created_at), ..shop.attempt() };
    shop.store.plan_attempt(&attempt).await.unwrap();
    shop.store.begin_sending(shop.tenant, attempt.id, OWNER).await.unwrap();
    shop.store.settle_attempt(shop.tenant, attempt.id, &accepted(call)).await.unwrap();
    attempt
}

fn price(micros: u64, currency: &str) -> CallPrice {
    CallPrice { micros, currency: currency.to_owned() }
}

pub(super) async fn a_price_is_taken_in_once(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(store).await;
    let (store, tenant) = (&shop.store, shop.tenant);
    let [first, second, third] =
        [taken(&shop, "CA1", 0).await, taken(&shop, "CA2", 1).await, taken(&shop, "CA3", 2).await];
    let charge = async |attempt: &DialAttempt, price: CallPrice| store.charge_attempt(tenant, attempt.id, &price).await;
    assert!(charge(&first, price(14_500, "USD")).await.unwrap());
    for late in [price(14_500, "USD"), price(99, "USD"), price(1, "SEK")] {
        assert!(!charge(&first, late).await.unwrap(), "the first price stays");
    }
    assert_eq!(store.attempt(tenant, first.id).await.unwrap().price, Some(price(14_500, "USD")));
    assert!(charge(&second, price(500, "USD")).await.unwrap());
    assert!(charge(&third, price(7, "SEK")).await.unwrap());
    let session = shop.read().await;
    assert_eq!(session.carrier_price, Some(price(15_000, "USD")), "what is in one currency is added");
    assert_eq!(session.cost_micros, None, "the estimate is another thing");
    assert_eq!(store.attempt(tenant, third.id).await.unwrap().price, Some(price(7, "SEK")));
    assert_kind(store.charge_attempt(TenantId::new(), second.id, &price(1, "USD")).await, ErrorKind::NotFound);
}

pub(super) async fn calls_without_a_price_are_found(store: Arc<dyn EngineStore>) {
    let (shop, other) = (Shop::open(Arc::clone(&store)).await, Shop::open(Arc::clone(&store)).await);
    let unpriced = async |since, limit| {
        store
            .unpriced_attempts(after(since), limit)
            .await
            .unwrap()
            .into_iter()
            .map(|(_, attempt)| attempt)
            .collect::<Vec<_>>()
    };
    let planned = shop.planned_attempt().await;
    let [old, priced] = [taken(&shop, "CA1", 10).await.id, taken(&shop, "CA2", 20).await.id];
    let theirs = taken(&other, "CA3", 30).await.id;
    assert_eq!(store.unpriced_attempts(after(0), 9).await.unwrap()[2], (other.tenant, theirs), "of all tenants");
    store.charge_attempt(shop.tenant, priced, &price(1, "USD")).await.unwrap();
    assert_eq!(unpriced(0, 9).await, [old, theirs]);
    assert_eq!((unpriced(0, 1).await, unpriced(11, 9).await), (vec![old], vec![theirs]));
    shop.change(&connecting()).await.unwrap();
    let waits = SessionChange::Postponed { until: after(99), at: after(40) };
    store.finish_attempt(shop.tenant, old, EndReason::Busy, &waits).await.unwrap();
    assert_eq!(unpriced(0, 9).await, [theirs], "who was not reached costs nothing");
    assert_eq!(store.attempt(shop.tenant, planned.id).await.unwrap().price, None);
}
