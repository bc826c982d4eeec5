//! A tenant who reads as much as possible, and what that costs the server and everybody else.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

mod support;

use std::time::{Duration, Instant};

use serde_json::Value;
use support::past::Past;
use support::world::{SHOP, SILENT_SHOP, World, signed_token};
use support::{client, json};
use tokio::task::JoinSet;

const READERS: usize = 12;

/// The longest event that ever was taken in.
const EVENT: usize = 255_000;

/// The items of an answer are at most this long, and what stands around them.
const LONGEST_ANSWER: usize = 1024 * 1024 + 1024;

/// How many answers each reader asks for.
const PAGES: usize = 25;

/// How much the server may grow by it.
const MOST_GROWTH: u64 = 256 * 1024 * 1024;

/// As many as a timeline holds.
const EVENTS: usize = 1000;

/// Reads events as fast as the server gives them, a hundred at a time if it gave as many. Returns how many there were, and how
/// long the longest answer was.
async fn read(url: String, token: String) -> (usize, usize) {
    let (mut events, mut longest, mut page, mut limit) = (0, 0, 1, 100);
    for _ in 0..PAGES {
        let request = client().get(format!("{url}?page={page}&limit={limit}")).bearer_auth(&token);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let bytes = answer.bytes().await.unwrap();
        longest = longest.max(bytes.len());
        let answer: Value = serde_json::from_slice(&bytes).unwrap();
        events += answer["events"].as_array().unwrap().len();
        let told = &answer["pagination"];
        if !told["hasNext"].as_bool().unwrap() {
            break;
        }
        (page, limit) = (told["page"].as_u64().unwrap() + 1, told["perPage"].as_u64().unwrap());
    }
    (events, longest)
}

#[tokio::test]
async fn who_reads_as_much_as_possible_fills_no_memory_and_holds_up_nobody() {
    let mut world = World::start("happy").await;
    world.set("RATE_PER_TOKEN", 100_000);
    world.set("RATE_BURST", 100_000);
    let folder = world.folder.path().to_owned();
    let past = Past::open(&folder.join("feedback.sqlite"), folder.join("recordings")).await;
    let session = past.asked_for("+46709998877", 48).await;
    past.fill(session, EVENTS, EVENT).await;
    past.close().await;
    let mut server = world.serve().await;
    let before = server.peak_memory();

    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        let url = world.url(&format!("/api/calls/{session}/events"));
        readers.spawn(read(url, signed_token(&[SHOP], 3600)));
    }
    let other = world.url(&format!("/api/calls?businessId={SILENT_SHOP}"));
    let (token, mut took) = (signed_token(&[SILENT_SHOP], 3600), Vec::new());
    while !readers.is_empty() {
        let begun = Instant::now();
        json(client().get(&other).bearer_auth(&token).send().await.unwrap(), 200).await;
        took.push(begun.elapsed());
        while let Some(read) = readers.try_join_next() {
            let (events, longest) = read.unwrap();
            assert!(events >= PAGES, "each answer brings at least one: {events}");
            assert!(longest <= LONGEST_ANSWER, "{longest}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    server.must_live();
    took.sort();
    let grown = server.peak_memory() - before;
    let at = |share: usize| took[(took.len() - 1) * share / 100];
    println!(
        "{READERS} readers of {} events of {EVENT} bytes: {} MiB more memory at most; another tenant's answers (wall, {}): \
         half within {:?}, 99 of 100 within {:?}",
        EVENTS,
        grown / 1024 / 1024,
        took.len(),
        at(50),
        at(99),
    );
    assert!(grown < MOST_GROWTH, "{grown}");
}
