//! The command line.

use std::error::Error;
use std::fs::File;
use std::io::BufReader;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand};
use url::Url;
use voicecall::monitor::Telemetry;
use voicecall::{SessionId, TenantId};

use crate::api::{Revoked, Scope, Tokens};
use crate::{app, demo, rekey, settings, simulator, unseal};

/// Calls a shop's customers, asks the questions that are due, and gives the shop the answers
///
/// The environment is the whole configuration; what it does not say is read from the file .env of the working directory.
#[derive(Debug, Parser)]
#[command(name = "feedback_server", version)]
pub(crate) struct Line {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What was asked for on the command line.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Call one simulated customer and leave everything of the call in a folder; needs no account
    Demo {
        /// The folder that recording, transcript, report and database are left in
        #[arg(long, value_name = "DIR", default_value = "out")]
        out: PathBuf,
        #[command(flatten)]
        customer: Customer,
    },
    /// Serve the HTTP interface and the dashboard, and make calls
    Serve {
        /// Call simulated customers, with everything kept below out/; needs no account
        #[arg(long)]
        simulated: bool,
    },
    /// Run a recorded call again and see that it comes to the same
    Replay {
        /// The recorded inputs of a call, such as out/inputs.jsonl
        file: PathBuf,
    },
    /// Print a bearer token for one business, valid for twelve hours
    Token {
        /// The id of the business
        #[arg(value_parser = business)]
        business: TenantId,
        /// What it is good for: words out of read, operate, privacy and admin, with a space between
        #[arg(long, value_name = "WORDS", default_value = "read")]
        scope: Scopes,
    },
    /// Take a token back
    Revoke {
        /// The claim jti of the token
        token_id: String,
    },
    /// Seal everything with the first of DATA_KEYS, so that the others can be dropped
    Rekey,
    /// Write the recording of a session and its recorded inputs as plain files
    Unseal {
        /// The id of the session
        #[arg(value_parser = session)]
        session: SessionId,
        /// The folder that they are written into
        #[arg(long, value_name = "DIR", default_value = "out")]
        out: PathBuf,
    },
    /// Simulate carriers, AI services and a customer until standard input closes
    #[command(hide = true)]
    Simulate {
        /// The address that carriers know the server by
        #[arg(long, value_name = "URL")]
        public: Url,
        /// Where the server really is
        #[arg(long, value_name = "HOST:PORT")]
        local: SocketAddr,
        #[command(flatten)]
        customer: Customer,
    },
}

/// How a simulated call goes.
#[derive(Debug, Args)]
pub(crate) struct Customer {
    /// How the customer behaves, such as happy, busy or hangs_up
    #[arg(long, value_name = "NAME", default_value = "happy")]
    scenario: String,
    /// Let the preferred carrier refuse every order, so that the other one has to call
    #[arg(long)]
    fail_primary: bool,
}

/// What a token is good for.
#[derive(Debug, Clone)]
pub(crate) struct Scopes(Vec<Scope>);

impl FromStr for Scopes {
    type Err = String;

    fn from_str(words: &str) -> Result<Self, String> {
        let scope = |word| Scope::named(word).ok_or_else(|| format!("{word} is none of read, operate, privacy, admin"));
        match words.split_whitespace().map(scope).collect::<Result<Vec<_>, _>>()? {
            none if none.is_empty() => Err("a word is needed".to_owned()),
            scopes => Ok(Self(scopes)),
        }
    }
}

fn business(text: &str) -> Result<TenantId, &'static str> {
    text.parse().map_err(|_| "not a UUID")
}

fn session(text: &str) -> Result<SessionId, &'static str> {
    text.parse().map_err(|_| "not a UUID")
}

impl Command {
    /// Does it.
    pub(crate) async fn run(self) -> Result<(), Box<dyn Error>> {
        match self {
            Self::Demo { out, customer } => {
                let log = Telemetry::start(env!("CARGO_CRATE_NAME"), "warn")?;
                let done = demo::run(&out, &customer.scenario, customer.fail_primary).await;
                log.stop().await;
                done
            }
            Self::Serve { simulated } => {
                let log = Telemetry::start(env!("CARGO_CRATE_NAME"), "info")?;
                let done = if simulated { app::serve_simulated().await } else { app::serve().await };
                log.stop().await;
                done
            }
            Self::Replay { file } => {
                let replayed = voicecall::call::replay(BufReader::new(File::open(file)?))?;
                println!("{} inputs replayed, {} outputs, all as in the call", replayed.inputs, replayed.outputs.len());
                Ok(())
            }
            Self::Token { business, scope } => {
                let tokens = Tokens::new(&settings::jwt_secret()?, settings::revoked_tokens());
                println!("{}", tokens.issue("command line", &[business], &scope.0)?);
                Ok(())
            }
            Self::Revoke { token_id } => Ok(Revoked::new(settings::revoked_tokens()).revoke(&token_id)?),
            Self::Rekey => rekey::run().await,
            Self::Unseal { session, out } => unseal::run(session, &out).await,
            Self::Simulate { public, local, customer } => {
                let Customer { scenario, fail_primary } = customer;
                simulator::run(simulator::Order { public, local, scenario, fail_primary }).await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    use super::*;

    fn refused(line: &str) -> ErrorKind {
        Line::try_parse_from(line.split(' ')).unwrap_err().kind()
    }

    /// Every command and option a user may see.
    fn each(command: &clap::Command, see: &mut impl FnMut(&str, String)) {
        see(command.get_name(), command.get_about().map(ToString::to_string).unwrap_or_default());
        for option in command.get_arguments() {
            see(option.get_id().as_str(), option.get_help().map(ToString::to_string).unwrap_or_default());
        }
        command.get_subcommands().for_each(|command| each(command, see));
    }

    #[test]
    fn everything_is_explained_in_one_sentence() {
        Line::command().debug_assert();
        each(&Line::command(), &mut |name, said| {
            assert!(said.len() > 10 && !said.contains(". ") && !said.ends_with('.'), "{name}: {said:?}");
        });
    }

    #[test]
    fn what_is_not_known_is_refused_and_help_is_not() {
        for command in ["", " demo", " serve", " replay", " token", " revoke", " rekey", " unseal"] {
            assert_eq!(refused(&format!("feedback_server{command} --help")), ErrorKind::DisplayHelp);
            assert_eq!(refused(&format!("feedback_server{command} -h")), ErrorKind::DisplayHelp);
            assert_eq!(refused(&format!("feedback_server{command} --colour")), ErrorKind::UnknownArgument);
        }
        assert_eq!(refused("feedback_server --version"), ErrorKind::DisplayVersion);
        assert_eq!(refused("feedback_server dance"), ErrorKind::InvalidSubcommand);
        assert_eq!(refused("feedback_server serve now"), ErrorKind::UnknownArgument);
        assert_eq!(refused("feedback_server token x"), ErrorKind::ValueValidation);
        let id = "0192f0c0-0000-7000-8000-000000000001";
        assert_eq!(refused(&format!("feedback_server token {id} --scope reading")), ErrorKind::ValueValidation);
    }
}
