//! Rules of journals and their owners.

use std::sync::Arc;

use futures_util::future::join_all;

use super::fixture::{Shop, assert_kind, custom, lease};
use super::probe::Probe;
use crate::error::ErrorKind;
use crate::id::Epoch;
use crate::journal::{Fact, JournalEntry};
use crate::store::{AcquireLease, EndReason, EngineStore};
use crate::time::CallTime;

pub(super) async fn entries_read_back_in_order(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(store).await;
    let facts = [
        Fact::Connected,
        Fact::Disclosed { text: "Hej, jag är en AI.".to_owned() },
        Fact::Consent { given: true },
        custom("Bra, tack!", true),
        Fact::Warned,
        Fact::Ended { reason: EndReason::Completed },
    ];
    let entries: Vec<_> = facts.into_iter().zip(1..).map(|(fact, seq)| shop.entry(seq, fact)).collect();
    shop.append(&entries[..3]).await.unwrap();
    shop.append(&[]).await.unwrap();
    shop.append(&entries[3..]).await.unwrap();
    assert_eq!(shop.journal().await, entries);
}

pub(super) async fn a_repeated_append_adds_nothing(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(store).await;
    let entries = [
        shop.entry(1, Fact::Connected),
        shop.entry(2, custom("Bra", true)),
        shop.entry(3, Fact::Warned),
        shop.entry(4, Fact::Warned),
    ];
    shop.append(&entries[..3]).await.unwrap();
    let before = shop.snapshot().await;
    shop.append(&entries[..3]).await.unwrap();
    assert_eq!(shop.snapshot().await, before);
    // A repeated part of a batch does not keep the rest out, and neither does an entry twice in one batch.
    shop.append(&[entries[2].clone(), entries[3].clone(), entries[3].clone()]).await.unwrap();
    assert_eq!(shop.journal().await, entries);
    assert_eq!(shop.events().await.len(), before.events.len() + 1);
}

pub(super) async fn a_taken_number_is_refused(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(store).await;
    shop.append(&[shop.entry(1, Fact::Connected)]).await.unwrap();
    let before = shop.snapshot().await;
    let other = shop.entry(1, Fact::Warned);
    assert_kind(shop.append(&[other]).await, ErrorKind::Conflict);
    assert_kind(shop.append(&[shop.entry(0, Fact::Warned)]).await, ErrorKind::Invalid);
    assert_eq!(shop.snapshot().await, before);
}

pub(super) async fn an_older_owner_is_refused(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(store).await;
    let of = |epoch, seq| JournalEntry { epoch, ..shop.entry(seq, Fact::Warned) };
    let (first, second) = (Epoch::FIRST, Epoch::FIRST.next());
    shop.append(&[of(first, 1)]).await.unwrap();
    assert_eq!(
        shop.store.acquire_lease(shop.tenant, shop.session, AcquireLease::from_anybody(lease(9))).await.unwrap(),
        second
    );
    let before = shop.snapshot().await;
    // Late, repeated and never appointed: none of them owns the session.
    for stale in [of(first, 2), of(first, 1), of(second.next(), 2)] {
        assert_kind(shop.append(&[stale]).await, ErrorKind::Conflict);
        assert_eq!(shop.snapshot().await, before);
    }
    shop.append(&[of(second, 2)]).await.unwrap();
    assert_eq!(shop.journal().await, [of(first, 1), of(second, 2)]);
}

pub(super) async fn a_batch_is_stored_whole_or_not_at_all(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(Arc::clone(&store)).await;
    let elsewhere = Shop::open(store).await;
    shop.append(&[shop.entry(1, Fact::Connected)]).await.unwrap();
    let before = shop.snapshot().await;
    let good = shop.entry(2, custom("Bra", true));
    let bad = [
        JournalEntry { epoch: Epoch::FIRST.next(), ..shop.entry(3, Fact::Warned) },
        shop.entry(1, Fact::Warned),
        shop.entry(0, Fact::Warned),
        elsewhere.entry(1, Fact::Warned),
        JournalEntry { offset: CallTime::ZERO, ..good.clone() },
    ];
    for bad in bad {
        assert!(shop.append(&[good.clone(), bad]).await.is_err());
        assert_eq!(shop.snapshot().await, before);
    }
}

pub(super) async fn concurrent_owners_do_not_share_an_epoch(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(store).await;
    let takers = (0..16).map(|_| {
        let (store, tenant, session) = (Arc::clone(&shop.store), shop.tenant, shop.session);
        tokio::spawn(async move {
            store.acquire_lease(tenant, session, AcquireLease::from_anybody(lease(9))).await.unwrap()
        })
    });
    let mut epochs: Vec<_> = join_all(takers).await.into_iter().map(Result::unwrap).collect();
    epochs.sort_unstable();
    assert_eq!(epochs, (2..18).map(Epoch).collect::<Vec<_>>());
}

pub(super) async fn what_an_extension_refuses_is_not_stored(store: Arc<dyn EngineStore>) {
    let shop = Shop::open(store).await;
    shop.append(&[shop.entry(1, Fact::Connected)]).await.unwrap();
    let before = shop.snapshot().await;
    let entries = [
        shop.entry(1, Fact::Connected),
        shop.entry(2, custom("Bra", true)),
        shop.entry(3, Fact::Warned),
        shop.entry(4, Probe::refused_fact()),
        shop.entry(5, Fact::Warned),
    ];
    assert_kind(shop.append(&entries).await, ErrorKind::Unavailable);
    assert_eq!(shop.snapshot().await, before, "neither the facts nor what follows from them");
    shop.append(&entries[..3]).await.unwrap();
    assert_eq!(shop.journal().await, entries[..3]);
    assert_eq!(shop.events().await.len(), before.events.len() + 1);
}
