//! Servers to talk to, and what their tools come to.

use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command as Process, Stdio};
use std::time::Duration;

use serde_json::Value;
use voicecall_core::SessionId;
use voicecall_core::tool::{Tool, ToolCallId, ToolContext, ToolOutcome};
use voicecall_mcp::{Command, Http, McpServer, McpServerBuilder};

/// The interpreter named by `VOICECALL_PYTHON`, or the one `./scripts/python-env` prepares, with MCP's official library.
pub(crate) fn python() -> PathBuf {
    if let Some(python) = std::env::var_os("VOICECALL_PYTHON") {
        return python.into();
    }
    let workspace = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from(workspace).join("target"), PathBuf::from);
    let python = target.join("python/bin/python3");
    assert!(python.exists(), "{} is missing: run ./scripts/test", python.display());
    python
}

/// What has the interpreter run a script, without leaving compiled ones beside it.
fn script(name: &str) -> [String; 2] {
    ["-B".to_owned(), format!("{}/tests/{name}", env!("CARGO_MANIFEST_DIR"))]
}

/// The server of the official library, on standard input and output.
pub(crate) fn bakery() -> McpServerBuilder<Command> {
    McpServer::command(python(), script("server.py")).name("bakery").start_limit(PATIENCE)
}

/// A server that breaks the protocol in this way.
pub(crate) fn broken(how: &str) -> McpServerBuilder<Command> {
    McpServer::command(python(), script("broken.py").into_iter().chain([how.to_owned()]))
        .name("broken")
        .start_limit(PATIENCE)
}

/// How long servers may take here.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) const INSTALLED: &str = "a server of the official library: run ./scripts/test, which installs it";

/// The server of the official library over HTTP, as long as this lives.
pub(crate) struct HttpBakery {
    process: Child,
    port: u16,
}

impl HttpBakery {
    /// At a port that is free.
    pub(crate) fn start() -> Self {
        Self::at(0)
    }

    fn at(port: u16) -> Self {
        let mut process = Process::new(python())
            .args(script("server.py"))
            .arg(port.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Self { process, port: port.trim().parse().expect(INSTALLED) }
    }

    /// Once it has ended, another at the same address.
    pub(crate) fn again(mut self) -> Self {
        self.process.wait().unwrap();
        Self::at(self.port)
    }

    pub(crate) fn server(&self) -> McpServerBuilder<Http> {
        McpServer::http(format!("http://127.0.0.1:{}/mcp", self.port)).name("bakery").start_limit(PATIENCE)
    }
}

impl Drop for HttpBakery {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Knows when a program, and everything it has started, has ended.
pub(crate) struct Lifeline(TcpListener);

impl Lifeline {
    pub(crate) fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    pub(crate) fn held_by(&self, server: McpServerBuilder<Command>) -> McpServerBuilder<Command> {
        server.env("LIFELINE", self.0.local_addr().unwrap().to_string())
    }

    /// Waits for the program to run.
    pub(crate) async fn taken(self) -> Held {
        tokio::task::spawn_blocking(|| self.take()).await.unwrap()
    }

    /// The same, outside of a runtime.
    pub(crate) fn take(self) -> Held {
        Held(self.0.accept().unwrap().0)
    }
}

/// A line to a program that runs.
pub(crate) struct Held(TcpStream);

impl Held {
    /// Waits until the program has ended.
    pub(crate) async fn cut(self) {
        tokio::task::spawn_blocking(|| self.end()).await.unwrap();
    }

    /// The same, outside of a runtime.
    pub(crate) fn end(mut self) {
        self.0.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        assert_eq!(self.0.read(&mut [0]).expect("the program is still there"), 0);
    }
}

/// The tool of this name, with more time than a call would give it: machines that test are slow.
pub(crate) fn tool(tools: &[Tool], name: &str) -> Tool {
    let found = tools.iter().find(|tool| tool.name() == name);
    found.unwrap_or_else(|| panic!("no {name} in {tools:?}")).clone().time_limit(PATIENCE)
}

/// What a tool comes to, as in a call.
pub(crate) async fn run(tool: &Tool, arguments: Value) -> ToolOutcome {
    let arguments = tool.validate(&arguments.to_string()).unwrap();
    tool.run(arguments, context()).await
}

pub(crate) fn context() -> ToolContext {
    ToolContext::new("0198c0de-0000-7000-8000-000000000009".parse::<SessionId>().unwrap(), ToolCallId(3))
}

pub(crate) fn failed(reason: &str) -> ToolOutcome {
    ToolOutcome::Failed(reason.to_owned())
}
