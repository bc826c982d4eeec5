//! C17: after a stop of the server, all reports that could not be delivered come at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use voicecall::carrier::{CallStatus, CarrierEvent, CarrierEventKind};
use voicecall::dialogue::{Dialogue, Scripted};
use voicecall::engine::CallKey;
use voicecall::sqlite::SqliteStore;
use voicecall::store::{EndReason, EngineStore};
use voicecall::{TenantId, Vault};
use voicecall_core::testing::ScriptedCarrier;

use super::row::{Row, is_soak, scaled};
use super::served::{Served, post, quantile};
use super::world::{Compose, World};

const SEED: u64 = 0xC17;

/// In this time all of them come.
const STORM: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_that_all_come_at_once_after_a_stop_are_all_taken_in() {
    let mut row =
        Row::new("C17", "reports within 2 s to a server that has just started again over its SQLite file", SEED);
    let folder = std::env::temp_dir().join(format!("voicecall-storm-{}", TenantId::new()));
    std::fs::create_dir_all(&folder).unwrap();
    let (vault, tenant) = (Arc::new(Vault::generate().unwrap()), TenantId::new());
    let carrier = Arc::new(ScriptedCarrier::new());
    let dialogue: Arc<Compose> = Arc::new(|_| Box::new(Scripted::new(["Hello."])) as Box<dyn Dialogue>);
    let open = async || Arc::new(SqliteStore::open(folder.join("calls.sqlite")).await.unwrap()) as Arc<dyn EngineStore>;
    let backend = || Arc::<ScriptedCarrier>::clone(&carrier);
    let served = Served::start(backend(), open().await, &vault, tenant, Arc::clone(&dialogue)).await;
    let mut calls = Vec::new();
    for n in 0..scaled(2_000) {
        let session = served.store.create_session(&served.new_session(&World::number(n))).await.unwrap();
        let session = served.engine.place(&session).await.unwrap();
        let attempt = served.store.attempts(tenant, session.id).await.unwrap().remove(0);
        calls.push((session.id, CallKey::of(&attempt).unwrap(), attempt.call.unwrap()));
    }
    drop(served);

    let mut served = Served::start(carrier, open().await, &vault, tenant, dialogue).await;
    served.engine.recover().await.unwrap();
    served.run_background();
    let (begun, count) = (Instant::now(), calls.len() as u32);
    let mut storm = JoinSet::new();
    for (at, (_, key, call)) in (0..).zip(&calls) {
        let kind = CarrierEventKind::Status { status: CallStatus::Busy, duration: None, cause: None };
        let event = CarrierEvent::new(call.clone(), kind, format!("{call}-end"));
        let request = ScriptedCarrier::webhook_of(&format!("/voice/status?call={key}"), &event);
        let (address, due) = (served.address, begun + STORM * at / count);
        storm.spawn(async move {
            sleep_until(due).await;
            let status = post(address, &request).await.map(|(status, _)| status);
            (status, due.elapsed())
        });
    }
    let (mut refused, mut took) = (0, Vec::new());
    while let Some(answered) = storm.join_next().await {
        let (status, time) = answered.unwrap();
        refused += usize::from(!matches!(status, Ok(204)));
        took.push(time);
    }
    let mut lost = 0;
    for (id, ..) in &calls {
        lost += usize::from(served.session(*id).await.end_reason != Some(EndReason::Busy));
    }
    row.did(calls.len() as u64);
    row.never("reports not answered with success", refused);
    row.never("reports lost", lost);
    let slowest = quantile(&mut took, 0.99).as_millis();
    if is_soak() {
        row.at_most("milliseconds to the answer, 99 of 100 (wall)", slowest, 1000);
    } else {
        row.figure("milliseconds to the answer, 99 of 100 (wall)", slowest);
    }
    drop(served);
    std::fs::remove_dir_all(&folder).unwrap();
    row.finish();
}
