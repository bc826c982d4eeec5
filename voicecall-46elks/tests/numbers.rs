//! The account's numbers, which are listed page by page.
#![allow(clippy::unwrap_used, reason = "a test that meets an unexpected error should stop there")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use support::{FOREIGN, OURS};
use tokio::net::TcpListener;
use voicecall_core::ErrorKind;
use voicecall_core::carrier::{NumberBackend, NumberWebhooks, VoiceBackend};

const SECOND: &str = "+46766861002";
const NEXT: &str = "2026-01-01T00:00:00.000000";

type Asked = Arc<AtomicUsize>;

/// An account with two pages of numbers, one that was given back among them.
async fn page(State(asked): State<Asked>, Query(query): Query<Vec<(String, String)>>) -> Json<Value> {
    asked.fetch_add(1, Ordering::Relaxed);
    let number = |number: &str, active: &str| json!({ "id": "n1", "number": number, "active": active, "capabilities": ["voice"] });
    let is_second = query.iter().any(|(name, value)| name == "start" && value == NEXT);
    Json(if is_second {
        json!({ "data": [number(SECOND, "yes")] })
    } else {
        json!({ "data": [number(OURS, "yes"), number(FOREIGN, "no")], "next": NEXT })
    })
}

async fn serve() -> (String, Asked) {
    let asked = Asked::default();
    let routes = Router::new().route("/a1/numbers", get(page)).with_state(Arc::clone(&asked));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (address, asked)
}

#[tokio::test]
async fn all_pages_are_listed_and_no_more_are_asked_for_than_are_needed() {
    let (api, asked) = serve().await;
    let requests = || asked.swap(0, Ordering::Relaxed);
    let numbers = support::builder(api.clone()).build_numbers().unwrap();
    let listed: Vec<_> = numbers.list().await.unwrap().iter().map(|owned| owned.number.reveal().to_owned()).collect();
    assert_eq!((listed, requests()), (vec![OURS.to_owned(), SECOND.to_owned()], 2));
    let voice = support::builder(api).build().unwrap();
    for (number, pages) in [(OURS, 1), (SECOND, 2)] {
        let found = voice.number_webhooks(&number.parse().unwrap()).await.unwrap();
        assert_eq!((found, requests()), (NumberWebhooks::default(), pages), "{number}");
    }
    let unknown = voice.number_webhooks(&FOREIGN.parse().unwrap()).await.unwrap_err();
    assert_eq!((unknown.kind(), requests()), (ErrorKind::NotFound, 2), "it was given back");
}
