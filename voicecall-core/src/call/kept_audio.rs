//! Audio that is kept until it was understood.

use crate::audio::Frame;

/// The frames of a piece: 200 ms.
const PIECE: usize = 10;

/// Frames in the order they were said.
///
/// They lie in pieces of one size. There are many calls, and each keeps the turn that is open: what one call has done with
/// fits another, and no call has room for much more than was said.
#[derive(Debug, Default)]
pub(super) struct KeptAudio(Vec<Vec<Frame>>);

impl KeptAudio {
    pub(super) fn push(&mut self, frame: Frame) {
        match self.0.last_mut().filter(|piece| piece.len() < PIECE) {
            Some(piece) => piece.push(frame),
            None => {
                let mut piece = Vec::with_capacity(PIECE);
                piece.push(frame);
                self.0.push(piece);
            }
        }
    }

    /// All of them, copied.
    pub(super) fn frames(&self) -> Vec<Frame> {
        self.0.concat()
    }
}

impl FromIterator<Frame> for KeptAudio {
    fn from_iter<I: IntoIterator<Item = Frame>>(frames: I) -> Self {
        let mut kept = Self::default();
        frames.into_iter().for_each(|frame| kept.push(frame));
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_as_they_went_in_and_have_little_room_to_spare() {
        let frames: Vec<Frame> = (0..2 * PIECE as u8 + 1).map(|code| Frame::from([code; 160])).collect();
        let kept: KeptAudio = frames.iter().copied().collect();
        assert_eq!(kept.frames(), frames);
        assert!(kept.0.iter().all(|piece| piece.capacity() == PIECE), "{kept:?}");
    }
}
