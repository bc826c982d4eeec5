//! WAV files as uploads and scenarios carry them: 16-bit PCM, mono, of the rates voice services use.

/// The rates that are understood, in hertz.
const RATES: [u32; 4] = [8000, 16000, 22_050, 24000];

/// The format tag of linear PCM.
const PCM: u16 = 1;

/// Decoded samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wav {
    /// Samples per second.
    pub(crate) rate: u32,
    /// The samples.
    pub(crate) samples: Vec<i16>,
}

impl Wav {
    /// Reads a RIFF file. Chunks other than `fmt ` and `data` are skipped; a `data` chunk that promises more than there is, as streamed files
    /// do, ends with the file.
    pub(crate) fn read(file: &[u8]) -> Result<Self, String> {
        let body = file
            .strip_prefix(b"RIFF")
            .and_then(|rest| rest.get(4..))
            .and_then(|rest| rest.strip_prefix(b"WAVE"))
            .ok_or("only WAV files are read")?;
        let mut rate = None;
        for (name, chunk) in Chunks(body) {
            match (name, rate) {
                (b"fmt ", _) => rate = Some(read_format(chunk)?),
                (b"data", Some(rate)) => {
                    let (pairs, _) = chunk.as_chunks::<2>();
                    return Ok(Self { rate, samples: pairs.iter().map(|&pair| i16::from_le_bytes(pair)).collect() });
                }
                _ => {}
            }
        }
        Err("the WAV file has no `data` behind a `fmt ` chunk".to_owned())
    }
}

/// The header of a mono 16-bit file of unknown length at `rate`: both lengths are the largest there is, as streaming servers write them.
pub(crate) fn streaming_header(rate: u32) -> Vec<u8> {
    let mut header = Vec::with_capacity(44);
    header.extend(b"RIFF");
    header.extend(u32::MAX.to_le_bytes());
    header.extend(b"WAVEfmt ");
    header.extend(16_u32.to_le_bytes());
    header.extend(PCM.to_le_bytes());
    header.extend(1_u16.to_le_bytes());
    header.extend(rate.to_le_bytes());
    header.extend((2 * rate).to_le_bytes());
    header.extend(2_u16.to_le_bytes());
    header.extend(16_u16.to_le_bytes());
    header.extend(b"data");
    header.extend(u32::MAX.to_le_bytes());
    header
}

fn read_format(chunk: &[u8]) -> Result<u32, String> {
    let word = |at: usize| chunk.get(at..at + 2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
    let (Some(tag), Some(channels), Some(low), Some(high), Some(bits)) = (word(0), word(2), word(4), word(6), word(14))
    else {
        return Err("the WAV file's `fmt ` chunk is too short".to_owned());
    };
    let rate = u32::from(high) << 16 | u32::from(low);
    if (tag, channels, bits) != (PCM, 1, 16) || !RATES.contains(&rate) {
        return Err(format!(
            "WAV files are mono 16-bit PCM at 8, 16, 22.05 or 24 kHz, not format {tag} with {channels} channels of {bits} bits at {rate} Hz"
        ));
    }
    Ok(rate)
}

/// The chunks of a RIFF body: name and content, the last one as far as it is there.
struct Chunks<'a>(&'a [u8]);

impl<'a> Iterator for Chunks<'a> {
    type Item = (&'a [u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, rest) = self.0.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let (chunk, rest) = rest.split_at(length.min(rest.len()));
        // A chunk of odd length is followed by a byte of padding.
        self.0 = rest.get(length % 2..).unwrap_or_default();
        Some((name, chunk))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn file(rate: u32, samples: &[i16]) -> Vec<u8> {
        let mut file = streaming_header(rate);
        file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        file
    }

    #[test]
    fn samples_survive_the_file() {
        for rate in RATES {
            let wav = Wav::read(&file(rate, &[1, -2, 300])).unwrap();
            assert_eq!(wav, Wav { rate, samples: vec![1, -2, 300] });
        }
    }

    #[test]
    fn chunks_around_the_audio_are_skipped() {
        let plain = file(8000, &[7]);
        let mut odd = plain[..36].to_vec();
        odd.extend(b"LIST\x03\0\0\0abc\0");
        odd.extend(b"data\x02\0\0\0\x07\0LIST\x01\0\0\0x");
        assert_eq!(Wav::read(&odd).unwrap().samples, [7]);
    }

    #[test]
    fn what_is_not_mono_16_bit_pcm_is_refused() {
        let mut stereo = file(8000, &[1]);
        stereo[22] = 2;
        let mut mulaw = file(8000, &[1]);
        mulaw[20] = 7;
        let no_format = [b"RIFF\0\0\0\0WAVE".as_slice(), b"data\x02\0\0\0\x07\0"].concat();
        for wrong in [stereo, mulaw, file(44_100, &[1]), no_format, b"RIFF".to_vec(), b"OggS".to_vec(), Vec::new()] {
            assert!(Wav::read(&wrong).unwrap_err().contains("WAV"));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Wav::read(&bytes);
        }

        #[test]
        fn no_damage_to_a_real_file_makes_the_reader_panic(
            at in 0_usize..60, value in any::<u8>(), length in 0_usize..60,
        ) {
            let mut file = file(8000, &[1; 8]);
            file[at] = value;
            file.truncate(length);
            let _ = Wav::read(&file);
        }
    }
}
