//! Calls Media Streams servers and reports: `voicecall-sim call ws://127.0.0.1:8080/media`.
//!
//! Exits with 0 when all calls went as expected, with 1 when one did not, and with 2 when it was used wrongly.

mod args;
mod junit;
mod text;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser as _;
use voicecall_sim::media_streams::Report;

use self::args::{Args, CallArgs, Command};

type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// Used wrongly, as clap says it as well.
const WRONG_USE: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    let Command::Call(args) = Args::parse().command;
    match call(args).await {
        Ok(report) if report.passed() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(WRONG_USE)
        }
    }
}

async fn call(args: CallArgs) -> Result<Report> {
    let (junit, json) = (args.junit.clone(), args.json.clone());
    let report = args.calls()?.run(|call| print(&text::call(call))).await?;
    print(&text::summary(&report));
    if let Some(file) = junit {
        write(&file, &junit::of(&report)?)?;
    }
    if let Some(file) = json {
        write(&file, &serde_json::to_string_pretty(&report)?)?;
    }
    Ok(report)
}

/// Whoever closed our output does not want to read on; the exit code still tells.
fn print(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    std::fs::write(file, text).map_err(|error| format!("cannot write {}: {error}", file.display()))
}
