//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use voicecall_sim::media_streams::{Calls, Target, any_agent};
use voicecall_sim::scenario::Scenario;

/// A simulator of phone calls.
#[derive(Debug, Parser)]
#[command(name = "voicecall-sim", version)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Call(CallArgs),
}

/// Calls a Twilio Media Streams server, in whatever language it is written, and reports how it did
///
/// Twilio's side of the media socket is played in real time: `connected`, `start`, the caller's audio; what the server sends is played at
/// the pace of a phone. Exits with 0 if all calls went as expected, with 1 if one did not, and with 2 if this was used wrongly.
#[derive(Debug, clap::Args)]
pub(crate) struct CallArgs {
    /// The server's media socket, such as ws://127.0.0.1:8080/media
    url: String,

    /// What the caller does and what is expected: a TOML file [default: asks, interrupts and says goodbye]
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,

    /// How many calls are made
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one)]
    calls: usize,

    /// How many of them at the same time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one)]
    concurrency: usize,

    /// After how long a call has failed, such as "90 s"
    #[arg(long, value_name = "DURATION", default_value = "60 s", value_parser = duration)]
    time_limit: Duration,

    /// The sound of a voice takes the place of each sentence: any text in any language, for servers that hear no words
    #[arg(long)]
    labels: bool,

    /// The caller's number: the custom parameter `From`, as TwiML passes it on
    #[arg(long, value_name = "NUMBER")]
    from: Option<String>,

    /// The number that is called: the custom parameter `To`, as TwiML passes it on
    #[arg(long, value_name = "NUMBER")]
    to: Option<String>,

    /// A custom parameter in `start`, as <Parameter> in TwiML; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    custom_parameter: Vec<(String, String)>,

    /// A header of the request that opens the socket; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    header: Vec<(String, String)>,

    /// Sign the request with the auth token in this environment variable, as X-Twilio-Signature
    #[arg(long, value_name = "VARIABLE")]
    auth_token_env: Option<String>,

    /// The address that is signed, if the server knows itself by another, such as wss://example.com/media
    #[arg(long, value_name = "URL", requires = "auth_token_env")]
    public_url: Option<String>,

    /// The account SID in `start` [default: a made-up one]
    #[arg(long, value_name = "SID")]
    account_sid: Option<String>,

    /// Write a report in JUnit's XML
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,

    /// Write a report in JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

impl CallArgs {
    /// What is to be done.
    pub(crate) fn calls(self) -> crate::Result<Calls> {
        let scenario = match &self.scenario {
            Some(file) => Scenario::load(file).map_err(|error| format!("--scenario {}: {error}", file.display()))?,
            None => any_agent()?,
        };
        let has_labels = self.labels;
        let (count, concurrency, time_limit) = (self.calls, self.concurrency, self.time_limit);
        let calls = Calls::new(self.target()?, scenario).time_limit(time_limit).count(count, concurrency);
        Ok(if has_labels { calls.with_labels() } else { calls })
    }

    fn target(self) -> crate::Result<Target> {
        let mut target = Target::new(&self.url)?;
        if let Some(variable) = self.auth_token_env {
            let token = std::env::var(&variable).map_err(|error| format!("--auth-token-env {variable}: {error}"))?;
            target = target.signed(&token, self.public_url.as_deref());
        }
        for (name, value) in self.header {
            target = target.header(&name, &value)?;
        }
        let numbers = [("From", self.from), ("To", self.to)];
        let numbers = numbers.into_iter().filter_map(|(name, number)| Some((name.to_owned(), number?)));
        for (name, value) in numbers.chain(self.custom_parameter) {
            target = target.parameter(name, value);
        }
        Ok(match self.account_sid {
            Some(sid) => target.account_sid(sid),
            None => target,
        })
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| "expected a number from 1".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    let expected = || "expected a duration with its unit, such as \"90 s\" or \"2m\"".to_owned();
    let duration: jiff::SignedDuration = text.parse().map_err(|_| expected())?;
    Duration::try_from(duration).ok().filter(|duration| !duration.is_zero()).ok_or_else(expected)
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn wrong_values_are_named() {
        for (wrong, named) in [
            (["--calls", "0"], "--calls"),
            (["--time-limit", "90"], "--time-limit"),
            (["--header", "x"], "NAME=VALUE"),
            (["--public-url", "wss://example.com"], "--auth-token-env"),
        ] {
            let words = ["voicecall-sim", "call", "ws://127.0.0.1/"].into_iter().chain(wrong);
            let error = Args::try_parse_from(words).unwrap_err();
            assert!(error.to_string().contains(named), "{error}");
            assert_eq!(error.exit_code(), 2);
        }
    }
}
