//! A program that is a server: its start, its environment, and what becomes of its standard error.

use std::env;
use std::ffi::OsString;
use std::process::Stdio;

use process_wrap::tokio::CommandWrap;
#[cfg(unix)]
use process_wrap::tokio::ProcessGroup;
use rmcp::transport::TokioChildProcess;
use secrecy::ExposeSecret;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tracing::debug;
use voicecall_core::{Error, ErrorKind, Result};

use crate::builder::Command;
use crate::connection::Connection;

/// What a program gets of our environment: the variables that MCP's official libraries pass on, too. No key of ours is
/// among them.
const INHERITED: &[&str] = if cfg!(windows) {
    &[
        "APPDATA",
        "HOMEDRIVE",
        "HOMEPATH",
        "LOCALAPPDATA",
        "PATH",
        "PATHEXT",
        "PROCESSOR_ARCHITECTURE",
        "PROGRAMFILES",
        "SYSTEMDRIVE",
        "SYSTEMROOT",
        "TEMP",
        "USERNAME",
        "USERPROFILE",
    ]
} else {
    &["HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER"]
};

/// The longest line of a program's standard error that is logged, in bytes. What is longer is cut.
const LONGEST_LINE: usize = 1_000;

/// Starts the program and greets it.
pub(crate) async fn connect(command: Command, server: String) -> Result<Connection> {
    let (transport, stderr) = TokioChildProcess::builder(prepared(&command))
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| cannot_start(&command, error))?;
    if let Some(stderr) = stderr {
        // It ends with the program.
        tokio::spawn(log(stderr, move |line| debug!(server, line, "a tool server writes")));
    }
    Connection::open(transport).await
}

fn prepared(command: &Command) -> CommandWrap {
    let inherited = INHERITED.iter().filter_map(|name| Some((OsString::from(name), env::var_os(name)?)));
    let mut prepared = tokio::process::Command::new(&command.program);
    prepared
        .args(&command.args)
        .env_clear()
        .envs(inherited)
        .envs(command.env.iter().map(|(name, value)| (name, value.expose_secret())))
        // When the runtime ends there is nobody left to ask it to end.
        .kill_on_drop(true);
    if let Some(folder) = &command.folder {
        prepared.current_dir(folder);
    }
    #[cfg_attr(not(unix), expect(unused_mut, reason = "only Unix has groups of processes"))]
    let mut prepared = CommandWrap::from(prepared);
    // What the program starts ends with it, and an interrupt from the keyboard is ours alone: calls still need its tools.
    #[cfg(unix)]
    prepared.wrap(ProcessGroup::leader());
    prepared
}

fn cannot_start(command: &Command, error: std::io::Error) -> Error {
    let program = command.program.to_string_lossy();
    let told = match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::PermissionDenied => {
            Error::config("command", format!("a program that can be started; `{program}` cannot"))
        }
        _ => Error::new(ErrorKind::Unavailable, "connect to tool server").with_message("the program cannot be started"),
    };
    told.with_source(error)
}

/// Reads lines to their end, so that nobody waits for room in the pipe, and tells the beginning of each.
async fn log(source: impl AsyncRead + Unpin, tell: impl Fn(&str)) {
    let mut source = BufReader::new(source);
    let mut line = Vec::new();
    while let Ok(bytes) = source.fill_buf().await {
        let (part, end) = match bytes.iter().position(|byte| *byte == b'\n') {
            Some(end) => (&bytes[..end], Some(end)),
            None => (bytes, None),
        };
        line.extend_from_slice(&part[..part.len().min(LONGEST_LINE - line.len())]);
        let (read, is_over) = (end.map_or(bytes.len(), |end| end + 1), bytes.is_empty());
        source.consume(read);
        if (end.is_some() || is_over) && !line.is_empty() {
            tell(String::from_utf8_lossy(&line).trim_end());
            line.clear();
        }
        if is_over {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[tokio::test]
    async fn lines_are_told_whole_or_cut_and_read_to_the_end() {
        let text = format!("one\r\n\n{}\nlast", "å".repeat(100_000));
        let lines = RefCell::new(Vec::new());
        log(text.as_bytes(), |line| lines.borrow_mut().push(line.to_owned())).await;
        assert_eq!(lines.into_inner(), ["one".to_owned(), "å".repeat(LONGEST_LINE / 2), "last".to_owned()]);
    }
}
