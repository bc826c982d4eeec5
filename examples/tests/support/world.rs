//! A server with the configuration of a real one, whose carrier and AI services are a simulator in another process.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;
use voicecall_core::testing::ReservedAddress;

use super::process::Process;
use super::{Folder, client, column, until};

/// The shop of `demo.toml` that asks questions, its customers, and the one that asks nothing.
pub const SHOP: &str = "0192f0c0-0000-7000-8000-000000000001";
pub const VERIFIED: &str = "0192f0c0-0000-7000-8000-000000000021";
pub const PHONE: &str = "+46701234567";
pub const PENDING: &str = "0192f0c0-0000-7000-8000-000000000022";
pub const PENDING_PHONE: &str = "+46701234568";
pub const SILENT_SHOP: &str = "0192f0c0-0000-7000-8000-000000000002";
pub const SILENT_VERIFIED: &str = "0192f0c0-0000-7000-8000-000000000031";
pub const SILENT_PHONE: &str = "+46701234569";

// What the simulator accepts.
const ACCOUNT: &str = "AC00000000000000000000000000000001";
const AUTH_TOKEN: &str = "simulated-auth-token";
const API_KEY: &str = "simulated-api-key";

/// Seals personal data in the server's database.
pub const DATA_KEY: [u8; 32] = *b"a made-up key of 32 bytes, seals";

/// Finds people in it.
pub const INDEX_KEY: [u8; 32] = *b"another made-up key, for hashing";

/// Signs webhooks in our own form.
pub const WEBHOOK_SECRET: &str = "a made-up webhook secret of sufficient length";

const JWT_SECRET: &str = "a made-up secret of sufficient length";

/// Longer than starting takes on a busy machine.
const START: Duration = Duration::from_secs(30);

/// A simulator, and the environment of a server that uses it.
pub struct World {
    pub folder: Folder,
    pub server: SocketAddr,
    environment: Vec<(&'static str, String)>,
    carrier: String,
    _reserved: ReservedAddress,
    _simulator: Process,
    _gateway: Option<Gateway>,
}

impl World {
    /// The customer behaves as `scenario` says; the carrier reaches the server directly.
    pub async fn start(scenario: &str) -> Self {
        let server = ReservedAddress::new();
        let entrance = server.address();
        Self::around(scenario, server, entrance, None).await
    }

    /// As [`start`](Self::start), but with a gateway before the server, which lets connections wait while there is none.
    pub async fn behind_gateway(scenario: &str) -> Self {
        let server = ReservedAddress::new();
        let gateway = Gateway::before(server.address()).await;
        let entrance = gateway.address;
        Self::around(scenario, server, entrance, Some(gateway)).await
    }

    async fn around(scenario: &str, reserved: ReservedAddress, entrance: SocketAddr, gateway: Option<Gateway>) -> Self {
        let server = reserved.address();
        let folder = Folder::new();
        let public = "https://feedback.example";
        let local = entrance.to_string();
        let order = ["simulate", "--public", public, "--local", &local, "--scenario", scenario];
        let mut simulator = Process::start(folder.path(), &order, &[]);
        let addresses: Value = until("the simulator's addresses", START, async || {
            simulator.must_live();
            serde_json::from_str(simulator.output().lines().next()?).ok()
        })
        .await;
        let carrier = addresses["twilio"].as_str().unwrap().trim_end_matches('/').to_owned();
        let openai = addresses["openai"].as_str().unwrap().to_owned();
        let seed = concat!(env!("CARGO_MANIFEST_DIR"), "/feedback_server/demo.toml");
        let mut environment = vec![
            ("LISTEN", server.to_string()),
            ("PUBLIC_URL", public.to_owned()),
            // What most tests look at is how a carrier that signs reports.
            ("CARRIERS", "twilio".to_owned()),
            ("TWILIO_NUMBER", "+46700000001".to_owned()),
            ("DATA_KEYS", STANDARD.encode(DATA_KEY)),
            ("INDEX_KEY", STANDARD.encode(INDEX_KEY)),
            ("JWT_SECRET", JWT_SECRET.to_owned()),
            ("WEBHOOK_SECRET", WEBHOOK_SECRET.to_owned()),
            // Tests ask faster than anybody else.
            // At whatever time of day a test runs.
            ("CALL_HOURS", "00:00-24:00".to_owned()),
            ("RATE_PER_TOKEN", "1000".to_owned()),
            ("RATE_BURST", "1000".to_owned()),
            ("RATE_AT_ONCE", "100".to_owned()),
            ("DATABASE_PATH", "feedback.sqlite".to_owned()),
            ("RECORDINGS_PATH", "recordings".to_owned()),
            ("SEED_PATH", seed.to_owned()),
            ("TWILIO_ACCOUNT_SID", ACCOUNT.to_owned()),
            ("TWILIO_AUTH_TOKEN", AUTH_TOKEN.to_owned()),
            ("TWILIO_API_BASE_URL", carrier.clone()),
            ("VOICECALL_CHAT_DIALECT", "openai".to_owned()),
            ("VOICECALL_TRANSCRIPTION_DIALECT", "openai".to_owned()),
        ];
        for name in ["VOICECALL_CHAT_BASE_URL", "VOICECALL_TRANSCRIPTION_BASE_URL", "VOICECALL_SPEECH_BASE_URL"] {
            environment.push((name, openai.clone()));
        }
        for name in ["VOICECALL_CHAT_API_KEY", "VOICECALL_TRANSCRIPTION_API_KEY", "VOICECALL_SPEECH_API_KEY"] {
            environment.push((name, API_KEY.to_owned()));
        }
        for name in ["VOICECALL_CHAT_MODEL", "VOICECALL_TRANSCRIPTION_MODEL", "VOICECALL_SPEECH_MODEL"] {
            environment.push((name, "simulated".to_owned()));
        }
        Self { folder, server, environment, carrier, _reserved: reserved, _simulator: simulator, _gateway: gateway }
    }

    /// Gives the server's environment a variable, or another value of one.
    pub fn set(&mut self, name: &'static str, value: impl ToString) {
        self.environment.retain(|(own, _)| *own != name);
        self.environment.push((name, value.to_string()));
    }

    /// Starts a server and waits until it is healthy.
    pub async fn serve(&self) -> Process {
        let mut process = Process::start(self.folder.path(), &["serve"], &self.environment);
        until("a healthy server", START, async || {
            process.must_live();
            let response = client().get(self.url("/health")).send().await.ok()?;
            (response.status() == 200).then_some(())
        })
        .await;
        process
    }

    /// An address of the server.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server)
    }

    /// A token from the server's own command line.
    pub async fn token(&self, business: &str) -> String {
        self.run(&["token", business, "--scope", "read operate"]).await.trim().to_owned()
    }

    /// What a command of the server's program prints.
    pub async fn run(&self, command: &[&str]) -> String {
        let mut process = self.begin(command);
        assert!(process.exit(START).await.success(), "{}", process.log());
        process.output()
    }

    /// Starts the server's program with a command.
    pub fn begin(&self, command: &[&str]) -> Process {
        Process::start(self.folder.path(), command, &self.environment)
    }

    /// Takes a variable out of the server's environment.
    pub fn unset(&mut self, name: &str) {
        self.environment.retain(|(own, _)| *own != name);
    }

    /// Orders the call to the verified customer and waits until the carrier has it. Returns the session's id.
    pub async fn initiate(&self) -> String {
        self.initiate_in(&self.database()).await
    }

    /// The same for a server whose database is somewhere else.
    pub async fn initiate_in(&self, database: &Path) -> String {
        let body = json!({ "verificationId": VERIFIED, "businessId": SHOP, "customerPhone": PHONE });
        let request = client().post(self.url("/api/calls/initiate")).bearer_auth(self.token(SHOP).await).json(&body);
        let session = super::json(request.send().await.unwrap(), 201).await;
        let id = session["id"].as_str().unwrap().to_owned();
        until("the order to call", START, async || {
            let of_session = format!("session_id = '{id}' AND state NOT IN ('planned', 'sending')");
            let ordered = format!("SELECT id FROM attempts WHERE {of_session}");
            (!column(database, &ordered).is_empty()).then_some(())
        })
        .await;
        id
    }

    /// One column of the server's database.
    pub fn column(&self, query: &str) -> Vec<String> {
        column(&self.database(), query)
    }

    /// What is kept of a session, fact by fact, for whoever expected something else.
    pub fn story(&self, session: &str) -> String {
        self.column(&format!("SELECT fact FROM facts WHERE session_id = '{session}' ORDER BY seq")).join("\n")
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("feedback.sqlite")
    }

    /// What the carrier says about the call of the session.
    pub async fn carrier_status(&self) -> String {
        let call = self.column("SELECT carrier_call FROM attempts").pop().expect("a call was placed");
        let url = format!("{}/2010-04-01/Accounts/{ACCOUNT}/Calls/{call}.json", self.carrier);
        let response = client().get(url).basic_auth(ACCOUNT, Some(AUTH_TOKEN)).send().await.unwrap();
        super::json(response, 200).await["status"].as_str().unwrap().to_owned()
    }
}

/// A token for these businesses that is good for everything and valid for so many seconds, signed with the server's secret.
pub fn signed_token(businesses: &[&str], seconds: i64) -> String {
    scoped_token(businesses, seconds, "read operate privacy admin")
}

/// The same, good for less.
pub fn scoped_token(businesses: &[&str], seconds: i64, scope: &str) -> String {
    let exp = jiff::Timestamp::now().as_second() + seconds;
    let claims = json!({
        "iss": "voicecall", "sub": "test", "aud": "feedback", "exp": exp, "jti": format!("test-{}-{exp}", scope.replace(' ', "-")), "scope": scope,
        "businesses": businesses,
    });
    encode(&Header::default(), &claims, &EncodingKey::from_secret(JWT_SECRET.as_bytes())).unwrap()
}

/// What stands before servers in production: it takes a connection at any time, and finds a server for it.
struct Gateway {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Gateway {
    async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((outside, _)) = listener.accept().await {
                connections.spawn(relay(outside, server));
            }
        });
        Self { address, task }
    }
}

/// Passes everything on, until either side is gone, which is what the other one then sees.
async fn relay(mut outside: TcpStream, server: SocketAddr) {
    loop {
        match TcpStream::connect(server).await {
            Ok(mut inside) => {
                let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
                return;
            }
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.task.abort();
    }
}
