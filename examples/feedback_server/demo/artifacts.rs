//! What a demo leaves: transcript, report, timeline and the recordings, in one folder.

use std::error::Error;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use voicecall::journal::{Fact, JournalEntry, transcript};
use voicecall::store::DialAttempt;
use voicecall::{SessionId, TenantId};

use super::timeline::{self, Timeline};
use crate::api::{EndReason, SummaryBody};
use crate::app::App;
use crate::files::write_private;
use crate::price;

/// The files, in the order they are written.
pub(super) const FILES: [&str; 5] =
    ["recording.wav", "inputs.jsonl", "transcript.json", "report.json", "timeline.html"];

const EARS: &str = "simulated: they compare the audio with bundled clips, an integrity check of the audio path and not speech recognition";

/// Writes everything, and returns the paths of what there is.
pub(super) async fn write(
    out: &Path,
    app: &App,
    business: TenantId,
    id: SessionId,
    scenario: &str,
) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let journal = app.store.journal(business, id).await?;
    let folder = out.join(id.to_string());
    for file in ["recording.wav", "inputs.jsonl"] {
        if folder.join(file).exists() {
            std::fs::rename(folder.join(file), out.join(file))?;
        }
    }
    if folder.exists() {
        std::fs::remove_dir(&folder)?;
    }
    let lines = transcript(&journal);
    write_private(&out.join("transcript.json"), serde_json::to_string_pretty(&lines)?.as_bytes())?;
    let report = report(app, business, id, scenario, &journal).await?;
    write_private(&out.join("report.json"), serde_json::to_string_pretty(&report)?.as_bytes())?;
    let recording = out.join("recording.wav");
    if recording.exists() {
        let page = Timeline::new(&recording, &lines, &journal)?;
        write_private(&out.join("timeline.html"), timeline::page(&page, &report)?.as_bytes())?;
    }
    let database = std::iter::once(out.join("feedback.sqlite"));
    Ok(FILES.iter().map(|file| out.join(file)).chain(database).filter(|path| path.exists()).collect())
}

async fn report(
    app: &App,
    business: TenantId,
    id: SessionId,
    scenario: &str,
    journal: &[JournalEntry],
) -> Result<Value, Box<dyn Error>> {
    let call = app.store.call(business, id).await?;
    let session = &call.session;
    let answers: Vec<_> = call
        .record
        .responses
        .iter()
        .map(|answer| {
            json!({
                "questionId": answer.question,
                "question": answer.question_text,
                "answer": answer.text,
                "sentiment": answer.sentiment.map(hundredths),
                "confidence": answer.confidence.map(hundredths),
                "durationSeconds": answer.duration.as_secs_f64(),
                "askedAt": answer.asked_at,
                "respondedAt": answer.responded_at,
                "analysis": answer.analysis,
            })
        })
        .collect();
    let cost = price::cost(session, journal);
    let prices = price::prices(session.started_at)?;
    Ok(json!({
        "session": id,
        "scenario": scenario,
        "direction": session.direction,
        "attempts": attempts(app, business, id).await?,
        "simulated": ["carriers", "caller", "transcription", "model", "speech"],
        "ears": EARS,
        "status": session.status,
        "endReason": session.end_reason.map(EndReason::from),
        "durationSeconds": call.duration_seconds(),
        "answers": answers,
        "summary": SummaryBody::of(&call),
        "cost": { "usd": cost.total().micros() as f64 / 1e6, "microUsd": cost, "prices": prices.effective },
        "latency": latency(journal),
    }))
}

/// Through whom the customer was called, and what became of each order.
async fn attempts(app: &App, business: TenantId, id: SessionId) -> Result<Vec<Value>, Box<dyn Error>> {
    let attempts = app.store.attempts(business, id).await?;
    let shown =
        |attempt: &DialAttempt| json!({ "account": attempt.account, "state": attempt.state, "reason": attempt.reason });
    Ok(attempts.iter().map(shown).collect())
}

/// A score to two decimals: more is noise.
fn hundredths(score: f32) -> f64 {
    (f64::from(score) * 100.0).round() / 100.0
}

/// The ledger of every turn, in milliseconds.
fn latency(journal: &[JournalEntry]) -> Vec<Value> {
    let ledger = |entry: &JournalEntry| match &entry.fact {
        Fact::Latency(latency) => {
            let parts: serde_json::Map<_, _> = latency
                .parts()
                .into_iter()
                .map(|(name, part)| (name.to_owned(), json!(part.as_micros() as f64 / 1e3)))
                .collect();
            let total = latency.total().map(|total| total.as_micros() as f64 / 1e3);
            Some(json!({
                "turn": latency.turn,
                "lastVoicedMs": latency.last_voiced.as_millis(),
                "totalMs": total,
                "partsMs": parts,
                "filler": latency.filler,
            }))
        }
        _ => None,
    };
    journal.iter().filter_map(ledger).collect()
}
