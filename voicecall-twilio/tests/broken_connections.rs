//! Connections that fail before, while and after an order leaves: what is certain, what is in doubt.
#![allow(clippy::unwrap_used, reason = "a test that meets an unexpected error should stop there")]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use support::builder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use voicecall_core::ErrorKind;
use voicecall_core::carrier::{FindCalls, PlaceCall, VoiceBackend};
use voicecall_twilio::TwilioVoice;

fn order() -> PlaceCall {
    let mut order = PlaceCall::new(
        "+46701234567".parse().unwrap(),
        "+15005550006".parse().unwrap(),
        "https://calls.example/answer/7".parse().unwrap(),
        "https://calls.example/status/7".parse().unwrap(),
    );
    order.ring_timeout = Duration::from_secs(25);
    order.time_limit = Duration::from_secs(135);
    order
}

fn twilio(address: SocketAddr) -> TwilioVoice {
    builder(address).build().unwrap()
}

/// What the server does with the n-th request it has read in full.
#[derive(Clone, Copy)]
enum Fate {
    Answer(&'static str),
    Drop,
    Silence,
}

/// A server that counts the requests it has read in full.
async fn server(fates: &'static [Fate]) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(socket, fates, Arc::clone(&counter)));
        }
    });
    (address, count)
}

async fn serve(mut socket: TcpStream, fates: &'static [Fate], counter: Arc<AtomicUsize>) {
    while read_request(&mut socket).await {
        let number = counter.fetch_add(1, Ordering::SeqCst);
        match fates.get(number).copied().unwrap_or(Fate::Drop) {
            Fate::Answer(answer) => socket.write_all(answer.as_bytes()).await.unwrap(),
            Fate::Drop => return,
            Fate::Silence => std::future::pending().await,
        }
    }
}

async fn read_request(socket: &mut TcpStream) -> bool {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        match socket.read(&mut byte).await {
            Ok(1) => request.push(byte[0]),
            _ => return false,
        }
    }
    let head = String::from_utf8(request).unwrap().to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    socket.read_exact(&mut vec![0; length]).await.is_ok()
}

const ACTIVE: Fate = Fate::Answer("HTTP/1.1 200 OK\r\ncontent-length: 19\r\n\r\n{\"status\":\"active\"}");

#[tokio::test]
async fn without_a_connection_nothing_was_placed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = twilio(address).place(&order()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.is_retryable());
}

#[tokio::test]
async fn an_order_that_was_read_and_not_answered_is_in_doubt_and_sent_once() {
    let (address, count) = server(&[Fate::Drop]).await;
    let error = twilio(address).place(&order()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownOutcome);
    assert!(!format!("{error:?}").contains("4670123"), "{error:?}");
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_order_on_a_used_connection_that_breaks_is_sent_once() {
    let (address, count) = server(&[ACTIVE, Fate::Drop]).await;
    let twilio = twilio(address);
    twilio.health().await.unwrap();
    let error = twilio.place(&order()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownOutcome);
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn half_an_answer_to_an_order_is_a_doubt() {
    let (address, count) =
        server(&[Fate::Answer("HTTP/1.1 201 Created\r\ncontent-length: 999\r\n\r\n{\"sid\":"), Fate::Drop]).await;
    // The rest never comes, and the client has to give up by itself.
    let twilio = builder(address)
        .connect_timeout(Duration::from_millis(100))
        .request_timeout(Duration::from_millis(300))
        .build()
        .unwrap();
    assert_eq!(twilio.place(&order()).await.unwrap_err().kind(), ErrorKind::UnknownOutcome);
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn silence_leaves_an_order_in_doubt_and_a_question_unanswered() {
    let (address, count) = server(&[Fate::Silence, Fate::Silence, Fate::Silence]).await;
    let twilio = twilio(address);
    let started = tokio::time::Instant::now();

    assert_eq!(twilio.place(&order()).await.unwrap_err().kind(), ErrorKind::UnknownOutcome);
    assert_eq!(started.elapsed().as_secs(), 10);

    let PlaceCall { to, from, .. } = order();
    let query = FindCalls { to, from, since: jiff::Timestamp::UNIX_EPOCH };
    assert_eq!(twilio.find(&query).await.unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(
        twilio.hang_up(&voicecall_core::CarrierCallId::new("CA1")).await.unwrap_err().kind(),
        ErrorKind::Timeout
    );
    assert_eq!(count.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_question_whose_connection_breaks_may_be_repeated() {
    let (address, _) = server(&[Fate::Drop]).await;
    let error = twilio(address).health().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.is_retryable());
}
