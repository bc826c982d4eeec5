//! Turns the linear audio of a synthesiser, as it arrives, into what a telephone plays.

use super::{Resampler, SAMPLE_RATE, UnsupportedRate, g711::mulaw};

/// A streaming converter from 16-bit little-endian mono PCM at any of [`RATES`](super::RATES) to mu-law at 8 kHz.
///
/// Bytes may be cut anywhere, also within a sample; how they are cut never changes the output.
///
/// ```
/// use voicecall_core::audio::TelephoneEncoder;
///
/// let mut encoder = TelephoneEncoder::new(24000)?;
/// let mut codes = Vec::new();
/// encoder.process(&[0; 4801], &mut codes);
/// encoder.process(&[0; 4799], &mut codes);
/// encoder.flush(&mut codes);
/// assert_eq!(codes, [0xFF; 1600]);
/// # Ok::<(), voicecall_core::audio::UnsupportedRate>(())
/// ```
#[derive(Debug, Clone)]
pub struct TelephoneEncoder {
    resampler: Resampler,
    /// The first half of a sample that was cut in two.
    half: Option<u8>,
    wide: Vec<i16>,
    narrow: Vec<i16>,
}

impl TelephoneEncoder {
    /// A converter for audio of `from_hz` samples per second.
    ///
    /// # Errors
    ///
    /// [`UnsupportedRate`] when the rate is not one of [`RATES`](super::RATES).
    pub fn new(from_hz: u32) -> Result<Self, UnsupportedRate> {
        let resampler = Resampler::new(from_hz, SAMPLE_RATE)?;
        Ok(Self { resampler, half: None, wide: Vec::new(), narrow: Vec::new() })
    }

    /// Takes the next bytes of the stream and appends the mu-law codes they complete.
    ///
    /// Nothing is allocated except by the growth of buffers.
    pub fn process(&mut self, bytes: &[u8], codes: &mut Vec<u8>) {
        self.wide.clear();
        let mut rest = bytes;
        if let (Some(low), Some((&high, tail))) = (self.half, bytes.split_first()) {
            self.wide.push(i16::from_le_bytes([low, high]));
            self.half = None;
            rest = tail;
        }
        let (samples, odd) = rest.as_chunks::<2>();
        self.wide.extend(samples.iter().map(|&sample| i16::from_le_bytes(sample)));
        if let Some(&low) = odd.first() {
            self.half = Some(low);
        }
        self.narrow.clear();
        self.resampler.process(&self.wide, &mut self.narrow);
        self.compress(codes);
    }

    /// Ends the stream: appends what was held back. Half a sample that never got its other half is dropped.
    pub fn flush(&mut self, codes: &mut Vec<u8>) {
        self.half = None;
        self.narrow.clear();
        self.resampler.flush(&mut self.narrow);
        self.compress(codes);
    }

    fn compress(&self, codes: &mut Vec<u8>) {
        codes.extend(self.narrow.iter().map(|&sample| mulaw::encode(sample)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one_shot(from_hz: u32, bytes: &[u8]) -> Vec<u8> {
        let mut encoder = TelephoneEncoder::new(from_hz).unwrap();
        let mut codes = Vec::new();
        encoder.process(bytes, &mut codes);
        encoder.flush(&mut codes);
        codes
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn cutting_the_bytes_anywhere_never_changes_the_codes(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 0..6),
            from_hz in prop::sample::select(super::super::RATES.to_vec()),
        ) {
            let mut encoder = TelephoneEncoder::new(from_hz).unwrap();
            let mut codes = Vec::new();
            for chunk in &chunks {
                encoder.process(chunk, &mut codes);
            }
            encoder.flush(&mut codes);
            prop_assert_eq!(codes, one_shot(from_hz, &chunks.concat()));
        }
    }

    #[test]
    fn telephone_rate_is_only_compressed() {
        let samples: [i16; 5] = [0, 1000, -1000, i16::MAX, i16::MIN];
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        assert_eq!(one_shot(8000, &bytes), samples.map(mulaw::encode));
    }

    #[test]
    fn a_higher_rate_keeps_the_playing_time() {
        assert_eq!(one_shot(24000, &[0; 48000]).len(), 8000);
    }

    #[test]
    fn after_a_flush_a_new_stream_begins_on_a_whole_sample() {
        let mut encoder = TelephoneEncoder::new(8000).unwrap();
        let mut codes = Vec::new();
        encoder.process(&[0, 0, 7], &mut codes);
        encoder.flush(&mut codes);
        encoder.process(&1000_i16.to_le_bytes(), &mut codes);
        assert_eq!(codes, [0xFF, mulaw::encode(1000)]);
    }
}
