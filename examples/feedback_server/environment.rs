//! The file `.env` of the working directory: what the environment itself does not say.

use std::fs;
use std::io;

use voicecall::{Error, Result};

const FILE: &str = ".env";

/// Adds the file's variables to the environment, if there is a file. What is in the environment already stays as it is, also if it is
/// empty. To be called while the process has one thread.
///
/// # Errors
/// `Config` naming the file and its line.
pub(crate) fn load() -> Result<()> {
    let text = match fs::read_to_string(FILE) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::config(FILE, format!("a file that can be read; {error}")).with_source(error)),
    };
    let text = text.trim_start_matches('\u{feff}');
    if let Some(line) = wrong_line(text) {
        // The line itself may hold a secret.
        return Err(Error::config(FILE, format!("line {line} is not NAME=value, or a quote in it is not closed")));
    }
    dotenvy::from_read(text.as_bytes()).map_err(|error| Error::config(FILE, "lines of NAME=value").with_source(error))
}

/// The number of the line that cannot be read; a value in quotes may go on over several.
fn wrong_line(text: &str) -> Option<usize> {
    let reads = |text: &str| dotenvy::from_read_iter(text.as_bytes()).all(|variable| variable.is_ok());
    if reads(text) {
        return None;
    }
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    // What cannot be read does not become readable by what follows it.
    let readable = (0..lines.len()).rev().find(|count| reads(&lines[..*count].concat()));
    Some(readable.unwrap_or(0) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_can_be_copied() {
        assert_eq!(wrong_line(include_str!("../../.env.example")), None);
    }

    #[test]
    fn the_line_that_is_wrong_is_named() {
        for (text, line) in [
            ("", None),
            ("# a comment\n\nA=1\nexport B='two words'\nC=\n", None),
            ("A=\"1\n2\n3\"\nB=2\n", None),
            ("A\n", Some(1)),
            ("# A\nA=1\nno value\nB=2\n", Some(3)),
            ("A=\"1\n2\"\nB=two words\nC=1\n", Some(3)),
            ("A=1\nB=\"open\nC=1\n", Some(2)),
        ] {
            assert_eq!(wrong_line(text), line, "{text:?}");
        }
    }
}
