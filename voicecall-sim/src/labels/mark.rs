//! What is written into one frame: 128 bits, one in each of its first codes.

/// Tells a mark from chance.
const MAGIC: u32 = 0x4C_41_42_4C;

/// Which text a frame belongs to, and where in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// The text's number.
    pub(super) text: u32,
    /// The frame's number in the text's sound.
    pub(super) frame: u32,
}

impl Mark {
    /// Writes it into the lowest bits of a frame's codes: far below what is heard.
    pub(super) fn write(self, codes: &mut [u8]) {
        let bits = self.bits();
        for (place, code) in codes.iter_mut().take(128).enumerate() {
            *code = *code & !1 | (bits >> place & 1) as u8;
        }
    }

    /// Reads it, if there is one.
    pub(super) fn read(codes: &[u8]) -> Option<Self> {
        let bits =
            codes.iter().take(128).enumerate().fold(0, |bits, (place, code)| bits | u128::from(code & 1) << place);
        let mark = Self { text: (bits >> 32) as u32, frame: (bits >> 64) as u32 };
        (mark.bits() == bits).then_some(mark)
    }

    fn bits(self) -> u128 {
        let check = MAGIC ^ self.text.rotate_left(7) ^ self.frame.rotate_left(19);
        [check, self.frame, self.text, MAGIC].into_iter().fold(0, |bits, word| bits << 32 | u128::from(word))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_mark_is_read_as_it_was_written(text: u32, frame: u32, codes: [[u8; 16]; 10]) {
            let mut codes = codes.concat();
            let before = codes.clone();
            let mark = Mark { text, frame };
            mark.write(&mut codes);
            prop_assert_eq!(Mark::read(&codes), Some(mark));
            prop_assert!(codes.iter().zip(&before).all(|(a, b)| a & !1 == b & !1));
        }

        #[test]
        fn sound_without_a_mark_has_none(codes: [[u8; 16]; 10]) {
            prop_assert_eq!(Mark::read(&codes.concat()), None);
        }
    }
}
