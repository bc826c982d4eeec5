//! The server in Python.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::python::python;

/// The token with which it checks signatures, if there is one.
pub(crate) const TOKEN: &str = "made-up-token";

/// A running server. It ends with this value.
pub(crate) struct PythonServer {
    process: Child,
    output: BufReader<ChildStdout>,
    port: u16,
}

impl PythonServer {
    pub(crate) fn start(misbehaviour: Option<&str>) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut process = Command::new(python())
            .arg(folder.join("tests/media_streams_server.py"))
            .arg(folder.join("clips/agent/hello-the-bakery-here-how-can-i-help.ulaw"))
            .args(misbehaviour)
            .stdout(Stdio::piped())
            // What a misbehaving server thinks of itself is of no interest.
            .stderr(if misbehaviour.is_some() { Stdio::null() } else { Stdio::inherit() })
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let mut server = Self { process, output, port: 0 };
        let line = server.line();
        server.port = line.parse().unwrap_or_else(|_| {
            panic!(
                "the server printed {line:?} instead of its port: run ./scripts/python-env, which installs `websockets`"
            )
        });
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://127.0.0.1:{}/media", self.port)
    }

    /// The next line it prints.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim().replace("\": ", "\":").replace(", \"", ",\"")
    }
}

impl Drop for PythonServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
