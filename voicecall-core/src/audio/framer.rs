//! Cuts a byte stream of any chunk size into frames.

use super::{FRAME_SAMPLES, Frame, g711::mulaw};

/// Collects mu-law bytes and hands out a [`Frame`] for every 160 of them, in order.
///
/// Nothing is allocated; at most 159 bytes wait inside.
///
/// ```
/// use voicecall_core::audio::{Frame, Framer};
///
/// let mut framer = Framer::new();
/// framer.push(&[0x80; 100], |_| unreachable!("not a whole frame yet"));
/// let last = framer.flush().expect("100 bytes were waiting");
/// assert_eq!(last.as_bytes()[99..101], [0x80, 0xFF]);
/// assert_eq!(framer.flush(), None);
/// ```
#[derive(Debug, Clone)]
pub struct Framer {
    partial: [u8; FRAME_SAMPLES],
    pending: usize,
}

impl Framer {
    /// An empty framer.
    #[must_use]
    pub const fn new() -> Self {
        Self { partial: [mulaw::SILENCE; FRAME_SAMPLES], pending: 0 }
    }

    /// Takes the next bytes of the stream and calls `sink` for each frame they complete.
    pub fn push(&mut self, bytes: &[u8], mut sink: impl FnMut(Frame)) {
        let mut rest = bytes;
        if self.pending > 0 {
            let (head, tail) = bytes.split_at(bytes.len().min(FRAME_SAMPLES - self.pending));
            self.keep(head);
            if self.pending < FRAME_SAMPLES {
                return;
            }
            sink(self.take());
            rest = tail;
        }
        // Carriers send whole frames: those go on as they came.
        let (frames, tail) = rest.as_chunks::<FRAME_SAMPLES>();
        frames.iter().for_each(|&codes| sink(Frame::from(codes)));
        self.keep(tail);
    }

    /// Ends the stream: the waiting bytes padded with silence, or `None` when there are none.
    ///
    /// The framer is empty afterwards and may be used again.
    pub fn flush(&mut self) -> Option<Frame> {
        (self.pending > 0).then(|| self.take())
    }

    /// How many bytes wait for the rest of their frame: 0 to 159.
    #[must_use]
    pub const fn pending(&self) -> usize {
        self.pending
    }

    /// Appends bytes that fit into the partial frame.
    fn keep(&mut self, bytes: &[u8]) {
        let end = self.pending + bytes.len();
        self.partial[self.pending..end].copy_from_slice(bytes);
        self.pending = end;
    }

    fn take(&mut self) -> Frame {
        let empty = Self::new();
        let full = std::mem::replace(self, empty);
        Frame::from(full.partial)
    }
}

impl Default for Framer {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes_of(frames: &[Frame]) -> Vec<u8> {
        frames.iter().flat_map(|frame| *frame.as_bytes()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn chunking_never_changes_the_bytes(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..500), 0..12)) {
            let stream = chunks.concat();
            let mut framer = Framer::new();
            let mut frames = Vec::new();
            for chunk in &chunks {
                framer.push(chunk, |frame| frames.push(frame));
                prop_assert!(framer.pending() < FRAME_SAMPLES);
            }
            prop_assert_eq!(frames.len(), stream.len() / FRAME_SAMPLES);
            prop_assert_eq!(framer.pending(), stream.len() % FRAME_SAMPLES);

            frames.extend(framer.flush());
            let mut padded = stream;
            padded.resize(padded.len().next_multiple_of(FRAME_SAMPLES), 0xFF);
            prop_assert_eq!(bytes_of(&frames), padded);
            prop_assert_eq!(framer.pending(), 0);
        }
    }

    #[test]
    fn a_flushed_frame_holds_no_bytes_of_an_earlier_one() {
        let mut framer = Framer::new();
        framer.push(&[1; 159], |_| {});
        framer.flush();
        framer.push(&[2; 1], |_| {});
        let last = framer.flush().unwrap();
        assert_eq!(last.as_bytes()[0], 2);
        assert!(last.as_bytes()[1..].iter().all(|&code| code == 0xFF));
    }
}
