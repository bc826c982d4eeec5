//! A load of Twilio media sockets: paced at 20 ms, every frame that comes back counted.
//!
//! Run: `cargo run --release --example media_load -- ws://127.0.0.1:9000/media 200 10 PID`
//!
//! Opens 200 sockets, runs them for 10 seconds, and prints as one line of JSON: frames sent and come back, the CPU
//! time process PID used for each second of call, and its resident memory with all sockets open. What the callers say is
//! a conversation, unless `--signal` says otherwise.
//!
//! With `--count replies`, against a server that answers turns at the default settings, it prints how long replies took:
//! from the frame that ends a turn, which the load knows because it listens to itself with the same detector, to the
//! first frame of the reply. The load's own share of that is in it.

mod caller;
mod options;
mod process;
mod sound;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::caller::{Caller, FRAME, Tally};
use crate::options::Options;
use crate::process::Usage;
use crate::sound::Sound;

/// Calls begin spread over a second, and over a frame.
const SPREAD: Duration = Duration::from_millis(1020);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = match Options::from_args(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    match run(options).await {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<String, Box<dyn Error>> {
    let Options { url, sockets, duration, pid, signal, replies } = options;
    let frames = duration.as_millis() as u64 / FRAME.as_millis() as u64;
    let sound = Arc::new(Sound::new(signal));
    let turn_ends = |number| if replies { sound.turn_ends(number, sockets, frames) } else { Vec::new() };
    let turn_ends: Vec<_> = (0..sockets).map(turn_ends).collect();
    let mut open = Vec::new();
    for number in 0..sockets {
        open.push(Caller::connect(&url, number).await?);
    }
    let begin = Instant::now() + Duration::from_millis(200);
    let mut tasks = JoinSet::new();
    for (number, (caller, turn_ends)) in (0..sockets).zip(open.into_iter().zip(turn_ends)) {
        let begin = begin + SPREAD * number / sockets;
        let sound = Arc::clone(&sound);
        tasks.spawn(async move {
            let payloads = sound.payloads(number, sockets).take(frames as usize);
            caller.speak(begin, payloads, &turn_ends).await
        });
    }
    sleep_until(begin + SPREAD + Duration::from_millis(200)).await;
    let before = (Usage::of(pid)?, Instant::now());
    sleep_until(begin + duration - Duration::from_millis(100)).await;
    let after = (Usage::of(pid)?, Instant::now());
    let mut tally = Tally::default();
    while let Some(one) = tasks.join_next().await {
        tally.add(one?);
    }
    let call_seconds = (after.1 - before.1).as_secs_f64() * f64::from(sockets);
    let cpu = (after.0.cpu - before.0.cpu).as_secs_f64() * 1e6 / call_seconds;
    let (sent, back, resident) = (frames * u64::from(sockets), tally.frames, after.0.resident_kib);
    let used = format!(r#""cpu_us_per_call_second":{cpu:.1},"resident_kib":{resident}"#);
    let counted = if replies { replied(tally) } else { format!(r#""echoed":{back}"#) };
    Ok(format!(r#"{{"sockets":{sockets},"sent":{sent},{counted},{used}}}"#))
}

/// How many turns were replied to, and how soon, in milliseconds.
fn replied(mut tally: Tally) -> String {
    tally.replies.sort_unstable();
    let (replies, unanswered) = (tally.replies.len(), tally.unanswered);
    let quantile = |share: usize| tally.replies.get((replies * share / 100).min(replies.saturating_sub(1)));
    let millis = |share| quantile(share).map_or(f64::NAN, |reply| reply.as_secs_f64() * 1e3);
    format!(
        r#""replies":{replies},"unanswered":{unanswered},"p50_ms":{:.2},"p99_ms":{:.2},"most_ms":{:.2}"#,
        millis(50),
        millis(99),
        millis(100)
    )
}
