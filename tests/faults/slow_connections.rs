//! C9: thousands of connections that send their headers a byte at a time, beside live calls.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use voicecall::dialogue::{Dialogue, Scripted};
use voicecall::store::{EndReason, MemoryStore};
use voicecall::{TenantId, Vault};
use voicecall_sim::carrier::{CarrierOptions, SimCarrier};
use voicecall_sim::fault::FaultPlan;

use super::hostile_connections::{attacker, connect};
use super::row::{Row, is_soak, scaled};
use super::served::{DEADLINE, Loopback, Served, head, quantile};
use super::world::{Compose, World};

const SEED: u64 = 0xC9;

/// How long one byte takes.
const A_BYTE: Duration = Duration::from_millis(500);

/// Sends a request that never ends, from an address that few share. Returns once it is cut off.
async fn crawls(n: u64, address: std::net::SocketAddr) {
    let Ok(mut stream) = connect(attacker(n), address).await else { return };
    let _ = stream.write_all(b"POST /voice/status HTTP/1.1\r\nhost: x\r\nx-slow: ").await;
    while stream.write_all(b"a").await.is_ok() {
        sleep(A_BYTE).await;
    }
}

/// How long the server takes to answer somebody else.
async fn asks(address: std::net::SocketAddr) -> Duration {
    let begun = Instant::now();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let key = format!("sim.{}", "0".repeat(64));
    let request = format!("POST /voice/{key}/answer HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    assert_eq!(head(&mut stream).await.unwrap().0, 401, "nobody signed it");
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_connections_drop_no_call_and_hold_up_no_webhook() {
    let mut row = Row::new("C9", "connections that send a byte in half a second, beside live calls", SEED);
    let mut options = CarrierOptions::new(FaultPlan::new(SEED, Vec::new()).unwrap());
    options.people.rings_for = Duration::ZERO;
    options.people.rings_up_to = Duration::from_secs(1);
    options.people.speak = Duration::from_millis(600);
    options.dials_after = Duration::ZERO;
    let carrier = SimCarrier::new(options);
    let dialogue: Arc<Compose> = Arc::new(|_| Box::new(Scripted::new(["Tell me."; 3])) as Box<dyn Dialogue>);
    let (vault, store) = (Arc::new(Vault::generate().unwrap()), Arc::new(MemoryStore::new()));
    let backend = Arc::<SimCarrier>::clone(&carrier);
    let mut served = Served::start(backend, store, &vault, TenantId::new(), dialogue).await;
    served.run_background();
    carrier.serve(Some(Arc::new(Loopback(served.address))));
    let slow = scaled(2_000);
    let mut crawling = JoinSet::new();
    for n in 0..slow {
        crawling.spawn(crawls(n, served.address));
    }
    let mut sessions = Vec::new();
    for n in 0..scaled(100) {
        sessions.push(served.engine.submit(&served.new_session(&World::number(n))).await.unwrap().id);
    }
    let mut took = Vec::new();
    let deadline = Instant::now() + DEADLINE;
    while carrier.calls().len() < sessions.len() || carrier.calls().iter().any(|call| !call.status.is_final()) {
        assert!(Instant::now() < deadline, "calls do not end: {:#?}", carrier.log());
        took.push(asks(served.address).await);
        sleep(Duration::from_millis(20)).await;
    }
    let mut dropped = 0;
    for id in &sessions {
        dropped += usize::from(served.session(*id).await.end_reason != Some(EndReason::Completed));
    }
    // All of them are cut off in the end.
    let cut = tokio::time::timeout(DEADLINE, async { while crawling.join_next().await.is_some() {} }).await;
    carrier.serve(None);
    row.did(slow);
    row.some("live calls", sessions.len() as u64);
    row.never("calls dropped or not completed", dropped);
    row.never("slow connections not cut off", crawling.len() + usize::from(cut.is_err()));
    let slowest = quantile(&mut took, 0.99).as_millis();
    if is_soak() {
        row.at_most("milliseconds to answer a webhook, 99 of 100 (wall)", slowest, 200);
    } else {
        row.figure("milliseconds to answer a webhook, 99 of 100 (wall)", slowest);
    }
    row.finish();
}
