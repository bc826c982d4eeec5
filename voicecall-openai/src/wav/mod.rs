//! WAV files: written whole as 16-bit mono PCM, read as they arrive in any common layout.

mod layout;

pub(crate) use self::layout::Layout;

/// Bytes before the samples of a file that is written.
const HEADER: usize = 44;

/// The most bytes before the samples of a file that is read.
const MAX_HEADER: usize = 64 * 1024;

/// Lengths from here on stand for "unknown": a streaming server fills the field with its largest number.
const PLACEHOLDER: u32 = 0x7FFF_0000;

const PCM: u16 = 1;

/// A file of `samples`.
pub(crate) fn write(samples: &[i16], hz: u32) -> Vec<u8> {
    // Callers bound a turn to some minutes, far below 4 GB.
    let length = u32::try_from(samples.len() * 2).unwrap_or(u32::MAX - HEADER as u32);
    let mut file = Vec::with_capacity(HEADER + samples.len() * 2);
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&(length + HEADER as u32 - 8).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt ");
    file.extend_from_slice(&16_u32.to_le_bytes());
    for word in [PCM, 1] {
        file.extend_from_slice(&word.to_le_bytes());
    }
    file.extend_from_slice(&hz.to_le_bytes());
    file.extend_from_slice(&(hz * 2).to_le_bytes());
    for word in [2_u16, 16] {
        file.extend_from_slice(&word.to_le_bytes());
    }
    file.extend_from_slice(b"data");
    file.extend_from_slice(&length.to_le_bytes());
    file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    file
}

/// Where the samples of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) hz: u32,
    pub(crate) layout: Layout,
    /// Bytes before the samples.
    pub(crate) offset: usize,
    /// Bytes of samples; unknown in a file that was written while it was sent.
    pub(crate) length: Option<usize>,
}

/// Why a file cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// It is no WAV file.
    NotWav,
    /// It is one, but its samples are compressed, or of more channels than are mixed.
    Compressed,
}

/// Reads the beginning of a file; `None` if more of it is needed.
pub(crate) fn read_header(head: &[u8]) -> Result<Option<Header>, Unreadable> {
    let Some((riff, mut rest)) = head.split_at_checked(12) else { return Ok(None) };
    if !riff.starts_with(b"RIFF") || !riff.ends_with(b"WAVE") {
        return Err(Unreadable::NotWav);
    }
    let mut format = None;
    while let Some((id, length, body)) = chunk(rest) {
        match (id, format) {
            (b"data", Some((hz, layout))) => {
                let known = length > 0 && length < PLACEHOLDER;
                let length = known.then_some(length as usize);
                return Ok(Some(Header { hz, layout, offset: head.len() - body.len(), length }));
            }
            (b"data", None) => return Err(Unreadable::NotWav),
            _ => {}
        }
        // Chunks are padded to an even length.
        let padded = length as usize + (length as usize & 1);
        let Some((content, next)) = body.split_at_checked(padded) else {
            return if length as usize > MAX_HEADER { Err(Unreadable::NotWav) } else { Ok(None) };
        };
        if id == b"fmt " {
            let (hz, layout) = Layout::read(content).ok_or(Unreadable::NotWav)?;
            format = Some((hz, layout.ok_or(Unreadable::Compressed)?));
        }
        rest = next;
    }
    if head.len() > MAX_HEADER { Err(Unreadable::NotWav) } else { Ok(None) }
}

/// The first chunk: its name, its length and everything behind these.
pub(crate) fn chunk(bytes: &[u8]) -> Option<(&[u8; 4], u32, &[u8])> {
    let (id, rest) = bytes.split_first_chunk()?;
    let (length, body) = rest.split_first_chunk()?;
    Some((id, u32::from_le_bytes(*length), body))
}

/// Whether these bytes are those that every WAV file begins with.
pub(crate) fn begins_file(bytes: &[u8]) -> bool {
    bytes.starts_with(b"RIFF") && bytes.get(8..16) == Some(b"WAVEfmt ")
}

/// Whether a chunk may have this name.
pub(crate) fn is_name(id: &[u8; 4]) -> bool {
    id.iter().all(|byte| byte.is_ascii_alphanumeric() || b" _-".contains(byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_written_file_reads_back() {
        let file = write(&[1, -2, 3], 8000);
        assert_eq!(
            read_header(&file),
            Ok(Some(Header { hz: 8000, layout: Layout::MONO, offset: 44, length: Some(6) }))
        );
        assert_eq!(file[44..], [1, 0, 0xFE, 0xFF, 3, 0]);
        assert_eq!(file[4..8], 42_u32.to_le_bytes());
    }

    #[test]
    fn placeholder_lengths_mean_unknown() {
        for length in [0_u32, u32::MAX, u32::MAX - 36, 0x7FFF_FFFF] {
            let mut file = write(&[0; 10], 24000);
            file[4..8].copy_from_slice(&length.to_le_bytes());
            file[40..44].copy_from_slice(&length.to_le_bytes());
            assert_eq!(
                read_header(&file),
                Ok(Some(Header { hz: 24000, layout: Layout::MONO, offset: 44, length: None })),
                "{length:#x}"
            );
        }
    }

    #[test]
    fn other_chunks_are_skipped_with_their_padding() {
        let file = write(&[7], 8000);
        let file = [&file[..36], b"LIST\x03\0\0\0abc\0", &file[36..]].concat();
        assert_eq!(
            read_header(&file),
            Ok(Some(Header { hz: 8000, layout: Layout::MONO, offset: 56, length: Some(2) }))
        );
    }

    #[test]
    fn an_extensible_format_is_looked_into() {
        let mut format = vec![0; 40];
        format[..16].copy_from_slice(&write(&[], 22050)[20..36]);
        format[..2].copy_from_slice(&0xFFFE_u16.to_le_bytes());
        assert_eq!(Layout::read(&format), Some((22050, None)));
        format[24] = 1;
        assert_eq!(Layout::read(&format), Some((22050, Some(Layout::MONO))));
        assert_eq!(Layout::read(&format[..24]), None);
    }

    #[test]
    fn compressed_samples_and_crowds_of_channels_are_refused() {
        for (at, value) in [(22, 0), (22, 9), (34, 4), (20, 0x55)] {
            let mut file = write(&[0; 4], 8000);
            file[at] = value;
            assert_eq!(read_header(&file), Err(Unreadable::Compressed));
        }
    }

    #[test]
    fn what_is_no_file_is_refused() {
        let endless = [b"RIFF\0\0\0\0WAVELIST", u32::MAX.to_le_bytes().as_slice()].concat();
        for bytes in
            [b"ID3\x04 something else".as_slice(), b"RIFF\0\0\0\0AVI ....", b"RIFF\0\0\0\0WAVEdata\0\0\0\0", &endless]
        {
            assert_eq!(read_header(bytes), Err(Unreadable::NotWav));
        }
    }

    proptest! {
        #[test]
        fn every_beginning_of_a_file_asks_for_more(samples in prop::collection::vec(any::<i16>(), 0..20), cut in 0..44_usize) {
            prop_assert_eq!(read_header(&write(&samples, 16000)[..cut]), Ok(None));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_header(&bytes);
            let _ = read_header(&[b"RIFF\0\0\0\0WAVE", bytes.as_slice()].concat());
            let _ = read_header(&[b"RIFF\0\0\0\0WAVEfmt \x12\0\0\0", bytes.as_slice()].concat());
        }
    }
}
