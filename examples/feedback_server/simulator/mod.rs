//! The simulated world, in a process of its own, so that it survives whatever happens to the server.

mod world;

use std::error::Error;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use url::Url;
use voicecall::carrier::VoiceBackend;
use voicecall::elks46::ElksVoice;
use voicecall::openai::{ChatDialect, Endpoint, OpenAiChat, OpenAiSpeech, OpenAiTranscription, TranscriptionDialect};
use voicecall::twilio::TwilioVoice;

use crate::api::SimulatedVoice;
use crate::app::Services;
use crate::carriers::{self, Carrier, Kind};
use crate::settings::Settings;
pub(crate) use world::run;

// Made up, and worth nothing anywhere else.
const ACCOUNT: &str = "AC00000000000000000000000000000001";
const AUTH_TOKEN: &str = "simulated-auth-token";
const API_KEY: &str = "simulated-api-key";
const ELKS_USERNAME: &str = "u00000000000000000000000000000001";
const ELKS_PASSWORD: &str = "simulated-password";

/// Our numbers at the carriers, and the one that stands for the media socket at 46elks.
const TWILIO_NUMBER: &str = "+46700000001";
const ELKS_NUMBER: &str = "+46766861001";
const ELKS_SOCKET: &str = "+4600700001";

/// What the simulator's process is told.
#[derive(Debug)]
pub(crate) struct Order {
    /// The address carriers know the server by.
    pub(crate) public: Url,
    /// Where the server really is.
    pub(crate) local: SocketAddr,
    /// How the customer behaves.
    pub(crate) scenario: String,
    /// Whether the preferred carrier refuses all orders.
    pub(crate) fail_primary: bool,
}

/// Where the simulated services are.
#[derive(Debug, Serialize, Deserialize)]
struct Addresses {
    elks46: Url,
    twilio: Url,
    openai: Url,
    voice: SimulatedVoice,
}

/// A running simulator. Its process ends with this value, or with ours.
#[derive(Debug)]
pub(crate) struct Simulator {
    addresses: Addresses,
    _process: Child,
}

impl Simulator {
    /// Starts the process and waits until it serves.
    ///
    /// # Errors
    /// When it cannot be started or does not say where it serves.
    pub(crate) async fn start(order: &Order) -> Result<Self, Box<dyn Error>> {
        let (public, local) = (order.public.as_str(), order.local.to_string());
        let mut process = Command::new(std::env::current_exe()?)
            .args(["simulate", "--public", public, "--local", &local, "--scenario", &order.scenario])
            .args(order.fail_primary.then_some("--fail-primary"))
            // Closes when we are gone, however we go.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = process.stdout.take().ok_or("the simulator has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).await?;
        let addresses = serde_json::from_str(&line).map_err(|_| "the simulator did not start")?;
        Ok(Self { addresses, _process: process })
    }

    /// The simulated services, reached as the real ones are.
    ///
    /// # Errors
    /// `Config` if an address is wrong.
    pub(crate) fn services(&self, settings: &Settings) -> voicecall::Result<Services> {
        let elks = ElksVoice::builder()
            .api_username(ELKS_USERNAME)
            .api_password(ELKS_PASSWORD.to_owned())
            .websocket_number(ELKS_SOCKET)
            .public_url(settings.public_url.as_str())
            .api_base_url(self.addresses.elks46.as_str())
            .build()?;
        let twilio = TwilioVoice::builder()
            .account_sid(ACCOUNT)
            .auth_token(AUTH_TOKEN.to_owned())
            .public_url(settings.public_url.as_str())
            .api_base_url(self.addresses.twilio.as_str())
            .build()?;
        let (elks, twilio): (Arc<dyn VoiceBackend>, Arc<dyn VoiceBackend>) = (Arc::new(elks), Arc::new(twilio));
        let carrier = |kind| -> voicecall::Result<Carrier> {
            let (backend, number) = match kind {
                Kind::Elks46 => (&elks, ELKS_NUMBER),
                Kind::Twilio => (&twilio, TWILIO_NUMBER),
            };
            Ok(Carrier { backend: Arc::clone(backend), number: number.parse()? })
        };
        let endpoint = |model: &str| -> voicecall::Result<Endpoint> {
            Ok(Endpoint::new(self.addresses.openai.as_str(), model)?.with_api_key(API_KEY.to_owned()))
        };
        Ok(Services {
            carriers: carriers::preferred()?.into_iter().map(carrier).collect::<voicecall::Result<_>>()?,
            // The simulator speaks OpenAI's own dialect, which servers at other addresses seldom do.
            ears: Arc::new(
                OpenAiTranscription::new(endpoint("simulated-ears")?)?.with_dialect(TranscriptionDialect::openai()),
            ),
            model: Arc::new(OpenAiChat::new(endpoint("simulated-model")?)?.with_dialect(ChatDialect::openai())),
            voice: Arc::new(OpenAiSpeech::new(endpoint("simulated-voice")?)?),
            simulated_voice: Some(self.addresses.voice),
        })
    }
}
