//! The command line.

use std::time::Duration;

use crate::sound::Signal;

/// The command line, read.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) url: String,
    pub(crate) sockets: u32,
    pub(crate) duration: Duration,
    /// The process whose CPU time and memory are read.
    pub(crate) pid: u32,
    pub(crate) signal: Signal,
    pub(crate) replies: bool,
}

/// Less is not enough to measure anything in.
const SHORTEST: Duration = Duration::from_secs(2);

const USAGE: &str =
    "usage: media_load URL SOCKETS SECONDS PID [--signal conversation|continuous|silence] [--count echoes|replies]";

impl Options {
    /// Reads the arguments behind the program's name.
    pub(crate) fn from_args(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut needed = |name: &str| args.next().ok_or_else(|| format!("{name}: is missing\n{USAGE}"));
        let mut options = Self {
            url: needed("URL")?,
            sockets: number("SOCKETS", &needed("SOCKETS")?)?,
            duration: Duration::from_secs(u64::from(number("SECONDS", &needed("SECONDS")?)?)).max(SHORTEST),
            pid: number("PID", &needed("PID")?)?,
            signal: Signal::Conversation,
            replies: false,
        };
        while let Some(option) = args.next() {
            let value = args.next().ok_or_else(|| format!("{option}: a value is missing\n{USAGE}"))?;
            match (option.as_str(), value.as_str()) {
                ("--signal", "conversation") => options.signal = Signal::Conversation,
                ("--signal", "continuous") => options.signal = Signal::Continuous,
                ("--signal", "silence") => options.signal = Signal::Silence,
                ("--count", "echoes") => options.replies = false,
                ("--count", "replies") => options.replies = true,
                _ => return Err(format!("{option} {value}: not known\n{USAGE}")),
            }
        }
        Ok(options)
    }
}

fn number(name: &str, text: &str) -> Result<u32, String> {
    let parsed = text.parse().ok().filter(|number| *number > 0);
    parsed.ok_or_else(|| format!("{name}: {text} is not a number above 0\n{USAGE}"))
}
