//! What a server forgets: what is old, on its day and completely; and one customer, when it is asked to.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

mod support;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use support::past::Past;
use support::process::Process;
use support::world::{PHONE, SHOP, VERIFIED, World, signed_token};
use support::{client, column, traces, until};
use voicecall::SessionId;
use voicecall::store::EndReason;

/// Longer than a whole call lasts on a busy machine.
const WHOLE_CALL: Duration = Duration::from_secs(120);

/// Longer than all jobs take after the start.
const JOBS: Duration = Duration::from_secs(30);

const OTHER_PHONE: &str = "+46709998877";

/// A world whose server keeps all its data in a folder of its own.
async fn world(scenario: &str) -> World {
    let mut world = World::start(scenario).await;
    world.set("DATABASE_PATH", "data/feedback.sqlite");
    world.set("RECORDINGS_PATH", "data/recordings");
    std::fs::create_dir_all(data(&world)).unwrap();
    world
}

fn data(world: &World) -> PathBuf {
    world.folder.path().join("data")
}

fn database(world: &World) -> PathBuf {
    data(world).join("feedback.sqlite")
}

async fn past(world: &World) -> Past {
    Past::open(&database(world), data(world).join("recordings")).await
}

fn rows(world: &World, query: &str) -> Vec<String> {
    column(&database(world), query)
}

async fn get(world: &World, path: &str, status: u16) -> Value {
    let request = client().get(world.url(path)).bearer_auth(signed_token(&[SHOP], 600));
    support::json(request.send().await.unwrap(), status).await
}

async fn post(world: &World, path: &str, body: &Value) -> Value {
    let request = client().post(world.url(path)).bearer_auth(signed_token(&[SHOP], 600)).json(body);
    support::json(request.send().await.unwrap(), 200).await
}

/// Waits until every job has run once more than `times`, and returns what the last runs did, in their order.
async fn jobs_ran(world: &World, server: &mut Process, times: usize) -> Vec<String> {
    const RUNS: &str =
        "SELECT job || ' ' || affected || coalesce(' ' || error, '') FROM retention_runs ORDER BY position";
    until("a run of all jobs", JOBS, async || {
        server.must_live();
        let runs = rows(world, RUNS);
        (runs.len() == 5 * (times + 1)).then(|| runs[5 * times..].to_vec())
    })
    .await
}

async fn stop(mut server: Process) {
    server.terminate();
    assert!(server.exit(WHOLE_CALL).await.success(), "{}", server.log());
}

fn folders(world: &World) -> Vec<String> {
    let folders = std::fs::read_dir(data(world).join("recordings")).unwrap();
    let mut names: Vec<_> = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn text(ids: &[SessionId]) -> Vec<String> {
    let mut ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
    ids.sort();
    ids
}

fn as_bytes(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

#[tokio::test]
async fn what_is_old_is_forgotten_on_its_day_and_nothing_else() {
    let world = world("happy").await;
    let past = past(&world).await;
    let call = async |days, reason, words| past.call(days, reason, OTHER_PHONE, words).await;
    let failed_lately = call(6, EndReason::RemoteHangup, "kanarie sex").await;
    let failed = call(8, EndReason::RemoteHangup, "kanarie åtta").await;
    let lately = call(29, EndReason::Completed, "kanarie tjugonio, det var Zorbax").await;
    let month = call(31, EndReason::Completed, "kanarie trettioett, det var Zorbax").await;
    let quarter = call(91, EndReason::Completed, "kanarie nittioett, ring 070-123 45 67").await;
    let gone = SessionId::new();
    past.leave_files(gone, "kanarie utan samtal");
    past.close().await;

    let mut server = world.serve().await;
    let runs = jobs_ran(&world, &mut server, 0).await;

    let expected =
        ["archive_events 5", "purge_provider_logs 2", "purge_failed_sessions 1", "delete_recordings 3", "anonymise 2"];
    assert_eq!(runs, expected);
    let sessions = "SELECT id FROM sessions ORDER BY id";
    assert_eq!(rows(&world, sessions), text(&[failed_lately, lately, month, quarter]));
    assert_eq!(folders(&world), text(&[failed_lately, lately]));
    let transcripts =
        rows(&world, "SELECT transcript FROM survey_calls JOIN sessions ON id = session_id ORDER BY started_at");
    assert_eq!(
        transcripts,
        [
            "caller: kanarie nittioett, ring [nummer]",
            "caller: kanarie trettioett, det var [namn]",
            "caller: kanarie tjugonio, det var Zorbax",
            "caller: kanarie sex",
        ]
    );
    assert_eq!(rows(&world, "SELECT DISTINCT session_id FROM session_events_archive"), [quarter.to_string()]);
    let detail = get(&world, &format!("/api/calls/{quarter}"), 200).await;
    assert_eq!((&detail["anonymised"], &detail["consent"]["given"]), (&json!(true), &json!(true)));
    assert_eq!(detail["consent"]["disclosure"], "Jag är en AI.", "this can still be shown");
    assert_eq!(detail["timeline"].as_array().unwrap().len(), 5, "what is archived is still read");
    assert_eq!(detail["call"]["summary"]["summary"], "kanarie nittioett, ring [nummer]");
    get(&world, &format!("/api/calls/{failed}"), 404).await;
    // Nothing of it is left in any file: not in the database's own, not beside it.
    let mut traces = as_bytes(&["kanarie åtta", "070-123 45 67", "kanarie utan samtal"]);
    traces.extend(traces::of_id(&failed.to_string()).into_iter().chain(traces::of_id(&gone.to_string())));
    assert_eq!(traces::in_files(&data(&world), &traces), [""; 0]);
    stop(server).await;

    let mut server = world.serve().await;
    let none = expected.map(|run| format!("{} 0", run.split_once(' ').unwrap().0));
    assert_eq!(jobs_ran(&world, &mut server, 1).await, none, "once is enough");
}

#[tokio::test]
async fn what_a_crash_leaves_half_forgotten_is_forgotten_by_the_next_run() {
    let world = world("happy").await;
    let past = past(&world).await;
    let failed = past.call(8, EndReason::RemoteHangup, OTHER_PHONE, "kanarie").await;
    let kept = past.call(1, EndReason::Completed, OTHER_PHONE, "kvar").await;
    past.close().await;
    // As if the process had ended after the files and before the row.
    let change = |sql: &str| rusqlite::Connection::open(database(&world)).unwrap().execute_batch(sql).unwrap();
    change("CREATE TRIGGER crash BEFORE DELETE ON sessions BEGIN SELECT RAISE(ABORT, 'crash'); END");
    let mut server = world.serve().await;
    let runs = jobs_ran(&world, &mut server, 0).await;
    assert!(runs[2].starts_with("purge_failed_sessions 0 delete session"), "{runs:?}");
    assert_eq!(folders(&world), text(&[kept]), "files first");
    assert_eq!(rows(&world, "SELECT id FROM sessions ORDER BY id"), text(&[failed, kept]), "so that it is found again");
    stop(server).await;
    change("DROP TRIGGER crash");

    let mut server = world.serve().await;
    let runs = jobs_ran(&world, &mut server, 1).await;

    assert_eq!(runs[2], "purge_failed_sessions 1");
    assert_eq!(rows(&world, "SELECT id FROM sessions"), text(&[kept]));
    assert_eq!(folders(&world), text(&[kept]));
}

#[tokio::test]
async fn a_call_is_summed_up_can_be_proved_and_is_erased_without_a_trace() {
    let world = world("happy").await;
    let past = past(&world).await;
    let other = past.call(1, EndReason::Completed, OTHER_PHONE, "en annan kunds ord").await;
    past.close().await;
    let server = world.serve().await;
    let session = world.initiate_in(&database(&world)).await;
    let path = format!("/api/calls/{session}");
    let detail = until("the summary of the call", WHOLE_CALL, async || {
        let detail = get(&world, &path, 200).await;
        detail["call"].get("summary").is_some().then_some(detail)
    })
    .await;

    let summary = &detail["call"]["summary"];
    let said = "Kunden sade: ”Jag är mycket nöjd, allt gick snabbt.” ”Personalen var trevlig och hjälpsam.”";
    assert_eq!(
        *summary,
        json!({ "summary": said, "sentiment": 1.0, "topics": ["väntetid", "personal"], "followUpWanted": false })
    );
    let consent = &detail["consent"];
    assert!(consent["disclosure"].as_str().unwrap().contains("AI"), "{consent}");
    assert_eq!((&consent["given"], &consent["words"]), (&json!(true), &json!("Ja, det går bra.")));
    let (disclosed, decided) = (consent["disclosedAt"].as_str().unwrap(), consent["decidedAt"].as_str().unwrap());
    assert!(detail["call"]["connectedAt"].as_str().unwrap() < disclosed && disclosed < decided, "{consent}");
    let parts = ["carrier", "transcription", "speech", "model"].map(|part| detail["cost"][part].as_f64().unwrap());
    let total = detail["call"]["costEstimate"].as_f64().unwrap();
    assert!((parts.iter().sum::<f64>() - total).abs() < 1e-9, "{}", detail["cost"]);
    let costs = "SELECT CAST(json_extract(fact, '$.total') AS TEXT) FROM facts
                 WHERE json_extract(fact, '$.fact') = 'cost' ORDER BY seq";
    let of_call: f64 = rows(&world, costs).pop().unwrap().parse().unwrap();
    assert!(total * 1e6 > of_call, "the summary has its price: {total}, {of_call}");

    let customer = json!({ "businessId": SHOP, "customerPhone": PHONE });
    let export = post(&world, "/api/customers/export", &customer).await.to_string();
    let canaries =
        ["Jag är mycket nöjd, allt gick snabbt.", "Personalen var trevlig och hjälpsam.", "Ja, det går bra."];
    let call = rows(&world, "SELECT carrier_call FROM attempts ORDER BY position").pop().unwrap();
    let mut traces = as_bytes(&canaries);
    traces.push(call.into_bytes());
    let phone: Vec<_> = traces::of_phone(PHONE).into_iter().map(String::into_bytes).collect();
    let ids = [traces::of_id(&session), traces::of_id(VERIFIED)].concat();
    for trace in traces.iter().chain([&ids[0]]) {
        let one = std::slice::from_ref(trace);
        let there = [traces::in_files(&data(&world), one), traces::in_tables(&database(&world), one)];
        assert!(there.iter().all(|found| !found.is_empty()), "the search itself works: {there:?}");
        assert_eq!(traces::find("the export", export.as_bytes(), one).len(), 1);
    }
    assert_eq!(folders(&world).len(), 2);

    let erased = post(&world, "/api/customers/erase", &customer).await;

    assert_eq!(erased, json!({ "sessions": 1, "recordings": 1, "verifications": 1 }));
    traces.extend(phone.into_iter().chain(ids));
    assert_eq!(traces::in_files(&data(&world), &traces), [""; 0]);
    assert_eq!(traces::in_tables(&database(&world), &traces), [""; 0]);
    get(&world, &path, 404).await;
    let day =
        |days: i64| (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days)).strftime("%F").to_string();
    let days = format!("from={}&until={}", day(-2), day(1));
    for path in [
        "/api/calls?",
        "/api/questions/selections?",
        &format!("/api/analytics?{days}&"),
        &format!("/api/analytics.csv?{days}&"),
    ] {
        let request = client().get(world.url(&format!("{path}businessId={SHOP}")));
        let response = request.bearer_auth(signed_token(&[SHOP], 60)).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(traces::find(path, &response.bytes().await.unwrap(), &traces), [""; 0]);
    }
    let nothing = post(&world, "/api/customers/export", &customer).await;
    assert_eq!((&nothing["sessions"], &nothing["verifications"]), (&json!([]), &json!([])));

    let others = json!({ "businessId": SHOP, "customerPhone": OTHER_PHONE });
    let kept = post(&world, "/api/customers/export", &others).await;
    assert_eq!(kept["sessions"][0]["transcript"], "caller: en annan kunds ord", "nobody else's is lost");
    assert_eq!(folders(&world), text(&[other]));
    // The log may name a session, which is then the name of nothing.
    let log = server.log();
    assert_eq!(traces::find("the log", log.as_bytes(), &as_bytes(&canaries)), [""; 0]);
    assert!(!log.contains("701234567"));
}

#[tokio::test]
async fn of_a_call_without_consent_there_is_neither_sound_nor_word() {
    let world = world("declines").await;
    let _server = world.serve().await;
    let session = world.initiate_in(&database(&world)).await;
    let detail = until("the end of the call", WHOLE_CALL, async || {
        let detail = get(&world, &format!("/api/calls/{session}"), 200).await;
        detail["call"].get("endedAt").is_some().then_some(detail)
    })
    .await;

    assert_eq!(detail["call"]["endReason"], "declined");
    let consent = &detail["consent"];
    assert_eq!(consent["given"], false);
    assert!(consent["disclosedAt"].as_str().unwrap() < consent["decidedAt"].as_str().unwrap(), "{consent}");
    assert_eq!(consent.get("words"), None, "nothing but the refusal is kept");
    assert_eq!(detail["transcript"], json!([]));
    assert_eq!(detail["call"].get("summary"), None);
    assert!(!data(&world).join("recordings").join(&session).exists());
    assert_eq!(traces::in_files(&data(&world), &as_bytes(&["Nej tack", "RIFF"])), [""; 0]);
}
