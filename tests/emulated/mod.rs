//! An application at the emulated Twilio: the account, who is at the other end, and who talks to them.
#![allow(dead_code, clippy::unwrap_used, reason = "shared by test files; unexpected results end a test")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use url::Url;
use voicecall::agent::{Cascade, VoiceAgent};
use voicecall::twilio::TwilioVoice;
use voicecall_core::testing::{ScriptedModel, ScriptedTranscriber, ScriptedVoice};
use voicecall_sim::caller::ScriptedCaller;
use voicecall_sim::phone::Party;
use voicecall_sim::scenario::Scenario;
use voicecall_sim::twilio::server::{ServerOptions, TwilioServer};
use voicecall_sim::twilio::{Account, Exchange, ExchangeOptions};

pub(crate) const ACCOUNT: &str = "AC00000000000000000000000000000001";
pub(crate) const TOKEN: &str = "simulated-auth-token";
pub(crate) const OURS: &str = "+46700000001";
pub(crate) const THEIRS: &str = "+46701740605";
pub(crate) const PUBLIC: &str = "https://calls.example";

/// Whoever is called or calls: says nothing, and hangs up with the other side.
const PATIENT: &str = r#"
name = "patient"
seed = 1
[caller]
answer = { after = "100 ms" }
"#;

pub(crate) fn party() -> Box<dyn Party> {
    Box::new(ScriptedCaller::new(&PATIENT.parse::<Scenario>().unwrap()).unwrap())
}

/// Speaks each of eight lines for half a second, and hears nothing.
pub(crate) fn agent() -> Arc<dyn VoiceAgent> {
    let voice = (0..8).fold(ScriptedVoice::new(), |voice, _| voice.with_silence(5, Duration::from_millis(100)));
    Arc::new(Cascade::new(Arc::new(ScriptedTranscriber::new()), Arc::new(ScriptedModel::new()), Arc::new(voice)))
}

/// The carrier with these accounts, for an application that is at `app`.
pub(crate) async fn twilio(app: SocketAddr, accounts: Vec<Account>) -> TwilioServer {
    serve(app, Exchange::new(ExchangeOptions::new(1, accounts), |_| party())).await
}

/// Any carrier, for an application that is at `app`.
pub(crate) async fn serve(app: SocketAddr, exchange: Exchange) -> TwilioServer {
    let public: Url = PUBLIC.parse().unwrap();
    TwilioServer::start(exchange, ServerOptions::default().route(&public, app)).await.unwrap()
}

/// The application's way to the account, with this token.
pub(crate) fn carrier(twilio: &TwilioServer, token: &str) -> TwilioVoice {
    TwilioVoice::builder()
        .account_sid(ACCOUNT)
        .auth_token(token.to_owned())
        .public_url(PUBLIC)
        .api_base_url(twilio.api())
        .build()
        .unwrap()
}
