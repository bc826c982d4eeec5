//! The program under demonstration: itself once more, with another environment.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};
use voicecall_core::{Error, ErrorKind, Result};

use super::{ACCOUNT, API_KEY, AUTH_TOKEN, OURS, PUBLIC_URL, THEIRS};
use crate::elevenlabs::VOICE;

/// How long the program may take to begin to serve, and to stop.
const START_WITHIN: Duration = Duration::from_secs(30);
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// Where the simulated services are.
#[derive(Debug)]
pub(super) struct Services {
    pub(super) twilio: String,
    pub(super) openai: String,
    /// Of somebody else's ear and voice, by the prefix of their variables. Without an address they have no key either.
    pub(super) others: [(&'static str, Option<String>); 2],
}

impl Services {
    /// Has the program find them, and no service that whoever runs it has keys of.
    fn tell(&self, program: &mut Command) {
        program
            .env("TWILIO_ACCOUNT_SID", ACCOUNT)
            .env("TWILIO_AUTH_TOKEN", AUTH_TOKEN)
            .env("TWILIO_API_BASE_URL", &self.twilio)
            .env("TWILIO_NUMBER", OURS)
            .env("OPENAI_API_KEY", API_KEY)
            .env("OPENAI_BASE_URL", &self.openai)
            // The simulator speaks OpenAI's own dialect, which servers at other addresses seldom do.
            .env("VOICECALL_CHAT_DIALECT", "openai")
            .env("VOICECALL_TRANSCRIPTION_DIALECT", "openai")
            .env("ELEVENLABS_VOICE", VOICE);
        for (name, address) in &self.others {
            match address {
                Some(address) => {
                    program.env(format!("{name}_API_KEY"), API_KEY).env(format!("{name}_BASE_URL"), address)
                }
                None => program.env_remove(format!("{name}_API_KEY")),
            };
        }
    }
}

/// A process of the program. It ends with this value.
#[derive(Debug)]
pub(super) struct Application(Child);

impl Application {
    /// Starts the program and waits until it serves.
    pub(super) async fn start(listen: SocketAddr, services: &Services) -> Result<Self> {
        let failed = |error| Error::new(ErrorKind::Unavailable, "start the application").with_source(error);
        let program = std::env::current_exe().map_err(failed)?;
        let mut program = Command::new(program);
        services.tell(&mut program);
        let child = program
            .args(arguments(std::env::args_os()))
            .env("CALL_TO", THEIRS)
            .env("PUBLIC_URL", PUBLIC_URL)
            // What is said is to be read, not how.
            .env("RUST_LOG", std::env::var("RUST_LOG").unwrap_or_else(|_| "warn".to_owned()))
            .env("LISTEN", listen.to_string())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let mut application = Self(child);
        let deadline = Instant::now() + START_WITHIN;
        while !is_healthy(listen).await {
            if application.0.try_wait().map_err(failed)?.is_some() || Instant::now() >= deadline {
                return Err(Error::new(ErrorKind::Unavailable, "wait for the application to serve"));
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(application)
    }

    /// Waits until the program ends by itself.
    pub(super) async fn ended(&mut self) {
        // Whoever cannot be waited for is not there any more.
        let _ = self.0.wait().await;
    }

    /// Tells the program to end, and sees to it.
    pub(super) async fn stop(mut self) {
        #[cfg(unix)]
        if let Some(id) = self.0.id() {
            let _ = Command::new("kill").args(["-TERM", &id.to_string()]).status().await;
            let _ = tokio::time::timeout(STOP_WITHIN, self.0.wait()).await;
        }
        let _ = self.0.kill().await;
    }
}

/// What the program is started with: its own arguments, but for the word that makes it a demonstration.
fn arguments(own: impl Iterator<Item = OsString>) -> impl Iterator<Item = OsString> {
    let mut is_found = false;
    own.skip(1).filter(move |argument| {
        let is_it = !is_found && argument == "demo";
        is_found |= is_it;
        !is_it
    })
}

/// Whether something answers there that takes calls.
async fn is_healthy(address: SocketAddr) -> bool {
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    asked.await.is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_started_with_its_arguments_and_is_no_demonstration_again() {
        let started = |own: &[&str]| arguments(own.iter().map(OsString::from)).collect::<Vec<_>>();
        assert_eq!(started(&["program", "demo"]), [""; 0]);
        assert_eq!(started(&["program", "demo", "--engine", "realtime"]), ["--engine", "realtime"]);
        assert_eq!(started(&["demo", "--name", "x", "demo", "demo"]), ["--name", "x", "demo"]);
    }
}
