//! The command line.

use voicecall::audio::Detection;

/// What to do with a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Echo,
    Reply,
}

/// The command line, read.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) listen: String,
    pub(crate) mode: Mode,
    pub(crate) detection: Detection,
}

const USAGE: &str = "usage: media_target --listen HOST:PORT --mode echo|reply [--vad default|off]";

impl Options {
    /// Reads the arguments behind the program's name.
    pub(crate) fn from_args(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut listen, mut mode, mut detection) = (None, None, Detection::default());
        while let Some(option) = args.next() {
            let value = args.next().ok_or_else(|| format!("{option}: a value is missing\n{USAGE}"))?;
            match (option.as_str(), value.as_str()) {
                ("--listen", _) => listen = Some(value),
                ("--mode", "echo") => mode = Some(Mode::Echo),
                ("--mode", "reply") => mode = Some(Mode::Reply),
                ("--vad", "default") => detection = Detection::default(),
                ("--vad", "off") => detection = Detection::Off,
                _ => return Err(format!("{option} {value}: not known\n{USAGE}")),
            }
        }
        match (listen, mode) {
            (Some(listen), Some(mode)) => Ok(Self { listen, mode, detection }),
            (None, _) => Err(format!("--listen: is missing\n{USAGE}")),
            (_, None) => Err(format!("--mode: is missing\n{USAGE}")),
        }
    }
}
