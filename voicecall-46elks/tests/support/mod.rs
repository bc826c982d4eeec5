//! An account at the emulated 46elks, and our side of it.
#![allow(clippy::unwrap_used, reason = "a test that meets an unexpected error should stop there")]
#![allow(dead_code, reason = "each test file uses its own part")]

use std::net::SocketAddr;

use url::Url;
use voicecall_46elks::{ElksBuilder, ElksMessaging, ElksVoice};
use voicecall_core::carrier::{NumberWebhooks, VoiceBackend};
use voicecall_core::messaging::ConversationalBackend;
use voicecall_sim::elks46::{ElksNumber, ElksOptions, ElksServer, ServerOptions};
use voicecall_sim::phone::{Answer, Silent};

pub(crate) const USER: &str = "u00000000000000000000000000000001";
pub(crate) const PASSWORD: &str = "simulated-password";
pub(crate) const PUBLIC: &str = "https://calls.example";
pub(crate) const OURS: &str = "+46766861001";
pub(crate) const SOCKET: &str = "+4600700001";
pub(crate) const FOREIGN: &str = "+46766861099";
pub(crate) const THEIRS: &str = "+46701740605";

pub(crate) fn account() -> ElksOptions {
    // One of the numbers was given back, and is listed all the same.
    let numbers = vec![ElksNumber::new(OURS), ElksNumber::websocket(SOCKET), ElksNumber::deallocated(FOREIGN)];
    let mut options = ElksOptions::new(USER, PASSWORD, numbers);
    // Nobody takes them.
    options.reports_again = (std::time::Duration::from_millis(10), 2);
    options
}

/// The carrier, for an application that is at `app`. Whoever is called answers at once and says nothing.
pub(crate) async fn serve(app: SocketAddr, options: ElksOptions) -> ElksServer {
    let public: Url = PUBLIC.parse().unwrap();
    let network = ServerOptions::default().route(&public, app);
    ElksServer::start(options, network, |_| Box::new(Silent(Answer::AT_ONCE))).await.unwrap()
}

pub(crate) fn builder(api: impl Into<String>) -> ElksBuilder {
    ElksVoice::builder()
        .api_username(USER)
        .api_password(PASSWORD)
        .websocket_number(SOCKET)
        .public_url(PUBLIC)
        .api_base_url(api)
}

pub(crate) fn elks(server: &ElksServer) -> ElksVoice {
    builder(server.api()).build().unwrap()
}

pub(crate) fn messaging(server: &ElksServer) -> ElksMessaging {
    builder(server.api()).build_messaging().unwrap()
}

/// The secret address for messages that come in, as any account with this password gives it away.
pub(crate) async fn sealed_messages(path: &str) -> String {
    let probe = serve("127.0.0.1:1".parse().unwrap(), account()).await;
    let url = format!("{PUBLIC}/{path}").parse().unwrap();
    messaging(&probe).set_incoming_url(&OURS.parse().unwrap(), Some(&url)).await.unwrap();
    target(probe.numbers()[0].sms_url.as_ref().unwrap())
}

/// The secret address for calls that come in, as any account with this password gives it away.
pub(crate) async fn sealed(path: &str) -> String {
    let probe = serve("127.0.0.1:1".parse().unwrap(), account()).await;
    let incoming = Some(format!("{PUBLIC}/{path}").parse().unwrap());
    let wanted = NumberWebhooks { incoming, status: None };
    elks(&probe).set_number_webhooks(&OURS.parse().unwrap(), &wanted).await.unwrap();
    target(probe.numbers()[0].voice_start.as_ref().unwrap())
}

/// The secret address of the media socket.
pub(crate) async fn sealed_socket() -> String {
    let probe = serve("127.0.0.1:1".parse().unwrap(), account()).await;
    elks(&probe).set_media_url(&"wss://calls.example/media/46elks".parse().unwrap()).await.unwrap();
    target(probe.numbers()[1].websocket_url.as_ref().unwrap())
}

pub(crate) fn target(url: &str) -> String {
    let url: Url = url.parse().unwrap();
    format!("{}?{}", url.path(), url.query().unwrap())
}
