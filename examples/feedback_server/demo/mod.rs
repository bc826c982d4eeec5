//! The demo: the whole service calls a simulated customer over real sockets, and leaves everything for a look.

mod artifacts;
mod screen;
mod timeline;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use voicecall::server;
use voicecall::survey::store::VerificationId;
use voicecall::{SessionId, TenantId};

use crate::api::Scope;
use crate::app::App;
use crate::files;
use crate::recordings;
use crate::seed::{DEMO, Seed};
use crate::settings::Settings;
use crate::simulator::{Order, Simulator};

/// Longer than any interview lasts, ringing included.
const LONGEST_CALL: Duration = Duration::from_secs(240);

/// How long the call may go on once its session is over.
const DRAIN: Duration = Duration::from_secs(20);

/// How often, and how many times, is looked whether the call is summed up.
const SUMMARY_LOOK: Duration = Duration::from_millis(100);
const SUMMARY_LOOKS: u32 = 150;

/// Calls a simulated customer and leaves recording, transcript, report, timeline, inputs and database in `out`.
///
/// # Errors
/// When anything of that fails, or the session does not end as a completed one in the scenario that asks for it.
pub(crate) async fn run(out: &Path, scenario: &str, fail_primary: bool) -> Result<(), Box<dyn Error>> {
    files::private_folder(out)?;
    clear(out)?;
    let settings = Settings::simulated(out.to_owned(), "127.0.0.1:0")?;
    let listener = server::listen("LISTEN", &settings.listen).await?;
    let (public, local, scenario_name) = (settings.public_url.clone(), listener.local_addr()?, scenario.to_owned());
    let simulator = Simulator::start(&Order { public, local, scenario: scenario_name, fail_primary }).await?;
    let seed = Seed::parse(DEMO)?;
    let (business, verification) = customer(&seed)?;
    let app = App::start(&settings, simulator.services(&settings)?, listener, &seed, DRAIN).await?;
    println!("server on http://{}, simulated carriers and AI services in a process of their own", app.server.address());
    let screen = screen::start(app.server.engine());
    let phone = seed.business.first().and_then(|business| business.verification.first());
    let phone = phone.map(|verification| verification.phone.reveal().to_owned()).unwrap_or_default();
    let token = app.tokens.issue("demo", &[business], &[Scope::Read, Scope::Operate])?;
    let client = reqwest::Client::new();
    let order = json!({ "verificationId": verification, "businessId": business, "customerPhone": phone });
    let url = format!("http://{}/api/calls", app.server.address());
    let placed = client.post(format!("{url}/initiate")).bearer_auth(&token).json(&order).send().await?;
    let status = placed.status();
    let session: Value = placed.json().await?;
    if status != 201 {
        return Err(format!("the call was refused: {session}").into());
    }
    let id: SessionId = session["id"].as_str().ok_or("no session id")?.parse()?;
    println!("session {id}: POST /api/calls/initiate answered {status}\n");
    let session = tokio::time::timeout(LONGEST_CALL, ended(&client, &format!("{url}/{id}/status"), &token)).await??;
    app.server.engine().shutdown(DRAIN).await;
    screen.abort();
    summed_up(&app, business, id).await?;
    let text = |field: &str| session[field].as_str().unwrap_or("?").to_owned();
    println!("\nsession {id}: {} ({})", text("status"), text("endReason"));
    for attempt in app.store.attempts(business, id).await? {
        let because = attempt.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
        println!("  through {}: {}{because}", attempt.carrier, attempt.state.as_str());
    }
    let written = artifacts::write(out, &app, business, id, scenario).await?;
    app.run_until(std::future::ready(())).await?;
    for path in written {
        println!("  {}", path.display());
    }
    match (scenario, session["status"].as_str()) {
        ("happy", Some("completed")) => Ok(()),
        ("happy", other) => Err(format!("the session ended as {other:?}").into()),
        _ => Ok(()),
    }
}

/// The session as its own interface shows it, once it is over.
async fn ended(client: &reqwest::Client, url: &str, token: &str) -> Result<Value, reqwest::Error> {
    loop {
        let session: Value = client.get(url).bearer_auth(token).send().await?.json().await?;
        if matches!(session["status"].as_str(), Some("completed" | "timeout" | "failed")) {
            return Ok(session);
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// Waits for the summary of a call in which something was said. A demo whose model gives none goes on without.
async fn summed_up(app: &App, business: TenantId, id: SessionId) -> voicecall::Result<()> {
    for _ in 0..SUMMARY_LOOKS {
        let call = app.store.call(business, id).await?;
        if call.transcript.is_none() || call.record.analysis.is_some() {
            return Ok(());
        }
        tokio::time::sleep(SUMMARY_LOOK).await;
    }
    Ok(())
}

fn customer(seed: &Seed) -> Result<(TenantId, VerificationId), &'static str> {
    let business = seed.business.first().ok_or("the seed has no business")?;
    let verification = business.verification.first().ok_or("the seed has no verification")?;
    Ok((business.id, verification.id))
}

/// A demo starts afresh: what an earlier one left is removed, and nothing else.
fn clear(out: &Path) -> std::io::Result<()> {
    let files = ["feedback.sqlite", "feedback.sqlite-wal", "feedback.sqlite-shm"];
    let old: Vec<PathBuf> = files.iter().chain(&artifacts::FILES).map(|file| out.join(file)).collect();
    for path in old.iter().filter(|path| path.exists()) {
        std::fs::remove_file(path)?;
    }
    // Of calls that broke off with their demo.
    for session in recordings::sessions_below(out)? {
        std::fs::remove_dir_all(out.join(session.to_string()))?;
    }
    Ok(())
}
