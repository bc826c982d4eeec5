//! What is said about a server before it is started or connected to.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use voicecall_core::Result;

use crate::child;
use crate::http::Endpoint;
use crate::server::McpServer;

/// A server that is not started or connected to yet. `T` is [`Command`] or [`Http`].
#[derive(Debug, Clone)]
#[must_use = "a server does nothing until it is started"]
pub struct McpServerBuilder<T> {
    pub(crate) source: T,
    pub(crate) settings: Settings,
}

/// What holds for servers of either kind.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) name: String,
    pub(crate) prefix: String,
    pub(crate) only: Option<Vec<String>>,
    pub(crate) start_limit: Duration,
}

impl<T> McpServerBuilder<T> {
    pub(crate) fn new(name: String, source: T) -> Self {
        let settings = Settings { name, prefix: String::new(), only: None, start_limit: Duration::from_secs(30) };
        Self { source, settings }
    }

    /// The name by which errors and logs know the server; the program's or the host's if not said.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.settings.name = name.into();
        self
    }

    /// Puts this in front of the name of each tool, as it is: `"time_"` makes `time_convert` of `convert`. For servers
    /// whose tools have the same names.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.settings.prefix = prefix.into();
        self
    }

    /// Takes only these tools, by the names the server gives them. All if not said.
    pub fn only<S: Into<String>>(mut self, tools: impl IntoIterator<Item = S>) -> Self {
        self.settings.only = Some(tools.into_iter().map(Into::into).collect());
        self
    }

    /// The longest it may take to start or connect, and to list its tools; 30 s each if not said. The first start of a
    /// server that a package manager downloads takes long.
    pub fn start_limit(mut self, limit: Duration) -> Self {
        self.settings.start_limit = limit;
        self
    }
}

/// A program on this machine that speaks MCP on its standard input and output.
#[derive(Clone)]
pub struct Command {
    pub(crate) program: OsString,
    pub(crate) args: Vec<OsString>,
    pub(crate) env: Vec<(OsString, SecretString)>,
    pub(crate) folder: Option<PathBuf>,
}

impl fmt::Debug for Command {
    // Arguments and variables may hold keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command").field("program", &self.program).finish_non_exhaustive()
    }
}

impl McpServerBuilder<Command> {
    /// Sets a variable of the program's environment. Of ours it gets nothing but what programs cannot do without:
    /// `HOME`, `LOGNAME`, `PATH`, `SHELL`, `TERM` and `USER`, and their like on Windows, as MCP's own libraries do it. A
    /// proxy or a key is named here.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<SecretString>) -> Self {
        self.source.env.push((name.into(), value.into()));
        self
    }

    /// The folder the program works in; ours if not said.
    pub fn current_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.source.folder = Some(folder.into());
        self
    }

    /// Starts the program, in a process group of its own, and greets it.
    ///
    /// # Errors
    /// `Config` for the field `command` if there is no such program; `Unavailable` if it does not run or ends at once,
    /// `Timeout` if it does not answer within the [limit](Self::start_limit), `Protocol` or `Rejected` if it answers
    /// something else than MCP.
    pub async fn start(self) -> Result<McpServer> {
        let Self { source: command, settings } = self;
        let name = settings.name.clone();
        McpServer::start(settings, move || child::connect(command.clone(), name.clone())).await
    }
}

/// A server at an address, over MCP's streamable HTTP transport.
#[derive(Debug, Clone)]
pub struct Http {
    pub(crate) url: String,
    pub(crate) token: Option<SecretString>,
    pub(crate) headers: Vec<(String, SecretString)>,
}

impl McpServerBuilder<Http> {
    /// Logs in with a bearer token. An empty token is none.
    pub fn bearer(mut self, token: impl Into<SecretString>) -> Self {
        self.source.token = Some(token.into());
        self
    }

    /// Sends a header with each request. Its value is kept out of logs.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<SecretString>) -> Self {
        self.source.headers.push((name.into(), value.into()));
        self
    }

    /// Connects to the server and greets it.
    ///
    /// # Errors
    /// `Config` for the fields `url`, `token` or `header` if one of them cannot be used; `Unavailable` if the server
    /// cannot be reached, `Unauthenticated` or `Forbidden` if it does not take the token, `RateLimited` if it has no room,
    /// `Timeout` if it does not answer within the [limit](Self::start_limit), `Protocol` or `Rejected` if it answers
    /// something else than MCP.
    pub async fn start(self) -> Result<McpServer> {
        let endpoint = Endpoint::new(&self.source)?;
        McpServer::start(self.settings, move || endpoint.clone().connect()).await
    }
}
