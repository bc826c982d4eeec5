//! A server that was started or connected to.

use std::ffi::OsString;
use std::fmt;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use tokio::time::timeout;
use url::Url;
use voicecall_core::tool::Tool;
use voicecall_core::{Error, ErrorKind, Result};

use crate::builder::{Command, Http, McpServerBuilder, Settings};
use crate::connection::Connection;
use crate::link::Link;
use crate::list;

/// An MCP server whose tools can be given to calls. Cheap to clone; every clone, and every tool, is the same server.
///
/// It is started again, or connected to again, when a tool is called and it has ended: at once if it had answered since
/// it was last started, else after a pause that doubles from 1 s to 60 s, in which its tools fail at once. When the last
/// clone and the last tool are dropped it is closed: a program is told that nothing more comes, after 3 s it is asked to
/// end, and after 3 s more it is killed, each together with what it has started. A runtime that ends before that kills
/// the program at once; [`stop`](Self::stop) waits.
#[derive(Clone)]
pub struct McpServer {
    link: Arc<Link>,
    settings: Arc<Settings>,
}

impl McpServer {
    /// A program on this machine that speaks MCP on its standard input and output. What it writes to its standard error
    /// goes to the log, at debug.
    pub fn command<A: Into<OsString>>(
        program: impl Into<OsString>,
        args: impl IntoIterator<Item = A>,
    ) -> McpServerBuilder<Command> {
        let program = program.into();
        let name = Path::new(&program).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let args = args.into_iter().map(Into::into).collect();
        McpServerBuilder::new(name, Command { program, args, env: Vec::new(), folder: None })
    }

    /// A server at an absolute `http` or `https` address, over MCP's streamable HTTP transport.
    pub fn http(url: impl Into<String>) -> McpServerBuilder<Http> {
        let url = url.into();
        let host = Url::parse(&url).ok().and_then(|url| url.host_str().map(ToOwned::to_owned));
        McpServerBuilder::new(host.unwrap_or_default(), Http { url, token: None, headers: Vec::new() })
    }

    pub(crate) async fn start<F, Fut>(settings: Settings, connect: F) -> Result<Self>
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Connection>> + Send + 'static,
    {
        let link = Link::new(settings.name.clone(), settings.start_limit, connect);
        let server = Self { link: Arc::new(link), settings: Arc::new(settings) };
        server.link.connection().await.map_err(|error| server.named_in(error))?;
        Ok(server)
    }

    /// The name by which errors and logs know it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// Its tools as they are now, asked for anew each time: a server that announces that its list has changed is heard at
    /// the next call of this. Calls that have tools already keep those.
    ///
    /// A tool's [effect](voicecall_core::tool::ToolEffect) follows the server's hints, if they are plain:
    ///
    /// | `readOnlyHint` | `destructiveHint` | `idempotentHint` | effect |
    /// |---|---|---|---|
    /// | true | not true | any | `None` |
    /// | not true | false | true | `Idempotent` |
    /// | anything else, and without hints | | | `Once` |
    ///
    /// [`Tool::effect`] says it better where the hints are missing or wrong. The idempotency key stands in the request's
    /// `_meta`, as `voicecall/key`.
    ///
    /// # Errors
    /// `Config` for the field `only` if it names a tool the server does not have; `Invalid` for the field `tool.name` if two
    /// tools have the same name once characters that a model cannot write have become `_`; `Timeout` if the server
    /// takes longer than it may to start; else whatever makes a server unreachable.
    pub async fn tools(&self) -> Result<Vec<Tool>> {
        let late = |_| Error::new(ErrorKind::Timeout, "list tools").with_message("the tool server took too long");
        let offers = timeout(self.settings.start_limit, list::offers(&self.link)).await.map_err(late).flatten();
        list::tools(&self.link, &self.settings, offers.map_err(|error| self.named_in(error))?)
    }

    /// Ends the server for good, and waits until it has ended, at most 10 s. Its tools fail from now on. Calls of them that
    /// are under way fail too.
    pub async fn stop(&self) {
        self.link.stop().await;
    }

    /// Says in an error whose it is.
    fn named_in(&self, error: Error) -> Error {
        let message = match error.message() {
            Some(message) => format!("`{}`: {message}", self.name()),
            None => format!("`{}`", self.name()),
        };
        error.with_message(message)
    }
}

impl fmt::Debug for McpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpServer").field("name", &self.settings.name).finish_non_exhaustive()
    }
}
