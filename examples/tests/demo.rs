//! The demo, whole: a call over real sockets, and everything it leaves.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

mod support;

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use support::process::Process;
use support::{Folder, column};
use voicecall::audio::FRAME_SAMPLES;
use voicecall_sim::clips::Library;

/// Longer than the call and its preparation on a busy machine.
const DEMO: Duration = Duration::from_secs(150);

const REPLAY: Duration = Duration::from_secs(60);

/// Sound, as opposed to the quiet ends of a clip, in 16-bit samples.
const LOUD: i32 = 100;

const SAMPLES_PER_MS: usize = 8;

/// What the agent says while it thinks.
const FILLERS: [&str; 3] = ["Ett ögonblick.", "Jag tänker lite.", "Förlåt att det tar lite tid."];

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Caller and agent, in 16-bit samples at 8 kHz.
fn channels(recording: &Path) -> [Vec<i32>; 2] {
    let reader = hound::WavReader::open(recording).unwrap();
    assert_eq!((reader.spec().channels, reader.spec().sample_rate), (2, 8000));
    let samples: Vec<i32> = reader.into_samples::<i32>().collect::<Result<_, _>>().unwrap();
    [0, 1].map(|first| samples.iter().skip(first).step_by(2).copied().collect())
}

fn is_loud(sample: &i32) -> bool {
    sample.abs() > LOUD
}

/// How many samples a sentence's clip is quiet for before it sounds.
fn lead_in(sentence: &str) -> usize {
    let speech = Library::bundled().voice("agent", sentence).unwrap();
    speech.audio.iter().position(|&byte| is_loud(&i32::from(voicecall::audio::g711::mulaw::decode(byte)))).unwrap()
}

fn assert_answers(report: &Value) {
    assert_eq!(report["status"], "completed");
    assert!(report["ears"].as_str().unwrap().starts_with("simulated"), "{}", report["ears"]);
    let answers = report["answers"].as_array().unwrap();
    let texts: Vec<_> = answers.iter().map(|answer| answer["answer"].as_str().unwrap()).collect();
    assert_eq!(texts, ["Jag är mycket nöjd, allt gick snabbt.", "Personalen var trevlig och hjälpsam."]);
    assert!(answers.iter().all(|answer| answer["sentiment"].as_f64().is_some()), "{answers:?}");
    let summary = &report["summary"];
    assert!(summary["summary"].as_str().unwrap().contains("Personalen var trevlig och hjälpsam."), "{summary}");
    assert_eq!(summary["sentiment"], 1.0);
    assert_eq!(summary["followUpWanted"], false);
    let usd = report["cost"]["usd"].as_f64().unwrap();
    assert!(usd > 0.0 && usd <= 0.25, "{usd}");
}

/// Where a line of the transcript begins in the recording.
fn samples(line: &Value) -> usize {
    line["from"].as_u64().unwrap() as usize * SAMPLES_PER_MS / 1000
}

/// The ledger's parts add up to its whole, and the whole is what a listener measures on the recording.
fn assert_latency_is_what_can_be_heard(report: &Value, transcript: &Value, recording: &Path) {
    let [caller, agent] = channels(recording);
    assert!(caller.iter().any(is_loud) && agent.iter().any(is_loud), "both are heard");
    let turns = report["latency"].as_array().unwrap();
    assert_eq!(turns.len(), 3, "consent and two answers: {turns:?}");
    for turn in turns {
        let total = turn["totalMs"].as_f64().unwrap();
        let sum: f64 = turn["partsMs"].as_object().unwrap().values().map(|part| part.as_f64().unwrap()).sum();
        assert!((sum - total).abs() < 0.01, "{turn}");
        let last_voiced = turn["lastVoicedMs"].as_u64().unwrap() as usize * SAMPLES_PER_MS;
        // The caller is silent again long before the next turn.
        let until = (last_voiced + 500 * SAMPLES_PER_MS).min(caller.len());
        // Voice is judged in whole frames, so the ledger begins where the last one with sound ends.
        let last = caller[..until].iter().rposition(is_loud).unwrap().next_multiple_of(FRAME_SAMPLES);
        // A filler bridges the wait, it does not end it.
        let reply = transcript.as_array().unwrap().iter().find(|line| {
            let text = line["text"].as_str().unwrap();
            line["speaker"] == "agent" && samples(line) > last && !FILLERS.contains(&text)
        });
        let (reply, text) = (samples(reply.unwrap()), reply.unwrap()["text"].as_str().unwrap());
        let first = reply + agent[reply..].iter().position(is_loud).unwrap();
        // The ledger ends where the agent's audio begins, a listener hears it where its clip begins to sound.
        let quiet = lead_in(text);
        let measured = (first - last - quiet) as f64 / SAMPLES_PER_MS as f64;
        assert!((measured - total).abs() <= 20.0, "turn {}: {measured} ms in the recording, {total} ms", turn["turn"]);
    }
}

fn assert_database(database: &Path) {
    let tables = column(database, "SELECT name FROM sqlite_master WHERE type = 'table'");
    for table in [
        "sessions",
        "question_configurations",
        "session_events",
        "survey_calls",
        "survey_responses",
        "survey_selections",
        "provider_logs",
        "business_contexts",
        "customer_verifications",
    ] {
        assert!(tables.iter().any(|name| name == table), "{table} is missing");
        let rows = column(database, &format!("SELECT CAST(count(*) AS TEXT) FROM {table}"));
        assert_ne!(rows, ["0"], "{table} is empty");
    }
    let events = column(database, "SELECT kind FROM session_events ORDER BY position");
    let expected = [
        "initiated",
        "connecting",
        "answered",
        "ai_connected",
        "question_asked",
        "response_received",
        "question_asked",
        "response_received",
        "completed",
    ];
    assert_eq!(events, expected);
    let times = column(database, "SELECT at FROM session_events ORDER BY position");
    assert!(times.is_sorted(), "{times:?}");
}

/// One file that shows everything, and loads nothing.
fn assert_timeline_stands_alone(page: &str) {
    for link in ["http://", "https://", "src=\"//", "@import", "url("] {
        assert!(!page.contains(link), "{link}");
    }
    assert!(page.contains("Personalen var trevlig och hjälpsam.") && page.contains("totalMs"));
    assert!(!page.contains("{{data}}"));
}

fn contains(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle.as_bytes())
}

/// Not in any file, in any form but a masked one; the folder holds what the program printed as well.
fn assert_nobody_is_named(folder: &Path) {
    let mut files = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            assert_nobody_is_named(&path);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        for number in ["701234567", "70-123 45 67", "0701234567"] {
            assert!(!contains(&bytes, number), "{} names the customer", path.display());
        }
        files += 1;
    }
    assert!(files > 0);
}

/// The recorded call with one byte of what the caller said changed, in the middle of the call.
fn with_one_byte_changed(inputs: &str) -> String {
    const AUDIO: &str = "\"media\":{\"audio\":{\"payload\":\"";
    let half = inputs.len() / 2;
    let at = half + inputs[half..].find(AUDIO).expect("recorded audio") + AUDIO.len() + 60;
    let other = if &inputs[at..=at] == "A" { "B" } else { "A" };
    format!("{}{other}{}", &inputs[..at], &inputs[at + 1..])
}

#[tokio::test]
async fn the_demo_calls_through_the_other_carrier_when_the_preferred_one_refuses() {
    let folder = Folder::new();
    let out = folder.path().join("out");
    let mut demo = Process::start(folder.path(), &["demo", "--fail-primary", "--out", out.to_str().unwrap()], &[]);
    let status = demo.exit(DEMO).await;
    assert!(status.success(), "{status}:\n{}\n{}", demo.output(), demo.log());
    let report = read_json(&out.join("report.json"));
    assert_answers(&report);
    let attempts = report["attempts"].as_array().unwrap();
    let tried: Vec<_> = attempts.iter().map(|attempt| (&attempt["account"], &attempt["state"])).collect();
    assert_eq!(tried, [(&json!("46elks"), &json!("rejected")), (&json!("twilio"), &json!("accepted"))]);
    assert!(demo.output().contains("through 46elks: rejected"), "{}", demo.output());
}

#[tokio::test]
async fn the_demo_leaves_a_whole_call_that_can_be_heard_read_and_replayed() {
    let folder = Folder::new();
    let out = folder.path().join("out");
    let mut demo = Process::start(folder.path(), &["demo", "--out", out.to_str().unwrap()], &[]);
    let status = demo.exit(DEMO).await;
    assert!(status.success(), "{status}:\n{}\n{}", demo.output(), demo.log());

    for file in ["recording.wav", "inputs.jsonl", "transcript.json", "report.json", "timeline.html", "feedback.sqlite"]
    {
        assert!(out.join(file).is_file(), "{file} is missing");
    }
    let (report, transcript) = (read_json(&out.join("report.json")), read_json(&out.join("transcript.json")));
    assert_answers(&report);
    assert_eq!(report["attempts"], json!([{ "account": "46elks", "state": "accepted", "reason": null }]));
    assert_latency_is_what_can_be_heard(&report, &transcript, &out.join("recording.wav"));
    assert_timeline_stands_alone(&std::fs::read_to_string(out.join("timeline.html")).unwrap());
    assert_nobody_is_named(folder.path());
    assert_database(&out.join("feedback.sqlite"));

    let inputs = std::fs::read_to_string(out.join("inputs.jsonl")).unwrap();
    let mut replay = Process::start(&out, &["replay", "inputs.jsonl"], &[]);
    assert!(replay.exit(REPLAY).await.success(), "{}", replay.log());
    std::fs::write(out.join("changed.jsonl"), with_one_byte_changed(&inputs)).unwrap();
    let mut replay = Process::start(&out, &["replay", "changed.jsonl"], &[]);
    assert!(!replay.exit(REPLAY).await.success(), "{}", replay.output());
}
