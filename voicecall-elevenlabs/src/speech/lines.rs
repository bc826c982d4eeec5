//! Lines of an answer, whatever the cuts between reads.

use std::collections::VecDeque;

/// The most bytes one line may have: six minutes of speech.
const MAX_LINE: usize = 4 * 1024 * 1024;

/// A line beyond the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLong;

/// Collects bytes and hands out every line they complete; empty ones are skipped.
#[derive(Debug, Default)]
pub(super) struct Lines {
    unfinished: Vec<u8>,
    complete: VecDeque<Vec<u8>>,
}

impl Lines {
    /// Takes the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        let mut pieces = bytes.split(|&byte| byte == b'\n');
        let last = pieces.next_back().unwrap_or_default();
        for piece in pieces {
            self.append(piece)?;
            self.end_line();
        }
        self.append(last)
    }

    /// Ends the answer: the last line may lack its line feed.
    pub(super) fn finish(&mut self) {
        self.end_line();
    }

    /// The next complete line.
    pub(super) fn next(&mut self) -> Option<Vec<u8>> {
        self.complete.pop_front()
    }

    fn append(&mut self, piece: &[u8]) -> Result<(), TooLong> {
        if self.unfinished.len() + piece.len() > MAX_LINE {
            return Err(TooLong);
        }
        self.unfinished.extend_from_slice(piece);
        Ok(())
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.unfinished);
        if !line.trim_ascii().is_empty() {
            self.complete.push_back(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
        let mut lines = Lines::default();
        for chunk in chunks {
            lines.push(chunk).unwrap();
        }
        lines.finish();
        std::iter::from_fn(|| lines.next()).collect()
    }

    #[test]
    fn empty_lines_are_skipped_and_the_last_may_lack_its_end() {
        assert_eq!(lines([b"{\"a\":1}\r\n\n \n{\"b".as_slice(), b"\":2}"]), [b"{\"a\":1}\r".as_slice(), b"{\"b\":2}"]);
    }

    #[test]
    fn an_endless_line_is_given_up() {
        let mut lines = Lines::default();
        let accepted = (0..).take_while(|_| lines.push(&[b'x'; 1 << 16]).is_ok()).count();
        assert_eq!(accepted, MAX_LINE >> 16);
        assert!(lines.unfinished.len() <= MAX_LINE);
    }

    proptest! {
        #[test]
        fn cuts_never_change_the_lines(bytes in prop::collection::vec(any::<u8>(), 0..300), cut in 1..9_usize) {
            prop_assert_eq!(lines(bytes.chunks(cut)), lines([bytes.as_slice()]));
        }
    }
}
