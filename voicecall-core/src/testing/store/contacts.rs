//! Rules of how often people are called.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::fixture::{LEASE, after, assert_kind, connecting, ended, new_session};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{Epoch, TenantId};
use crate::store::{
    AttemptOutcome, CONTACT_LIMIT, CallsWithin, Claim, ContactLimits, DialAttempt, EndReason, EngineStore,
    NUMBER_IN_CALL, NewSession, NumberKey, Session, SessionChange,
};

const NUMBER: NumberKey = NumberKey::from_bytes([7; 16]);
const ANOTHER: NumberKey = NumberKey::from_bytes([8; 16]);

fn claim(number: NumberKey, at: u64) -> Claim {
    Claim { number: Some(number), ..Claim::new(after(at), LEASE) }
}

/// At most two calls a minute, of this kind.
fn two_a_minute() -> Vec<CallsWithin> {
    vec![CallsWithin { calls: 2, within: Duration::from_secs(60) }]
}

async fn waiting(store: &dyn EngineStore, tenant: TenantId) -> Session {
    store.create_session(&new_session(tenant)).await.unwrap()
}

async fn claimed(store: &dyn EngineStore, session: &Session, claim: &Claim) -> Result<Epoch> {
    store.claim_session(session.tenant, session.id, claim).await.map(|(_, owner)| owner)
}

fn assert_waits<T: std::fmt::Debug>(refused: Result<T>, code: &str, seconds: u64) {
    let error: Error = refused.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::RateLimited, Some(code)));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(seconds)));
}

/// A whole call of a new session at this time, from its turn to its end; its order ends with this outcome.
async fn called(store: &dyn EngineStore, tenant: TenantId, claim: &Claim, outcome: &AttemptOutcome) -> Result<()> {
    let session = waiting(store, tenant).await;
    let owner = claimed(store, &session, claim).await?;
    let attempt = DialAttempt::planned(tenant, session.id, "probe", claim.at);
    store.plan_attempt(&attempt).await.unwrap();
    store.begin_sending(tenant, attempt.id, owner).await.unwrap();
    store.settle_attempt(tenant, attempt.id, outcome).await.unwrap();
    store.change_session(tenant, session.id, &ended(EndReason::CallFailed)).await.unwrap();
    Ok(())
}

pub(super) async fn a_number_is_called_by_one_session_at_a_time(store: Arc<dyn EngineStore>) {
    let (first, second) = (waiting(&*store, TenantId::new()).await, waiting(&*store, TenantId::new()).await);
    claimed(&*store, &first, &claim(NUMBER, 1)).await.unwrap();
    let refused = claimed(&*store, &second, &claim(NUMBER, 2)).await;
    assert_waits(refused, NUMBER_IN_CALL, 60);
    let still_waits = store.session(second.tenant, second.id).await.unwrap();
    assert_eq!(still_waits, second, "it waits as before");
    let elsewhere = waiting(&*store, second.tenant).await;
    claimed(&*store, &elsewhere, &claim(ANOTHER, 2)).await.unwrap();

    let change = |change: SessionChange| {
        let store = Arc::clone(&store);
        async move { store.change_session(first.tenant, first.id, &change).await.unwrap() }
    };
    change(connecting()).await;
    assert_waits(claimed(&*store, &second, &claim(NUMBER, 3)).await, NUMBER_IN_CALL, 60);
    // Waiting for its next attempt, it keeps nobody from calling, and waits in turn for whoever does.
    change(SessionChange::Postponed { until: after(9), at: after(4) }).await;
    claimed(&*store, &second, &claim(NUMBER, 5)).await.unwrap();
    let again = claimed(&*store, &store.session(first.tenant, first.id).await.unwrap(), &claim(NUMBER, 9)).await;
    assert_waits(again, NUMBER_IN_CALL, 60);
    store.change_session(second.tenant, second.id, &ended(EndReason::Canceled)).await.unwrap();
    let first = store.session(first.tenant, first.id).await.unwrap();
    claimed(&*store, &first, &claim(NUMBER, 10)).await.unwrap();
}

pub(super) async fn of_many_who_want_to_call_a_number_one_does(store: Arc<dyn EngineStore>) {
    let sessions = join_all((0..16).map(|_| waiting(&*store, TenantId::new()))).await;
    let claims = sessions.into_iter().map(|session| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { claimed(&*store, &session, &claim(NUMBER, 1)).await })
    });
    let claims: Vec<_> = join_all(claims).await.into_iter().map(Result::unwrap).collect();
    let (taken, refused): (Vec<_>, Vec<_>) = claims.into_iter().partition(Result::is_ok);
    assert_eq!(taken.len(), 1);
    refused.into_iter().for_each(|refused| assert_kind(refused, ErrorKind::RateLimited));
}

pub(super) async fn nobody_is_called_more_often_than_allowed(store: Arc<dyn EngineStore>) {
    let limits = ContactLimits { per_number: two_a_minute(), ..ContactLimits::default() };
    let claim = |number, at| Claim { limits: limits.clone(), ..claim(number, at) };
    let unknown = AttemptOutcome::Unknown;
    for at in [10, 40] {
        called(&*store, TenantId::new(), &claim(NUMBER, at), &unknown).await.unwrap();
    }
    assert_waits(called(&*store, TenantId::new(), &claim(NUMBER, 45), &unknown).await, CONTACT_LIMIT, 25);
    called(&*store, TenantId::new(), &claim(ANOTHER, 45), &unknown).await.unwrap();
    called(&*store, TenantId::new(), &claim(NUMBER, 70), &unknown).await.unwrap();
}

pub(super) async fn a_tenant_calls_no_more_often_than_allowed(store: Arc<dyn EngineStore>) {
    let limits = ContactLimits { per_tenant: two_a_minute(), ..ContactLimits::default() };
    let claim = |number: u8, at| Claim { limits: limits.clone(), ..claim(NumberKey::from_bytes([number; 16]), at) };
    let (busy, other) = (TenantId::new(), TenantId::new());
    for (number, at) in [(1, 10), (2, 40)] {
        called(&*store, busy, &claim(number, at), &AttemptOutcome::Unknown).await.unwrap();
    }
    assert_waits(called(&*store, busy, &claim(3, 50), &AttemptOutcome::Unknown).await, CONTACT_LIMIT, 20);
    called(&*store, other, &claim(3, 50), &AttemptOutcome::Unknown).await.unwrap();
    called(&*store, busy, &claim(4, 70), &AttemptOutcome::Unknown).await.unwrap();
}

pub(super) async fn what_was_not_ordered_does_not_count(store: Arc<dyn EngineStore>) {
    let limits = ContactLimits { per_number: two_a_minute(), per_tenant: two_a_minute() };
    let claim = |at| Claim { limits: limits.clone(), ..claim(NUMBER, at) };
    let tenant = TenantId::new();
    for at in 1..5 {
        let refused = AttemptOutcome::Rejected("no".to_owned());
        called(&*store, tenant, &claim(at), &refused).await.unwrap();
        let given_up = waiting(&*store, tenant).await;
        claimed(&*store, &given_up, &claim(at)).await.unwrap();
        store.change_session(tenant, given_up.id, &ended(EndReason::Canceled)).await.unwrap();
    }
    for at in [10, 11] {
        called(&*store, tenant, &claim(at), &AttemptOutcome::Unknown).await.unwrap();
    }
    assert_waits(called(&*store, tenant, &claim(12), &AttemptOutcome::Unknown).await, CONTACT_LIMIT, 58);
}

pub(super) async fn erasing_a_person_forgets_no_call(store: Arc<dyn EngineStore>) {
    let limits = ContactLimits { per_number: two_a_minute(), ..ContactLimits::default() };
    let claim = |at| Claim { limits: limits.clone(), ..claim(NUMBER, at) };
    let tenant = TenantId::new();
    let remote = super::fixture::somebody(tenant);
    for at in [10, 20] {
        let new = NewSession { remote: Some(remote.clone()), ..new_session(tenant) };
        let session = store.create_session(&new).await.unwrap();
        let owner = claimed(&*store, &session, &claim(at)).await.unwrap();
        let attempt = DialAttempt::planned(tenant, session.id, "probe", after(at));
        store.plan_attempt(&attempt).await.unwrap();
        store.begin_sending(tenant, attempt.id, owner).await.unwrap();
        store.change_session(tenant, session.id, &ended(EndReason::CallFailed)).await.unwrap();
    }
    assert_eq!(store.erase_person(tenant, remote.lookup.into()).await.unwrap().sessions.len(), 2);
    assert_waits(called(&*store, tenant, &claim(30), &AttemptOutcome::Unknown).await, CONTACT_LIMIT, 40);
}
