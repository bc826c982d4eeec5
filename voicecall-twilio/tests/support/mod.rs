//! A small stand-in for Twilio's REST interface with scripted answers, and signatures as Twilio makes them.
#![allow(clippy::unwrap_used, reason = "a test that meets an unexpected error should stop there")]
#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use tokio::net::TcpListener;
use voicecall_twilio::{TwilioBuilder, TwilioVoice};

pub(crate) const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
pub(crate) const TOKEN: &str = "12345";
pub(crate) const PUBLIC_URL: &str = "https://calls.example";

pub(crate) fn builder(api: SocketAddr) -> TwilioBuilder {
    TwilioVoice::builder()
        .account_sid(ACCOUNT)
        .auth_token(TOKEN)
        .public_url(PUBLIC_URL)
        .api_base_url(format!("http://{api}"))
}

/// What Twilio computes over an address and the fields of a form.
pub(crate) fn sign(token: &str, url: &str, fields: &[(String, String)]) -> String {
    let sorted: BTreeSet<_> = fields.iter().collect();
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(token.as_bytes()).unwrap();
    mac.update(url.as_bytes());
    for (name, value) in sorted {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    pub(crate) fn error(status: u16, code: u32) -> Self {
        Self::new(
            status,
            format!(r#"{{"code":{code},"message":"about +46701234567","more_info":"","status":{status}}}"#),
        )
    }

    pub(crate) fn call(status: u16, call_status: &str) -> Self {
        Self::new(status, call_json("CA1", call_status, "Fri, 20 Nov 2026 10:00:00 +0000"))
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

pub(crate) fn call_json(sid: &str, status: &str, created: &str) -> String {
    format!(
        r#"{{"sid":"{sid}","account_sid":"{ACCOUNT}","status":"{status}","date_created":"{created}","duration":"12","start_time":null,"price":null,"subresource_uris":{{}}}}"#
    )
}

#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) authorization: String,
    pub(crate) content_type: String,
    pub(crate) webhook_enabled: String,
    pub(crate) fields: Vec<(String, String)>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Emulator(Arc<Mutex<(VecDeque<Answer>, Vec<Seen>)>>);

impl Emulator {
    /// Serves `answers` in order; afterwards 599.
    pub(crate) async fn start(answers: impl IntoIterator<Item = Answer>) -> (Self, SocketAddr) {
        let emulator = Self(Arc::new(Mutex::new((answers.into_iter().collect(), Vec::new()))));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().fallback(Self::answer).with_state(emulator.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (emulator, address)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.0.lock().unwrap().1.clone()
    }

    async fn answer(State(emulator): State<Self>, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let body: Bytes = to_bytes(body, usize::MAX).await.unwrap();
        let header = |name| parts.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        let seen = Seen {
            method: parts.method.to_string(),
            target: parts.uri.to_string(),
            authorization: header("authorization"),
            content_type: header("content-type"),
            webhook_enabled: header("x-twilio-webhook-enabled"),
            fields: url::form_urlencoded::parse(&body).into_owned().collect(),
        };
        let mut state = emulator.0.lock().unwrap();
        state.1.push(seen);
        let answer = state.0.pop_front().unwrap_or_else(|| Answer::new(599, ""));
        let mut response = (axum::http::StatusCode::from_u16(answer.status).unwrap(), answer.body).into_response();
        for (name, value) in answer.headers {
            response.headers_mut().insert(name, value.parse().unwrap());
        }
        response
    }
}
