//! What kind of audio comes, told by its first bytes: a server's own word for it is often wrong.

/// What is needed to tell most kinds.
const ENOUGH: usize = 16;

/// The least text that is taken for text; fewer bytes could be samples by chance, and are too short to be heard.
const LEAST_TEXT: usize = 4;

/// What comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A WAV file.
    Wav,
    /// Anything that could be bare samples.
    Bare,
    /// Something that is neither: another container, compressed audio, text.
    Foreign,
}

/// Tells what begins with `head`; `None` if more of it is needed, which there is not if it `is_all`.
pub(super) fn recognise(head: &[u8], is_all: bool) -> Option<Kind> {
    if head.len() < ENOUGH && !is_all {
        return None;
    }
    if head.starts_with(b"RIFF") {
        return Some(if head.get(8..12).is_none_or(|form| form == b"WAVE") { Kind::Wav } else { Kind::Foreign });
    }
    if is_container(head) || is_text(head) {
        return Some(Kind::Foreign);
    }
    match frame_length(head) {
        // Two frame headers in their places are no accident, and neither is one that is all there is.
        Some(length) => match head.get(length..length + 6) {
            Some(next) => Some(if frame_length(next).is_some() { Kind::Foreign } else { Kind::Bare }),
            None if is_all => Some(if length == head.len() { Kind::Foreign } else { Kind::Bare }),
            None => None,
        },
        None => Some(Kind::Bare),
    }
}

fn is_container(head: &[u8]) -> bool {
    let marks: [&[u8]; 11] =
        [b"ID3", b"OggS", b"fLaC", b"RIFX", b"RF64", b"BW64", b"FORM", b".snd", b"caff", b"#!AMR", b"\x1A\x45\xDF\xA3"];
    marks.iter().any(|mark| head.starts_with(mark)) || head.get(4..8) == Some(b"ftyp")
}

/// An error page or object where audio was to come.
fn is_text(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    let begin = head.get(..ENOUGH).unwrap_or(head);
    let is_printed = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n');
    begin.len() >= LEAST_TEXT && begin.iter().all(is_printed)
}

/// The length of the MPEG or AAC frame whose header this is.
fn frame_length(header: &[u8]) -> Option<usize> {
    let &[0xFF, second, third, fourth, ..] = header else { return None };
    match second {
        0xF0 | 0xF1 | 0xF8 | 0xF9 => {
            let fifth = header.get(4).copied().unwrap_or_default();
            let length = usize::from(fourth & 3) << 11 | usize::from(fifth) << 3 | usize::from(header.get(5)? >> 5);
            (length > 7 && third >> 2 & 15 < 13).then_some(length)
        }
        0xFA | 0xFB | 0xF2 | 0xF3 | 0xE2 | 0xE3 => mp3_frame_length(second, third),
        _ => None,
    }
}

/// The length of a frame of MPEG layer III.
fn mp3_frame_length(second: u8, third: u8) -> Option<usize> {
    const KBIT_V1: [usize; 14] = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
    const KBIT_V2: [usize; 14] = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
    let is_v1 = second & 0x18 == 0x18;
    let (kbit, samples) = if is_v1 { (KBIT_V1, 1152) } else { (KBIT_V2, 576) };
    let kbit = kbit.get(usize::from(third >> 4).checked_sub(1)?)?;
    let hz = [44100, 48000, 32000].get(usize::from(third >> 2 & 3))?;
    let hz = match second & 0x18 {
        0x18 => *hz,
        0x10 => hz / 2,
        _ => hz / 4,
    };
    Some(samples / 8 * kbit * 1000 / hz + usize::from(third >> 1 & 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kind(head: &[u8]) -> Option<Kind> {
        recognise(&[head, &[0x80; 4000]].concat(), false)
    }

    #[test]
    fn containers_and_text_are_told_from_samples() {
        assert_eq!(kind(b"RIFF\0\0\0\0WAVEfmt "), Some(Kind::Wav));
        for head in [
            b"RIFF\0\0\0\0AVI LIST".as_slice(),
            b"ID3\x04\0\0\0\0\0\x23",
            b"OggS\0\x02",
            b"fLaC\0\0\0\x22",
            b"RF64\xFF\xFF\xFF\xFFWAVEds64",
            b"\0\0\0\x20ftypM4A ",
            b"\x1A\x45\xDF\xA3",
            b"{\"error\":{\"message\":\"no such voice\"}}",
            b"<!DOCTYPE html><html>",
            b"\xEF\xBB\xBF{\n  \"detail\": 1 }",
        ] {
            assert_eq!(kind(head), Some(Kind::Foreign), "{:?}", String::from_utf8_lossy(head));
        }
        for head in [b"\0\0\0\0".as_slice(), b"\xFF\xFF\xFF\xFF", b"\xFF\xFB\x12\x34", b"abc\0"] {
            assert_eq!(kind(head), Some(Kind::Bare), "{head:?}");
        }
    }

    #[test]
    fn compressed_frames_are_told_by_two_in_a_row() {
        let mp3 = [0xFF, 0xFB, 0x90, 0xC4];
        let aac = [0xFF, 0xF1, 0x50, 0x80, 0x04, 0x00];
        for (frame, length) in [(mp3.as_slice(), 417), (&aac, 32)] {
            assert_eq!(frame_length(frame), Some(length));
            let mut head = frame.to_vec();
            head.resize(length, 0x55);
            assert_eq!(recognise(&head, false), None);
            assert_eq!(recognise(&head, true), Some(Kind::Foreign));
            assert_eq!(recognise(&[head.as_slice(), &[0; 8]].concat(), false), Some(Kind::Bare));
            assert_eq!(recognise(&[head.as_slice(), frame, &[0; 8]].concat(), false), Some(Kind::Foreign));
        }
    }

    #[test]
    fn what_is_too_short_to_tell_is_waited_for_unless_it_is_all() {
        assert_eq!(recognise(b"RIFF", false), None);
        assert_eq!(recognise(b"RIFF", true), Some(Kind::Wav));
        assert_eq!(recognise(b"RI", true), Some(Kind::Bare));
        assert_eq!(recognise(b"no such voice", true), Some(Kind::Foreign));
        assert_eq!(recognise(b"", true), Some(Kind::Bare));
    }

    proptest! {
        #[test]
        fn every_beginning_is_told_in_the_end(mut head in prop::collection::vec(any::<u8>(), 0..40), sync in any::<bool>()) {
            if sync && head.len() > 1 {
                head[..2].copy_from_slice(&[0xFF, 0xFB]);
            }
            recognise(&head, false);
            prop_assert!(recognise(&head, true).is_some());
        }
    }
}
