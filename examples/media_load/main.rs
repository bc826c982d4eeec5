//! A load of Twilio media sockets: paced at 20 ms, every echoed frame counted.
//!
//! Run: `cargo run --release --example media_load -- ws://127.0.0.1:9000/media 200 10 PID`
//!
//! Opens 200 sockets, runs them for 10 seconds, and prints as one line of JSON: frames sent and echoed, the CPU
//! time process PID used for each second of call, and its resident memory with all sockets open.

mod process;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use crate::process::Usage;

const FRAME: Duration = Duration::from_millis(20);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let [url, sockets, seconds, pid] = &args[..] else {
        eprintln!("usage: media_load URL SOCKETS SECONDS PID");
        return ExitCode::from(2);
    };
    let (Ok(sockets), Ok(seconds), Ok(pid)) = (sockets.parse(), seconds.parse(), pid.parse()) else {
        eprintln!("SOCKETS, SECONDS and PID are numbers");
        return ExitCode::from(2);
    };
    match run(url, sockets, Duration::from_secs(seconds), pid).await {
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

async fn run(url: &str, sockets: u32, duration: Duration, pid: u32) -> Result<String, Box<dyn std::error::Error>> {
    let echoed = Arc::new(AtomicU64::new(0));
    let mut open = Vec::new();
    for number in 0..sockets {
        let (mut socket, _) = connect_async(url).await?;
        let call = format!("CA{number:032x}");
        let stream = format!("MZ{number:032x}");
        socket.send(Message::text(r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#)).await?;
        let start = format!(
            r#"{{"event":"start","sequenceNumber":"1","streamSid":"{stream}","start":{{"streamSid":"{stream}","accountSid":"AC{number:032x}","callSid":"{call}","tracks":["inbound"],"mediaFormat":{{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}},"customParameters":{{}}}}}}"#
        );
        socket.send(Message::text(start)).await?;
        open.push((socket, stream));
    }
    let frames = duration.as_millis() as u64 / FRAME.as_millis() as u64;
    let begin = Instant::now() + Duration::from_millis(200);
    let mut tasks = JoinSet::new();
    for (number, (socket, stream)) in open.into_iter().enumerate() {
        let (mut sink, mut source) = socket.split();
        let echoed = Arc::clone(&echoed);
        // Sockets are spread over the 20 ms, as calls are.
        let offset = FRAME * number as u32 / sockets;
        let payload = "f37+".repeat(53) + "fw==";
        tasks.spawn(async move {
            while let Some(Ok(message)) = source.next().await {
                if message.is_text() && message.to_text().is_ok_and(|text| text.contains("\"media\"")) {
                    echoed.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        tasks.spawn(async move {
            for frame in 0..frames {
                sleep_until(begin + offset + FRAME * frame as u32).await;
                let (sequence, timestamp) = (frame + 2, frame * 20);
                let text = format!(
                    r#"{{"event":"media","sequenceNumber":"{sequence}","streamSid":"{stream}","media":{{"track":"inbound","chunk":"{frame}","timestamp":"{timestamp}","payload":"{payload}"}}}}"#
                );
                if sink.send(Message::text(text)).await.is_err() {
                    return;
                }
            }
            sleep_until(begin + FRAME * (frames as u32 + 25)).await;
            // The echoes are in; whether the goodbye arrives does not matter.
            let _ = sink.close().await;
        });
    }
    sleep_until(begin + Duration::from_secs(1).min(duration / 4)).await;
    let before = (Usage::of(pid)?, Instant::now());
    sleep_until(begin + duration - Duration::from_millis(100)).await;
    let after = (Usage::of(pid)?, Instant::now());
    while tasks.join_next().await.is_some() {}
    let call_seconds = (after.1 - before.1).as_secs_f64() * f64::from(sockets);
    let cpu = (after.0.cpu - before.0.cpu).as_secs_f64() * 1e6 / call_seconds;
    let sent = frames * u64::from(sockets);
    let back = echoed.load(Ordering::Relaxed);
    Ok(format!(
        r#"{{"sockets":{sockets},"sent":{sent},"echoed":{back},"cpu_us_per_call_second":{cpu:.1},"resident_kib":{}}}"#,
        after.0.resident_kib
    ))
}
