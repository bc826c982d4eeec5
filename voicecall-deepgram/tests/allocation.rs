//! A frame is copied once on its way to the socket: into the message that owns it. The counter sees this thread alone, so
//! the server has another.

#![allow(clippy::unwrap_used, reason = "a test that meets an unexpected result should stop there")]

use std::net::SocketAddr;
use std::sync::mpsc;

use allocation_counter::{AllocationInfo, measure};
use futures_util::{SinkExt as _, StreamExt as _, stream};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;
use voicecall_core::audio::{FRAME_SAMPLES, Frame};
use voicecall_core::model::{SpeechToText as _, TranscriptionOptions};
use voicecall_deepgram::{DeepgramTranscription, Endpoint};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A server that reads to the end of each turn, and then says that it was all.
fn server() -> SocketAddr {
    let (tell, address) = mpsc::channel();
    std::thread::spawn(move || {
        runtime().block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            loop {
                let mut socket = accept_async(listener.accept().await.unwrap().0).await.unwrap();
                while !matches!(socket.next().await, Some(Ok(Message::Text(_))) | None) {}
                socket.send(Message::text(r#"{"type":"Metadata"}"#)).await.unwrap();
            }
        });
    });
    address.recv().unwrap()
}

fn turn(ear: &DeepgramTranscription, frames: usize) -> AllocationInfo {
    let runtime = runtime();
    measure(|| {
        runtime.block_on(async {
            let audio = stream::iter(std::iter::repeat_n(Frame::SILENCE, frames)).boxed();
            let transcripts: Vec<_> = ear.transcribe(audio, &TranscriptionOptions::default()).collect().await;
            assert!(transcripts[0].as_ref().unwrap().is_final);
        });
    })
}

#[test]
fn a_frame_costs_one_allocation_of_its_own_size() {
    let endpoint = Endpoint::new(&format!("http://{}", server()), "nova-3").unwrap();
    let ear = DeepgramTranscription::new(endpoint).unwrap();
    // Both fill the write buffer, which then grows no more.
    let (few, many) = (turn(&ear, 2_000), turn(&ear, 6_000));
    let allocations = (many.count_total - few.count_total) as f64 / 4_000.0;
    let bytes = (many.bytes_total - few.bytes_total) as f64 / 4_000.0;
    assert!(allocations < 1.05, "{allocations} allocations for each frame");
    assert!(bytes < 1.05 * FRAME_SAMPLES as f64, "{bytes} bytes for each frame");
}
