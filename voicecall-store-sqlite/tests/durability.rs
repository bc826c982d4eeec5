//! What was acknowledged is there: after a kill, and after futures were dropped.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::pin::pin;
use std::process::{Command, Stdio};
use std::task::Poll;

use support::{Folder, entry, session_in};
use voicecall_core::store::{AcquireLease, JournalStore, LeaseTerm, QueueStore, SessionStore};
use voicecall_core::{RecordId, SessionId, TenantId};
use voicecall_store_sqlite::SqliteStore;

/// Set for the process that is to be killed: the file it writes to.
const VICTIM: &str = "VOICECALL_STORE_VICTIM";

async fn journaled(store: &SqliteStore, tenant: TenantId, session: SessionId) -> BTreeSet<u64> {
    store.journal(tenant, session).await.unwrap().into_iter().map(|entry| entry.seq).collect()
}

/// Different at each call: the random end of an id.
fn random_below(limit: u64) -> u64 {
    RecordId::new().as_uuid().as_u64_pair().1 % limit
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_kill() {
    if let Some(file) = std::env::var_os(VICTIM) {
        write_until_killed(Path::new(&file)).await;
    }
    let folder = Folder::new();
    for round in 0..20 {
        let file = folder.file();
        let (tenant, session, acknowledged) = kill_at_random(&file);
        let store = SqliteStore::open(&file).await.unwrap();
        let there = journaled(&store, tenant, session).await;
        let lost: Vec<_> = acknowledged.difference(&there).collect();
        assert!(lost.is_empty(), "round {round}: {lost:?} of {} lost", acknowledged.len());
        assert_eq!(there.len() as u64, there.last().copied().unwrap_or(0), "no holes");
        store.append(tenant, &[entry(session, there.len() as u64 + 1, "after")]).await.unwrap();
    }
}

/// Writes entries four at a time and tells each acknowledged number on standard output.
async fn write_until_killed(file: &Path) -> ! {
    let store = SqliteStore::open(file).await.unwrap();
    let (tenant, session) = session_in(&store).await;
    let mut out = std::io::stdout();
    writeln!(out, "session {tenant} {session}").unwrap();
    for first in (1..).step_by(4) {
        let entries = [0, 1, 2, 3].map(|step| entry(session, first + step, "words"));
        let (one, two) = entries.split_at(1);
        // Both wait at the same time, so that they share a transaction now and then.
        let (one, two) = tokio::join!(store.append(tenant, one), store.append(tenant, two));
        one.and(two).unwrap();
        writeln!(out, "stored {} {}", first, first + 3).unwrap();
    }
    unreachable!("the numbers do not end");
}

fn kill_at_random(file: &Path) -> (TenantId, SessionId, BTreeSet<u64>) {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["what_was_acknowledged_survives_a_kill", "--exact", "--nocapture"])
        .env(VICTIM, file)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines().map_while(Result::ok);
    let (tenant, session) = lines.by_ref().find_map(|line| session_of(&line)).expect("the session is told");
    let enough = random_below(60) as usize;
    let mut acknowledged: BTreeSet<u64> = lines.by_ref().take(enough).flat_map(|line| numbers_of(&line)).collect();
    victim.kill().unwrap();
    victim.wait().unwrap();
    acknowledged.extend(lines.flat_map(|line| numbers_of(&line)));
    (tenant, session, acknowledged)
}

fn session_of(line: &str) -> Option<(TenantId, SessionId)> {
    // The test runner may have begun the line.
    let (_, ids) = line.split_once("session ")?;
    let (tenant, session) = ids.split_once(' ')?;
    Some((tenant.parse().ok()?, session.parse().ok()?))
}

fn numbers_of(line: &str) -> Vec<u64> {
    let numbers = line.strip_prefix("stored ").and_then(|numbers| numbers.split_once(' '));
    let range = numbers.and_then(|(first, last)| Some(first.parse().ok()?..=last.parse().ok()?));
    range.into_iter().flatten().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_futures_lose_nothing_that_was_acknowledged() {
    let folder = Folder::new();
    let file = folder.file();
    let store = SqliteStore::open(&file).await.unwrap();
    let (tenant, session) = session_in(&store).await;
    let (mut acknowledged, mut dropped) = (BTreeSet::new(), 0);
    for seq in 1..=4000 {
        // Some are dropped before they are accepted, some while they are carried out, some not at all.
        let entries = [entry(session, seq, "words")];
        let mut append = pin!(store.append(tenant, &entries));
        let mut stored = None;
        for _ in 0..random_below(4) {
            if let Poll::Ready(result) = poll_fn(|context| Poll::Ready(append.as_mut().poll(context))).await {
                stored = Some(result);
                break;
            }
            tokio::task::yield_now().await;
        }
        if stored.is_none() && random_below(2) == 0 {
            stored = Some(append.await);
        }
        match stored {
            Some(stored) => {
                stored.unwrap();
                acknowledged.insert(seq);
            }
            None => dropped += 1,
        }
        // A cancelled caller must not leave a transaction in which the next one's write would be lost.
        if seq % 100 == 0 {
            let how = AcquireLease::from_anybody(LeaseTerm {
                now: jiff::Timestamp::UNIX_EPOCH,
                length: std::time::Duration::ZERO,
            });
            store.acquire_lease(TenantId::new(), session, how).await.unwrap_err();
            assert_eq!(store.session(tenant, session).await.unwrap().id, session);
        }
    }
    assert!(dropped > 100 && acknowledged.len() > 100, "{dropped} dropped, {} acknowledged", acknowledged.len());
    store.close().await;

    let store = SqliteStore::open(&file).await.unwrap();
    let there = journaled(&store, tenant, session).await;
    assert!(acknowledged.is_subset(&there), "{:?} lost", acknowledged.difference(&there));
    store.append(tenant, &[entry(session, 4001, "after")]).await.unwrap();
}

#[tokio::test]
async fn closing_waits_for_what_was_accepted() {
    let folder = Folder::new();
    let file = folder.file();
    let store = SqliteStore::open(&file).await.unwrap();
    let (tenant, session) = session_in(&store).await;
    for seq in 1..=200 {
        let entries = [entry(session, seq, "words")];
        // Polled once: accepted, and dropped before the answer.
        tokio::select! {
            biased;
            _ = store.append(tenant, &entries) => {}
            () = std::future::ready(()) => {}
        }
    }
    store.close().await;
    let store = SqliteStore::open(&file).await.unwrap();
    assert_eq!(journaled(&store, tenant, session).await.len(), 200);
}
