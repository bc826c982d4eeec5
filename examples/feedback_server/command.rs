//! The command line.

use std::error::Error;
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use voicecall::monitor::Telemetry;
use voicecall::{SessionId, TenantId};

use crate::api::{Revoked, Scope, Tokens};
use crate::{app, demo, rekey, settings, simulator, unseal};

/// What was asked for on the command line.
#[derive(Debug)]
pub(crate) enum Command {
    Demo {
        out: PathBuf,
        scenario: String,
        fail_primary: bool,
    },
    Serve {
        simulated: bool,
    },
    Replay(PathBuf),
    /// A token for a business.
    Token(TenantId, Vec<Scope>),
    /// Takes a token back, by its id.
    Revoke(String),
    /// Seals everything with the newest key.
    Rekey,
    /// Writes the recording of a session as plain files.
    Unseal {
        session: SessionId,
        out: PathBuf,
    },
    /// The simulator's own process.
    Simulate(simulator::Order),
}

const USAGE: &str = "\
usage: feedback_server demo [--out DIR] [--scenario NAME] [--fail-primary]
       feedback_server serve [--simulated]
       feedback_server replay FILE
       feedback_server token BUSINESS [--scope 'read operate privacy admin']
       feedback_server revoke TOKEN_ID
       feedback_server rekey
       feedback_server unseal SESSION [--out DIR]
       feedback_server simulate --public URL --local HOST:PORT [--scenario NAME] [--fail-primary]";

impl Command {
    /// Reads the arguments behind the program's name.
    pub(crate) fn from_args(args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut args = args.peekable();
        let command = args.next().ok_or(USAGE)?;
        let wrong = |what: &str| format!("{what}\n{USAGE}");
        let mut options = std::collections::BTreeMap::new();
        let mut words = Vec::new();
        while let Some(word) = args.next() {
            match word.strip_prefix("--") {
                Some(switch @ ("simulated" | "fail-primary")) => drop(options.insert(switch.to_owned(), String::new())),
                Some(name) => {
                    let value = args.next().ok_or_else(|| wrong(&format!("--{name}: a value is missing")))?;
                    options.insert(name.to_owned(), value);
                }
                None => words.push(word),
            }
        }
        let mut option = |name: &str| options.remove(name);
        let scenario = option("scenario").unwrap_or_else(|| "happy".to_owned());
        let command = match (command.as_str(), &words[..]) {
            ("demo", []) => Self::Demo {
                out: option("out").unwrap_or_else(|| "out".to_owned()).into(),
                scenario,
                fail_primary: option("fail-primary").is_some(),
            },
            ("serve", []) => Self::Serve { simulated: option("simulated").is_some() },
            ("replay", [file]) => Self::Replay(file.into()),
            ("token", [business]) => {
                let scope = option("scope").unwrap_or_else(|| Scope::Read.as_str().to_owned());
                let scopes = scope
                    .split_whitespace()
                    .map(|word| Scope::named(word).ok_or_else(|| wrong(&format!("--scope: {word} is not known"))));
                Self::Token(
                    business.parse().map_err(|error| wrong(&format!("{error}")))?,
                    scopes.collect::<Result<_, _>>()?,
                )
            }
            ("revoke", [token]) => Self::Revoke(token.clone()),
            ("rekey", []) => Self::Rekey,
            ("unseal", [session]) => Self::Unseal {
                session: session.parse().map_err(|error| wrong(&format!("{error}")))?,
                out: option("out").unwrap_or_else(|| "out".to_owned()).into(),
            },
            ("simulate", []) => {
                let mut needed = |name: &str| option(name).ok_or_else(|| wrong(&format!("--{name}: is missing")));
                let (public, local) = (needed("public")?, needed("local")?);
                Self::Simulate(simulator::Order {
                    public: public.parse().map_err(|error| wrong(&format!("--public: {error}")))?,
                    local: local.parse().map_err(|error| wrong(&format!("--local: {error}")))?,
                    scenario,
                    fail_primary: option("fail-primary").is_some(),
                })
            }
            _ => return Err(wrong("not known")),
        };
        match options.keys().next() {
            Some(name) => Err(wrong(&format!("--{name}: not known"))),
            None => Ok(command),
        }
    }

    /// Does it.
    pub(crate) async fn run(self) -> Result<(), Box<dyn Error>> {
        match self {
            Self::Demo { out, scenario, fail_primary } => {
                let log = Telemetry::start(env!("CARGO_CRATE_NAME"), "warn")?;
                let done = demo::run(&out, &scenario, fail_primary).await;
                log.stop().await;
                done
            }
            Self::Serve { simulated } => {
                let log = Telemetry::start(env!("CARGO_CRATE_NAME"), "info")?;
                let done = if simulated { app::serve_simulated().await } else { app::serve().await };
                log.stop().await;
                done
            }
            Self::Replay(file) => {
                let replayed = voicecall::call::replay(BufReader::new(File::open(file)?))?;
                println!("{} inputs replayed, {} outputs, all as in the call", replayed.inputs, replayed.outputs.len());
                Ok(())
            }
            Self::Token(business, scopes) => {
                let tokens = Tokens::new(&settings::jwt_secret()?, settings::revoked_tokens());
                println!("{}", tokens.issue("command line", &[business], &scopes)?);
                Ok(())
            }
            Self::Revoke(token) => Ok(Revoked::new(settings::revoked_tokens()).revoke(&token)?),
            Self::Rekey => rekey::run().await,
            Self::Unseal { session, out } => unseal::run(session, &out).await,
            Self::Simulate(order) => simulator::run(order).await,
        }
    }
}
