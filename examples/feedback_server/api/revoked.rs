//! Tokens that were taken back: a file with the id of one in each line, which outlives the process and is read again when it
//! changes.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind as Io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use voicecall::{Error, ErrorKind, Result};

use crate::files;

/// The longest id of a token.
pub(super) const LONGEST_ID: usize = 100;

/// The tokens that are not valid any more.
#[derive(Debug)]
pub(crate) struct Revoked {
    path: PathBuf,
    /// As the file was when it was read last.
    read: Mutex<(Option<State>, HashSet<String>)>,
}

/// By which it is seen that a file changed.
type State = (SystemTime, u64);

impl Revoked {
    /// Those named in this file. There need not be one.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, read: Mutex::default() }
    }

    /// Whether a token was taken back.
    ///
    /// # Errors
    /// `Unavailable` if the file cannot be read: nobody knows then.
    pub(super) fn contains(&self, id: &str) -> Result<bool> {
        let failed = |error| Error::new(ErrorKind::Unavailable, "read revoked tokens").with_source(error);
        let state = match fs::metadata(&self.path) {
            Ok(file) => Some((file.modified().map_err(failed)?, file.len())),
            Err(error) if error.kind() == Io::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        // Both are replaced together, or neither is.
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.0 != state {
            let text = if state.is_some() { fs::read_to_string(&self.path).map_err(failed)? } else { String::new() };
            *read = (state, text.lines().map(|line| line.trim().to_owned()).collect());
        }
        Ok(read.1.contains(id))
    }

    /// Takes a token back for good.
    ///
    /// # Errors
    /// `Invalid` for what is no id; `Unavailable` if the file cannot be written.
    pub(crate) fn revoke(&self, id: &str) -> Result<()> {
        if id.is_empty() || id.len() > LONGEST_ID || id.chars().any(|char| char.is_whitespace() || char.is_control()) {
            return Err(Error::invalid("TOKEN_ID", "the claim jti of a token"));
        }
        files::append_private(&self.path, format!("{id}\n").as_bytes())
            .map_err(|error| Error::new(ErrorKind::Unavailable, "revoke token").with_source(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_back_stays_so_after_a_restart() {
        let path = std::env::temp_dir().join(voicecall::RecordId::new().to_string());
        let running = Revoked::new(path.clone());
        assert!(!running.contains("one").unwrap(), "no file, nothing taken back");
        Revoked::new(path.clone()).revoke("one").unwrap();
        assert!(running.contains("one").unwrap() && !running.contains("on").unwrap());
        running.revoke("two").unwrap();
        let restarted = Revoked::new(path.clone());
        assert!(restarted.contains("one").unwrap() && restarted.contains("two").unwrap());
        for wrong in ["", "a b", "a\nb"] {
            assert_eq!(running.revoke(wrong).unwrap_err().kind(), ErrorKind::Invalid);
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(running.contains("three").unwrap_err().kind(), ErrorKind::Unavailable, "nobody knows");
        fs::remove_dir(path).unwrap();
    }
}
